package soak_test

import (
	"sync/atomic"
	"time"

	"wxnotify/internal/testkit"
)

// A clock is the machine's, with a distance by which it is ahead: what takes minutes need not be
// waited for in the end.
type clock struct{ ahead atomic.Int64 }

// newClock returns one that begins years ahead.
func newClock() *clock {
	c := &clock{}
	c.ahead.Store(int64(time.Until(testkit.Future)))
	return c
}

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// AfterFunc implements simulator.Clock.
func (*clock) AfterFunc(d time.Duration, f func()) (stop func()) {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}
