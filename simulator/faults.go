package simulator

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Fault is one thing that goes wrong. Several may be given together, such as
// Delay(3*time.Second) and DropAfterSuccess().
//
// A fault strikes an API call (its target is a path) or a delivery: a callback or
// push that the World sends (its target is "callback:" and a CallbackCommand, or
// "push:" and an Event). Each comment says what it does to either.
type Fault struct {
	name  string
	apply func(*effect)
}

// Delay makes an API call take effect at once and be answered d later; a client that
// hangs up meanwhile does not know. A delivery is sent d later. d passes on the
// world's clock. A callback before sending cannot be put off: a Delay of at least
// CallbackTimeout makes its answer come too late, a shorter one does nothing.
func Delay(d time.Duration) Fault {
	return Fault{"delay " + d.String(), func(e *effect) { e.delay = d }}
}

// Refuse makes an API call fail before it was read: the connection is reset, and
// through World.Transport it cannot be made at all. A delivery fails likewise.
func Refuse() Fault { return Fault{"refuse", func(e *effect) { e.refuse = true }} }

// Lose leaves an API call without effect and without an answer until the client hangs
// up. A delivery is never sent and never retried.
func Lose() Fault { return Fault{"lose", func(e *effect) { e.lose = true }} }

// DropAfterSuccess lets an API call take effect and closes the connection instead of
// answering. A delivery arrives, and its answer never comes back: a time-out.
func DropAfterSuccess() Fault {
	return Fault{"drop after success", func(e *effect) { e.drop = true }}
}

// Code answers an API call with that errcode or ErrorCode; the call has no effect. A
// delivery arrives, and its answer counts as a failure.
func Code(code int) Fault {
	return Fault{fmt.Sprintf("code %d", code), func(e *effect) { e.code, e.coded = code, true }}
}

// HTTPStatus answers an API call as a gateway would that did not reach the platform;
// the call has no effect. A delivery arrives, and its answer counts as a failure.
func HTTPStatus(status int) Fault {
	return Fault{fmt.Sprintf("status %d", status), func(e *effect) { e.status = status }}
}

// HalfAnswer lets an API call take effect and breaks off in the middle of the answer.
// A delivery arrives, and its answer counts as a failure.
func HalfAnswer() Fault { return Fault{"half answer", func(e *effect) { e.half = true }} }

// Garbage lets an API call take effect and answers 200 with something that is not
// JSON. A delivery arrives, and its answer counts as a failure.
func Garbage() Fault { return Fault{"garbage", func(e *effect) { e.garbage = true }} }

// EmptyBody lets an API call take effect and answers 200 with nothing. A delivery
// arrives, and its answer counts as a failure.
func EmptyBody() Fault { return Fault{"empty body", func(e *effect) { e.empty = true }} }

// Duplicate lets an API call take effect twice, as a proxy may that repeats requests;
// the client gets the first answer. A delivery is sent twice in a row.
func Duplicate() Fault { return Fault{"duplicate", func(e *effect) { e.duplicate = true }} }

// Reorder holds an API call or a delivery back until the next one that the same
// target matches is done, or for 10 s on the world's clock if there is none. It does
// nothing to a callback before sending.
func Reorder() Fault { return Fault{"reorder", func(e *effect) { e.hold = true }} }

// holdLimit ends the wait of what Reorder holds.
const holdLimit = 10 * time.Second

// An effect is what the faults that strike one request add up to.
type effect struct {
	pattern string // of the rule
	name    string // for the record

	delay                time.Duration
	refuse, lose, drop   bool
	half, garbage, empty bool
	duplicate, hold      bool
	code, status         int
	coded                bool
}

// spoilsAnswer reports whether the sender of a delivery gets to see a bad answer.
func (e *effect) spoilsAnswer() bool {
	return e.coded || e.status != 0 || e.half || e.garbage || e.empty
}

// Faults holds what shall go wrong. A target is the name of an Exchange, or the
// beginning of names followed by "*": "/cgi-bin/*", "callback:*". It is safe for
// concurrent use.
type Faults struct {
	world *World

	mu    sync.Mutex
	rules []*rule
	held  []*heldBack
}

type rule struct {
	pattern string
	left    int     // requests still to strike; -1: all
	chance  float64 // of striking one
	faults  []Fault
}

type heldBack struct {
	pattern string
	release func()
}

// Next strikes the next n requests that target matches. Of several Next for one
// target the earliest comes first; each request is struck by one of them only.
func (f *Faults) Next(target string, n int, faults ...Fault) {
	if n > 0 {
		f.addRule(&rule{target, n, 1, faults})
	}
}

// Always strikes every request that target matches and no Next strikes.
func (f *Faults) Always(target string, faults ...Fault) {
	f.addRule(&rule{target, -1, 1, faults})
}

// Sometimes strikes requests that target matches with that chance, from 0 to 1, out of
// the world's seed.
func (f *Faults) Sometimes(target string, chance float64, faults ...Fault) {
	f.addRule(&rule{target, -1, chance, faults})
}

func (f *Faults) addRule(r *rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, r)
}

// Clear ends all faults. What Reorder holds back goes its way now.
func (f *Faults) Clear() {
	f.mu.Lock()
	f.rules = nil
	f.mu.Unlock()
	f.letGo(func(*heldBack) bool { return true })
}

// take returns what strikes the request of that name.
func (f *Faults) take(name string) effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.pick(name)
	if r == nil {
		return effect{}
	}
	if r.left > 0 {
		r.left--
	}
	e := effect{pattern: r.pattern}
	var names []string
	for _, fault := range r.faults {
		fault.apply(&e)
		names = append(names, fault.name)
	}
	e.name = strings.Join(names, ", ")
	return e
}

func (f *Faults) pick(name string) *rule {
	f.rules = slices.DeleteFunc(f.rules, func(r *rule) bool { return r.left == 0 })
	for _, r := range f.rules {
		if r.left > 0 && match(r.pattern, name) {
			return r
		}
	}
	for _, r := range f.rules {
		if r.left < 0 && match(r.pattern, name) && f.world.rnd.float64() < r.chance {
			return r
		}
	}
	return nil
}

// hold keeps release until another request of the pattern has passed, the limit is
// over, or Clear. release is called once.
func (f *Faults) hold(pattern string, release func()) {
	h := &heldBack{pattern: pattern, release: release}
	f.mu.Lock()
	f.held = append(f.held, h)
	f.mu.Unlock()
	f.world.after(holdLimit, func() {
		f.letGo(func(other *heldBack) bool { return other == h })
	})
}

// passed lets go what waited for a request of that name.
func (f *Faults) passed(name string) {
	f.letGo(func(h *heldBack) bool { return match(h.pattern, name) })
}

func (f *Faults) letGo(which func(*heldBack) bool) {
	f.mu.Lock()
	var free []*heldBack
	f.held = slices.DeleteFunc(f.held, func(h *heldBack) bool {
		if !which(h) {
			return false
		}
		free = append(free, h)
		return true
	})
	f.mu.Unlock()
	for _, h := range free {
		h.release()
	}
}
