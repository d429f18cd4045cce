package model_test

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A model is what the promises say of a history. It is told what the store was told, in that
// order, and knows nothing of how the store keeps it.
type model struct {
	rules    notify.Rules
	longTerm map[fact.TemplateID]bool
	people   map[fact.UserID]*person
	ledgers  map[ledgerKey]*ledger
	openIDs  map[fact.OpenID]*subscriber
	messages map[ref]*message
	groups   map[fact.MessageID]*groupMessage
	counted  int // messages that count, those to people who are not bound included
	moment   int // grows with everything that happens
}

func newModel(rules notify.Rules, longTerm map[fact.TemplateID]bool) *model {
	return &model{rules: rules, longTerm: longTerm, people: map[fact.UserID]*person{}, ledgers: map[ledgerKey]*ledger{},
		openIDs: map[fact.OpenID]*subscriber{}, messages: map[ref]*message{}, groups: map[fact.MessageID]*groupMessage{}}
}

// A ref names a message for one recipient.
type ref struct {
	to fact.UserID
	id fact.MessageID
}

func (r ref) String() string { return fmt.Sprintf("%s for %s", r.id, r.to) }

// A person is a recipient.
type person struct {
	openID  fact.OpenID // empty: not bound
	reads   map[string]time.Time
	told    fact.Presence // by the newest fact
	login   int           // the moment in which they were last heard to come, or bound
	bound   int           // the moment in which they last got a binding, and had none
	unbound int           // the moment in which they last lost it
	prefers notify.Preferences
	online  bool // IM has ever said that they are there, or that their phone rings
	read    bool // IM has ever counted nothing unread
}

// A message is one message, announcement or call for one recipient.
type message struct {
	from   fact.UserID
	group  fact.GroupID
	kind   fact.Kind // of a call: KindCall, also when it is told as missed
	anyway bool
	sent   time.Time
	lives  time.Duration
	since  int // the moment in which the store was told of it

	recalled, failed, read, muted, uncounted bool
	call                                     *call

	shown   int // cards that told of it
	ended   bool
	state   fact.State
	fixed   bool // WeChat has corrected its end
	replays int
}

// A groupMessage is on its way to members.
type groupMessage struct {
	fact.GroupMessage
	since    int
	recalled int // the moment; 0: not
}

// A subscriber is an openid.
type subscriber struct {
	user   fact.UserID
	erased time.Time // until when news of it is kept out
}

func (m *model) person(u fact.UserID) *person {
	p := m.people[u]
	if p == nil {
		p = &person{reads: map[string]time.Time{}}
		m.people[u] = p
	}
	return p
}

func (m *model) subscriber(o fact.OpenID) *subscriber {
	s := m.openIDs[o]
	if s == nil {
		s = &subscriber{}
		m.openIDs[o] = s
	}
	return s
}

// record is told a fact that the store has recorded.
func (m *model) record(f fact.Fact, now time.Time) {
	m.moment++
	switch {
	case f.Message != nil:
		m.recordMessage(*f.Message)
	case f.GroupMessage != nil:
		m.recordGroup(*f.GroupMessage)
	case f.Read != nil:
		m.recordRead(f.Read.Reader, string(f.Read.Peer), f.Read.UpTo, true)
	case f.Recall != nil:
		m.recordRecall(*f.Recall)
	case f.GroupRecall != nil:
		for _, seq := range f.GroupRecall.Seqs {
			m.groupMessage(fact.GroupMessageID(f.GroupRecall.Group, seq)).recalled = m.moment
		}
	case f.Ring != nil:
		m.recordRing(*f.Ring)
	case f.RingEnd != nil:
		m.recordRingEnd(*f.RingEnd)
	case f.Presence != nil:
		m.recordPresence(*f.Presence)
	case f.Grant != nil:
		m.grant(*f.Grant, now)
	case f.Revoke != nil:
		if now.Before(m.subscriber(f.Revoke.OpenID).erased) {
			return
		}
		for _, t := range f.Revoke.Templates {
			m.ledger(f.Revoke.OpenID, t).revoke(f.Revoke.ID, f.Revoke.At)
		}
	case f.Erase != nil:
		m.eraseOpenID(f.Erase.OpenID, now)
	}
}

