package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"wxnotify/shared/notify"
)

// soon is how far ahead a due time is worth a wake: what is due later is seen by the
// timer's next run.
const soon = 60 * time.Second

// maxWaiting bounds what waits for one recipient.
const maxWaiting = 500

// pairWithin is how far apart popup and report of one tap may be, and sessionGap how far
// apart two taps of one granting session.
const (
	pairWithin = 2 * time.Minute
	sessionGap = 30 * time.Minute
)

// Record implements notify.Recorder.
func (s *Store) Record(ctx context.Context, rules notify.Rules, facts []notify.Fact) (wake bool, err error) {
	var calls []call
	var erase []notify.Erase
	for _, f := range facts {
		if f.Erase != nil {
			erase = append(erase, *f.Erase)
			continue
		}
		calls = append(calls, s.fact(rules, f)...)
	}
	if len(calls) > 0 {
		replies, err := s.run(ctx, calls...)
		if err != nil {
			return false, err
		}
		for _, r := range replies {
			if asksToWake(r.Val()) {
				wake = true
			}
		}
	}
	for _, e := range erase {
		if err := s.erase(ctx, e); err != nil {
			return wake, err
		}
	}
	return wake, nil
}

// fact returns what has to be done to record f, an Erase apart: one step for each
// recipient that it concerns.
func (s *Store) fact(rules notify.Rules, f notify.Fact) []call {
	switch {
	case f.Message != nil:
		m := f.Message
		calls := []call{s.message(rules, *m)}
		if !m.ByREST && m.FailedCode == 0 {
			calls = append(calls, s.read(m.From, string(m.To), m.SentAt, notify.ReasonOwnReply, false))
		}
		return calls
	case f.GroupMessage != nil:
		m := f.GroupMessage
		var calls []call
		if m.For == notify.GroupAll || m.For == notify.GroupMentions {
			calls = append(calls, s.groupMessage(*m))
		}
		if !m.ByREST && m.FailedCode == 0 {
			calls = append(calls, s.read(m.From, groupPeer(m.Group), m.SentAt, notify.ReasonOwnReply, false))
		}
		return calls
	case f.Read != nil:
		return []call{s.read(f.Read.Reader, string(f.Read.Peer), f.Read.UpTo, notify.ReasonReadReport, true)}
	case f.Recall != nil:
		return []call{s.recall(*f.Recall)}
	case f.GroupRecall != nil:
		return []call{s.groupRecall(*f.GroupRecall)}
	case f.Ring != nil:
		return s.ring(rules, *f.Ring)
	case f.RingEnd != nil:
		return s.ringEnd(rules, *f.RingEnd)
	case f.Presence != nil:
		return []call{s.presence(rules, *f.Presence)}
	case f.Grant != nil:
		return []call{s.grant(*f.Grant)}
	case f.Revoke != nil:
		return []call{s.revoke(*f.Revoke)}
	case f.Sent != nil:
		return []call{s.sent(*f.Sent)}
	}
	return nil
}

// asksToWake reads a script's reply: the number 1, by itself or first of several.
func asksToWake(reply any) bool {
	if list, ok := reply.([]any); ok && len(list) > 0 {
		reply = list[0]
	}
	return number(reply) == 1
}

// Announce records announcements, one for each recipient, in one round trip, and says
// what became of each. Recording one again changes nothing and says that it waits. What cannot be
// read of one recipient is told in their result, and keeps no other from being told.
func (s *Store) Announce(ctx context.Context, rules notify.Rules, messages []notify.Message) (results []notify.Accepted, wake bool, err error) {
	calls := make([]call, len(messages))
	for i, m := range messages {
		calls[i] = s.message(rules, m)
	}
	replies, err := s.each(ctx, calls)
	if err == nil {
		err = failures(replies)
	}
	if err != nil && !errors.Is(err, notify.ErrUnreadable) {
		return nil, false, err
	}
	for _, r := range replies {
		wake = wake || asksToWake(r.Val())
		a := notify.Accepted{Err: unreadable(r)}
		if part, _ := r.Slice(); len(part) == 3 {
			a = notify.Accepted{State: notify.State(text(part[1])), Reason: notify.Reason(text(part[2]))}
		}
		results = append(results, a)
	}
	return results, wake, nil
}

type messageArgs struct {
	User         notify.UserID   `json:"user"`
	ID           notify.Identity `json:"id"`
	Mark         string          `json:"mark"`
	Field        string          `json:"field"`
	Kind         notify.Kind     `json:"kind"`
	From         notify.UserID   `json:"from"`
	Group        notify.GroupID  `json:"group"`
	Peer         string          `json:"peer"`
	Sent         int64           `json:"sent"`
	Seq          uint32          `json:"seq"`
	Text         string          `json:"text"`
	Announcement string          `json:"announcement"`
	Failed       int             `json:"failed"`
	Uncounted    notify.Reason   `json:"uncounted"`
	TTL          int64           `json:"ttl"`
	Lead         int64           `json:"lead"`
	Blind        int64           `json:"blind"`
	Steps        []int64         `json:"steps"`
	Soon         int64           `json:"soon"`
	Most         int             `json:"most"`
}

