package scf_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/inbox"
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

// newInvoker returns an Invoker of deliver.
func newInvoker(t *testing.T, cfg scf.InvokerConfig) *scf.Invoker {
	t.Helper()
	cfg.Function = "deliver"
	if cfg.Getenv == nil {
		cfg.Getenv = roleEnv().get
	}
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
	v := newInvoker(t, scf.InvokerConfig{APIBase: base, Getenv: e.get})
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
		h := got[i].Header
		header := []string{h.Get("X-TC-Action"), h.Get("X-TC-Version"), h.Get("X-TC-Region"), h.Get("X-TC-Token"), h.Get("Content-Type")}
		if diff := cmp.Diff([]string{"Invoke", "2018-04-16", "ap-guangzhou", want.token, "application/json"}, header); diff != "" {
			t.Errorf("call %d: header (-want +got):\n%s", i, diff)
		}
		signed := h.Get("Authorization")
		if !strings.HasPrefix(signed, "TC3-HMAC-SHA256 Credential="+want.id+"/") || !strings.Contains(signed, "/scf/tc3_request, SignedHeaders=content-type;host, Signature=") {
			t.Errorf("call %d: Authorization is %q", i, signed)
		}
		body := map[string]string{"FunctionName": "deliver", "Namespace": want.namespace, "Qualifier": "$DEFAULT",
			"InvocationType": "Event", "ClientContext": want.event}
		if diff := cmp.Diff(body, got[i].Body); diff != "" || got[i].Path != "/" {
			t.Errorf("call %d to %s (-want +got):\n%s", i, got[i].Path, diff)
		}
	}
}

var _ inbox.Invoker = (*scf.Invoker)(nil)

func TestEventTooLarge(t *testing.T) {
	base, calls := startAPI(t, say(200, queued))
	v := newInvoker(t, scf.InvokerConfig{APIBase: base})
	if err := v.Invoke(t.Context(), strings.Repeat("a", 128<<10-2)); err != nil || len(calls()) != 1 {
		t.Errorf("an event of 128 KB: %v", err)
	}
	err := v.Invoke(t.Context(), strings.Repeat("a", 128<<10-1))
	if !errors.Is(err, scf.ErrEventTooLarge) || !strings.Contains(err.Error(), "131073 bytes") {
		t.Errorf("one byte more: %v", err)
	}
	err = v.Overflow(t.Context(), []fact.Fact{{Message: &fact.Message{Summary: strings.Repeat("s", 200_000)}}}, time.Time{})
	if !errors.Is(err, scf.ErrEventTooLarge) {
		t.Errorf("a spill of one fact: %v", err)
	}
	if err := v.Overflow(t.Context(), nil, time.Time{}); err != nil {
		t.Errorf("a spill of nothing: %v", err)
	}
	if err := v.Invoke(t.Context(), func() {}); err == nil {
		t.Error("an event that has no JSON was sent")
	}
	if n := len(calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestNoDeliver(t *testing.T) {
	v, err := scf.NewInvoker(scf.InvokerConfig{Getenv: roleEnv().get})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Wake(t.Context()); err != nil {
		t.Errorf("wake: %v", err)
	}
	if err := v.Overflow(t.Context(), []fact.Fact{{}}, time.Time{}); !errors.Is(err, scf.ErrNoDeliver) {
		t.Errorf("spill: %v", err)
	}
}

// The real API needs keys, and a host of this machine none.
func TestInvokerCredentials(t *testing.T) {
	for _, c := range []struct {
		base string
		env  env
		url  string // that is called; "" for none
		key  string
	}{
		{"", roleEnv(), "https://scf.tencentcloudapi.com/", "AKIDexample"},
		{"http://localhost:9000/tencent/", env{}, "http://localhost:9000/tencent", "local"},
		{"", env{}, "", ""},
		{"https://scf.internal.tencentcloudapi.com", env{}, "", ""},
	} {
		var called, signed, region string
		v := newInvoker(t, scf.InvokerConfig{APIBase: c.base, Getenv: c.env.get, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			called, signed, region = r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("X-TC-Region")
			return httpAnswer(200, queued), nil
		})})
		err := v.Wake(t.Context())
		if refused := errors.Is(err, scf.ErrNoCredentials); called != c.url || refused != (c.url == "") || !refused && err != nil {
			t.Errorf("base %q: called %q, %v", c.base, called, err)
		}
		if called != "" && (!strings.Contains(signed, "Credential="+c.key+"/") || region == "") {
			t.Errorf("base %q: signed %s for region %q", c.base, signed, region)
		}
	}
}

