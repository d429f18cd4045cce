package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Group types as callbacks write them.
// Source: https://cloud.tencent.com/document/product/269/1502
const (
	GroupWork      = "Private"
	GroupPublic    = "Public"
	GroupMeeting   = "ChatRoom"
	GroupLive      = "AVChatRoom"
	GroupCommunity = "Community"
)

// A Group is a group to be made.
type Group struct {
	ID, Type, Name string
	// Members in the order in which they joined; the first is the owner.
	Members []string
}

type group struct {
	id, kind, name string
	order          []string
	members        map[string]*member
	seq            int
}

type member struct {
	role string
	flag string // AcceptAndNotify, AcceptNotNotify or Discard
	read int    // MsgSeq
}

// CreateGroup makes a group, or replaces the one of that ID.
func (m *IM) CreateGroup(g Group) error {
	kinds := []string{GroupWork, GroupPublic, GroupMeeting, GroupLive, GroupCommunity}
	if g.ID == "" || !slices.Contains(kinds, g.Type) || len(g.Members) == 0 {
		return fmt.Errorf("simulator: CreateGroup: ID, one of the types %q and a member are needed", kinds)
	}
	m.w.lock()
	defer m.w.unlock()
	made := &group{id: g.ID, kind: g.Type, name: g.Name, members: map[string]*member{}}
	for _, user := range g.Members {
		m.join(made, user)
	}
	made.members[g.Members[0]].role = "Owner"
	m.groups[g.ID] = made
	return nil
}

func (m *IM) join(g *group, user string) {
	m.account(user)
	if _, ok := g.members[user]; ok {
		return
	}
	g.order = append(g.order, user)
	g.members[user] = &member{role: "Member", flag: "AcceptAndNotify", read: g.seq}
}

// Join adds user to a group; what was said before counts as read.
func (m *IM) Join(groupID, user string) error {
	return m.inGroup("Join", groupID, "", func(g *group, _ *member) { m.join(g, user) })
}

// SetMsgFlag sets how user wants to hear of a group: AcceptAndNotify, AcceptNotNotify
// (muted), Discard, or one of the SDK's others.
func (m *IM) SetMsgFlag(groupID, user, flag string) error {
	return m.inGroup("SetMsgFlag", groupID, user, func(_ *group, mem *member) { mem.flag = flag })
}

// inGroup calls do with the group and, if user is named, their membership.
func (m *IM) inGroup(op, groupID, user string, do func(*group, *member)) error {
	m.w.lock()
	defer m.w.unlock()
	g, ok := m.groups[groupID]
	if !ok {
		return &Error{op, 10015, errorText(10015)}
	}
	mem, ok := g.members[user]
	if user != "" && !ok {
		return &Error{op, 10007, errorText(10007)}
	}
	do(g, mem)
	return nil
}

// A GroupMessage is a message to a group.
type GroupMessage struct {
	Group, From     string
	Body            []Elem
	At              []string // mentioned accounts, at most 30
	AtAll           bool
	Topic           string // of a community
	OnlineOnly      bool
	CloudCustomData string
}

// SentGroup tells how IM knows a group message that was sent.
type SentGroup struct {
	MsgSeq  int
	MsgTime time.Time // to the second
	Random  uint32
}

type groupAt struct {
	All  int    `json:"GroupAtAllFlag"`
	User string `json:"GroupAt_Account,omitempty"`
}

// groupBody is the body of both callbacks; MsgSeq and MsgTime are not in the one
// before.
// Source: https://cloud.tencent.com/document/product/269/2661
type groupBody struct {
	Command    string    `json:"CallbackCommand"`
	Group      string    `json:"GroupId"`
	Type       string    `json:"Type"`
	From       string    `json:"From_Account"`
	Operator   string    `json:"Operator_Account"`
	Random     uint32    `json:"Random"`
	ID         string    `json:"MsgId"`
	Seq        int       `json:"MsgSeq,omitempty"`
	Time       int64     `json:"MsgTime,omitempty"` // s
	OnlineOnly int       `json:"OnlineOnlyFlag"`
	Body       []Elem    `json:"MsgBody"`
	Cloud      string    `json:"CloudCustomData"`
	At         []groupAt `json:"GroupAtInfo,omitempty"`
	Topic      string    `json:"TopicId,omitempty"`
	EventTime  string    `json:"EventTime"` // ms; a string in the documents' example
}

