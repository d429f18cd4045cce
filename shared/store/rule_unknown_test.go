package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// reconciled wants Reconcile to say that exactly these ends came about.
func (b *bench) reconciled(want ...notify.Ended) {
	b.Helper()
	equal(b, "ends", must(b.Store.Reconcile(b.Context(), 1000))(b), want)
}

// overdue wants a claim to say that cards wait to be reconciled, or not.
func (b *bench) overdue(want bool) {
	b.Helper()
	equal(b, "overdue", b.claim().Overdue, want)
}

// noReport is the end of cards of which nothing was heard, with n messages.
func noReport(n int) notify.Ended {
	return notify.Ended{State: fact.StateUnknown, Reason: fact.ReasonSilentWeChat, Messages: n}
}

// aliceSending brings alice, with one permit and the messages ids, to a card that is being
// sent.
func (b *bench) aliceSending(ids ...fact.MessageID) (notify.Recipient, permit.Reserve) {
	b.Helper()
	rec, begun := b.aliceBegun(ids...)
	r := reserveOf(begun.Card)
	r.Messages = begun.Messages
	b.reserved(r, permit.ReserveOK)
	return rec, r
}

// aliceUnknown brings alice to a card with the messages ids, of which nobody knows whether
// it was shown. The run has handed its messages to Reconcile.
func (b *bench) aliceUnknown(ids ...fact.MessageID) {
	b.Helper()
	rec, r := b.aliceSending(ids...)
	b.settle(r.ID, permit.CardUnknown, permit.Held, "")
	b.handed(rec, r)
}

// handed finishes rec with the messages of a card handed to Reconcile.
func (b *bench) handed(rec notify.Recipient, r permit.Reserve) {
	b.Helper()
	ends := b.finish(notify.Finish{User: rec.User, Queue: rec.Queue, Lease: rec.Lease, Card: r.ID, Handed: r.Messages})
	equal(b, "ended", ends, [][]notify.Ended{nil})
}

// unknownCard reserves a card that is unknown at once, whoever its recipient is.
func (b *bench) unknownCard(id card.ID) {
	b.Helper()
	b.reserved(reserveOf(id), permit.ReserveOK)
	b.settle(id, permit.CardUnknown, permit.Held, "")
}

// oneUnknown leaves the end of an unknown card behind, and a server that knows the scripts.
func (b *bench) oneUnknown() {
	b.Helper()
	b.aliceUnknown("first")
	b.Advance(unknownAfter)
	b.reconciled(noReport(1))
}

// A lostTrip does not reach the server, or its answer is lost.
type lostTrip struct {
	trip   int
	answer bool
}

// stops has a reconciliation stop at a trip.
func (b *bench) stops(at lostTrip) {
	b.Helper()
	if _, err := b.Losing(at.trip, at.answer).Reconcile(b.Context(), 1000); err == nil {
		b.Fatalf("trip %d is lost, and there is no error", at.trip)
	}
}

// completed has later runs reconcile all that is left.
func (b *bench) completed() {
	b.Helper()
	for range 3 {
		b.Advance(permit.Lease)
		must(b.Store.Reconcile(b.Context(), 1000))(b)
	}
	b.overdue(false)
}

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

// endings returns how often alice's message ended in each state.
func (b *bench) endings(id fact.MessageID) map[fact.State]int {
	b.Helper()
	got := map[fact.State]int{}
	for _, s := range b.timeline(alice) {
		if s.Kind == notify.StepFinal && slices.Contains(fact.MessageIDs(s.Messages), id) {
			got[s.State]++
		}
	}
	return got
}

