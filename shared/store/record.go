package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Record implements inbox.Recorder.
func (s *Store) Record(ctx context.Context, rules notify.Rules, facts []fact.Fact) (r notify.Recorded, err error) {
	var others []*change
	var erase []fact.Erase
	visits, groups := &visits{of: map[fact.UserID]*visit{}}, &groupChanges{Store: s}
	for _, f := range facts {
		if f.Erase != nil {
			erase = append(erase, *f.Erase)
			continue
		}
		visits.add(rules, f)
		groups.add(f)
		others = append(others, s.ofOpenID(f)...)
	}
	b := batch{changes: slices.Concat(s.visitChanges(visits.list), groups.changes, others), wakes: func() bool { return groups.begun || soonDue(visits.list) }}
	err = s.commitBatch(ctx, &b)
	r.Wake = b.woken
	for i, v := range visits.list {
		if b.changes[i].err == nil {
			for _, e := range v.ended {
				r.Ended = append(r.Ended, notify.RecipientEnded{User: v.user, Ended: e})
			}
		}
	}
	if err != nil {
		return r, err
	}
	for _, e := range erase {
		if err := s.erase(ctx, e); err != nil {
			return r, err
		}
	}
	return r, nil
}

// ofOpenID returns the changes of an openid that f is.
func (s *Store) ofOpenID(f fact.Fact) []*change {
	switch {
	case f.Grant != nil:
		return []*change{s.grant(*f.Grant)}
	case f.Revoke != nil:
		return []*change{s.revoke(*f.Revoke)}
	case f.Refusal != nil:
		return []*change{s.refusal(*f.Refusal)}
	case f.Sent != nil:
		return []*change{s.sent(*f.Sent)}
	}
	return nil
}

// visits are what several facts make happen, one visit for each recipient.
type visits struct {
	of   map[fact.UserID]*visit
	list []*visit
}

// to returns the visit to a recipient, with something more to happen there.
func (v *visits) to(user fact.UserID, happens func(*notify.Mailbox)) *visit {
	one := v.of[user]
	if one == nil {
		one = &visit{user: user}
		v.of[user] = one
		v.list = append(v.list, one)
	}
	one.happens = append(one.happens, happens)
	return one
}

// add has a fact happen to everybody whom it concerns.
func (v *visits) add(rules notify.Rules, f fact.Fact) {
	switch {
	case f.Message != nil:
		m := *f.Message
		v.message(rules, m, nil)
		if !m.ByREST && m.FailedCode == 0 {
			v.read(m.From, string(m.To), m.SentAt, fact.ReasonOwnReply)
		}
	case f.GroupMessage != nil:
		if m := f.GroupMessage; !m.ByREST && m.FailedCode == 0 {
			v.read(m.From, fact.GroupPeer(m.Group), m.SentAt, fact.ReasonOwnReply)
		}
	case f.Read != nil:
		v.read(f.Read.Reader, string(f.Read.Peer), f.Read.UpTo, fact.ReasonReadReport)
	case f.Recall != nil:
		id := f.Recall.Identity()
		one := v.to(f.Recall.To, func(b *notify.Mailbox) { b.Recalled(id) })
		one.isAbout(id, time.Time{})
		one.lettersToo = true
	case f.Ring != nil:
		v.ring(rules, *f.Ring)
	case f.RingEnd != nil:
		v.ringEnd(rules, *f.RingEnd)
	case f.Presence != nil:
		p := *f.Presence
		v.to(p.User, func(b *notify.Mailbox) { b.PresenceChanged(rules, p.Online, p.At) })
	}
}

// message has a message come. accepted, if it is given, hears what became of it.
func (v *visits) message(rules notify.Rules, m fact.Message, accepted *notify.Accepted) {
	one := v.to(m.To, func(b *notify.Mailbox) {
		state, reason := b.Message(rules, m)
		if accepted != nil {
			*accepted = notify.Accepted{State: state, Reason: reason}
		}
	})
	sent := m.SentAt
	if m.Announcement != nil { // asked for again, it is sent now
		sent = time.Time{}
	}
	one.isAbout(m.Identity(), sent)
	one.peers = append(one.peers, fact.HashOfConversation(m.From, m.Group))
	one.lettersToo = one.lettersToo || m.FailedCode != 0
	if m.From != "" {
		one.senders = append(one.senders, m.From)
	}
}

func (v *visits) read(reader fact.UserID, peer string, upTo time.Time, why fact.Reason) {
	one := v.to(reader, func(b *notify.Mailbox) { b.HasRead(peer, upTo, why) })
	if why == fact.ReasonReadReport {
		one.allRead = true
	} else {
		one.lettersToo = true
	}
}

func (v *visits) ring(rules notify.Rules, r fact.Ring) {
	for _, user := range r.Users {
		one := v.to(user, func(b *notify.Mailbox) { b.Rings(rules, r) })
		one.isAbout(r.Identity(), time.Time{})
		one.allCalls, one.lettersToo = true, true
		if r.Caller != "" {
			one.senders = append(one.senders, r.Caller)
		}
	}
}

func (v *visits) ringEnd(rules notify.Rules, r fact.RingEnd) {
	for _, user := range r.Users {
		one := v.to(user, func(b *notify.Mailbox) { b.RingEnded(rules, r) })
		one.isAbout(r.Identity(), time.Time{})
		one.allCalls, one.lettersToo = true, true
	}
}

// Announce records announcements, one for each recipient, in one round trip, and says
// what became of each. Recording one again changes nothing and says that it waits. What cannot be
// read of one recipient is told in their result, and keeps no other from being told.
func (s *Store) Announce(ctx context.Context, rules notify.Rules, messages []fact.Message) (results []notify.Accepted, wake bool, err error) {
	all := make([]*visit, len(messages))
	results = make([]notify.Accepted, len(messages))
	for i, m := range messages {
		one := &visits{of: map[fact.UserID]*visit{}}
		one.message(rules, m, &results[i])
		all[i] = one.list[0]
	}
	b := batch{changes: s.visitChanges(all), wakes: func() bool { return soonDue(all) }}
	if err = s.commitBatch(ctx, &b); err != nil && !errors.Is(err, notify.ErrUnreadable) {
		return nil, false, err
	}
	for i, c := range b.changes {
		if c.err != nil {
			results[i] = notify.Accepted{Err: c.err}
		}
	}
	return results, b.woken, nil
}

// fieldLen is how much of a mark says which message it is; the rest says whose.
const fieldLen = 12

// fieldOf is a message's name in the index.
func fieldOf(id fact.MessageID) string { return digest(string(id)) }

// markOf is a message's name among the marks of its recipient. It begins with the field, so that
// an erasure finds the recipient in the index.
func markOf(id fact.Identity) string { return fieldOf(id.ID()) + digest(string(id))[:8] }

// indexMember is what the index has of a message for user. It begins with the field.
func indexMember(id fact.MessageID, user fact.UserID) string { return fieldOf(id) + string(user) }
