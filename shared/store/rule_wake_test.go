package store_test

import (
	"slices"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

var wakeRules = []rule{
	{"of many callers one is told to wake", func(b *bench) {
		b.bind()
		woken := 0
		for range 20 {
			if b.record(b.message(fact.MessageID(b.fresh("m")))) {
				woken++
			}
			b.Advance(100 * time.Millisecond)
		}
		equal(b, "wakes", woken, 1)
	}},
	{"a wake that was lost is said again after five seconds", func(b *bench) {
		b.bind()
		equal(b, "first", b.record(b.message("m1")), true)
		b.Advance(5*time.Second - time.Millisecond)
		equal(b, "early", b.record(b.message("m2")), false)
		b.Advance(time.Millisecond)
		equal(b, "again", b.record(b.message("m3")), true)
	}},
	{"nobody is woken while a run watches", func(b *bench) {
		b.bind()
		b.nothingDue()
		b.Advance(5*time.Second - time.Millisecond)
		equal(b, "watched", b.record(b.message("m1")), false)
		b.Advance(time.Millisecond)
		equal(b, "unwatched", b.record(b.message("m2")), true)
	}},
	{"nobody is woken for what is due later than in a minute", func(b *bench) {
		b.bind()
		b.record(b.returned())
		b.rules.BlindWindow = time.Minute + time.Millisecond
		equal(b, "later", b.record(b.message("m1")), false)
		b.rules.BlindWindow = time.Minute
		equal(b, "in a minute", b.record(b.message("m2")), true)
	}},
	{"rest says when the next recipient is due", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.nothingDue()
		b.rests(time.Minute, b.Now().Add(b.rules.Lead))
		equal(b, "still watched", b.record(b.message("m2")), false)
	}},
	{"rest says nothing of what is due later and stops watching", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.nothingDue()
		b.rests(b.rules.Lead, time.Time{})
		equal(b, "unwatched", b.record(b.message("m2")), true)
	}},
	{"rest stops watching an empty store", func(b *bench) {
		b.bind()
		b.nothingDue()
		b.rests(time.Minute, time.Time{})
		equal(b, "unwatched", b.record(b.message("m1")), true)
	}},
	{"rest says when a call, a message of a group or an unknown card wants a look", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.unknownCard("c1")
		b.nothingDue()
		b.rests(unknownAfter, time.Time{})
		b.rests(unknownAfter+time.Millisecond, b.Now().Add(unknownAfter))
		b.record(b.message("m1"))
		b.rests(time.Minute, b.Now().Add(b.rules.Lead))
		b.Advance(time.Second)
		b.recordGroup(b.groupMessage(1))
		b.rests(time.Minute, b.Now())
		b.finishSpread(b.spread())
		b.rests(time.Minute, b.Now()) // until somebody has looked
		b.nothingDue()
		b.rests(time.Minute, b.Now().Add(b.rules.Lead-time.Second))
		b.record(b.ring("call"))
		b.rests(time.Minute, b.Now())
		b.ringing()
		b.Advance(b.rules.Lead - time.Second)
		b.only()
		b.rests(time.Minute, b.Now().Add(permit.Lease-b.rules.Lead+time.Second))
	}},
	{"a claim says whether messages of groups are to be spread, and cards are overdue", func(b *bench) {
		want := func(spreads, overdue bool) {
			b.Helper()
			batch, err := b.Store.ClaimCalls(b.Context(), 10)
			b.must(err)
			equal(b, "spreads and overdue", [2]bool{batch.FanOuts, batch.Overdue}, [2]bool{spreads, overdue})
		}
		b.bind()
		b.grant(tmpl)
		want(false, false)
		b.recordGroup(b.groupMessage(1))
		want(true, false)
		b.unknownCard("c1")
		b.finishSpread(b.spread())
		want(false, false)
		b.Advance(unknownAfter)
		want(false, true)
		b.reconciled(noReport(1))
		want(false, false)
	}},
	{"a run that looks for calls alone watches", func(b *bench) {
		b.bind()
		_, err := b.Store.ClaimCalls(b.Context(), 10)
		b.must(err)
		equal(b, "wake", b.record(b.ring("call")), false)
	}},
	{"a run that waits for one shard watches all", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"))
		b.nothingDue()
		b.rests(time.Minute, b.Now().Add(b.rules.Lead))
		equal(b, "wake", b.record(b.messageTo(users[1], "m2")), false)
	}},
}

// rests wants Rest to answer next for what is due before d from now.
func (b *bench) rests(d time.Duration, next time.Time) {
	b.Helper()
	got, err := b.Store.Rest(b.Context(), b.Now().Add(d))
	b.must(err)
	equal(b, "next due", got, next)
}

// inTwoShards binds users until two of them are in different shards.
func (b *bench) inTwoShards() [2]fact.UserID {
	b.Helper()
	var first fact.UserID
	for range 100 {
		user := fact.UserID(b.fresh("user"))
		b.bindTo(user, fact.OpenID("o-"+user))
		if first == "" {
			first = user
		} else if b.shardOf(user) != b.shardOf(first) {
			return [2]fact.UserID{first, user}
		}
	}
	b.Fatal("all users are in one shard")
	return [2]fact.UserID{}
}

// shardOf returns the hash tag of user's keys.
func (b *bench) shardOf(user fact.UserID) string {
	b.Helper()
	keys, err := b.Raw.Keys(b.Context(), "*:r:"+string(user)).Result()
	b.must(err)
	if len(keys) != 1 {
		b.Fatalf("keys of %s: %v", user, slices.Sorted(slices.Values(keys)))
	}
	return keys[0][:len(keys[0])-len(":r:"+user)]
}
