package model_test

import (
	"wxnotify/shared/fact"
)

// A call rings under a name of each source that tells of it.
type call struct {
	rung map[fact.MessageID]bool
	ends map[fact.MessageID]fact.CallEnd
	how  fact.CallEnd // the first end that is known to be this call's
}

// recordRing: two sources tell of one call under two names; the first is the message's.
func (m *model) recordRing(f fact.Ring) {
	for _, user := range f.Users {
		p := m.person(user)
		if p.openID == "" {
			m.counted++
			continue
		}
		c := m.call(user, f.Call)
		if c.rung[f.Call] {
			continue
		}
		first := len(c.rung) == 0
		c.rung[f.Call] = true
		if c.how == "" {
			c.how = c.ends[f.Call]
		}
		if !first {
			continue
		}
		m.counted++
		msg := &message{from: f.Caller, group: f.Group, kind: fact.KindCall, sent: f.At, lives: m.rules.TTL, since: m.moment, call: c}
		m.messages[ref{user, f.Call}] = msg
		msg.muted = mutes(p.prefers, msg)
	}
}

// call returns the one that rings at user under a name, or under its name of the other source.
func (m *model) call(user fact.UserID, name fact.MessageID) *call {
	for r, msg := range m.messages {
		if r.to == user && msg.call != nil && (msg.call.rung[name] || twins(r.id, name)) {
			return msg.call
		}
	}
	return m.unheard(user, name)
}

// unheard returns a call of which so far only ends were told. Names of one call are twins.
func (m *model) unheard(user fact.UserID, name fact.MessageID) *call {
	r := ref{user, fact.MessageID("unheard " + callOf(name))}
	if m.messages[r] == nil {
		m.messages[r] = &message{call: &call{rung: map[fact.MessageID]bool{}, ends: map[fact.MessageID]fact.CallEnd{}}}
	}
	return m.messages[r].call
}

func (m *model) recordRingEnd(f fact.RingEnd) {
	for _, user := range f.Users {
		if m.person(user).openID == "" {
			continue
		}
		c := m.call(user, f.Call)
		if c.ends[f.Call] == "" {
			c.ends[f.Call] = f.How
		}
		if c.how == "" && c.rung[f.Call] {
			c.how = f.How
		}
	}
}
