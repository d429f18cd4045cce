package store_test

import (
	"context"
	"fmt"
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
		if first.Lease == second.Lease {
			b.Error("both have the same lease")
		}
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
		for range all {
			batch, err := b.Store.Claim(b.Context(), limit)
			b.must(err)
			if len(batch.Recipients) > 3*limit/2 {
				b.Fatalf("%d recipients, the limit is about %d", len(batch.Recipients), limit)
			}
			for _, rec := range batch.Recipients {
				if seen[rec.User] {
					b.Errorf("%s was handed out twice", rec.User)
				}
				seen[rec.User] = true
			}
			if len(batch.Recipients) == 0 {
				break
			}
		}
		equal(b, "recipients", len(seen), all)
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
		batch, err := b.Store.Claim(b.Context(), 1)
		b.must(err)
		for _, rec := range batch.Recipients {
			if rec.User == alice {
				return
			}
		}
		b.Errorf("%s is not among %v", alice, batch.Recipients)
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
}

var beginRules = []rule{
	{"begin with a lost lease begins nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		old := b.after(b.rules.Lead)
		rec := b.after(permit.Lease)
		b.unchanged(func() { equal(b, "begun", b.begins(beginOf(old)), nil) })
		b.begin(rec)
	}},
	{"begin may be repeated by its caller", func(b *bench) {
		_, card := b.aliceBegun("m1", "m2")
		b.unchanged(func() { equal(b, "begun", b.begins(card), card.Messages) })
		card.Card = "another"
		b.unchanged(func() { equal(b, "another card", b.begins(card), nil) })
	}},
	{"who claims after a begun card is shown it", func(b *bench) {
		_, card := b.aliceBegun("m1")
		b.record(b.message("m2"))
		rec := b.after(permit.Lease)
		equal(b, "open card", rec.Open, &permit.OpenCard{ID: card.Card, OpenID: aliceOpenID, Template: tmpl, Messages: card.Messages})
		equal(b, "notices", idsOf(rec), []fact.MessageID{"m1", "m2"})
	}},
	{"one call begins for many", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"), b.messageTo(users[1], "m2"))
		b.Advance(b.rules.Lead)
		var cards []notify.Begin
		var want [][]fact.Identity
		for _, rec := range b.claim().Recipients {
			cards, want = append(cards, beginOf(rec)), append(want, identitiesOf(rec))
		}
		cards, want = append(cards, notify.Begin{User: alice, Lease: "none", Card: "c", Template: tmpl}), append(want, nil)
		got, err := b.Store.Begin(b.Context(), cards)
		b.must(err)
		equal(b, "begun", got, want)
		none, err := b.Store.Begin(b.Context(), nil)
		b.must(err)
		equal(b, "begun for nobody", len(none), 0)
	}},
}

var finishRules = []rule{
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
		if next.Open != nil {
			b.Errorf("the card is still open: %+v", next.Open)
		}
	}},
	{"finish with a lost lease changes nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		old := b.after(b.rules.Lead)
		rec := b.after(permit.Lease)
		b.unchanged(func() {
			b.finish(notify.Finish{User: alice, Lease: old.Lease, Final: b.final(fact.StateCameOnline, "m1"),
				Steps: []notify.Step{{At: b.Now(), Kind: notify.StepAsked}}})
		})
		b.begin(rec)
	}},
	{"finish may be repeated", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.record(b.message("m2"))
		f := notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(fact.StateDelivered, "m1"),
			Steps: []notify.Step{{At: b.Now(), Kind: notify.StepSent}}}
		b.finish(f)
		b.unchanged(func() { b.finish(f) })
	}},
	{"one call finishes for many", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"), b.messageTo(users[1], "m2"))
		b.Advance(b.rules.Lead)
		var fs []notify.Finish
		for _, rec := range b.claim().Recipients {
			fs = append(fs, notify.Finish{User: rec.User, Lease: rec.Lease, Final: final(fact.StateNoPermit, identitiesOf(rec)...)})
		}
		b.finish(fs...)
		b.finish()
		b.counted(map[fact.State]int64{fact.StateNoPermit: 2})
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
			ok, err := do(b.Context(), i)
			if err != nil {
				b.Error(err)
			}
			if ok {
				yes.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(yes.Load())
}
