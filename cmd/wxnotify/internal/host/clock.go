package host

import "time"

// A Clock is what the host knows of time when it retries, fires timers and reaps idle
// instances. Timeouts of a running event are always real: the function watches them too.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f in its own goroutine once d has passed. stop reports whether
	// it prevented the call.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// realClock is the machine's clock.
type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

// deadlineIn returns when an event that has d of real time will be out of it.
func deadlineIn(d time.Duration) time.Time { return time.Now().Add(d) }

func (realClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}
