package simulator

import (
	"fmt"
	"time"
)

// A C2CMessage is a one-to-one message to be sent.
type C2CMessage struct {
	From, To string
	Body     []Elem
	// OnlineOnly messages are never stored and count nowhere.
	OnlineOnly      bool
	CloudCustomData string
	// NoUnread leaves the receiver's unread counts alone, as call signals do.
	NoUnread bool
}

// Sent tells how IM knows a message that was sent.
type Sent struct {
	MsgKey    string
	MsgID     string
	MsgSeq    uint32
	MsgRandom uint32
	MsgTime   time.Time // to the second
}

// A message is one that IM keeps for recalls.
type message struct {
	Sent
	from, to string
	body     []Elem
	cloud    string
	index    int // in the receiver's talk, from 1; 0: not counted
	recalled bool
}

type messageKey struct{ from, to, key string }

// SendC2C sends a message of one person to another. See Send.
func (m *IM) SendC2C(from, to string, body ...Elem) (Sent, error) {
	return m.Send(C2CMessage{From: from, To: to, Body: body})
}

// Send sends c. The callbacks go out as the package comment describes: before sending
// if switched on, after sending in any case, also for a message that failed. The
// error is an *Error with the code that the sender sees.
func (m *IM) Send(c C2CMessage) (Sent, error) {
	if len(c.Body) == 0 {
		return Sent{}, &Error{"SendC2C", 90002, "the message has no element"}
	}
	m.w.lock()
	msg, platform := m.compose(c)
	before := m.beforeC2C(c, msg, platform)
	m.w.unlock()

	if before != nil {
		if err := m.permission("SendC2C", 20006, before); err != nil {
			return Sent{}, err
		}
	}

	m.w.lock()
	result := m.obstacle(c)
	unread := m.store(c, msg, result)
	after := m.afterC2C(c, msg, platform, result, unread)
	m.w.unlock()

	m.send(after)
	if result != 0 {
		return msg.Sent, &Error{"SendC2C", result, errorText(result)}
	}
	return msg.Sent, nil
}

// compose gives the message its identity. The caller holds w.mu.
func (m *IM) compose(c C2CMessage) (msg *message, platform string) {
	a := m.account(c.From)
	a.seq++
	msg = &message{from: c.From, to: c.To, body: c.Body, cloud: c.CloudCustomData}
	msg.MsgSeq, msg.MsgRandom = a.seq, m.w.rnd.uint32()
	msg.MsgTime = m.w.now().Truncate(time.Second).UTC()
	msg.MsgKey = fmt.Sprintf("%d_%d_%d", msg.MsgSeq, msg.MsgRandom, msg.MsgTime.Unix())
	msg.MsgID = fmt.Sprintf("144115%09d-%d-%d", m.w.rnd.uint32(), msg.MsgTime.Unix(), msg.MsgRandom)
	return msg, a.optPlatform()
}

// c2cBody is the body of both callbacks; the pointers are not in the one before.
// Source: https://cloud.tencent.com/document/product/269/2716
type c2cBody struct {
	Command    string  `json:"CallbackCommand"`
	From       string  `json:"From_Account"`
	To         string  `json:"To_Account"`
	Seq        uint32  `json:"MsgSeq"`
	Random     uint32  `json:"MsgRandom"`
	Time       int64   `json:"MsgTime"` // s
	Key        string  `json:"MsgKey"`
	ID         string  `json:"MsgId"`
	OnlineOnly int     `json:"OnlineOnlyFlag"`
	Result     *int    `json:"SendMsgResult,omitempty"`
	ErrorInfo  *string `json:"ErrorInfo,omitempty"`
	Unread     *int    `json:"UnreadMsgNum,omitempty"`
	Body       []Elem  `json:"MsgBody"`
	Cloud      string  `json:"CloudCustomData"`
	EventTime  int64   `json:"EventTime"` // ms
}

func (m *IM) c2cBody(command string, c C2CMessage, msg *message) c2cBody {
	b := c2cBody{
		Command: command, From: msg.from, To: msg.to, Seq: msg.MsgSeq, Random: msg.MsgRandom,
		Time: msg.MsgTime.Unix(), Key: msg.MsgKey, ID: msg.MsgID, Body: msg.body, Cloud: msg.cloud,
		EventTime: m.millis(),
	}
	if c.OnlineOnly {
		b.OnlineOnly = 1
	}
	return b
}

func (m *IM) beforeC2C(c C2CMessage, msg *message, platform string) *callback {
	if !m.before[commandBeforeC2C] {
		return nil
	}
	return m.callback(commandBeforeC2C, platform, c.From, m.c2cBody(commandBeforeC2C, c, msg))
}

// permission asks the app's server whether a message may pass: it does if the server cannot be asked.
// refused is the code that the sender sees if not.
// Source: https://cloud.tencent.com/document/product/269/1632 and 1619
func (m *IM) permission(op string, refused int, cb *callback) error {
	if code, err := m.ask(cb); err == nil && code != 0 {
		return &Error{op, refused, errorText(refused)}
	}
	return nil
}

