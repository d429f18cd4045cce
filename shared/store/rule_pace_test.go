package store_test

import (
	"context"
	"slices"
	"time"
)

// pace wants Pace of n at perSecond to answer with want.
func (b *bench) pace(perSecond, n int, want time.Duration) {
	b.Helper()
	equal(b, "wait", must(b.Store.Pace(b.Context(), "name", perSecond, n))(b), want)
}

var paceRules = []rule{
	{"after idleness a second's worth may be done at once, the rest at the rate", func(b *bench) {
		for range 10 {
			b.pace(10, 1, 0)
		}
		b.pace(10, 1, 100*time.Millisecond)
		b.pace(10, 4, 500*time.Millisecond)
		b.Advance(500 * time.Millisecond)
		b.pace(10, 1, 100*time.Millisecond)
		b.Advance(100*time.Millisecond + time.Hour)
		b.pace(10, 10, 0)
		b.pace(10, 1, 100*time.Millisecond)
	}},
	{"a rate that does not divide a second is kept", func(b *bench) {
		b.pace(3, 3, 0)
		for i := range 30 {
			got, want := must(b.Store.Pace(b.Context(), "name", 3, 1))(b), time.Duration(i+1)*time.Second/3
			if d := got - want; d.Abs() > 100*time.Microsecond {
				b.Fatalf("wait %v, want %v", got, want)
			}
		}
	}},
	{"no more than a minute's wait is reserved", func(b *bench) {
		b.pace(2, 122, time.Minute)
		b.unchanged(func() { b.pace(2, 1, time.Minute+500*time.Millisecond) })
		b.unchanged(func() { b.pace(2, 20, 70*time.Second) })
		b.Advance(500 * time.Millisecond)
		b.pace(2, 1, time.Minute)
	}},
	{"a wait that is too long for the caller is told, and not reserved", func(b *bench) {
		within := func(n int, atMost, want time.Duration, reserved bool) {
			b.Helper()
			wait, ok, err := b.Store.PaceWithin(b.Context(), "name", 10, n, atMost)
			b.must(err)
			equal(b, "wait", wait, want)
			equal(b, "reserved", ok, reserved)
		}
		within(30, 2*time.Second, 2*time.Second, true)
		b.unchanged(func() {
			within(1, 2*time.Second, 2100*time.Millisecond, false)
			within(1, 0, 2100*time.Millisecond, false)
			within(1, -time.Second, 2100*time.Millisecond, false)
			within(1000, time.Hour, 102*time.Second, false)
			within(0, 0, 0, true)
		})
		within(1, 2100*time.Millisecond, 2100*time.Millisecond, true)
		b.Advance(3200 * time.Millisecond)
		b.unchanged(func() { within(1, -time.Second, 0, false) })
		within(10, 0, 0, true)
		within(1, 3*time.Second, 100*time.Millisecond, true)
	}},
	{"an absurd number waits for longer than is reserved", func(b *bench) {
		b.unchanged(func() {
			equal(b, "longer than a minute", must(b.Store.Pace(b.Context(), "name", 1, 1<<62))(b) > time.Minute, true)
		})
	}},
	{"none waits for nothing, and no rate is an error", func(b *bench) {
		b.unchanged(func() {
			b.pace(10, 0, 0)
			b.pace(10, -1, 0)
			for _, perSecond := range []int{0, -1} {
				equal(b, "an error", second(b.Store.Pace(b.Context(), "name", perSecond, 1)) != nil, true)
			}
		})
	}},
	{"names are paced apart, and stored as digests", func(b *bench) {
		b.pace(10, 30, 2*time.Second)
		equal(b, "another", must(b.Store.Pace(b.Context(), "another", 10, 10))(b), 0)
		b.nothingNames("name", "another")
	}},
	{"an idle pace leaves no key", func(b *bench) {
		b.pace(10, 30, 2*time.Second)
		b.lives(b.key(""), time.Minute, 5*time.Minute) // for longer than the longest wait, and not much
	}},
	{"a clock that was set back stops nobody", func(b *bench) {
		b.pace(2, 122, time.Minute)
		behind := b.Open(func() time.Time { return b.Now().Add(-time.Hour) })
		equal(b, "wait", must(behind.Pace(b.Context(), "name", 2, 2))(b), 0)
	}},
	{"what waits is done at the full rate", func(b *bench) {
		const perSecond, each = 200, 5
		waits := make([]time.Duration, 400)
		b.concurrently(len(waits), func(ctx context.Context, i int) (bool, error) {
			var err error
			waits[i], err = b.Store.Pace(ctx, "name", perSecond, each)
			return true, err
		})
		slices.Sort(waits)
		for i, wait := range waits {
			want := max(0, time.Duration((i+1)*each)*time.Second/perSecond-time.Second)
			equal(b, "wait", wait, want)
		}
	}},
}
