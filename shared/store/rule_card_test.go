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
	{"reserve holds one permit", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.reserved(reserveOf("c1"), permit.ReserveOK)
		equal(b, "left", b.balance(tmpl), 0)
		equal(b, "left of another template", b.balance(tmpl2), 1)
		equal(b, "ledger", b.ledger(tmpl).Balance, 1)
	}},
	{"reserve repeated by its caller is ok and holds one permit", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), permit.ReserveOK)
		b.unchanged(func() { b.reserved(reserveOf("c1"), permit.ReserveOK) })
		equal(b, "left", b.balance(tmpl), 1)
		b.Advance(permit.Lease)
		b.reserved(reserveOf("c1"), permit.ReserveVoid)
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
		for i := range 63 {
			id := card.ID(fmt.Sprintf("card-%d.", i))
			b.reserved(reserveOf(id), permit.ReserveOK)
			b.settle(id, permit.CardDelivered, permit.Spent, fact.StateDelivered)
		}
		b.Advance(24 * time.Hour)
		equal(b, "after a day", b.resolve("card-0.").State, permit.CardDelivered)
		b.Advance(time.Millisecond)
		for i := 63; i < 65; i++ {
			id := card.ID(fmt.Sprintf("card-%d.", i))
			b.reserved(reserveOf(id), permit.ReserveOK)
			b.settle(id, permit.CardDelivered, permit.Spent, fact.StateDelivered)
		}
		b.nothingNames("card-0.", "card-62.")
		equal(b, "a recent card", b.resolve("card-63.").State, permit.CardDelivered)
		equal(b, "an unknown card", b.resolve("unknown.").State, permit.CardUnknown)
	}},
	{"the first outcome stays", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), permit.ReserveOK)
		b.settle("c1", permit.CardDelivered, permit.Spent, fact.StateDelivered)
		b.unchanged(func() {
			for _, s := range []permit.Settle{
				settleOf("c1", permit.CardDelivered, permit.Spent, fact.StateDelivered),
				settleOf("c1", permit.CardRefused, permit.Zeroed, fact.StateNoPermit),
				settleOf("c1", permit.CardUnknown, permit.Held, ""),
			} {
				equal(b, "Settle", b.settles(s), permit.CardDelivered)
			}
		})
	}},
	{"a card never heard of is void and can no longer be reserved", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		equal(b, "resolved", b.resolve("c1"), permit.Resolved{State: permit.CardVoid})
		b.unchanged(func() { equal(b, "again", b.resolve("c1"), permit.Resolved{State: permit.CardVoid}) })
		b.reserved(reserveOf("c1"), permit.ReserveVoid)
		equal(b, "left", b.balance(tmpl), 1)
	}},
	{"of resolve and reserve the first one wins", func(b *bench) {
		b.bind()
		for range 40 {
			b.grant(tmpl)
		}
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
		}
	}},
}
