package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/internal/testkit"
)

func TestFrozenBetweenEvents(t *testing.T) {
	f := start(t, host.Config{})
	pid := f.state("f").PID
	for n := 2; n <= 3; n++ {
		q, ch := f.busy("f")
		if s := testkit.ProcessState(q.pid); s == "T" || s == "" {
			t.Fatalf("state of the process during event %d is %q", n, s)
		}
		q.answer <- "ok"
		if s := decode[state](t, f.ended(ch).Payload); s.PID != pid || s.Events != n {
			t.Errorf("event %d: process %d has seen %d events; want %d and all of them", n, s.PID, s.Events, pid)
		}
		testkit.Eventually(t, "the process is stopped after its event", func() bool { return testkit.ProcessState(pid) == "T" })
	}
}

func TestScaleOut(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 3, MaxWaiting: 1})
	var answers []<-chan outcome
	busy := make(map[int]question)
	for range 3 {
		q, ch := f.busy("f")
		busy[q.pid] = q
		answers = append(answers, ch)
	}
	if len(busy) != 3 {
		t.Fatalf("three events at once run in %d processes", len(busy))
	}
	answers = append(answers, f.begin(t.Context(), "f", f.ask("fourth")))
	testkit.Eventually(t, "the fourth event waits", func() bool { return f.Waiting("f") == 1 })
	_, err := f.Invoke(t.Context(), "f", f.ask("fifth"))
	if invokeError(t, err, host.StatusThrottled); !errors.Is(err, host.ErrThrottled) {
		t.Errorf("the fifth event: got %v, want ErrThrottled", err)
	}
	for freed, q := range busy {
		q.answer <- "ok"
		fourth := f.next()
		if fourth.pid != freed {
			t.Errorf("the fourth event runs in %d, want the process that became free, %d", fourth.pid, freed)
		}
		busy[freed] = fourth
		break
	}
	for _, q := range busy {
		q.answer <- "ok"
	}
	for _, ch := range answers {
		f.ended(ch)
	}
	if s := f.state("f"); busy[s.PID].answer == nil {
		t.Errorf("a new process %d was started although three were idle", s.PID)
	}
}

// An event that waits gets the place of an instance that broke.
func TestWaitingOutlivesABrokenInstance(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 1})
	q, first := f.busy("f")
	second := f.begin(t.Context(), "f", op{Op: "state"}.event())
	testkit.Eventually(t, "the second event waits", func() bool { return f.Waiting("f") == 1 })
	q.answer <- "exit"
	invokeError(t, testkit.Receive(t, "the first", first).err, host.StatusExited)
	if s := decode[state](t, f.ended(second).Payload); s.PID == q.pid || s.Events != 1 {
		t.Errorf("the second event ran in %d as event %d, want a new process", s.PID, s.Events)
	}
}

func TestLeavingTheLine(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 1})
	q, first := f.busy("f")
	ctx, cancel := context.WithCancel(t.Context())
	second := f.begin(ctx, "f", op{Op: "state"}.event())
	testkit.Eventually(t, "the second event waits", func() bool { return f.Waiting("f") == 1 })
	cancel()
	if o := testkit.Receive(t, "the second", second); !errors.Is(o.err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", o.err)
	}
	q.answer <- "ok"
	f.ended(first)
	if s := f.state("f"); s.PID != q.pid || s.Events != 2 {
		t.Errorf("process %d has seen %d events, want %d and 2", s.PID, s.Events, q.pid)
	}
}

// Whoever gives up while others come and go must not cost an instance.
func TestLeavingTheLineUnderLoad(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			if _, err := f.Invoke(ctx, "f", op{Op: "value", Value: n}.event()); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if n == 10 {
				cancel()
			}
		})
	}
	wg.Wait()
	if n := f.Waiting("f"); n != 0 {
		t.Errorf("%d events still wait", n)
	}
	first, _ := f.busy("f") // both instances are still to be had
	second, _ := f.busy("f")
	if first.pid == second.pid {
		t.Error("two events at once ran in one process")
	}
	first.answer <- "ok"
	second.answer <- "ok"
}

