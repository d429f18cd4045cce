package deliver

import (
	"sync"
	"time"

	"wxnotify/shared/notify"
)

// circuits are what one pass knows of the open circuits, and of what it has met. They are safe for
// concurrent use.
type circuits struct {
	mu      sync.Mutex
	known   map[string]notify.Circuit
	unknown bool            // WeChat did not know some openid, and no card has arrived since
	alerted map[string]bool // what was told to people
}

func newCircuits(b notify.Batch) *circuits {
	cs := &circuits{known: make(map[string]notify.Circuit, len(b.Circuits)), unknown: b.UnknownInARow > 0, alerted: map[string]bool{}}
	for _, c := range b.Circuits {
		cs.known[c.Name] = c
	}
	return cs
}

// quota reports whether WeChat takes no more cards today.
func (cs *circuits) quota(now time.Time) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c, ok := cs.known[notify.CircuitQuota]
	return ok && now.Before(c.Until)
}

func (cs *circuits) open(c notify.Circuit) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.known[c.Name] = c
}

// close forgets circuits, and returns those that were there.
func (cs *circuits) close(names []string) (closed []string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, name := range names {
		if _, ok := cs.known[name]; ok {
			delete(cs.known, name)
			closed = append(closed, name)
		}
	}
	return closed
}

// blocked returns until when a card has to wait for one of names, and for which. ripe are those whose
// time is over: one card may try whether they can close.
func (cs *circuits) blocked(now time.Time, names []string) (until time.Time, by string, ripe []string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, name := range names {
		c, ok := cs.known[name]
		switch {
		case !ok:
		case !now.Before(c.Until):
			ripe = append(ripe, name)
		case c.Until.After(until):
			until, by = c.Until, name
		}
	}
	return until, by, ripe
}

// first reports whether the pass meets something for the first time: cards that are sent side by side
// fail alike, and one alert is enough.
func (cs *circuits) first(what string) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	was := cs.alerted[what]
	cs.alerted[what] = true
	return !was
}

// setUnknown notes whether WeChat did not know the openid of the last card, and reports whether it was
// so before.
func (cs *circuits) setUnknown(unknown bool) (was bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	was, cs.unknown = cs.unknown, unknown
	return was
}
