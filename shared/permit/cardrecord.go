package permit

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// CardsKept is for how long the cards of an openid are kept after its last: longer than any
// message that could travel on them.
const CardsKept = 8 * 24 * time.Hour

// A CardRecord is a card as it is kept with its openid. It holds a permit while it is being sent,
// and while it is unknown and WeChat may still report.
type CardRecord struct {
	State    CardState
	Template fact.TemplateID
	User     fact.UserID // empty: they were erased while it was on its way, and nobody is told its end
	Queue    card.Queue
	Messages []fact.Identity // which its end is told of
	LongTerm bool
	At       time.Time     // it was reserved
	Lease    time.Time     // CardSending: until when a run has it in its hands
	Patience time.Duration // for how long it may be unknown
	Final    fact.State    // of its notices
	Detail   string
	MsgID    int64
	// Waits is until when it is unknown, and its permit held. Then that is spent.
	Waits      time.Time
	WasUnknown bool
	Stranded   bool // it was unknown because its run ended early
	Reported   bool // WeChat has told how it ended,
	ReportedAt time.Time
	Outbox     []CardEnd // still to be told its recipient, in this order
	// Unreadable is why the store cannot read it. Nothing else holds then.
	Unreadable error
}

// A CardEnd is what a recipient is to be told of the notices of a card.
type CardEnd struct {
	State    fact.State
	Reason   fact.Reason
	Corrects fact.State // what they were told before; empty: nothing
	Begun    bool       // the correction may have been told already
}

// sending reports whether c may still be sent by the run that has it in its hands.
func (c CardRecord) sending(now time.Time) bool { return c.State == CardSending && c.Lease.After(now) }

// holds reports whether a permit is held for c.
func (c CardRecord) holds() bool { return c.State == CardSending || !c.Waits.IsZero() }

// pending reports whether something may still come of c that has to be told.
func (c CardRecord) pending() bool { return c.holds() || len(c.Outbox) > 0 }

// ended is how c has ended, for the run that has sent it. The end of a card that was unknown is told
// apart, so it stays unknown to them.
func (c CardRecord) ended(asked CardState) CardState {
	if c.WasUnknown && (c.Stranded || asked != CardUnknown) {
		return CardUnknown
	}
	return c.State
}

// meets reports how well c fits what WeChat reports: by WeChat's message id, else, if one of the
// two has none, by template and time.
func (c CardRecord) meets(r fact.Sent) (byID, byTime bool) {
	if c.Reported || c.Template != r.Template {
		return false, false
	}
	if r.MsgID != 0 && c.MsgID == r.MsgID {
		return true, false
	}
	late := r.At.Sub(c.At)
	return false, (c.State == CardUnknown || c.State == CardDelivered) && (r.MsgID == 0 || c.MsgID == 0) &&
		late >= -reportEarly && late <= reportKept
}
