package fact

import (
	"crypto/sha1"
	"encoding/hex"
)

// HashOf names a user or a conversation where the name itself is not needed.
func HashOf(name string) string {
	if name == "" {
		return ""
	}
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:8])
}

// GroupPeer is a group's name among conversations, and the key of its name among Names. No user's
// begins with "@".
func GroupPeer(g GroupID) string { return "@" + string(g) }

// HashOfConversation names a conversation where its name is not needed: with a user, or in a group.
func HashOfConversation(user UserID, group GroupID) string {
	if group != "" {
		return HashOf(GroupPeer(group))
	}
	return HashOf(string(user))
}
