package store_test

import (
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/notify"
)

// told brings alice, who is bound and away, to a first card that was sent for a message
// just now, and returns the absence that is known from then on.
func (b *bench) told() notify.Absence {
	b.Helper()
	b.record(b.message(notify.MessageID(b.fresh("told"))))
	rec := b.after(b.rules.Lead)
	b.finishTold(rec)
	return notify.Absence{Cards: 1, Last: b.Now().Truncate(time.Millisecond), Counted: true}
}

// finishTold finishes rec with a card that went out for all that waited.
func (b *bench) finishTold(rec notify.Recipient) {
	b.Helper()
	card := b.begin(rec)
	b.finish(notify.Finish{User: rec.User, Lane: rec.Lane, Lease: rec.Lease, Card: card.Card, Absence: notify.AbsenceTold,
		Final: final(notify.StateDelivered, card.Messages...)})
}

// absent wants the next message for alice to be due after d, in the given absence.
func (b *bench) absent(d time.Duration, want notify.Absence) {
	b.Helper()
	b.record(b.message(notify.MessageID(b.fresh("next"))))
	equal(b, "absence", b.after(d).Absence, want)
}

// A sight is a way in which alice can show that she was here.
type sight struct {
	what    string
	happens func(b *bench)
	online  bool // she is still here
	leaving bool // she has gone, and nothing else is known
}

var sights = []sight{
	{what: "a login at IM", happens: func(b *bench) { b.record(b.returned()) }, online: true},
	{what: "leaving after the last card", happens: func(b *bench) {
		b.record(notify.Presence{User: alice, At: b.Now().Add(time.Millisecond)})
	}, leaving: true},
	{what: "a read report of any conversation", happens: func(b *bench) {
		b.record(notify.Read{Reader: alice, Peer: carol, UpTo: b.Now().Add(-time.Hour)})
	}},
	{what: "an own reply in any conversation", happens: func(b *bench) {
		b.record(notify.Message{ID: notify.MessageID(b.fresh("reply")), From: alice, To: carol, SentAt: b.Now()})
	}},
	{what: "an own message in a group", happens: func(b *bench) {
		m := b.groupMessage(uint32(b.serial))
		m.From, m.For = alice, notify.GroupOff
		b.record(m)
	}},
	{what: "a login at the mini program", happens: func(b *bench) { b.bind() }},
}

// beginsAnew wants the next message for alice, who was seen, to find a new absence.
func (s sight) beginsAnew(b *bench) {
	b.Helper()
	due := b.rules.Lead
	if s.online {
		due = b.rules.BlindWindow
	}
	b.absent(due, notify.Absence{})
}