// recordMessage: the first time counts; what is known of it already ends it.
func (m *model) recordMessage(f fact.Message) {
	if !f.ByREST && f.FailedCode == 0 {
		defer m.recordRead(f.From, string(f.To), f.SentAt, false)
	}
	p, r := m.person(f.To), ref{f.To, f.ID}
	if p.openID == "" {
		m.counted++
		return
	}
	msg := m.messages[r]
	if msg == nil {
		msg = &message{}
		m.messages[r] = msg
	}
	if f.FailedCode != 0 {
		msg.failed = true
	}
	if msg.since > 0 {
		return
	}
	m.counted++
	msg.from, msg.group, msg.kind, msg.sent, msg.since = f.From, f.Group, f.Kind, f.SentAt, m.moment
	msg.lives = m.rules.TTL
	if f.Lasts > 0 {
		msg.lives = f.Lasts
	}
	msg.uncounted = f.Uncounted != ""
	msg.anyway = f.Announcement != nil && f.Announcement.Anyway
	msg.read = !p.reads[msg.peer()].Before(f.SentAt)
	msg.muted = mutes(p.prefers, msg)
}

// Peer is the conversation that a message is in, among those that a user reads.
func (msg *message) peer() string {
	if msg.group != "" {
		return "@" + string(msg.group)
	}
	return string(msg.from)
}

// recordGroup: a message of a group counts when it reaches a member.
func (m *model) recordGroup(f fact.GroupMessage) {
	if !f.ByREST && f.FailedCode == 0 {
		m.recordRead(f.From, "@"+string(f.Group), f.SentAt, false)
	}
	g := m.groupMessage(f.ID())
	if g.since == 0 && f.For != fact.GroupOff && f.For != "" {
		g.GroupMessage, g.since = f, m.moment
	}
}

func (m *model) groupMessage(id fact.MessageID) *groupMessage {
	g := m.groups[id]
	if g == nil {
		g = &groupMessage{}
		m.groups[id] = g
	}
	return g
}

// recordRead: a report holds for what is still to come, a reply only for what waits.
func (m *model) recordRead(reader fact.UserID, peer string, upTo time.Time, report bool) {
	p := m.person(reader)
	if p.openID == "" {
		return
	}
	if report {
		if !p.reads[peer].Before(upTo) {
			return
		}
		p.reads[peer] = upTo
	}
	for r, msg := range m.messages {
		if r.to == reader && msg.since > 0 && msg.peer() == peer && !msg.sent.After(upTo) && !msg.announced() && msg.kind != fact.KindCall {
			msg.read = true
		}
	}
}

func (msg *message) announced() bool {
	return msg.kind != fact.KindMessage && msg.kind != fact.KindMention && msg.kind != fact.KindCall
}

func (m *model) recordRecall(f fact.Recall) {
	if m.person(f.To).openID == "" {
		return
	}
	r := ref{f.To, f.ID}
	if m.messages[r] == nil {
		m.messages[r] = &message{from: f.From}
	}
	m.messages[r].recalled = true
}

// recordPresence: of two facts the later by IM's clock is true.
func (m *model) recordPresence(f fact.Presence) {
	p := m.person(f.User)
	if p.openID == "" || !f.At.After(p.told.At) {
		return
	}
	p.told = f
	if f.Online {
		p.login, p.online = m.moment, true
	}
}

// prefer is told what a user wants.
func (m *model) prefer(user fact.UserID, prefers notify.Preferences) {
	m.moment++
	p := m.person(user)
	if p.openID == "" {
		return
	}
	p.prefers = prefers
	for r, msg := range m.messages {
		if r.to == user && msg.since > 0 && mutes(prefers, msg) {
			msg.muted = true
		}
	}
}

func mutes(p notify.Preferences, msg *message) bool {
	return p.Muted || slices.Contains(p.MutedPeers, string(msg.from)) ||
		msg.group != "" && slices.Contains(p.MutedPeers, string(msg.group))
}

// mustNotGo says why no card may begin to tell of a message; "" if one may.
func (msg *message) mustNotGo(missedCalls bool) string {
	switch {
	case msg.recalled:
		return "recalled"
	case msg.failed:
		return "failed in IM"
	case msg.read:
		return "read"
	case msg.muted:
		return "muted"
	case msg.uncounted:
		return "not counted"
	case msg.ended:
		return "ended " + string(msg.state)
	case msg.call != nil && msg.call.how != "" && !(msg.call.how.Unanswered() && (missedCalls || msg.replays > 0)):
		return "call " + string(msg.call.how)
	}
	return ""
}
