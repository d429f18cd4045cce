package trigger_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/trigger"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

var (
	now      = time.Unix(1795305600, 0)
	settings = trigger.Settings{SDKAppID: "1400123456", CallbackToken: secret.New("imToken2026"), AppID: "wx0123456789abcdef",
		PushToken: secret.New("pushToken"), AESKey: secret.New(strings.Repeat("A", 43)), Template: "T1"}
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
		"im.call from=a to=b media=video id=i": func(c im.Callback) bool {
			return c.Calls[0].Phase == im.CallRinging && c.Calls[0].ID == "i" && c.Calls[0].Media == im.MediaVideo
		},
		"im.call from=b to=a step=reject id=i": func(c im.Callback) bool { return c.Calls[0].Phase == im.CallRejected },
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
			return g.OpenID == "o" && g.Templates[0] == "T1" && g.Source == notify.GrantPopup
		},
		"wechat.popup openid=o status=reject": func(p wechat.Push) bool { return len(p.Facts()) == 0 },
		"wechat.change openid=o template=T2":  func(p wechat.Push) bool { return p.Facts()[0].Revoke.Templates[0] == "T2" },
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
		"im.massage":                            `"im.massage" is no trigger`,
		"im.message from=a":                     "to= is missing",
		"im.message from=a to=b txt=hi":         "there is no argument txt=",
		"im.message from=a to=b failed=x":       "failed=x is not a whole number",
		"im.message from=a to=b text":           "not written key=value",
		"im.message from=a to=b from=c":         "from is given twice",
		"im.state user=a action=Sleep":          "action=Sleep is none of",
		"wechat.popup openid=o mode=secret":     "mode=secret is none of",
		"wechat.popup status=accept format=yml": "openid= is missing",
	} {
		words := strings.Fields(line)
		_, err := trigger.New(words[0], words[1:], settings, now)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", line, err, want)
		}
	}
}

func TestSend(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("Sign") == "" {
			t.Error("the query did not arrive")
		}
		w.WriteHeader(http.StatusTeapot)
		w.Write([]byte("ok"))
	}))
	defer srv.Close()
	r := made(t, "im.state user=a")
	if status, body, err := r.Send(t.Context(), srv.Client(), srv.URL+"/imcallback"); status != http.StatusTeapot || body != "ok" || err != nil {
		t.Errorf("%d %q %v", status, body, err)
	}
	srv.Close()
	_, _, err := r.Send(t.Context(), srv.Client(), srv.URL)
	if err == nil || strings.Contains(err.Error(), r.Query.Get("Sign")) {
		t.Errorf("error %v: there must be one, without the signature", err)
	}
	if _, _, err := r.Send(t.Context(), srv.Client(), "127.0.0.1:9000"); err == nil || !strings.Contains(err.Error(), "--to") {
		t.Errorf("error %v, want one that names --to", err)
	}
}
