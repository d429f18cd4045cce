package fact

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// An Identity tells the notices of one recipient apart. It is made of what a message is, of who
// gives it its id, and of that id. Chat users choose the ids of their calls, and the
// operator's backend those of its announcements, so an id alone could be somebody else's.
//
// Identities are made by the Identity methods of facts and nowhere else; to all others they are
// opaque but for ID.
type Identity string

// The sorts of Identities, each with what gives the ids of its sort.
const (
	sortMessage      = "m" // the platform, per sender
	sortGroupMessage = "g" // the platform, per group
	sortSignal       = "s" // clients, per conversation
	sortWebhook      = "w" // the platform
	sortAnnouncement = "a" // the operator's backend

	sorts = sortMessage + sortGroupMessage + sortSignal + sortWebhook + sortAnnouncement
)

// scopeEnd is where the id begins: after the sort, 12 characters of the hash and a colon.
const scopeEnd = 14

// identify makes an Identity. The scope is hashed with the id, so that a sender who is erased
// cannot be followed from message to message.
func identify(sort, scope string, id MessageID) Identity {
	h := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(scope), scope, id))
	return Identity(sort + base64.RawURLEncoding.EncodeToString(h[:9]) + ":" + string(id))
}

// ID returns the id that people know: the MsgKey, group#seq, the inviteID, the CallId or the id of
// the announcement. Two Identities may have one ID. What no Identity method has made is an ID itself.
func (i Identity) ID() MessageID {
	if len(i) < scopeEnd || i[scopeEnd-1] != ':' || !strings.Contains(sorts, string(i[:1])) {
		return MessageID(i)
	}
	return MessageID(i[scopeEnd:])
}

// Identity returns what tells m apart.
func (m Message) Identity() Identity {
	switch {
	case m.Announcement != nil:
		return identify(sortAnnouncement, "", m.ID)
	case m.Group != "":
		return identify(sortGroupMessage, string(m.Group), m.ID)
	}
	return identify(sortMessage, string(m.From), m.ID)
}

// Identity returns what tells the message that r takes back apart.
func (r Recall) Identity() Identity { return identify(sortMessage, string(r.From), r.ID) }

// Identity returns what tells the call apart.
func (r Ring) Identity() Identity { return r.Source.identify(r.Conversation, r.Call) }

// Identity returns what tells the call apart.
func (r RingEnd) Identity() Identity { return r.Source.identify(r.Conversation, r.Call) }

func (s CallSource) identify(c Conversation, call MessageID) Identity {
	if s == CallWebhook {
		return identify(sortWebhook, "", call)
	}
	return identify(sortSignal, string(c), call)
}

// A Conversation is where a signal was said, as IM vouches for it: only who takes part in it can
// speak of a call that was signalled in it.
type Conversation string

// Between returns the one-to-one conversation of a and b, in any order.
func Between(a, b UserID) Conversation {
	return Conversation("c2c\n" + string(min(a, b)) + "\n" + string(max(a, b)))
}

// InGroup returns the conversation of a group.
func InGroup(g GroupID) Conversation { return Conversation("group\n" + string(g)) }

// MessageIDs returns the ids that people know; nil of none.
func MessageIDs(is []Identity) []MessageID {
	var out []MessageID
	for _, i := range is {
		out = append(out, i.ID())
	}
	return out
}