// SendGroup sends a message to a group, with the callbacks that are switched on. The
// error is an *Error with the code that the sender sees.
func (m *IM) SendGroup(gm GroupMessage) (SentGroup, error) {
	m.w.lock()
	g, ok := m.groups[gm.Group]
	code := 0
	switch {
	case !ok:
		code = 10015
	case g.members[gm.From] == nil, len(gm.At) > 30:
		code = 10007
	case len(gm.Body) == 0:
		code = 10004
	}
	if code != 0 {
		m.w.unlock()
		return SentGroup{}, &Error{"SendGroup", code, errorText(code)}
	}
	body, platform := m.composeGroup(g, gm)
	var before *callback
	if m.before[commandBeforeGroup] {
		before = m.callback(commandBeforeGroup, platform, gm.From, body)
	}
	m.w.unlock()

	if before != nil {
		if err := m.permission("SendGroup", 10016, before); err != nil {
			return SentGroup{}, err
		}
	}

	m.w.lock()
	g.seq++
	if mem := g.members[gm.From]; mem != nil {
		mem.read = g.seq
	}
	sent := SentGroup{g.seq, m.w.now().Truncate(time.Second).UTC(), body.Random}
	body.Command, body.Seq, body.Time, body.EventTime = commandAfterGroup, g.seq, sent.MsgTime.Unix(), m.eventTime()
	m.note(EventMessage, gm.From, gm.Group, "", brief(body.Body))
	after := m.callback(commandAfterGroup, platform, gm.From, body)
	m.w.unlock()
	m.send(after)
	return sent, nil
}

func (m *IM) composeGroup(g *group, gm GroupMessage) (body groupBody, platform string) {
	body = groupBody{
		Command: commandBeforeGroup, Group: g.id, Type: g.kind, From: gm.From, Operator: gm.From,
		Random: m.w.rnd.uint32(), Body: gm.Body, Cloud: gm.CloudCustomData, Topic: gm.Topic,
		EventTime: m.eventTime(),
	}
	body.ID = fmt.Sprintf("144115%09d-%d-%d", m.w.rnd.uint32(), m.w.now().Unix(), body.Random)
	if gm.OnlineOnly && g.kind != GroupLive { // always 0 there
		body.OnlineOnly = 1
	}
	if gm.AtAll {
		body.At = append(body.At, groupAt{All: 1})
	}
	for _, user := range gm.At {
		body.At = append(body.At, groupAt{User: user})
	}
	return body, m.account(gm.From).optPlatform()
}

func (m *IM) eventTime() string { return strconv.FormatInt(m.millis(), 10) }

type groupRecallBody struct {
	Command  string        `json:"CallbackCommand"`
	Operator string        `json:"Operator_Account"`
	Type     string        `json:"Type"`
	Group    string        `json:"GroupId"`
	Seqs     []groupMsgSeq `json:"MsgSeqList"`
	Topic    string        `json:"TopicId,omitempty"`
	Time     string        `json:"EventTime"` // ms
}

type groupMsgSeq struct {
	Seq int `json:"MsgSeq"`
}

// RecallGroup is operator taking back messages of a group.
func (m *IM) RecallGroup(groupID, operator string, seqs ...int) error {
	var cb *callback
	err := m.inGroup("RecallGroup", groupID, operator, func(g *group, _ *member) {
		body := groupRecallBody{
			Command: commandGroupRecall, Operator: operator, Type: g.kind, Group: g.id, Time: m.eventTime(),
		}
		for _, seq := range seqs {
			body.Seqs = append(body.Seqs, groupMsgSeq{seq})
		}
		m.note(EventRecalled, operator, groupID, "", "")
		cb = m.callback(commandGroupRecall, m.account(operator).optPlatform(), operator, body)
	})
	m.send(cb)
	return err
}
