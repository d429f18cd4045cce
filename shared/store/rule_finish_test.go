package store_test

import (
	"time"

	"wxnotify/shared/notify"
)

var finishRules = []rule{
	{"finish ends messages, writes the steps and clears the card", func(b *bench) {
		rec, card := b.aliceBegun("m1", "m2")
		b.record(b.message("m3"))
		before := len(b.timeline(alice))
		asked := notify.Step{At: b.Now().Add(time.Millisecond).Truncate(time.Millisecond), Kind: notify.StepAsked, Detail: "offline"}
		end := notify.Step{At: asked.At, Kind: notify.StepFinal, Card: card.Card, State: notify.StateDelivered, Messages: card.Messages}
		ends := b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card,
			Final: b.final(notify.StateDelivered, "m1", "m2"), Steps: []notify.Step{asked}})
		equal(b, "ended", ends, [][]notify.Ended{{{State: notify.StateDelivered, Messages: 2}}})
		equal(b, "steps", b.timeline(alice)[before:], []notify.Step{asked, end})
		b.counted(map[notify.State]int64{notify.StateDelivered: 2})
		next := b.after(b.rules.Lead)
		equal(b, "notices", idsOf(next), []notify.MessageID{"m3"})
		if next.Open != nil {
			b.Errorf("the card is still open: %+v", next.Open)
		}
	}},
	{"finish of the last leaves nothing", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "m1")})
		b.Advance(24 * time.Hour)
		b.nothingDue()
	}},
	{"finish may end messages in several ways", func(b *bench) {
		rec, card := b.aliceBegun("m1", "m2")
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card,
			Final: append(b.final(notify.StateExpired, "m1"), b.final(notify.StateDead, "m2")...)})
		b.counted(map[notify.State]int64{notify.StateExpired: 1, notify.StateDead: 1})
	}},
	{"finish of no messages ends none", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: final(notify.StateExpired), Again: b.Now().Add(time.Second)})
		b.counted(map[notify.State]int64{})
		b.after(time.Second)
	}},
	{"finish with again puts off and carries on", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		asked := b.Now().Truncate(time.Millisecond)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Minute),
			Carried: notify.Carried{AskedSince: asked, Attempts: 3, Neutral: true}})
		next := b.after(time.Minute)
		equal(b, "asked since", next.AskedSince, asked)
		equal(b, "attempts", next.Attempts, 3)
		equal(b, "neutral", next.Neutral, true)
		b.finish(notify.Finish{User: alice, Lease: next.Lease, Again: b.Now().Add(time.Minute)})
		last := b.after(time.Minute)
		if !last.AskedSince.IsZero() || last.Attempts != 0 || last.Neutral {
			b.Errorf("carried on although it was not: %+v", last)
		}
	}},
	{"notices of a card that was not sent wait again", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Again: b.Now().Add(time.Second)})
		next := b.after(time.Second)
		equal(b, "notices", idsOf(next), []notify.MessageID{"m1"})
		equal(b, "begun", b.begins(beginOf(next)), b.identities("m1"))
	}},
	{"a message brings what was put off forward", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Minute)})
		b.record(b.message("m2"))
		b.after(b.rules.Lead)
	}},
	{"with hold neither a message nor leaving brings it forward", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.record(b.message("m2"))
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Minute), Hold: true})
		b.record(b.message("m3"), b.left())
		equal(b, "notices", len(b.after(time.Minute).Notices), 3)
	}},
	{"a hold is over when its time is", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Minute), Hold: true})
		rec = b.after(time.Minute)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Hour)})
		b.record(b.message("m2"))
		b.after(b.rules.Lead)
	}},
	{"a message during the lease is looked at after lead", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.record(b.message("m2"))
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Minute)})
		b.after(b.rules.Lead)
	}},
	{"a burst that begins while a card goes out has its own lead", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.record(b.message("m2"))
		b.Advance(time.Second)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "m1")})
		b.record(b.message("m3"))
		equal(b, "notices", idsOf(b.after(b.rules.Lead-time.Second)), []notify.MessageID{"m2", "m3"})
	}},
	{"leaving during the lease is looked at after grace", func(b *bench) {
		b.bind()
		b.record(b.returned())
		b.record(b.message("m1"))
		rec := b.after(b.rules.BlindWindow)
		b.record(b.left())
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Minute)})
		b.after(b.rules.Grace)
	}},
	{"what is left over a full card is looked at at once", func(b *bench) {
		rec, card := b.aliceBegun("m1", "m2")
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "m1")})
		equal(b, "notices", idsOf(b.only()), []notify.MessageID{"m2"})
	}},
	{"finish with a lost lease changes nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		old := b.after(b.rules.Lead)
		rec := b.after(notify.Lease)
		b.unchanged(func() {
			b.finish(notify.Finish{User: alice, Lease: old.Lease, Final: b.final(notify.StateCameOnline, "m1"),
				Steps: []notify.Step{{At: b.Now(), Kind: notify.StepAsked}}})
		})
		b.begin(rec)
	}},
	{"finish may be repeated", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.record(b.message("m2"))
		f := notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "m1"),
			Steps: []notify.Step{{At: b.Now(), Kind: notify.StepSent}}}
		b.finish(f)
		b.unchanged(func() { b.finish(f) })
	}},
	{"finish of another card changes nothing", func(b *bench) {
		rec, _ := b.aliceBegun("m1")
		b.unchanged(func() {
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: "another", Final: b.final(notify.StateDelivered, "m1")})
		})
	}},
	{"finish without a card leaves the begun one open", func(b *bench) {
		_, card := b.aliceBegun("m1")
		rec := b.after(notify.Lease)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Second)})
		next := b.after(time.Second)
		if next.Open == nil || next.Open.ID != card.Card {
			b.Fatalf("open card: %+v, want %s", next.Open, card.Card)
		}
		equal(b, "messages", next.Open.Messages, card.Messages)
	}},
	{"what was read during the look does not end again", func(b *bench) {
		b.bind()
		b.record(b.returned())
		fromCarol := b.message("m2")
		fromCarol.From = carol
		b.record(b.message("m1"), fromCarol)
		rec := b.after(b.rules.BlindWindow)
		b.record(notify.Read{Reader: alice, Peer: bob, UpTo: b.Now()})
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateCameOnline, "m1", "m2")})
		b.ended("m1", notify.StateRead, notify.ReasonReadReport)
		b.ended("m2", notify.StateCameOnline, notify.ReasonNone)
		b.counted(map[notify.State]int64{notify.StateRead: 1, notify.StateCameOnline: 1})
	}},
	{"one call finishes for many", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"), b.messageTo(users[1], "m2"))
		b.Advance(b.rules.Lead)
		var fs []notify.Finish
		for _, rec := range b.claim().Recipients {
			fs = append(fs, notify.Finish{User: rec.User, Lease: rec.Lease, Final: final(notify.StateNoPermit, identitiesOf(rec)...)})
		}
		b.finish(fs...)
		b.finish()
		b.counted(map[notify.State]int64{notify.StateNoPermit: 2})
	}},
}
