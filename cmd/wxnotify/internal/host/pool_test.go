package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/host"
)

// outcome is what Invoke returned.
type outcome struct {
	host.Result
	err error
}

// invoke runs an event in the background.
func invoke(ctx context.Context, h *host.Host, function string, event []byte) <-chan outcome {
	ch := make(chan outcome, 1)
	go func() {
		r, err := h.Invoke(ctx, function, event)
		ch <- outcome{r, err}
	}()
	return ch
}

func TestFrozenBetweenEvents(t *testing.T) {
	url, asked := questions(t)
	h := start(t, host.Config{Project: project(fn("f"))})
	var pid int
	for n := 1; n <= 3; n++ {
		answer := invoke(t.Context(), h, "f", event(t, op{Op: "ask", URL: url}))
		q := receive(t, "the function", asked)
		if s := processState(q.pid); s == "T" || s == "" {
			t.Fatalf("state of the process during event %d is %q", n, s)
		}
		q.answer <- "ok"
		o := receive(t, "the answer", answer)
		if o.err != nil {
			t.Fatal(o.err)
		}
		s := decode[state](t, o.Payload)
		if pid == 0 {
			pid = s.PID
		}
		if s.PID != pid || s.Events != n {
			t.Errorf("event %d: process %d has seen %d events; want %d and all of them", n, s.PID, s.Events, pid)
		}
		eventually(t, "the process is stopped after its event", func() bool { return processState(pid) == "T" })
	}
}

func TestScaleOut(t *testing.T) {
	url, asked := questions(t)
	h := start(t, host.Config{Project: project(fn("f")), MaxInstances: 3, MaxWaiting: 1})
	ask := event(t, op{Op: "ask", URL: url})

	var answers []<-chan outcome
	busy := make(map[int]question)
	for range 3 {
		answers = append(answers, invoke(t.Context(), h, "f", ask))
		q := receive(t, "a function", asked)
		busy[q.pid] = q
	}
	if len(busy) != 3 {
		t.Fatalf("three events at once run in %d processes", len(busy))
	}

	fourth := invoke(t.Context(), h, "f", ask)
	eventually(t, "the fourth event waits", func() bool { return h.Waiting("f") == 1 })
	_, err := h.Invoke(t.Context(), "f", ask)
	if invokeError(t, err, host.StatusThrottled); !errors.Is(err, host.ErrThrottled) {
		t.Errorf("the fifth event: got %v, want ErrThrottled", err)
	}

	var freed int
	for pid, q := range busy {
		freed = pid
		q.answer <- "ok"
		break
	}
	q := receive(t, "the fourth event", asked)
	if q.pid != freed {
		t.Errorf("the fourth event runs in %d, want the process that became free, %d", q.pid, freed)
	}
	busy[freed] = q
	for _, q := range busy {
		q.answer <- "ok"
	}
	for _, ch := range append(answers, fourth) {
		if o := receive(t, "an answer", ch); o.err != nil {
			t.Error(o.err)
		}
	}
	if s := stateOf(t, h, "f"); busy[s.PID].answer == nil {
		t.Errorf("a new process %d was started although three were idle", s.PID)
	}
}

// An event that waits gets the place of an instance that broke.
func TestWaitingOutlivesABrokenInstance(t *testing.T) {
	url, asked := questions(t)
	h := start(t, host.Config{Project: project(fn("f")), MaxInstances: 1})
	first := invoke(t.Context(), h, "f", event(t, op{Op: "ask", URL: url}))
	q := receive(t, "the function", asked)
	second := invoke(t.Context(), h, "f", event(t, op{Op: "state"}))
	eventually(t, "the second event waits", func() bool { return h.Waiting("f") == 1 })
	q.answer <- "exit"
	invokeError(t, receive(t, "the first", first).err, host.StatusExited)
	o := receive(t, "the second", second)
	if o.err != nil {
		t.Fatal(o.err)
	}
	if s := decode[state](t, o.Payload); s.PID == q.pid || s.Events != 1 {
		t.Errorf("the second event ran in %d as event %d, want a new process", s.PID, s.Events)
	}
}

