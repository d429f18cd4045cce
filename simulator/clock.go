package simulator

import (
	"container/heap"
	"sync"
	"time"
)

// A Clock tells the time of a World and calls it back later.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once d has passed. stop prevents a call that has not begun
	// and does nothing otherwise; it does not wait for f.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// RealClock is the machine's clock. f runs in a goroutine of its own.
type RealClock struct{}

// Now implements Clock.
func (RealClock) Now() time.Time { return time.Now() }

// AfterFunc implements Clock.
func (RealClock) AfterFunc(d time.Duration, f func()) (stop func()) {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

// A ManualClock stands still until it is moved. It is safe for concurrent use, but
// a function that it runs must not move it.
type ManualClock struct {
	moving sync.Mutex // held while functions run, so that they run one by one

	mu     sync.Mutex
	now    time.Time
	seq    uint64
	timers timerHeap
}

// NewManualClock returns a clock that stands at start.
func NewManualClock(start time.Time) *ManualClock { return &ManualClock{now: start} }

// Now implements Clock.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements Clock. f runs inside the Advance or Set that reaches its time,
// never inside AfterFunc, even if d is not positive.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	t := &timer{at: c.now.Add(d), seq: c.seq, f: f}
	heap.Push(&c.timers, t)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.index >= 0 {
			heap.Remove(&c.timers, t.index)
		}
	}
}

// Advance moves the clock by d. What falls due on the way runs in order of time, and
// in order of AfterFunc calls within one instant, each with the clock at its time;
// that includes what these functions themselves ask for.
func (c *ManualClock) Advance(d time.Duration) {
	c.moving.Lock()
	defer c.moving.Unlock()
	c.runTo(c.Now().Add(d))
}

// Set moves the clock to t. Going forward is Advance. Going back runs nothing, as
// when a machine's clock is corrected: what waits keeps its time.
func (c *ManualClock) Set(t time.Time) {
	c.moving.Lock()
	defer c.moving.Unlock()
	c.runTo(t)
}

func (c *ManualClock) runTo(t time.Time) {
	for {
		f := c.due(t)
		if f == nil {
			return
		}
		f()
	}
}

// due moves to the next timer not after t and returns its function; without one it
// moves to t.
func (c *ManualClock) due(t time.Time) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 || c.timers[0].at.After(t) {
		c.now = t
		return nil
	}
	next := heap.Pop(&c.timers).(*timer)
	if next.at.After(c.now) {
		c.now = next.at
	}
	return next.f
}

// Next returns when the earliest waiting function is due, for tests that jump from
// one thing to the next.
func (c *ManualClock) Next() (at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return time.Time{}, false
	}
	return c.timers[0].at, true
}

type timer struct {
	at    time.Time
	seq   uint64
	f     func()
	index int // in the heap; -1 once out of it
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
