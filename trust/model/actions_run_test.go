package model_test

import (
	"slices"
	"testing/synctest"
	"time"
)

// time passes.
func (w *system) time() {
	w.sleep(pick(w, "for", []time.Duration{500 * time.Millisecond, 3 * time.Second, 5 * time.Second, 13 * time.Second, 30 * time.Second,
		61 * time.Second, 3 * time.Minute, 20 * time.Minute, 2 * time.Hour, 7 * time.Hour}) + time.Duration(w.n("ms", 1000))*time.Millisecond)
}

// sleep lets time pass; the store's TTLs too, if it has a hand on them.
func (w *system) sleep(d time.Duration) {
	time.Sleep(d)
	if w.storage.mini != nil && d > 0 {
		w.storage.mini.FastForward(d)
	}
}

// idle returns a run that is not at work, or nil.
func (w *system) idle() *run {
	for _, r := range w.runs {
		if !r.busy {
			return r
		}
	}
	return nil
}

func (w *system) onePass() {
	if r := w.idle(); r != nil {
		w.pass(r)
	}
}

func (w *system) begin() {
	if r := w.idle(); r != nil {
		w.start(r)
		synctest.Wait()
	}
	w.steps()
}

// steps lets some of what is on its way through, in any order.
func (w *system) steps() {
	for range 1 + w.n("steps", 6) {
		q := w.requests()
		if len(q) == 0 {
			return
		}
		w.let(q[w.n("request", len(q))], passes)
	}
}

// lose has a request lost, or its answer, or made twice.
func (w *system) lose() {
	q := w.requests()
	if len(q) == 0 {
		return
	}
	one := q[w.n("request", len(q))]
	can := []verdict{isLost, losesReply, comesTwice}
	if one.name == "Send" || one.name == "Answer" {
		can = can[:2] // never repeated
	}
	w.let(one, pick(w, "verdict", can))
}

// crash ends a run. What it had asked for arrives, or does not, or does so later.
func (w *system) crash() {
	var busy []*run
	for _, r := range w.runs {
		if r.busy {
			busy = append(busy, r)
		}
	}
	if len(busy) == 0 {
		return
	}
	r := busy[w.n("run", len(busy))]
	w.end(r)
	for _, q := range w.requests() {
		if q.of == r {
			switch w.n("arrives", 3) {
			case 0:
				w.let(q, isLost)
			case 1:
				w.let(q, losesReply)
			}
		}
	}
}

// severed are the requests that may be cut off between their round trips, and what one in how many is.
var severed = map[string]int{"Reconcile": 3, "Claim": 8, "ClaimCalls": 8, "Begin": 8, "Finish": 8, "Spreads": 8, "Advance": 8, "Settle": 8, "Resolve": 8}

// disturb draws what becomes of the round trips of a request: it is cut off after some of them, or
// the answer to one is lost, which then is made again. It reports whether there is anything.
func (w *system) disturb(q *request) bool {
	if !w.healed.IsZero() || slices.Contains(elsewhere, q.name) {
		return false
	}
	if n := severed[q.name]; n > 0 && w.oneIn(n, "stops half way") {
		w.storage.cutAfter(w.n("after", 4))
		return true
	}
	return w.loseAnswer(8)
}

// loseAnswer has the answer to one of the next round trips be lost, in one of so many cases.
func (w *system) loseAnswer(oneIn int) bool {
	if !w.healed.IsZero() || !w.oneIn(oneIn, "an answer is lost") {
		return false
	}
	w.storage.loseAnswerAfter(w.n("after", 4))
	return true
}

// undisturbed has round trips get through again. A client waits for fractions of the milliseconds
// in which the store counts: the clock goes on to the next.
func (w *system) undisturbed() {
	w.storage.cutAfter(-1)
	w.storage.loseAnswerAfter(-1)
	time.Sleep(w.now().Add(time.Millisecond - 1).Truncate(time.Millisecond).Sub(w.now()))
}
