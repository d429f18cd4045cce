package store_test

import (
	"context"
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
	{"one caller at a time is told to refresh", func(b *bench) {
		b.token("", true)
		b.token("", false)
	}},
	{"when the refresher's time is over another may try", func(b *bench) {
		b.token("", true)
		b.Advance(10*time.Second - time.Millisecond)
		b.token("", false)
		b.Advance(time.Millisecond)
		b.token("", true)
		b.token("", false)
	}},
	{"a token is shared until it ends", func(b *bench) {
		b.token("", true)
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
		got, _, refresh, err := b.Store.Token(b.Context(), "wx-another")
		b.must(err)
		equal(b, "token", got, "")
		equal(b, "refresh", refresh, true)
	}},
	{"of 200 callers one refreshes", func(b *bench) {
		got := b.concurrently(200, func(ctx context.Context, _ int) (bool, error) {
			_, _, refresh, err := b.Store.Token(ctx, appID)
			return refresh, err
		})
		equal(b, "refreshers", got, 1)
	}},
}

var limitRules = []rule{
	{"as many as the limit are allowed", func(b *bench) {
		for i := range 5 {
			could, err := b.Store.Allowed(b.Context(), "name", 3)
			b.must(err)
			did, err := b.Store.Allow(b.Context(), "name", 3, time.Minute)
			b.must(err)
			equal(b, "allowed beforehand", could, i < 3)
			equal(b, "allowed", did, i < 3)
		}
		b.nothingNames("name")
	}},
	{"asking does not count", func(b *bench) {
		b.unchanged(func() {
			ok, err := b.Store.Allowed(b.Context(), "name", 1)
			b.must(err)
			equal(b, "allowed", ok, true)
		})
	}},
	{"an attempt that is taken back does not count", func(b *bench) {
		var attempts []string
		for range 2 {
			attempt, ok, err := b.Store.Try(b.Context(), "name", 2, time.Minute)
			b.must(err)
			equal(b, "allowed", ok, true)
			attempts = append(attempts, attempt)
		}
		refused, ok, err := b.Store.Try(b.Context(), "name", 2, time.Minute)
		b.must(err)
		equal(b, "a third", ok, false)
		b.unchanged(func() { b.must(b.Store.Forgive(b.Context(), "name", refused)) })
		for range 2 { // again changes nothing
			b.must(b.Store.Forgive(b.Context(), "name", attempts[0]))
		}
		for i := range 2 {
			ok, err := b.Store.Allow(b.Context(), "name", 2, time.Minute)
			b.must(err)
			equal(b, "in its place", ok, i == 0)
		}
	}},
	{"of 200 attempts at once as many as the limit are allowed", func(b *bench) {
		got := b.concurrently(200, func(ctx context.Context, _ int) (bool, error) { return b.Store.Allow(ctx, "name", 30, time.Minute) })
		equal(b, "allowed", got, 30)
	}},
	{"names are counted apart", func(b *bench) {
		for _, name := range []string{"one", "two"} {
			ok, err := b.Store.Allow(b.Context(), name, 1, time.Minute)
			b.must(err)
			equal(b, name, ok, true)
		}
	}},
	{"a window ends by itself", func(b *bench) {
		_, err := b.Store.Allow(b.Context(), "name", 1, time.Minute)
		b.must(err)
		keys := b.keys()
		for _, key := range keys {
			ttl, err := b.Raw.PTTL(b.Context(), key).Result()
			b.must(err)
			if ttl <= 0 || ttl > time.Minute {
				b.Errorf("%s lives for %v, want a minute at most", key, ttl)
			}
		}
	}},
	{"a window begins with the first attempt, whatever comes after it", func(b *bench) {
		for i := range 4 {
			ok, err := b.Store.Allow(b.Context(), "name", 3, time.Minute)
			b.must(err)
			equal(b, "allowed", ok, i < 3)
			for _, key := range b.keys() {
				ttl, err := b.Raw.PTTL(b.Context(), key).Result()
				b.must(err)
				if i > 0 && ttl > time.Second {
					b.Errorf("attempt %d: the window ends in %v, want a second at most", i+1, ttl)
				}
				b.must(b.Raw.PExpire(b.Context(), key, time.Second).Err())
			}
		}
	}},
}

var clockRules = []rule{
	{"without a clock of its own a store goes by the server's", func(b *bench) {
		s := b.Open(nil)
		before, err := b.Raw.Time(b.Context()).Result()
		b.must(err)
		batch, err := s.Claim(b.Context(), 1)
		b.must(err)
		after, err := b.Raw.Time(b.Context()).Result()
		b.must(err)
		if batch.Now.Before(before.Truncate(time.Millisecond)) || batch.Now.After(after) {
			b.Errorf("now is %v, want %v to %v", batch.Now, before, after)
		}
		b.must(s.Bind(b.Context(), alice, aliceOpenID))
		m := b.message("m1")
		m.SentAt = batch.Now
		_, err = s.Record(b.Context(), b.rules, factsOf([]any{m}))
		b.must(err)
		due, err := s.Rest(b.Context(), after.Add(time.Hour))
		b.must(err)
		if lead := due.Sub(batch.Now); lead < b.rules.Lead || lead > b.rules.Lead+time.Minute {
			b.Errorf("due %v after the claim, want %v", lead, b.rules.Lead)
		}
	}},
}