// obstacle returns the code with which delivery fails, or 0. The caller holds w.mu.
func (m *IM) obstacle(c C2CMessage) int {
	receiver, ok := m.accounts[c.To]
	switch {
	case !ok:
		return 20003
	case receiver.blocks[c.From]:
		return 20007
	}
	return 0
}

// store delivers the message and returns the receiver's unread messages over all
// conversations, or -1 if it failed. The caller holds w.mu.
func (m *IM) store(c C2CMessage, msg *message, result int) (unread int) {
	if result != 0 {
		m.w.note(Event{Platform: "im", Kind: EventMessage, User: c.From, Peer: c.To, Text: brief(msg.body), Code: result})
		return -1
	}
	a := m.account(c.To)
	m.note(EventMessage, c.From, c.To, "", brief(msg.body))
	if c.OnlineOnly {
		return a.unread()
	}
	t := a.talk(c.From)
	t.last = max(t.last, msg.MsgTime.Unix())
	if !c.NoUnread {
		t.received++
		t.unread++
		msg.index = t.received
	}
	m.remember(msg)
	return a.unread()
}

// remember keeps the message for recalls, and forgets those that are too old for it.
func (m *IM) remember(msg *message) {
	k := messageKey{msg.from, msg.to, msg.MsgKey}
	m.sent[k] = msg
	m.sentOrder = append(m.sentOrder, k)
	oldest := m.w.now().Add(-keepMessages)
	for len(m.sentOrder) > 0 {
		first, ok := m.sent[m.sentOrder[0]]
		if ok && !first.MsgTime.Before(oldest) {
			return
		}
		delete(m.sent, m.sentOrder[0])
		m.sentOrder = m.sentOrder[1:]
	}
}

// keepMessages is longer than recalls are allowed, so that late ones get 20016.
const keepMessages = time.Hour

func (m *IM) afterC2C(c C2CMessage, msg *message, platform string, result, unread int) *callback {
	info := "send msg succeed"
	if result != 0 {
		info = errorText(result)
	}
	b := m.c2cBody(commandAfterC2C, c, msg)
	b.Result, b.ErrorInfo, b.Unread = &result, &info, &unread
	return m.callback(commandAfterC2C, platform, c.From, b)
}

type readBody struct {
	Command string `json:"CallbackCommand"`
	Reader  string `json:"Report_Account"`
	Peer    string `json:"Peer_Account"`
	Last    int64  `json:"LastReadTime"` // s
	Unread  int    `json:"UnreadMsgNum"`
	Time    int64  `json:"EventTime"` // ms
}

// Read is user reading all that peer wrote. If anything was unread, IM sends a read
// report; a client that never reports is one for which Read is not called.
// Source: https://cloud.tencent.com/document/product/269/61696
func (m *IM) Read(user, peer string) {
	m.w.lock()
	a := m.account(user)
	t := a.talk(peer)
	if t.unread == 0 {
		m.w.unlock()
		return
	}
	t.read, t.unread = t.received, 0
	m.note(EventRead, user, peer, "", "")
	cb := m.callback(commandRead, a.optPlatform(), user,
		readBody{commandRead, user, peer, t.last, a.unread(), m.millis()})
	m.w.unlock()
	m.send(cb)
}

type recallBody struct {
	Command string `json:"CallbackCommand"`
	From    string `json:"From_Account"`
	To      string `json:"To_Account"`
	Key     string `json:"MsgKey"`
	Unread  int    `json:"UnreadMsgNum"`
	Time    int64  `json:"EventTime"` // ms
}

// Recall is from taking back a message to to, within 2 minutes. The error is an *Error.
// Source: https://cloud.tencent.com/document/product/269/61697
func (m *IM) Recall(from, to, msgKey string) error {
	m.w.lock()
	msg, ok := m.sent[messageKey{from, to, msgKey}]
	code := 0
	switch {
	case !ok:
		code = 20022
	case msg.recalled:
		code = 20023
	case m.w.now().Sub(msg.MsgTime) > recallWindow:
		code = 20016
	}
	if code != 0 {
		m.w.unlock()
		return &Error{"Recall", code, errorText(code)}
	}
	m.takeBack(msg)
	cb := m.callback(commandRecall, m.account(from).optPlatform(), from, recallBody{commandRecall, from, to, msgKey, m.account(to).unread(), m.millis()})
	m.w.unlock()
	m.send(cb)
	return nil
}

// takeBack ends a message. The caller holds w.mu.
func (m *IM) takeBack(msg *message) {
	msg.recalled = true
	if t := m.account(msg.to).talk(msg.from); msg.index > t.read {
		t.unread--
	}
	m.note(EventRecalled, msg.from, msg.to, "", "")
}
