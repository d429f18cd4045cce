package inbox_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/fact"
)

func message(id string) []fact.Fact {
	return []fact.Fact{{Message: &fact.Message{ID: fact.MessageID(id), From: "a", To: "b"}}}
}

// A receiver whose store was away a moment ago answers without waiting for it, looks again two
// seconds later at the latest, and records what comes in after the outage.
func TestReceiverDoesNotWaitAtEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := &recorder{hang: true}, &invoker{}
		in := newInbox(r, c)
		accept := func() time.Duration {
			start := time.Now()
			if err := in.Accept(t.Context(), message("1")); err != nil {
				t.Error(err)
			}
			return time.Since(start)
		}
		if took := accept(); took != 700*time.Millisecond {
			t.Errorf("the first event took %v, want the store's budget", took)
		}
		if took := accept(); took != 0 || r.calls != 1 {
			t.Errorf("the second one took %v, and the store was asked %d times", took, r.calls)
		}
		time.Sleep(2 * time.Second)
		if took := accept(); took != 700*time.Millisecond || r.calls != 2 {
			t.Errorf("two seconds later: took %v, and the store was asked %d times", took, r.calls)
		}
		r.hang = false
		time.Sleep(2 * time.Second)
		c.spilled = nil
		for range 3 {
			accept()
		}
		if len(r.facts) != 3 || c.spilled != nil {
			t.Errorf("after the outage %d of 3 are recorded, and %d spilled", len(r.facts), len(c.spilled))
		}
	})
}

// A platform that takes nothing sends a receiver to the store all the same, within its budget.
func TestReceiverTriesTheStoreWhenNobodyElseTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{until: time.Now().Add(time.Second)}
		in := newInbox(r, hanging{})
		if err := in.Accept(t.Context(), message("1")); err == nil {
			t.Error("nobody took it, and no error")
		}
		time.Sleep(time.Until(r.until))
		start := time.Now()
		if err := in.Accept(t.Context(), message("2")); err != nil || len(r.facts) != 1 {
			t.Errorf("%v; recorded: %v", err, r.facts)
		}
		if took := time.Since(start); took > 1300*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// An instance of deliver looks at the store less and less often, also from one event to the next.
func TestRetakeLooksLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := &recorder{until: time.Now().Add(time.Hour)}, &invoker{}
		in := newInbox(r, c)
		for range 30 {
			if err := in.Redeliver(within(t, 2*time.Minute), message("1"), time.Now(), 25*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Hour - time.Until(r.until); r.calls < 200 || r.calls > int(took/(7*time.Second)) {
			t.Errorf("%d looks in %v, want one each 7 to 15 s", r.calls, took)
		}
		time.Sleep(time.Until(r.until))
		start := time.Now()
		if err := in.Redeliver(within(t, 2*time.Minute), message("2"), time.Now(), 25*time.Second); err != nil || time.Since(start) > 15*time.Second {
			t.Errorf("%v, recorded %v after the store's return", err, time.Since(start))
		}
	})
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
