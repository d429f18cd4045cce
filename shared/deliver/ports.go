package deliver

import (
	"context"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// Asker asks IM who is there and what they have not read.
type Asker interface {
	// Presence returns the status of each of users, in as few calls as IM allows.
	// A user missing from the result could not be asked about; err is then non-nil
	// and says why for at least one of them. Users of whom IM has never heard are
	// StatusOffline: nobody can be away more than that.
	Presence(ctx context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error)
	// Unread returns how many messages user has not read: in all one-to-one
	// conversations together, and with each of peers, of which it asks for the first 10.
	Unread(ctx context.Context, user fact.UserID, peers []fact.UserID) (total int, by map[fact.UserID]int, err error)
}

// Directory knows groups and names.
type Directory interface {
	// Members returns one page of a group's members and what to ask for the next page:
	// "" for the first, and "" when there is none. ErrNoGroup: there is no such group,
	// or none with members who could be told.
	Members(ctx context.Context, group fact.GroupID, typ fact.GroupType, page string) (members []notify.Member, next string, err error)
	// MembersAmong returns those of users who are members, in as few calls as IM allows.
	MembersAmong(ctx context.Context, group fact.GroupID, users []fact.UserID) ([]notify.Member, error)
	// Names returns the nicknames of users who have one. A user missing from the result
	// has none, or could not be asked about; err is then non-nil.
	Names(ctx context.Context, users []fact.UserID) (map[fact.UserID]string, error)
	// GroupNames is Names for groups.
	GroupNames(ctx context.Context, groups []fact.GroupID) (map[fact.GroupID]string, error)
}

// Sender sends cards.
type Sender interface {
	// Send sends c and returns WeChat's message id, or 0 if it told none. What to do
	// about an error is ClassOf(err). Send never repeats a request that may have
	// been received.
	Send(ctx context.Context, c card.Card) (msgID int64, err error)
}

// Store is the deliverer's side of the store: the queue of recipients for whom
// something is due, and the protocol that sends a card at most once.
//
// A send touches two records that no single step can change together: the
// recipient's (what waits) and the subscriber's (what they permitted). So it goes
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
	Queue
	Cards
	Groups
	Circuits
	NameCache
}

// Queue hands out recipients for whom something is due.
type Queue interface {
	// Claim hands out up to about limit recipients of each queue for whom something is
	// due and hides them from other callers for Lease. It also notes that this run is
	// watching, so that Record need not wake another.
	Claim(ctx context.Context, limit int) (notify.Batch, error)

	// ClaimCalls is Claim for the queue of calls alone.
	ClaimCalls(ctx context.Context, limit int) (notify.Batch, error)

	// Finish writes down what became of claimed recipients and lets go of them. Entries
	// whose lease is lost change nothing. The answer says per entry which ends came
	// about: what was read or recalled meanwhile has ended already, or, if it was on a
	// card that did not go out, ends so now.
	Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error)

	// PaceWithin takes n from what all instances together may do perSecond under name, and
	// returns for how long to wait before doing it. If that is more than atMost it takes
	// nothing, and reserved is false: the caller does not do it now.
	PaceWithin(ctx context.Context, name string, perSecond, n int, atMost time.Duration) (wait time.Duration, reserved bool, err error)

	// Forget goes on with erasures for which their callers had no time: it takes the names of users out of what waits for others,
	// for some seconds at most.
	Forget(ctx context.Context) error

	// Rest returns when the next recipient is due if that is before until. Otherwise
	// it returns the zero time and notes that this run has stopped watching, in one
	// step, so that nothing that arrives meanwhile is missed.
	Rest(ctx context.Context, until time.Time) (time.Time, error)
}

// Cards takes a card through its protocol.
type Cards interface {
	// Begin moves notices into cards, one per recipient. The answer has one entry per
	// request: the messages that are still wanted; nil if the lease is lost or nothing is
	// wanted any more. With an error the entries that are not nil have begun. Asked again, it
	// leaves out what was read, recalled or answered since.
	Begin(ctx context.Context, cards []notify.Begin) ([][]fact.Identity, error)

	// Reserve holds a permit for a card that was begun.
	Reserve(ctx context.Context, r permit.Reserve) (permit.Reserved, error)

	// Settle writes down how a card ended and what becomes of its permit. A card that
	// was settled before keeps its first outcome. The answer is how the card has ended
	// now: WeChat's own report, which may have come first, overrules an unknown. CardUnknown
	// for a card that was given up before: Reconcile tells its end.
	Settle(ctx context.Context, s permit.Settle) (permit.CardState, error)

	// Resolve says how a card that an earlier run began has ended. A card of which the
	// subscriber's side has never heard is voided: it can no longer be reserved. A
	// card whose sender let its lease pass is settled as unknown, its permit spent.
	Resolve(ctx context.Context, c permit.OpenCard) (permit.Resolved, error)

	// Reconcile writes down, at their recipients, the ends of cards that were unknown
	// and are so no longer: WeChat has told, or has been silent for too long. It also
	// corrects what WeChat told of a card later. It returns the ends that came about.
	Reconcile(ctx context.Context, limit int) ([]notify.Ended, error)
}

// Groups keeps the group messages that still have to reach their members.
type Groups interface {
	// Record records what a group's message is for each of its members, a message for one
	// recipient, as inbox.Recorder does.
	Record(ctx context.Context, rules notify.Rules, facts []fact.Fact) (notify.Recorded, error)
	// FanOuts hands out up to limit of them and hides them from other callers for Lease.
	FanOuts(ctx context.Context, limit int) ([]notify.FanOut, error)
	// Advance writes down how far a fan-out has come: page is the next page of members;
	// with done there is none, and the fan-out is forgotten. It changes nothing if the
	// lease is lost.
	Advance(ctx context.Context, s notify.FanOut, page string, done bool) error
	// Recalled returns those of messages of groups that were taken back.
	Recalled(ctx context.Context, messages []notify.GroupMessageRef) (map[fact.MessageID]bool, error)
}

// Circuits keeps the circuits: what is not tried for a while because it would fail for
// everybody.
type Circuits interface {
	// OpenCircuit opens a circuit, or keeps it open for longer.
	OpenCircuit(ctx context.Context, c notify.Circuit) error
	// TryCircuit reports whether the caller is the one who may try whether an open circuit
	// can close, of all who ask while for.
	TryCircuit(ctx context.Context, name string, while time.Duration) (bool, error)
	// CloseCircuit closes a circuit: what it stood for works again.
	CloseCircuit(ctx context.Context, name string) error
	// CountUnknownOpenID counts an openid that WeChat does not know and returns how many
	// different ones there were in a row. An empty openID ends the row.
	CountUnknownOpenID(ctx context.Context, openID fact.OpenID) (int, error)
}

// NameCache keeps names that were looked up, under a user's id or "@" and a group's.
type NameCache interface {
	// CachedNames returns what is kept of ids. A name kept as empty is one that does not
	// exist.
	CachedNames(ctx context.Context, ids []string) (map[string]string, error)
	KeepNames(ctx context.Context, names map[string]string, ttl time.Duration) error
}
