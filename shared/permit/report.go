package permit

import (
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

const (
	// reportKept is for how long a report waits for its card, and how long after its card it comes.
	reportKept = 10 * time.Minute
	// reportEarly is how much earlier than its card a report may say it is.
	reportEarly   = 5 * time.Second
	reportsAtMost = 20
)

// A PendingReport is a report of WeChat that no card has met yet: it can overtake the answer of the
// send itself.
type PendingReport struct {
	fact.Sent
	Received time.Time
}

// Report takes what WeChat reports of a card.
func (s *Subscriber) Report(r fact.Sent, now time.Time) {
	if s.erased(now) || s.Blank() || s.heard(r) {
		return
	}
	s.Reports = append(s.Reports, PendingReport{r, now})
	s.Reports = s.Reports[max(len(s.Reports)-reportsAtMost, 0):]
	s.meetReports(now)
}

// heard reports whether r is kept, or a card has it.
func (s *Subscriber) heard(r fact.Sent) bool {
	if slices.ContainsFunc(s.Reports, func(p PendingReport) bool {
		return p.MsgID == r.MsgID && p.Template == r.Template && p.At.Equal(r.At)
	}) {
		return true
	}
	for _, c := range s.Cards.All() {
		same := r.MsgID != 0 && c.MsgID == r.MsgID || r.MsgID == 0 && c.ReportedAt.Equal(r.At)
		if c.Unreadable == nil && c.Reported && c.Template == r.Template && same {
			return true
		}
	}
	return false
}

// meetReports brings reports and cards together.
func (s *Subscriber) meetReports(now time.Time) {
	s.Reports = slices.DeleteFunc(s.Reports, func(p PendingReport) bool {
		if id, is := s.meant(p.Sent); is {
			s.correct(id, s.Cards.kept[id], p.Sent, now)
			return true
		}
		return !p.Received.After(now.Add(-reportKept))
	})
}

// meant returns the card that a report means. By time it is the youngest that fits, and none while a
// card of the template is being sent, which could be meant. Cards that cannot be read are none.
func (s *Subscriber) meant(r fact.Sent) (hit card.ID, is bool) {
	sending := false
	for id, c := range s.Cards.All() {
		byID, byTime := c.meets(r)
		switch {
		case c.Unreadable != nil:
		case byID:
			return id, true
		case c.State == CardSending && c.Template == r.Template:
			sending = true
		case byTime && (!is || c.At.After(s.Cards.kept[hit].At)):
			hit, is = id, true
		}
	}
	return hit, is && !sending
}

// correct makes of a card what WeChat reports of it, once.
func (s *Subscriber) correct(id card.ID, c CardRecord, r fact.Sent, now time.Time) {
	out, was := reported(r), fact.State(c.State)
	c.Reported, c.ReportedAt = true, r.At
	if r.MsgID != 0 {
		c.MsgID = r.MsgID
	}
	if !c.Waits.IsZero() {
		s.spend(&c, out.State, now)
		was = "" // nothing was told yet
	}
	switch {
	case c.User == "":
	case c.State == out.State:
		c.Messages = nil
	default:
		c.State, c.Final = out.State, out.Final
		c.Outbox = append(c.Outbox, CardEnd{State: out.Final, Reason: fact.ReasonReported, Corrects: was})
		s.Cards.look(id, now)
	}
	s.Cards.put(id, c)
}

// An OutboxEntry is the end of a card that its recipient does not know of yet.
type OutboxEntry struct {
	User     fact.UserID
	Messages []fact.Identity
	CardEnd
}

// Outgoing ends a card that was unknown, once WeChat has been silent for too long, and returns what
// its recipient is to be told; nil if nothing.
func (s *Subscriber) Outgoing(id card.ID, now time.Time) (*OutboxEntry, error) {
	c, _, err := s.Cards.find(id)
	if err != nil {
		return nil, err
	}
	switch {
	case c.State == CardSending && c.User == "" && !c.sending(now):
		s.strand(id, c, now)
	case c.State == CardSending && c.User == "":
		s.Cards.look(id, c.Lease)
		return nil, nil
	case c.Waits.After(now):
		s.Cards.look(id, c.Waits)
		return nil, nil
	case !c.Waits.IsZero():
		s.silent(id, &c, now)
	}
	if len(c.Outbox) == 0 {
		s.Cards.rest(id)
		return nil, nil
	}
	return s.outboxEntry(id, c), nil
}

// silent ends an unknown card of which WeChat has not told.
func (s *Subscriber) silent(id card.ID, c *CardRecord, now time.Time) {
	s.spend(c, CardUnknown, now)
	why := fact.ReasonSilentWeChat
	if c.Stranded {
		why = fact.ReasonStranded
	}
	c.Final, c.Outbox = fact.StateUnknown, []CardEnd{{State: fact.StateUnknown, Reason: why}}
	s.Cards.put(id, *c)
}

// outboxEntry returns the first end that is to be told. That a correction has begun is noted: see resolved.
func (s *Subscriber) outboxEntry(id card.ID, c CardRecord) *OutboxEntry {
	if c.Outbox[0].Corrects != "" && !c.Outbox[0].Begun {
		c.Outbox = slices.Clone(c.Outbox)
		c.Outbox[0].Begun = true
		s.Cards.put(id, c)
	}
	return &OutboxEntry{c.User, c.Messages, c.Outbox[0]}
}

// Ack notes that the recipient knows the end of a card.
func (s *Subscriber) Ack(id card.ID, state fact.State, now time.Time) error {
	c, is, err := s.Cards.find(id)
	if err != nil {
		return err
	}
	if len(c.Outbox) > 0 && c.Outbox[0].State == state {
		c.Outbox = c.Outbox[1:]
		s.Cards.put(id, c)
	}
	switch {
	case len(c.Outbox) > 0:
		s.Cards.look(id, now)
	case !is || c.Waits.IsZero():
		s.Cards.rest(id)
	}
	return nil
}
