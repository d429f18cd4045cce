package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/stopwatch"
)

// spillFor is how long spilled facts are carried on while the store is away.
const overflowFor = 6 * time.Hour

// unreadableTries is how often what something unreadable keeps from being recorded is tried.
// Nothing but a person mends it.
const unreadableTries = 3

// unreadablePause lies between these tries.
const unreadablePause = time.Second

// beyond is a moment that takes a wait past the time it was cut to.
const beyond = 10 * time.Millisecond

// overflow hands on facts that cause kept from being recorded.
func (in *Inbox) overflow(ctx context.Context, facts []fact.Fact, since time.Time, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invokeBudget)
	defer cancel()
	if err := in.Invoker.Overflow(ctx, facts, since); err != nil {
		return fmt.Errorf("notify: Accept: %w", errors.Join(cause, err))
	}
	in.Log.WarnContext(ctx, "facts spilled: the store did not take them", "facts", len(facts), "error", cause)
	return nil
}

// Redeliver takes in what was spilled at since. It looks at the store, with pauses that grow to
// 15 s, until it is back or ctx has about reserve left, and then overflows again. An error means
// that neither was possible: the platform should repeat the event. After six hours it gives up
// and says so in the log. A fact that only something unreadable in the store keeps from being
// recorded is given up after a few tries.
func (in *Inbox) Redeliver(ctx context.Context, facts []fact.Fact, since time.Time, reserve time.Duration) error {
	if since.IsZero() {
		since = in.Now()
	}
	if in.Now().Sub(since) > overflowFor {
		in.Log.ErrorContext(ctx, "spilled facts are given up", "alert", "spill", "facts", len(facts), "after", overflowFor.String())
		return nil
	}
	facts = in.Facts(facts)
	var err error
	for try := 1; len(facts) > 0; try++ {
		in.await(ctx, reserve, err)
		err = in.record(ctx, facts, redeliverPause)
		if errors.Is(err, notify.ErrUnreadable) && try >= unreadableTries {
			facts, err = in.setAside(ctx, facts)
		}
		if err != nil && stopwatch.Short(ctx, reserve) {
			err = in.overflow(ctx, facts, since, err)
		}
		if err == nil || stopwatch.Short(ctx, recordBudget+invokeBudget) {
			return err
		}
	}
	return nil
}

// await waits until this process may look at the store again, which answered its last look with
// err. It ends sooner when the facts are to be handed on, or when the time is nearly out.
func (in *Inbox) await(ctx context.Context, reserve time.Duration, err error) {
	d := in.outage.pause(in.Now())
	if errors.Is(err, notify.ErrUnreadable) {
		d = unreadablePause
	}
	if left, bounded := stopwatch.Left(ctx); bounded {
		keep := reserve
		if left <= reserve {
			keep = recordBudget + invokeBudget
		}
		d = min(d, max(left-keep, 0)+beyond)
	}
	stopwatch.Sleep(ctx, d)
}

// setAside records facts one by one, and gives up those that something unreadable in the store
// keeps from it. It returns those that something else does, and what.
func (in *Inbox) setAside(ctx context.Context, facts []fact.Fact) (left []fact.Fact, err error) {
	for _, f := range facts {
		failed := in.record(ctx, []fact.Fact{f}, redeliverPause)
		if errors.Is(failed, notify.ErrUnreadable) {
			in.Log.ErrorContext(ctx, "a fact is given up: what the store holds cannot be read", "alert", "unreadable", "tries", unreadableTries, "error", failed)
		} else if failed != nil {
			left, err = append(left, f), failed
		}
	}
	return left, err
}
