package notify

import (
	"context"
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

// Asker asks IM who is there and what he has not read.
type Asker interface {
	// Presence returns the status of each of users, in as few calls as IM allows.
	// A user missing from the result could not be asked about; err is then non-nil
	// and says why for at least one of them. Users of whom IM has never heard are
	// StatusOffline: nobody can be away more than that.
	Presence(ctx context.Context, users []UserID) (map[UserID]Status, error)
	// Unread returns how many messages user has not read: in all one-to-one
	// conversations together, and with each of peers, of which it asks for the first 10.
	Unread(ctx context.Context, user UserID, peers []UserID) (total int, by map[UserID]int, err error)
}

// Directory knows groups and names.
type Directory interface {
	// Members returns one page of a group's members and what to ask for the next page:
	// "" for the first, and "" when there is none. ErrNoGroup: there is no such group,
	// or none with members who could be told.
	Members(ctx context.Context, group GroupID, typ GroupType, page string) (members []Member, next string, err error)
	// MembersAmong returns those of users who are members, in as few calls as IM allows.
	MembersAmong(ctx context.Context, group GroupID, users []UserID) ([]Member, error)
	// Names returns the nicknames of users who have one. A user missing from the result
	// has none, or could not be asked about; err is then non-nil.
	Names(ctx context.Context, users []UserID) (map[UserID]string, error)
	// GroupNames is Names for groups.
	GroupNames(ctx context.Context, groups []GroupID) (map[GroupID]string, error)
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
	// Record stores facts in one round trip, those about an openid in two more and an Erase apart,
	// each in one atomic step per recipient.
	// wake is true when something falls due soon and no run of deliver is watching.
	// On an error any part of facts may have been stored; recording all of them again
	// is safe. It wraps ErrUnreadable if nothing but that is wrong: then all steps of other
	// recipients are done, an Erase apart.
	Record(ctx context.Context, rules Rules, facts []Fact) (wake bool, err error)
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
//
// A Store is a Recorder too: what a group's message is for each of its members is
// recorded as what it is, a message for one recipient.
type Store interface {
	Recorder
	Spreader
	Breaker
	NameCache

	// Claim hands out up to about limit recipients of each lane for whom something is
	// due and hides them from other callers for Lease. It also notes that this run is
	// watching, so that Record need not wake another.
	Claim(ctx context.Context, limit int) (Batch, error)

	// ClaimCalls is Claim for the lane of calls alone.
	ClaimCalls(ctx context.Context, limit int) (Batch, error)

	// Begin moves notices into cards, one per recipient. The answer has one entry per
	// request: the messages that are still wanted; nil if the lease is lost or nothing is
	// wanted any more. With an error the entries that are not nil have begun. Asked again, it
	// leaves out what was read, recalled or answered since.
	Begin(ctx context.Context, cards []Begin) ([][]Identity, error)

	// Reserve holds a permit for a card that was begun.
	Reserve(ctx context.Context, r Reserve) (Reserved, error)

	// Settle writes down how a card ended and what becomes of its permit. A card that
	// was settled before keeps its first outcome. The answer is how the card has ended
	// now: WeChat's own report, which may have come first, overrules an unknown. CardUnknown
	// for a card that was given up before: Reconcile tells its end.
	Settle(ctx context.Context, s Settle) (CardState, error)

	// Resolve says how a card that an earlier run began has ended. A card of which the
	// subscriber's side has never heard is voided: it can no longer be reserved. A
	// card whose sender let its lease pass is settled as unknown, its permit spent.
	Resolve(ctx context.Context, c OpenCard) (Resolved, error)

	// Finish writes down what became of claimed recipients and lets go of them. Entries
	// whose lease is lost change nothing. The answer says per entry which ends came
	// about: what was read or recalled meanwhile has ended already, or, if it was on a
	// card that did not go out, ends so now.
	Finish(ctx context.Context, rules Rules, fs []Finish) ([][]Ended, error)

	// Reconcile writes down, at their recipients, the ends of cards that were unknown
	// and are so no longer: WeChat has told, or has been silent for too long. It also
	// corrects what WeChat told of a card later. It returns the ends that came about.
	Reconcile(ctx context.Context, limit int) ([]Ended, error)

	// PaceWithin takes n from what all instances together may do perSecond under name, and
	// returns for how long to wait before doing it. If that is more than atMost it takes
	// nothing, and reserved is false: the caller does not do it now.
	PaceWithin(ctx context.Context, name string, perSecond, n int, atMost time.Duration) (wait time.Duration, reserved bool, err error)

	// Rest returns when the next recipient is due if that is before until. Otherwise
	// it returns the zero time and notes that this run has stopped watching, in one
	// step, so that nothing that arrives meanwhile is missed.
	Rest(ctx context.Context, until time.Time) (time.Time, error)
}

// Lease is for how long a claimed recipient and a sending card are in one run's
// hands. What is not finished by then may be taken up by another run.
const Lease = 60 * time.Second

// InFlight is for how long after Reserve a card may be on its way to WeChat, which takes one
// card to a user at a time: meanwhile none of another template is reserved for the openid. No send
// outlives it: the sender gives up at sendBudget (12 s) after it asked for the permit, so at that
// after the store reserved at the latest, even if the answer was lost and the question repeated.
// The 13th second is for what is on its way when it gives up.
const InFlight = sendBudget + time.Second

// Spreader keeps the group messages that still have to reach their members.
type Spreader interface {
	// Spreads hands out up to limit of them and hides them from other callers for Lease.
	Spreads(ctx context.Context, limit int) ([]Spread, error)
	// Advance writes down how far a spread has come: page is the next page of members;
	// with done there is none, and the spread is forgotten. It changes nothing if the
	// lease is lost.
	Advance(ctx context.Context, s Spread, page string, done bool) error
	// Recalled returns those of messages of groups that were taken back.
	Recalled(ctx context.Context, messages []GroupMessageRef) (map[MessageID]bool, error)
}

// A Spread is a group message on its way to the members.
type Spread struct {
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

// Breaker keeps the circuits: what is not tried for a while because it would fail for
// everybody.
type Breaker interface {
	// Trip opens a circuit, or keeps it open for longer.
	Trip(ctx context.Context, c Circuit) error
	// Probe reports whether the caller is the one who may try whether an open circuit
	// can close, of all who ask while for.
	Probe(ctx context.Context, name string, while time.Duration) (bool, error)
	// CloseCircuit closes a circuit: what it stood for works again.
	CloseCircuit(ctx context.Context, name string) error
	// CountGone counts an openid that WeChat does not know and returns how many
	// different ones there were in a row. An empty openID ends the row.
	CountGone(ctx context.Context, openID OpenID) (int, error)
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

// NameCache keeps names that were looked up, under a user's id or "@" and a group's.
type NameCache interface {
	// CachedNames returns what is kept of ids. A name kept as empty is one that does not
	// exist.
	CachedNames(ctx context.Context, ids []string) (map[string]string, error)
	KeepNames(ctx context.Context, names map[string]string, ttl time.Duration) error
}

// A Batch is what Claim hands out.
type Batch struct {
	Now        time.Time   // the store's clock, by which to decide
	Recipients []Recipient // calls first
	Circuits   []Circuit   // those that are open, or were and have not been tried since
	GoneInRow  int         // different openids in a row that WeChat does not know
	Spreads    bool        // group messages wait to be spread
	Overdue    bool        // cards wait to be reconciled
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
	Lane     Lane
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
	Lane     Lane
	Template TemplateID
	Messages []Identity
	// LongTerm: one permit pays for any number of cards.
	LongTerm bool
	// Digest: Keep permits have to be left, with Learn at least as many as this
	// subscriber may need before he grants again.
	Digest bool
	Keep   int
	Learn  bool
	// NewAbsence: the ledger learns that a permit is wanted for another absence.
	NewAbsence bool
	// PerHour is how many cards he may get in an hour.
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
	ReserveOK       ReserveStatus = "ok"        // send now
	ReserveNoPermit ReserveStatus = "no permit" // nothing to pay with
	ReserveUnbound  ReserveStatus = "unbound"   // the openid belongs to another user now
	ReserveErased   ReserveStatus = "erased"    // the user asked to be forgotten
	ReserveBusy     ReserveStatus = "busy"      // another card is being sent to this openid
	ReserveKept     ReserveStatus = "kept"      // the permits left are kept for coming absences
	ReserveGone     ReserveStatus = "gone"      // WeChat does not know the openid, until a new login
	ReserveTooMany  ReserveStatus = "too many"  // he got as many cards this hour as he may
	ReserveVoid     ReserveStatus = "void"      // somebody else took the card over, or it holds a permit of another template
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
	// User, Lane and Messages say whose card it is, for a store that has forgotten.
	User     UserID
	Lane     Lane
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
	Lane  Lane
	Lease string
	Card  CardID // the card that was begun for him; empty if none
	Final []Final
	// Handed are notices whose card is unknown: Reconcile will tell their end.
	Handed []Identity
	// Missed are calls that rang in vain: they are told as missed from now on, in the
	// lane of messages, if the rules say so; else they end.
	Missed []Identity
	// Absence is how the recipient's absence goes on. It is dropped if he was seen since
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
