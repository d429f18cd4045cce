package scf_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/internal/port"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
)

const queued = `{"Response":{"RequestId":"api-1","Result":{"FunctionRequestId":"fn-1"}}}`

// An apiCall is one request to Tencent Cloud's API.
type apiCall struct {
	Header http.Header
	Path   string
	Body   map[string]string
}

// startAPI serves answers in turn, the last one for ever, and keeps what it was asked.
func startAPI(t *testing.T, answers ...http.HandlerFunc) (base string, calls func() []apiCall) {
	t.Helper()
	asked := make(chan apiCall, 100)
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := apiCall{Header: r.Header, Path: r.URL.Path}
		if err := json.NewDecoder(r.Body).Decode(&c.Body); err != nil {
			t.Errorf("request body: %v", err)
		}
		asked <- c
		answers[min(int(n.Add(1)), len(answers))-1](w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() (all []apiCall) {
		for len(asked) > 0 {
			all = append(all, <-asked)
		}
		return all
	}
}

func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func newInvoker(t *testing.T, cfg scf.InvokerConfig) *scf.Invoker {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second // the machine may be busy
	}
	v, err := scf.NewInvoker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWake(t *testing.T) {
	base, calls := startAPI(t, say(200, queued))
	e := roleEnv()
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: e.get})
	if err := v.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	e["TENCENTCLOUD_SECRETID"], e["TENCENTCLOUD_SESSIONTOKEN"], e["SCF_NAMESPACE"] = "AKIDnext", "next-token", "staging"
	if err := v.Invoke(t.Context(), map[string]int{"n": 1}); err != nil {
		t.Fatal(err)
	}
	got := calls()
	if len(got) != 2 {
		t.Fatalf("%d calls, want 2", len(got))
	}
	for i, want := range []struct{ id, token, namespace, event string }{
		{"AKIDexample", "sesame-token", "default", `{}`},
		{"AKIDnext", "next-token", "staging", `{"n":1}`},
	} {
		c := got[i]
		for name, value := range map[string]string{
			"X-TC-Action": "Invoke", "X-TC-Version": "2018-04-16", "X-TC-Region": "ap-guangzhou",
			"X-TC-Token": want.token, "Content-Type": "application/json",
		} {
			if c.Header.Get(name) != value {
				t.Errorf("call %d: %s is %q, want %q", i, name, c.Header.Get(name), value)
			}
		}
		signed := c.Header.Get("Authorization")
		if !strings.HasPrefix(signed, "TC3-HMAC-SHA256 Credential="+want.id+"/") || !strings.Contains(signed, "/scf/tc3_request, SignedHeaders=content-type;host, Signature=") {
			t.Errorf("call %d: Authorization is %q", i, signed)
		}
		wantBody := map[string]string{
			"FunctionName": "deliver", "Namespace": want.namespace, "Qualifier": "$DEFAULT",
			"InvocationType": "Event", "ClientContext": want.event,
		}
		if diff := cmp.Diff(wantBody, c.Body); diff != "" || c.Path != "/" {
			t.Errorf("call %d to %s (-want +got):\n%s", i, c.Path, diff)
		}
	}
}

var _ inbox.Courier = (*scf.Invoker)(nil)

func TestSpill(t *testing.T) {
	base, calls := startAPI(t, say(200, queued))
	since := time.Date(2031, 5, 1, 2, 0, 0, 0, time.UTC)
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get})
	facts := []notify.Fact{{Presence: &notify.Presence{User: "u<1>", Online: true, At: since}}, {Erase: &notify.Erase{OpenID: "o1"}}}
	if err := v.Spill(t.Context(), nil, since); err != nil || len(calls()) != 0 {
		t.Errorf("nothing to spill: err %v", err)
	}
	if err := v.Spill(t.Context(), facts, since); err != nil {
		t.Fatal(err)
	}
	got := calls()
	if len(got) != 1 {
		t.Fatalf("%d calls, want 1", len(got))
	}
	var e scf.DeliverEvent
	if err := json.Unmarshal([]byte(got[0].Body["ClientContext"]), &e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&scf.Spill{Facts: facts, Since: since}, e.Spill); diff != "" {
		t.Errorf("spill (-want +got):\n%s", diff)
	}
}

