package store_test

import (
	"context"
	"fmt"
	"time"

	"wxnotify/shared/notify"
)

var cardRules = []rule{
	{"reserve holds one permit", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		equal(b, "left", b.balance(tmpl), 0)
		equal(b, "left of another template", b.balance(tmpl2), 1)
		equal(b, "ledger", b.ledger(tmpl).Balance, 1)
	}},
	{"reserve repeated by its caller is ok and holds one permit", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.unchanged(func() { b.reserved(reserveOf("c1"), notify.ReserveOK) })
		equal(b, "left", b.balance(tmpl), 1)
		b.Advance(notify.Lease)
		b.reserved(reserveOf("c1"), notify.ReserveVoid)
	}},
	{"of 200 callers one gets the only permit", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		got := b.concurrently(200, func(ctx context.Context, i int) (bool, error) {
			r, err := b.Store.Reserve(ctx, reserveOf(notify.CardID(fmt.Sprint("c", i))))
			return r.Status == notify.ReserveOK, err
		})
		equal(b, "reserved", got, 1)
	}},
	{"of many cards those that ended more than a day ago are forgotten", func(b *bench) {
		b.bind()
		b.granted(70)
		b.unknownCard("unknown.")
		for i := range 63 {
			card := notify.CardID(fmt.Sprintf("card-%d.", i))
			b.reserved(reserveOf(card), notify.ReserveOK)
			b.settle(card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		}
		b.Advance(24 * time.Hour)
		equal(b, "after a day", b.resolve("card-0.").State, notify.CardDelivered)
		b.Advance(time.Millisecond)
		for i := 63; i < 65; i++ {
			card := notify.CardID(fmt.Sprintf("card-%d.", i))
			b.reserved(reserveOf(card), notify.ReserveOK)
			b.settle(card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		}
		b.nothingNames("card-0.", "card-62.")
		equal(b, "a recent card", b.resolve("card-63.").State, notify.CardDelivered)
		equal(b, "an unknown card", b.resolve("unknown.").State, notify.CardUnknown)
	}},
	{"the first outcome stays", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		b.unchanged(func() {
			for _, s := range []notify.Settle{
				settleOf("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered),
				settleOf("c1", notify.CardRefused, notify.PermitZeroed, notify.StateNoPermit),
				settleOf("c1", notify.CardUnknown, notify.PermitHeld, ""),
			} {
				equal(b, "Settle", b.settles(s), notify.CardDelivered)
			}
		})
	}},
	{"a card never heard of is void and can no longer be reserved", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		equal(b, "resolved", b.resolve("c1"), notify.Resolved{State: notify.CardVoid})
		b.unchanged(func() { equal(b, "again", b.resolve("c1"), notify.Resolved{State: notify.CardVoid}) })
		b.reserved(reserveOf("c1"), notify.ReserveVoid)
		equal(b, "left", b.balance(tmpl), 1)
	}},
	{"of resolve and reserve the first one wins", func(b *bench) {
		b.bind()
		for range 40 {
			b.grant(tmpl)
		}
		for i := range 20 {
			card := notify.CardID(fmt.Sprint("c", i))
			var reserved notify.Reserved
			var resolved notify.Resolved
			b.concurrently(2, func(ctx context.Context, n int) (ok bool, err error) {
				if n == 0 {
					reserved, err = b.Store.Reserve(ctx, reserveOf(card))
				} else {
					resolved, err = b.Store.Resolve(ctx, notify.OpenCard{ID: card, OpenID: aliceOpenID, Template: tmpl})
				}
				return false, err
			})
			if sent := reserved.Status == notify.ReserveOK; sent == (resolved.State == notify.CardVoid) {
				b.Errorf("%s: reserve says %s, resolve %s", card, reserved.Status, resolved.State)
			}
			b.settles(settleOf(card, notify.CardNotSent, notify.PermitRefunded, ""))
		}
	}},
}
