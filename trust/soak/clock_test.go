package soak_test

import (
	"sync/atomic"
	"time"
)

// A clock is the machine's, with a distance by which it is ahead: what takes minutes need not be
// waited for in the end.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// AfterFunc implements simulator.Clock.
func (*clock) AfterFunc(d time.Duration, f func()) (stop func()) {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}
