package simulator_test

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
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
func (s *stage) opened(d delivered) map[string]any {
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

func TestPushModesAndFormats(t *testing.T) {
	for _, mode := range []simulator.Mode{simulator.ModePlain, simulator.ModeCompatible, simulator.ModeSecure} {
		for _, format := range []simulator.Format{simulator.FormatJSON, simulator.FormatXML} {
			t.Run(fmt.Sprintf("%s %s", mode, format), func(t *testing.T) {
				s := newStage(t, func(c *simulator.Config) {
					c.WeChat.Mode, c.WeChat.Format = mode, format
				})
				s.WeChat.TapDialog(user, map[string]simulator.Answer{templateID: simulator.Accept, otherID: simulator.Reject})
				d := s.one()
				checkQuery(t, s, d, mode)
				outer, inner := d.body, d.body
				if mode != simulator.ModePlain {
					msg, _ := simulator.OpenForTest(t, s.World, encryptOf(t, d.body, format))
					inner = []byte(msg)
				}
				want := popup{To: s.Config().WeChat.OriginalID, From: user, Time: strconv.FormatInt(start.Unix(), 10),
					Type: "event", Event: "subscribe_msg_popup_event", List: []popupEntry{
						{templateID, "accept", "0"}, {otherID, "reject", "0"}}}
				if diff := cmp.Diff(want, readPopup(t, inner, format)); diff != "" {
					t.Errorf("message: %s", diff)
				}
				clear := popup{To: want.To}
				if mode != simulator.ModeSecure {
					clear = want
				}
				if diff := cmp.Diff(clear, readPopup(t, outer, format)); diff != "" {
					t.Errorf("clear fields: %s", diff)
				}
			})
		}
	}
}

func checkQuery(t *testing.T, s *stage, d delivered, mode simulator.Mode) {
	t.Helper()
	if d.label != "text/xml" {
		t.Errorf("Content-Type %q", d.label)
	}
	if d.query.Get("openid") != user || d.query.Get("timestamp") != strconv.FormatInt(start.Unix(), 10) {
		t.Errorf("query %q", d.raw)
	}
	token := s.Config().WeChat.Token.Reveal()
	if want := wechatSign(token, d.query.Get("timestamp"), d.query.Get("nonce")); d.query.Get("signature") != want {
		t.Errorf("signature %q, want %q", d.query.Get("signature"), want)
	}
	if aes := d.query.Get("encrypt_type") == "aes"; aes != (mode != simulator.ModePlain) || aes != d.query.Has("msg_signature") {
		t.Errorf("mode %s has query %q", mode, d.raw)
	}
}

type popupEntry struct {
	ID     string `json:"TemplateId" xml:"TemplateId"`
	Status string `json:"SubscribeStatusString" xml:"SubscribeStatusString"`
	Scene  string `json:"PopupScene" xml:"PopupScene"`
}

type popup struct {
	To    string       `xml:"ToUserName"`
	From  string       `xml:"FromUserName"`
	Time  string       `xml:"CreateTime"`
	Type  string       `xml:"MsgType"`
	Event string       `xml:"Event"`
	List  []popupEntry `xml:"SubscribeMsgPopupEvent>List"`
}

func readPopup(t *testing.T, body []byte, format simulator.Format) popup {
	t.Helper()
	var p popup
	if format == simulator.FormatXML {
		if err := xml.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	var j struct {
		ToUserName, FromUserName, MsgType, Event string
		CreateTime                               json.Number
		List                                     []popupEntry
	}
	if err := json.Unmarshal(body, &j); err != nil {
		t.Fatal(err)
	}
	return popup{j.ToUserName, j.FromUserName, j.CreateTime.String(), j.MsgType, j.Event, j.List}
}

func encryptOf(t *testing.T, body []byte, format simulator.Format) string {
	t.Helper()
	var e struct{ Encrypt string }
	err := json.Unmarshal(body, &e)
	if format == simulator.FormatXML {
		err = xml.Unmarshal(body, &e)
	}
	if err != nil || e.Encrypt == "" {
		t.Fatalf("no Encrypt in %s (%v)", body, err)
	}
	return e.Encrypt
}

func TestOneItemIsAnObject(t *testing.T) {
	s := newStage(t)
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
			s := newStage(t)
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
	s := newStage(t)
	s.Faults.Next("push:subscribe_msg_change_event", 1, simulator.DropAfterSuccess())
	s.inbox.reply(func(delivered) (int, string, error) { return 200, "", nil }) // empty is an answer
	s.WeChat.SwitchOff(user, templateID)
	s.one()
	s.clock.Advance(time.Hour)
	s.one()
	s.clock.Advance(time.Hour)
	s.none()
}

func TestNobodyListens(t *testing.T) {
	s := newStage(t)
	if err := s.WeChat.SetPushURL(""); err != nil {
		t.Fatal(err)
	}
	s.WeChat.SwitchOff(user, templateID)
	s.none()
	if err := s.WeChat.VerifyURL(); err == nil {
		t.Error("VerifyURL without a URL: no error")
	}
}

func TestVerifyURL(t *testing.T) {
	s := newStage(t)
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
}

func TestOtherEvents(t *testing.T) {
	s := newStage(t, func(c *simulator.Config) { c.WeChat.AESKey = secret.New(strings.Repeat("A", 43)) })
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
