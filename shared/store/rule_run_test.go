package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

var claimRules = []rule{
	{"a claim that does not reach the store is an error, and what is due is handed out within a minute", func(b *bench) {
		b.bind()
		b.record(b.message("warm")) // and the server knows the scripts
		b.Advance(b.rules.Lead)
		b.only()
		b.record(b.messageTo(alice, "m1"))
		b.Advance(permit.Lease)
		for trip := range 2 {
			if batch, err := b.Losing(trip, false).Claim(b.Context(), 10); err == nil {
				b.Errorf("trip %d is lost, and there is no error but %+v", trip, batch)
			}
			b.Advance(time.Minute)
			equal(b, "recipients", len(b.claim().Recipients), 1)
			b.Advance(permit.Lease)
		}
	}},
	{"a claimed recipient is hidden for the lease and handed out again after it", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		first := b.after(b.rules.Lead)
		second := b.after(permit.Lease)
		equal(b, "both have one lease", first.Lease == second.Lease, false)
		equal(b, "notices", second.Notices, first.Notices)
	}},
	{"all shards are claimed", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"), b.messageTo(users[1], "m2"))
		b.Advance(b.rules.Lead)
		got := map[fact.UserID][]fact.MessageID{}
		for _, rec := range b.claim().Recipients {
			got[rec.User] = idsOf(rec)
		}
		equal(b, "claimed", got, map[fact.UserID][]fact.MessageID{users[0]: {"m1"}, users[1]: {"m2"}})
	}},
	{"a claim is about limited and the rest stays due", func(b *bench) {
		const all, limit = 40, 10
		seen := map[fact.UserID]bool{}
		for i := range all {
			user := fact.UserID(fmt.Sprint("user", i))
			b.bindTo(user, fact.OpenID(fmt.Sprint("openid", i)))
			b.record(b.messageTo(user, "m"))
		}
		b.Advance(b.rules.Lead)
		handedOut := 0
		for n := -1; n != 0; handedOut += n {
			recs := must(b.Store.Claim(b.Context(), limit))(b).Recipients
			if n = len(recs); n > 3*limit/2 {
				b.Fatalf("%d recipients, the limit is about %d", n, limit)
			}
			for _, rec := range recs {
				seen[rec.User] = true
			}
		}
		equal(b, "recipients, and handed out", [2]int{len(seen), handedOut}, [2]int{all, all})
	}},
	{"no run stays for the lease of what it has let go of", func(b *bench) {
		b.bind()
		b.told()
		b.rests(2*permit.Lease, time.Time{})
	}},
	{"what is let go of until its lease would have ended is due then", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		end := b.Now().Add(permit.Lease)
		b.finish(notify.Finish{User: rec.User, Lease: rec.Lease, Again: end})
		b.rests(2*permit.Lease, end)
	}},
	{"who waits longest is claimed first", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(time.Second)
		for b.serial < 30 {
			user := fact.UserID(b.fresh("user"))
			b.bindTo(user, fact.OpenID("o-"+user))
			b.record(b.messageTo(user, "m"))
		}
		b.Advance(time.Minute)
		recs := must(b.Store.Claim(b.Context(), 1))(b).Recipients
		equal(b, "alice is claimed", slices.ContainsFunc(recs, func(rec notify.Recipient) bool { return rec.User == alice }), true)
	}},
	{"of 200 callers one gets the recipient", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(b.rules.Lead)
		got := b.concurrently(200, func(ctx context.Context, _ int) (bool, error) {
			batch, err := b.Store.Claim(ctx, 1000)
			return len(batch.Recipients) == 1, err
		})
		equal(b, "callers that got them", got, 1)
	}},
	{"who lost the lease begins and finishes nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		old := b.after(b.rules.Lead)
		rec := b.after(permit.Lease)
		b.unchanged(func() {
			equal(b, "begun", b.begins(beginOf(old)), nil)
			b.finish(notify.Finish{User: alice, Lease: old.Lease, Final: b.final(fact.StateCameOnline, "m1"),
				Steps: []notify.Step{{At: b.Now(), Kind: notify.StepAsked}}})
		})
		b.begin(rec)
	}},
	{"begin and finish may be repeated", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.record(b.message("m2"))
		b.unchanged(func() { equal(b, "begun", b.begins(card), card.Messages) })
		f := notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(fact.StateDelivered, "m1"),
			Steps: []notify.Step{{At: b.Now(), Kind: notify.StepSent}}}
		b.finish(f)
		b.unchanged(func() { b.finish(f) })
	}},
	{"who claims after a begun card is shown it", func(b *bench) {
		_, card := b.aliceBegun("m1")
		b.record(b.message("m2"))
		rec := b.after(permit.Lease)
		equal(b, "open card", rec.Open, &permit.OpenCard{ID: card.Card, OpenID: aliceOpenID, Template: tmpl, Messages: card.Messages})
		equal(b, "notices", idsOf(rec), []fact.MessageID{"m1", "m2"})
	}},
	{"one call begins, or finishes, for many", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"), b.messageTo(users[1], "m2"))
		b.Advance(b.rules.Lead)
		begins, want := []notify.Begin{{User: alice, Lease: "none", Card: "c", Template: tmpl}}, [][]fact.Identity{nil}
		var fs []notify.Finish
		for _, rec := range b.claim().Recipients {
			c := beginOf(rec)
			begins, want = append(begins, c), append(want, c.Messages)
			fs = append(fs, notify.Finish{User: rec.User, Lease: rec.Lease, Card: c.Card, Final: final(fact.StateNoPermit, c.Messages...)})
		}
		equal(b, "begun", must(b.Store.Begin(b.Context(), begins))(b), want)
		equal(b, "begun for nobody", len(must(b.Store.Begin(b.Context(), nil))(b)), 0)
		b.finish(fs...)
		b.finish()
		b.counted(map[fact.State]int64{fact.StateNoPermit: 2})
	}},
	{"finish ends messages, writes the steps and clears the card", func(b *bench) {
		rec, card := b.aliceBegun("m1", "m2")
		b.record(b.message("m3"))
		before := len(b.timeline(alice))
		asked := notify.Step{At: b.Now().Add(time.Millisecond).Truncate(time.Millisecond), Kind: notify.StepAsked, Detail: "offline"}
		end := notify.Step{At: asked.At, Kind: notify.StepFinal, Card: card.Card, State: fact.StateDelivered, Messages: card.Messages}
		ends := b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card,
			Final: b.final(fact.StateDelivered, "m1", "m2"), Steps: []notify.Step{asked}})
		equal(b, "ended", ends, [][]notify.Ended{{{State: fact.StateDelivered, Messages: 2}}})
		equal(b, "steps", b.timeline(alice)[before:], []notify.Step{asked, end})
		b.counted(map[fact.State]int64{fact.StateDelivered: 2})
		next := b.after(b.rules.Lead)
		equal(b, "notices", idsOf(next), []fact.MessageID{"m3"})
		equal(b, "open card", next.Open, nil)
	}},
}

// concurrently runs do n times at once and returns how many of them were true.
func (b *bench) concurrently(n int, do func(ctx context.Context, i int) (bool, error)) int {
	b.Helper()
	var wg sync.WaitGroup
	var yes atomic.Int64
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			if ok, err := do(b.Context(), i); err != nil {
				b.Error(err)
			} else if ok {
				yes.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(yes.Load())
}
