package store_test

import (
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

var wakeRules = []rule{
	{"of many callers one is told to wake, for five seconds", func(b *bench) {
		b.bind()
		for i := range 51 {
			equal(b, fmt.Sprint("wake ", i), b.record(b.message(fact.MessageID(b.fresh("m")))), i == 0 || i == 50)
			b.Advance(100 * time.Millisecond)
		}
	}},
	{"nobody is woken while a run watches, for five seconds", func(b *bench) {
		b.bind()
		must(b.Store.ClaimCalls(b.Context(), 10))(b) // calls alone will do
		b.Advance(5*time.Second - time.Millisecond)
		equal(b, "watched", b.record(b.ring("call")), false)
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
	{"rest says when the next recipient is due, or stops watching", func(b *bench) {
		b.bind()
		b.nothingDue()
		b.rests(time.Minute, time.Time{})
		equal(b, "nothing waits", b.record(b.message("m1")), true)
		b.nothingDue()
		b.rests(b.rules.Lead+time.Millisecond, b.Now().Add(b.rules.Lead))
		equal(b, "still watched", b.record(b.message("m2")), false)
		b.rests(b.rules.Lead, time.Time{})
		equal(b, "it is due later", b.record(b.message("m3")), true)
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
		b.record(b.groupMessage(1))
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
			batch := must(b.Store.ClaimCalls(b.Context(), 10))(b)
			equal(b, "spreads and overdue", [2]bool{batch.FanOuts, batch.Overdue}, [2]bool{spreads, overdue})
		}
		b.bind()
		b.grant(tmpl)
		want(false, false)
		b.record(b.groupMessage(1))
		want(true, false)
		b.unknownCard("c1")
		b.finishSpread(b.spread())
		want(false, false)
		b.Advance(unknownAfter)
		want(false, true)
		b.reconciled(noReport(1))
		want(false, false)
	}},
	{"a run that waits for one shard watches all", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"))
		b.nothingDue()
		b.rests(time.Minute, b.Now().Add(b.rules.Lead))
		equal(b, "wake", b.record(b.messageTo(users[1], "m2")), false)
	}},
	{"a claim of which nothing is due tells when the first is", func(b *bench) {
		users := b.inTwoShards()
		b.nothingDue()
		first := b.Now().Add(b.rules.Lead)
		b.record(b.messageTo(users[0], "m1"))
		b.Advance(time.Second)
		b.record(b.messageTo(users[1], "m2"))
		equal(b, "next", b.claim().Next, first)
		b.Advance(b.rules.Lead - time.Second)
		equal(b, "next, with somebody who is due", b.claim().Next, time.Time{})
	}},
}

// rests wants Rest to answer next for what is due before d from now.
func (b *bench) rests(d time.Duration, next time.Time) {
	b.Helper()
	equal(b, "next due", must(b.Store.Rest(b.Context(), b.Now().Add(d)))(b), next)
}

// inTwoShards binds two users in different shards.
func (b *bench) inTwoShards() [2]fact.UserID {
	b.Helper()
	first := fact.UserID(b.fresh("user"))
	b.bindTo(first, fact.OpenID("o-"+first))
	return [2]fact.UserID{first, b.another(func(user fact.UserID) bool { return b.shardOf(user) != b.shardOf(first) })}
}

// sameShard binds another in the shard of user.
func (b *bench) sameShard(user fact.UserID) fact.UserID {
	b.Helper()
	return b.another(func(other fact.UserID) bool { return b.shardOf(other) == b.shardOf(user) })
}

// another binds users until one is as is said.
func (b *bench) another(is func(fact.UserID) bool) (user fact.UserID) {
	b.Helper()
	for range 100 {
		user = fact.UserID(b.fresh("user"))
		b.bindTo(user, fact.OpenID("o-"+user))
		if is(user) {
			return user
		}
	}
	b.Fatal("all users are in one shard, or none in that")
	return ""
}

// shardOf returns the hash tag of user's keys.
func (b *bench) shardOf(user fact.UserID) string {
	b.Helper()
	return strings.TrimSuffix(b.key(":r:"+string(user)), ":r:"+string(user))
}
