package model_test

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// promptness is by when P5 wants a message told, where nothing goes wrong: by the delays of
// the rules, for somebody who is away all the time.
type promptness struct {
	due    time.Time
	window time.Time // until when IM's word may be stale for it
	exempt bool      // no delay is promised: the rules kept it back
}

// An absence is what somebody was told since they were last seen.
type absence struct {
	cards, kept int
	last        time.Time
}

// slack is for two cards of one template that meet: one waits a second.
const slack = 2 * time.Second

// digestDue is when the next card of an absence may go.
func (m *model) digestDue(a absence) time.Time {
	if a.cards == 0 {
		return time.Time{}
	}
	steps := m.rules.DigestSteps
	return a.last.Add(steps[min(a.cards-1+a.kept, len(steps)-1)])
}

func (m *model) promptMessage(p *person, msg *message, announcement bool, now time.Time) {
	since := now
	if msg.group != "" {
		since = later(earlier(now, msg.sent), now.Add(-m.rules.Lead))
	}
	msg.prompt.window = since.Add(m.rules.BlindWindow)
	switch {
	case announcement:
		msg.prompt.due = now
	case p.told.Online:
		msg.prompt.due = later(msg.prompt.window, m.digestDue(p.absence))
	default:
		msg.prompt.due = later(since.Add(m.rules.Lead), m.digestDue(p.absence))
	}
}

func (m *model) promptCall(_ *person, msg *message, now time.Time) {
	msg.prompt = promptness{due: now, window: msg.sent.Add(ringsFor)}
}

// waiting calls do for what a user still has to be told.
func (m *model) waiting(user fact.UserID, do func(*message)) {
	for r, msg := range m.messages {
		if r.to == user && msg.since > 0 && !msg.ended && msg.shown == 0 {
			do(msg)
		}
	}
}

// promptPresence: who leaves is told after the grace, and who comes begins a new window.
func (m *model) promptPresence(f fact.Presence, now time.Time) {
	p := m.person(f.User)
	waited := p.absence.cards > 0
	if f.Online || f.At.After(p.absence.last) {
		p.absence = absence{}
	}
	m.waiting(f.User, func(msg *message) {
		switch {
		case f.Online && msg.call != nil:
			msg.prompt.due = now.Add(askRinging)
		case f.Online:
			msg.prompt.window = later(msg.prompt.window, now.Add(m.rules.BlindWindow))
			msg.prompt.due = now.Add(m.rules.BlindWindow)
		case msg.call != nil:
			msg.prompt.due = earlier(msg.prompt.due, now)
		case waited: // a digest that is on its way may yet be kept back
			msg.prompt.due = later(now.Add(m.rules.Grace), m.digestDue(p.absence))
		default:
			msg.prompt.due = earlier(msg.prompt.due, now.Add(m.rules.Grace))
		}
	})
}

// askRinging is how often IM is asked about somebody at whom it rings.
const askRinging = 5 * time.Second

// promptSeen: a new absence begins.
func (m *model) promptSeen(user fact.UserID) { m.person(user).absence = absence{} }

// promptRead: what waited for a digest is looked at when its window ends, or a new one if it has.
func (m *model) promptRead(user fact.UserID, now time.Time) {
	if m.person(user).absence.cards > 0 {
		m.waiting(user, func(msg *message) {
			if msg.call != nil {
				return
			}
			if !msg.prompt.window.After(now) {
				msg.prompt.window = now.Add(m.rules.BlindWindow)
			}
			msg.prompt.due = msg.prompt.window
		})
	}
	m.promptSeen(user)
}

// promptAsked: who is there is looked at again.
func (m *model) promptAsked(user fact.UserID, now time.Time) {
	m.waiting(user, func(msg *message) {
		if msg.call != nil {
			msg.prompt.due = now.Add(askRinging)
		} else {
			msg.prompt.due = later(msg.prompt.due, msg.prompt.window)
		}
	})
	m.promptSeen(user)
}

// promptShown: what is left waits for the next digest.
func (w *system) promptShown(c *begunCard) {
	p := w.model.person(c.User)
	for _, id := range c.messages {
		if msg := w.model.messages[ref{c.User, id.ID()}]; msg != nil && msg.announced() {
			return
		}
	}
	p.absence = absence{cards: p.absence.cards + 1, last: w.now()}
	w.putOff(c.User, p)
}

// promptKept: a digest is kept back to save a permit.
func (w *system) promptKept(c *begunCard) {
	if c == nil {
		return
	}
	p := w.model.person(c.User)
	if c.Queue == card.QueueCalls {
		w.model.waiting(c.User, func(msg *message) { msg.prompt.exempt = msg.prompt.exempt || msg.call != nil })
		return
	}
	p.absence.kept++
	p.absence.last = w.now()
	w.putOff(c.User, p)
}

func (w *system) putOff(user fact.UserID, p *person) {
	w.model.waiting(user, func(msg *message) {
		if !msg.announced() && msg.call == nil {
			msg.prompt.due = later(msg.prompt.due, w.model.digestDue(p.absence))
		}
	})
}

// checkPrompt: P5. Nobody who is away waits for longer than the rules say.
func (w *system) checkPrompt() {
	if !w.prompt {
		return
	}
	for r, msg := range w.model.messages {
		if msg.since == 0 || msg.ended || msg.shown > 0 || msg.prompt.exempt || w.whereabouts(r.to) != notify.StatusOffline ||
			w.model.person(r.to).unbound >= msg.since {
			continue
		}
		if msg.call != nil && (msg.call.how != "" || !w.now().Before(msg.prompt.window)) {
			continue // it rings no longer
		}
		if w.now().After(msg.prompt.due.Add(slack)) {
			w.violate("P5: %v has waited since %v", r, msg.prompt.due.Format("15:04:05.000"))
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
