package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

// A desk is a Handler that keeps what it accepts and logs.
type desk struct {
	*wechat.Handler
	facts []notify.Fact
	calls int
	fail  error
	log   bytes.Buffer
}

func newDesk(t *testing.T, cfg wechat.Config) *desk {
	d := &desk{}
	d.Handler = &wechat.Handler{
		Receiver: receiver(t, cfg),
		Accept: func(ctx context.Context, facts []notify.Fact) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("Accept may take forever")
			}
			d.calls++
			if d.fail == nil {
				d.facts = append(d.facts, facts...)
			}
			return d.fail
		},
		Log: slog.New(slog.NewJSONHandler(&d.log, nil)),
		Now: func() time.Time { return now },
	}
	return d
}

func (d *desk) do(method string, q url.Values, body []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/wechatpush?"+q.Encode(), bytes.NewReader(body))
	r.Header.Set("Content-Type", "text/xml") // whatever the body is
	d.ServeHTTP(w, r)
	return w
}

func (d *desk) post(t *testing.T, mode wechat.Mode, msg []byte) *httptest.ResponseRecorder {
	t.Helper()
	at := timeIn(msg)
	d.Now = func() time.Time { return at }
	q, body := seal(t, sealerAt(mode, at), msg)
	return d.do("POST", q, body)
}

func check(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body {
		t.Errorf("answer %d %q, want %d %q", w.Code, w.Body, status, body)
	}
	if ct := w.Header().Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
		t.Errorf("Content-Type %q", ct)
	}
}

func TestHandlerVerifiesTheURL(t *testing.T) {
	official := wechat.Config{AppID: appID, Token: secret.New("AAAAA")}
	d := newDesk(t, official)
	d.Now = func() time.Time { return time.Unix(1714036504, 0) }
	q := url.Values{"signature": {"f464b24fc39322e44b38aa78f5edd27bd1441696"}, "timestamp": {"1714036504"},
		"nonce": {"1514711492"}, "echostr": {"4375120948345356249"}}
	check(t, d.do("GET", q, nil), 200, "4375120948345356249")
	q.Set("nonce", "1514711493")
	check(t, d.do("GET", q, nil), 403, "refused")
	if d.calls != 0 {
		t.Error("a verification reached Accept")
	}
}

func TestHandlerAccepts(t *testing.T) {
	d := newDesk(t, secured)
	check(t, d.post(t, wechat.ModeSecure, popup), 200, "success")
	check(t, d.post(t, wechat.ModeCompatible, popup), 200, "success")
	if len(d.facts) != 2 || d.facts[0].Grant == nil || d.facts[0].Grant.ID != d.facts[1].Grant.ID {
		t.Errorf("facts %+v, want one grant twice", d.facts)
	}
	if !strings.Contains(d.log.String(), `"kind":"popup"`) {
		t.Errorf("log: %s", &d.log)
	}
}

func TestHandlerErases(t *testing.T) {
	msg := bytes.Replace(sample(t, "user-authorization-revoke.json"), []byte("user_authorization_revoke"), []byte("user_authorization_cancellation"), 1)
	d := newDesk(t, secured)
	check(t, d.post(t, wechat.ModeSecure, msg), 200, "success")
	if len(d.facts) != 1 || d.facts[0].Erase == nil || d.facts[0].Erase.OpenID != "oaKk343WOktAaT2ygsX138BGblrg" {
		t.Errorf("facts %+v, want the user of OpenID erased", d.facts)
	}
	if !strings.Contains(d.log.String(), `"kind":"authorization_cancelled"`) || strings.Contains(d.log.String(), "oaKk") {
		t.Errorf("log: %s", &d.log)
	}

	d = newDesk(t, plain) // anyone may have written that body
	check(t, d.post(t, wechat.ModePlain, msg), 200, "success")
	if d.calls != 0 {
		t.Errorf("an unsigned push led to %+v", d.facts)
	}
}

