package model_test

import (
	"testing/synctest"
	"time"
)

// time passes. Where delays count, runs come in time.
func (w *world) time() {
	d := pick(w, "for", []time.Duration{500 * time.Millisecond, 3 * time.Second, 5 * time.Second, 13 * time.Second, 30 * time.Second,
		61 * time.Second, 3 * time.Minute, 20 * time.Minute, 2 * time.Hour, 7 * time.Hour}) + time.Duration(w.n("ms", 1000))*time.Millisecond
	if w.prompt {
		w.runUntil(w.now().Add(d))
		return
	}
	w.sleep(d)
}

// sleep lets time pass; the store's TTLs too, if it has a hand on them.
func (w *world) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	if w.prompt {
		w.runUntil(w.now().Add(d))
		return
	}
	w.elapse(d)
}

func (w *world) elapse(d time.Duration) {
	time.Sleep(d)
	if w.lab.mini != nil {
		w.lab.mini.FastForward(d)
	}
}

// idle returns a run that is not at work, or nil.
func (w *world) idle() *run {
	for _, r := range w.runs {
		if !r.busy {
			return r
		}
	}
	return nil
}

func (w *world) onePass() {
	if r := w.idle(); r != nil {
		w.pass(r)
	}
}

func (w *world) begin() {
	if r := w.idle(); r != nil {
		w.start(r)
		synctest.Wait()
	}
	w.steps()
}

// steps lets some of what is on its way through, in any order.
func (w *world) steps() {
	for range 1 + w.n("steps", 6) {
		q := w.requests()
		if len(q) == 0 {
			return
		}
		w.let(q[w.n("request", len(q))], passes)
	}
}

// lose has a request lost, or its answer, or made twice.
func (w *world) lose() {
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
func (w *world) crash() {
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

// drawCut is after how many round trips a request is cut off that takes several; negative:
// never.
func (w *world) drawCut(q *request) int {
	if q.name != "Reconcile" || w.prompt || w.healed || !w.oneIn(3, "stops half way") {
		return -1
	}
	return w.n("after", 4)
}
