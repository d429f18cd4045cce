package permit

import (
	"wxnotify/shared/fact"
)

// An End is how a card ends: what becomes of it, of its permit, and of what it carries.
type End struct {
	State  CardState
	Permit Fate
	Final  fact.State // of the notices; empty: they wait again, or with an unknown card for its end
}

// delivered is the end of a send without an error.
var Delivered = End{CardDelivered, Spent, fact.StateDelivered}

// unanswered is the end of a card of whose send nobody knows what came: it may have been shown.
var Unanswered = End{CardUnknown, Held, ""}

// undelivered is the end of a card that WeChat reports as failed. Nobody documents whether it
// gives the permit back.
var undelivered = End{CardRefused, Spent, fact.StateRefused}

// reported is the end that WeChat reports of a card.
func reported(r fact.Sent) End {
	if r.Failed == "" {
		return Delivered
	}
	return undelivered
}

// maybeShown reports whether the card may have been shown: then it is paid for, sooner or later.
func (f Fate) maybeShown() bool { return f == Spent || f == Held }

// gone reports whether WeChat does not know the openid.
func (t Settle) gone() bool { return t.Final == fact.StateRefused }
