package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wxnotify/cmd/internal/cli"
	"wxnotify/shared/fact"
	"wxnotify/shared/stopwatch"
	"wxnotify/simulator"
)

const apiSend = "/cgi-bin/message/subscribe/send"

// slow is how long the simulated WeChat takes to answer a send while deliver is pressed.
const slow = 30 * time.Millisecond

// A drain is one run of deliver that works off a backlog.
type drain struct {
	Cards     int
	PerSecond float64       // cards, from the first to the last
	Billed    time.Duration // of the run
	// PerMessage is how many bytes of Redis a message takes up one hour after its card.
	PerMessage float64
}

// measureBacklog has one message wait for each of so many people, and then one run send the
// cards: at the pace of notify.yml, or unpaced.
func measureBacklog(ctx context.Context, build string, n int, paced bool, log *cli.Progress) (d drain, err error) {
	w, err := newWorld(ctx, build)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if !paced {
		if err := w.unpaced(); err != nil {
			return d, err
		}
	}
	if err := w.populate(ctx, n); err != nil {
		return d, err
	}
	w.sim.Faults.Always(apiSend, simulator.Delay(slow))
	empty, err := w.used(ctx)
	if err != nil {
		return d, err
	}
	if err := w.writeToAll(ctx); err != nil {
		return d, err
	}
	log.Print("deliver: a backlog of %d", n)
	if d.Billed, err = w.workOff(ctx); err != nil {
		return d, err
	}
	d.Cards, d.PerSecond = pace(w.cards(w.people))
	if d.Cards != n {
		return d, fmt.Errorf("%d cards for a backlog of %d", d.Cards, n)
	}
	d.PerMessage, err = w.anHourLater(ctx, empty)
	return d, err
}

// A crowd is one run of deliver for many who have a full mailbox each.
type crowd struct {
	PerSecond float64 // cards
	Peak      int64   // memory of the process, in bytes; 0 where the system does not tell
}

// measureCrowd has as much wait for each of so many people as is kept of one, and then one run send the cards, in the memory of a
// receiver, which is half of what deliver gets.
func measureCrowd(ctx context.Context, build string, n int, log *cli.Progress) (c crowd, err error) {
	w, err := newWorld(ctx, build)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.populate(ctx, n); err != nil {
		return c, err
	}
	w.sim.Faults.Always(apiSend, simulator.Delay(slow))
	log.Print("deliver: %d full mailboxes", n)
	for some := range slices.Chunk(w.people, 50) {
		var facts []fact.Fact
		for _, p := range some {
			facts = append(facts, w.flood(p)...)
		}
		if _, err := w.store.Record(ctx, w.rules, facts); err != nil {
			return c, err
		}
	}
	if err := pause(ctx, w.rules.Lead+200*time.Millisecond); err != nil {
		return c, err
	}
	i, err := w.instance(ctx, "deliver")
	if err != nil {
		return c, err
	}
	defer i.end()
	i.memory = memory
	if err := i.accept("deliver", []byte("{}")); err != nil {
		return c, err
	}
	cards, perSecond := pace(w.cards(w.people))
	if cards != n {
		return c, fmt.Errorf("%d cards for %d full mailboxes", cards, n)
	}
	return crowd{perSecond, i.peak()}, nil
}

// flood returns more messages to p than are kept, of many writers.
func (w *world) flood(p person) (facts []fact.Fact) {
	for n := range 200 {
		m := fact.Message{ID: fact.MessageID(fmt.Sprintf("%010d_%010d_%s", n, n, p.user)), To: p.user, From: fact.UserID(writer(n)), SentAt: w.now(), Kind: fact.KindMessage}
		facts = append(facts, fact.Fact{Message: &m})
	}
	return facts
}

// writeToAll has everybody written to, and waits until all of it is due.
func (w *world) writeToAll(ctx context.Context) error {
	var events [][]byte
	for n, p := range w.people {
		e, err := w.message(p, n)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	fleet, end, err := w.fleet(ctx, "imcallback", 8)
	defer end()
	if err != nil {
		return err
	}
	if err := shared(fleet, "imcallback", events); err != nil {
		return err
	}
	return pause(ctx, w.rules.Lead+200*time.Millisecond)
}

// fleet starts instances; end ends them.
func (w *world) fleet(ctx context.Context, function string, n int) (fleet []*instance, end func(), err error) {
	end = func() {
		for _, i := range fleet {
			i.end()
		}
	}
	for range n {
		i, err := w.instance(ctx, function)
		if err != nil {
			return fleet, end, err
		}
		fleet = append(fleet, i)
	}
	return fleet, end, nil
}

// workOff is one run of deliver. It returns how long that takes.
func (w *world) workOff(ctx context.Context) (time.Duration, error) {
	i, err := w.instance(ctx, "deliver")
	if err != nil {
		return 0, err
	}
	defer i.end()
	watch := stopwatch.Start()
	err = i.accept("deliver", []byte("{}"))
	return watch.Elapsed(), err
}

// pace returns how many cards were sent, and how many a second.
func pace(at map[fact.OpenID]time.Time) (cards int, perSecond float64) {
	var times []time.Time
	for _, t := range at {
		times = append(times, t)
	}
	if len(times) < 2 {
		return len(times), 0
	}
	slices.SortFunc(times, time.Time.Compare)
	took := times[len(times)-1].Sub(times[0])
	return len(times), float64(len(times)-1) / took.Seconds()
}
