package im

import (
	"slices"
	"strings"

	"wxnotify/shared/fact"
)

// Facts returns what the domain should record.
//
// Nobody behind an account that begins with "@" can be told anything: those are bots,
// official accounts and the system. Messages of our own admin are not left out; the
// domain knows its name. A Before that belongs to a group has no identity, but a call
// that it signals has one of its own.
func (c Callback) Facts() []fact.Fact {
	switch {
	case c.Message != nil:
		return c.messageFacts()
	case c.GroupMessage != nil:
		return c.groupFacts()
	case c.Kind == KindCall:
		return c.callFacts(fact.CallWebhook, "")
	case c.GroupRecall != nil:
		return c.GroupRecall.facts()
	case c.Read != nil && !reserved(c.Read.Reader):
		return []fact.Fact{{Read: c.Read}}
	case c.Recall != nil && !reserved(c.Recall.To):
		return []fact.Fact{{Recall: c.Recall}}
	case c.State != nil && !reserved(c.State.User):
		if online, known := c.State.Online(); known {
			return []fact.Fact{{Presence: &fact.Presence{User: c.State.User, Online: online, At: c.State.At}}}
		}
	}
	return nil
}

func (c Callback) messageFacts() []fact.Fact {
	m := c.Message.Message
	var facts []fact.Fact
	if !reserved(m.To) {
		facts = append(facts, fact.Fact{Message: &m})
	}
	return append(facts, c.signalFacts(fact.Between(m.From, m.To), m.FailedCode, m.OnlineOnly)...)
}

func (c Callback) groupFacts() []fact.Fact {
	m := c.GroupMessage
	if live(m.Type) {
		return nil
	}
	var facts []fact.Fact
	if !m.Before {
		facts = append(facts, fact.Fact{GroupMessage: &fact.GroupMessage{
			Group: groupOf(m.GroupID, m.TopicID), Type: groupType(m.Type), From: m.From, SentAt: m.SentAt, Seq: m.Seq,
			Summary: m.Summary, OnlineOnly: m.OnlineOnly, Silent: m.Silent, ByREST: m.byServer(), FailedCode: m.FailedCode,
			At: people(m.At), AtAll: m.AtAll,
		}})
	}
	return append(facts, c.signalFacts(fact.InGroup(fact.GroupID(m.GroupID)), m.FailedCode, m.OnlineOnly)...)
}

// groupOf names what numbers its messages: the topic, where there is one.
func groupOf(group, topic string) fact.GroupID {
	if topic != "" {
		return fact.GroupID(topic)
	}
	return fact.GroupID(group)
}

// live: nobody is a member of these who could be away.
// Source: https://cloud.tencent.com/document/product/269/1502
func live(groupType string) bool { return groupType == "AVChatRoom" || groupType == "Live" }

// groupType gives two types the names that callbacks print; consoles and SDKs have
// others for them.
// Source: https://cloud.tencent.com/document/product/269/1617
func groupType(s string) fact.GroupType {
	switch s {
	case "Work":
		return fact.GroupPrivate
	case "Meeting":
		return fact.GroupChatRoom
	}
	return fact.GroupType(s)
}

// people returns those of users who can be told something, once each.
func people(users []fact.UserID) []fact.UserID {
	return slices.DeleteFunc(distinct(users), reserved)
}

// reserved: @RBT# bots, @TOA# official accounts, @TIM#SYSTEM.
// Source: https://cloud.tencent.com/document/product/269/32688
func reserved(user fact.UserID) bool { return strings.HasPrefix(string(user), "@") }
