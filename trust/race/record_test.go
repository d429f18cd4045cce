package race_test

import (
	"sync/atomic"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/store"
	"wxnotify/trust"
)

var recordRaces = []race{
	{"what all record at once wakes one run", wakeOnce},
	{"what is due when runs stop watching is watched or woken", restAgainstRecord},
	{"messages, reads, recalls and logins come in while runs deliver", sameRecipient},
}

// Of many receivers that record at once, in whatever shards, one hears that deliver must be woken.
func wakeOnce(s *system) {
	for range s.rounds() {
		facts := make([]fact.Fact, len(s.instances))
		for i := range facts {
			user, _ := s.subscriber(0)
			facts[i] = s.message(user)
		}
		s.advance(10 * time.Second) // the last wake is forgotten
		s.Must(s.raw.Del(s.Context(), s.keys("watch")...).Err())
		var wakes atomic.Int32
		s.meet(func(i int, st *store.Store) error {
			recorded, err := st.Record(s.Context(), s.rules, facts[i:i+1])
			if recorded.Wake {
				wakes.Add(1)
			}
			return err
		})
		if n := wakes.Load(); n != 1 {
			trust.Broken(s, trust.Violated, "%d were told to wake deliver, want one", n)
		}
	}
}

// keys returns the keys of a kind, and one that is not there.
func (s *system) keys(kind string) []string {
	s.Helper()
	keys, err := s.raw.Keys(s.Context(), "*}:"+kind).Result()
	s.Must(err)
	return append(keys, "none")
}

// Half of the instances are runs about to end, half are receivers. Either a run sees what came
// in and goes on, or a receiver is told to wake another.
func restAgainstRecord(s *system) {
	for range s.rounds() {
		users := make([]fact.UserID, len(s.instances))
		facts := make([]fact.Fact, len(s.instances))
		for i := range users {
			users[i], _ = s.subscriber(0)
			facts[i] = s.message(users[i])
		}
		s.advance(10 * time.Second)
		s.Must(s.raw.Del(s.Context(), s.keys("watch")...).Err())
		_, err := s.one().Claim(s.Context(), 1) // a run watches every shard
		s.Must(err)
		var goesOn, woken atomic.Int32
		s.meet(func(i int, st *store.Store) error {
			if i%2 == 0 {
				next, err := st.Rest(s.Context(), s.clock().Add(time.Minute))
				if !next.IsZero() {
					goesOn.Add(1)
				}
				return err
			}
			recorded, err := st.Record(s.Context(), s.rules, facts[i:i+1])
			if recorded.Wake {
				woken.Add(1)
			}
			return err
		})
		if goesOn.Load() == 0 && woken.Load() == 0 {
			trust.Broken(s, trust.Lost, "messages wait, all runs have ended, and nobody was told to wake one")
		}
		s.Must(s.raw.FlushAll(s.Context()).Err())
	}
}

// What the store knew when a card was begun is not told; everything ends once.
func sameRecipient(s *system) {
	const people, each = 4, 6
	for range s.rounds() {
		p := s.platform()
		var users []fact.UserID
		var first, later []fact.Fact
		for u := range people {
			user, _ := s.subscriber(8)
			users = append(users, user)
			for range each {
				first, later = append(first, s.message(user)), append(later, s.message(user))
			}
			for _, m := range []fact.Fact{first[u*each+1], later[u*each+1]} {
				m.Message.From = "whose conversation is read"
			}
		}
		s.record(s.one(), first...)
		s.advance(s.rules.Lead)
		s.meet(func(i int, st *store.Store) error {
			if i%2 == 0 {
				_, err := p.deliverer(st).Pass(s.Context())
				return err
			}
			for u, user := range users {
				if err := p.happen(st, i/2+u, user, first[u*each:(u+1)*each], later[u*each:(u+1)*each]); err != nil {
					return err
				}
			}
			return nil
		})
		for _, u := range users { // who logged in has gone again
			delete(p.over, string(u)+" *")
		}
		s.record(s.one(), later...)
		p.run()
		p.toldOnce()
		p.endedOnce(append(first, later...)...)
	}
}

// happen is one of the things that come in about user, and notes what must not be told from
// then on. What comes in later is not due yet.
func (p *platform) happen(st *store.Store, which int, user fact.UserID, first, later []fact.Fact) error {
	record := func(f fact.Fact) error {
		_, err := st.Record(p.Context(), p.rules, []fact.Fact{f})
		return err
	}
	switch which % 4 {
	case 0:
		_, err := st.Record(p.Context(), p.rules, later)
		return err
	case 1:
		for _, m := range []*fact.Message{first[0].Message, later[0].Message} {
			if err := record(fact.Fact{Recall: &fact.Recall{ID: m.ID, From: m.From, To: m.To}}); err != nil {
				return err
			}
			p.mustNot(user, m.ID)
		}
	case 2:
		m := first[1].Message
		if err := record(fact.Fact{Read: &fact.Read{Reader: user, Peer: m.From, UpTo: m.SentAt}}); err != nil {
			return err
		}
		p.mustNot(user, m.ID)
		p.mustNot(user, later[1].Message.ID) // sent in the same second
	case 3:
		if err := record(fact.Fact{Presence: &fact.Presence{User: user, Online: true, At: p.clock()}}); err != nil {
			return err
		}
		p.mustNot(user, "*")
	}
	return nil
}
