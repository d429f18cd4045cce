package notify

import (
	"cmp"
	"slices"
	"time"
)

// A Notice is a message that waits for one recipient.
type Notice struct {
	ID        MessageID
	Peer      UserID // who sent it
	SentAt    time.Time
	Seq       uint32
	Summary   string    // empty unless previews of text are allowed
	WindowEnd time.Time // until when IM's "online" may be stale for it
}

// sortNotices puts notices into the order in which their messages were sent.
func sortNotices(ns []Notice) {
	slices.SortStableFunc(ns, func(a, b Notice) int {
		return cmp.Or(a.SentAt.Compare(b.SentAt), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.ID, b.ID))
	})
}

// ids returns the identities of ns.
func ids(ns []Notice) []MessageID {
	out := make([]MessageID, len(ns))
	for i, n := range ns {
		out[i] = n.ID
	}
	return out
}

// A Recipient is what a run knows of somebody for whom something is due.
type Recipient struct {
	User   UserID
	OpenID OpenID
	// Known is what the last presence fact said: StatusOnline, StatusOffline, or
	// StatusUnknown if there was none.
	Known   Status
	Notices []Notice
	// Open is a card that an earlier run began and did not finish; nil if none.
	Open *OpenCard
	Carried
	// Lease proves to the store that the recipient is in our hands.
	Lease string
}

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
	Messages []MessageID
}
