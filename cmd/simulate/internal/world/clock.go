// Package world is the IM and the WeChat of a simulation: they know the truth that a
// history tells, and answer at its virtual time.
package world

import (
	"sync/atomic"
	"time"

	"wxnotify/cmd/simulate/internal/history"
)

// A Clock is virtual time. It stands still until it is set. It is safe for concurrent
// use.
type Clock struct{ since atomic.Int64 }

// Set moves the clock to d after the start of the history.
func (c *Clock) Set(d time.Duration) { c.since.Store(int64(d)) }

// Since returns the time since the start of the history.
func (c *Clock) Since() time.Duration { return time.Duration(c.since.Load()) }

// Now returns the time.
func (c *Clock) Now() time.Time { return history.Start.Add(c.Since()).UTC() }

// Second returns the second in which the clock stands.
func (c *Clock) Second() history.Second { return history.Second(c.Since() / time.Second) }