var unknownRules = []rule{
	{"an unknown card is overdue when WeChat has been silent for too long, and its messages end unknown", func(b *bench) {
		b.aliceUnknown("m1", "m2")
		b.Advance(unknownAfter - time.Millisecond)
		b.overdue(false)
		b.unchanged(func() { b.reconciled() })
		b.owns(tmpl, 1, 1)
		b.Advance(time.Millisecond)
		b.overdue(true)
		b.reconciled(noReport(2))
		b.ended("m1", fact.StateUnknown, fact.ReasonSilentWeChat)
		b.ended("m2", fact.StateUnknown, fact.ReasonSilentWeChat)
		b.counted(map[fact.State]int64{fact.StateUnknown: 2})
		b.owns(tmpl, 0, 0)
		b.Advance(permit.Lease)
		b.overdue(false)
		b.unchanged(func() { b.reconciled() })
	}},
	{"unknown cards of all shards are reconciled, some at a time", func(b *bench) {
		const all = 30
		for i := range all {
			s := settleOf(card.ID(fmt.Sprint("card", i)), permit.CardUnknown, permit.Held, "")
			s.User, s.OpenID = fact.UserID(fmt.Sprint("user", i)), fact.OpenID(fmt.Sprint("openid", i))
			b.bindTo(s.User, s.OpenID)
			b.settles(s)
		}
		b.Advance(unknownAfter)
		told := 0
		for n := -1; n != 0; told += n {
			if n = len(must(b.Store.Reconcile(b.Context(), 4))(b)); n > 4 {
				b.Fatalf("%d ends, the limit is 4", n)
			}
		}
		equal(b, "told", told, all)
		b.counted(map[fact.State]int64{fact.StateUnknown: all})
		b.overdue(false)
	}},
	{"of many who reconcile at once one tells the end", func(b *bench) {
		b.aliceUnknown("m1")
		b.Advance(unknownAfter)
		got := b.concurrently(20, func(ctx context.Context, _ int) (bool, error) {
			ends, err := b.Store.Reconcile(ctx, 1000)
			return len(ends) > 0, err
		})
		equal(b, "who told it", got, 1)
		b.ended("m1", fact.StateUnknown, fact.ReasonSilentWeChat)
	}},
	{"what is unknown when its user is erased ends erased, once, whether its run has let go of it or not", func(b *bench) {
		for i, erase := range []func() error{
			func() error { return b.Store.EraseUser(b.Context(), alice) },
			func() error { return b.Store.EraseOpenID(b.Context(), aliceOpenID) },
		} {
			rec, r := b.aliceSending("m1", "m2")
			b.settle(r.ID, permit.CardUnknown, permit.Held, "")
			b.must(erase())
			b.handed(rec, r)
			b.aliceUnknown("m3", "m4")
			b.must(erase())
			b.counted(map[fact.State]int64{fact.StateErased: int64(4 + 4*i)})
			b.Advance(unknownAfter)
			b.overdue(false)
			b.reconciled()
		}
	}},
	{"what has ended with an unknown card that no run let go of does not end again when its user is erased", func(b *bench) {
		_, r := b.aliceSending("m1", "m2")
		b.settle(r.ID, permit.CardUnknown, permit.Held, "")
		b.Advance(unknownAfter)
		b.reconciled(noReport(2))
		b.record(b.message("m3"))
		b.must(b.Store.EraseUser(b.Context(), alice))
		b.counted(map[fact.State]int64{fact.StateUnknown: 2, fact.StateErased: 1})
	}},
	{"a card that was forgotten is not overdue for ever", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.unknownCard("c1")
		b.forget(func(key string) bool { return strings.HasSuffix(key, ":c:"+string(aliceOpenID)) })
		b.Advance(unknownAfter)
		b.overdue(true)
		b.reconciled()
		b.Advance(permit.Lease)
		b.overdue(false)
		b.record(fact.Erase{OpenID: aliceOpenID}) // whose account holds a permit for a card that is gone
	}},
	{"a reconciliation that stopped anywhere is completed, and ends what was unknown once", func(b *bench) {
		b.oneUnknown()
		for trip := range 12 {
			b.Advance(time.Hour)
			id := fact.MessageID(b.fresh("m"))
			b.aliceUnknown(id)
			b.Advance(unknownAfter)
			b.stops(lostTrip{trip / 2, trip%2 == 1})
			b.completed()
			b.ended(id, fact.StateUnknown, fact.ReasonSilentWeChat)
			b.owns(tmpl, 0, 0)
		}
		b.counted(map[fact.State]int64{fact.StateUnknown: 13})
	}},
	{"an end that is told to somebody who is not bound any more is counted once, wherever that stopped", func(b *bench) {
		b.oneUnknown()
		for i, at := range []lostTrip{{3, false}, {3, true}, {4, false}, {4, true}, {5, false}, {5, true}} {
			b.Advance(time.Hour)
			b.aliceUnknown(fact.MessageID(b.fresh("m")))
			b.bindTo(carol, aliceOpenID)
			b.Advance(unknownAfter)
			b.stops(at)
			b.completed()
			b.counted(map[fact.State]int64{fact.StateUnknown: int64(i + 2)})
		}
	}},
	{"a report between the end of an unknown card and its telling corrects what is told first", func(b *bench) {
		b.oneUnknown()
		for i, at := range []lostTrip{{3, false}, {3, true}, {4, false}, {4, true}, {5, false}, {6, false}} {
			b.Advance(time.Hour)
			id := fact.MessageID(b.fresh("m"))
			b.aliceUnknown(id)
			late := b.sentNow(msgID + int64(i))
			b.Advance(unknownAfter)
			b.stops(at)
			b.record(late)
			b.completed()
			equal(b, "ends", b.endings(id), map[fact.State]int{fact.StateUnknown: 1, fact.StateDelivered: 1})
		}
		b.counted(map[fact.State]int64{fact.StateUnknown: 1, fact.StateDelivered: 6})
	}},
	{"a report of failure is told once, and corrects what was counted", func(b *bench) {
		rec, r := b.aliceSending("m1", "m2")
		b.settle(r.ID, permit.CardDelivered, permit.Spent, fact.StateDelivered)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: r.ID, Final: b.final(fact.StateDelivered, "m1", "m2")})
		b.record(b.failedNow(msgID))
		b.overdue(true)
		b.reconciled(notify.Ended{State: fact.StateRefused, Reason: fact.ReasonReported, Messages: 2})
		b.counted(map[fact.State]int64{fact.StateRefused: 2})
		b.unchanged(func() { b.record(b.failedNow(msgID), b.sentNow(msgID)) })
		b.overdue(false)
	}},
	{"a report of an openid never heard of stores nothing", func(b *bench) {
		b.unchanged(func() { b.record(b.sentNow(msgID)) })
	}},
	{"a report of failure whose telling stopped anywhere ends once what no run had written down", func(b *bench) {
		b.oneUnknown()
		refused, both := map[fact.State]int{fact.StateRefused: 1}, map[fact.State]int{fact.StateDelivered: 1, fact.StateRefused: 1}
		for i, c := range []struct {
			at   lostTrip
			ends map[fact.State]int
		}{{lostTrip{1, false}, refused}, {lostTrip{2, false}, refused}, {lostTrip{2, true}, both}, {lostTrip{3, false}, both},
			{lostTrip{4, false}, both}, {lostTrip{4, true}, refused}, {lostTrip{5, false}, refused}, {lostTrip{6, false}, refused}} {
			b.Advance(time.Hour)
			id := fact.MessageID(b.fresh("m"))
			_, r := b.aliceSending(id)
			s := settleOf(r.ID, permit.CardDelivered, permit.Spent, fact.StateDelivered)
			s.MsgID = int64(i + 1)
			b.settles(s)
			b.record(b.failedNow(s.MsgID))
			b.stops(c.at)
			b.Advance(permit.Lease)
			for _, rec := range b.claim().Recipients {
				got := b.resolve(r.ID)
				f := notify.Finish{User: alice, Queue: rec.Queue, Lease: rec.Lease, Card: r.ID, Final: b.final(got.Final, id)}
				if got.Handed {
					f.Final, f.Handed = nil, b.identities(id)
				}
				b.finish(f)
			}
			b.completed()
			equal(b, "ends", b.endings(id), c.ends)
		}
		counts := b.counts()
		equal(b, "delivered and refused", [2]int64{counts[fact.StateDelivered], counts[fact.StateRefused]}, [2]int64{0, 8})
	}},
}
