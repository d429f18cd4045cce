// Package card makes a card of what waits: the subscribe message that goes out, by the operator's
// templates and WeChat's rules for the values. It is pure, and says nothing of who is told, or when.
package card

import "wxnotify/shared/fact"

// A Card is a rendered subscribe message, ready to be sent. Every value in Data is
// legal for its keyword.
type Card struct {
	ID       ID
	To       fact.OpenID
	Template fact.TemplateID
	// Page is a path of the mini program with an optional query and no leading
	// slash; empty: the card opens nothing.
	Page string
	// Data maps keywords, such as thing1, to values.
	Data             map[string]string
	MiniProgramState string // developer, trial or formal
	Lang             string // zh_CN, en_US, zh_HK or zh_TW
}

// A Queue is a queue of its own: what rings must not wait behind what does not.
type Queue string

// The queues.
const (
	QueueMessages Queue = "messages"
	QueueCalls    Queue = "calls"
)
