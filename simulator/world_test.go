package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/secret"
	"wxnotify/simulator"
)

// start is the time of the UserSig vectors: 2026-11-22 08:00 in Beijing.
var start = time.Unix(1795305600, 0).UTC()

const (
	secretKey  = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	callToken  = "imToken2026"
	pushURL    = "http://receiver.test/wechatpush"
	callURL    = "http://receiver.test/imcallback"
	templateID = "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU"
	otherID    = "BDcgTGpwt7fcRVFhGh-NvjcASaWWmkwzN3y_6mXzJR4"
	longTermID = "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME"
)

// A fixture is a World with a clock, somebody who listens, and a client.
type fixture struct {
	*simulator.World
	t      *testing.T
	clock  *simulator.ManualClock
	inbox  *inbox
	client *http.Client
	base   string // of the platforms URL
}

func newFixture(t *testing.T, change ...func(*simulator.Config)) *fixture {
	t.Helper()
	s := &fixture{t: t, clock: simulator.NewManualClock(start), inbox: &inbox{}, base: "http://api.test"}
	cfg := simulator.Config{
		Clock:      s.clock,
		HTTPClient: &http.Client{Transport: s.inbox},
		WeChat:     simulator.WeChatConfig{PushURL: pushURL},
		IM: simulator.IMConfig{
			SecretKey: secret.New(secretKey), CallbackToken: secret.New(callToken), CallbackURL: callURL,
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	w, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	s.World = w
	s.client = &http.Client{Transport: w.Transport()}
	for _, tmpl := range []simulator.Template{
		{ID: templateID, Title: "留言提醒", Content: "发送人:{{thing1.DATA}}\n内容:{{thing2.DATA}}\n数量:{{number3.DATA}}\n时间:{{time4.DATA}}\n"},
		{ID: otherID, Title: "来电提醒", Content: "来电人:{{thing1.DATA}}\n"},
		{ID: longTermID, Title: "洗衣机故障提醒", LongTerm: true, Content: "位置:{{enum_string2.DATA}}\n",
			Enums: map[string][]string{"enum_string2": {"客厅", "厨房"}}},
	} {
		if err := w.WeChat.AddTemplate(tmpl); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// realClock is for tests inside a synctest bubble.
func realClock(c *simulator.Config) { c.Clock = simulator.RealClock{} }

// An inbox is the receiver of callbacks and pushes, reached without a network.
type inbox struct {
	mu     sync.Mutex
	got    []delivered
	answer func(delivered) (status int, body string, err error) // nil: as documented
}

type delivered struct {
	path  string
	query url.Values
	raw   string // the query
	body  []byte
	label string // Content-Type
}

func (b *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	d := delivered{path: r.URL.Path, query: r.URL.Query(), raw: r.URL.RawQuery, label: r.Header.Get("Content-Type")}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		d.body = body
	}
	b.mu.Lock()
	b.got = append(b.got, d)
	answer := b.answer
	b.mu.Unlock()
	status, body, err := http.StatusOK, "success", error(nil)
	if d.path == "/imcallback" {
		body = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`
	}
	if answer != nil {
		status, body, err = answer(d)
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (b *inbox) reply(f func(delivered) (int, string, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = f
}

// take returns what came since the last take.
func (b *inbox) take() []delivered {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// one takes exactly one delivery.
func (s *fixture) one() delivered {
	s.t.Helper()
	got := s.inbox.take()
	if len(got) != 1 {
		s.t.Fatalf("got %d deliveries, want 1: %s", len(got), names(got))
	}
	return got[0]
}

func (s *fixture) none() {
	s.t.Helper()
	if got := s.inbox.take(); len(got) != 0 {
		s.t.Fatalf("got %d deliveries, want none: %s", len(got), names(got))
	}
}

func names(ds []delivered) string {
	var s []string
	for _, d := range ds {
		s = append(s, d.path+" "+d.query.Get("CallbackCommand"))
	}
	return strings.Join(s, ", ")
}

// object decodes JSON without losing digits.
func object(t *testing.T, body []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("not a JSON object: %v: %s", err, body)
	}
	return m
}

// number returns a member that is a JSON number.
func number(t *testing.T, m map[string]any, name string) int64 {
	t.Helper()
	n, ok := m[name].(json.Number)
	if !ok {
		t.Fatalf("%s is %T %v, want a number", name, m[name], m[name])
	}
	v, err := n.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// call makes an API call and returns its answer as an object.
func (s *fixture) call(method, pathAndQuery, body string) map[string]any {
	s.t.Helper()
	status, raw, err := s.exchange(method, pathAndQuery, body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, pathAndQuery, err)
	}
	if status != http.StatusOK {
		s.t.Fatalf("%s %s: HTTP status %d", method, pathAndQuery, status)
	}
	return object(s.t, raw)
}

func (s *fixture) exchange(method, pathAndQuery, body string) (status int, raw []byte, err error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.base+pathAndQuery, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	raw, err = io.ReadAll(res.Body)
	return res.StatusCode, raw, err
}

// code returns the errcode of an answer; absent is 0.
func code(t *testing.T, m map[string]any) int64 {
	t.Helper()
	if _, ok := m["errcode"]; !ok {
		return 0
	}
	return number(t, m, "errcode")
}

func TestBadConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  simulator.Config
		want string
	}{
		"mode":     {simulator.Config{WeChat: simulator.WeChatConfig{Mode: "loud"}}, "WeChat.Mode"},
		"key":      {simulator.Config{WeChat: simulator.WeChatConfig{AESKey: secret.New("x")}}, "WeChat.AESKey"},
		"push url": {simulator.Config{WeChat: simulator.WeChatConfig{PushURL: "ftp://x/y"}}, "WeChat.PushURL"},
		"query":    {simulator.Config{IM: simulator.IMConfig{CallbackURL: "http://x/y?token=1"}}, "IM.CallbackURL"},
		"retries":  {simulator.Config{IM: simulator.IMConfig{CallbackRetries: -1}}, "IM.CallbackRetries"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := simulator.New(tt.cfg)
			if err == nil {
				w.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not name %s", err, tt.want)
			}
		})
	}
	s := newFixture(t)
	if err := s.WeChat.SetPushURL("nowhere"); err == nil {
		t.Error("SetPushURL(nowhere): no error")
	}
	if err := s.IM.SetCallbackURL("http://x/y?z"); err == nil {
		t.Error("SetCallbackURL with a query: no error")
	}
}

func TestEventsAndRecord(t *testing.T) {
	s := newFixture(t)
	var seen []simulator.Event
	stop := s.OnEvent(func(e simulator.Event) {
		seen = append(seen, e)
		if e.Kind == simulator.EventSignedIn { // a listener may act
			if _, err := s.IM.SendC2C("jared", e.User, simulator.Text("welcome")); err != nil {
				t.Error(err)
			}
		}
	})
	s.IM.SignIn("tommy", simulator.MiniProgram)
	stop()
	s.IM.SignIn("lily", simulator.MiniProgram)

	var kinds []simulator.EventKind
	for _, e := range seen {
		kinds = append(kinds, e.Kind)
		if !e.At.Equal(start) {
			t.Errorf("event %v at %v, want %v", e, e.At, start)
		}
		if strings.Contains(e.String(), "Sign=") || strings.Contains(e.String(), callToken) {
			t.Errorf("event %q shows a query or a secret", e)
		}
	}
	want := []simulator.EventKind{simulator.EventSignedIn, simulator.EventMessage, simulator.EventCallback, simulator.EventCallback}
	if len(kinds) != len(want) {
		t.Fatalf("got events %q, want %q", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Errorf("event %d is %q, want %q", i, kinds[i], want[i])
		}
	}
	if n := s.Record.Count("callback:*"); n != 3 {
		t.Errorf("%d callbacks recorded, want 3", n)
	}
	if n := s.Record.Count("/*"); n != 0 {
		t.Errorf("%d API calls recorded, want none", n)
	}
	xs := s.Record.Exchanges("callback:State.StateChange")
	if len(xs) != 2 || xs[0].Status != 200 || xs[0].Attempt != 1 || xs[0].Err != "" {
		t.Errorf("got exchanges %+v", xs)
	}
}

func TestRecordIsBounded(t *testing.T) {
	s := newFixture(t, func(c *simulator.Config) { c.RecordLimit = 3 })
	for _, user := range []string{"a", "b", "c", "d", "e"} {
		s.IM.SignIn(user, simulator.Web)
		s.clock.Advance(time.Second)
	}
	if n := s.Record.Count("callback:*"); n != 5 {
		t.Errorf("count is %d, want 5", n)
	}
	xs := s.Record.Exchanges("callback:*")
	if len(xs) != 3 || !xs[0].At.Equal(start.Add(2*time.Second)) || !xs[2].At.Equal(start.Add(4*time.Second)) {
		t.Errorf("kept %+v, want the last three in order", xs)
	}
}

func TestUnknownPaths(t *testing.T) {
	s := newFixture(t)
	if status, _, err := s.exchange("GET", "/cgi-bin/menu/get", ""); err != nil || status != http.StatusNotFound {
		t.Errorf("WeChat: got %d, %v, want 404", status, err)
	}
	if m := s.call("POST", "/v4/openim/querystates", "{}"); number(t, m, "ErrorCode") != 60009 {
		t.Errorf("IM: got %v, want 60009", m)
	}
	if n := s.Record.Count("/unknown"); n != 2 {
		t.Errorf("%d unknown calls recorded, want 2", n)
	}
}

func TestCloseEndsWaits(t *testing.T) {
	s := newFixture(t)
	s.Faults.Always("/sns/jscode2session", simulator.Lose())
	failed := make(chan error)
	arrived := make(chan struct{})
	stop := s.OnEvent(func(simulator.Event) { close(arrived) })
	go func() {
		_, _, err := s.exchange("GET", "/sns/jscode2session", "")
		failed <- err
	}()
	<-arrived
	stop()
	s.Close()
	if err := <-failed; err == nil {
		t.Error("a call that was lost got an answer")
	}
	if _, _, err := s.exchange("GET", "/sns/jscode2session", ""); !errors.Is(err, io.EOF) {
		t.Errorf("a call after Close: got %v, want EOF", err)
	}
	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.none()
	if err := s.Drain(context.Background()); err != nil {
		t.Error(err)
	}
}
