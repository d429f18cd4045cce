package host

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A pool holds the instances of one function: it lends each to one event at a time,
// starts another when all are busy, and ends those that nobody needed for a while.
type pool struct {
	start       func(context.Context) (*instance, error)
	clock       Clock
	max         int           // instances
	maxWaiting  int           // events
	idleTimeout time.Duration // of an instance

	mu      sync.Mutex
	closed  bool
	renewed int                    // how often
	lent    map[*instance]struct{} // to an event
	count   int                    // instances, those about to start included
	idle    []idleInstance         // the one used last comes last, and is lent first
	waiting []chan grant           // first come, first served
}

type idleInstance struct {
	*instance
	stopReaper func() bool
}

// A grant answers one who waits: with an instance, an error, or, if both are nil, the
// right to start an instance.
type grant struct {
	instance *instance
	err      error
}

// acquire returns an instance for the caller alone, who must give it back with release.
// The error is ErrThrottled, ErrClosed, ctx's, or why no instance could be started.
func (p *pool) acquire(ctx context.Context) (*instance, error) {
	g, wait := p.tryAcquire()
	if wait != nil {
		select {
		case g = <-wait:
		case <-ctx.Done():
			p.leave(wait)
			return nil, ctx.Err()
		}
	}
	if g.err != nil {
		return nil, g.err
	}
	if g.instance == nil {
		renewed := p.times()
		// Once begun, a start is finished: the instance serves whoever comes next.
		i, err := p.start(context.WithoutCancel(ctx))
		if err != nil {
			p.freeSlot()
			return nil, err
		}
		i.renewed, g.instance = renewed, i
	}
	p.lend(g.instance)
	return g.instance, nil
}

// times returns how often the pool was renewed.
func (p *pool) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.renewed
}

func (p *pool) lend(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent == nil {
		p.lent = map[*instance]struct{}{}
	}
	p.lent[i] = struct{}{}
}

// renew ends all idle instances, and those that are lent when they come back.
func (p *pool) renew() {
	p.mu.Lock()
	p.renewed++
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, i := range idle {
		i.stopReaper()
		i.end()
		p.freeSlot()
	}
}

// stale counts the lent instances of before the last renew.
func (p *pool) stale() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.lent {
		if i.renewed < p.renewed {
			n++
		}
	}
	return n
}

// tryAcquire returns a grant, or a place in the line.
func (p *pool) tryAcquire() (grant, chan grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return grant{err: ErrClosed}, nil
	}
	for len(p.idle) > 0 {
		last := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		last.stopReaper()
		if last.process.alive() {
			return grant{instance: last.instance}, nil
		}
		last.client.Close()
		p.count--
	}
	switch {
	case p.count < p.max:
		p.count++
		return grant{}, nil
	case len(p.waiting) >= p.maxWaiting:
		return grant{err: ErrThrottled}, nil
	}
	wait := make(chan grant, 1)
	p.waiting = append(p.waiting, wait)
	return grant{}, wait
}

// leave gives up a place in the line, and passes on a grant that came meanwhile.
func (p *pool) leave(wait chan grant) {
	p.mu.Lock()
	n := len(p.waiting)
	p.waiting = slices.DeleteFunc(p.waiting, func(w chan grant) bool { return w == wait })
	left := len(p.waiting) < n
	p.mu.Unlock()
	if left {
		return
	}
	switch g := <-wait; {
	case g.instance != nil:
		p.release(g.instance, true)
	case g.err == nil:
		p.freeSlot()
	}
}

// release takes an instance back, and ends it if it cannot be used again.
func (p *pool) release(i *instance, reusable bool) {
	if !reusable || !p.keep(i) {
		p.forget(i)
		i.end()
		p.freeSlot()
	}
}

// forget ends the loan of i.
func (p *pool) forget(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lent, i)
}

// keep hands i to the first who waits or lays it aside. It reports false once the pool
// is closed, and if it was renewed meanwhile.
func (p *pool) keep(i *instance) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.lent, i)
	if p.closed || i.renewed < p.renewed {
		return false
	}
	if w := p.next(); w != nil {
		w <- grant{instance: i}
		return true
	}
	p.idle = append(p.idle, idleInstance{i, p.clock.AfterFunc(p.idleTimeout, func() { p.reap(i) })})
	return true
}

// reap ends i if it is still idle.
func (p *pool) reap(i *instance) {
	p.mu.Lock()
	n := len(p.idle)
	p.idle = slices.DeleteFunc(p.idle, func(o idleInstance) bool { return o.instance == i })
	found := len(p.idle) < n
	p.mu.Unlock()
	if found {
		i.end()
		p.freeSlot()
	}
}

// freeSlot lets the first who waits start an instance in the place of one that ended.
func (p *pool) freeSlot() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.next(); w != nil {
		w <- grant{}
		return
	}
	p.count--
}

// next removes and returns the first in the line, or nil.
func (p *pool) next() chan grant {
	if len(p.waiting) == 0 {
		return nil
	}
	w := p.waiting[0]
	p.waiting = slices.Delete(p.waiting, 0, 1)
	return w
}

// close sends everyone away who waits, and refuses whoever comes or releases later. It
// leaves the killing to the starter, which knows every process.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	idle, waiting := p.idle, p.waiting
	p.idle, p.waiting = nil, nil
	p.mu.Unlock()
	for _, w := range waiting {
		w <- grant{err: ErrClosed}
	}
	for _, i := range idle {
		i.stopReaper()
		i.client.Close()
	}
}
