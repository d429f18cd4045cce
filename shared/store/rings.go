package store

import (
	"time"

	"wxnotify/shared/notify"
)

// sameCall is how far apart two sources may tell of the beginning of one call.
const sameCall = 10 * time.Second

type ringArgs struct {
	User   notify.UserID     `json:"user"`
	ID     notify.Identity   `json:"id"`
	Mark   string            `json:"mark"`
	Field  string            `json:"field"`
	Source notify.CallSource `json:"source"`
	Caller notify.UserID     `json:"caller"`
	Group  notify.GroupID    `json:"group"`
	At     int64             `json:"at"`
	Ring   int64             `json:"ring"`
	Same   int64             `json:"same"`
	missedArgs
}

// missedArgs say how a call that rang in vain is told.
type missedArgs struct {
	Missed bool  `json:"missed"`
	TTL    int64 `json:"ttl"`
	Lead   int64 `json:"lead"`
	Blind  int64 `json:"blind"`
	Soon   int64 `json:"soon"`
	Most   int   `json:"most"`
}

func missedBy(rules notify.Rules) missedArgs {
	return missedArgs{rules.MissedCalls, rules.TTL.Milliseconds(), rules.Lead.Milliseconds(), rules.BlindWindow.Milliseconds(),
		soon.Milliseconds(), maxWaiting}
}

func (s *Store) ring(rules notify.Rules, r notify.Ring) []call {
	calls, today := make([]call, 0, len(r.Users)), day(s.now())
	for _, user := range r.Users {
		k := s.keysOf(string(user))
		calls = append(calls, call{scriptRing,
			[]string{k.recipient(user), k.callsWaiting(), k.callsQueue(), k.ringLog(user), k.timeline(user), k.watch(), k.counts(),
				k.waiting(), k.queue(), k.index(today), k.marks(user, today), k.erasedUsers(), k.letters(user), k.dead(), k.answers(s.now())},
			ringArgs{user, r.Identity(), markOf(r.Identity()), fieldOf(r.Call), r.Source, r.Caller, r.Group, unixMilli(r.At), r.For.Milliseconds(),
				sameCall.Milliseconds(), missedBy(rules)}})
	}
	return calls
}

type ringEndArgs struct {
	User   notify.UserID     `json:"user"`
	ID     notify.Identity   `json:"id"`
	Source notify.CallSource `json:"source"`
	Caller notify.UserID     `json:"caller"`
	State  notify.State      `json:"state"`
	Reason notify.Reason     `json:"reason"`
	Vain   bool              `json:"vain"`
	missedArgs
}

func (s *Store) ringEnd(rules notify.Rules, r notify.RingEnd) []call {
	state, reason := r.How.State()
	calls := make([]call, 0, len(r.Users))
	for _, user := range r.Users {
		k := s.keysOf(string(user))
		calls = append(calls, call{scriptRingEnd,
			[]string{k.recipient(user), k.callsWaiting(), k.callsQueue(), k.ringLog(user), k.timeline(user), k.watch(), k.counts(),
				k.waiting(), k.queue(), k.letters(user), k.dead()},
			ringEndArgs{user, r.Identity(), r.Source, r.Caller, state, reason, r.How.Missed(), missedBy(rules)}})
	}
	return calls
}
