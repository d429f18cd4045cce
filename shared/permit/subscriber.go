// Package permit accounts for the permits of an openid and for the cards that they pay for. A permit is
// one accepted one-time subscription, and pays for one card; WeChat's own count decides.
//
// It is pure: whoever keeps a Subscriber reads it, has its methods change it, and writes it. To change it
// twice by the same event has the effect of once. What a card costs:
//
//	Reserve    a permit is held, and the card may be sent, once
//	Settle     what came of the send, and of the permit
//	Resolve    how a card ended whose run is gone; one that was never reserved never will be
//	Report     what WeChat says later corrects an end, once
package permit

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

const (
	// clockAhead is how far ahead of the store's a time is believed. A wrong clock must neither keep
	// a grant from being switched off nor void what is granted later.
	clockAhead = 5 * time.Minute
	// erasedFor is for how long late news of an erased openid is kept out.
	erasedFor = 24 * time.Hour
	// strangersKept is for how long the permits of somebody who never logs in are kept, and
	// revokesKept how long a revoke of somebody of whom nothing else is known: an older grant may come.
	strangersKept = 30 * 24 * time.Hour
	revokesKept   = 24 * time.Hour
)

// A SubscriberRecord is what is known of an openid. Its methods are the rules of the subscriber's
// side. They change it, and say in Cards and Moved what follows elsewhere.
type Subscriber struct {
	User    fact.UserID
	Since   time.Time // they are bound; zero: not known
	Gone    bool      // WeChat does not know the openid
	Ledgers map[fact.TemplateID]*Ledger
	Sending map[fact.TemplateID]card.ID // cards that may be on their way
	Paced   time.Time                   // the theoretical arrival time of their next card
	Reports []PendingReport
	Cards   Cards
	// Erased is until when late news of the openid is kept out, since it was erased.
	Erased time.Time
	// Moved says that cards of its user stay with the openid, which is theirs no more.
	Moved bool
	// Metrics is what happened to cards and permits since it was read.
	Metrics map[fact.Metric]int
}

func (s *Subscriber) count(m fact.Metric, n int) {
	if n == 0 {
		return
	}
	if s.Metrics == nil {
		s.Metrics = map[fact.Metric]int{}
	}
	s.Metrics[m] += n
}

// counting changes a balance, and counts by how much.
func (s *Subscriber) counting(m fact.Metric, l *Ledger, change func()) {
	before := l.Balance
	change()
	s.count(m, max(l.Balance-before, before-l.Balance))
}

// Bind gives the openid to user. A repeated login makes a binding no younger.
func (s *Subscriber) Bind(user fact.UserID, now time.Time) {
	if s.User != user {
		s.leave()
		s.Since = now
	}
	s.User, s.Gone, s.Erased = user, false, time.Time{}
}

// Unbind takes the openid from user, if it is theirs.
func (s *Subscriber) Unbind(user fact.UserID) {
	if s.User == user {
		s.leave()
	}
}

func (s *Subscriber) leave() {
	s.Moved = s.Moved || s.User != "" && s.Cards.Len() > 0
	s.User, s.Since = "", time.Time{}
}

// KeepsOthers reports whether there are cards of somebody whose the openid is no more.
func (s *Subscriber) KeepsOthers() bool {
	for _, c := range s.Cards.kept {
		if c.User != s.User {
			return true
		}
	}
	return false
}

// Grant counts permits. It reports false for an openid that was erased.
func (s *Subscriber) Grant(g fact.Grant, now time.Time) bool {
	if s.erased(now) {
		return false
	}
	for _, t := range g.Templates {
		l := s.ledger(t)
		s.counting(fact.MetricPermitsGranted, l, func() { l.grant(g.Source, fact.Earlier(g.At, now.Add(clockAhead))) })
	}
	return true
}

// Revoke takes away the permits that were granted before. It reports false for an openid that was
// erased.
func (s *Subscriber) Revoke(r fact.Revoke, now time.Time) bool {
	if s.erased(now) {
		return false
	}
	at := fact.Earlier(r.At, now.Add(clockAhead))
	for _, t := range r.Templates {
		s.takeAway(s.ledger(t), at, entryRevoked, now)
		if !r.Banned {
			s.ledger(t).refuse(at)
		}
	}
	return true
}

// Refuse notes that the user does not want to be asked for now. It reports false for an openid that
// was erased.
func (s *Subscriber) Refuse(r fact.Refusal, now time.Time) bool {
	if s.erased(now) {
		return false
	}
	for _, t := range r.Templates {
		s.ledger(t).refuse(fact.Earlier(r.At, now.Add(clockAhead)))
	}
	return true
}

