package im

import (
	"strings"

	"wxnotify/shared/notify"
)

// Facts returns what the domain should record: one-to-one messages, read reports,
// recalls and presence. Groups and calls give none yet.
//
// Nobody behind an account that begins with "@" can be told anything: those are bots,
// official accounts and the system. Messages of our own admin are not left out; the
// domain knows its name.
func (c Callback) Facts() []notify.Fact {
	switch {
	case c.Message != nil && !reserved(c.Message.To):
		m := c.Message.Message
		return []notify.Fact{{Message: &m}}
	case c.Read != nil && !reserved(c.Read.Reader):
		return []notify.Fact{{Read: c.Read}}
	case c.Recall != nil && !reserved(c.Recall.To):
		return []notify.Fact{{Recall: c.Recall}}
	case c.State != nil && !reserved(c.State.User):
		if online, known := c.State.Online(); known {
			return []notify.Fact{{Presence: &notify.Presence{User: c.State.User, Online: online, At: c.State.At}}}
		}
	}
	return nil
}

// reserved: @RBT# bots, @TOA# official accounts, @TIM#SYSTEM.
// Source: https://cloud.tencent.com/document/product/269/32688
func reserved(user notify.UserID) bool { return strings.HasPrefix(string(user), "@") }
