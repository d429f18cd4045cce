package store_test

import (
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/notify"
)

var readRules = []rule{
	{"a read report cancels that peer's messages up to its second", func(b *bench) {
		early, late, other := readSetup(b)
		b.record(notify.Read{Reader: alice, Peer: bob, UpTo: early.SentAt})
		b.ended(early.ID, notify.StateRead, notify.ReasonReadReport)
		b.counted(map[notify.State]int64{notify.StateRead: 1})
		equal(b, "notices", idsOf(b.after(b.rules.Lead-time.Second)), []notify.MessageID{late.ID, other.ID})
	}},
	{"an own reply cancels that peer's messages up to its second", func(b *bench) {
		early, late, other := readSetup(b)
		b.record(notify.Message{ID: "reply", From: alice, To: bob, SentAt: early.SentAt})
		b.ended(early.ID, notify.StateRead, notify.ReasonOwnReply)
		equal(b, "notices", idsOf(b.after(b.rules.Lead-time.Second)), []notify.MessageID{late.ID, other.ID})
	}},
	{"a reply by REST or one that failed cancels nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		reply := notify.Message{ID: "reply", From: alice, To: bob, SentAt: b.Now()}
		byREST, failed := reply, reply
		byREST.ByREST, failed.FailedCode = true, 20012
		b.record(byREST, failed)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m1"})
	}},
	{"of 200 conversations it is known that they were read, the last", func(b *bench) {
		b.bind()
		for i := range 201 {
			b.record(notify.Read{Reader: alice, Peer: notify.UserID(fmt.Sprint("peer", i)), UpTo: b.Now().Add(time.Duration(i) * time.Second)})
		}
		known := 0
		for key := range b.dump() {
			if strings.Contains(key, "}:rd:") {
				known++
			}
		}
		equal(b, "conversations", known, 200)
		for _, from := range []notify.UserID{"peer0", "peer1"} {
			m := b.message(notify.MessageID("of " + from))
			m.From = from
			b.record(m)
		}
		b.ended("of peer1", notify.StateRead, notify.ReasonReadReport)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"of peer0"})
	}},
	{"what is read to the last leaves nothing due", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(m)
		b.record(notify.Read{Reader: alice, Peer: bob, UpTo: m.SentAt})
		b.Advance(time.Hour)
		b.nothingDue()
	}},
	{"a read report that overtakes its message ends it", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(notify.Read{Reader: alice, Peer: bob, UpTo: m.SentAt})
		b.record(m)
		b.ended("m1", notify.StateRead, notify.ReasonReadReport)
		next := b.message("m2")
		next.SentAt = m.SentAt.Add(time.Second)
		b.record(next)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m2"})
	}},
	{"an older read report changes nothing", func(b *bench) {
		b.bind()
		b.record(notify.Read{Reader: alice, Peer: bob, UpTo: b.Now()})
		b.unchanged(func() {
			b.record(notify.Read{Reader: alice, Peer: bob, UpTo: b.Now().Add(-time.Minute)})
		})
		b.record(b.message("m1"))
		b.ended("m1", notify.StateRead, notify.ReasonReadReport)
	}},
	{"reads of many peers are kept for a day and bounded", func(b *bench) {
		b.bind()
		var old []any
		for i := range 201 {
			old = append(old, notify.Read{Reader: alice, Peer: notify.UserID(fmt.Sprint("peer", i)), UpTo: b.Now().Add(-25 * time.Hour)})
		}
		b.record(old...)
		b.record(notify.Read{Reader: alice, Peer: bob, UpTo: b.Now()})
		b.record(b.message("m1"))
		b.ended("m1", notify.StateRead, notify.ReasonReadReport)
		b.nothingNames("peer7")
	}},
	{"a recall withdraws the notice", func(b *bench) {
		b.bind()
		b.record(b.message("m1"), b.message("m2"))
		recall := notify.Recall{ID: "m1", From: bob, To: alice}
		b.record(recall, recall)
		b.ended("m1", notify.StateRecalled, notify.ReasonNone)
		b.counted(map[notify.State]int64{notify.StateRecalled: 1})
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m2"})
	}},
	{"a recall that overtakes its message ends it", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(notify.Recall{ID: "m1", From: bob, To: alice})
		b.record(m, m)
		b.ended("m1", notify.StateRecalled, notify.ReasonNone)
		b.Advance(time.Hour)
		b.nothingDue()
	}},
	{"what is read, recalled or failed while it travels on a card ends so if the card does not go out", func(b *bench) {
		for _, c := range []struct {
			fact  func(notify.Message) any
			state notify.State
			why   notify.Reason
		}{
			{func(m notify.Message) any { return notify.Read{Reader: alice, Peer: bob, UpTo: m.SentAt} }, notify.StateRead, notify.ReasonReadReport},
			{func(m notify.Message) any { return notify.Recall{ID: m.ID, From: bob, To: alice} }, notify.StateRecalled, notify.ReasonNone},
			{func(m notify.Message) any { m.FailedCode = 20012; return m }, notify.StateFailedIM, notify.ReasonNone},
			{func(m notify.Message) any {
				return notify.Message{ID: notify.MessageID(b.fresh("reply")), From: alice, To: bob, SentAt: m.SentAt}
			}, notify.StateRead, notify.ReasonOwnReply},
		} {
			b.Advance(time.Minute)
			id := notify.MessageID(b.fresh("m"))
			m := b.message(id)
			rec, card := b.aliceBegun(id)
			b.record(c.fact(m))
			ends := b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Again: b.Now()})
			equal(b, "ended", ends, [][]notify.Ended{{{State: c.state, Reason: c.why, Messages: 1}}})
			b.ended(id, c.state, c.why)
			b.nothingDue()
		}
	}},
	{"what travels on a card that goes out is delivered, read or not", func(b *bench) {
		rec, card := b.aliceBegun("m1", "m2")
		failed := b.message("m2")
		failed.FailedCode = 20012
		b.record(notify.Recall{ID: "m1", From: bob, To: alice}, notify.Read{Reader: alice, Peer: bob, UpTo: b.Now()}, failed)
		b.counted(map[notify.State]int64{})
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "m1", "m2")})
		b.ended("m1", notify.StateDelivered, notify.ReasonNone)
		b.counted(map[notify.State]int64{notify.StateDelivered: 2})
	}},
}

// readSetup records three messages for alice: of one second, of the next, and of that
// first second from another peer. One second of lead is then over.
func readSetup(b *bench) (early, late, other notify.Message) {
	b.bind()
	early, late, other = b.message("early"), b.message("late"), b.message("other")
	late.SentAt = early.SentAt.Add(time.Second)
	other.From = carol
	b.record(early, late, other)
	b.Advance(time.Second)
	return early, late, other
}
