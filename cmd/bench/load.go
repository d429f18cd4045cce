package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/simulator"
)

// A load is callbacks that come in at a steady rate, each a message for somebody else, while
// the platform runs deliver whenever it is woken.
type load struct {
	rate  int
	time  time.Duration
	slow  bool // WeChat takes its time
	paced bool // by notify.yml
}

// What came of a load. Moments are counted from its first callback.
type loaded struct {
	Rate   int
	Told   []time.Duration // each callback, when it was sent
	Sent   []time.Duration // each card, when WeChat was asked to show it
	Delays []time.Duration // from a callback to its card, less the lead
	Bill   bill
	Took   time.Duration // until all was over, or was broken off
}

// billed returns what was billed of all runs, to the time that passed: 1 if one run did it all.
func (l loaded) billed() float64 {
	if l.Took == 0 {
		return 0
	}
	return l.Bill.Time.Seconds() / l.Took.Seconds()
}

// senders is how many instances of imcallback the callbacks are spread over.
const senders = 16

// tail is how long cards may come later than their lead, until it is broken off.
const tail = 10 * time.Second

func (l load) measure(ctx context.Context, build string) (out loaded, err error) {
	w, err := newWorld(ctx, build)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if !l.paced {
		if err := w.unpaced(); err != nil {
			return out, err
		}
	}
	if l.slow {
		w.sim.Faults.Always(apiSend, simulator.Delay(slow))
	}
	if err := w.populate(ctx, int(float64(l.rate)*l.time.Seconds())); err != nil {
		return out, err
	}
	w.platform.start = func() (*instance, error) { return w.instance(ctx, "deliver") }
	fleet, end, err := w.fleet(ctx, "imcallback", senders)
	defer end()
	if err != nil {
		return out, err
	}
	out.Rate = l.rate
	began := w.now()
	w.platform.wake("{}") // the timer's
	told, err := l.tell(ctx, w, fleet, began)
	if err != nil {
		return out, err
	}
	w.settle(ctx, len(told))
	out.Took = w.now().Sub(began)
	if out.Bill, err = w.platform.stop(); err != nil {
		return out, fmt.Errorf("deliver: %w", err)
	}
	out.compare(w.people, w.rules.Lead, began, told, w.cards(w.people))
	return out, nil
}

// tell sends each callback at its time, and returns when that was.
func (l load) tell(ctx context.Context, w *world, fleet []*instance, began time.Time) ([]time.Time, error) {
	told := make([]time.Time, len(w.people))
	errs := make([]error, len(fleet))
	var wg sync.WaitGroup
	for k, i := range fleet {
		wg.Go(func() {
			for n := k; n < len(told) && errs[k] == nil; n += len(fleet) {
				at := began.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
				told[n], errs[k] = w.tellAt(ctx, i, n, at)
			}
		})
	}
	wg.Wait()
	return told, errors.Join(errs...)
}

// tellAt sends the callback of a message to the n-th of all people.
func (w *world) tellAt(ctx context.Context, i *instance, n int, at time.Time) (told time.Time, err error) {
	if err := pause(ctx, at.Sub(w.now())); err != nil {
		return told, err
	}
	event, err := w.message(w.people[n], n)
	if err != nil {
		return told, err
	}
	told = w.now()
	return told, i.accept("imcallback", event)
}

// settle waits until so many cards are there and the last run is over, or until it takes too
// long.
func (w *world) settle(ctx context.Context, cards int) {
	ctx, cancel := context.WithTimeout(ctx, w.rules.Lead+tail)
	defer cancel()
	for len(w.cards(w.people)) < cards && pause(ctx, 200*time.Millisecond) == nil {
	}
	w.platform.rest(ctx)
}

// compare finds the card of each callback.
func (o *loaded) compare(people []person, lead time.Duration, began time.Time, told []time.Time, cards map[fact.OpenID]time.Time) {
	for n, p := range people {
		o.Told = append(o.Told, told[n].Sub(began))
		if at, ok := cards[p.openID]; ok {
			o.Sent = append(o.Sent, at.Sub(began))
			o.Delays = append(o.Delays, at.Sub(told[n])-lead)
		}
	}
}
