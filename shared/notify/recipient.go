package notify

import (
	"slices"
	"sort"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// sortNotices puts notices into the order in which their messages were sent.
func sortNotices(ns []card.Notice) {
	// Not slices.SortFunc, which for a struct as large is compiled into 15 KB more.
	sort.SliceStable(ns, func(i, j int) bool {
		return ns[i].Compare(ns[j]) < 0
	})
}

// identities returns the identities of ns.
func identities(ns []card.Notice) []fact.Identity {
	out := make([]fact.Identity, len(ns))
	for i, n := range ns {
		out[i] = n.ID
	}
	return out
}

// A Recipient is what a run knows of somebody for whom something is due.
type Recipient struct {
	User   fact.UserID
	Queue  card.Queue
	OpenID fact.OpenID
	// Known is what the last presence fact said: StatusOnline, StatusOffline, or
	// StatusUnknown if there was none.
	Known Status
	// Quiet are the user's own quiet hours.
	Quiet   QuietHours
	Absence Absence
	Notices []card.Notice
	// Open is a card that an earlier run began and did not finish; nil if none.
	Open *permit.OpenCard
	Carried
	// Lease proves to the store that the recipient is in our hands.
	Lease string
}

// Latest returns the notice whose message was sent last; the zero Notice if there is none.
func (r Recipient) Latest() (last card.Notice) {
	if len(r.Notices) > 0 {
		last = slices.MaxFunc(r.Notices, card.Notice.Compare)
	}
	return last
}

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

// senders returns who sent notices, each once.
func senders(ns []card.Notice) []fact.UserID {
	var out []fact.UserID
	for _, n := range ns {
		if n.From != "" && !slices.Contains(out, n.From) {
			out = append(out, n.From)
		}
	}
	return out
}
