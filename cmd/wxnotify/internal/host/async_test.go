package host_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

func TestAsyncRetries(t *testing.T) {
	for _, c := range []struct {
		name    string
		retries int
		answers []string // of the function, one an attempt
		dropped bool
	}{
		{"success at once", 0, []string{"ok"}, false},
		{"success at the third attempt", 0, []string{"no", "no", "ok"}, false},
		{"errors only", 0, []string{"no", "no", "no"}, true},
		{"an exit counts as an error", 0, []string{"exit", "exit", "exit"}, true},
		{"no retries", -1, []string{"no"}, true},
		{"five retries", 5, []string{"no", "no", "no", "no", "no", "no"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, asked := questions(t)
			log, lines := newLog()
			clock := newClock()
			h := start(t, host.Config{Project: project(fn("f")), Log: log, Clock: clock, Retries: c.retries})
			id, err := h.InvokeAsync("f", event(t, op{Op: "ask", URL: url}))
			if err != nil {
				t.Fatal(err)
			}
			for n, answer := range c.answers {
				if n > 0 {
					clock.awaitTimer(t, time.Minute)
					clock.advance(time.Minute)
				}
				q := receive(t, "an attempt", asked)
				if q.requestID != id {
					t.Errorf("attempt %d has request id %s, want %s", n+1, q.requestID, id)
				}
				q.answer <- answer
			}
			if c.dropped {
				lines.await(t, "dropped", id)
			}
			// Another day brings no further attempt: the next question is another event's.
			eventually(t, "the queue is idle", func() bool { return h.Running() == 0 })
			clock.advance(24 * time.Hour)
			last, err := h.InvokeAsync("f", event(t, op{Op: "ask", URL: url}))
			if err != nil {
				t.Fatal(err)
			}
			q := receive(t, "the last event", asked)
			if q.requestID != last {
				t.Errorf("request %s runs again after %d attempts", q.requestID, len(c.answers))
			}
			q.answer <- "ok"
			if !c.dropped && lines.find("dropped") != "" {
				t.Errorf("dropped: %s", lines.find("dropped"))
			}
		})
	}
}

func TestAsyncWhenThrottled(t *testing.T) {
	url, asked := questions(t)
	log, lines := newLog()
	clock := newClock()
	h := start(t, host.Config{
		Project: project(fn("f")), Log: log, Clock: clock,
		MaxInstances: 1, MaxWaiting: -1, Retries: -1, EventTTL: 5 * time.Minute,
	})
	ask := event(t, op{Op: "ask", URL: url, Text: "sync"})
	busy := invoke(t.Context(), h, "f", ask)
	q := receive(t, "the busy function", asked)

	served, err := h.InvokeAsync("f", event(t, op{Op: "ask", URL: url, Text: "served"}))
	if err != nil {
		t.Fatal(err)
	}
	clock.awaitTimer(t, time.Minute)
	for range 3 { // throttling is no failure: it is retried although Retries is none
		clock.advance(time.Minute)
		clock.awaitTimer(t, time.Minute)
	}
	q.answer <- "ok"
	if o := receive(t, "the busy function", busy); o.err != nil {
		t.Fatal(o.err)
	}
	clock.advance(time.Minute)
	q = receive(t, "the throttled event", asked)
	if q.requestID != served || q.text != "served" {
		t.Errorf("request %s came, want %s", q.requestID, served)
	}

	q.answer <- "ok"
	eventually(t, "the queue is idle", func() bool { return h.Running() == 0 })

	busy = invoke(t.Context(), h, "f", ask)
	q = receive(t, "the busy function", asked)
	expired, err := h.InvokeAsync("f", event(t, op{Op: "state"}))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		clock.awaitTimer(t, time.Minute)
		clock.advance(time.Minute)
	}
	lines.await(t, "dropped", "throttled for too long", expired, "age=5m0s")
	q.answer <- "ok"
	receive(t, "the busy function", busy)
}

func TestAsyncQueueIsBounded(t *testing.T) {
	url, asked := questions(t)
	log, lines := newLog()
	h := start(t, host.Config{Project: project(fn("f"), fn("g")), Log: log, MaxQueued: 3, MaxInstances: 1})
	ask := event(t, op{Op: "ask", URL: url})
	for _, f := range []string{"f", "f", "g"} {
		if _, err := h.InvokeAsync(f, ask); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.InvokeAsync("g", ask); !errors.Is(err, host.ErrQueueFull) {
		t.Errorf("got %v, want ErrQueueFull", err)
	}
	q := receive(t, "an event", asked)
	q.answer <- "ok" // makes room for one
	eventually(t, "there is room again", func() bool {
		_, err := h.InvokeAsync("g", ask)
		return err == nil
	})
	closeHost(t, h)
	lines.await(t, "events dropped: the host is closing", "events=3")
}

// As many events at once as there may be instances, in the order in which they came.
func TestAsyncConcurrency(t *testing.T) {
	url, asked := questions(t)
	h := start(t, host.Config{Project: project(fn("f")), MaxInstances: 2})
	var ids []string
	for range 4 {
		id, err := h.InvokeAsync("f", event(t, op{Op: "ask", URL: url}))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	first, second := receive(t, "an event", asked), receive(t, "an event", asked)
	if first.pid == second.pid {
		t.Error("two events at once ran in one process")
	}
	if got := map[string]bool{first.requestID: true, second.requestID: true}; !got[ids[0]] || !got[ids[1]] {
		t.Errorf("%v run first, want the first two of %v", got, ids)
	}
	first.answer <- "ok"
	third := receive(t, "an event", asked)
	if third.requestID != ids[2] || third.pid != first.pid {
		t.Errorf("request %s runs in %d, want %s in %d", third.requestID, third.pid, ids[2], first.pid)
	}
	second.answer <- "ok"
	third.answer <- "ok"
	fourth := receive(t, "an event", asked)
	fourth.answer <- "ok"
}

func TestAsyncRefusals(t *testing.T) {
	h := start(t, host.Config{Project: project(fn("f"))})
	large := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), host.MaxAsyncEvent-1)...), '"')
	if _, err := h.InvokeAsync("f", large); !errors.Is(err, host.ErrTooLarge) {
		t.Errorf("large event: %v", err)
	}
	if _, err := h.InvokeAsync("f", large[2:]); !errors.Is(err, host.ErrBadEvent) {
		t.Errorf("what is not JSON: %v", err)
	}
	if _, err := h.InvokeAsync("g", []byte("{}")); !errors.Is(err, host.ErrUnknownFunction) {
		t.Errorf("unknown function: %v", err)
	}
}

