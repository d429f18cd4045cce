// Package inbox takes in what receivers were told: it records facts in the store, wakes deliver if
// something falls due soon, and hands facts to deliver while the store is away.
package inbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Budgets of the receiving side. IM gives a callback 2 s in all.
// Source: https://cloud.tencent.com/document/product/269/1522
const (
	recordBudget = 700 * time.Millisecond
	invokeBudget = 600 * time.Millisecond
)

// An Inbox takes facts in: it leaves out what does not count, records the rest in
// one store round trip, wakes deliver if something falls due soon, and overflows to
// deliver when the store is away. It is safe for concurrent use.
type Inbox struct {
	Store   Recorder
	Invoker Invoker
	notify.Filter
	Log *slog.Logger
	Now func() time.Time // for the age of an overflow, and for when to look at the store again

	outage outage // what this process knows of one
}

// Accept takes facts in. When it returns nil they are stored or spilled. It never
// takes longer than about 1.3 s, whatever the store and the platform do, and does not wait
// for a store that was away a moment ago.
func (in *Inbox) Accept(ctx context.Context, facts []fact.Fact) error {
	facts = in.Facts(facts)
	if len(facts) == 0 {
		return nil
	}
	if since := in.Now(); in.outage.pause(since) > 0 {
		spilled := in.overflow(ctx, facts, since, errStoreAway)
		if spilled == nil {
			return nil
		}
		if _, err := in.put(ctx, facts, acceptPause); err != nil { // a wake would take too long
			return errors.Join(spilled, err)
		}
		return nil
	}
	err := in.record(ctx, facts, acceptPause)
	if err == nil {
		return nil
	}
	return in.overflow(ctx, facts, in.Now(), err)
}

// record stores facts and wakes deliver if need be. A wake that fails costs one
// timer period at most and is no failure of the record.
func (in *Inbox) record(ctx context.Context, facts []fact.Fact, pause notify.Retry) error {
	wake, err := in.put(ctx, facts, pause)
	if err != nil || !wake {
		return err
	}
	wakeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invokeBudget)
	defer cancel()
	if err := in.Invoker.Wake(wakeCtx); err != nil {
		in.Log.WarnContext(ctx, "wake failed, the timer will do the work", "error", err)
	}
	return nil
}

// put stores facts, and says whether deliver is to be woken. If the store is away, pause says
// for how long this process leaves it alone.
func (in *Inbox) put(ctx context.Context, facts []fact.Fact, pause notify.Retry) (wake bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, recordBudget)
	defer cancel()
	recorded, err := in.Store.Record(ctx, in.Rules, facts)
	in.outage.note(in.Now(), err, pause)
	for _, e := range recorded.Ended {
		in.Log.InfoContext(ctx, "messages ended", "user", e.User, "messages", e.Messages, "state", e.State, "reason", e.Reason)
	}
	return recorded.Wake, err
}
