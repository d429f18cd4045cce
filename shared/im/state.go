package im

import (
	"time"

	"wxnotify/shared/fact"
)

// A StateChange says that a device of User came or went. Online is per user, not per
// device: IM sends it for each.
// Source: https://cloud.tencent.com/document/product/269/2570
type StateChange struct {
	User   fact.UserID
	Action string // Login, Logout, Disconnect; others may come
	Reason string // Register, Unregister, LinkClose, TimeOut; others may come
	At     time.Time
}

// Online reports what Action says of the user. An Action that we do not know, such as
// that of a custom status, says nothing: known is false.
func (s StateChange) Online() (online, known bool) {
	switch s.Action {
	case "Login":
		return true, true
	case "Logout", "Disconnect":
		return false, true
	}
	return false, false
}

func decodeState(cb *Callback, f *fields, _ bool) {
	cb.Kind = KindState
	info := f.object.object("Info")
	cb.State = &StateChange{Action: info.str("Action"), Reason: info.str("Reason")}
	if _, known := cb.State.Online(); !known { // it says nothing, so nothing of it must be there
		return
	}
	cb.State.User = fact.UserID(f.requireIDIn(info, "To_Account", "Info.To_Account"))
	cb.State.At = f.requireMoment("EventTime")
}
