package host

import (
	"testing"
	"time"
)

// An event that leaves the line in the moment in which its turn comes must pass it on.
func TestLeavePassesAGrantOn(t *testing.T) {
	idle := &instance{process: &process{done: make(chan struct{})}}
	for _, c := range []struct {
		name  string
		grant func(*pool)
		want  *instance
	}{
		{"an instance", func(p *pool) { p.release(idle, true) }, idle},
		{"the right to start one", func(p *pool) { p.freeSlot() }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &pool{clock: realClock{}, max: 1, maxWaiting: 1, idleTimeout: time.Hour}
			if g, wait := p.tryAcquire(); wait != nil || g.err != nil { // the only place is taken
				t.Fatalf("got %+v, %v", g, wait)
			}
			_, wait := p.tryAcquire()
			if wait == nil {
				t.Fatal("the second needs not wait")
			}
			c.grant(p)
			p.leave(wait)
			g, wait := p.tryAcquire()
			if wait != nil || g.err != nil || g.instance != c.want {
				t.Errorf("the next gets %+v, waits: %v; want %v at once", g, wait != nil, c.want)
			}
			if p.count != 1 {
				t.Errorf("%d instances are counted, want 1", p.count)
			}
		})
	}
}
