package notify

import (
	"errors"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
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
	User fact.UserID
	// Muted: they do not want to be told of this group. MentionsOnly: only when they are
	// mentioned.
	Muted, MentionsOnly bool
}

// ErrUnreadable says that the store holds something that cannot be read. To try again helps only
// when it has been mended. The error that wraps it names the key.
var ErrUnreadable = errors.New("the store holds something unreadable")

// Accepted says what became of a message when it was recorded.
type Accepted struct {
	State  fact.State // empty: it waits, or did so before
	Reason fact.Reason
	Err    error // wraps ErrUnreadable: it was not recorded, and only for this recipient
}

// A FanOut is a group message on its way to the members.
type FanOut struct {
	Message  fact.GroupMessage
	Page     string // of members, to go on with
	Attempts int    // how often it was handed out before
	Lease    string
}

// A GroupMessageRef names a message of a group.
type GroupMessageRef struct {
	Group fact.GroupID
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
	Next          time.Time   // when something is due next, where nothing is and that is known
	FanOuts       bool        // group messages wait to be fanned out
	Overdue       bool        // cards wait to be reconciled
	Forgetting    bool        // erasures wait to be gone on with
	// Skipped says which recipients could not be read; they are handed out again when
	// their lease ends. Nil if none.
	Skipped error
	// Unsafe says how the store is set so that it may lose what it has acknowledged. It is told
	// once by an instance.
	Unsafe error
}

// A Begin asks to move messages of a claimed recipient into a card.
type Begin struct {
	User     fact.UserID
	Queue    card.Queue
	Lease    string
	Card     card.ID
	Template fact.TemplateID
	Messages []fact.Identity
	At       time.Time // by the clock of the run's steps, for the timeline
}

// A Finish is what became of a claimed recipient.
type Finish struct {
	User  fact.UserID
	Queue card.Queue
	Lease string
	Card  card.ID // the card that was begun for them; empty if none
	Final []Final
	// Handed are notices whose card is unknown: Reconcile will tell their end.
	Handed []fact.Identity
	// Unanswered are calls that went unanswered: they are told as missed from now on, in the
	// queue of messages, if the rules say so; else they end.
	Unanswered []fact.Identity
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

// Recorded is what came of facts.
type Recorded struct {
	Wake  bool // something falls due soon, and no run of deliver watches
	Ended []RecipientEnded
}

// RecipientEnded is Ended of one recipient.
type RecipientEnded struct {
	User fact.UserID
	Ended
}

// Ended says how many messages reached a final state.
type Ended struct {
	State    fact.State
	Reason   fact.Reason
	Messages int
}