var absenceRules = append([]rule{
	{"what the recipient was told is handed out with what waits", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		equal(b, "at first", rec.Absence, notify.Absence{})
		var want notify.Absence
		for _, step := range []notify.AbsenceStep{"", notify.AbsenceCounted, "", notify.AbsenceTold, notify.AbsenceKept, notify.AbsenceKept,
			"", notify.AbsenceTold, notify.AbsenceKept, notify.AbsenceCounted, notify.AbsenceSeen, "", notify.AbsenceTold} {
			now := b.Now().Truncate(time.Millisecond)
			switch step {
			case notify.AbsenceCounted:
				want.Counted = true
				if want.Cards == 0 {
					want.Last = now
				}
			case notify.AbsenceTold:
				want = notify.Absence{Cards: want.Cards + 1, Last: now, Counted: true}
			case notify.AbsenceKept:
				want.Kept, want.Last = want.Kept+1, now
			case notify.AbsenceSeen:
				want = notify.Absence{}
			}
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Second), Absence: step})
			rec = b.after(time.Second)
			equal(b, "absence after "+string(step), rec.Absence, want)
		}
	}},
	{"what the recipient was told is remembered while nothing waits", func(b *bench) {
		b.bind()
		absence := b.told()
		b.Advance(48 * time.Hour)
		b.absent(b.rules.Lead, absence)
	}},
	{"who is seen by a run is in no absence", func(b *bench) {
		b.bind()
		b.told()
		b.record(b.message("m1"))
		rec := b.after(b.rules.DigestSteps[0])
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateCameOnline, "m1"), Absence: notify.AbsenceSeen})
		b.absent(b.rules.Lead, notify.Absence{})
	}},
	{"who is seen while a message waits for a digest gets it when its window ends", func(b *bench) {
		b.bind()
		b.told()
		b.record(b.message("m1"))
		b.Advance(b.rules.BlindWindow - 20*time.Second)
		b.record(notify.Read{Reader: alice, Peer: carol, UpTo: b.Now()}) // we did not hear that he came
		b.Advance(18 * time.Second)
		b.record(b.left())
		b.nothingDue()
		rec := b.after(2 * time.Second)
		equal(b, "messages", idsOf(rec), []notify.MessageID{"m1"})
		equal(b, "absence", rec.Absence, notify.Absence{})
	}},
	{"who is seen while messages wait for a digest gets each in a window", func(b *bench) {
		b.bind()
		b.told()
		b.record(b.message("m1"))
		b.Advance(2 * time.Minute)
		b.record(b.message("m2"))
		b.Advance(20 * time.Second)
		b.record(notify.Read{Reader: alice, Peer: carol, UpTo: b.Now()})
		seen := b.Now().Truncate(time.Millisecond)
		rec := b.after(b.rules.BlindWindow - 20*time.Second)
		equal(b, "messages", idsOf(rec), []notify.MessageID{"m1", "m2"})
		equal(b, "window of m1", rec.Notices[0].WindowEnd.Equal(seen.Add(b.rules.BlindWindow)), true)
		equal(b, "window of m2", rec.Notices[1].WindowEnd.Equal(seen.Add(b.rules.BlindWindow-20*time.Second)), true)
	}},
	{"who is seen leaving while a message waits for a digest gets it when its window ends", func(b *bench) {
		b.bind()
		b.told()
		b.record(b.message("m1"))
		b.Advance(b.rules.BlindWindow - 2*time.Second)
		b.record(b.left())
		b.nothingDue()
		equal(b, "messages", idsOf(b.after(2*time.Second)), []notify.MessageID{"m1"})
	}},
	{"within an absence a message is due at the next step", func(b *bench) {
		b.bind()
		const told, kept = notify.AbsenceTold, notify.AbsenceKept
		for _, c := range []struct {
			so   []notify.AbsenceStep
			step int
		}{
			{[]notify.AbsenceStep{told}, 0},
			{[]notify.AbsenceStep{told, told}, 1},
			{[]notify.AbsenceStep{told, kept}, 1},
			{[]notify.AbsenceStep{told, kept, told}, 1},
			{[]notify.AbsenceStep{told, told, kept, kept}, 3},
			{[]notify.AbsenceStep{told, told, told, told, told}, 4},
			{[]notify.AbsenceStep{told, told, told, told, told, told, told}, 4},
			{[]notify.AbsenceStep{told, kept, kept, kept, kept, kept, kept, kept}, 4},
		} {
			b.bind() // a new absence
			b.record(b.message(notify.MessageID(b.fresh("m"))))
			rec := b.after(b.rules.Lead)
			for _, step := range c.so {
				b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Second), Absence: step})
				rec = b.after(time.Second)
			}
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: final(notify.StateExpired, identitiesOf(rec)...)})
			b.record(b.message(notify.MessageID(b.fresh("m"))), b.message(notify.MessageID(b.fresh("m"))))
			rec = b.after(b.rules.DigestSteps[c.step] - time.Second)
			equal(b, fmt.Sprintf("notices after %v", c.so), len(rec.Notices), 2)
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: final(notify.StateExpired, identitiesOf(rec)...)})
		}
	}},
	{"a step that is over puts nothing off", func(b *bench) {
		b.bind()
		absence := b.told()
		b.Advance(b.rules.DigestSteps[0])
		b.absent(b.rules.Lead, absence)
	}},
	{"nobody is woken for a step that is far", func(b *bench) {
		b.bind()
		b.told()
		b.Advance(10 * time.Second)
		equal(b, "wake", b.record(b.message("m1")), false)
	}},
	{"a login puts what waits for a step back into the blind window", func(b *bench) {
		b.bind()
		b.told()
		b.record(b.message("m1"))
		b.record(b.returned())
		equal(b, "absence", b.after(b.rules.BlindWindow).Absence, notify.Absence{})
	}},
	{"what waits for a step is looked at a blind window after something else is read", func(b *bench) {
		b.bind()
		b.told()
		b.record(b.message("m1"))
		b.record(notify.Read{Reader: alice, Peer: carol, UpTo: b.Now()})
		rec := b.after(b.rules.BlindWindow)
		equal(b, "notices", idsOf(rec), []notify.MessageID{"m1"})
		equal(b, "absence", rec.Absence, notify.Absence{})
	}},
	{"leaving, older than the last card, ends no absence", func(b *bench) {
		b.bind()
		older := b.left()
		absence := b.told()
		b.record(older)
		b.record(notify.Presence{User: alice, At: absence.Last})
		b.absent(b.rules.DigestSteps[0], absence)
	}},
	{"leaving, older than the last card, ends no absence while it rings", func(b *bench) {
		b.bind()
		older := b.left()
		absence := b.told()
		r := b.ring("call")
		b.record(r)
		b.record(older)
		equal(b, "absence", b.ringing().Absence, absence)
		b.record(b.endOf(r, notify.CallRejected))
		b.absent(b.rules.DigestSteps[0], absence)
	}},
	{"leaving that is heard of while the first card travels ends no absence", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.record(b.left())
		b.finishTold(rec)
		b.absent(b.rules.DigestSteps[0], notify.Absence{Cards: 1, Last: b.Now().Truncate(time.Millisecond), Counted: true})
	}},
	{"leaving that is heard of after a permit was wanted ends no absence", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		left := b.left()
		rec := b.after(b.rules.Lead)
		counted := notify.Absence{Last: b.Now().Truncate(time.Millisecond), Counted: true}
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateNoPermit, "m1"), Absence: notify.AbsenceCounted})
		b.record(left)
		b.absent(b.rules.Lead, counted)
	}},
	{"nothing is kept of what somebody was told who is not bound any more", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		card := b.begin(rec)
		b.bindTo(carol, aliceOpenID)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "m1"), Absence: notify.AbsenceTold})
		for entry := range b.dump() {
			if strings.Contains(entry, "}:r:"+string(alice)) {
				b.Errorf("kept: %s", entry)
			}
		}
		b.bindTo(alice, otherOpenID)
		b.absent(b.rules.Lead, notify.Absence{})
	}},
	{"a call adds to the absence that the messages are in", func(b *bench) {
		b.bind()
		b.record(b.ring("call"))
		call := b.ringing() // before the first card
		b.told()
		b.record(b.message("m1"))
		b.finishTold(call)
		want := notify.Absence{Cards: 2, Last: b.Now().Truncate(time.Millisecond), Counted: true}
		equal(b, "absence of what waits", b.after(b.rules.DigestSteps[0]).Absence, want)
		b.record(b.ring("another"))
		equal(b, "absence of a call", b.ringing().Absence, want)
	}},
	{"a call by which the ledger learns of an absence says so to what waits", func(b *bench) {
		b.bind()
		b.record(b.message("m1"), b.ring("call"))
		call := b.ringing()
		b.finish(notify.Finish{User: alice, Lane: call.Lane, Lease: call.Lease, Final: b.final(notify.StateNoPermit, "call"),
			Absence: notify.AbsenceCounted})
		counted := notify.Absence{Last: b.Now().Truncate(time.Millisecond), Counted: true}
		equal(b, "absence", b.after(b.rules.Lead).Absence, counted)
	}},
}, sightRules()...)

