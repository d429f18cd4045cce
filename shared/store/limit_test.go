package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/store"
)

// twice sends every round trip a second time, as the client does when the answer of the first
// is lost.
type twice struct{ n atomic.Int64 }

func (t *twice) hook(next store.Trip) store.Trip {
	return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
		if replies, err := next(ctx, cmds); err != nil {
			return replies, err
		}
		t.n.Add(1)
		return next(ctx, cmds)
	}
}

// An attempt whose answer was lost is the same attempt when it is sent again.
func TestRepeatedAttemptCountsOnce(t *testing.T) {
	clock := NewClock()
	h := harness(t, miniredis.RunT(t).Addr(), clock.Now, clock.Advance)
	hook := &twice{}
	h.Store.AddHook(hook.hook)
	for i := range 4 {
		ok, err := h.Store.Allow(t.Context(), "name", 3, time.Minute)
		if err != nil || ok != (i < 3) {
			t.Errorf("attempt %d of 3: allowed %v, %v", i+1, ok, err)
		}
	}
	attempt, ok, err := h.Store.Try(t.Context(), "signature", 1, time.Minute)
	if err != nil || !ok {
		t.Errorf("the only one: allowed %v, %v", ok, err)
	}
	if err := h.Store.Forgive(t.Context(), "signature", attempt); err != nil {
		t.Error(err)
	}
	if ok, err := h.Store.Allow(t.Context(), "signature", 1, time.Minute); err != nil || !ok {
		t.Errorf("after it was taken back: allowed %v, %v", ok, err)
	}
	if hook.n.Load() == 0 {
		t.Error("nothing was repeated")
	}
}