func TestTimeout(t *testing.T) {
	short := fn("short")
	short.Timeout = 300 * time.Millisecond
	var printed testkit.Output
	f := start(t, host.Config{Project: project(short, fn("other")), Sink: func(_ string, line []byte) { printed.Write(append(line, '\n')) }})
	s, other := f.state("short"), f.state("other")
	began := time.Now()
	_, err := f.Invoke(t.Context(), "short", op{Op: "hang"}.event())
	if e := invokeError(t, err, host.StatusTimeout); e.Message != "Invoking task timed out after 0.3 seconds" {
		t.Errorf("message is %q", e.Message)
	}
	if took := time.Since(began); took < short.Timeout || !testkit.Gone(s.PID) {
		t.Errorf("killed after %v, want no sooner than %v; the process is gone: %v", took, short.Timeout, testkit.Gone(s.PID))
	}
	printed.Await(t, "hanging")
	if after := f.state("short"); after.PID == s.PID || after.Events != 1 {
		t.Errorf("process %d, event %d: want a new process", after.PID, after.Events)
	}
	if f.state("other").PID != other.PID {
		t.Error("another function was recycled too")
	}
}

// An idle instance can die, of the kernel's memory killer for one.
func TestDeathWhileIdle(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 1})
	s := f.state("f")
	process, err := os.FindProcess(s.PID)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the process is gone", func() bool { return testkit.ProcessState(s.PID) == "" })
	o := testkit.Receive(t, "an answer", f.begin(t.Context(), "f", op{Op: "state"}.event()))
	if o.err != nil { // the host may notice only when it sends the event
		invokeError(t, o.err, host.StatusExited)
		o = f.ended(f.begin(t.Context(), "f", op{Op: "state"}.event()))
	}
	if after := decode[state](t, o.Payload); after.PID == s.PID {
		t.Error("a dead process answered")
	}
}

func TestIdleInstancesAreReaped(t *testing.T) {
	f := start(t, host.Config{IdleTimeout: 7 * time.Minute})
	s := f.state("f")
	f.clock.Advance(6 * time.Minute)
	if again := f.state("f"); again.PID != s.PID {
		t.Fatal("reaped too early")
	}
	f.clock.Advance(6*time.Minute + 59*time.Second) // the use began a new wait
	if testkit.Gone(s.PID) {
		t.Fatal("reaped too early after the second use")
	}
	f.clock.Advance(time.Second)
	testkit.Eventually(t, "the process is gone", func() bool { return testkit.Gone(s.PID) })
	if after := f.state("f"); after.PID == s.PID || after.Events != 1 {
		t.Errorf("process %d, event %d: want a new process", after.PID, after.Events)
	}
}

// After a renewal no event meets a process of before it, and one that is busy may finish.
func TestRenew(t *testing.T) {
	f := start(t, host.Config{})
	idle := f.state("f").PID
	q, ch := f.busy("f")
	f.Renew()
	if n := f.Stale(); n != 1 {
		t.Errorf("%d are stale, want the busy one", n)
	}
	fresh, freshCh := f.busy("f")
	fresh.answer <- "ok"
	f.ended(freshCh)
	q.answer <- "ok"
	if s := decode[state](t, f.ended(ch).Payload); s.PID != idle || fresh.pid == idle {
		t.Errorf("the busy process %d was %d, the next %d", s.PID, idle, fresh.pid)
	}
	testkit.Eventually(t, "the old process is gone", func() bool { return testkit.Gone(idle) && f.Stale() == 0 })
	f.Renew()
	testkit.Eventually(t, "what was idle is gone", func() bool { return testkit.Gone(fresh.pid) })
	if s := f.state("f"); s.Events != 1 {
		t.Errorf("a process has seen %d events, want a new one", s.Events)
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
	var printed testkit.Output
	f := start(t, host.Config{
		Project: project(exits, silent, missing, text), Build: dir, SyncOnly: true, MaxInstances: 1, InitTimeout: 500 * time.Millisecond,
		Sink: func(function string, line []byte) { printed.Write([]byte(function + ": " + string(line) + "\n")) },
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
		for range 2 { // the place of the failed instance is free again
			_, err := f.Invoke(t.Context(), c.function, []byte("{}"))
			if e := invokeError(t, err, c.status); !strings.Contains(e.Message, c.says) || e.RequestID == "" {
				t.Errorf("%s: got %q for request %q, want %q in it", c.function, e.Message, e.RequestID, c.says)
			}
		}
	}
	printed.Await(t, "exits: exiting at once")
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
	if f := start(t, host.Config{Addr: "localhost:0"}); !strings.HasPrefix(f.URL(), "http://127.0.0.1:") && !strings.HasPrefix(f.URL(), "http://[::1]:") {
		t.Errorf("URL is %s", f.URL())
	}
}