func TestSyncOnlyAcceptsAsyncEvents(t *testing.T) {
	log, lines := newLog()
	p := project(fn("f"))
	p.Timers = []serverless.Timer{{Function: "f", Name: "tick", Cron: "* * * * * * *"}}
	clock := newClock()
	h := start(t, host.Config{Project: p, Log: log, Clock: clock, SyncOnly: true})
	id, err := h.InvokeAsync("f", event(t, op{Op: "exit"}))
	if err != nil || id == "" {
		t.Fatalf("got %q, %v", id, err)
	}
	lines.await(t, "accepted, and not run", "function=f")
	clock.advance(time.Hour) // no timer either
	if s := stateOf(t, h, "f"); s.Events != 1 {
		t.Errorf("the function has seen %d events, want its first", s.Events)
	}
	if line := lines.find("function failed"); line != "" {
		t.Error(line)
	}
}

func TestTimers(t *testing.T) {
	url, asked := questions(t)
	p := project(fn("f"), fn("g"))
	// fn takes its orders from the event's Message, and asks with the rest of the event.
	p.Timers = []serverless.Timer{
		{Function: "f", Name: "every-minute", Cron: "0 * * * * * *", Argument: string(event(t, op{Op: "ask", URL: url, Text: "minute"}))},
		{Function: "g", Name: "nightly", Cron: "0 0 10 * * SUN *", Argument: string(event(t, op{Op: "ask", URL: url, Text: "sunday"}))},
	}
	clock := newClock() // Sunday 2031-05-04, 01:59:30 UTC, which is 09:59:30 in Beijing
	h := start(t, host.Config{Project: p, Clock: clock})

	clock.awaitTimer(t, 30*time.Second)
	clock.advance(29 * time.Second)
	if n := h.Running(); n != 0 {
		t.Fatalf("%d timers fired a second early", n)
	}
	clock.advance(time.Second)
	got := map[string]string{}
	for range 2 {
		q := receive(t, "a timer event", asked)
		kind, js, _ := strings.Cut(q.text, " ")
		got[kind] = js
		q.answer <- "ok"
	}
	want := map[string]string{
		"minute": `{"Type":"Timer","TriggerName":"every-minute","Time":"2031-05-04T02:00:00Z"}`,
		"sunday": `{"Type":"Timer","TriggerName":"nightly","Time":"2031-05-04T02:00:00Z"}`,
	}
	for kind, js := range want {
		if got[kind] != js {
			t.Errorf("%s event:\ngot  %s\nwant %s", kind, got[kind], js)
		}
	}

	for n := 1; n <= 3; n++ {
		clock.awaitTimer(t, time.Minute)
		clock.advance(time.Minute)
		q := receive(t, "the next minute", asked)
		if at := time.Date(2031, 5, 4, 2, n, 0, 0, time.UTC).Format(time.RFC3339); !strings.Contains(q.text, at) {
			t.Errorf("got %s, want %s", q.text, at)
		}
		q.answer <- "ok"
	}

	closeHost(t, h)
	clock.advance(24 * time.Hour)
	if n := h.Running(); n != 0 {
		t.Errorf("%d timers fired after Close", n)
	}
}

// A machine that slept does not make up for what it missed.
func TestTimersSkipWhatPassed(t *testing.T) {
	url, asked := questions(t)
	p := project(fn("f"))
	p.Timers = []serverless.Timer{{Function: "f", Name: "m", Cron: "0 * * * * * *", Argument: string(event(t, op{Op: "ask", URL: url}))}}
	clock := newClock()
	start(t, host.Config{Project: p, Clock: clock})
	clock.awaitTimer(t, 30*time.Second)
	clock.sleep(2 * time.Hour)
	q := receive(t, "the timer that was due", asked)
	if !strings.Contains(q.text, "02:00:00Z") {
		t.Errorf("got %s", q.text)
	}
	q.answer <- "ok"
	clock.awaitTimer(t, 30*time.Second)
	clock.advance(30 * time.Second)
	q = receive(t, "the next timer", asked)
	if !strings.Contains(q.text, "04:00:00Z") {
		t.Errorf("got %s, want the first minute after the sleep", q.text)
	}
	q.answer <- "ok"
}

func TestTimerEventHasThePlatformsShape(t *testing.T) {
	for _, name := range []string{"timer.json", "timer-empty-message.json"} {
		var want map[string]any
		if err := json.Unmarshal(sample(t, name), &want); err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, want["Time"].(string))
		if err != nil {
			t.Fatal(err)
		}
		got := decode[map[string]any](t, host.TimerEvent(want["TriggerName"].(string), at, want["Message"].(string)))
		if len(got) != len(want) || got["Type"] != want["Type"] || got["Time"] != want["Time"] || got["Message"] != want["Message"] || got["TriggerName"] != want["TriggerName"] {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