// A result corrects what is believed of a card, so that only signed ones count.
func TestHandlerTakesResults(t *testing.T) {
	d := newDesk(t, secured)
	check(t, d.post(t, wechat.ModeSecure, sample(t, "sent-failed.json")), 200, "success")
	if len(d.facts) != 1 || d.facts[0].Sent == nil || d.facts[0].Sent.MsgID != 1864323726461255999 {
		t.Errorf("facts %+v, want one result", d.facts)
	}
	if !strings.Contains(d.log.String(), `"kind":"sent"`) || strings.Contains(d.log.String(), "o7esq5") {
		t.Errorf("log: %s", &d.log)
	}

	d = newDesk(t, plain)
	check(t, d.post(t, wechat.ModePlain, sample(t, "sent-failed.json")), 200, "success")
	if d.calls != 0 {
		t.Errorf("an unsigned push led to %+v", d.facts)
	}
}

func TestHandlerAnswersWhatItDoesNotKnow(t *testing.T) {
	d := newDesk(t, secured)
	for _, msg := range []string{
		string(sample(t, "debug-demo.json")), string(sample(t, "text-message.xml")),
		string(sample(t, "user-enter-tempsession.json")),
		`{"MsgType":"event","Event":"an_event_of_2030"}`, `{"what":"ever"}`,
	} {
		check(t, d.post(t, wechat.ModeSecure, []byte(msg)), 200, "success")
	}
	check(t, d.do("POST", nil, sample(t, "check-container-path.json")), 200, "success")
	check(t, d.do("POST", url.Values{"a": {";"}}, sample(t, "check-container-path.json")), 200, "success")
	if d.calls != 0 {
		t.Errorf("Accept was called %d times for nothing", d.calls)
	}
}

// Words that nobody knows yet are told to the log, few and short, and to nobody else.
func TestHandlerLogsUnknownWords(t *testing.T) {
	d := newDesk(t, secured)
	item := func(word string) string { return `{"TemplateId":"T1","SubscribeStatusString":"` + word + `"}` }
	for _, event := range []string{"subscribe_msg_popup_event", "subscribe_msg_change_event"} {
		d.log.Reset()
		items := item("perhaps") + "," + item("perhaps") + "," + item("o\\nUser") + "," + item(strings.Repeat("x", 9000)) + "," + item("accept") + "," + item("filter")
		for i := range 20 {
			items += "," + item("later"+strings.Repeat("x", i))
		}
		msg := strings.NewReplacer("subscribe_msg_popup_event", event, `{"TemplateId":"T1","SubscribeStatusString":"accept","PopupScene":"0"}`, "["+items+"]").Replace(string(popup))
		check(t, d.post(t, wechat.ModeSecure, []byte(msg)), 200, "success")
		if log := d.log.String(); !strings.Contains(log, `"words":["perhaps","?","later","laterx","laterxx"]`) || len(log) > 1000 {
			t.Errorf("%s: log: %s", event, log)
		}
		if len(d.facts) != 1 || d.facts[0].Grant == nil {
			t.Errorf("%s: facts %+v, want the grant of the popup alone", event, d.facts)
		}
	}
}

