package erase_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/trust"
	"wxnotify/trust/soak/town"
)

// A stepper calls the estate's hook around each step that a run takes in the store.
type stepper struct {
	*store.Store
	e *estate
}

func (e *estate) see(s *store.Store) deliver.Store { return stepper{s, e} }

func around[A any](s stepper, step string, do func() (A, error)) (A, error) {
	s.e.happen("before " + step)
	a, err := do()
	s.e.happen("after " + step)
	return a, err
}

func only(do func() error) func() (struct{}, error) {
	return func() (struct{}, error) { return struct{}{}, do() }
}

func (s stepper) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	return around(s, "claim", func() (notify.Batch, error) { return s.Store.Claim(ctx, limit) })
}

func (s stepper) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.Identity, error) {
	return around(s, "begin", func() ([][]notify.Identity, error) { return s.Store.Begin(ctx, cards) })
}

func (s stepper) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	return around(s, "reserve", func() (notify.Reserved, error) { return s.Store.Reserve(ctx, r) })
}

func (s stepper) Settle(ctx context.Context, t notify.Settle) (notify.CardState, error) {
	return around(s, "settle", func() (notify.CardState, error) { return s.Store.Settle(ctx, t) })
}

func (s stepper) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	return around(s, "resolve", func() (notify.Resolved, error) { return s.Store.Resolve(ctx, c) })
}

func (s stepper) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	return around(s, "finish", func() ([][]notify.Ended, error) { return s.Store.Finish(ctx, rules, fs) })
}

func (s stepper) Reconcile(ctx context.Context, limit int) ([]notify.Ended, error) {
	return around(s, "reconcile", func() ([]notify.Ended, error) { return s.Store.Reconcile(ctx, limit) })
}

func (s stepper) Spreads(ctx context.Context, limit int) ([]notify.Spread, error) {
	return around(s, "spreads", func() ([]notify.Spread, error) { return s.Store.Spreads(ctx, limit) })
}

func (s stepper) Record(ctx context.Context, rules notify.Rules, facts []notify.Fact) (bool, error) {
	return around(s, "record", func() (bool, error) { return s.Store.Record(ctx, rules, facts) })
}

func (s stepper) Advance(ctx context.Context, spread notify.Spread, page string, done bool) error {
	_, err := around(s, "advance", only(func() error { return s.Store.Advance(ctx, spread, page, done) }))
	return err
}

func (s stepper) KeepNames(ctx context.Context, names map[string]string, ttl time.Duration) error {
	_, err := around(s, "keep names", only(func() error { return s.Store.KeepNames(ctx, names, ttl) }))
	return err
}

// steps are where a run is when she is erased.
var steps = []string{"claim", "begin", "reserve", "settle", "resolve", "finish", "reconcile", "spreads", "record", "advance", "keep names",
	"request /v4/openim/query_online_status", "request /v4/profile/portrait_get", "request " + sendPath}

// Somebody is erased while a run is at work for him and for others, at every step of it; then
// the run goes on.
func TestInFlight(t *testing.T) {
	mini := miniredis.RunT(t)
	for _, way := range slices.Sorted(maps.Keys(erasures)) {
		for i, step := range steps {
			for _, when := range []string{"before ", "after "} {
				if trust.Size(0, 0, 1) == 0 && (i%2 == 0) != (when == "before ") {
					continue // a quick run takes half of them
				}
				t.Run(way+", "+when+step, func(t *testing.T) {
					e := newEstate(t, mini.Addr(), mini)
					e.everything(step == "resolve" || step == "reconcile")
					e.inFlight(when+step, erasures[way])
				})
			}
		}
	}
}

// inFlight erases alice when a run comes to the step, and looks when it is over.
func (e *estate) inFlight(step string, erase func(*estate, *town.Person)) {
	e.Helper()
	// Everybody's name has to be looked up again, and unknown cards have been so for long enough.
	e.must(e.raw.Del(e.ctx(), e.keysOf("nm")...).Err())
	if step == "before reconcile" || step == "after reconcile" {
		e.pass(2 * time.Hour)
	}
	reached := make(chan struct{}, 1)
	reached <- struct{}{}
	done := make(chan struct{})
	e.hook = func(at string) {
		if at != step {
			return
		}
		select {
		case <-reached:
			erase(e, e.alice)
			close(done)
		case <-done:
		}
	}
	e.run()
	e.hook = nil
	select {
	case <-done:
	default:
		e.Fatalf("the run does not come to it: %s", step)
	}
	e.unnamed("after the run")
	for range 3 {
		e.pass(notify.Lease + time.Second)
		e.run()
	}
	e.unnamed("after later runs")
	e.comesBack()
}

// keysOf returns the keys of a kind, and one that is not there.
func (e *estate) keysOf(kind string) []string {
	e.Helper()
	keys, err := e.raw.Keys(e.ctx(), "*}:"+kind+":*").Result()
	e.must(err)
	return append(keys, "none")
}
