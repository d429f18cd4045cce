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
		b.unchanged(func() { b.must(b.Store.Forgive(b.Context(), "name", attempts[2])) }) // which was refused
		for range 2 {                                                                     // again changes nothing
			b.must(b.Store.Forgive(b.Context(), "name", attempts[0]))
		}
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
