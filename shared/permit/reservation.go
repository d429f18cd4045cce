package permit

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// Reserve holds a permit for a card.
func (s *Subscriber) Reserve(r Reserve, now time.Time) (Reserved, error) {
	if s.erased(now) {
		return Reserved{Status: ReserveErased}, nil
	}
	id, known, is, err := s.card(r.ID)
	switch {
	case err != nil:
		return Reserved{}, err
	case is && id == r.ID && known.sending(now) && known.Template == r.Template:
		return Reserved{Status: ReserveOK}, nil // asked again: the answer was lost
	case is:
		return Reserved{Status: ReserveVoid}, nil
	case s.User != r.User:
		return Reserved{Status: ReserveUnbound}, nil
	case s.Gone:
		return Reserved{Status: ReserveUnknownOpenID}, nil
	}
	until, err := s.busy(r.Template, now)
	if err != nil || until.After(now) {
		return Reserved{Status: ReserveBusy, Until: until}, err
	}
	return s.reserve(r, now), nil
}

// busy returns until when another card is in the way. WeChat refuses a send to a user to whom
// another is under way (43108), and of one template there is one at a time. A card whose run let its
// lease pass is in nobody's way: it is unknown from now on.
func (s *Subscriber) busy(t fact.TemplateID, now time.Time) (until time.Time, err error) {
	for other, id := range s.Sending {
		c, is, err := s.Cards.find(id)
		if err != nil {
			return until, err
		}
		if is && c.State == CardSending && other != t {
			until = fact.Later(until, c.At.Add(InFlight))
		}
	}
	if until.After(now) {
		return until, nil
	}
	c, is, err := s.Cards.find(s.Sending[t])
	switch {
	case err != nil || !is || c.State != CardSending:
		return time.Time{}, err
	case c.sending(now):
		return c.Lease, nil
	}
	s.strand(s.Sending[t], c, now)
	return time.Time{}, nil
}

// reserve holds a permit if one is left, is not kept for others, and is not one too many this hour.
func (s *Subscriber) reserve(r Reserve, now time.Time) Reserved {
	l := s.ledger(r.Template)
	left, kept := l.left(r.LongTerm), l.kept(r)
	paced := fact.Later(s.Paced, now).Add((time.Hour / time.Duration(max(r.PerHour, 1))).Truncate(time.Millisecond))
	out := Reserved{Status: ReserveOK, Left: max(left, 0), Keep: kept}
	switch {
	case left <= 0:
		out.Status = ReserveNoPermit
	case left <= kept:
		out.Status = ReserveKept
	case paced.After(now.Add(time.Hour)):
		out.Status, out.Until = ReserveTooMany, paced.Add(-time.Hour)
	}
	// Whoever is put off asks again, for the same absence.
	switch {
	case !r.NewAbsence:
	case out.Status == ReserveOK:
		l.Wanted++
	case out.Status == ReserveNoPermit && l.countsFirst(r.ID):
		l.Wanted++
		l.Missed++
	}
	if out.Status != ReserveOK {
		return out
	}
	out.Left--
	s.Paced = paced
	l.hold()
	if s.Sending == nil {
		s.Sending = map[fact.TemplateID]card.ID{}
	}
	s.Sending[r.Template] = r.ID
	s.Cards.put(r.ID, CardRecord{State: CardSending, Template: r.Template, User: r.User, Queue: r.Queue, Messages: r.Messages,
		LongTerm: r.LongTerm, At: now, Lease: now.Add(Lease), Patience: r.UnknownAfter})
	s.Cards.tidy(now)
	return out
}

// Settle writes down how a card ended. The first outcome stays, but for what WeChat itself has
// reported. The state is that of the card now; empty: there is none.
func (s *Subscriber) Settle(t Settle, now time.Time) (CardState, error) {
	id, c, is, err := s.card(t.ID)
	if err != nil {
		return "", err
	}
	if !is {
		if s.erased(now) || !t.Permit.maybeShown() {
			return "", nil
		}
		if s.User != t.User {
			s.payForgotten(t, now)
			return "", nil
		}
		c = CardRecord{State: CardSending, Template: t.Template, User: t.User, Queue: t.Queue, Messages: t.Messages, LongTerm: t.LongTerm, At: now}
		s.ledger(t.Template).hold()
		s.Cards.put(id, c)
	}
	if c.State == CardSending {
		s.Gone = s.Gone || t.gone()
		c.Patience = t.UnknownAfter
		s.end(id, c, ending{state: t.State, permit: t.Permit, final: t.Final, msgID: t.MsgID, detail: t.Detail, drift: t.Drift, delay: t.Delay}, now)
		s.meetReports(now)
		c.State = s.Cards.kept[id].State
	} else {
		c.State = c.ended(t.State)
	}
	if id != t.ID {
		return "", nil
	}
	return c.State, nil
}

