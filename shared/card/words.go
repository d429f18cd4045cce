package card

import (
	"fmt"

	"wxnotify/shared/fact"
)

// words are the texts of our own that a card may show.
type words struct {
	message string // instead of a text that must not be shown
	name    string // instead of a person's name
	service string // instead of the name of the operator's backend
	group   string // instead of a group's name
	noGroup string // for what was not said in a group
	call    string
	missed  string
	mention string                 // what a sender did
	from    func(count int) string // what a sender has sent
}

var chinese = words{
	message: "您有新消息",
	name:    "好友",
	service: "系统通知",
	group:   "群聊",
	noGroup: "单聊",
	call:    "邀请您通话",
	missed:  "您有未接来电",
	mention: "在群里@了您",
	from: func(n int) string {
		if n == 1 {
			return "给您发来一条新消息"
		}
		return fmt.Sprintf("给您发来%d条新消息", n)
	},
}

var english = words{
	message: "New message",
	name:    "A friend",
	service: "The service",
	group:   "A group",
	noGroup: "Direct chat",
	call:    "is calling you",
	missed:  "Missed call",
	mention: "mentioned you",
	from: func(n int) string {
		if n == 1 {
			return "sent you a message"
		}
		return fmt.Sprintf("sent %d messages", n)
	},
}

// wordsFor returns the texts for a card's language.
func wordsFor(lang string) words {
	if lang == "en_US" {
		return english
	}
	return chinese
}

// neutral says that something of kind waits, and no more.
func (w words) neutral(kind fact.Kind) string {
	switch kind {
	case fact.KindCall:
		return w.call
	case fact.KindMissedCall:
		return w.missed
	}
	return w.message
}

// summary says what a sender did, count notices in all.
func (w words) summary(kind fact.Kind, count int) string {
	switch {
	case kind == fact.KindCall, kind == fact.KindMissedCall && count == 1:
		return w.neutral(kind)
	case kind == fact.KindMention && count == 1:
		return w.mention
	}
	return w.from(count)
}
