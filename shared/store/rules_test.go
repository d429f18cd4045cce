package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/store"
)

// A Harness is an empty store with a hand on its clock.
type Harness struct {
	Store *store.Store
	// Raw reaches the keys of Store.
	Raw *redis.Client
	// Now is the clock of Store, which Advance moves. Only time that Advance lets
	// pass may count: a server's TTLs may pass along or not.
	Now     func() time.Time
	Advance func(time.Duration)
	// Open returns another instance on the same keys that goes by now; nil: by the
	// server's own clock. It closes with the test.
	Open func(now func() time.Time) *store.Store
	// Losing returns another instance, whose round trip number n, counting from 0, fails:
	// it does not reach the server, or its answer is lost.
	Losing func(n int, answer bool) *store.Store
	// Between returns another instance, before whose round trip number n, counting from 0, do is done.
	Between func(n int, do func()) *store.Store
}

// A Clock is moved by hand. It begins half a second before midnight, UTC, so that
// most rules are seen across the change of the day. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a Clock.
func NewClock() *Clock { return &Clock{now: testkit.Future.Add(-500 * time.Millisecond)} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance lets d pass.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A rule is one subtest, named as what the store has to do on every server. It looks at a store
// through what its users call, and at raw keys only where it is about what is kept.
type rule struct {
	name  string
	check func(b *bench)
}

// runRules holds the stores that open returns to every rule. open is called once per
// rule and returns a store with nothing in it, with at least two shards.
func runRules(t *testing.T, open func(t *testing.T) Harness) {
	groups := []struct {
		name  string
		rules []rule
	}{
		{"messages", messageRules},
		{"recipients", recipientRules},
		{"wake and rest", wakeRules},
		{"runs", claimRules},
		{"cards", cardRules},
		{"permits", permitRules},
		{"calls", callRules},
		{"unknown cards", unknownRules},
		{"dead letters", deadRules},
		{"announcements", announceRules},
		{"index", indexRules},
		{"bindings", bindRules},
		{"erasure", eraseRules},
		{"erased senders", forgetRules},
		{"group messages", spreadRules},
		{"circuits", circuitRules},
		{"names", nameRules},
		{"tokens", tokenRules},
		{"limits", limitRules},
		{"pace", paceRules},
		{"clock", clockRules},
		{"disorder", disorderRules},
		{"unreadable", unreadableRules},
		{"metrics", metricRules},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, r := range g.rules {
				t.Run(r.name, func(t *testing.T) {
					b := newBench(t, open(t))
					r.check(b)
					b.checkConsistency()
				})
			}
		})
	}
}