// payForgotten pays for a card of which nothing is kept, and whose user has the openid no more.
func (s *Subscriber) payForgotten(t Settle, now time.Time) {
	if l := s.ledger(t.Template); !t.LongTerm && l.countsFirst(t.ID) {
		s.pay(l, false, string(t.State), now)
	}
}

// card returns a card and how it is named: otherwise than it was if its user was erased while it
// was on its way.
func (s *Subscriber) card(id card.ID) (named card.ID, c CardRecord, is bool, err error) {
	if c, is, err = s.Cards.find(id); is {
		return id, c, true, err
	}
	if c, is, err = s.Cards.find(id.Nameless()); is {
		return id.Nameless(), c, true, err
	}
	return id, c, false, nil
}

// An ending is how a card that was being sent has ended.
type ending struct {
	state    CardState
	permit   Fate
	final    fact.State
	msgID    int64
	detail   string
	drift    bool
	stranded bool
	delay    time.Duration
}

// end writes down the outcome of a card that is being sent.
func (s *Subscriber) end(id card.ID, c CardRecord, e ending, now time.Time) {
	s.count(fact.MetricCard(string(e.state), e.delay), 1)
	if seconds := int(e.delay.Seconds()); seconds > 0 {
		s.count(fact.MetricDelays, seconds)
	}
	if e.detail != "" {
		s.count(fact.MetricError(e.detail), 1)
	}
	s.settlePermit(id, &c, e, now)
	if e.drift {
		s.ledger(c.Template).Drift++
	}
	if s.Sending[c.Template] == id {
		delete(s.Sending, c.Template)
	}
	c.State, c.Final, c.MsgID, c.Detail, c.Lease = e.state, e.final, e.msgID, e.detail, time.Time{}
	if c.State != CardUnknown && c.State != CardDelivered {
		c.Messages = nil // otherwise WeChat's report may end them
	}
	s.Cards.put(id, c)
}

// settlePermit does what becomes of the permit that is held for c. Whose card has nobody who is told
// of it is paid for at once.
func (s *Subscriber) settlePermit(id card.ID, c *CardRecord, e ending, now time.Time) {
	l := s.ledger(c.Template)
	switch {
	case e.permit == Held && c.User != "":
		c.Waits, c.WasUnknown, c.Stranded = now.Add(c.Patience), true, e.stranded
		s.Cards.look(id, c.Waits)
	case e.permit.maybeShown():
		s.spend(c, e.state, now)
	default:
		l.release()
	}
	if e.permit == Zeroed {
		l.Missed++
		s.takeAway(l, c.At, string(e.state), now)
	}
	if c.User == "" {
		s.Cards.rest(id)
	}
}

// strand ends a card whose run let its lease pass: it may have been shown.
func (s *Subscriber) strand(id card.ID, c CardRecord, now time.Time) {
	out := Unanswered
	s.end(id, c, ending{state: out.State, permit: out.Permit, stranded: true}, now)
	s.meetReports(now)
}

// Resolve says how a card has ended, and makes sure that it is not sent from now on.
func (s *Subscriber) Resolve(o OpenCard, now time.Time) (Resolved, error) {
	id, c, is, err := s.card(o.ID)
	switch {
	case err != nil:
		return Resolved{}, err
	case is && id != o.ID, !is && s.erased(now):
		// It may have been sent before, to somebody who has another user now: it is not announced again.
		return Resolved{State: CardRefused, Final: fact.StateErased}, nil
	case !is:
		s.Cards.put(o.ID, CardRecord{State: CardVoid, Template: o.Template, At: now})
		return Resolved{State: CardVoid}, nil
	case c.sending(now):
		return Resolved{State: CardSending, Until: c.Lease}, nil
	case c.State == CardSending:
		s.strand(id, c, now)
		c = s.Cards.kept[id]
	}
	return s.resolved(id, c), nil
}

// resolved says how a card that has ended is told. If Reconcile is about to correct an end, that end
// comes first, for whoever has the notices still on a card; if it was faster, it has taken them off.
// If the end that it corrects was never written down, it tells the only one.
func (s *Subscriber) resolved(id card.ID, c CardRecord) Resolved {
	if !c.WasUnknown && len(c.Outbox) > 0 {
		if was := c.Outbox[0].Corrects; c.Outbox[0].Begun {
			return Resolved{State: CardState(was), Final: was, Detail: c.Detail}
		}
		c.Outbox = append([]CardEnd{}, c.Outbox...)
		c.Outbox[0].Corrects, c.WasUnknown = "", true
		s.Cards.put(id, c)
	}
	return Resolved{State: c.State, Final: c.Final, Detail: c.Detail, Handed: c.WasUnknown}
}