// sightRules are the rules that each sight begins a new absence, also while a run is at it.
func sightRules() []rule {
	var rules []rule
	for _, s := range sights {
		rules = append(rules, rule{s.what + " begins a new absence", func(b *bench) {
			b.bind()
			b.told()
			s.happens(b)
			s.beginsAnew(b)
		}}, rule{"what waits for a digest is due at the end of a window after " + s.what, func(b *bench) {
			for _, looking := range []bool{false, true} { // a run looks meanwhile
				for _, ago := range []time.Duration{20 * time.Second, b.rules.BlindWindow, 2 * time.Minute} {
					b.bind()
					b.record(b.left())
					b.told()
					b.record(b.message(notify.MessageID(b.fresh("m"))))
					b.Advance(ago)
					due := b.rules.BlindWindow - ago
					switch {
					case s.leaving:
						due = b.rules.Grace
					case s.online || due <= 0:
						due = b.rules.BlindWindow
					}
					if !looking {
						s.happens(b)
						b.finishTold(b.after(due))
						continue
					}
					b.Advance(b.rules.DigestSteps[0] - ago)
					rec := b.only()
					s.happens(b)
					b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Hour), Absence: notify.AbsenceKept})
					if !s.leaving {
						due = b.rules.BlindWindow
					}
					rec = b.after(due)
					equal(b, "absence", rec.Absence, notify.Absence{})
					b.finishTold(rec)
				}
			}
		}}, rule{"a run does not write down what it told in the absence that ends with " + s.what, func(b *bench) {
			b.bind()
			b.told()
			b.record(b.message("m1"))
			rec := b.after(b.rules.DigestSteps[0])
			card := b.begin(rec)
			s.happens(b)
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Absence: notify.AbsenceTold,
				Final: b.final(notify.StateDelivered, "m1")})
			b.ended("m1", notify.StateDelivered, notify.ReasonNone)
			s.beginsAnew(b)
		}})
		if s.leaving {
			continue // it may be that of which the first card tells
		}
		rules = append(rules, rule{"who takes a card up does not write down what it told before " + s.what, func(b *bench) {
			_, r := b.aliceSending("m1")
			b.settle(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
			b.Advance(time.Second)
			s.happens(b)
			b.Advance(notify.Lease)
			rec := b.only()
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Second)}) // its sender may still be at it
			rec = b.after(time.Second)
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: r.Card, Absence: notify.AbsenceTold,
				Final: b.final(notify.StateDelivered, "m1")})
			s.beginsAnew(b)
		}}, rule{"a call does not write down what it told before " + s.what, func(b *bench) {
			_, call := b.aliceRinging("call")
			card := b.begin(call)
			s.happens(b)
			b.finish(notify.Finish{User: alice, Lane: call.Lane, Lease: call.Lease, Card: card.Card, Absence: notify.AbsenceTold,
				Final: b.final(notify.StateDelivered, "call")})
			s.beginsAnew(b)
		}})
		rules = append(rules, rule{"a run does not write down its first card after " + s.what, func(b *bench) {
			b.bind()
			b.record(b.message("m1"))
			rec := b.after(b.rules.Lead)
			card := b.begin(rec)
			s.happens(b)
			b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Absence: notify.AbsenceTold,
				Final: b.final(notify.StateDelivered, "m1")})
			s.beginsAnew(b)
		}})
	}
	return rules
}
