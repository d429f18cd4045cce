package model_test

import (
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// bind: the latest login wins on both sides.
func (m *model) bind(user fact.UserID, openID fact.OpenID) {
	m.moment++
	for u, p := range m.people {
		if u != user && p.openID == openID {
			m.unbind(u)
		}
	}
	p := m.person(user)
	for _, s := range m.openIDs {
		if s.user == user {
			s.user = ""
		}
	}
	if p.openID == "" {
		p.bound = m.moment
	}
	if p.openID != openID {
		p.login = m.moment // who looked before would send to another openid
	}
	p.openID = openID
	s := m.subscriber(openID)
	s.user, s.erased = user, time.Time{}
}

// unbind: what waits ends, and what was known of where the user is goes with the binding.
func (m *model) unbind(user fact.UserID) {
	p := m.person(user)
	p.openID, p.unbound, p.told, p.prefers = "", m.moment, fact.Presence{}, notify.Preferences{}
}

func (m *model) eraseUser(user fact.UserID, now time.Time) {
	m.moment++
	if o := m.person(user).openID; o != "" {
		m.erase(user, o, now)
	} else {
		m.forget(user)
	}
}

func (m *model) eraseOpenID(openID fact.OpenID, now time.Time) {
	m.moment++
	m.erase(m.subscriber(openID).user, openID, now)
}

// erase forgets all of a user and their openid.
func (m *model) erase(user fact.UserID, openID fact.OpenID, now time.Time) {
	*m.subscriber(openID) = subscriber{erased: now.Add(24 * time.Hour)}
	for key := range m.ledgers {
		if key.openID == openID {
			m.ledgers[key].forget()
		}
	}
	if user != "" {
		m.forget(user)
	}
}

func (m *model) forget(user fact.UserID) {
	m.people[user] = &person{reads: map[string]time.Time{}, unbound: m.moment}
	for r := range m.messages {
		if r.to == user {
			delete(m.messages, r)
		}
	}
}
