package functest

import "sync"

// A Request is one call that a function makes of something outside.
type Request struct {
	Name string
	Nth  int // of its name, from 1
	Size int // how many commands it has
}

// A Cut ends the connection of a request instead of answering.
type Cut struct {
	After int    // how many of its commands take effect before
	Then  func() // done when they have, before the connection ends; may be nil
}

func (c *Cut) then() {
	if c.Then != nil {
		c.Then()
	}
}

// calls numbers requests by their names, and asks what becomes of each.
type calls struct {
	mu   sync.Mutex
	nth  map[string]int
	asks func(Request) *Cut
}

func (c *calls) on(f func(Request) *Cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nth, c.asks = nil, f
}

func (c *calls) ask(name string, size int) *Cut {
	c.mu.Lock()
	if c.nth == nil {
		c.nth = map[string]int{}
	}
	c.nth[name]++
	r, f := Request{name, c.nth[name], size}, c.asks
	c.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(r)
}
