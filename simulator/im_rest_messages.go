package simulator

import (
	"encoding/json"
	"errors"
	"slices"
)

type restMessage struct {
	From    string          `json:"From_Account"`
	To      json.RawMessage `json:"To_Account"`
	Seq     uint32          `json:"MsgSeq"`
	Random  *uint32         `json:"MsgRandom"`
	Life    *int            `json:"MsgLifeTime"` // 0: online only
	Body    json.RawMessage `json:"MsgBody"`
	Cloud   string          `json:"CloudCustomData"`
	Forbid  []string        `json:"ForbidCallbackControl"`
	Control []string        `json:"SendMsgControl"`
}

// decodeMessage reads what sendmsg and batchsendmsg have in common. An error is a code.
func (m *IM) decodeMessage(body []byte) (c C2CMessage, to json.RawMessage, code int) {
	var q restMessage
	if json.Unmarshal(body, &q) != nil {
		return c, nil, 90001
	}
	if q.Random == nil {
		return c, nil, 90005 // MsgRandom is missing
	}
	elems, ok := decodeBody(q.Body)
	if !ok {
		return c, nil, 90002
	}
	if q.From == "" {
		q.From = m.cfg.Admins[0]
	}
	return C2CMessage{
		From: q.From, Body: elems, CloudCustomData: q.Cloud,
		OnlineOnly:   q.Life != nil && *q.Life == 0,
		NoUnread:     slices.Contains(q.Control, "NoUnread"),
		rest:         true,
		skipBefore:   slices.Contains(q.Forbid, "ForbidBeforeSendMsgCallback"),
		skipAfter:    slices.Contains(q.Forbid, "ForbidAfterSendMsgCallback"),
		seq:          q.Seq,
		random:       *q.Random,
		unregistered: 90012,
	}, q.To, 0
}

// sendMsg is sendmsg: an admin's message, with callbacks unless forbidden.
// Source: https://cloud.tencent.com/document/product/269/2282
func (m *IM) sendMsg(body []byte) answer {
	c, to, code := m.decodeMessage(body)
	if code != 0 {
		return m.fail(code)
	}
	if json.Unmarshal(to, &c.To) != nil || c.To == "" {
		return m.fail(90003)
	}
	sent, err := m.Send(c)
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return m.fail(refused.Code)
	}
	return m.say(restOK, struct {
		restHead
		Time int64  `json:"MsgTime"`
		Key  string `json:"MsgKey"`
		ID   string `json:"MsgId"`
	}{restOK, sent.MsgTime.Unix(), sent.MsgKey, sent.MsgID})
}

// batchSendMsg is batchsendmsg: it causes no callbacks at all.
// Source: https://cloud.tencent.com/document/product/269/1612
func (m *IM) batchSendMsg(body []byte) answer {
	c, to, code := m.decodeMessage(body)
	if code != 0 {
		return m.fail(code)
	}
	var receivers []string
	if json.Unmarshal(to, &receivers) != nil || len(receivers) == 0 {
		return m.fail(90003)
	}
	if len(receivers) > maxStatusAccounts {
		return m.fail(90011)
	}
	c.skipBefore, c.skipAfter = true, true
	var failed []accountError
	for _, receiver := range receivers {
		c.To = receiver
		_, err := m.Send(c)
		if refused := (*Error)(nil); errors.As(err, &refused) {
			failed = append(failed, accountError{receiver, refused.Code})
		}
	}
	return m.say(restOK, struct {
		restHead
		Errors []accountError `json:"ErrorList,omitempty"`
	}{restOK, failed})
}

// adminSetMsgRead reads a conversation for a user and causes a read report.
// Source: https://cloud.tencent.com/document/product/269/50349
func (m *IM) adminSetMsgRead(body []byte) answer {
	var q struct {
		Reader string `json:"Report_Account"`
		Peer   string `json:"Peer_Account"`
	}
	if json.Unmarshal(body, &q) != nil || q.Reader == "" || q.Peer == "" {
		return m.fail(90001)
	}
	m.markRead(q.Reader, q.Peer, "RESTAPI")
	return m.say(restOK, restOK)
}

// adminMsgWithdraw takes any message back, at any time.
// Source: https://cloud.tencent.com/document/product/269/38980
func (m *IM) adminMsgWithdraw(body []byte) answer {
	var q struct {
		From string `json:"From_Account"`
		To   string `json:"To_Account"`
		Key  string `json:"MsgKey"`
	}
	if json.Unmarshal(body, &q) != nil || q.Key == "" {
		return m.fail(90001)
	}
	err := m.recall(q.From, q.To, q.Key, true)
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return m.fail(refused.Code)
	}
	return m.say(restOK, restOK)
}
