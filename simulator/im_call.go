package simulator

import (
	"encoding/json"
	"time"
)

// A Call is a call to be made.
type Call struct {
	From  string
	To    []string
	Group string // of a group call by messages; else one callee, or several by webhooks
	Video bool
	// RingFor is the time after which nobody rings any more. Default 30 s.
	RingFor time.Duration
	// Webhooks makes the call through the Call product, which tells of it by callbacks
	// of its own, instead of messages.
	// Source: https://trtc.io/document/68941
	Webhooks bool
}

// A CallEnd is how a call ends, in the words of CallResult.
type CallEnd string

// How calls end.
const (
	CallNormal    CallEnd = "NormalEnd" // answered, then hung up
	CallCancelled CallEnd = "Cancel"    // by the caller, before an answer
	CallRejected  CallEnd = "Reject"
	CallBusy      CallEnd = "CallBusy"
	CallMissed    CallEnd = "NotAnswer"
)

// A ring is a call from its start to its end.
type ring struct {
	Call
	id       string
	started  time.Time
	answered time.Time
	stop     func() // of the end of RingFor
}

// Ring makes a call ring and returns its inviteID or CallId. Unless it is answered or
// ended it ends as missed after RingFor.
func (m *IM) Ring(c Call) (id string, err error) {
	if len(c.To) == 0 || c.From == "" {
		return "", &Error{"Ring", 60002, "From and To are needed"}
	}
	if c.RingFor == 0 {
		c.RingFor = 30 * time.Second
	}
	r := &ring{Call: c, id: m.w.rnd.text(32, hexits), started: m.w.now()}
	m.w.lock()
	m.calls[r.id] = r
	r.stop = m.w.after(c.RingFor, func() { m.EndCall(r.id, CallMissed) })
	m.note(EventCall, c.From, c.To[0], "ring", "")
	m.w.unlock()

	if c.Webhooks {
		m.webhook(r, commandCallStart, r.startBody())
	} else if err := m.signal(r, c.From, 1, r.invitation(cmdOf(c.Video))); err != nil {
		m.w.lock()
		delete(m.calls, r.id)
		r.stop()
		m.w.unlock()
		return "", err
	}
	return r.id, nil
}

// Answer is by answering the call.
func (m *IM) Answer(id, by string) error {
	m.w.lock()
	r, ok := m.calls[id]
	if !ok || !r.answered.IsZero() {
		m.w.unlock()
		return &Error{"Answer", 20022, "the call does not ring"}
	}
	r.answered = m.w.now()
	r.stop()
	m.note(EventCall, by, r.From, "answer", "")
	m.w.unlock()
	if r.Webhooks {
		m.webhook(r, commandCallMember, r.memberBody(by))
		return nil
	}
	return m.signal(r, by, 3, r.plain())
}

// EndCall ends a call, ringing or answered.
func (m *IM) EndCall(id string, how CallEnd) error {
	m.w.lock()
	r, ok := m.calls[id]
	if !ok {
		m.w.unlock()
		return &Error{"EndCall", 20022, "there is no such call"}
	}
	delete(m.calls, id)
	r.stop()
	now := m.w.now()
	m.note(EventCall, r.From, r.To[0], string(how), "")
	m.w.unlock()
	if r.Webhooks {
		m.webhook(r, commandCallEnd, r.endBody(now, how))
		return nil
	}
	switch how {
	case CallCancelled:
		return m.signal(r, r.From, 2, r.plain())
	case CallRejected:
		return m.signal(r, r.To[0], 4, r.plain())
	case CallBusy:
		inner := r.plain()
		inner["line_busy"] = "line_busy"
		return m.signal(r, r.To[0], 4, inner)
	case CallMissed:
		return m.signal(r, r.From, 5, r.plain())
	}
	inner := r.invitation("hangup") // actionType 1 again
	inner["call_end"] = int(now.Sub(r.answered).Seconds())
	return m.signal(r, r.From, 1, inner)
}

func cmdOf(video bool) string {
	if video {
		return "videoCall"
	}
	return "audioCall"
}

// plain is the inner data of a signal.
// Source: https://github.com/Tencent-RTC/docs (zh/callkit/faq/web.md)
func (r *ring) plain() map[string]any {
	kind := 1
	if r.Video {
		kind = 2
	}
	return map[string]any{"businessID": "av_call", "version": 4, "call_type": kind, "call_end": 0, "room_id": 854118195}
}

