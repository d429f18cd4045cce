package notify

import (
	"errors"
	"time"
)

// A Status is what IM says of a user at this moment.
type Status int

// The statuses of Tencent IM.
// Source: https://cloud.tencent.com/document/product/269/2566
const (
	StatusUnknown    Status = iota // IM did not say
	StatusOnline                   // at least one device is connected
	StatusPushOnline               // a native app is not connected but reachable by vendor push
	StatusOffline                  // logged out, never logged in, or not an account
)

func (s Status) String() string {
	names := [...]string{"unknown", "online", "push_online", "offline"}
	if s < 0 || int(s) >= len(names) {
		return "invalid"
	}
	return names[s]
}

// ErrNoGroup is returned for a group that does not exist, or that has no members.
var ErrNoGroup = errors.New("no such group, or one without members")

// A Member is one member of a group.
type Member struct {
	User UserID
	// Muted: they do not want to be told of this group. MentionsOnly: only when they are
	// mentioned.
	Muted, MentionsOnly bool
}

// ErrUnreadable says that the store holds something that cannot be read. To try again helps only
// when it has been mended. The error that wraps it names the key.
var ErrUnreadable = errors.New("the store holds something unreadable")

// Accepted says what became of a message when it was recorded.
type Accepted struct {
	State  State // empty: it waits, or did so before
	Reason Reason
	Err    error // wraps ErrUnreadable: it was not recorded, and only for this recipient
}

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

// A FanOut is a group message on its way to the members.
type FanOut struct {
	Message  GroupMessage
	Page     string // of members, to go on with
	Attempts int    // how often it was handed out before
	Lease    string
}

// A GroupMessageRef names a message of a group.
type GroupMessageRef struct {
	Group GroupID
	Seq   uint32
}

// A Circuit is open until somebody has mended something, or a quota day begins.
type Circuit struct {
	// Name is CircuitApp, CircuitQuota or the id of a template.
	Name   string
	Until  time.Time // when to try again
	Detail string    // for people: the error's class and code
}

// The circuits that are not a template's.
const (
	CircuitApp   = "app"
	CircuitQuota = "quota"
)

// A Batch is what Claim hands out.
type Batch struct {
	Now           time.Time   // the store's clock, by which to decide
	Recipients    []Recipient // calls first
	Circuits      []Circuit   // those that are open, or were and have not been tried since
	UnknownInARow int         // different openids in a row that WeChat does not know
	Watched       bool        // another run watches, and does what falls due
	FanOuts       bool        // group messages wait to be spread
	Overdue       bool        // cards wait to be reconciled
	// Skipped says which recipients could not be read; they are handed out again when
	// their lease ends. Nil if none.
	Skipped error
	// Unsafe says how the store is set so that it may lose what it has acknowledged. It is told
	// once by an instance.
	Unsafe error
}

// A Begin asks to move messages of a claimed recipient into a card.
type Begin struct {
	User     UserID
	Queue    Queue
	Lease    string
	Card     CardID
	Template TemplateID
	Messages []Identity
	At       time.Time // by the clock of the run's steps, for the timeline
}

// A Reserve asks to hold a permit.
type Reserve struct {
	Card     CardID
	OpenID   OpenID
	User     UserID // to whom the openid must be bound
	Queue    Queue
	Template TemplateID
	Messages []Identity
	// LongTerm: one permit pays for any number of cards.
	LongTerm bool
	// Digest: Keep permits have to be left, with Learn at least as many as this
	// subscriber may need before they grant again.
	Digest bool
	Keep   int
	Learn  bool
	// NewAbsence: the ledger learns that a permit is wanted for another absence.
	NewAbsence bool
	// PerHour is how many cards they may get in an hour.
	PerHour int
	// UnknownAfter is for how long the card, should its end be unknown, waits for
	// WeChat's report.
	UnknownAfter time.Duration
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

// A Settle is the outcome of a card.
type Settle struct {
	Card     CardID
	OpenID   OpenID
	Template TemplateID
	State    CardState
	Permit   PermitFate
	Final    State  // of the notices it carries; empty: they wait again
	MsgID    int64  // WeChat's id of the message; 0 if it told none
	Detail   string // the class of the error, if there was one
	// LongTerm is as in Reserve.
	LongTerm bool
	// Drift: WeChat has no permit where our ledger has one.
	Drift bool
	// User, Queue and Messages say whose card it is, for a store that has forgotten.
	User     UserID
	Queue    Queue
	Messages []Identity
	// UnknownAfter is for how long an unknown card waits for WeChat's report.
	UnknownAfter time.Duration
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
type PermitFate string

// The fates of a permit.
const (
	PermitHeld     PermitFate = "held" // until WeChat tells, or has been silent for too long
	PermitSpent    PermitFate = "spent"
	PermitRefunded PermitFate = "refunded"
	PermitZeroed   PermitFate = "zeroed" // this one and every older one: WeChat knows of none
)

// Resolved is how a card ended.
type Resolved struct {
	State  CardState
	Final  State     // of the notices it carries; empty: they wait again
	Until  time.Time // CardSending: when its lease ends
	Handed bool      // the card was unknown: Reconcile tells the end of its notices
	Detail string
}

// A Finish is what became of a claimed recipient.
type Finish struct {
	User  UserID
	Queue Queue
	Lease string
	Card  CardID // the card that was begun for them; empty if none
	Final []Final
	// Handed are notices whose card is unknown: Reconcile will tell their end.
	Handed []Identity
	// Unanswered are calls that went unanswered: they are told as missed from now on, in the
	// queue of messages, if the rules say so; else they end.
	Unanswered []Identity
	// Absence is how the recipient's absence goes on. It is dropped if they were seen since
	// the claim.
	Absence AbsenceStep
	// Dead is the letter to keep of notices that end as StateDead.
	Dead *DeadLetter
	// Again is when to look at what still waits; zero: when something that came in since
	// the claim wants it, or else at once. Something that comes in may bring the look
	// forward; with Hold it may not.
	Again time.Time
	Hold  bool
	Carried
	Steps []Step
}

// Ended says how many messages reached a final state.
type Ended struct {
	State    State
	Reason   Reason
	Messages int
}