// EndCards ends the cards of which it is not known whether they were shown, since the user who got them
// is being erased, and returns those whose end is to be told. Their permits are spent. The other
// cards of user are forgotten; one that is on its way keeps its permit without their name. No user:
// everybody's cards are ended, and none is forgotten.
func (s *Subscriber) EndCards(user fact.UserID, now time.Time) (untold []card.ID, err error) {
	for id, c := range s.Cards.All() {
		switch {
		case c.Unreadable != nil:
			return nil, c.Unreadable
		case user != "" && c.User != user:
			continue
		case !c.Waits.IsZero():
			s.spend(&c, CardUnknown, now)
			c.Final, c.Outbox = fact.StateErased, []CardEnd{{State: fact.StateErased}}
			s.Cards.put(id, c)
			s.Cards.look(id, now)
		}
		if len(c.Outbox) > 0 {
			untold = append(untold, id)
		} else if user != "" {
			s.forget(id, c)
		}
	}
	return untold, nil
}

// forget drops a card. One that may be on its way stays under another name, and holds its permit
// until it is settled or its lease is over.
func (s *Subscriber) forget(id card.ID, c CardRecord) {
	s.Cards.drop(id)
	if c.State != CardSending {
		return
	}
	twin := id.Nameless()
	if s.Sending[c.Template] == id {
		s.Sending[c.Template] = twin
	}
	c.User, c.Messages = "", nil
	s.Cards.put(twin, c)
	s.Cards.look(twin, c.Lease)
}

// Erase forgets all of an openid that is user's, or nobody's. It reports false, and forgets nothing,
// while there are cards whose end is to be told first: see EndCards.
func (s *Subscriber) Erase(user fact.UserID, now time.Time) (done bool, err error) {
	if s.User != "" && s.User != user {
		return true, nil
	}
	for _, c := range s.Cards.All() {
		if c.Unreadable != nil {
			return false, c.Unreadable
		}
		if !c.Waits.IsZero() || len(c.Outbox) > 0 {
			return false, nil
		}
	}
	cards := s.Cards
	for id := range cards.All() {
		cards.drop(id)
		cards.rest(id)
	}
	*s = Subscriber{Cards: cards, Erased: now.Add(erasedFor)}
	return true, nil
}

// Blank reports whether nothing is known of the openid itself; cards may still be kept.
func (s *Subscriber) Blank() bool {
	for _, l := range s.Ledgers {
		if !l.Blank() {
			return false
		}
	}
	return s.User == "" && !s.Gone && len(s.Sending) == 0 && len(s.Reports) == 0 && s.Paced.IsZero()
}

// KeptFor returns for how long the record is kept if nothing comes; 0: for ever.
func (s *Subscriber) KeptFor() time.Duration {
	if s.User != "" {
		return 0
	}
	if len(s.Ledgers) == 0 || s.Cards.Len() > 0 {
		return strangersKept
	}
	for _, l := range s.Ledgers {
		if l.Void.IsZero() || len(l.Entries) > 0 {
			return strangersKept
		}
	}
	return revokesKept
}

func (s *Subscriber) erased(now time.Time) bool { return s.Erased.After(now) }

// ledger returns the account of a template's permits.
func (s *Subscriber) ledger(t fact.TemplateID) *Ledger {
	if s.Ledgers == nil {
		s.Ledgers = map[fact.TemplateID]*Ledger{}
	}
	if s.Ledgers[t] == nil {
		s.Ledgers[t] = &Ledger{}
	}
	return s.Ledgers[t]
}

// spend takes the permit that is held for c.
func (s *Subscriber) spend(c *CardRecord, kind CardState, now time.Time) {
	l := s.ledger(c.Template)
	l.release()
	s.pay(l, c.LongTerm, string(kind), now)
	c.Waits = time.Time{}
}

// pay takes one permit for a card.
func (s *Subscriber) pay(l *Ledger, longTerm bool, kind string, now time.Time) {
	s.counting(fact.MetricPermitsSpent, l, func() { l.pay(longTerm, kind, now) })
}

// takeAway takes the permits that were granted at or before t.
func (s *Subscriber) takeAway(l *Ledger, t time.Time, kind string, now time.Time) {
	s.counting(fact.MetricPermitsTaken, l, func() { l.zero(t, kind, now) })
}
