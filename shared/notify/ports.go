package notify

import (
	"context"
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

// Asker asks IM who is there.
type Asker interface {
	// Presence returns the status of each of users, in as few calls as IM allows.
	// A user missing from the result could not be asked about; err is then non-nil
	// and says why for at least one of them. Users of whom IM has never heard are
	// StatusOffline: nobody can be away more than that.
	Presence(ctx context.Context, users []UserID) (map[UserID]Status, error)
}

// Sender sends cards.
type Sender interface {
	// Send sends c and returns WeChat's message id, or 0 if it told none. What to do
	// about an error is ClassOf(err). Send never repeats a request that may have
	// been received.
	Send(ctx context.Context, c Card) (msgID int64, err error)
}

// Recorder stores facts.
//
// Implementations are safe for concurrent use, honour ctx and are idempotent: a
// fact that was recorded before changes nothing.
type Recorder interface {
	// Record stores facts in one round trip, an Erase apart, each in one atomic step per
	// recipient.
	// wake is true when something falls due soon and no run of deliver is watching.
	// On an error any part of facts may have been stored; recording all of them again
	// is safe.
	Record(ctx context.Context, rules Rules, facts []Fact) (wake bool, err error)
}

// Courier reaches deliver without the store.
type Courier interface {
	// Wake starts a run of deliver soon. It does not wait for it.
	Wake(ctx context.Context) error
	// Spill hands facts that could not be recorded to deliver, which records them
	// when the store is back. When it returns nil, they are safe. since is when they
	// were first spilled.
	Spill(ctx context.Context, facts []Fact, since time.Time) error
}

// Store is the deliverer's side of the store: the queue of recipients for whom
// something is due, and the protocol that sends a card exactly once at most.
//
// A send touches two records that no single step can change together: the
// recipient's (what waits) and the subscriber's (what he permitted). So it goes
//
//	Begin    recipient    these notices go into this card
//	Reserve  subscriber   a permit is held for it, the card is "sending"
//	         the HTTP request
//	Settle   subscriber   the card's outcome, the permit's fate
//	Finish   recipient    the notices are done, or wait again
//
// and whoever finds it half done calls Resolve, which either proves that nothing
// was sent and makes sure that nothing will be, or says how it ended.
//
// Implementations are safe for concurrent use by many processes and honour ctx.
// Each method may be repeated with the same arguments after an error; it then has
// the effect of one call.
type Store interface {
	// Claim hands out up to about limit recipients for whom something is due and
	// hides them from other callers for Lease. It also notes that this run is
	// watching, so that Record need not wake another.
	Claim(ctx context.Context, limit int) (Batch, error)

	// Begin moves notices into cards, one per recipient. The answer has one entry per
	// request: the messages that are still wanted; nil if the lease is lost or nothing is
	// wanted any more. With an error the entries that are not nil have begun.
	Begin(ctx context.Context, cards []Begin) ([][]MessageID, error)

	// Reserve holds a permit for a card that was begun.
	Reserve(ctx context.Context, r Reserve) (Reserved, error)

	// Settle writes down how a card ended and what becomes of its permit. A card that
	// was settled before keeps its first outcome.
	Settle(ctx context.Context, s Settle) error

	// Resolve says how a card that an earlier run began has ended. A card of which the
	// subscriber's side has never heard is voided: it can no longer be reserved. A
	// card whose sender let its lease pass is settled as unknown, its permit spent.
	Resolve(ctx context.Context, c OpenCard) (Resolved, error)

	// Finish writes down what became of claimed recipients and lets go of them. Entries
	// whose lease is lost change nothing. The answer says per entry which ends came
	// about: what was read or recalled meanwhile has ended already, or, if it was on a
	// card that did not go out, ends so now.
	Finish(ctx context.Context, fs []Finish) ([][]Ended, error)

	// Rest returns when the next recipient is due if that is before until. Otherwise
	// it returns the zero time and notes that this run has stopped watching, in one
	// step, so that nothing that arrives meanwhile is missed.
	Rest(ctx context.Context, until time.Time) (time.Time, error)
}

// Lease is for how long a claimed recipient and a sending card are in one run's
// hands. What is not finished by then may be taken up by another run.
const Lease = 60 * time.Second

// A Batch is what Claim hands out.
type Batch struct {
	Now        time.Time // the store's clock, by which to decide
	Recipients []Recipient
	// Skipped says which recipients could not be read; they are handed out again when
	// their lease ends. Nil if none.
	Skipped error
}

// A Begin asks to move messages of a claimed recipient into a card.
type Begin struct {
	User     UserID
	Lease    string
	Card     CardID
	Template TemplateID
	Messages []MessageID
}

// A Reserve asks to hold a permit.
type Reserve struct {
	Card     CardID
	OpenID   OpenID
	User     UserID // to whom the openid must be bound
	Template TemplateID
}

// Reserved is the answer to a Reserve.
type Reserved struct {
	Status ReserveStatus
	Until  time.Time // ReserveBusy: when the other card's lease ends
}

// A ReserveStatus says whether a card may be sent.
type ReserveStatus string

// The answers to a Reserve.
const (
	ReserveOK       ReserveStatus = "ok"        // send now
	ReserveNoPermit ReserveStatus = "no permit" // nothing to pay with
	ReserveUnbound  ReserveStatus = "unbound"   // the openid belongs to another user now
	ReserveErased   ReserveStatus = "erased"    // the user asked to be forgotten
	ReserveBusy     ReserveStatus = "busy"      // another card of this template is being sent to him
	ReserveVoid     ReserveStatus = "void"      // somebody else took the card over
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
	Detail   string // an error code, for people
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
	PermitSpent    PermitFate = "spent"
	PermitRefunded PermitFate = "refunded"
	PermitZeroed   PermitFate = "zeroed" // this one and every older one: WeChat knows of none
)

// Resolved is how a card ended.
type Resolved struct {
	State  CardState
	Final  State     // of the notices it carries; empty: they wait again
	Until  time.Time // CardSending: when its lease ends
	Detail string
}

// A Finish is what became of a claimed recipient.
type Finish struct {
	User  UserID
	Lease string
	Card  CardID // the card that was begun for him; empty if none
	Final []Final
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
