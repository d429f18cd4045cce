package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/guard"
	"wxnotify/shared/scf"
	"wxnotify/shared/stopwatch"
)

const (
	// period is how often deliver runs when nobody wakes it.
	period = time.Minute
	// runs is how many runs of deliver there are at a time: one that watches, and one for what falls due meanwhile and
	// for when that takes long. redeliveries is how many overflows there are, as many as on SCF.
	runs         = 2
	redeliveries = 10
	// tries is how often an overflow may fail that the store has nothing to do with. It rests for a quarter of
	// the period then.
	tries = 3
)

// A dispatcher is the way to deliver inside of this process: the inbox.Invoker of all functions.
type dispatcher struct {
	wakes chan struct{} // has one if a run is to begin
	spool *spool
}

// Wake implements inbox.Invoker.
func (d *dispatcher) Wake(context.Context) error {
	select {
	case d.wakes <- struct{}{}:
	default: // one is about to begin
	}
	return nil
}

// Overflow implements inbox.Invoker.
func (d *dispatcher) Overflow(ctx context.Context, facts []fact.Fact, since time.Time) error {
	if r, ok := ctx.Value(redeliveryKey{}).(*redelivery); ok {
		r.stays.Store(true) // its file is there
		return nil
	}
	event, err := json.Marshal(scf.DeliverEvent{Overflow: &scf.Overflow{Facts: facts, Since: since}})
	if err != nil {
		return err
	}
	return d.spool.put(ctx, event)
}

// A redelivery is an overflow from a file, as the context of its event has it.
type redelivery struct{ stays atomic.Bool }

type redeliveryKey struct{}

// A deliverer runs the function deliver.
type deliverer struct {
	*dispatcher
	period time.Duration
	// instances are one for each run, because the store tells runs apart by their instances, and one for all redeliveries,
	// which share what they know of an outage.
	instances []func(ctx context.Context, event []byte) error
	log       *slog.Logger
	stop      context.Context // ends when nothing is to be begun any more
	end       context.CancelFunc
	wg        sync.WaitGroup
}

// run begins runs, each minute and when woken.
func (d *deliverer) run(ctx context.Context) {
	guard.Go(ctx, d.log, &d.wg, func() {
		for stopwatch.Sleep(d.stop, d.period) {
			_ = d.Wake(ctx)
		}
	})
	for _, run := range d.instances[:runs] {
		guard.Go(ctx, d.log, &d.wg, func() {
			for {
				select {
				case <-d.stop.Done():
					return
				case <-d.wakes:
					_ = run(ctx, []byte("{}")) // it has said what went wrong
				}
			}
		})
	}
}

// redeliver records what the spool holds. Nothing of it is worked on longer than stop allows: its files stay.
func (d *deliverer) redeliver() {
	ctx := d.stop
	for range redeliveries {
		guard.Go(ctx, d.log, &d.wg, func() {
			for {
				select {
				case <-ctx.Done():
					return
				case f := <-d.spool.files:
					d.redeliverFile(ctx, f)
				}
			}
		})
	}
}

// redeliverFile records the events of a file, and deletes it when all of them are.
func (d *deliverer) redeliverFile(ctx context.Context, f *spoolFile) {
	events, err := d.spool.read(f)
	for _, event := range events {
		var r redelivery
		if failed := d.instances[runs](context.WithValue(ctx, redeliveryKey{}, &r), event); failed != nil {
			err = failed
		}
		if r.stays.Load() { // the store is away for the others too
			d.spool.again(f)
			return
		}
	}
	switch {
	case ctx.Err() != nil && err != nil: // the next process does
	case err == nil:
		err = d.spool.done(f)
	default:
		if f.failures++; f.failures < tries {
			stopwatch.Sleep(ctx, d.period/4)
			d.spool.again(f)
			return
		}
		d.log.ErrorContext(ctx, "spilled facts cannot be recorded and are set aside: the log of deliver says why; name the file "+spoolSuffix+" and start again to have them tried again",
			"alert", "spill", "file", f.name+failedSuffix, "error", err)
		err = d.spool.setAside(f)
	}
	if err != nil {
		d.log.ErrorContext(ctx, "a file of --state stays, and its facts are recorded again when the server starts, which changes nothing", "file", f.name, "error", err)
	}
}

// An event's context ends with its time. When the server stops, its deadline comes nearer at once, and it ends
// only then: what is on its way goes on, and nothing new begins.
type ending struct {
	context.Context
	stop *atomic.Pointer[time.Time] // nil until the server stops
}

func (e ending) Deadline() (time.Time, bool) {
	deadline, bounded := e.Context.Deadline()
	if at := e.stop.Load(); at != nil && (!bounded || at.Before(deadline)) {
		return *at, true
	}
	return deadline, bounded
}
