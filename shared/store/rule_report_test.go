package store_test

import (
	"fmt"
	"time"

	"wxnotify/shared/notify"
)

// sentNow is WeChat's report that a card of aliceOpenID was handed over just now; id is
// its id of the card, 0 if it tells none.
func (b *bench) sentNow(id int64) notify.Sent {
	return notify.Sent{OpenID: aliceOpenID, MsgID: id, Template: tmpl, At: b.Now().Truncate(time.Second)}
}

// failedNow is the report that a card could not be handed over.
func (b *bench) failedNow(id int64) notify.Sent {
	s := b.sentNow(id)
	s.Failed = "user block"
	return s
}

// delivered takes a card of alice with the messages ids to its end: WeChat accepted it
// under msgID.
func (b *bench) delivered(ids ...notify.MessageID) notify.CardID {
	b.Helper()
	rec, r := b.aliceSending(ids...)
	b.settle(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
	b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: r.Card, Final: b.final(notify.StateDelivered, ids...)})
	return r.Card
}

// endings returns how often alice's message ended in each state.
func (b *bench) endings(id notify.MessageID) map[notify.State]int {
	b.Helper()
	got := map[notify.State]int{}
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
	{"WeChat's report of an unknown card ends it, as handed over or refused, and pays for it", func(b *bench) {
		for i, state := range []notify.State{notify.StateDelivered, notify.StateRefused} {
			for j, id := range []int64{msgID, 0} {
				b.Advance(time.Hour)
				m := notify.MessageID(fmt.Sprint("m", i, j))
				card := b.aliceUnknown(m)
				b.Advance(time.Second)
				s := b.sentNow(id + int64(i))
				if id == 0 {
					s.MsgID = 0
				}
				if state == notify.StateRefused {
					s.Failed = "user block"
				}
				b.record(s)
				b.owns(tmpl, 0, 0)
				equal(b, "resolved", b.resolve(card), notify.Resolved{State: notify.CardState(state), Final: state, Handed: true, Detail: "errcode 0"})
				b.overdue(true)
				b.reconciled(reported(state, 1))
				b.ended(m, state, notify.ReasonReported)
				b.unchanged(func() { b.record(s, s) })
				b.Advance(time.Hour)
				b.overdue(false)
				b.reconciled()
				entries := b.account(tmpl).Entries
				last := entries[len(entries)-1]
				equal(b, "last entry", fmt.Sprint(last.Kind, last.Change), fmt.Sprint(state, -1))
			}
		}
		b.counted(map[notify.State]int64{notify.StateDelivered: 2, notify.StateRefused: 2})
	}},
	{"a report that overtakes a lost answer ends the card at once", func(b *bench) {
		for _, how := range []notify.Sent{b.sentNow(0), b.failedNow(0)} {
			b.Advance(time.Hour)
			id := notify.MessageID(b.fresh("m"))
			rec, r := b.aliceSending(id)
			how.At, how.MsgID = b.Now().Truncate(time.Second), int64(b.serial)
			b.record(how)
			b.owns(tmpl, 1, 1)
			state := notify.StateDelivered
			if how.Failed != "" {
				state = notify.StateRefused
			}
			equal(b, "settled", b.settles(settleOf(r.Card, notify.CardUnknown, notify.PermitHeld, "")), notify.CardState(state))
			b.owns(tmpl, 0, 0)
			b.handed(rec, r)
			b.reconciled(reported(state, 1))
			b.ended(id, state, notify.ReasonReported)
		}
	}},
	{"a report that overtakes the answer confirms it", func(b *bench) {
		_, r := b.aliceSending("m1")
		b.record(b.sentNow(msgID))
		b.settle(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		b.owns(tmpl, 0, 0)
		b.overdue(false)
		b.unchanged(func() { b.record(b.sentNow(msgID)) })
	}},
	{"a report of failure that overtakes the answer corrects it", func(b *bench) {
		rec, r := b.aliceSending("m1")
		b.record(b.failedNow(msgID))
		settled := b.settles(settleOf(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered))
		equal(b, "settled", settled, notify.CardRefused)
		b.owns(tmpl, 0, 0)
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: r.Card, Final: b.final(notify.StateDelivered, "m1")})
		b.reconciled(reported(notify.StateRefused, 1))
		b.counted(map[notify.State]int64{notify.StateDelivered: 0, notify.StateRefused: 1})
	}},
	{"a report of failure corrects a delivered card once, and not its account", func(b *bench) {
		b.delivered("m1", "m2")
		account := b.account(tmpl)
		b.record(b.failedNow(msgID))
		equal(b, "account", b.account(tmpl), account)
		b.overdue(true)
		b.reconciled(reported(notify.StateRefused, 2))
		b.counted(map[notify.State]int64{notify.StateDelivered: 0, notify.StateRefused: 2})
		equal(b, "ends", b.endings("m1"), map[notify.State]int{notify.StateDelivered: 1, notify.StateRefused: 1})
		b.unchanged(func() { b.record(b.failedNow(msgID), b.sentNow(msgID)) })
		b.overdue(false)
		equal(b, "account", b.account(tmpl), account)
	}},
	{"a report of a delivered card changes nothing that counts", func(b *bench) {
		b.delivered("m1")
		account := b.account(tmpl)
		b.record(b.sentNow(msgID))
		b.unchanged(func() { b.record(b.sentNow(msgID)) })
		equal(b, "account", b.account(tmpl), account)
		b.overdue(false)
		b.counted(map[notify.State]int64{notify.StateDelivered: 1})
	}},
	{"a report after the end of an unknown card was told corrects it once, and is not paid again", func(b *bench) {
		b.aliceUnknown("m1")
		late := b.sentNow(msgID)
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		b.record(late)
		b.owns(tmpl, 0, 0)
		b.reconciled(reported(notify.StateDelivered, 1))
		b.counted(map[notify.State]int64{notify.StateUnknown: 0, notify.StateDelivered: 1})
		equal(b, "ends", b.endings("m1"), map[notify.State]int{notify.StateUnknown: 1, notify.StateDelivered: 1})
		b.Advance(notify.Lease)
		b.unchanged(func() { b.record(late); b.reconciled() })
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
			id := notify.MessageID(b.fresh("m"))
			b.aliceUnknown(id)
			late := b.sentNow(msgID + int64(i))
			b.Advance(unknownAfter)
			if _, err := b.Losing(lost.trip, lost.answer).Reconcile(b.Context(), 1000); err == nil {
				b.Fatalf("trip %d is lost, and there is no error", lost.trip)
			}
			b.record(late)
			for range 3 {
				b.Advance(notify.Lease)
				_, err := b.Store.Reconcile(b.Context(), 1000)
				b.must(err)
			}
			equal(b, "ends", b.endings(id), map[notify.State]int{notify.StateUnknown: 1, notify.StateDelivered: 1})
			b.overdue(false)
		}
		b.counted(map[notify.State]int64{notify.StateUnknown: 1, notify.StateDelivered: 6})
	}},
	{"a report waits while another card is being sent, which it could mean", func(b *bench) {
		b.bind()
		b.granted(2)
		b.unknownCard("c1")
		b.Advance(time.Second)
		b.reserved(reserveOf("c2"), notify.ReserveOK)
		b.record(b.sentNow(msgID - 1))
		equal(b, "first", b.resolve("c1").State, notify.CardUnknown)
		b.settle("c2", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		equal(b, "first", b.resolve("c1").State, notify.CardDelivered)
		b.owns(tmpl, 0, 0)
	}},
	{"a report of the card that is being sent leaves an unknown one alone", func(b *bench) {
		b.bind()
		b.granted(2)
		b.unknownCard("c1")
		b.Advance(time.Second)
		b.reserved(reserveOf("c2"), notify.ReserveOK)
		b.record(b.sentNow(msgID))
		b.settle("c2", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		equal(b, "first", b.resolve("c1").State, notify.CardUnknown)
		b.owns(tmpl, 1, 1)
	}},
	{"a report of a delivered card whose id WeChat did not tell leaves an older unknown one alone", func(b *bench) {
		b.bind()
		b.granted(2)
		b.unknownCard("c1")
		b.Advance(time.Second)
		b.reserved(reserveOf("c2"), notify.ReserveOK)
		s := settleOf("c2", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		s.MsgID = 0
		b.settles(s)
		b.record(b.sentNow(msgID))
		equal(b, "first", b.resolve("c1").State, notify.CardUnknown)
		b.record(b.sentNow(msgID - 1))
		equal(b, "first", b.resolve("c1").State, notify.CardDelivered)
	}},
	{"of two unknown cards a report means the later one that it can", func(b *bench) {
		b.bind()
		b.granted(2)
		b.unknownCard("c1")
		between := b.sentNow(msgID)
		b.Advance(10 * time.Second)
		b.unknownCard("c2")
		b.record(between)
		equal(b, "first", b.resolve("c1").State, notify.CardDelivered)
		equal(b, "second", b.resolve("c2").State, notify.CardUnknown)
	}},
	{"a report means no unknown card that was sent after it, long before it or with another template", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.Advance(time.Minute)
		early, late, other := b.sentNow(1), b.sentNow(2), b.sentNow(3)
		early.At = early.At.Add(-6 * time.Second)
		late.At = late.At.Add(10*time.Minute + time.Second)
		other.Template = tmpl2
		b.unknownCard("c1")
		b.record(early, late, other)
		b.Advance(time.Second)
		equal(b, "card", b.resolve("c1").State, notify.CardUnknown)
		b.record(b.sentNow(4))
		equal(b, "card", b.resolve("c1").State, notify.CardDelivered)
	}},
	{"a report that no card knows is kept for ten minutes", func(b *bench) {
		for _, d := range []time.Duration{10*time.Minute - time.Millisecond, 10 * time.Minute} {
			b.bind()
			b.grant(tmpl)
			b.Advance(time.Hour)
			b.record(b.failedNow(msgID))
			b.Advance(d)
			b.record(b.sentNow(1)) // with it what is too old goes
			card, want := notify.CardID(b.fresh("c")), notify.CardRefused
			if d == 10*time.Minute {
				want = notify.CardDelivered
			}
			b.reserved(reserveOf(card), notify.ReserveOK)
			equal(b, "settled", b.settles(settleOf(card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)), want)
			b.must(b.Store.EraseUser(b.Context(), alice))
		}
	}},
	{"of reports that no card knows the last twenty are kept", func(b *bench) {
		b.bind()
		b.granted(2)
		for i := range 21 {
			b.record(b.failedNow(msgID + int64(i)))
		}
		for i, want := range []notify.CardState{notify.CardDelivered, notify.CardRefused} {
			card := notify.CardID(fmt.Sprint("c", i))
			b.reserved(reserveOf(card), notify.ReserveOK)
			s := settleOf(card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
			s.MsgID = msgID + int64(i)
			equal(b, "settled", b.settles(s), want)
		}
	}},
	{"a repeated report that no card knows is kept once", func(b *bench) {
		b.bind()
		b.record(b.sentNow(msgID))
		b.unchanged(func() { b.record(b.sentNow(msgID)) })
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
	{"a report that is told to somebody who is not bound any more is counted", func(b *bench) {
		b.delivered("m1")
		b.bindTo(carol, aliceOpenID)
		b.record(b.failedNow(msgID))
		b.reconciled(reported(notify.StateRefused, 1))
		b.counted(map[notify.State]int64{notify.StateDelivered: 0, notify.StateRefused: 1})
	}},
	{"of a card that was reported, or that was not sent, no message is kept", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardNotSent, notify.PermitRefunded, "")
		b.reserved(reserveOf("c2"), notify.ReserveOK)
		b.settle("c2", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		b.record(b.sentNow(msgID))
		b.nothingNames("of c1", "of c2")
	}},
	{"a report of failure before the run wrote down the end is the only end", func(b *bench) {
		_, r := b.aliceSending("m1")
		b.settle(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		b.record(b.failedNow(msgID))
		b.Advance(notify.Lease)
		rec := b.only()
		for range 2 { // the answer may be lost
			equal(b, "resolved", b.resolve(r.Card), notify.Resolved{State: notify.CardRefused, Final: notify.StateRefused, Handed: true, Detail: "errcode 0"})
		}
		b.handed(rec, r)
		b.reconciled(reported(notify.StateRefused, 1))
		equal(b, "ends", b.endings("m1"), map[notify.State]int{notify.StateRefused: 1})
		b.counted(map[notify.State]int64{notify.StateRefused: 1})
		b.nothingDue()
	}},
	{"a report of failure that is told before the run wrote down the end is the only end", func(b *bench) {
		rec, r := b.aliceSending("m1")
		b.settle(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		b.record(b.failedNow(msgID), b.message("m2"))
		b.reconciled(reported(notify.StateRefused, 1))
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: r.Card, Final: b.final(notify.StateDelivered, "m1")})
		equal(b, "ends", b.endings("m1"), map[notify.State]int{notify.StateRefused: 1})
		b.counted(map[notify.State]int64{notify.StateRefused: 1})
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m2"})
	}},
	{"a report of failure whose telling stopped anywhere ends once what no run had written down", func(b *bench) {
		b.aliceUnknown("warm") // and the server knows the scripts
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		for i, lost := range []struct {
			trip   int
			answer bool
			ends   map[notify.State]int
		}{
			{1, false, map[notify.State]int{notify.StateRefused: 1}},
			{2, false, map[notify.State]int{notify.StateRefused: 1}},
			{2, true, map[notify.State]int{notify.StateDelivered: 1, notify.StateRefused: 1}},
			{3, false, map[notify.State]int{notify.StateDelivered: 1, notify.StateRefused: 1}},
			{4, false, map[notify.State]int{notify.StateDelivered: 1, notify.StateRefused: 1}},
			{4, true, map[notify.State]int{notify.StateRefused: 1}},
			{5, false, map[notify.State]int{notify.StateRefused: 1}},
			{6, false, map[notify.State]int{notify.StateRefused: 1}},
		} {
			b.Advance(time.Hour)
			id := notify.MessageID(b.fresh("m"))
			_, r := b.aliceSending(id)
			s := settleOf(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
			s.MsgID = int64(i + 1)
			b.settles(s)
			b.record(b.failedNow(s.MsgID))
			if _, err := b.Losing(lost.trip, lost.answer).Reconcile(b.Context(), 1000); err == nil {
				b.Fatalf("trip %d is lost, and there is no error", lost.trip)
			}
			b.Advance(notify.Lease)
			for _, rec := range b.claim().Recipients {
				got := b.resolve(r.Card)
				f := notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: r.Card, Final: b.final(got.Final, id)}
				if got.Handed {
					f.Final, f.Handed = nil, b.identities(id)
				}
				b.finish(f)
			}
			for range 2 {
				b.Advance(notify.Lease)
				_, err := b.Store.Reconcile(b.Context(), 1000)
				b.must(err)
			}
			equal(b, "ends", b.endings(id), lost.ends)
			b.overdue(false)
		}
		counts := b.counts()
		equal(b, "delivered", counts[notify.StateDelivered], 0)
		equal(b, "refused", counts[notify.StateRefused], 8)
	}},
}
