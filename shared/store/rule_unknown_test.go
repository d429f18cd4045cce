package store_test

import (
	"context"
	"fmt"
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
	got, err := b.Store.Reconcile(b.Context(), 1000)
	b.must(err)
	equal(b, "ends", got, want)
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

// reported is the end of cards of which WeChat told, with n messages.
func reported(state fact.State, n int) notify.Ended {
	return notify.Ended{State: state, Reason: fact.ReasonReported, Messages: n}
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
func (b *bench) aliceUnknown(ids ...fact.MessageID) card.ID {
	b.Helper()
	rec, r := b.aliceSending(ids...)
	b.settle(r.ID, permit.CardUnknown, permit.Held, "")
	b.handed(rec, r)
	return r.ID
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

var unknownRules = []rule{
	{"when WeChat has been silent for too long an unknown card is paid for, and its messages end unknown", func(b *bench) {
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
		entries := b.account(tmpl).Entries
		equal(b, "last entry", entries[len(entries)-1], permit.AccountEntry{At: b.Now().Truncate(time.Millisecond), Kind: "unknown", Change: -1})
		b.Advance(permit.Lease)
		b.overdue(false)
		b.unchanged(func() { b.reconciled() })
	}},
	{"unknown cards of all shards are reconciled, some at a time", func(b *bench) {
		const all = 30
		for i := range all {
			user, openID := fact.UserID(fmt.Sprint("user", i)), fact.OpenID(fmt.Sprint("openid", i))
			b.bindTo(user, openID)
			s := settleOf(card.ID(fmt.Sprint("card", i)), permit.CardUnknown, permit.Held, "")
			s.User, s.OpenID = user, openID
			b.settles(s)
		}
		b.Advance(unknownAfter)
		told := 0
		for range all {
			ends, err := b.Store.Reconcile(b.Context(), 4)
			b.must(err)
			if len(ends) > 4 {
				b.Fatalf("%d ends, the limit is 4", len(ends))
			}
			told += len(ends)
			if len(ends) == 0 {
				break
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
		b.aliceUnknown("m0") // and the server knows the scripts
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		for _, answer := range []bool{false, true} {
			for trip := range 6 {
				b.Advance(time.Hour)
				id := fact.MessageID(b.fresh("m"))
				b.aliceUnknown(id)
				b.Advance(unknownAfter)
				if _, err := b.Losing(trip, answer).Reconcile(b.Context(), 1000); err == nil {
					b.Fatalf("trip %d is lost, and there is no error", trip)
				}
				b.Advance(permit.Lease)
				_, err := b.Store.Reconcile(b.Context(), 1000)
				b.must(err)
				b.ended(id, fact.StateUnknown, fact.ReasonSilentWeChat)
				b.overdue(false)
				b.owns(tmpl, 0, 0)
			}
		}
		b.counted(map[fact.State]int64{fact.StateUnknown: 13})
	}},
	{"an end that is told to somebody who is not bound any more is counted once, wherever that stopped", func(b *bench) {
		b.aliceUnknown("warm") // and the server knows the scripts
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		for i, lost := range []struct {
			trip   int
			answer bool
		}{{3, false}, {3, true}, {4, false}, {4, true}, {5, false}, {5, true}} {
			b.Advance(time.Hour)
			b.aliceUnknown(fact.MessageID(b.fresh("m")))
			b.bindTo(carol, aliceOpenID)
			b.Advance(unknownAfter)
			if _, err := b.Losing(lost.trip, lost.answer).Reconcile(b.Context(), 1000); err == nil {
				b.Fatalf("trip %d is lost, and there is no error", lost.trip)
			}
			b.Advance(permit.Lease)
			_, err := b.Store.Reconcile(b.Context(), 1000)
			b.must(err)
			b.counted(map[fact.State]int64{fact.StateUnknown: int64(i + 2)})
			b.overdue(false)
		}
	}},
}
