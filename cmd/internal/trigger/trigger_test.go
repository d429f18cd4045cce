package trigger_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/internal/trigger"
	"wxnotify/shared/api"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

var (
	now      = time.Unix(1795305600, 0)
	settings = trigger.Settings{SDKAppID: "1400123456", CallbackToken: secret.New("imToken2026"), AppID: "wx0123456789abcdef",
		PushToken: secret.New("pushToken"), AESKey: secret.New(strings.Repeat("A", 43)), Template: "T1",
		AnnounceKey: secret.New("announceKey")}
)

// What a trigger makes is what our own receivers take for genuine.
func TestIM(t *testing.T) {
	receiver, err := im.NewReceiver(im.ReceiverConfig{SDKAppID: 1400123456, Token: settings.CallbackToken})
	if err != nil {
		t.Fatal(err)
	}
	for line, check := range map[string]func(im.Callback) bool{
		"im.message from=user1 to=user2 text=hi": func(c im.Callback) bool {
			m := c.Facts()[0].Message
			return m.From == "user1" && m.To == "user2" && m.Summary == "hi" && m.SentAt.Equal(now)
		},
		"im.message from=a to=b before=1": func(c im.Callback) bool { return c.Before() },
		"im.message from=a to=b key=7_8_1795305000 failed=80001": func(c im.Callback) bool {
			m := c.Facts()[0].Message
			return m.ID == "7_8_1795305000" && m.Seq == 7 && m.SentAt.Unix() == 1795305000 && m.FailedCode == 80001
		},
		"im.message from=a to=b platform=RESTAPI": func(c im.Callback) bool { return c.Facts()[0].Message.ByREST },
		"im.state user=b":                         func(c im.Callback) bool { return !c.Facts()[0].Presence.Online },
		"im.state user=b action=Login":            func(c im.Callback) bool { return c.Facts()[0].Presence.Online },
		"im.read user=b peer=a":                   func(c im.Callback) bool { return c.Facts()[0].Read.Reader == "b" && c.Facts()[0].Read.UpTo.Equal(now) },
		"im.recall from=a to=b key=k":             func(c im.Callback) bool { return c.Facts()[0].Recall.ID == "k" },
		"im.call from=a to=b media=video id=i ring=45": func(c im.Callback) bool {
			return rings(c, fact.CallSignal, 45*time.Second)
		},
		"im.call from=a to=b id=i generation=webhook": func(c im.Callback) bool { return rings(c, fact.CallWebhook, 30*time.Second) },
		"im.call from=a to=b how=answer id=i": func(c im.Callback) bool {
			return c.Message.From == "b" && ends(c, fact.CallAnswered, fact.CallSignal)
		},
		"im.call from=a to=b how=answer id=i generation=webhook":  func(c im.Callback) bool { return ends(c, fact.CallAnswered, fact.CallWebhook) },
		"im.call from=a to=b how=reject id=i":                     func(c im.Callback) bool { return ends(c, fact.CallRejected, fact.CallSignal) },
		"im.call from=a to=b how=reject id=i generation=webhook":  func(c im.Callback) bool { return ends(c, fact.CallRejected, fact.CallWebhook) },
		"im.call from=a to=b how=cancel id=i":                     func(c im.Callback) bool { return ends(c, fact.CallCancelled, fact.CallSignal) },
		"im.call from=a to=b how=cancel id=i generation=webhook":  func(c im.Callback) bool { return ends(c, fact.CallCancelled, fact.CallWebhook) },
		"im.call from=a to=b how=timeout id=i":                    func(c im.Callback) bool { return ends(c, fact.CallTimedOut, fact.CallSignal) },
		"im.call from=a to=b how=timeout id=i generation=webhook": func(c im.Callback) bool { return ends(c, fact.CallTimedOut, fact.CallWebhook) },
		"im.group group=g from=a text=hi at=b,c seq=7": func(c im.Callback) bool {
			m := c.Facts()[0].GroupMessage
			return m.Group == "g" && m.From == "a" && m.Summary == "hi" && m.Seq == 7 && slices.Equal(m.At, []fact.UserID{"b", "c"}) &&
				!m.AtAll && m.Type == fact.GroupPublic && m.SentAt.Equal(now) && !m.ByREST
		},
		"im.group group=g from=a all=1 type=Community platform=RESTAPI": func(c im.Callback) bool {
			m := c.Facts()[0].GroupMessage
			return m.AtAll && m.Seq > 0 && m.Type == fact.GroupCommunity && m.ByREST && len(m.At) == 0
		},
		"im.group-recall group=g seq=7,9": func(c im.Callback) bool {
			r := c.Facts()[0].GroupRecall
			return r.Group == "g" && slices.Equal(r.Seqs, []uint32{7, 9})
		},
	} {
		t.Run(line, func(t *testing.T) {
			r := made(t, line)
			if r.Function != "imcallback" || r.Method != http.MethodPost {
				t.Errorf("for %s %s", r.Method, r.Function)
			}
			if err := receiver.Verify(r.Query, now); err != nil {
				t.Fatal(err)
			}
			c, err := im.Decode(r.Query, r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if !check(c) {
				t.Errorf("decoded as %+v with facts %+v", c, c.Facts())
			}
		})
	}
}

func TestWeChat(t *testing.T) {
	receiver, err := wechat.New(wechat.Config{AppID: settings.AppID, Token: settings.PushToken, EncodingAESKey: settings.AESKey})
	if err != nil {
		t.Fatal(err)
	}
	for line, check := range map[string]func(wechat.Push) bool{
		"wechat.popup openid=o": func(p wechat.Push) bool {
			g := p.Facts()[0].Grant
			return g.OpenID == "o" && g.Templates[0] == "T1" && g.Source == fact.GrantPopup
		},
		"wechat.popup openid=o status=acceptWithForcePush": func(p wechat.Push) bool { return p.Facts()[0].Grant.OpenID == "o" },
		"wechat.popup openid=o status=reject":              func(p wechat.Push) bool { return len(p.Facts()) == 0 },
		"wechat.change openid=o template=T2":               func(p wechat.Push) bool { return p.Facts()[0].Revoke.Templates[0] == "T2" },
		"wechat.sent openid=o msgid=1988810812324364291": func(p wechat.Push) bool {
			return p.Event.Kind() == "sent"
		},
		"wechat.cancel openid=o": func(p wechat.Push) bool { return p.Facts()[0].Erase.OpenID == "o" },
		"wechat.debug":           func(p wechat.Push) bool { return p.Event.Kind() == "debug_demo" },
	} {
		for _, how := range []string{"", " format=xml", " mode=compatible", " mode=compatible format=xml"} {
			t.Run(line+how, func(t *testing.T) {
				r := made(t, line+how)
				p, err := receiver.Open(r.Query, r.Body, now)
				if err != nil {
					t.Fatalf("%v\n%s", err, r.Body)
				}
				if !p.Signed || !check(p) {
					t.Errorf("opened as %+v with facts %+v", p, p.Facts())
				}
			})
		}
	}
	r := made(t, "wechat.verify")
	if echo, err := receiver.VerifyURL(r.Query, now); err != nil || r.Answer != echo {
		t.Errorf("verify: %q, %v", echo, err)
	}
}

// ringOf returns what c says of a call.
func ringOf(c im.Callback) (*fact.Ring, *fact.RingEnd) {
	for _, f := range c.Facts() {
		if f.Ring != nil || f.RingEnd != nil {
			return f.Ring, f.RingEnd
		}
	}
	return nil, nil
}

func rings(c im.Callback, source fact.CallSource, d time.Duration) bool {
	r, _ := ringOf(c)
	return r != nil && r.Call == "i" && r.Caller == "a" && slices.Equal(r.Users, []fact.UserID{"b"}) && r.Source == source && r.For == d
}

func ends(c im.Callback, how fact.CallEnd, source fact.CallSource) bool {
	_, r := ringOf(c)
	return r != nil && r.Call == "i" && slices.Equal(r.Users, []fact.UserID{"b"}) && r.How == how && r.Source == source
}

// The numbers of a group's messages grow.
func TestGroupNumbers(t *testing.T) {
	var last string
	for _, at := range []time.Time{now, now.Add(10 * time.Millisecond), now.AddDate(0, 2, 0)} {
		r, err := trigger.New("im.group", []string{"group=g", "from=a"}, settings, at)
		if err != nil {
			t.Fatal(err)
		}
		_, seq, _ := strings.Cut(r.Note, "seq=")
		if len(seq) < len(last) || len(seq) == len(last) && seq <= last {
			t.Errorf("%s comes after %s", seq, last)
		}
		last = seq
	}
}

// What is announced is signed as a backend signs it.
func TestAnnounce(t *testing.T) {
	for line, want := range map[string]string{
		"announce.send to=b id=1": `{"fields":{},"id":"1","kind":"message","to":["b"]}`,
		"announce.send to=b,c id=1 kind=order ttl=1h anyway=1 sender=Shop summary=Sent count=2": `{"fields":{"count":"2","sender":"Shop","summary":"Sent"},"id":"1","kind":"order","respectPresence":false,"to":["b","c"],"ttl":"1h"}`,
	} {
		r := made(t, line)
		if r.Function != "announce" || r.Method != http.MethodPost || string(r.Body) != want {
			t.Errorf("%s: %s %s %s, want %s", line, r.Method, r.Function, r.Body, want)
		}
		timestamp := r.Header.Get(api.HeaderTimestamp)
		if timestamp != "1795305600" || r.Header.Get(api.HeaderSignature) != api.Sign(settings.AnnounceKey, timestamp, "announce", r.Body) {
			t.Errorf("%s: signed with %v", line, r.Header)
		}
	}
	if a, b := made(t, "announce.send to=b"), made(t, "announce.send to=b"); string(a.Body) == string(b.Body) {
		t.Errorf("two announcements have one id: %s", a.Body)
	}
}

func made(t *testing.T, line string) trigger.Request {
	t.Helper()
	words := strings.Fields(line)
	r, err := trigger.New(words[0], words[1:], settings, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A setting that is not used must not be asked for.
func TestUses(t *testing.T) {
	im, push := []string{"IM_CALLBACK_TOKEN", "IM_SDKAPPID"}, []string{"WECHAT_APPID", "WECHAT_TOKEN"}
	for line, want := range map[string][]string{
		"im.message from=a to=b":                       im,
		"im.call from=a to=b":                          im,
		"im.group group=g from=a":                      im,
		"announce.send to=b":                           {"ANNOUNCE_KEY"},
		"wechat.verify":                                {"WECHAT_TOKEN"},
		"wechat.debug mode=plain":                      push,
		"wechat.cancel openid=o mode=plain":            push,
		"wechat.popup openid=o mode=plain template=T2": push,
		"wechat.popup openid=o mode=plain":             append([]string{"TEMPLATE_MESSAGE"}, push...),
		"wechat.sent openid=o msgid=1 template=T2":     {"WECHAT_APPID", "WECHAT_ENCODING_AES_KEY", "WECHAT_TOKEN"},
		"wechat.change openid=o template= format=xml":  {"WECHAT_APPID", "WECHAT_ENCODING_AES_KEY", "WECHAT_TOKEN"},
		"wechat.change openid=o mode=compatible":       {"TEMPLATE_MESSAGE", "WECHAT_APPID", "WECHAT_ENCODING_AES_KEY", "WECHAT_TOKEN"},
	} {
		if d := cmp.Diff(want, made(t, line).Uses); d != "" {
			t.Errorf("%s (-want +got):\n%s", line, d)
		}
	}
}

func TestFaults(t *testing.T) {
	for line, want := range map[string]string{
		"im.massage":                                    `"im.massage" is no trigger`,
		"im.message from=a":                             "to= is missing",
		"im.message from=a to=b txt=hi":                 "there is no argument txt=",
		"im.message from=a to=b failed=x":               "failed=x is not a whole number",
		"im.message from=a to=b text":                   "not written key=value",
		"im.message from=a to=b from=c":                 "from is given twice",
		"im.state user=a action=Sleep":                  "action=Sleep is none of",
		"wechat.popup openid=o mode=secret":             "mode=secret is none of",
		"im.call from=a to=b how=answer":                "id= is missing",
		"im.call from=a to=b step=invite":               "there is no argument step=",
		"im.call from=a to=b ring=9 generation=webhook": "there is no argument ring=",
		"im.group group=g from=a at=b,,c":               "at=b,,c names nothing between two commas",
		"im.group group=g from=a seq=5000000000":        "seq=5000000000 is not the number of a message",
		"im.group-recall group=g":                       "seq= is missing",
		"im.group-recall group=g seq=1,x":               "seq=x is not the number of a message",
		"announce.send":                                 "to= is missing",
		"wechat.popup status=accept format=yml":         "openid= is missing",
	} {
		words := strings.Fields(line)
		_, err := trigger.New(words[0], words[1:], settings, now)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", line, err, want)
		}
	}
}
