// Package stopwatch measures how long things take, and how much time a context has left, and
// lets time pass, by the monotonic clock, which nobody sets. Times of day never come from here: they come
// from the clock that the wiring passes in.
package stopwatch

import (
	"context"
	"time"
)

// A Watch runs from its Start. The zero Watch has run for ages.
type Watch struct{ started time.Time }

// Start returns a running watch.
func Start() Watch { return Watch{time.Now()} }

// Elapsed returns how long w has run.
func (w Watch) Elapsed() time.Duration { return time.Since(w.started) }

// Left returns how much time is left until the deadline of ctx, less than nothing after
// it, and whether ctx has a deadline.
func Left(ctx context.Context) (left time.Duration, bounded bool) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return 0, false
	}
	return time.Until(deadline), true
}

// Short reports whether ctx has ended or has less than d left.
func Short(ctx context.Context, d time.Duration) bool {
	left, bounded := Left(ctx)
	return ctx.Err() != nil || bounded && left < d
}

// Sleep lets d pass, and reports false if ctx ended before.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
