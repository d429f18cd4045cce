package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/cmd/internal/cli"
	"wxnotify/shared/stopwatch"
)

// noop is what the functions are compared with. receivers must be quick: a platform waits.
const noop = "noop"

var (
	functions = []string{noop, "imcallback", "wechatpush", "session", "permits", "announce", "deliver"}
	receivers = []string{"imcallback", "wechatpush"}
)

// A function is what was seen of one. Ratios are to the no-op, in the same turns.
type function struct {
	Size      int64         // of the file, in bytes
	Cold      time.Duration // from the start of a process to its first answer; the median
	PerSecond float64       // events
	CPU       time.Duration // of the process per event

	ColdRatio, PerSecondRatio, CPURatio float64
}

// A race has the functions take turns, so that what disturbs the machine disturbs all.
type race struct {
	*world
	size  size
	log   *cli.Progress
	fleet int // instances of each function
	n     int // events so far
	seen  map[string]*tally
}

// A tally is what one function has done.
type tally struct {
	colds  []float64     // seconds, by round
	starts time.Duration // processor time of processes that answered one event
	rates  []float64     // events a second, by round
	cpu    time.Duration // of the fleet
	events int           // of the fleet
}

func measureFunctions(ctx context.Context, build string, s size, log *cli.Progress) (seen map[string]function, fleet int, err error) {
	w, err := newWorld(ctx, build)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r := &race{world: w, size: s, log: log, fleet: min(s.fleet, room(len(functions))), seen: map[string]*tally{}}
	for _, f := range functions {
		r.seen[f] = &tally{}
	}
	if err := w.populate(ctx, s.people); err != nil {
		return nil, 0, err
	}
	if err := r.colds(ctx); err != nil {
		return nil, 0, err
	}
	if err := r.rates(ctx); err != nil {
		return nil, 0, err
	}
	seen, err = r.results()
	return seen, r.fleet, err
}

// settingsOf keeps what waits for cards away from deliver: its runs are to find nothing.
func (r *race) settingsOf(f string) map[string]string {
	if f == "deliver" {
		return with(r.settings, "STORE_PREFIX", "nothing")
	}
	return r.settings
}

func (r *race) event(f string) ([]byte, error) {
	r.n++
	return r.world.event(f, r.people[r.n%len(r.people)], r.n)
}

// colds starts each function again and again. The first round only fills caches.
func (r *race) colds(ctx context.Context) error {
	for round := range r.size.colds + 1 {
		r.log.Print("cold starts: %d of %d", round, r.size.colds)
		for _, f := range functions {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			took, cpu, err := r.cold(ctx, f)
			if err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
			if round > 0 {
				r.seen[f].colds = append(r.seen[f].colds, took.Seconds())
				r.seen[f].starts += cpu
			}
		}
	}
	return nil
}

func (r *race) cold(ctx context.Context, f string) (took, cpu time.Duration, err error) {
	event, err := r.event(f)
	if err != nil {
		return 0, 0, err
	}
	watch := stopwatch.Start()
	i, err := start(ctx, r.build, f, r.settingsOf(f))
	if err != nil {
		return 0, 0, err
	}
	err = i.accept(f, event)
	took = watch.Elapsed()
	return took, i.end(), err
}

// rates has a fleet of each function handle events, one function at a time.
func (r *race) rates(ctx context.Context) (err error) {
	fleets := map[string][]*instance{}
	defer func() {
		for f, fleet := range fleets {
			for _, i := range fleet {
				r.seen[f].cpu += i.end()
			}
		}
	}()
	for _, f := range functions {
		r.log.Print("%d instances of %s start", r.fleet, f)
		if fleets[f], err = r.assemble(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	for round := range r.size.turns + 1 { // the first round makes the connections
		r.log.Print("events: turn %d of %d", round, r.size.turns)
		for _, f := range functions {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			rate, err := r.turn(f, fleets[f])
			if err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
			if round > 0 {
				r.seen[f].rates = append(r.seen[f].rates, rate)
			}
		}
	}
	return nil
}

// assemble starts a fleet, a few instances at a time. Those that started are returned with an
// error too.
func (r *race) assemble(ctx context.Context, f string) ([]*instance, error) {
	const atOnce = 4
	fleet, errs := make([]*instance, r.fleet), make([]error, r.fleet)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for k := next.Add(1) - 1; int(k) < len(fleet); k = next.Add(1) - 1 {
				fleet[k], errs[k] = start(ctx, r.build, f, r.settingsOf(f))
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(fleet, func(i *instance) bool { return i == nil }), errors.Join(errs...)
}

// turn has a fleet handle the events of a turn, as many in flight as it has instances, and
// returns how many it handles a second.
func (r *race) turn(f string, fleet []*instance) (float64, error) {
	n := r.size.events
	if f == "deliver" || f == "session" {
		n /= 5
	}
	events := make([][]byte, max(n, len(fleet)))
	for k := range events {
		var err error
		if events[k], err = r.event(f); err != nil {
			return 0, err
		}
	}
	r.seen[f].events += len(events)
	watch := stopwatch.Start()
	err := shared(fleet, f, events)
	return float64(len(events)) / watch.Elapsed().Seconds(), err
}

// shared has instances of a function handle events, each one at a time.
func shared(fleet []*instance, function string, events [][]byte) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, len(fleet))
	for n, i := range fleet {
		wg.Go(func() {
			for k := next.Add(1) - 1; int(k) < len(events) && errs[n] == nil; k = next.Add(1) - 1 {
				errs[n] = i.accept(function, events[k])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// results sums it up, once the fleets have ended.
func (r *race) results() (map[string]function, error) {
	out := map[string]function{}
	base := r.seen[noop]
	for _, f := range functions {
		t := r.seen[f]
		size, err := r.world.size(f)
		if err != nil {
			return nil, err
		}
		out[f] = function{
			Size: size, Cold: seconds(median(t.colds)), PerSecond: median(t.rates), CPU: t.perEvent(r.fleet),
			ColdRatio: median(t.colds) / median(base.colds), PerSecondRatio: median(t.rates) / median(base.rates),
			CPURatio: float64(t.perEvent(r.fleet)) / float64(base.perEvent(r.fleet)),
		}
	}
	return out, nil
}

// perEvent is the processor time of the fleet, less what its starts took, for each event.
func (t *tally) perEvent(fleet int) time.Duration {
	start := t.starts / time.Duration(len(t.colds))
	return (t.cpu - start*time.Duration(fleet)) / time.Duration(t.events)
}
