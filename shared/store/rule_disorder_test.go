package store_test

import (
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

const carolOpenID fact.OpenID = "oCarol1egBJY1zhBYw2KhdUfwVJJE"

// disorderRules are about facts that come late, early or with absurd times, and about
// keys that are not what they should be.
var disorderRules = []rule{
	{"a recall ends a message whose mark is gone", func(b *bench) {
		b.rules.TTL = 7 * 24 * time.Hour
		b.bind()
		b.record(b.left(), b.message("m1"))
		b.Advance(4 * 24 * time.Hour)
		b.record(fact.Recall{ID: "m1", From: bob, To: alice})
		b.ended("m1", fact.StateRecalled, fact.ReasonNone)
		b.nothingDue()
	}},
	{"a shard that cannot be read does not stop the others", func(b *bench) {
		for i := range 40 { // on both sides of the broken one
			user := fact.UserID(fmt.Sprint("user", i))
			b.bindTo(user, fact.OpenID("o"+user))
			b.record(b.messageTo(user, fact.MessageID(b.fresh("m"))))
		}
		broken := ""
		for key := range b.dump() {
			if name, _, _ := strings.Cut(key, " "); strings.HasSuffix(name, "}:q") {
				broken = name
			}
		}
		members, err := b.Raw.ZRangeWithScores(b.Context(), broken, 0, -1).Result()
		b.must(err)
		b.must(b.Raw.Del(b.Context(), broken).Err())
		b.must(b.Raw.Set(b.Context(), broken, "not a sorted set", 0).Err())
		b.Advance(b.rules.Lead)
		if _, err := b.Store.Rest(b.Context(), b.Now().Add(time.Minute)); err != nil {
			b.Errorf("Rest: %v", err)
		}
		got := b.claim()
		if len(got.Recipients) != 40-len(members) || got.Skipped == nil {
			b.Errorf("claimed %d of 40 with %d in the broken shard; skipped: %v", len(got.Recipients), len(members), got.Skipped)
		}
		b.must(b.Raw.Del(b.Context(), broken).Err())
		b.must(b.Raw.ZAdd(b.Context(), broken, members...).Err())
		equal(b, "the rest", len(b.claim().Recipients), len(members))
	}},
	{"a document that cannot be read is handed out again, and keeps nobody waiting", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		b.record(b.message("m1"), b.messageTo(carol, "m2"))
		var key, whole string
		for k, v := range b.dump() {
			if name, field, ok := strings.Cut(k, " "); ok && strings.HasSuffix(name, ":r:"+string(alice)) && field == "m" {
				key, whole = name, v
			}
		}
		b.must(b.Raw.HSet(b.Context(), key, "m", "{").Err())
		b.Advance(b.rules.Lead)
		got := b.claim()
		if len(got.Recipients) != 1 || got.Recipients[0].User != carol || got.Skipped == nil {
			b.Errorf("claimed %+v, skipped: %v", got.Recipients, got.Skipped)
		}
		b.must(b.Raw.HSet(b.Context(), key, "m", whole).Err())
		b.Advance(permit.Lease)
		equal(b, "the rest", len(b.claim().Recipients), 2)
	}},
	{"permits of somebody who never logs in are kept for a month", func(b *bench) {
		b.grant(tmpl)
		key := ""
		for k := range b.dump() {
			if strings.Contains(k, "}:s:") {
				key, _, _ = strings.Cut(k, " ")
			}
		}
		if ttl := b.Raw.PTTL(b.Context(), key).Val(); ttl <= 29*24*time.Hour || ttl > 30*24*time.Hour {
			b.Errorf("the record ends in %v", ttl)
		}
		b.bind()
		if ttl := b.Raw.PTTL(b.Context(), key).Val(); ttl > 0 {
			b.Errorf("after the login the record still ends in %v", ttl)
		}
		equal(b, "balance", b.balance(tmpl), 1)
	}},
	{"a login that stopped half way is put right by the next", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		b.record(b.messageTo(carol, "m1"))
		// Alice takes over carol's openid, and the store goes away in the middle.
		for k, v := range b.dump() {
			if strings.Contains(k, "}:r:"+string(alice)) && v == string(aliceOpenID) {
				name, field, _ := strings.Cut(k, " ")
				b.must(b.Raw.HSet(b.Context(), name, field, string(carolOpenID)).Err())
			}
		}
		b.bindTo(alice, carolOpenID)
		b.boundTo(alice, carolOpenID)
		b.boundTo(carol, "")
		b.endedOf(carol, "m1", fact.StateUnbound, fact.ReasonNewerBinding)
	}},
}
