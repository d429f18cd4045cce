package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Events of subscribe messages.
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html
const (
	eventPopup  = "subscribe_msg_popup_event"
	eventChange = "subscribe_msg_change_event"
	eventSent   = "subscribe_msg_sent_event"
)

// WeChat tries three times in all, and again when 5 s are over.
// Source: https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/message-push.html
const (
	pushTries = 3
	pushAgain = 5 * time.Second
)

// list is what subscribe events tell of templates.
func list(items [][]field) []field { return []field{{"List", items}} }

func (x *WeChat) pushSent(openID, templateID string, msgID int64, result sentFailure) {
	x.push(openID, eventSent, x.w.now(), list([][]field{{
		{"TemplateId", templateID}, {"MsgID", strconv.FormatInt(msgID, 10)},
		{"ErrorCode", result.code}, {"ErrorStatus", result.status},
	}}))
}

// PushEvent pushes an event of any name, such as debug_demo, with extra members of
// string values after the common ones, in pairs of name and value.
func (x *WeChat) PushEvent(openID, event string, extra ...string) error {
	if len(extra)%2 != 0 {
		return fmt.Errorf("simulator: PushEvent: %d strings do not make pairs of name and value", len(extra))
	}
	var fields []field
	for i := 0; i < len(extra); i += 2 {
		fields = append(fields, field{extra[i], extra[i+1]})
	}
	x.push(openID, event, x.w.now(), fields)
	return nil
}

// push sends an event. Each try is signed and encrypted anew; the message in it stays
// the same, so that receivers can tell a repetition.
func (x *WeChat) push(from, event string, at time.Time, extra []field) {
	u := x.receiver()
	if u == "" {
		return
	}
	fields := append([]field{
		{"ToUserName", x.cfg.OriginalID},
		{"FromUserName", from},
		{"CreateTime", at.Unix()},
		{"MsgType", "event"},
		{"Event", event},
	}, extra...)
	x.w.dispatch(&delivery{
		name:    "push:" + event,
		event:   Event{Platform: "wechat", Kind: EventPush, User: from, Name: event},
		timeout: x.cfg.PushTimeout,
		build:   func(now time.Time) (*http.Request, error) { return x.pushRequest(u, from, fields, now) },
		judge:   judgePush,
		again: func(attempt int, _ error) (time.Duration, bool) {
			return pushAgain, attempt < pushTries
		},
	})
}

func (x *WeChat) receiver() string {
	x.w.lock()
	defer x.w.unlock()
	return x.pushURL
}

// judgePush: an empty body or "success" is an answer; mini programs cannot reply.
func judgePush(status int, body []byte) (int, error) {
	if status != http.StatusOK {
		return 0, fmt.Errorf("HTTP status %d", status)
	}
	if b := bytes.TrimSpace(body); len(b) > 0 && string(b) != "success" {
		return 0, errors.New("the answer is neither empty nor success")
	}
	return 0, nil
}

func (x *WeChat) pushRequest(u, from string, fields []field, now time.Time) (*http.Request, error) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	nonce := x.nonce()
	token := x.cfg.Token.Reveal()
	q := [][2]string{
		{"signature", signature(token, timestamp, nonce)},
		{"timestamp", timestamp}, {"nonce", nonce}, {"openid", from},
	}
	body := fields
	if x.cfg.Mode != ModePlain {
		encrypt := x.sealer.seal(x.w.rnd.text(16, hexits), objectJSON(fields))
		body = []field{fields[0], {"Encrypt", encrypt}} // ToUserName
		q = append(q, [2]string{"encrypt_type", "aes"},
			[2]string{"msg_signature", signature(token, timestamp, nonce, encrypt)})
	}
	r, err := http.NewRequest(http.MethodPost, u+"?"+query(q), bytes.NewReader(objectJSON(body)))
	if err != nil {
		return nil, err
	}
	// JSON has been seen under this label, and it will stay.
	// Source: https://github.com/tencentyun/wafer2-startup/issues/104
	r.Header.Set("Content-Type", "text/xml")
	return r, nil
}

func (x *WeChat) nonce() string { return strconv.FormatUint(uint64(x.w.rnd.uint32()), 10) }

// query writes parameters in their order.
func query(pairs [][2]string) string {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = p[0] + "=" + url.QueryEscape(p[1])
	}
	return strings.Join(parts, "&")
}

// VerifyURL does what saving the push URL in WeChat's console does: a GET that must be
// answered with the echostr and nothing else. It waits for the answer.
func (x *WeChat) VerifyURL() error {
	u := x.receiver()
	if u == "" {
		return errors.New("simulator: VerifyURL: no push URL is set")
	}
	echo := x.w.rnd.text(19, digits)
	_, err := x.w.exchange(&delivery{
		name:    "push:verify",
		event:   Event{Platform: "wechat", Kind: EventPush, Name: "verify"},
		timeout: x.cfg.PushTimeout,
		build: func(now time.Time) (*http.Request, error) {
			timestamp, nonce := strconv.FormatInt(now.Unix(), 10), x.nonce()
			return http.NewRequest(http.MethodGet, u+"?"+query([][2]string{
				{"signature", signature(x.cfg.Token.Reveal(), timestamp, nonce)},
				{"timestamp", timestamp}, {"nonce", nonce}, {"echostr", echo},
			}), nil)
		},
		judge: func(status int, body []byte) (int, error) {
			if status != http.StatusOK || string(body) != echo {
				return 0, fmt.Errorf("HTTP status %d and %d bytes instead of the echostr", status, len(body))
			}
			return 0, nil
		},
	}, 1, x.w.Faults.take("push:verify"))
	if err != nil {
		return fmt.Errorf("simulator: VerifyURL: %w", err)
	}
	return nil
}