func TestInvokerConfig(t *testing.T) {
	if _, err := scf.NewInvoker(scf.InvokerConfig{}); err == nil || !strings.Contains(err.Error(), "Getenv") {
		t.Errorf("without Getenv: %v", err)
	}
	if _, err := scf.NewInvoker(scf.InvokerConfig{Getenv: env{}.get, Timeout: -1}); err == nil || !strings.Contains(err.Error(), "Timeout") {
		t.Errorf("less than no time: %v", err)
	}
	for base, want := range map[string]string{
		"": "", "http://127.0.0.1:9000": "", "https://scf.internal.tencentcloudapi.com/": "",
		"http://scf.internal.tencentcloudapi.com": "TENCENT_API_BASE must begin with https://",
	} {
		_, err := scf.NewInvoker(scf.InvokerConfig{Getenv: env{}.get, APIBase: base})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", base, err, want)
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
		err := newInvoker(t, scf.InvokerConfig{APIBase: base}).Wake(t.Context())
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
	halfAnAnswer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"Response":`)
	}
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		want    error
	}{
		"no answer once":      {[]http.HandlerFunc{hangUp, say(200, queued)}, nil},
		"half an answer once": {[]http.HandlerFunc{halfAnAnswer, say(200, queued)}, nil},
		"no answer twice":     {[]http.HandlerFunc{hangUp}, io.EOF},
	} {
		base, calls := startAPI(t, c.answers...)
		err := newInvoker(t, scf.InvokerConfig{APIBase: base}).Wake(t.Context())
		if n := len(calls()); !errors.Is(err, c.want) || n != 2 || err != nil && strings.Contains(err.Error(), "http://") {
			t.Errorf("%s: got %v after %d calls, want %v without the URL after two", name, err, n, c.want)
		}
	}
}

// The SDK gives up with ctx or at the Timeout, before headers and in the middle of a body, and ends
// the request with it.
func TestInvokerTimeout(t *testing.T) {
	for _, c := range []struct {
		timeout, ctx, want time.Duration
		headers            bool
	}{
		{0, time.Hour, time.Second, false},
		{300 * time.Millisecond, time.Hour, 300 * time.Millisecond, false},
		{5 * time.Second, time.Hour, 5 * time.Second, true},
		{5 * time.Second, 200 * time.Millisecond, 200 * time.Millisecond, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls, ended := 0, 0
			v, err := scf.NewInvoker(scf.InvokerConfig{Function: "deliver", Getenv: roleEnv().get, Timeout: c.timeout,
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					calls++
					hangs := hanging{r.Context(), &ended}
					if c.headers {
						return &http.Response{StatusCode: 200, Header: http.Header{}, Body: hangs}, nil
					}
					_, err := hangs.Read(nil)
					return nil, err
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.ctx)
			defer cancel()
			began := time.Now()
			err = v.Wake(ctx)
			if took := time.Since(began); took != c.want || !errors.Is(err, context.DeadlineExceeded) || calls != 1 || ended != 1 {
				t.Errorf("%v: ended after %v with %v; %d calls, %d ended", c, took, err, calls, ended)
			}
			time.Sleep(time.Minute) // the SDK's own timer goes on
		})
	}
}

// A hanging body never comes, until its request ends.
type hanging struct {
	ctx   context.Context
	ended *int
}

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	*h.ended++
	return 0, h.ctx.Err()
}

func (h hanging) Close() error { return nil }
