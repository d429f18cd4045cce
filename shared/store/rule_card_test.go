package store_test

import (
	"context"
	"fmt"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

var cardRules = []rule{
	{"a card is reserved once, and its first outcome stays", func(b *bench) {
		b.bind()
		b.granted(2)
		b.reserved(reserveOf("c1"), permit.ReserveOK)
		b.unchanged(func() { b.reserved(reserveOf("c1"), permit.ReserveOK) })
		b.owns(tmpl, 2, 1)
		b.settle("c1", permit.CardDelivered, permit.Spent, fact.StateDelivered)
		b.unchanged(func() {
			equal(b, "delivered again", b.settles(settleOf("c1", permit.CardDelivered, permit.Spent, fact.StateDelivered)), permit.CardDelivered)
			equal(b, "refused then", b.settles(settleOf("c1", permit.CardRefused, permit.Zeroed, fact.StateNoPermit)), permit.CardDelivered)
			equal(b, "unknown then", b.settles(settleOf("c1", permit.CardUnknown, permit.Held, "")), permit.CardDelivered)
		})
		b.owns(tmpl, 1, 0)
	}},
	{"of 200 callers one gets the only permit", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		got := b.concurrently(200, func(ctx context.Context, i int) (bool, error) {
			r, err := b.Store.Reserve(ctx, reserveOf(card.ID(fmt.Sprint("c", i))))
			return r.Status == permit.ReserveOK, err
		})
		equal(b, "reserved", got, 1)
	}},
	{"of many cards those that ended more than a day ago are forgotten", func(b *bench) {
		b.bind()
		b.granted(70)
		b.unknownCard("unknown.")
		delivered := func(from, to int) {
			for i := from; i < to; i++ {
				id := card.ID(fmt.Sprintf("card-%d.", i))
				b.reserved(reserveOf(id), permit.ReserveOK)
				b.settle(id, permit.CardDelivered, permit.Spent, fact.StateDelivered)
			}
		}
		delivered(0, 63)
		b.Advance(24 * time.Hour)
		equal(b, "after a day", b.resolve("card-0.").State, permit.CardDelivered)
		b.Advance(time.Millisecond)
		delivered(63, 65)
		b.nothingNames("card-0.", "card-62.")
		equal(b, "a recent card", b.resolve("card-63.").State, permit.CardDelivered)
		equal(b, "an unknown card", b.resolve("unknown.").State, permit.CardUnknown)
	}},
	{"of resolve and reserve the first one wins", func(b *bench) {
		b.bind()
		b.granted(40)
		for i := range 20 {
			id := card.ID(fmt.Sprint("c", i))
			var reserved permit.Reserved
			var resolved permit.Resolved
			b.concurrently(2, func(ctx context.Context, n int) (ok bool, err error) {
				if n == 0 {
					reserved, err = b.Store.Reserve(ctx, reserveOf(id))
				} else {
					resolved, err = b.Store.Resolve(ctx, permit.OpenCard{ID: id, OpenID: aliceOpenID, Template: tmpl})
				}
				return false, err
			})
			if sent := reserved.Status == permit.ReserveOK; sent == (resolved.State == permit.CardVoid) {
				b.Errorf("%s: reserve says %s, resolve %s", id, reserved.Status, resolved.State)
			}
			b.settles(settleOf(id, permit.CardNotSent, permit.Refunded, ""))
			if resolved.State == permit.CardVoid {
				b.unchanged(func() { equal(b, "again", b.resolve(id).State, permit.CardVoid) })
			}
		}
	}},
}
