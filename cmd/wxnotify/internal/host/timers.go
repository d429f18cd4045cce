package host

import (
	"encoding/json"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/serverless"
)

// timers fires the project's timers until stop.
type timers struct {
	clock Clock

	mu      sync.Mutex
	stopped bool
	stops   []func() bool // by timer
}

// timerEvent is what a timer sends.
// Source: https://cloud.tencent.com/document/product/583/9708
type timerEvent struct {
	Type        string
	TriggerName string
	Time        time.Time // when it was due, UTC
	Message     string
}

func (h *Host) startTimers() {
	for _, t := range h.cfg.Project.Timers {
		schedule, err := serverless.ParseCron(t.Cron)
		if err != nil {
			h.cfg.Log.Error("timer left out", "function", t.Function, "timer", t.Name, "error", err.Error())
			continue
		}
		h.timers.start(schedule, func(due time.Time) { h.fire(t, due) })
	}
}

func (h *Host) fire(t serverless.Timer, due time.Time) {
	event, err := json.Marshal(timerEvent{"Timer", t.Name, due.UTC(), t.Argument})
	if err == nil {
		_, err = h.InvokeAsync(t.Function, event)
	}
	if err != nil {
		h.cfg.Log.Error("timer event lost", "function", t.Function, "timer", t.Name, "error", err.Error())
	}
}

// start calls fire at each time of schedule. Times that passed while the machine slept
// are left out.
func (t *timers) start(schedule serverless.Schedule, fire func(due time.Time)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.stops)
	t.stops = append(t.stops, nil)
	t.arm(n, schedule, t.clock.Now(), fire)
}

// arm waits for the first time after last; t.mu is held.
func (t *timers) arm(n int, schedule serverless.Schedule, last time.Time, fire func(time.Time)) {
	now := t.clock.Now()
	if now.After(last) {
		last = now
	}
	due := schedule.Next(last)
	if due.IsZero() {
		return
	}
	t.stops[n] = t.clock.AfterFunc(due.Sub(now), func() {
		t.mu.Lock()
		if t.stopped {
			t.mu.Unlock()
			return
		}
		t.arm(n, schedule, due, fire)
		t.mu.Unlock()
		fire(due)
	})
}

func (t *timers) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	for _, stop := range t.stops {
		if stop != nil {
			stop()
		}
	}
}
