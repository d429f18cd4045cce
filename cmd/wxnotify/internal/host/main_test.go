package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// build is a folder with the binary fn.
var build string

func TestMain(m *testing.M) {
	if os.Getenv(hostProcess) != "" {
		hostUntilKilled()
	}
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.fuzzworker") }) {
		os.Exit(m.Run()) // a fuzz target starts no function
	}
	dir, err := os.MkdirTemp("", "wxnotify-host-")
	if err == nil {
		build, err = filepath.EvalSymlinks(dir)
	}
	if err == nil {
		cmd := exec.Command("go", "build", "-o", build, "./testdata/fn")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		err = cmd.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build testdata/fn:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// fn is a function that runs testdata/fn.
func fn(key string) serverless.Function {
	return serverless.Function{
		Key: key, Name: "demo-dev-app-" + key, Namespace: "default", Handler: "fn",
		Timeout: patience, MemoryMB: 128, HTTP: true,
	}
}

func project(functions ...serverless.Function) *serverless.Project {
	return &serverless.Project{App: "app", Stage: "dev", Name: "demo", Region: "ap-guangzhou", Functions: functions}
}

// start starts a host that closes with the test, and fails the test if that takes long.
func start(t *testing.T, cfg host.Config) *host.Host {
	t.Helper()
	if cfg.Build == "" {
		cfg.Build = build
	}
	h, err := host.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeHost(t, h) })
	return h
}

func closeHost(t *testing.T, h *host.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func event(t *testing.T, v any) []byte {
	t.Helper()
	js, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

type op struct {
	Op       string
	Value    any    `json:",omitempty"`
	Text     string `json:",omitempty"`
	Count    int    `json:",omitempty"`
	URL      string `json:",omitempty"`
	Function string `json:",omitempty"`
}

// state is what fn says of itself.
type state struct {
	PID     int
	Events  int
	Dir     string
	Env     map[string]string
	Context map[string]any
	Left    float64 // seconds until the deadline
}

func stateOf(t *testing.T, h *host.Host, function string) state {
	t.Helper()
	r, err := h.Invoke(t.Context(), function, event(t, op{Op: "state"}))
	if err != nil {
		t.Fatal(err)
	}
	return decode[state](t, r.Payload)
}

func decode[T any](t *testing.T, js []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(js, &v); err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

// question is asked by a function in the middle of an event.
type question struct {
	requestID string
	pid       int
	text      string
	answer    chan<- string // "ok", "exit" or the text of an error
}

// questions starts a server at url to which functions put questions.
func questions(t *testing.T) (url string, asked <-chan question) {
	t.Helper()
	ch := make(chan question)
	done := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := make(chan string, 1)
		pid, _ := strconv.Atoi(r.FormValue("pid"))
		q := question{requestID: r.FormValue("request_id"), pid: pid, text: r.FormValue("text"), answer: answer}
		select {
		case ch <- q:
		case <-r.Context().Done():
			return
		case <-done:
			return
		}
		select {
		case a := <-answer:
			io.WriteString(w, a)
		case <-r.Context().Done():
		case <-done:
		}
	}))
	t.Cleanup(func() {
		close(done)
		s.Close()
	})
	return s.URL, ch
}

// sample returns a file of testdata.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// receive waits for a value.
func receive[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// eventually waits for a condition that nobody announces.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// processState returns the letter of the state of pid: T is stopped, Z is a zombie, ""
// is gone.
func processState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	return after[:1]
}

// gone reports whether pid runs no more.
func gone(pid int) bool {
	s := processState(pid)
	return s == "" || s == "Z"
}

// invokeError asserts that err is an *InvokeError with that status.
func invokeError(t *testing.T, err error, status int) *host.InvokeError {
	t.Helper()
	var e *host.InvokeError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *InvokeError", err)
	}
	if e.Status != status {
		t.Fatalf("got %v, want status %d", e, status)
	}
	return e
}

// fakeClock moves when a test says so.
type fakeClock struct {
	mu      sync.Mutex
	now     time.Time
	timers  map[*fakeTimer]struct{}
	changed chan struct{} // closed and replaced when a timer is added
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func newClock() *fakeClock {
	return &fakeClock{
		now:     time.Date(2031, 5, 4, 1, 59, 30, 0, time.UTC),
		timers:  make(map[*fakeTimer]struct{}),
		changed: make(chan struct{}),
	}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{c.now.Add(d), f}
	c.timers[t] = struct{}{}
	close(c.changed)
	c.changed = make(chan struct{})
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waits := c.timers[t]
		delete(c.timers, t)
		return waits
	}
}

// advance moves the clock and runs what falls due, in order, each at its time.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	c.mu.Unlock()
	for {
		c.mu.Lock()
		var next *fakeTimer
		for t := range c.timers {
			if !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
				next = t
			}
		}
		if next == nil {
			c.now = end
			c.mu.Unlock()
			return
		}
		delete(c.timers, next)
		if next.at.After(c.now) {
			c.now = next.at
		}
		c.mu.Unlock()
		next.f()
	}
}

// sleep is advance on a machine that slept: what fell due runs late, at the end.
func (c *fakeClock) sleep(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	c.advance(0)
}

// awaitTimer waits until something is due in exactly d.
func (c *fakeClock) awaitTimer(t *testing.T, d time.Duration) {
	t.Helper()
	for {
		c.mu.Lock()
		at, changed := c.now.Add(d), c.changed
		for timer := range c.timers {
			if timer.at.Equal(at) {
				c.mu.Unlock()
				return
			}
		}
		c.mu.Unlock()
		receive(t, "a timer in "+d.String(), changed)
	}
}

// logLines is a log whose lines a test can wait for.
type logLines struct {
	mu      sync.Mutex
	lines   []string
	changed chan struct{}
}

func newLog() (*slog.Logger, *logLines) {
	l := &logLines{changed: make(chan struct{})}
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})), l
}

// Write implements io.Writer.
func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, strings.TrimSpace(string(p)))
	close(l.changed)
	l.changed = make(chan struct{})
	return len(p), nil
}

// find returns the first line with all the words, or "".
func (l *logLines) find(words ...string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
next:
	for _, line := range l.lines {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		return line
	}
	return ""
}

// await waits for a line with all the words.
func (l *logLines) await(t *testing.T, words ...string) string {
	t.Helper()
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if line := l.find(words...); line != "" {
			return line
		}
		receive(t, "a log line with "+strings.Join(words, ", "), changed)
	}
}