func TestHandlerAsksAgainWhenNotAccepted(t *testing.T) {
	d := newDesk(t, secured)
	d.fail = errors.New("store away")
	if w := d.post(t, wechat.ModeSecure, popup); w.Code != 500 || strings.Contains(w.Body.String(), "success") {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	if !strings.Contains(d.log.String(), "store away") || !strings.Contains(d.log.String(), `"level":"ERROR"`) {
		t.Errorf("log: %s", &d.log)
	}
	d.fail = nil
	check(t, d.post(t, wechat.ModeSecure, popup), 200, "success")
}

func TestHandlerRefuses(t *testing.T) {
	badSignature := sealer(wechat.ModeSecure)
	badSignature.Token = secret.New("guess")
	old := sealer(wechat.ModeSecure)
	old.Timestamp = now.Add(-6 * time.Minute)
	foreign := sealer(wechat.ModeSecure)
	foreign.AppID = "wx_other"
	for _, tt := range []struct {
		name   string
		cfg    wechat.Config
		from   wechat.Sealer
		body   string // instead of the sealed one
		status int
		reason string
	}{
		{"signature", secured, badSignature, "", 403, "signature"},
		{"stale", secured, old, "", 403, "stale"},
		{"downgrade", secured, sealer(wechat.ModePlain), "", 403, "downgrade"},
		{"no key", plain, sealer(wechat.ModeSecure), "", 403, "no_key"},
		{"app", secured, foreign, "", 403, "appid"},
		{"malformed", secured, sealer(wechat.ModeSecure), "hello", 400, "malformed"},
		{"doctype", secured, sealer(wechat.ModeSecure), "<!DOCTYPE x><xml/>", 400, "markup"},
		{"too large", plain, sealer(wechat.ModePlain), strings.Repeat("x", wechat.MaxBody+1), 413, "too_large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, tt.cfg)
			q, body := seal(t, tt.from, popup)
			if tt.body != "" {
				body = []byte(tt.body)
			}
			check(t, d.do("POST", q, body), tt.status, "refused")
			if d.calls != 0 {
				t.Error("a refused push reached Accept")
			}
			log := d.log.String()
			if !strings.Contains(log, `"reason":"`+tt.reason+`"`) || strings.Count(log, "\n") != 1 {
				t.Errorf("log: %s", log)
			}
			for _, private := range []string{token, aesKey, q.Get("signature"), q.Get("nonce"), "oUser", "guess"} {
				if strings.Contains(log, private) {
					t.Errorf("log shows %q: %s", private, log)
				}
			}
		})
	}
}

// What is authentic and cannot be read is answered success, recorded nowhere and logged once.
func TestHandlerAnswersWhatItCannotRead(t *testing.T) {
	for msg, reason := range map[string]string{"oUser says hello": "malformed", "<!DOCTYPE x><xml/>": "markup", strings.Repeat(`{"a":`, 99): "too_complex",
		`{"MsgType":"event","Event":"subscribe_msg_popup_event","FromUserName":"oUser"}`: "malformed"} {
		d := newDesk(t, secured)
		check(t, d.post(t, wechat.ModeSecure, []byte(msg)), 200, "success")
		log := d.log.String()
		if d.calls != 0 || strings.Count(log, "\n") != 1 || !strings.Contains(log, `"reason":"`+reason+`"`) || strings.Contains(log, "oUser") {
			t.Errorf("%s: %d facts, log: %s", msg, d.calls, log)
		}
	}
}

func TestHandlerMethods(t *testing.T) {
	for _, method := range []string{"PUT", "DELETE", "HEAD", "OPTIONS"} {
		d := newDesk(t, plain)
		w := d.do(method, nil, nil)
		if w.Code != 405 || w.Header().Get("Allow") != "GET, POST" || !strings.Contains(d.log.String(), `"reason":"method"`) {
			t.Errorf("%s: %d, Allow %q, log %s", method, w.Code, w.Header().Get("Allow"), &d.log)
		}
	}
}

func TestHandlerWithABrokenRequest(t *testing.T) {
	d := newDesk(t, plain)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest("POST", "/?a=%zz", strings.NewReader("{}")))
	check(t, w, 403, "refused")
	w = httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest("GET", "/?a=%zz", nil))
	check(t, w, 403, "refused")
	w = httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), broken{})))
	check(t, w, 400, "refused")
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestHandlerAlertsOnPenalties(t *testing.T) {
	for mode, want := range map[wechat.Mode]bool{wechat.ModeSecure: true, wechat.ModePlain: false} {
		cfg := secured
		if mode == wechat.ModePlain {
			cfg = plain
		}
		d := newDesk(t, cfg)
		check(t, d.post(t, mode, sample(t, "wxa-punish-event.json")), 200, "success")
		if got := strings.Contains(d.log.String(), `"alert":"wechat_penalty"`); got != want {
			t.Errorf("mode %d: alert %v, want %v", mode, got, want)
		}
	}
}