func TestLeavingTheLine(t *testing.T) {
	url, asked := questions(t)
	h := start(t, host.Config{Project: project(fn("f")), MaxInstances: 1})
	first := invoke(t.Context(), h, "f", event(t, op{Op: "ask", URL: url}))
	q := receive(t, "the function", asked)
	ctx, cancel := context.WithCancel(t.Context())
	second := invoke(ctx, h, "f", event(t, op{Op: "state"}))
	eventually(t, "the second event waits", func() bool { return h.Waiting("f") == 1 })
	cancel()
	if o := receive(t, "the second", second); !errors.Is(o.err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", o.err)
	}
	q.answer <- "ok"
	if o := receive(t, "the first", first); o.err != nil {
		t.Error(o.err)
	}
	if s := stateOf(t, h, "f"); s.PID != q.pid || s.Events != 2 {
		t.Errorf("process %d has seen %d events, want %d and 2", s.PID, s.Events, q.pid)
	}
}

// Whoever gives up while others come and go must not cost an instance.
func TestLeavingTheLineUnderLoad(t *testing.T) {
	h := start(t, host.Config{Project: project(fn("f")), MaxInstances: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			if _, err := h.Invoke(ctx, "f", event(t, op{Op: "value", Value: n})); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if n == 10 {
				cancel()
			}
		})
	}
	wg.Wait()
	if n := h.Waiting("f"); n != 0 {
		t.Errorf("%d events still wait", n)
	}
	url, asked := questions(t)
	var qs []question
	for range 2 { // both instances are still to be had
		invoke(t.Context(), h, "f", event(t, op{Op: "ask", URL: url}))
		qs = append(qs, receive(t, "a function", asked))
	}
	if qs[0].pid == qs[1].pid {
		t.Error("two events at once ran in one process")
	}
	for _, q := range qs {
		q.answer <- "ok"
	}
}

func TestTimeout(t *testing.T) {
	f := fn("f")
	h := start(t, host.Config{Project: project(f)})
	before := stateOf(t, h, "f")

	short := fn("short")
	short.Timeout = 300 * time.Millisecond
	lines := make(chan string, 10)
	h2 := start(t, host.Config{Project: project(short), Sink: func(_ string, line []byte) { lines <- string(line) }})
	s := stateOf(t, h2, "short")
	began := time.Now()
	_, err := h2.Invoke(t.Context(), "short", event(t, op{Op: "hang"}))
	e := invokeError(t, err, host.StatusTimeout)
	if e.Message != "Invoking task timed out after 0.3 seconds" {
		t.Errorf("message is %q", e.Message)
	}
	if took := time.Since(began); took < short.Timeout {
		t.Errorf("killed after %v, want no sooner than %v", took, short.Timeout)
	}
	if !gone(s.PID) {
		t.Errorf("process %d still runs", s.PID)
	}
	if line := receive(t, "a line", lines); line != "hanging" {
		t.Errorf("the function printed %q", line)
	}
	if after := stateOf(t, h2, "short"); after.PID == s.PID || after.Events != 1 {
		t.Errorf("process %d, event %d: want a new process", after.PID, after.Events)
	}
	if other := stateOf(t, h, "f"); other.PID != before.PID {
		t.Error("another function was recycled too")
	}
}

// An idle instance can die, of the kernel's memory killer for one.
func TestDeathWhileIdle(t *testing.T) {
	h := start(t, host.Config{Project: project(fn("f")), MaxInstances: 1})
	s := stateOf(t, h, "f")
	if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process is gone", func() bool { return processState(s.PID) == "" })
	r, err := h.Invoke(t.Context(), "f", event(t, op{Op: "state"}))
	if err != nil { // the host may notice only when it sends the event
		invokeError(t, err, host.StatusExited)
		r, err = h.Invoke(t.Context(), "f", event(t, op{Op: "state"}))
	}
	if err != nil {
		t.Fatal(err)
	}
	if after := decode[state](t, r.Payload); after.PID == s.PID {
		t.Error("a dead process answered")
	}
}

