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

	"wxnotify/shared/fact"
	"wxnotify/shared/wechat"
)

// A fixture is a Handler that keeps what it accepts and logs.
type fixture struct {
	*wechat.Handler
	facts []fact.Fact
	calls int
	fail  error
	log   bytes.Buffer
}

func newFixture(t *testing.T, cfg wechat.Config) *fixture {
	f := &fixture{}
	f.Handler = &wechat.Handler{
		Receiver: receiver(t, cfg),
		Accept: func(ctx context.Context, facts []fact.Fact) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("Accept may take forever")
			}
			f.calls++
			if f.fail == nil {
				f.facts = append(f.facts, facts...)
			}
			return f.fail
		},
		Log: slog.New(slog.NewJSONHandler(&f.log, nil)),
		Now: func() time.Time { return now },
	}
	return f
}

func (f *fixture) do(method string, q url.Values, body []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/wechatpush?"+q.Encode(), bytes.NewReader(body))
	r.Header.Set("Content-Type", "text/xml") // whatever the body is
	f.ServeHTTP(w, r)
	return w
}

func (f *fixture) post(t *testing.T, mode wechat.Mode, msg []byte) *httptest.ResponseRecorder {
	t.Helper()
	at := timeIn(msg)
	f.Now = func() time.Time { return at }
	q, body := seal(t, sealerAt(mode, at), msg)
	return f.do("POST", q, body)
}

// checkLog wants one line with the given words and nothing private in it.
func (f *fixture) checkLog(t *testing.T, words string, private ...string) {
	t.Helper()
	log := f.log.String()
	if !strings.Contains(log, words) || strings.Count(log, "\n") != 1 {
		t.Errorf("log %s, want one line with %s", log, words)
	}
	for _, p := range append(private, token, aesKey, "415670741") {
		if len(p) > 1 && strings.Contains(log, p) {
			t.Errorf("the log shows %q: %s", p, log)
		}
	}
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

// Words that nobody knows yet are told to the log, few and short, and to nobody else.
func TestHandlerLogsUnknownWords(t *testing.T) {
	f := newFixture(t, secured)
	item := func(word string) string { return `{"TemplateId":"T1","SubscribeStatusString":"` + word + `"}` }
	for _, event := range []string{"subscribe_msg_popup_event", "subscribe_msg_change_event"} {
		f.log.Reset()
		items := item("perhaps") + "," + item("perhaps") + "," + item("o\\nUser") + "," + item(strings.Repeat("x", 9000)) + "," + item("accept") + "," + item("filter")
		for i := range 20 {
			items += "," + item("later"+strings.Repeat("x", i))
		}
		msg := strings.NewReplacer("subscribe_msg_popup_event", event, `{"TemplateId":"T1","SubscribeStatusString":"accept","PopupScene":"0"}`, "["+items+"]").Replace(string(popup))
		check(t, f.post(t, wechat.ModeSecure, []byte(msg)), 200, "success")
		if log := f.log.String(); !strings.Contains(log, `"words":["perhaps","?","later","laterx","laterxx"]`) || len(log) > 1000 {
			t.Errorf("%s: log: %s", event, log)
		}
		if len(f.facts) != 1 || f.facts[0].Grant == nil {
			t.Errorf("%s: facts %+v, want the grant of the popup alone", event, f.facts)
		}
	}
}

func TestHandlerAsksAgainWhenNotAccepted(t *testing.T) {
	f := newFixture(t, secured)
	f.fail = errors.New("store away")
	if w := f.post(t, wechat.ModeSecure, popup); w.Code != 500 || strings.Contains(w.Body.String(), "success") {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	if !strings.Contains(f.log.String(), "store away") || !strings.Contains(f.log.String(), `"level":"ERROR"`) {
		t.Errorf("log: %s", &f.log)
	}
	f.fail = nil
	check(t, f.post(t, wechat.ModeSecure, popup), 200, "success")
}

func TestHandlerMethods(t *testing.T) {
	for _, method := range []string{"PUT", "DELETE", "HEAD", "OPTIONS"} {
		f := newFixture(t, plain)
		w := f.do(method, nil, nil)
		if w.Code != 405 || w.Header().Get("Allow") != "GET, POST" || !strings.Contains(f.log.String(), `"reason":"method"`) {
			t.Errorf("%s: %d, Allow %q, log %s", method, w.Code, w.Header().Get("Allow"), &f.log)
		}
	}
}

func TestHandlerWithABrokenRequest(t *testing.T) {
	f := newFixture(t, plain)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest("POST", "/?a=%zz", strings.NewReader("{}")))
	check(t, w, 403, "refused")
	w = httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest("GET", "/?a=%zz", nil))
	check(t, w, 403, "refused")
	w = httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), broken{})))
	check(t, w, 400, "refused")
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
