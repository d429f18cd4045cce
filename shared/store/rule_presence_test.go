package store_test

import (
	"slices"
	"time"

	"wxnotify/shared/notify"
)

var presenceRules = []rule{
	{"leaving brings the look forward to grace", func(b *bench) {
		b.bind()
		b.record(b.returned())
		b.record(b.message("m1"))
		b.Advance(10 * time.Second)
		b.record(b.left())
		equal(b, "known", b.after(b.rules.Grace).Known, notify.StatusOffline)
	}},
	{"leaving puts nothing off that is due earlier", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.record(b.left())
		b.after(b.rules.Lead)
	}},
	{"coming back moves the window of all that waits", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(2 * time.Second)
		b.record(b.returned())
		window := b.Now().Add(b.rules.BlindWindow)
		rec := b.after(b.rules.BlindWindow)
		equal(b, "known", rec.Known, notify.StatusOnline)
		equal(b, "window", rec.Notices[0].WindowEnd, window)
	}},
	{"an older leaving after a newer coming back changes nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.record(b.returned())
		older := b.left()
		older.At = older.At.Add(-time.Millisecond)
		b.unchanged(func() { equal(b, "wake", b.record(older), false) })
		b.after(b.rules.BlindWindow)
	}},
	{"an older coming back after a newer leaving changes nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.record(b.left())
		older := b.returned()
		older.At = older.At.Add(-time.Millisecond)
		b.unchanged(func() { b.record(older) })
		equal(b, "known", b.after(b.rules.Lead).Known, notify.StatusOffline)
	}},
	{"a repeated presence changes nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		left := b.left()
		b.record(left)
		b.Advance(time.Second)
		b.unchanged(func() { b.record(left) })
	}},
	{"presence is remembered while nothing waits", func(b *bench) {
		b.bind()
		b.record(b.returned())
		b.Advance(time.Hour)
		b.record(b.message("m1"))
		b.after(b.rules.BlindWindow)
	}},
	{"coming back takes the lease from a run that only looked", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.record(b.returned())
		equal(b, "begun", b.begins(beginOf(rec)), nil)
		b.unchanged(func() {
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateCameOnline, "m1")})
		})
		b.after(b.rules.BlindWindow)
	}},
	{"coming back does not take the lease from a begun card", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.record(b.returned())
		equal(b, "begun again", b.begins(card), card.Messages)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "m1")})
		b.ended("m1", notify.StateDelivered, notify.ReasonNone)
		b.Advance(time.Hour)
		b.nothingDue()
	}},
	{"coming back does not shorten a hold", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Hour), Hold: true, Carried: notify.Carried{Attempts: 1}})
		b.record(b.returned())
		b.after(time.Hour)
	}},
	{"the timeline says who left and came back", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(time.Second)
		b.record(b.left())
		b.Advance(time.Second)
		b.record(b.returned())
		var kinds []notify.StepKind
		for _, s := range b.timeline(alice) {
			kinds = append(kinds, s.Kind)
		}
		equal(b, "steps", kinds, []notify.StepKind{notify.StepAccepted, notify.StepLeft, notify.StepReturned})
	}},
}

var wakeRules = []rule{
	{"of many callers one is told to wake", func(b *bench) {
		b.bind()
		woken := 0
		for range 20 {
			if b.record(b.message(notify.MessageID(b.fresh("m")))) {
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
	{"leaving wakes when it brings something near", func(b *bench) {
		b.bind()
		b.record(b.returned())
		equal(b, "message", b.record(b.message("m1")), false)
		equal(b, "left", b.record(notify.Presence{User: alice, At: b.Now().Add(time.Millisecond)}), true)
	}},
	{"presence of somebody for whom nothing waits wakes nobody", func(b *bench) {
		b.bind()
		equal(b, "left", b.record(b.left()), false)
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
		b.rests(time.Minute, b.Now().Add(notify.Lease-b.rules.Lead+time.Second))
	}},
	{"a claim says whether messages of groups are to be spread, and cards are overdue", func(b *bench) {
		want := func(spreads, overdue bool) {
			b.Helper()
			batch, err := b.Store.ClaimCalls(b.Context(), 10)
			b.must(err)
			equal(b, "spreads and overdue", [2]bool{batch.Spreads, batch.Overdue}, [2]bool{spreads, overdue})
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
func (b *bench) inTwoShards() [2]notify.UserID {
	b.Helper()
	var first notify.UserID
	for range 100 {
		user := notify.UserID(b.fresh("user"))
		b.bindTo(user, notify.OpenID("o-"+user))
		if first == "" {
			first = user
		} else if b.shardOf(user) != b.shardOf(first) {
			return [2]notify.UserID{first, user}
		}
	}
	b.Fatal("all users are in one shard")
	return [2]notify.UserID{}
}

// shardOf returns the hash tag of user's keys.
func (b *bench) shardOf(user notify.UserID) string {
	b.Helper()
	keys, err := b.Raw.Keys(b.Context(), "*:r:"+string(user)).Result()
	b.must(err)
	if len(keys) != 1 {
		b.Fatalf("keys of %s: %v", user, slices.Sorted(slices.Values(keys)))
	}
	return keys[0][:len(keys[0])-len(":r:"+user)]
}
