package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Callback commands.
// Source: https://cloud.tencent.com/document/product/269/1523
const (
	commandState       = "State.StateChange"
	commandBeforeC2C   = "C2C.CallbackBeforeSendMsg"
	commandAfterC2C    = "C2C.CallbackAfterSendMsg"
	commandRead        = "C2C.CallbackAfterMsgReport"
	commandRecall      = "C2C.CallbackAfterMsgWithDraw"
	commandBeforeGroup = "Group.CallbackBeforeSendMsg"
	commandAfterGroup  = "Group.CallbackAfterSendMsg"
	commandGroupRecall = "Group.CallbackAfterRecallMsg"
	commandCallStart   = "Call.CallbackAfterStartCall"
	commandCallMember  = "Call.CallbackAfterMemberChanged"
	commandCallEnd     = "Call.CallbackAfterEndCall"
)

// A callback is something to tell the app's server.
type callback struct {
	command  string
	platform string // OptPlatform
	user     string // for events
	body     any
	url      string
}

// clientIP is the address of all people in the World, out of those for documentation.
const clientIP = "203.0.113.7"

// callback makes a callback, or nil if it is switched off or nobody listens. The
// caller holds w.mu.
func (m *IM) callback(command, platform, user string, body any) *callback {
	if m.callbackURL == "" || m.off[command] {
		return nil
	}
	return &callback{command, platform, user, body, m.callbackURL}
}

// send sends callbacks of which no answer is awaited. It skips nil ones.
func (m *IM) send(cbs ...*callback) {
	for _, cb := range cbs {
		if cb != nil {
			m.w.dispatch(m.delivery(cb))
		}
	}
}

func (m *IM) delivery(cb *callback) *delivery {
	body := encodeJSON(cb.body)
	return &delivery{
		name:    "callback:" + cb.command,
		event:   Event{Platform: "im", Kind: EventCallback, User: cb.user, Name: cb.command},
		timeout: m.cfg.CallbackTimeout,
		build:   func(now time.Time) (*http.Request, error) { return m.callbackRequest(cb, body, now) },
		judge:   judgeCallback,
		again: func(attempt int, err error) (time.Duration, bool) {
			return m.cfg.CallbackRetryAfter, errors.Is(err, errTimeout) && attempt <= m.cfg.CallbackRetries
		},
	}
}

// callbackRequest makes the request of one try.
// Source: https://cloud.tencent.com/document/product/269/1522
func (m *IM) callbackRequest(cb *callback, body []byte, now time.Time) (*http.Request, error) {
	q := [][2]string{
		{"SdkAppid", strconv.FormatUint(m.cfg.SDKAppID, 10)},
		{"CallbackCommand", cb.command},
		{"contenttype", "json"},
		{"ClientIP", clientIP},
		{"OptPlatform", cb.platform},
	}
	if !m.cfg.CallbackToken.Empty() {
		requestTime := strconv.FormatInt(now.Unix(), 10)
		q = append(q, [2]string{"Sign", callbackSign(m.cfg.CallbackToken.Reveal(), requestTime)},
			[2]string{"RequestTime", requestTime})
	}
	r, err := http.NewRequest(http.MethodPost, cb.url+"?"+query(q), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// callbackSign is Sign: it covers neither the body nor the other parameters.
// Source: https://cloud.tencent.com/document/product/269/32431
func callbackSign(token, requestTime string) string {
	sum := sha256.Sum256([]byte(token + requestTime))
	return hex.EncodeToString(sum[:])
}

// A verdict is what the app's server answers.
type verdict struct {
	Status *string `json:"ActionStatus"`
	Code   *int    `json:"ErrorCode"`
	Info   *string `json:"ErrorInfo"`
}

// judgeCallback returns the ErrorCode of an answer.
func judgeCallback(status int, body []byte) (code int, err error) {
	var v verdict
	if status != http.StatusOK {
		return 0, fmt.Errorf("HTTP status %d", status)
	}
	if err := decodeJSON(body, &v); err != nil {
		return 0, errors.New("the answer is not JSON of the documented types")
	}
	if v.Status == nil || v.Code == nil || v.Info == nil {
		return 0, errors.New("the answer lacks ActionStatus, ErrorCode or ErrorInfo")
	}
	return *v.Code, nil
}

// ask sends a callback before sending and waits for the verdict, under every clock.
// A failure counts as failed whatever the reason; there is no second try.
func (m *IM) ask(cb *callback) (code int, err error) {
	d := m.delivery(cb)
	e := m.w.Faults.take(d.name)
	if e.lose {
		m.w.report(d, Exchange{At: m.w.now(), Name: d.name, Attempt: 1, Fault: e.name, Err: "lost"})
		return 0, errTimeout
	}
	e.drop = e.drop || e.delay >= d.timeout
	m.w.flight.add()
	defer m.w.flight.done()
	body, err := m.w.exchange(d, 1, e)
	m.w.Faults.passed(d.name)
	if err != nil {
		return 0, err
	}
	return judgeCallback(http.StatusOK, body)
}

type stateBody struct {
	Command string    `json:"CallbackCommand"`
	Time    int64     `json:"EventTime"` // ms
	Info    stateInfo `json:"Info"`
	Kicked  []struct {
		Platform string `json:"Platform"`
	} `json:"KickedDevice,omitempty"`
}

type stateInfo struct {
	Action string `json:"Action"`
	To     string `json:"To_Account"`
	Reason string `json:"Reason"`
}

// stateChange makes a State.StateChange. The caller holds w.mu.
// Source: https://cloud.tencent.com/document/product/269/2570
func (m *IM) stateChange(user string, on Platform, action, reason string, kicked []Platform) *callback {
	body := stateBody{Command: commandState, Time: m.millis(), Info: stateInfo{action, user, reason}}
	for _, p := range kicked {
		body.Kicked = append(body.Kicked, struct {
			Platform string `json:"Platform"`
		}{spellings[p].kicked})
	}
	platform := spellings[on].opt
	if platform == "iOS" {
		platform = "IOS" // in this command only
	}
	return m.callback(commandState, platform, user, body)
}
