package store_test

import (
	"context"
	"slices"
	"time"
)

const appID = "wx0123456789abcdef"

// token wants Token to answer with want, and whether to refresh.
func (b *bench) token(want string, wantRefresh bool) {
	b.Helper()
	got, _, refresh, err := b.Store.Token(b.Context(), appID)
	b.must(err)
	equal(b, "token", got, want)
	equal(b, "refresh", refresh, wantRefresh)
}

func (b *bench) putToken(token string, lives time.Duration) {
	b.Helper()
	b.must(b.Store.PutToken(b.Context(), appID, token, b.Now().Add(lives)))
}

var tokenRules = []rule{
	{"when the refresher's time is over another may try", func(b *bench) {
		b.token("", true)
		b.Advance(10*time.Second - time.Millisecond)
		b.token("", false)
		b.Advance(time.Millisecond)
		b.token("", true)
		b.token("", false)
	}},
	{"a token is shared until it ends", func(b *bench) {
		b.putToken("t1", 2*time.Hour)
		end := b.Now().Add(2 * time.Hour).Truncate(time.Millisecond)
		got, expires, refresh, err := b.Store.Token(b.Context(), appID)
		b.must(err)
		if got != "t1" || !expires.Equal(end) || refresh {
			b.Errorf("got %q until %v, refresh %v, want t1 until %v", got, expires, refresh, end)
		}
		b.Advance(2*time.Hour - time.Millisecond)
		b.token("t1", true)
		b.Advance(time.Millisecond)
		b.token("", false)
		b.Advance(10 * time.Second)
		b.token("", true)
	}},
	{"a token is renewed four to five minutes early by one, and used by all meanwhile", func(b *bench) {
		b.putToken("t1", time.Hour)
		b.Advance(55*time.Minute - time.Millisecond)
		b.token("t1", false)
		b.Advance(time.Minute + time.Millisecond)
		b.token("t1", true)
		b.token("t1", false)
		b.putToken("t2", time.Hour)
		b.token("t2", false)
	}},
	{"exactly the refused token is dropped", func(b *bench) {
		b.putToken("t2", time.Hour)
		b.must(b.Store.DropToken(b.Context(), appID, "t1"))
		b.token("t2", false)
		b.must(b.Store.DropToken(b.Context(), appID, "t2"))
		b.token("", true)
	}},
	{"a token that has ended is not shared", func(b *bench) {
		b.unchanged(func() { b.putToken("t1", 0) })
		b.token("", true)
	}},
	{"apps do not share tokens", func(b *bench) {
		b.putToken("t1", time.Hour)
		if got, _, refresh, err := b.Store.Token(b.Context(), "wx-another"); got != "" || !refresh || err != nil {
			b.Errorf("got %q, refresh %v, %v", got, refresh, err)
		}
	}},
	{"of 200 callers one refreshes", func(b *bench) {
		got := b.concurrently(200, func(ctx context.Context, _ int) (bool, error) {
			_, _, refresh, err := b.Store.Token(ctx, appID)
			return refresh, err
		})
		equal(b, "refreshers", got, 1)
	}},
}

// allowed wants an attempt under name, of which most are allowed in a minute, to be allowed or not.
func (b *bench) allowed(name string, most int, want bool) {
	b.Helper()
	equal(b, "allowed beforehand", must(b.Store.Allowed(b.Context(), name, most))(b), want)
	equal(b, "allowed", must(b.Store.Allow(b.Context(), name, most, time.Minute))(b), want)
}

var limitRules = []rule{
	{"as many as the limit are allowed, of each name, and asking does not count", func(b *bench) {
		b.unchanged(func() { equal(b, "allowed", must(b.Store.Allowed(b.Context(), "name", 1))(b), true) })
		for i := range 5 {
			b.allowed("name", 3, i < 3)
		}
		b.allowed("another", 1, true)
		b.nothingNames("name", "another")
	}},
	{"an attempt that is taken back does not count", func(b *bench) {
		var attempts []string
		for i := range 3 {
			attempt, ok, err := b.Store.Try(b.Context(), "name", 2, time.Minute)
			b.must(err)
			equal(b, "allowed", ok, i < 2)
			attempts = append(attempts, attempt)
		}
		b.unchanged(func() { b.must(b.Store.Forgive(b.Context(), "name", attempts[2])) }) // it was refused
		b.must(b.Store.Forgive(b.Context(), "name", attempts[0]))
		b.must(b.Store.Forgive(b.Context(), "name", attempts[0])) // again changes nothing
		b.allowed("name", 2, true)
		b.allowed("name", 2, false)
	}},
	{"of 200 attempts at once as many as the limit are allowed", func(b *bench) {
		got := b.concurrently(200, func(ctx context.Context, _ int) (bool, error) { return b.Store.Allow(ctx, "name", 30, time.Minute) })
		equal(b, "allowed", got, 30)
	}},
	{"a window begins with the first attempt, whatever comes after it, and ends by itself", func(b *bench) {
		b.allowed("name", 3, true)
		b.lives(b.key(""), 59*time.Second, time.Minute)
		b.must(b.Raw.PExpire(b.Context(), b.key(""), time.Second).Err())
		for i := range 3 {
			b.allowed("name", 3, i < 2)
			b.lives(b.key(""), 0, time.Second)
		}
	}},
}

var clockRules = []rule{
	{"without a clock of its own a store goes by the server's", func(b *bench) {
		s := b.Open(nil)
		before := must(b.Raw.Time(b.Context()).Result())(b)
		batch := must(s.Claim(b.Context(), 1))(b)
		after := must(b.Raw.Time(b.Context()).Result())(b)
		if batch.Now.Before(before.Truncate(time.Millisecond)) || batch.Now.After(after) {
			b.Errorf("now is %v, want %v to %v", batch.Now, before, after)
		}
		b.must(s.Bind(b.Context(), alice, aliceOpenID))
		m := b.message("m1")
		m.SentAt = batch.Now
		b.must(b.recordBy(s, m))
		due := must(s.Rest(b.Context(), after.Add(time.Hour)))(b)
		if lead := due.Sub(batch.Now); lead < b.rules.Lead || lead > b.rules.Lead+time.Minute {
			b.Errorf("due %v after the claim, want %v", lead, b.rules.Lead)
		}
	}},
}

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
	{"none waits for nothing, an absurd number for longer than is reserved, and no rate is an error", func(b *bench) {
		b.unchanged(func() {
			equal(b, "longer than a minute", must(b.Store.Pace(b.Context(), "name", 1, 1<<62))(b) > time.Minute, true)
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
