package simulator_test

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/secret"
	"wxnotify/simulator"
)

// wechatSign is WeChat's signature, written down again.
func wechatSign(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// opened checks a secure JSON push as a receiver does and returns the message.
func (s *fixture) opened(d delivered) map[string]any {
	s.t.Helper()
	m := object(s.t, d.body)
	encrypt, ok := m["Encrypt"].(string)
	if !ok {
		s.t.Fatalf("no Encrypt in %s", d.body)
	}
	token := s.Config().WeChat.Token.Reveal()
	q := d.query
	if want := wechatSign(token, q.Get("timestamp"), q.Get("nonce"), encrypt); q.Get("msg_signature") != want {
		s.t.Errorf("msg_signature is %s, want %s", q.Get("msg_signature"), want)
	}
	if want := wechatSign(token, q.Get("timestamp"), q.Get("nonce")); q.Get("signature") != want {
		s.t.Errorf("signature is %s, want %s", q.Get("signature"), want)
	}
	msg, appID := simulator.OpenForTest(s.t, s.World, encrypt)
	if appID != s.Config().WeChat.AppID {
		s.t.Errorf("sealed for %q", appID)
	}
	return object(s.t, []byte(msg))
}

func TestPushModes(t *testing.T) {
	for _, mode := range []simulator.Mode{simulator.ModePlain, simulator.ModeSecure} {
		t.Run(string(mode), func(t *testing.T) {
			s := newFixture(t, func(c *simulator.Config) { c.WeChat.Mode = mode })
			s.WeChat.TapDialog(user, map[string]simulator.Answer{templateID: simulator.Accept, otherID: simulator.Reject})
			d, secure := s.one(), mode == simulator.ModeSecure
			if d.label != "text/xml" || d.query.Get("openid") != user || d.query.Get("timestamp") != strconv.FormatInt(start.Unix(), 10) {
				t.Errorf("Content-Type %q, query %q", d.label, d.raw)
			}
			if (d.query.Get("encrypt_type") == "aes") != secure || d.query.Has("msg_signature") != secure {
				t.Errorf("mode %s has query %q", mode, d.raw)
			}
			clear, got := object(t, d.body), object(t, d.body)
			if secure {
				got = s.opened(d)
				if delete(clear, "Encrypt"); len(clear) != 1 || clear["ToUserName"] != s.Config().WeChat.OriginalID {
					t.Errorf("clear fields: %v", clear)
				}
			}
			item := func(id, status string) any {
				return map[string]any{"TemplateId": id, "SubscribeStatusString": status, "PopupScene": "0"}
			}
			want := map[string]any{"ToUserName": s.Config().WeChat.OriginalID, "FromUserName": user, "CreateTime": num(start.Unix()),
				"MsgType": "event", "Event": "subscribe_msg_popup_event", "List": []any{item(templateID, "accept"), item(otherID, "reject")}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOneItemIsAnObject(t *testing.T) {
	s := newFixture(t)
	s.WeChat.TapDialog(user, map[string]simulator.Answer{templateID: simulator.Accept})
	ev := s.opened(s.one())
	if _, ok := ev["List"].(map[string]any); !ok {
		t.Errorf("List is %T", ev["List"])
	}
	if number(t, ev, "CreateTime") != start.Unix() {
		t.Errorf("CreateTime is %v", ev["CreateTime"])
	}
}

func TestPushIsTriedThreeTimes(t *testing.T) {
	for name, answer := range map[string]func(delivered) (int, string, error){
		"error page":  func(delivered) (int, string, error) { return 500, "", nil },
		"odd answer":  func(delivered) (int, string, error) { return 200, `{"ok":true}`, nil },
		"unreachable": func(delivered) (int, string, error) { return 0, "", errors.New("connection reset") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			s.inbox.reply(answer)
			s.WeChat.SwitchOff(user, templateID)
			var got []delivered
			got = append(got, s.one())
			s.clock.Advance(5*time.Second - time.Nanosecond)
			s.none()
			s.clock.Advance(time.Nanosecond)
			got = append(got, s.one())
			s.clock.Advance(time.Hour)
			got = append(got, s.one())
			s.clock.Advance(time.Hour)
			s.none()
			for i, d := range got {
				if diff := cmp.Diff(s.opened(got[0]), s.opened(d)); diff != "" {
					t.Errorf("try %d holds another message: %s", i+1, diff)
				}
				for _, other := range got[:i] {
					if string(other.body) == string(d.body) || other.raw == d.raw {
						t.Errorf("try %d repeats an earlier one byte by byte", i+1)
					}
				}
			}
			if ev := s.opened(got[0]); ev["Event"] != "subscribe_msg_change_event" {
				t.Errorf("got %v", ev)
			}
			xs := s.Record.Exchanges("push:*")
			if len(xs) != 3 || xs[2].Attempt != 3 || xs[2].Err == "" {
				t.Errorf("record %+v", xs)
			}
		})
	}
}

func TestPushStopsWhenAnswered(t *testing.T) {
	s := newFixture(t)
	s.Faults.Next("push:subscribe_msg_change_event", 1, simulator.DropAfterSuccess())
	s.inbox.reply(func(delivered) (int, string, error) { return 200, "", nil }) // empty is an answer
	s.WeChat.SwitchOff(user, templateID)
	s.one()
	s.clock.Advance(time.Hour)
	s.one()
	s.clock.Advance(time.Hour)
	s.none()
}

func TestVerifyURL(t *testing.T) {
	s := newFixture(t)
	s.inbox.reply(func(d delivered) (int, string, error) {
		if d.query.Get("signature") != wechatSign(s.Config().WeChat.Token.Reveal(), d.query.Get("timestamp"), d.query.Get("nonce")) {
			return 403, "", nil
		}
		return 200, d.query.Get("echostr"), nil
	})
	if err := s.WeChat.VerifyURL(); err != nil {
		t.Error(err)
	}
	s.inbox.reply(func(d delivered) (int, string, error) { return 200, `"` + d.query.Get("echostr") + `"`, nil })
	if err := s.WeChat.VerifyURL(); err == nil {
		t.Error("a quoted echostr passed")
	}
	s.inbox.take()
	if err := s.WeChat.SetPushURL(""); err != nil || s.WeChat.VerifyURL() == nil {
		t.Errorf("nobody listens: %v", err)
	}
	s.WeChat.SwitchOff(user, templateID)
	s.none()
}

func TestOtherEvents(t *testing.T) {
	s := newFixture(t, func(c *simulator.Config) { c.WeChat.AESKey = secret.New(strings.Repeat("A", 43)) })
	s.subscribed(2)
	s.WeChat.CancelAuthorization(user)
	ev := s.opened(s.one())
	if ev["Event"] != "user_authorization_cancellation" || ev["OpenID"] != user || ev["FromUserName"] == user {
		t.Errorf("got %v", ev)
	}
	if n := s.WeChat.Permits(user, templateID); n != 0 {
		t.Errorf("%d permits survive", n)
	}
	if err := s.WeChat.PushEvent(user, "debug_demo", "debug_str", "hello world"); err != nil {
		t.Fatal(err)
	}
	if ev := s.opened(s.one()); ev["Event"] != "debug_demo" || ev["debug_str"] != "hello world" {
		t.Errorf("got %v", ev)
	}
	if err := s.WeChat.PushEvent(user, "debug_demo", "odd"); err == nil {
		t.Error("a name without value: no error")
	}
}
