package store_test

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// sentNow is WeChat's report that a card of aliceOpenID was handed over just now; id is
// its id of the card, 0 if it tells none.
func (b *bench) sentNow(id int64) fact.Sent {
	return fact.Sent{OpenID: aliceOpenID, MsgID: id, Template: tmpl, At: b.Now().Truncate(time.Second)}
}

// failedNow is the report that a card could not be handed over.
func (b *bench) failedNow(id int64) fact.Sent {
	s := b.sentNow(id)
	s.Failed = "user block"
	return s
}

// delivered takes a card of alice with the messages ids to its end: WeChat accepted it
// under msgID.
func (b *bench) delivered(ids ...fact.MessageID) card.ID {
	b.Helper()
	rec, r := b.aliceSending(ids...)
	b.settle(r.ID, permit.CardDelivered, permit.Spent, fact.StateDelivered)
	b.finish(notify.Finish{User: alice, Queue: rec.Queue, Lease: rec.Lease, Card: r.ID, Final: b.final(fact.StateDelivered, ids...)})
	return r.ID
}

// endings returns how often alice's message ended in each state.
func (b *bench) endings(id fact.MessageID) map[fact.State]int {
	b.Helper()
	got := map[fact.State]int{}
	for _, s := range b.timeline(alice) {
		for _, m := range s.Messages {
			if s.Kind == notify.StepFinal && m.ID() == id {
				got[s.State]++
			}
		}
	}
	return got
}

var reportRules = []rule{
	{"a report of failure corrects a delivered card once, and not its account", func(b *bench) {
		b.delivered("m1", "m2")
		account := b.account(tmpl)
		b.record(b.failedNow(msgID))
		equal(b, "account", b.account(tmpl), account)
		b.overdue(true)
		b.reconciled(reported(fact.StateRefused, 2))
		b.counted(map[fact.State]int64{fact.StateDelivered: 0, fact.StateRefused: 2})
		equal(b, "ends", b.endings("m1"), map[fact.State]int{fact.StateDelivered: 1, fact.StateRefused: 1})
		b.unchanged(func() { b.record(b.failedNow(msgID), b.sentNow(msgID)) })
		b.overdue(false)
		equal(b, "account", b.account(tmpl), account)
	}},
	{"a report between the end of an unknown card and its telling corrects what is told first", func(b *bench) {
		b.aliceUnknown("warm") // and the server knows the scripts
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		for i, lost := range []struct {
			trip   int
			answer bool
		}{{3, false}, {3, true}, {4, false}, {4, true}, {5, false}, {6, false}} {
			b.Advance(time.Hour)
			id := fact.MessageID(b.fresh("m"))
			b.aliceUnknown(id)
			late := b.sentNow(msgID + int64(i))
			b.Advance(unknownAfter)
			if _, err := b.Losing(lost.trip, lost.answer).Reconcile(b.Context(), 1000); err == nil {
				b.Fatalf("trip %d is lost, and there is no error", lost.trip)
			}
			b.record(late)
			for range 3 {
				b.Advance(permit.Lease)
				_, err := b.Store.Reconcile(b.Context(), 1000)
				b.must(err)
			}
			equal(b, "ends", b.endings(id), map[fact.State]int{fact.StateUnknown: 1, fact.StateDelivered: 1})
			b.overdue(false)
		}
		b.counted(map[fact.State]int64{fact.StateUnknown: 1, fact.StateDelivered: 6})
	}},
	{"a report is told apart from another to its last digit", func(b *bench) {
		b.delivered("m1")
		b.record(b.failedNow(msgID - 1))
		b.overdue(false)
		b.record(b.failedNow(msgID))
		b.overdue(true)
	}},
	{"a report of an openid never heard of, or erased, stores nothing", func(b *bench) {
		b.unchanged(func() { b.record(b.sentNow(msgID)) })
		b.aliceUnknown("m1")
		b.must(b.Store.EraseOpenID(b.Context(), aliceOpenID))
		b.unchanged(func() { b.record(b.sentNow(msgID), b.sentNow(0)) })
	}},
	{"a report of failure whose telling stopped anywhere ends once what no run had written down", func(b *bench) {
		b.aliceUnknown("warm") // and the server knows the scripts
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		for i, lost := range []struct {
			trip   int
			answer bool
			ends   map[fact.State]int
		}{
			{1, false, map[fact.State]int{fact.StateRefused: 1}},
			{2, false, map[fact.State]int{fact.StateRefused: 1}},
			{2, true, map[fact.State]int{fact.StateDelivered: 1, fact.StateRefused: 1}},
			{3, false, map[fact.State]int{fact.StateDelivered: 1, fact.StateRefused: 1}},
			{4, false, map[fact.State]int{fact.StateDelivered: 1, fact.StateRefused: 1}},
			{4, true, map[fact.State]int{fact.StateRefused: 1}},
			{5, false, map[fact.State]int{fact.StateRefused: 1}},
			{6, false, map[fact.State]int{fact.StateRefused: 1}},
		} {
			b.Advance(time.Hour)
			id := fact.MessageID(b.fresh("m"))
			_, r := b.aliceSending(id)
			s := settleOf(r.ID, permit.CardDelivered, permit.Spent, fact.StateDelivered)
			s.MsgID = int64(i + 1)
			b.settles(s)
			b.record(b.failedNow(s.MsgID))
			if _, err := b.Losing(lost.trip, lost.answer).Reconcile(b.Context(), 1000); err == nil {
				b.Fatalf("trip %d is lost, and there is no error", lost.trip)
			}
			b.Advance(permit.Lease)
			for _, rec := range b.claim().Recipients {
				got := b.resolve(r.ID)
				f := notify.Finish{User: alice, Queue: rec.Queue, Lease: rec.Lease, Card: r.ID, Final: b.final(got.Final, id)}
				if got.Handed {
					f.Final, f.Handed = nil, b.identities(id)
				}
				b.finish(f)
			}
			for range 2 {
				b.Advance(permit.Lease)
				_, err := b.Store.Reconcile(b.Context(), 1000)
				b.must(err)
			}
			equal(b, "ends", b.endings(id), lost.ends)
			b.overdue(false)
		}
		counts := b.counts()
		equal(b, "delivered", counts[fact.StateDelivered], 0)
		equal(b, "refused", counts[fact.StateRefused], 8)
	}},
}
