package notify

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// A Notice is a message that waits for one recipient.
type Notice struct {
	ID           Identity
	Kind         Kind
	From         UserID  // who sent it, or calls
	Group        GroupID // where; empty in a one-to-one conversation
	SentAt       time.Time
	Seq          uint32
	Summary      string        // empty unless previews of text are allowed
	WindowEnd    time.Time     // until when IM's "online" may be stale for it
	Expires      time.Time     // from then on it is not announced; of a call: when the ringing ends
	Announcement *Announcement // of the operator's backend; nil for what IM told
}

// Peer is the conversation that the notice is from, as a mini program opens it: a user
// or a group.
func (n Notice) Peer() string {
	if n.Group != "" {
		return string(n.Group)
	}
	return string(n.From)
}

// sortNotices puts notices into the order in which their messages were sent.
func sortNotices(ns []Notice) {
	// Not slices.SortFunc, which for a struct as large is compiled into 15 KB more.
	sort.SliceStable(ns, func(i, j int) bool {
		return ns[i].compare(ns[j]) < 0
	})
}

// compare orders notices as their messages were sent.
func (n Notice) compare(o Notice) int {
	return cmp.Or(n.SentAt.Compare(o.SentAt), cmp.Compare(n.Seq, o.Seq), cmp.Compare(n.ID.ID(), o.ID.ID()), cmp.Compare(n.ID, o.ID))
}

// identities returns the identities of ns.
func identities(ns []Notice) []Identity {
	out := make([]Identity, len(ns))
	for i, n := range ns {
		out[i] = n.ID
	}
	return out
}

// A Recipient is what a run knows of somebody for whom something is due.
type Recipient struct {
	User   UserID
	Queue  Queue
	OpenID OpenID
	// Known is what the last presence fact said: StatusOnline, StatusOffline, or
	// StatusUnknown if there was none.
	Known Status
	// Quiet are the user's own quiet hours.
	Quiet   QuietHours
	Absence Absence
	Notices []Notice
	// Open is a card that an earlier run began and did not finish; nil if none.
	Open *OpenCard
	Carried
	// Lease proves to the store that the recipient is in our hands.
	Lease string
}

// Latest returns the notice whose message was sent last; the zero Notice if there is none.
func (r Recipient) Latest() (last Notice) {
	if len(r.Notices) > 0 {
		last = slices.MaxFunc(r.Notices, Notice.compare)
	}
	return last
}

// A Queue is a queue of its own: what rings must not wait behind what does not.
type Queue string

// The queues.
const (
	QueueMessages Queue = "messages"
	QueueCalls    Queue = "calls"
)

// An Absence is what a recipient was told since they were last seen. The zero Absence is a
// new one.
type Absence struct {
	Cards int       // how many cards went out, announcements apart
	Last  time.Time // when the last of them went, or was kept back
	// Kept counts the digests kept back to save a permit; Last moves with it.
	Kept int
	// Counted: a permit was asked for, whether or not there was one. The ledger has
	// learnt of this absence.
	Counted bool
}

// An AbsenceStep is how an absence goes on.
type AbsenceStep string

// The steps of an absence; "" changes nothing.
const (
	AbsenceSeen    AbsenceStep = "seen"    // they are back: it is over
	AbsenceCounted AbsenceStep = "counted" // a permit was asked for
	AbsenceTold    AbsenceStep = "told"    // and a card went out
	AbsenceKept    AbsenceStep = "kept"    // a digest was kept back
)

// Carried is what one look at a recipient tells the next.
type Carried struct {
	// AskedSince is when IM first failed to say where the recipient is; zero if it
	// answered last time.
	AskedSince time.Time
	// Attempts counts the failed sends since the last that went well, those that the
	// rules bound.
	Attempts int
	// Neutral: WeChat refused the wording of an earlier card with what waits.
	Neutral bool
}

// An OpenCard names a card that was begun, and what it carries.
type OpenCard struct {
	ID       CardID
	OpenID   OpenID
	Template TemplateID
	Messages []Identity
}

// senders returns who sent notices, each once.
func senders(ns []Notice) []UserID {
	var out []UserID
	for _, n := range ns {
		if n.From != "" && !slices.Contains(out, n.From) {
			out = append(out, n.From)
		}
	}
	return out
}

// OfGroup reports whether the notice is of a message that was sent to a group.
func (n Notice) OfGroup() bool {
	return n.Group != "" && n.Kind != KindCall && n.Kind != KindMissedCall
}
