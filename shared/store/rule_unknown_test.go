package store_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/notify"
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
	return notify.Ended{State: notify.StateUnknown, Reason: notify.ReasonSilentWeChat, Messages: n}
}

// stranded is the end of cards whose run ended while it sent, with n messages.
func stranded(n int) notify.Ended {
	return notify.Ended{State: notify.StateUnknown, Reason: notify.ReasonStranded, Messages: n}
}

// reported is the end of cards of which WeChat told, with n messages.
func reported(state notify.State, n int) notify.Ended {
	return notify.Ended{State: state, Reason: notify.ReasonReported, Messages: n}
}

// aliceSending brings alice, with one permit and the messages ids, to a card that is being
// sent.
func (b *bench) aliceSending(ids ...notify.MessageID) (notify.Recipient, notify.Reserve) {
	b.Helper()
	rec, begun := b.aliceBegun(ids...)
	r := reserveOf(begun.Card)
	r.Messages = begun.Messages
	b.reserved(r, notify.ReserveOK)
	return rec, r
}

// aliceUnknown brings alice to a card with the messages ids, of which nobody knows whether
// it was shown. The run has handed its messages to Reconcile.
func (b *bench) aliceUnknown(ids ...notify.MessageID) notify.CardID {
	b.Helper()
	rec, r := b.aliceSending(ids...)
	b.settle(r.Card, notify.CardUnknown, notify.PermitHeld, "")
	b.handed(rec, r)
	return r.Card
}

// handed finishes rec with the messages of a card handed to Reconcile.
func (b *bench) handed(rec notify.Recipient, r notify.Reserve) {
	b.Helper()
	ends := b.finish(notify.Finish{User: rec.User, Lane: rec.Lane, Lease: rec.Lease, Card: r.Card, Handed: r.Messages})
	equal(b, "ended", ends, [][]notify.Ended{nil})
}

// unknownCard reserves a card that is unknown at once, whoever its recipient is.
func (b *bench) unknownCard(card notify.CardID) {
	b.Helper()
	b.reserved(reserveOf(card), notify.ReserveOK)
	b.settle(card, notify.CardUnknown, notify.PermitHeld, "")
}

