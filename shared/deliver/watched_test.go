package deliver_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
)

// period is how often the timer starts a run.
const period = time.Minute

// A queue has nothing to do until due, and notes how it was asked. Another run may watch it.
type queue struct {
	deliver.Store
	watched bool
	due     time.Time
	then    time.Time // what is due is done at once, and this is due next; zero: it is not done
	rests   []time.Time
	// An erasure is to be gone on with, which has been done so often, and fails.
	forgetting bool
	forgot     int
	fails      error
}

func (q *queue) Forget(context.Context) error {
	q.forgot++
	return q.fails
}

func (q *queue) Claim(context.Context, int) (notify.Batch, error) {
	b := notify.Batch{Now: time.Now(), Watched: q.watched, Forgetting: q.forgetting}
	if !q.then.IsZero() && !b.Now.Before(q.due) {
		q.due = q.then
	}
	if q.due.After(b.Now) {
		b.Next = q.due
	}
	return b, nil
}

func (q *queue) ClaimCalls(context.Context, int) (notify.Batch, error) { return notify.Batch{}, nil }

func (q *queue) Rest(_ context.Context, until time.Time) (time.Time, error) {
	q.rests = append(q.rests, until)
	if q.due.Before(until) {
		return q.due, nil
	}
	return time.Time{}, nil
}

// While one run waits for what falls due, another leaves at once.
func TestOneRunWatches(t *testing.T) {
	for name, watched := range map[string]bool{"another run watches": true, "nobody does": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &queue{watched: watched, due: time.Now().Add(30 * time.Second)}
				d := &deliver.Deliverer{Store: q, Rules: notify.DefaultRules(), Log: slog.New(slog.DiscardHandler)}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				started := time.Now()
				d.Run(ctx)
				if took := time.Since(started); watched != (took < time.Second) || watched != (len(q.rests) == 0) {
					t.Errorf("the run took %v, and asked %d times when the next is due", took, len(q.rests))
				}
			})
		})
	}
}

// A run goes on with erasures, once in each pass, and says so if it cannot.
func TestRunGoesOnWithErasures(t *testing.T) {
	for _, c := range []struct {
		forgetting bool
		fails      error
		want       int
	}{{true, nil, 1}, {true, errors.New("away"), 1}, {false, nil, 0}} {
		var log strings.Builder
		q := &queue{due: time.Now().Add(time.Hour), forgetting: c.forgetting, fails: c.fails}
		d := &deliver.Deliverer{Store: q, Rules: notify.DefaultRules(), Log: slog.New(slog.NewTextHandler(&log, nil))}
		if _, err := d.Pass(t.Context()); err != nil || q.forgot != c.want {
			t.Errorf("%+v: %v, and went on %d times", c, err, q.forgot)
		}
		if complained := strings.Contains(log.String(), "alert=store"); complained != (c.fails != nil) {
			t.Errorf("%+v: %s", c, &log)
		}
	}
}

// What falls due after the timer has started the next run is that run's. Until then a run that knows when
// something is due does not ask.
func TestRunEndsBeforeTheNext(t *testing.T) {
	for _, c := range []struct {
		due   time.Duration
		takes time.Duration
	}{{2 * time.Hour, 0}, {period + time.Second, 0}, {period - time.Second, period - time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			q := &queue{due: time.Now().Add(c.due), then: time.Now().Add(3 * time.Hour)}
			d := &deliver.Deliverer{Store: q, Rules: notify.DefaultRules(), Log: slog.New(slog.DiscardHandler)}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			started := time.Now()
			d.Run(ctx)
			if took := time.Since(started).Truncate(time.Second); took != c.takes || len(q.rests) != 1 {
				t.Errorf("due in %v: the run took %v, and asked %d times when the next is due", c.due, took, len(q.rests))
			}
		})
	}
}

// A run whose time is over stops watching and starts another: the timer's runs leave while one watches.
func TestRunHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		q := &queue{due: time.Now().Add(time.Hour)}
		d := &deliver.Deliverer{Store: q, Rules: notify.DefaultRules(), Log: slog.New(slog.DiscardHandler),
			Wake: func(context.Context) error { woken++; return nil }}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		q.due = time.Now() // something is due all the time, in a shard whose clock is behind
		d.Run(ctx)
		if last := q.rests[len(q.rests)-1]; woken != 1 || !last.IsZero() {
			t.Errorf("%d runs were started, and the last look was for %v", woken, last)
		}
		if n := len(q.rests); n < 500 || n > 1000 {
			t.Errorf("it looked %d times, want 20 a second at most", n)
		}
		q.due, woken = time.Now().Add(time.Hour), 0
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		d.Run(ctx)
		if woken != 0 {
			t.Error("a run that had nothing more to do started another")
		}
	})
}

// Who only does what is due does not keep others from watching.
func TestOnceWatchesNothing(t *testing.T) {
	q := &queue{due: time.Now()}
	d := &deliver.Deliverer{Store: q, Rules: notify.DefaultRules(), Log: slog.New(slog.DiscardHandler)}
	d.Once(t.Context())
	if len(q.rests) != 1 || !q.rests[0].IsZero() {
		t.Errorf("it asked %v when the next is due", q.rests)
	}
}
