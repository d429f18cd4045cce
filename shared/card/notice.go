package card

import (
	"cmp"
	"time"

	"wxnotify/shared/fact"
)

// A Notice is a message that waits for one recipient.
type Notice struct {
	ID           fact.Identity
	Kind         fact.Kind
	From         fact.UserID  // who sent it, or calls
	Group        fact.GroupID // where; empty in a one-to-one conversation
	SentAt       time.Time
	Seq          uint32
	Summary      string             // empty unless previews of text are allowed
	WindowEnd    time.Time          // until when IM's "online" may be stale for it
	Expires      time.Time          // from then on it is not announced; of a call: when the ringing ends
	Announcement *fact.Announcement // of the operator's backend; nil for what IM told
}

// Peer is the conversation that the notice is from, as a mini program opens it: a user
// or a group.
func (n Notice) Peer() string {
	if n.Group != "" {
		return string(n.Group)
	}
	return string(n.From)
}

// Compare orders notices as their messages were sent.
func (n Notice) Compare(o Notice) int {
	return cmp.Or(n.SentAt.Compare(o.SentAt), cmp.Compare(n.Seq, o.Seq), cmp.Compare(n.ID.ID(), o.ID.ID()), cmp.Compare(n.ID, o.ID))
}

// OfGroup reports whether the notice is of a message that was sent to a group.
func (n Notice) OfGroup() bool {
	return n.Group != "" && n.Kind != fact.KindCall && n.Kind != fact.KindMissedCall
}
