package model_test

import (
	"fmt"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// ended is told of an end in a timeline. It returns what is wrong with it: a message ends
// once, but for one correction by WeChat, and the reason is true.
func (w *system) ended(r ref, step notify.Step) string {
	msg := w.model.messages[r]
	if msg == nil || msg.since == 0 && !msg.failed {
		return "" // erased
	}
	if msg.ended {
		switch {
		case msg.state == fact.StateDead && !msg.fixed && step.Reason != fact.ReasonReported: // its letter was opened
		case step.Reason == fact.ReasonReported && !msg.fixed && step.State != msg.state:
			msg.fixed = true
		default:
			return fmt.Sprintf("%v has ended %s, and now %s (%s)", r, msg.state, step.State, step.Reason)
		}
	}
	msg.ended, msg.state = true, step.State
	if !w.true(r.to, msg, step) {
		return fmt.Sprintf("%v ends %s (%s), which is not true", r, step.State, step.Reason)
	}
	return ""
}

// true reports whether a message may end so.
func (w *system) true(user fact.UserID, msg *message, step notify.Step) bool {
	p := w.model.person(user)
	switch step.State {
	case fact.StateDelivered:
		return msg.shown > 0 || step.Reason == fact.ReasonReported // of another's card, for all we know
	case fact.StateRead:
		return msg.read || p.read || msg.call != nil
	case fact.StateRecalled:
		g := w.model.groups[step.Messages[0].ID()]
		return msg.recalled || g != nil && g.recalled > 0
	case fact.StateAnswered, fact.StateEnded:
		return msg.call != nil && (msg.call.how != "" || !w.now().Before(msg.sent.Add(ringsFor).Add(-w.skewMost())))
	case fact.StateMuted:
		return msg.muted
	case fact.StateCameOnline:
		return p.online
	case fact.StateNotCounted:
		return msg.uncounted || step.Reason == fact.ReasonNotMember
	case fact.StateUnbound:
		return p.unbound > 0
	case fact.StateNoPermit:
		return true // said when it was reserved, or by WeChat
	case fact.StateRefused:
		return w.outcomes[card.ClassUnknownOpenID] || step.Reason == fact.ReasonReported
	case fact.StateQuota:
		return w.outcomes[card.ClassQuota] && w.old(msg)
	case fact.StateExpired:
		return w.old(msg)
	case fact.StateFailedIM:
		return msg.failed
	case fact.StateUnknown:
		return !w.wasReported(step.Card)
	case fact.StateDead:
		return w.anyDead()
	case fact.StateErased:
		return w.anyErased
	}
	return false
}

// old reports whether a message is past its time to live.
func (w *system) old(msg *message) bool {
	return !w.now().Before(msg.sent.Truncate(time.Second).Add(msg.lives).Add(-w.skewMost())) || msg.replays > 0
}

// skewMost is how far ahead of us some clock may be.
func (w *system) skewMost() time.Duration {
	if w.skewed {
		return 5 * time.Minute
	}
	return 0
}

func (w *system) anyDead() bool {
	for class := range w.outcomes {
		switch class {
		case card.ClassDefect, card.ClassRetry, card.ClassMinute, card.ClassWording, card.ClassUnlisted:
			return true
		}
	}
	return false
}

// replayed is told that an operator had a message announced again.
func (m *model) replayed(r ref) {
	if msg := m.messages[r]; msg != nil {
		msg.ended, msg.fixed, msg.replays = false, false, msg.replays+1
	}
}

// asked is told what IM said of somebody.
func (m *model) asked(u fact.UserID, s notify.Status) {
	if s == notify.StatusOnline || s == notify.StatusPushOnline && m.rules.PushOnline == notify.PushOnlineSkip {
		m.person(u).online = true
	}
}
