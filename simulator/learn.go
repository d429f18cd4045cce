package simulator

import "time"

// The Learn methods let the World catch up with a callback or a push that somebody else
// sent in its name, as `wxnotify trigger` does, so that what it answers later agrees
// with it. They change the World as the thing itself would and tell OnEvent, and they
// send nothing.

// LearnPresence connects user's mini program, or takes every connection of user away.
func (m *IM) LearnPresence(user string, online bool) {
	m.w.lock()
	defer m.w.unlock()
	a := m.account(user)
	if online {
		m.remove(a, MiniProgram)
		a.devices[MiniProgram] = &device{platform: MiniProgram, connected: true}
		m.note(EventSignedIn, user, "", string(MiniProgram), "")
		return
	}
	for _, p := range a.chosen(nil) {
		if d := a.devices[p]; d.connected {
			d.stay()
			m.goneAway(a, d)
		}
	}
}

// LearnMessage delivers a one-to-one message of one text, which is not checked against
// anything. It reports whether the message is news: one with its key was not sent
// before.
func (m *IM) LearnMessage(from, to, msgKey, text string, at time.Time) (news bool) {
	m.w.lock()
	defer m.w.unlock()
	if _, known := m.sent[messageKey{from, to, msgKey}]; known {
		return false
	}
	m.account(from)
	m.account(to)
	msg := &message{from: from, to: to, body: []Elem{Text(text)}}
	msg.MsgKey, msg.MsgTime = msgKey, at.Truncate(time.Second).UTC()
	m.store(C2CMessage{From: from, To: to}, msg, 0)
	return true
}

// LearnRead is user having read all that peer wrote.
func (m *IM) LearnRead(user, peer string) {
	m.w.lock()
	defer m.w.unlock()
	if t := m.account(user).talk(peer); t.unread > 0 {
		t.read, t.unread = t.received, 0
		m.note(EventRead, user, peer, "", "")
	}
}

// LearnRecall is from having taken a message to to back. A message that the World does
// not know is left alone.
func (m *IM) LearnRecall(from, to, msgKey string) {
	m.w.lock()
	defer m.w.unlock()
	if msg, ok := m.sent[messageKey{from, to, msgKey}]; ok && !msg.recalled {
		m.takeBack(msg)
	}
}

// LearnAccept is the user having accepted a template in the subscribe dialog. That there
// was a dialog means that a template which was switched off is on again.
func (x *WeChat) LearnAccept(openID, templateID string) {
	x.w.lock()
	defer x.w.unlock()
	x.w.note(Event{Platform: "wechat", Kind: EventDialog, User: openID, Name: templateID, Text: status(Accept)})
	c := x.user(openID).choice(templateID)
	c.off, c.kept = false, ""
	c.answer(Accept)
}

// LearnOff is the user having refused a template from the menu of a card.
func (x *WeChat) LearnOff(openID, templateID string) {
	x.w.lock()
	defer x.w.unlock()
	x.switchOff(openID, templateID)
}

// LearnCancelled is the user having left the mini program for good.
func (x *WeChat) LearnCancelled(openID string) {
	x.w.lock()
	defer x.w.unlock()
	clear(x.user(openID).choices)
}
