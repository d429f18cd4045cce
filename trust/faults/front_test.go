package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/scf"
)

// timeouts are those of serverless.yml.
var timeouts = map[string]time.Duration{
	"imcallback": 5 * time.Second, "wechatpush": 5 * time.Second, "session": 10 * time.Second,
	"permits": 10 * time.Second, "announce": 10 * time.Second, "deliver": 120 * time.Second,
}

// An answered is one answer of a function.
type answered struct {
	function string
	what     string // of imcallback: the command
	status   int    // 0: none before the platform ended it
	took     time.Duration
}

// A front is the functions' URLs: it hands each function its requests as events, one at a time
// an instance, within its timeout, and keeps what it answered.
type front struct {
	build func(function string) scf.Handler

	mu   sync.Mutex
	idle map[string][]scf.Handler // instances that do nothing
	log  []answered
}

// RoundTrip implements http.RoundTripper.
func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	// The platform goes on when the caller has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), timeouts[name])
	defer cancel()
	h := f.take(name)
	defer f.release(name, h)
	began := time.Now()
	out, err := h.Invoke(ctx, testkit.HTTPEvent(r.Method, r.URL.Query(), r.Header, string(body)))
	a := answered{function: name, what: r.URL.Query().Get("CallbackCommand"), took: time.Since(began)}
	if ctx.Err() == nil && err == nil {
		var res struct {
			StatusCode int
			Body       string
		}
		if err := json.Unmarshal(out, &res); err != nil {
			return nil, err
		}
		a.status = res.StatusCode
		f.note(a)
		return &http.Response{StatusCode: res.StatusCode, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(res.Body)), Request: r}, nil
	}
	f.note(a)
	return nil, fmt.Errorf("%s was ended after %v", name, a.took)
}

// take returns an instance that does nothing, or a new one.
func (f *front) take(function string) scf.Handler {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle[function]); n > 0 {
		h := f.idle[function][n-1]
		f.idle[function] = f.idle[function][:n-1]
		return h
	}
	return f.build(function)
}

func (f *front) release(function string, h scf.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle[function] = append(f.idle[function], h)
}

func (f *front) note(a answered) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, a)
}

// answers returns what was answered since the last call of it.
func (f *front) answers() []answered {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.log = nil }()
	return slices.Clone(f.log)
}

// ServeHTTP brings a person's request to a function, and so lets all of them be a handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	res, err := f.RoundTrip(r)
	if err != nil {
		w.WriteHeader(http.StatusGatewayTimeout)
		return
	}
	w.WriteHeader(res.StatusCode)
	io.Copy(w, res.Body)
}
