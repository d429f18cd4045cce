package functions_test

import (
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"testing"

	"wxnotify/trust"
)

// A path is something that happens to the functions, to be cut off at each of its calls.
type path struct {
	name     string
	function string // what is killed, or loses its connections
	rules    string // of notify.yml, beside lead: 0s
	trusted  bool   // session is in its trusted mode
	// upstreamOnly: the store is away on this path, so there is nothing to cut off there.
	upstreamOnly bool
	// crowded: several cards are on their way at once.
	crowded bool
	// unclear: the path itself may end messages as unknown.
	unclear bool
	// prepare returns what happens.
	prepare func(*system) []happening
	// check looks at what only this path promises.
	check func(*system)
}

// A place is a call that a function makes.
type place struct {
	of   string // store or upstream
	call request
}

// A crash ends a process, or a connection, at a place.
type crash struct {
	place
	after int // how many commands of the call take effect before
	way   way
}

// A way is how a crash strikes.
type way string

const (
	killed way = "killed" // SIGKILL
	cut    way = "cut"    // the connection is gone, and the process lives on
	// stubborn is a connection that is gone again when the call is repeated at once.
	stubborn way = "cut again"
)

func (c crash) String() string {
	when := "before"
	switch c.after {
	case 0:
	case c.call.size:
		when = "after"
	default:
		when = fmt.Sprintf("after %d of %d of", c.after, c.call.size)
	}
	name := c.call.name
	if c.call.nth > 1 {
		name = fmt.Sprintf("%s %d", name, c.call.nth)
	}
	return fmt.Sprintf("%s %s %s %s", c.way, when, c.of, name)
}

// crashes returns how to strike each of places: a kill and a cut before and after the call
// takes effect, and between two of its commands. Of a long path every third, of a short one
// each has a cut that strikes what repeats the call, too.
func crashes(places []place) []crash {
	var all []crash
	for i, p := range places {
		for _, w := range []way{killed, cut} {
			all = append(all, crash{p, 0, w}, crash{p, p.call.size, w})
			if p.call.size > 1 {
				all = append(all, crash{p, p.call.size / 2, w})
			}
		}
		if (i%3 == 0 || len(places) < 12) && p.repetitions() > 1 {
			all = append(all, crash{p, 0, stubborn}, crash{p, p.call.size, stubborn})
		}
	}
	return all
}

// repetitions returns how often a call is made at most, at once and by itself.
func (p place) repetitions() int {
	switch {
	case p.of == "store":
		return 2 // as the store asks of its client
	case p.call.name == "Invoke":
		return 2
	case p.call.name == "send", p.call.name == "stable_token", p.call.name == "jscode2session":
		return 1
	}
	return 3 // IM's
}

// TestCrashPoints ends the real functions at every call that they make of the store and
// of the platforms, on each of paths, before and after the call takes effect, and cuts
// their connections there. The platforms repeat what was not acknowledged, and later runs
// clean up. Then what was promised holds: see system.verify.
func TestCrashPoints(t *testing.T) {
	startServers(t, sideBySide())
	for _, p := range slices.Concat(deliverPaths, callbackPaths, pushPaths, apiPaths) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			sweep(t, p)
		})
	}
}

// sweep counts the calls of a path and crashes at each, or at some of them.
func sweep(t *testing.T, p path) {
	var places []place
	t.Run("undisturbed", func(t *testing.T) { places = undisturbed(t, p) })
	if len(places) == 0 {
		t.Fatal("the path makes no call")
	}
	all := crashes(places)
	chosen := sample(p.name, all, trust.Size(2, 5, len(all)))
	t.Logf("%d calls, %d crash points, %d of them tried", len(places), len(all), len(chosen))
	for _, c := range chosen {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			survive(t, p, c)
		})
	}
}

// sample returns n of all, one of each stretch of a path, and always the same: from path to
// path other ones.
func sample(of string, all []crash, n int) []crash {
	if n >= len(all) {
		return all
	}
	var some []crash
	for i := range n {
		from, to := i*len(all)/n, (i+1)*len(all)/n
		h := fnv.New32a()
		fmt.Fprint(h, of, i)
		some = append(some, all[from+int(h.Sum32())%(to-from)])
	}
	return some
}

// undisturbed plays a path, and returns the calls that its function makes.
func undisturbed(t *testing.T, p path) (places []place) {
	play(t, p, crash{}, func(_ *system, of string, r request) *hangUp {
		chance := r.nth > 1 && slices.Contains([]string{"hgetall", "info"}, r.name) // how many connections are made
		if !chance && (!p.upstreamOnly || of == "upstream") {
			places = append(places, place{of, r})
		}
		return nil
	})
	return places
}

// survive plays a path with a crash.
func survive(t *testing.T, p path, c crash) {
	struck, most := 0, 1
	if c.way == stubborn {
		most = c.repetitions()
	}
	play(t, p, c, func(s *system, of string, r request) *hangUp {
		if of != c.of || r.name != c.call.name || r.nth < c.call.nth || struck == most {
			return nil
		}
		struck++
		h := &hangUp{after: c.after}
		if c.way == killed {
			h.then = func() { s.kill(p.function) }
		}
		return h
	})
	if struck == 0 {
		t.Errorf("the call was never made")
	}
	trust.Count(t, trust.CrashPoints, 1)
}

// play plays a path, and has each call of its function asked about, one at a time. Then all that waits
// is done, and what was promised is checked.
func play(t *testing.T, p path, c crash, call func(s *system, of string, r request) *hangUp) {
	s := newSystem(t, p)
	happenings := p.prepare(s)
	var mu sync.Mutex
	s.watch(func(of string, r request) *hangUp {
		mu.Lock()
		defer mu.Unlock()
		return call(s, of, r)
	})
	s.happen(happenings)
	s.watch(nil)
	s.crash = c
	s.goOn()
	s.verify()
}
