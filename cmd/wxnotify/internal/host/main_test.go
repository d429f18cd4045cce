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
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/internal/testkit"
	"wxnotify/simulator"
)

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
		Timeout: testkit.Patience, MemoryMB: 128, URL: &serverless.URL{},
	}
}

func project(functions ...serverless.Function) *serverless.Project {
	return &serverless.Project{App: "app", Stage: "dev", Name: "demo", Region: "ap-guangzhou", Functions: functions}
}

// A fixture is a host that closes with its test, and that has a clock of its own.
type fixture struct {
	*host.Host
	t     *testing.T
	clock *manualClock
	log   *testkit.Output
	url   string          // where functions ask
	asked <-chan question // in the middle of an event
}

// start starts a host; its only function is f if cfg names no project.
func start(t *testing.T, cfg host.Config) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &testkit.Output{}}
	f.clock = &manualClock{ManualClock: simulator.NewManualClock(time.Date(2031, 5, 4, 1, 59, 30, 0, time.UTC))}
	f.url, f.asked = questions(t)
	if cfg.Project == nil {
		cfg.Project = project(fn("f"))
	}
	if cfg.Build == "" {
		cfg.Build = build
	}
	cfg.Clock, cfg.Log = f.clock, slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if f.Host, err = host.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func (f *fixture) close() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		f.t.Errorf("Close: %v", err)
	}
}

// An op is what fn is to do.
type op struct {
	Op       string
	Value    any    `json:",omitempty"`
	Text     string `json:",omitempty"`
	Count    int    `json:",omitempty"`
	URL      string `json:",omitempty"`
	Function string `json:",omitempty"`
}

func (o op) event() []byte {
	js, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return js
}

// ask is the event of a function that asks what to do.
func (f *fixture) ask(text string) []byte { return op{Op: "ask", URL: f.url, Text: text}.event() }

// question is asked by a function in the middle of an event.
type question struct {
	requestID string
	pid       int
	text      string
	answer    chan<- string // "ok", "exit" or the text of an error
}

// next waits for the next question.
func (f *fixture) next() question {
	f.t.Helper()
	return testkit.Receive(f.t, "a function that asks", f.asked)
}

// outcome is what Invoke returned.
type outcome struct {
	host.Result
	err error
}

// begin invokes a function in the background.
func (f *fixture) begin(ctx context.Context, function string, event []byte) <-chan outcome {
	ch := make(chan outcome, 1)
	go func() {
		r, err := f.Invoke(ctx, function, event)
		ch <- outcome{r, err}
	}()
	return ch
}

// busy has a function begin an event that ends when the question is answered.
func (f *fixture) busy(function string) (question, <-chan outcome) {
	f.t.Helper()
	ch := f.begin(f.t.Context(), function, f.ask("busy"))
	return f.next(), ch
}

// ended waits for an event that succeeds.
func (f *fixture) ended(ch <-chan outcome) outcome {
	f.t.Helper()
	o := testkit.Receive(f.t, "an answer", ch)
	if o.err != nil {
		f.t.Error(o.err)
	}
	return o
}

// queue accepts an asynchronous event.
func (f *fixture) queue(function string, event []byte) (id string) {
	f.t.Helper()
	id, err := f.InvokeAsync(function, event)
	if err != nil {
		f.t.Fatal(err)
	}
	return id
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

func (f *fixture) state(function string) state {
	f.t.Helper()
	return decode[state](f.t, f.ended(f.begin(f.t.Context(), function, op{Op: "state"}.event())).Payload)
}

func decode[T any](t *testing.T, js []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(js, &v); err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

// questions starts a server at url to which functions put questions.
func questions(t *testing.T) (url string, asked <-chan question) {
	t.Helper()
	ch, done := make(chan question), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := make(chan string, 1)
		pid, _ := strconv.Atoi(r.FormValue("pid"))
		select {
		case ch <- question{r.FormValue("request_id"), pid, r.FormValue("text"), answer}:
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

// invokeError wants an *InvokeError with that status.
func invokeError(t *testing.T, err error, status int) *host.InvokeError {
	t.Helper()
	e, _ := errors.AsType[*host.InvokeError](err)
	if e == nil || e.Status != status {
		t.Fatalf("got %v, want an *InvokeError with status %d", err, status)
	}
	return e
}

// A manualClock moves when a test says so.
type manualClock struct {
	*simulator.ManualClock
	slept atomic.Int64 // a machine that sleeps runs nothing meanwhile
}

func (c *manualClock) Now() time.Time { return c.ManualClock.Now().Add(time.Duration(c.slept.Load())) }

// AfterFunc implements host.Clock.
func (c *manualClock) AfterFunc(d time.Duration, f func()) func() bool {
	var over atomic.Bool
	stop := c.ManualClock.AfterFunc(d, func() {
		if over.CompareAndSwap(false, true) {
			f()
		}
	})
	return func() bool {
		stop()
		return over.CompareAndSwap(false, true)
	}
}

// pass waits until something is due in exactly d, and lets that time pass.
func (c *manualClock) pass(t *testing.T, d time.Duration) {
	t.Helper()
	testkit.Eventually(t, "something is due in "+d.String(), func() bool {
		at, ok := c.Next()
		return ok && at.Equal(c.ManualClock.Now().Add(d))
	})
	c.Advance(d)
}
