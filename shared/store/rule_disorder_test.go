package store_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

const carolOpenID fact.OpenID = "oCarol1egBJY1zhBYw2KhdUfwVJJE"

// disorderRules are about facts that come late, early or with absurd times, and about
// keys that are not what they should be.
var disorderRules = []rule{
	{"a shard that cannot be read does not stop the others", func(b *bench) {
		for i := range 40 { // on both sides of the broken one
			user := fact.UserID(fmt.Sprint("user", i))
			b.bindTo(user, fact.OpenID("o"+user))
			b.record(b.messageTo(user, fact.MessageID(b.fresh("m"))))
		}
		n, mend := b.breaks("}:q")
		b.Advance(b.rules.Lead)
		must(b.Store.Rest(b.Context(), b.Now().Add(time.Minute)))(b)
		got := b.claim()
		if len(got.Recipients) != 40-n || got.Skipped == nil {
			b.Errorf("claimed %d of 40 with %d in the broken shard; skipped: %v", len(got.Recipients), n, got.Skipped)
		}
		mend()
		equal(b, "the rest", len(b.claim().Recipients), n)
	}},
	{"a shard whose spreads cannot be read does not stop the others", func(b *bench) {
		all := b.inGroups(40)
		b.record(all...)
		n, mend := b.breaks("}:sq")
		got, err := b.Store.FanOuts(b.Context(), 1000)
		if len(got) != len(all)-n || err == nil {
			b.Errorf("handed out %d of %d with %d in the broken shard; error: %v", len(got), len(all), n, err)
		}
		mend()
		equal(b, "the rest", len(b.spreads()), n)
	}},
	{"a document that cannot be read is handed out again, and keeps nobody waiting", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		b.record(b.message("m1"), b.messageTo(carol, "m2"))
		_, mend := b.spoil("r:"+string(alice), "m", "{")
		b.Advance(b.rules.Lead)
		got := b.claim()
		if len(got.Recipients) != 1 || got.Recipients[0].User != carol || got.Skipped == nil {
			b.Errorf("claimed %+v, skipped: %v", got.Recipients, got.Skipped)
		}
		mend()
		b.Advance(permit.Lease)
		equal(b, "the rest", len(b.claim().Recipients), 2)
	}},
	{"permits of somebody who never logs in are kept for a month", func(b *bench) {
		b.grant(tmpl)
		key := b.key(":s:" + string(aliceOpenID))
		b.lives(key, 29*24*time.Hour, 30*24*time.Hour)
		b.bind()
		b.lives(key, -2, -1) // it has no end
		equal(b, "balance", b.balance(tmpl), 1)
	}},
	{"a login that stopped half way is put right by the next", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		b.record(b.messageTo(carol, "m1"))
		// Alice takes over carol's openid, and the store goes away in the middle.
		b.must(b.Raw.HSet(b.Context(), b.key("}:r:"+string(alice)), "o", string(carolOpenID)).Err())
		b.bindTo(alice, carolOpenID)
		b.boundTo(alice, carolOpenID)
		b.boundTo(carol, "")
		b.endedOf(carol, "m1", fact.StateUnbound, fact.ReasonNewerBinding)
	}},
}

// breaks puts something else in the place of the queue of one shard, in which n members are.
func (b *bench) breaks(queue string) (n int, mend func()) {
	b.Helper()
	ctx, keys := b.Context(), b.keys()
	broken := keys[slices.IndexFunc(keys, func(key string) bool { return strings.HasSuffix(key, queue) })]
	n = int(b.Raw.ZCard(ctx, broken).Val())
	b.must(b.Raw.Rename(ctx, broken, broken+"2").Err())
	b.must(b.Raw.Set(ctx, broken, "not a sorted set", 0).Err())
	return n, func() { b.must(b.Raw.Rename(ctx, broken+"2", broken).Err()) }
}