func TestLargeSpillIsSplit(t *testing.T) {
	base, calls := startAPI(t, say(200, queued))
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get})
	began := time.Date(2031, 5, 1, 2, 0, 0, 0, time.UTC)
	var facts []notify.Fact
	for i := range 5 {
		facts = append(facts, notify.Fact{Message: &notify.Message{Seq: uint32(i), Summary: strings.Repeat("s", 60_000)}})
	}
	if err := v.Spill(t.Context(), facts, began); err != nil {
		t.Fatal(err)
	}
	var got []notify.Fact
	for _, c := range calls() {
		if n := len(c.Body["ClientContext"]); n > 128<<10 {
			t.Errorf("an event of %d bytes", n)
		}
		var e scf.DeliverEvent
		if err := json.Unmarshal([]byte(c.Body["ClientContext"]), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Spill.Facts...)
		if !e.Spill.Since.Equal(began) {
			t.Errorf("a part is of %v, want %v", e.Spill.Since, began)
		}
	}
	if diff := cmp.Diff(facts, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestEventTooLarge(t *testing.T) {
	base, calls := startAPI(t, say(200, queued))
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get})
	if err := v.Invoke(t.Context(), strings.Repeat("a", 128<<10-2)); err != nil || len(calls()) != 1 {
		t.Errorf("an event of 128 KB: %v", err)
	}
	err := v.Invoke(t.Context(), strings.Repeat("a", 128<<10-1))
	if !errors.Is(err, scf.ErrEventTooLarge) || !strings.Contains(err.Error(), "131073 bytes") || len(calls()) != 0 {
		t.Errorf("one byte more: %v", err)
	}
	err = v.Spill(t.Context(), []notify.Fact{{Message: &notify.Message{Summary: strings.Repeat("s", 200_000)}}}, time.Time{})
	if !errors.Is(err, scf.ErrEventTooLarge) || len(calls()) != 0 {
		t.Errorf("a spill of one fact: %v", err)
	}
	if err := v.Invoke(t.Context(), func() {}); err == nil || len(calls()) != 0 {
		t.Errorf("an event that has no JSON: %v", err)
	}
}

func TestNoDeliver(t *testing.T) {
	v := newInvoker(t, scf.InvokerConfig{Getenv: roleEnv().get})
	if err := v.Wake(t.Context()); err != nil {
		t.Errorf("wake: %v", err)
	}
	if err := v.Spill(t.Context(), []notify.Fact{{}}, time.Time{}); !errors.Is(err, scf.ErrNoDeliver) {
		t.Errorf("spill: %v", err)
	}
	if err := v.Invoke(t.Context(), struct{}{}); !errors.Is(err, scf.ErrNoDeliver) {
		t.Errorf("invoke: %v", err)
	}
}

// A local host needs no keys; the real API does.
func TestInvokerCredentials(t *testing.T) {
	base, calls := startAPI(t, say(200, queued))
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base + "/tencent/", Getenv: env{}.get})
	if err := v.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := calls()
	if len(got) != 1 || got[0].Path != "/tencent" || !strings.Contains(got[0].Header.Get("Authorization"), "Credential=local/") || got[0].Header.Get("X-TC-Region") == "" {
		t.Errorf("got %+v", got)
	}
	reached := func(*http.Request) (*http.Response, error) {
		t.Error("called the API without credentials")
		return nil, errors.New("unexpected")
	}
	for _, base := range []string{"", "https://scf.internal.tencentcloudapi.com"} {
		v = newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: env{}.get, Transport: tripper(reached)})
		if err := v.Wake(t.Context()); !errors.Is(err, scf.ErrNoCredentials) || !strings.Contains(err.Error(), "TENCENTCLOUD_SECRETID") {
			t.Errorf("base %q: %v", base, err)
		}
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRealEndpoint(t *testing.T) {
	var got string
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", Getenv: roleEnv().get, Transport: tripper(func(r *http.Request) (*http.Response, error) {
		got = r.URL.String()
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(queued))}, nil
	})})
	if err := v.Wake(t.Context()); err != nil || got != "https://scf.tencentcloudapi.com/" {
		t.Errorf("called %s, err %v", got, err)
	}
}

func TestInvokerConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  scf.InvokerConfig
		want string // "" for none
	}{
		{scf.InvokerConfig{}, "Getenv"},
		{scf.InvokerConfig{Getenv: env{}.get}, ""},
		{scf.InvokerConfig{Getenv: env{}.get, Timeout: -1}, "Timeout"},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "http://127.0.0.1:9000"}, ""},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "http://[::1]:9000/x"}, ""},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "http://localhost"}, ""},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "https://scf.internal.tencentcloudapi.com"}, ""},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "http://scf.internal.tencentcloudapi.com"}, "https"},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "http://127.0.0.1.example.com"}, "https"},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "scf.tencentcloudapi.com"}, "https://host"},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "ftp://127.0.0.1"}, "https://host"},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "https://user:sesame@host"}, "user, query or fragment"},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "https://host/?key=sesame"}, "user, query or fragment"},
		{scf.InvokerConfig{Getenv: env{}.get, APIBase: "http://sesame\x7f"}, "https://host"},
	} {
		_, err := scf.NewInvoker(c.cfg)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: got %v, want %q", c.cfg.APIBase, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("the error quotes the URL: %v", err)
		}
	}
}

func TestInvokerAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		code   string // of the *APIError, or
		want   string // in the text
	}{
		{"API error", say(200, `{"Response":{"Error":{"Code":"ResourceNotFound.Function","Message":"no such function"},"RequestId":"api-1"}}`),
			"ResourceNotFound.Function", "scf: Invoke deliver: ResourceNotFound.Function: no such function (request id api-1)"},
		{"API error with status 500", say(500, `{"Response":{"Error":{"Code":"InternalError","Message":"sorry"},"RequestId":"api-1"}}`), "InternalError", "sorry"},
		{"page of a proxy", say(502, `<html>sesame</html>`), "", "status 502 without an API answer"},
		{"JSON of something else", say(200, `{"ok":"sesame"}`), "", "an answer without Result"},
		{"status 404 with JSON", say(404, `{"error":"sesame"}`), "", "status 404 without an API answer"},
		{"very long", say(200, `{"Response":{"RequestId":"`+strings.Repeat("a", 1<<20)), "", "status 200 without an API answer"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "", "status 307 without an API answer"},
	} {
		base, calls := startAPI(t, c.answer)
		v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get})
		err := v.Wake(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		var e *scf.APIError
		if errors.As(err, &e) != (c.code != "") || e != nil && e.Code != c.code {
			t.Errorf("%s: got %#v, want code %q", c.name, e, c.code)
		}
		if n := len(calls()); n != 1 {
			t.Errorf("%s: %d calls, want 1: an answer is not asked for again", c.name, n)
		}
	}
}

// hangUp closes the connection without an answer, as the other end of a connection
// does that was idle while the process was frozen.
func hangUp(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

func TestNetworkFailureIsRepeatedOnce(t *testing.T) {
	base, calls := startAPI(t, hangUp, say(200, queued))
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get})
	if err := v.Wake(t.Context()); err != nil || len(calls()) != 2 {
		t.Errorf("got %v", err)
	}
	base, calls = startAPI(t, hangUp)
	v = newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get})
	if err := v.Wake(t.Context()); !errors.Is(err, io.EOF) || len(calls()) != 2 {
		t.Errorf("got %v, want EOF after two calls", err)
	}
	base, calls = startAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"Response":`)
	}, say(200, queued))
	v = newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get})
	if err := v.Wake(t.Context()); err != nil || len(calls()) != 2 {
		t.Errorf("cut off in the body: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: "http://" + port.Addr(t), Getenv: roleEnv().get})
	err := v.Wake(t.Context())
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" || strings.Contains(err.Error(), "http://") {
		t.Errorf("got %v", err)
	}
}

// The SDK gives up with ctx, before headers and in the middle of a body, and ends the
// request with it.
func TestInvokerEndsWithItsContext(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"no answer": func(http.ResponseWriter) {},
		"half an answer": func(w http.ResponseWriter) {
			io.WriteString(w, `{"Response":`)
			w.(http.Flusher).Flush()
		},
	} {
		waiting, ended := make(chan bool), make(chan bool)
		base, _ := startAPI(t, func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			waiting <- true
			<-r.Context().Done()
			ended <- true
		})
		v := newInvoker(t, scf.InvokerConfig{Function: "deliver", APIBase: base, Getenv: roleEnv().get, Timeout: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- v.Wake(ctx) }()
		<-waiting
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
		<-ended
	}
}

func TestInvokerTimeout(t *testing.T) {
	for _, c := range []struct{ timeout, ctx, want time.Duration }{
		{0, time.Hour, time.Second},
		{300 * time.Millisecond, time.Hour, 300 * time.Millisecond},
		{5 * time.Second, time.Hour, 5 * time.Second},
		{5 * time.Second, 200 * time.Millisecond, 200 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls, open := 0, 0
			v, err := scf.NewInvoker(scf.InvokerConfig{
				Function: "deliver", Getenv: roleEnv().get, Timeout: c.timeout,
				Transport: tripper(func(r *http.Request) (*http.Response, error) {
					calls++
					open++
					defer func() { open-- }()
					<-r.Context().Done()
					return nil, r.Context().Err()
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.ctx)
			defer cancel()
			began := time.Now()
			err = v.Wake(ctx)
			if took := time.Since(began); took != c.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v: ended after %v with %v", c, took, err)
			}
			if calls != 1 || open != 0 {
				t.Errorf("%v: %d calls, %d still open", c, calls, open)
			}
		})
	}
}