func TestIdleInstancesAreReaped(t *testing.T) {
	clock := newClock()
	h := start(t, host.Config{Project: project(fn("f")), Clock: clock, IdleTimeout: 7 * time.Minute})
	s := stateOf(t, h, "f")
	clock.awaitTimer(t, 7*time.Minute)
	clock.advance(6 * time.Minute)
	if again := stateOf(t, h, "f"); again.PID != s.PID {
		t.Fatal("reaped too early")
	}
	clock.awaitTimer(t, 7*time.Minute) // the use began a new wait
	clock.advance(6*time.Minute + 59*time.Second)
	if gone(s.PID) {
		t.Fatal("reaped too early after the second use")
	}
	clock.advance(time.Second)
	eventually(t, "the process is gone", func() bool { return gone(s.PID) })
	if after := stateOf(t, h, "f"); after.PID == s.PID || after.Events != 1 {
		t.Errorf("process %d, event %d: want a new process", after.PID, after.Events)
	}
}

func TestStartFailures(t *testing.T) {
	exits, silent, missing, text := fn("exits"), fn("silent"), fn("missing"), fn("text")
	exits.Environment = map[string]string{"EXIT_AT_START": "1"}
	silent.Environment = map[string]string{"NEVER_LISTEN": "1"}
	missing.Handler, text.Handler = "none", "words"
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(build, "fn"), filepath.Join(dir, "fn")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "words"), []byte("not a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	printed := make(chan string, 10)
	h := start(t, host.Config{
		Project: project(exits, silent, missing, text), Build: dir, SyncOnly: true, MaxInstances: 1,
		InitTimeout: 500 * time.Millisecond,
		Sink:        func(function string, line []byte) { printed <- function + ": " + string(line) },
	})
	for _, c := range []struct {
		function string
		status   int
		says     string
	}{
		{"exits", host.StatusExited, "exit status 4"},
		{"silent", host.StatusInitTimeout, "did not listen"},
		{"missing", host.StatusNotStarted, "no such file"},
		{"text", host.StatusNotStarted, "exec format error"},
	} {
		t.Run(c.function, func(t *testing.T) {
			for range 2 { // the place of the failed instance is free again
				_, err := h.Invoke(t.Context(), c.function, []byte("{}"))
				if e := invokeError(t, err, c.status); !strings.Contains(e.Message, c.says) || e.RequestID == "" {
					t.Errorf("got %q for request %q, want %q in it", e.Message, e.RequestID, c.says)
				}
			}
		})
	}
	if line := receive(t, "a line", printed); line != "exits: exiting at once" {
		t.Errorf("printed %q", line)
	}
}

func TestCheckBuild(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	missing, plain := fn("one"), fn("two")
	missing.Handler, plain.Handler = "none", "plain"
	_, err := host.Start(host.Config{Project: project(missing, plain), Build: dir})
	if err == nil {
		t.Fatal("a host started without its binaries")
	}
	for _, s := range []string{"function one: there is no none", "function two: plain", "make build"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:80", "[::]:0", "example.com:80", "nonsense"} {
		h, err := host.Start(host.Config{Project: project(fn("f")), Build: build, Addr: addr})
		if err == nil {
			h.Close(t.Context())
			t.Errorf("address %q was accepted", addr)
		}
	}
	if h := start(t, host.Config{Project: project(fn("f")), Addr: "localhost:0"}); !strings.HasPrefix(h.URL(), "http://127.0.0.1:") && !strings.HasPrefix(h.URL(), "http://[::1]:") {
		t.Errorf("URL is %s", h.URL())
	}
}