func (s *Store) message(rules notify.Rules, m notify.Message) call {
	k, today := s.keysOf(string(m.To)), day(s.now())
	args := messageArgs{
		User: m.To, ID: m.Identity(), Mark: markOf(m.Identity()), Field: fieldOf(m.ID), Kind: m.Kind, From: m.From,
		Group: m.Group, Peer: string(m.From), Sent: m.SentAt.Unix(), Seq: m.Seq, Text: m.Summary,
		Failed: m.FailedCode, Uncounted: m.Uncounted, TTL: rules.TTL.Milliseconds(),
		Lead: rules.Lead.Milliseconds(), Blind: rules.BlindWindow.Milliseconds(),
		Soon: soon.Milliseconds(), Most: maxWaiting,
	}
	if args.Kind == "" {
		args.Kind = notify.KindMessage
	}
	if m.Group != "" {
		args.Peer = groupPeer(m.Group)
	}
	if m.Lasts > 0 {
		args.TTL = m.Lasts.Milliseconds()
	}
	for _, d := range rules.DigestSteps {
		args.Steps = append(args.Steps, d.Milliseconds())
	}
	if m.Announcement != nil {
		b, err := json.Marshal(m.Announcement)
		if err != nil {
			panic(err) // a struct of strings and a bool
		}
		args.Announcement = string(b)
	}
	return call{scriptMessage,
		[]string{k.recipient(m.To), k.waiting(), k.queue(), k.marks(m.To, today), k.marks(m.To, today-1), k.marks(m.To, today+1),
			k.timeline(m.To), k.reads(m.To), k.watch(), k.counts(), k.index(today), k.erasedUsers(),
			k.letters(m.To), k.dead(), k.answers(s.now())}, args}
}

// groupPeer is a group's name among the conversations that a user has read. No user's
// begins with "@".
func groupPeer(g notify.GroupID) string { return "@" + string(g) }

type readArgs struct {
	User   notify.UserID `json:"user"`
	Peer   string        `json:"peer"`
	UpTo   int64         `json:"upto"`
	Reason notify.Reason `json:"reason"`
	Keep   bool          `json:"keep"`
}

// read makes reader have read what peer sent up to upTo. A report holds for messages
// that are recorded later, too. A reply does not: what the peer writes in the second
// of the reply may be the answer to it.
func (s *Store) read(reader notify.UserID, peer string, upTo time.Time, why notify.Reason, report bool) call {
	k := s.keysOf(string(reader))
	return call{scriptRead,
		[]string{k.recipient(reader), k.waiting(), k.queue(), k.timeline(reader), k.reads(reader), k.counts(),
			k.callsWaiting(), k.letters(reader), k.dead()},
		readArgs{reader, peer, upTo.Unix(), why, report}}
}

type recallArgs struct {
	User notify.UserID   `json:"user"`
	ID   notify.Identity `json:"id"`
	Mark string          `json:"mark"`
}

func (s *Store) recall(r notify.Recall) call {
	k, today := s.keysOf(string(r.To)), day(s.now())
	return call{scriptRecall,
		[]string{k.recipient(r.To), k.waiting(), k.queue(), k.marks(r.To, today), k.marks(r.To, today-1), k.marks(r.To, today+1),
			k.timeline(r.To), k.counts(), k.letters(r.To), k.dead()},
		recallArgs{r.To, r.Identity(), markOf(r.Identity())}}
}

type presenceArgs struct {
	User   notify.UserID `json:"user"`
	Online bool          `json:"online"`
	At     int64         `json:"at"`
	Blind  int64         `json:"blind"`
	Grace  int64         `json:"grace"`
	Ask    int64         `json:"ask"`
	Soon   int64         `json:"soon"`
}

// askRinging is how soon to look at a ringing recipient who has just come online.
const askRinging = 5 * time.Second

func (s *Store) presence(rules notify.Rules, p notify.Presence) call {
	k := s.keysOf(string(p.User))
	return call{scriptPresence,
		[]string{k.recipient(p.User), k.waiting(), k.queue(), k.timeline(p.User), k.watch(), k.callsWaiting(), k.callsQueue()},
		presenceArgs{p.User, p.Online, p.At.UnixMilli(), rules.BlindWindow.Milliseconds(),
			rules.Grace.Milliseconds(), askRinging.Milliseconds(), soon.Milliseconds()}}
}

// fieldLen is how much of a mark says which message it is; the rest says whose.
const fieldLen = 12

// fieldOf is a message's name in the index.
func fieldOf(id notify.MessageID) string { return digest(string(id)) }

// markOf is a message's name among the marks of its recipient. It begins with the field, so that
// an erasure finds the recipient in the index.
func markOf(id notify.Identity) string { return fieldOf(id.ID()) + digest(string(id))[:8] }