func (r *ring) invitation(cmd string) map[string]any {
	inner := r.plain()
	inner["data"] = map[string]any{"cmd": cmd, "inviter": r.From, "room_id": 854118195, "userIDs": r.To}
	return inner
}

// signal sends a step of the call as a message: JSON in a string in JSON in a string.
func (m *IM) signal(r *ring, from string, action int, inner map[string]any) error {
	outer, err := json.Marshal(map[string]any{
		"actionType": action, "businessID": 1, "inviteID": r.id, "inviter": r.From, "inviteeList": r.To,
		"groupID": r.Group, "onlineUserOnly": false, "timeout": int(r.RingFor.Seconds()), "data": string(encodeJSON(inner)),
	})
	if err != nil {
		return err
	}
	body := []Elem{Custom(string(outer), "")}
	if r.Group != "" {
		_, err := m.SendGroup(GroupMessage{Group: r.Group, From: from, Body: body})
		return err
	}
	to := r.To[0]
	if from == to {
		to = r.From
	}
	_, err = m.Send(C2CMessage{From: from, To: to, Body: body, NoUnread: true})
	return err
}

func (m *IM) webhook(r *ring, command string, body any) {
	m.w.lock()
	cb := m.callback(command, m.account(r.From).optPlatform(), r.From, body)
	m.w.unlock()
	m.send(cb)
}

type callUser struct {
	User   string `json:"User_Account"`
	Status string `json:"Status"` // Calling: in the call; Waiting: being rung
}

func (r *ring) users(inCall ...string) []callUser {
	us := []callUser{{r.From, "Calling"}}
	for _, to := range r.To {
		s := "Waiting"
		for _, in := range inCall {
			if in == to {
				s = "Calling"
			}
		}
		us = append(us, callUser{to, s})
	}
	return us
}

func (r *ring) media() string {
	if r.Video {
		return "Video"
	}
	return "Audio"
}

func (r *ring) startBody() any {
	return map[string]any{
		"CallbackCommand": commandCallStart,
		"CallInfo": map[string]any{
			"CallId": r.id, "CallMediaType": r.media(), "ChatGroupId": r.Group, "RoomId": "", "RoomIdType": 1,
		},
		"UserList": r.users(), "EventTime": r.started.UnixMilli(),
	}
}

func (r *ring) memberBody(by string) any {
	return map[string]any{
		"CallbackCommand": commandCallMember, "CallId": r.id, "UserList": r.users(by),
		"ChangedUserList": []map[string]any{{"User_Account": by, "ActionType": "Answer"}},
		"EventTime":       r.answered.UnixMilli(),
	}
}

func (r *ring) endBody(now time.Time, how CallEnd) any {
	kind := "SingleCall"
	if len(r.To) > 1 || r.Group != "" {
		kind = "MultiCall"
	}
	accepted := int64(0)
	if !r.answered.IsZero() {
		accepted = r.answered.Unix()
	}
	return map[string]any{
		"CallbackCommand": commandCallEnd,
		"CallRecord": map[string]any{
			"CallId": r.id, "Caller_Account": r.From, "MediaType": r.media(), "CallType": kind,
			"StartTime": r.started.Unix(), "EndTime": now.Unix(), "AcceptTime": accepted, "CallResult": how,
			"CalleeList_Account": r.To, "RoomId": "", "RoomIdType": 1,
		},
		"EventTime": now.UnixMilli(),
	}
}

// callCallback is get_callback of calls: here they go where all callbacks go.
// Source: https://cloud.tencent.com/document/product/647/116419
func (m *IM) callCallback([]byte) answer {
	m.w.lock()
	defer m.w.unlock()
	if m.callbackURL == "" {
		return m.fail(100301)
	}
	out := struct {
		restHead
		Response struct {
			URL      string   `json:"Url"`
			Commands []string `json:"CallbackCommandList"`
		}
	}{restHead: restOK}
	out.Response.URL = m.callbackURL
	for _, command := range []string{commandCallStart, commandCallEnd, commandCallMember} {
		if !m.off[command] {
			out.Response.Commands = append(out.Response.Commands, command)
		}
	}
	return m.say(restOK, out)
}
