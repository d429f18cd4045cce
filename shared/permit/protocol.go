package permit

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// Lease is for how long a claimed recipient and a sending card are in one run's
// hands. What is not finished by then may be taken up by another run.
const Lease = 60 * time.Second

// InFlight is for how long after Reserve a card may be on its way to WeChat, which takes one
// card to a user at a time: meanwhile none of another template is reserved for the openid. No send
// outlives it: the sender gives up at SendBudget (12 s) after it asked for the permit, so at that
// after the store reserved at the latest, even if the answer was lost and the question repeated.
// The 13th second is for what is on its way when it gives up.
const InFlight = SendBudget + time.Second

// SendBudget bounds one send, from when its permit is asked for, token included. What has not been
// answered by then is unknown.
const SendBudget = 12 * time.Second

// An OpenCard names a card that was begun, and what it carries.
type OpenCard struct {
	ID       card.ID
	OpenID   fact.OpenID
	Template fact.TemplateID
	Messages []fact.Identity
}

// A Card is what is asked about: whose it is, and what it carries.
type Card struct {
	ID       card.ID
	OpenID   fact.OpenID
	User     fact.UserID // to whom the openid must be bound
	Queue    card.Queue
	Template fact.TemplateID
	Messages []fact.Identity
	// LongTerm: one permit pays for any number of cards.
	LongTerm bool
	// UnknownAfter is for how long the card, should its end be unknown, waits for
	// WeChat's report.
	UnknownAfter time.Duration
}

// A Reserve asks to hold a permit.
type Reserve struct {
	Card
	// Digest: Keep permits have to be left, with Learn at least as many as this
	// subscriber may need before they grant again.
	Digest bool
	Keep   int
	Learn  bool
	// NewAbsence: the ledger learns that a permit is wanted for another absence.
	NewAbsence bool
	// PerHour is how many cards they may get in an hour.
	PerHour int
}

// Reserved is the answer to a Reserve.
type Reserved struct {
	Status ReserveStatus
	Until  time.Time // ReserveBusy: until when the other card is in the way, unless it ends before; ReserveTooMany: when they may get one again
	Left   int       // permits left, this card's not counted
	Keep   int       // ReserveKept: how many are kept
}

// A ReserveStatus says whether a card may be sent.
type ReserveStatus string

// The answers to a Reserve.
const (
	ReserveOK            ReserveStatus = "ok"        // send now
	ReserveNoPermit      ReserveStatus = "no permit" // nothing to pay with
	ReserveUnbound       ReserveStatus = "unbound"   // the openid belongs to another user now
	ReserveErased        ReserveStatus = "erased"    // the user asked to be forgotten
	ReserveBusy          ReserveStatus = "busy"      // another card is being sent to this openid
	ReserveKept          ReserveStatus = "kept"      // the permits left are kept for coming absences
	ReserveUnknownOpenID ReserveStatus = "gone"      // WeChat does not know the openid, until a new login
	ReserveTooMany       ReserveStatus = "too many"  // they got as many cards this hour as they may
	ReserveVoid          ReserveStatus = "void"      // somebody else took the card over, or it holds a permit of another template
)

// A Settle is the outcome of a card. A store that has forgotten the card learns all of it from here.
type Settle struct {
	Card
	End
	MsgID  int64  // WeChat's id of the message; 0 if it told none
	Detail string // the class of the error, if there was one
	// Drift: WeChat has no permit where our ledger has one.
	Drift bool
	// Delay is for how long the oldest message on the card had waited when it was delivered; 0: not known.
	Delay time.Duration
}

// A CardState is how a card ended.
type CardState string

// The states of a card.
const (
	CardSending   CardState = "sending"   // reserved; the request may be on its way
	CardDelivered CardState = "delivered" // WeChat accepted it
	CardUnknown   CardState = "unknown"   // nobody can say
	CardNotSent   CardState = "not sent"  // surely not shown; its notices wait again
	CardRefused   CardState = "refused"   // WeChat will not show it
	CardVoid      CardState = "void"      // dissolved before it was reserved
)

// A PermitFate is what becomes of the permit that was held for a card.
type Fate string

// The fates of a permit.
const (
	Held     Fate = "held" // until WeChat tells, or has been silent for too long
	Spent    Fate = "spent"
	Refunded Fate = "refunded"
	Zeroed   Fate = "zeroed" // this one and every older one: WeChat knows of none
)

// Resolved is how a card ended.
type Resolved struct {
	State  CardState
	Final  fact.State // of the notices it carries; empty: they wait again
	Until  time.Time  // CardSending: when its lease ends
	Handed bool       // the card was unknown: Reconcile tells the end of its notices
	Detail string
}