var unknownRules = []rule{
	{"the permit of an unknown card is held, and nobody else can spend it", func(b *bench) {
		b.bind()
		b.granted(2)
		b.unknownCard("c1")
		b.owns(tmpl, 2, 1)
		equal(b, "left", b.balance(tmpl), 1)
		b.unknownCard("c2") // it blocks no other
		b.owns(tmpl, 2, 2)
		b.reserved(reserveOf("c3"), notify.ReserveNoPermit)
		equal(b, "resolved", b.resolve("c1"), notify.Resolved{State: notify.CardUnknown, Handed: true, Detail: "errcode 0"})
	}},
	{"what was handed over waits no more, and has not ended yet", func(b *bench) {
		b.aliceUnknown("m1", "m2")
		b.counted(map[notify.State]int64{})
		b.Advance(unknownAfter)
		b.nothingDue()
	}},
	{"when WeChat has been silent for too long an unknown card is paid for, and its messages end unknown", func(b *bench) {
		b.aliceUnknown("m1", "m2")
		b.Advance(unknownAfter - time.Millisecond)
		b.overdue(false)
		b.unchanged(func() { b.reconciled() })
		b.owns(tmpl, 1, 1)
		b.Advance(time.Millisecond)
		b.overdue(true)
		b.reconciled(noReport(2))
		b.ended("m1", notify.StateUnknown, notify.ReasonSilentWeChat)
		b.ended("m2", notify.StateUnknown, notify.ReasonSilentWeChat)
		b.counted(map[notify.State]int64{notify.StateUnknown: 2})
		b.owns(tmpl, 0, 0)
		entries := b.account(tmpl).Entries
		equal(b, "last entry", entries[len(entries)-1], notify.AccountEntry{At: b.Now().Truncate(time.Millisecond), Kind: "unknown", Change: -1})
		b.Advance(notify.Lease)
		b.overdue(false)
		b.unchanged(func() { b.reconciled() })
	}},
	{"without patience an unknown card ends at the next look", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		s := settleOf("c1", notify.CardUnknown, notify.PermitHeld, "")
		s.UnknownAfter = 0
		b.settles(s)
		b.reconciled(noReport(1))
	}},
	{"the timeline names the card that was unknown", func(b *bench) {
		card := b.aliceUnknown("m1")
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		steps := b.timeline(alice)
		equal(b, "last step", steps[len(steps)-1], notify.Step{At: b.Now().Truncate(time.Millisecond), Kind: notify.StepFinal, Card: card,
			Messages: b.identities("m1"), State: notify.StateUnknown, Reason: notify.ReasonSilentWeChat})
	}},
	{"a card of which no run has heard again ends once, whoever finds it first", func(b *bench) {
		for i, find := range []func(card notify.CardID){
			func(card notify.CardID) { b.resolve(card) },
			func(notify.CardID) { b.reserved(reserveOf(notify.CardID(b.fresh("another"))), notify.ReserveNoPermit) },
		} {
			b.Advance(time.Hour)
			id := notify.MessageID(fmt.Sprint("m", i))
			_, r := b.aliceSending(id)
			b.Advance(notify.Lease)
			find(r.Card)
			rec := b.only()
			equal(b, "resolved", b.resolve(rec.Open.ID), notify.Resolved{State: notify.CardUnknown, Handed: true})
			b.handed(rec, r)
			b.nothingDue()
			b.Advance(unknownAfter)
			b.reconciled(stranded(1))
			b.ended(id, notify.StateUnknown, notify.ReasonStranded)
		}
		b.owns(tmpl, 0, 0)
	}},
	{"a stranded card whose end was told before its recipient was taken up ends once", func(b *bench) {
		_, r := b.aliceSending("m1")
		b.Advance(notify.Lease)
		b.resolve(r.Card)
		b.Advance(unknownAfter)
		b.reconciled(stranded(1))
		rec := b.only()
		equal(b, "resolved", b.resolve(r.Card), notify.Resolved{State: notify.CardUnknown, Final: notify.StateUnknown, Handed: true})
		b.handed(rec, r)
		b.ended("m1", notify.StateUnknown, notify.ReasonStranded)
		b.Advance(time.Hour)
		b.reconciled()
		b.nothingDue()
	}},
	{"a permit that is switched off while it is held is paid once", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.unknownCard("c1")
		b.Advance(time.Second)
		b.record(notify.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []notify.TemplateID{tmpl}})
		b.owns(tmpl, 0, 1)
		equal(b, "left", b.balance(tmpl), 0)
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		b.owns(tmpl, 0, 0)
	}},
	{"a card whose reservation the store has forgotten may be unknown", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.settle("c1", notify.CardUnknown, notify.PermitHeld, "")
		b.owns(tmpl, 1, 1)
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		b.ended("of c1", notify.StateUnknown, notify.ReasonSilentWeChat)
		b.owns(tmpl, 0, 0)
	}},
	{"unknown cards of all shards are reconciled, some at a time", func(b *bench) {
		const all = 30
		for i := range all {
			user, openID := notify.UserID(fmt.Sprint("user", i)), notify.OpenID(fmt.Sprint("openid", i))
			b.bindTo(user, openID)
			s := settleOf(notify.CardID(fmt.Sprint("card", i)), notify.CardUnknown, notify.PermitHeld, "")
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
		b.counted(map[notify.State]int64{notify.StateUnknown: all})
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
		b.ended("m1", notify.StateUnknown, notify.ReasonSilentWeChat)
	}},
	{"the end of an unknown card is told its user where he is bound now", func(b *bench) {
		b.aliceUnknown("m1")
		b.bindTo(alice, otherOpenID)
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		b.ended("m1", notify.StateUnknown, notify.ReasonSilentWeChat)
	}},
	{"the end of an unknown card of somebody who is not bound any more is counted", func(b *bench) {
		b.aliceUnknown("m1")
		b.bindTo(carol, aliceOpenID)
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		b.counted(map[notify.State]int64{notify.StateUnknown: 1})
		b.overdue(false)
	}},
	{"what is unknown when its user is erased ends erased", func(b *bench) {
		for i, erase := range []func() error{
			func() error { return b.Store.EraseUser(b.Context(), alice) },
			func() error { return b.Store.EraseOpenID(b.Context(), aliceOpenID) },
		} {
			b.aliceUnknown("m1", "m2")
			b.must(erase())
			b.counted(map[notify.State]int64{notify.StateErased: int64(2 + 2*i)})
			b.Advance(unknownAfter)
			b.overdue(false)
			b.reconciled()
		}
	}},
	{"what is unknown and not handed over yet when its user is erased ends erased once", func(b *bench) {
		for i, erase := range []func() error{
			func() error { return b.Store.EraseUser(b.Context(), alice) },
			func() error { return b.Store.EraseOpenID(b.Context(), aliceOpenID) },
		} {
			rec, r := b.aliceSending("m1", "m2")
			b.settle(r.Card, notify.CardUnknown, notify.PermitHeld, "")
			b.must(erase())
			b.handed(rec, r)
			b.counted(map[notify.State]int64{notify.StateErased: int64(2 + 2*i)})
		}
	}},
	{"what has ended with an unknown card that no run let go of does not end again when its user is erased", func(b *bench) {
		for i, erase := range []func() error{
			func() error { return b.Store.EraseUser(b.Context(), alice) },
			func() error { return b.Store.EraseOpenID(b.Context(), aliceOpenID) },
		} {
			_, r := b.aliceSending("m1", "m2")
			b.settle(r.Card, notify.CardUnknown, notify.PermitHeld, "")
			b.Advance(unknownAfter)
			b.reconciled(noReport(2))
			b.record(b.message("m3"))
			b.must(erase())
			b.counted(map[notify.State]int64{notify.StateUnknown: int64(2 + 2*i), notify.StateErased: int64(1 + i)})
		}
	}},
	{"a card that was forgotten is not overdue for ever", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.unknownCard("c1")
		b.forget(func(key string) bool { return strings.HasSuffix(key, ":c:"+string(aliceOpenID)) })
		b.Advance(unknownAfter)
		b.overdue(true)
		b.reconciled()
		b.Advance(notify.Lease)
		b.overdue(false)
		b.record(notify.Erase{OpenID: aliceOpenID}) // whose account holds a permit for a card that is gone
	}},
	{"a reconciliation that stopped anywhere is completed, and ends what was unknown once", func(b *bench) {
		b.aliceUnknown("m0") // and the server knows the scripts
		b.Advance(unknownAfter)
		b.reconciled(noReport(1))
		for _, answer := range []bool{false, true} {
			for trip := range 6 {
				b.Advance(time.Hour)
				id := notify.MessageID(b.fresh("m"))
				b.aliceUnknown(id)
				b.Advance(unknownAfter)
				if _, err := b.Losing(trip, answer).Reconcile(b.Context(), 1000); err == nil {
					b.Fatalf("trip %d is lost, and there is no error", trip)
				}
				b.Advance(notify.Lease)
				_, err := b.Store.Reconcile(b.Context(), 1000)
				b.must(err)
				b.ended(id, notify.StateUnknown, notify.ReasonSilentWeChat)
				b.overdue(false)
				b.owns(tmpl, 0, 0)
			}
		}
		b.counted(map[notify.State]int64{notify.StateUnknown: 13})
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
			b.aliceUnknown(notify.MessageID(b.fresh("m")))
			b.bindTo(carol, aliceOpenID)
			b.Advance(unknownAfter)
			if _, err := b.Losing(lost.trip, lost.answer).Reconcile(b.Context(), 1000); err == nil {
				b.Fatalf("trip %d is lost, and there is no error", lost.trip)
			}
			b.Advance(notify.Lease)
			_, err := b.Store.Reconcile(b.Context(), 1000)
			b.must(err)
			b.counted(map[notify.State]int64{notify.StateUnknown: int64(i + 2)})
			b.overdue(false)
		}
	}},
}
