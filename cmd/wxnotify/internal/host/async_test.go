package host_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/internal/testkit"
)

func TestAsyncRetries(t *testing.T) {
	for _, c := range []struct {
		name    string
		retries int
		answers string // of the function, one an attempt
		dropped bool
	}{
		{"success at the third attempt", 0, "no no ok", false},
		{"errors only", 0, "no no no", true},
		{"an exit counts as an error", 0, "exit exit exit", true},
		{"no retries", -1, "no", true},
		{"five retries", 5, "no no no no no no", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, host.Config{Retries: c.retries})
			id := f.queue("f", f.ask(""))
			for n, answer := range strings.Fields(c.answers) {
				if n > 0 {
					f.clock.pass(t, time.Minute)
				}
				q := f.next()
				if q.requestID != id {
					t.Errorf("attempt %d has request id %s, want %s", n+1, q.requestID, id)
				}
				q.answer <- answer
			}
			if c.dropped {
				f.log.Await(t, "dropped", id)
			}
			// Another day brings no further attempt: the next question is another event's.
			testkit.Eventually(t, "the queue is idle", func() bool { return f.Running() == 0 })
			f.clock.Advance(24 * time.Hour)
			last := f.queue("f", f.ask(""))
			q := f.next()
			if q.requestID != last {
				t.Errorf("request %s runs again after %s", q.requestID, c.answers)
			}
			q.answer <- "ok"
			if line := f.log.Line("dropped"); !c.dropped && line != "" {
				t.Error(line)
			}
		})
	}
}

// Throttling is no failure: it is retried although Retries is none, until the event is too old.
func TestAsyncWhenThrottled(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 1, MaxWaiting: -1, Retries: -1, EventTTL: 5 * time.Minute})
	q, busy := f.busy("f")
	served := f.queue("f", f.ask("served"))
	for range 3 {
		f.clock.pass(t, time.Minute)
	}
	testkit.Eventually(t, "the event waits again", func() bool { return f.Running() == 0 })
	q.answer <- "ok"
	f.ended(busy)
	f.clock.pass(t, time.Minute)
	if q = f.next(); q.requestID != served || q.text != "served" {
		t.Errorf("request %s came, want %s", q.requestID, served)
	}
	q.answer <- "ok"
	testkit.Eventually(t, "the queue is idle", func() bool { return f.Running() == 0 })

	q, busy = f.busy("f")
	expired := f.queue("f", op{Op: "state"}.event())
	for range 5 {
		f.clock.pass(t, time.Minute)
	}
	f.log.Await(t, "dropped", "throttled for too long", expired, "age=5m0s")
	q.answer <- "ok"
	f.ended(busy)
}

func TestAsyncQueueIsBounded(t *testing.T) {
	f := start(t, host.Config{Project: project(fn("f"), fn("g")), MaxQueued: 3, MaxInstances: 1})
	for _, function := range []string{"f", "f", "g"} {
		f.queue(function, f.ask(""))
	}
	q := f.next()
	q.answer <- "ok" // makes room for one
	testkit.Eventually(t, "there is room again", func() bool {
		_, err := f.InvokeAsync("g", f.ask(""))
		return err == nil
	})
	f.close()
	f.log.Await(t, "events dropped: the host is closing", "events=3")
}

// As many events at once as there may be instances, in the order in which they came.
func TestAsyncConcurrency(t *testing.T) {
	f := start(t, host.Config{MaxInstances: 2})
	var ids []string
	for range 4 {
		ids = append(ids, f.queue("f", f.ask("")))
	}
	first, second := f.next(), f.next()
	if first.pid == second.pid {
		t.Error("two events at once ran in one process")
	}
	if got := map[string]bool{first.requestID: true, second.requestID: true}; !got[ids[0]] || !got[ids[1]] {
		t.Errorf("%v run first, want the first two of %v", got, ids)
	}
	first.answer <- "ok"
	third := f.next()
	if third.requestID != ids[2] || third.pid != first.pid {
		t.Errorf("request %s runs in %d, want %s in %d", third.requestID, third.pid, ids[2], first.pid)
	}
	second.answer <- "ok"
	third.answer <- "ok"
	f.next().answer <- "ok"
}

func TestSyncOnlyAcceptsAsyncEvents(t *testing.T) {
	p := project(fn("f"))
	p.Timers = []serverless.Timer{{Function: "f", Name: "tick", Cron: "* * * * * * *"}}
	f := start(t, host.Config{Project: p, SyncOnly: true})
	if f.queue("f", op{Op: "exit"}.event()) == "" {
		t.Error("the event has no request id")
	}
	f.log.Await(t, "accepted, and not run", "function=f")
	f.clock.Advance(time.Hour) // no timer either
	if s := f.state("f"); s.Events != 1 || f.log.Line("function failed") != "" {
		t.Errorf("the function has seen %d events, want its first; %s", s.Events, f.log)
	}
}

func TestTimers(t *testing.T) {
	p := project(fn("f"), fn("g"))
	p.Timers = []serverless.Timer{
		{Function: "f", Name: "every-minute", Cron: "0 * * * * * *"},
		{Function: "g", Name: "nightly", Cron: "0 0 10 * * SUN *"},
	}
	url, asked := questions(t)
	for i, text := range []string{"minute", "sunday"} { // fn takes its orders from the Message, and asks with the rest of the event
		p.Timers[i].Argument = string(op{Op: "ask", URL: url, Text: text}.event())
	}
	f := start(t, host.Config{Project: p}) // on Sunday 2031-05-04, 01:59:30 UTC, which is 09:59:30 in Beijing
	f.asked = asked
	f.clock.Advance(29 * time.Second)
	if n := f.Running(); n != 0 {
		t.Fatalf("%d timers fired a second early", n)
	}
	f.clock.Advance(time.Second)
	got := map[string]string{}
	for range 2 {
		q := f.next()
		kind, js, _ := strings.Cut(q.text, " ")
		got[kind] = js
		q.answer <- "ok"
	}
	for kind, want := range map[string]string{
		"minute": `{"Type":"Timer","TriggerName":"every-minute","Time":"2031-05-04T02:00:00Z"}`,
		"sunday": `{"Type":"Timer","TriggerName":"nightly","Time":"2031-05-04T02:00:00Z"}`,
	} {
		if got[kind] != want {
			t.Errorf("%s event:\ngot  %s\nwant %s", kind, got[kind], want)
		}
	}
	next := func(want string) {
		t.Helper()
		f.clock.pass(t, time.Minute)
		q := f.next()
		if !strings.Contains(q.text, want) {
			t.Errorf("got %s, want %s", q.text, want)
		}
		q.answer <- "ok"
	}
	next("02:01:00Z")
	// A machine that slept does not make up for what it missed.
	f.clock.slept.Store(int64(2 * time.Hour))
	next("02:02:00Z")
	next("04:03:00Z")

	f.close()
	f.clock.Advance(24 * time.Hour)
	if n := f.Running(); n != 0 {
		t.Errorf("%d timers fired after Close", n)
	}
}

func TestTimerEventHasThePlatformsShape(t *testing.T) {
	for _, name := range []string{"timer.json", "timer-empty-message.json"} {
		want := decode[map[string]string](t, sample(t, name))
		at, err := time.Parse(time.RFC3339, want["Time"])
		if err != nil {
			t.Fatal(err)
		}
		got := decode[map[string]string](t, host.TimerEvent(want["TriggerName"], at, want["Message"]))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
