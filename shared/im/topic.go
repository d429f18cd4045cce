package im

import (
	"strings"

	"wxnotify/shared/fact"
)

// Topics are not groups for the REST API: members and names are those of the community
// whose id begins the topic's. (The private topics of the enterprise edition have members
// of their own; callbacks do not mark them.)
// Source: https://cloud.tencent.com/document/product/269/1502
const (
	topicMark       = "@TOPIC#_"
	communityPrefix = "@TGS#_"
)

// communityOf returns the group to ask about: group itself, or the community of a topic;
// "" if the topic does not tell it.
func communityOf(group fact.GroupID) fact.GroupID {
	community, _, _ := strings.Cut(string(group), topicMark)
	return fact.GroupID(community)
}

func isCommunity(group fact.GroupID, typ fact.GroupType) bool {
	return typ == fact.GroupCommunity || strings.HasPrefix(string(group), communityPrefix)
}
