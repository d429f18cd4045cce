package store_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/notify"
)

var reserveRules = []rule{
	{"reserve holds one permit", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		equal(b, "left", b.balance(tmpl), 0)
		equal(b, "left of another template", b.balance(tmpl2), 1)
		equal(b, "ledger", b.ledger(tmpl).Balance, 1)
	}},
	{"reserve without a permit is no permit", func(b *bench) {
		b.bind()
		b.grant(tmpl2)
		b.unchanged(func() { b.reserved(reserveOf("c1"), notify.ReserveNoPermit) })
	}},
	{"reserve for a user who is not the subscriber is unbound", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		r := reserveOf("c1")
		r.User = bob
		b.unchanged(func() { b.reserved(r, notify.ReserveUnbound) })
		r.OpenID = otherOpenID
		b.unchanged(func() { b.reserved(r, notify.ReserveUnbound) })
	}},
	{"reserve after an erasure is erased", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.must(b.Store.EraseUser(b.Context(), alice))
		b.unchanged(func() { b.reserved(reserveOf("c1"), notify.ReserveErased) })
	}},
	{"one card of a template is sent at a time", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		until := b.Now().Add(notify.Lease).Truncate(time.Millisecond)
		b.Advance(notify.Lease - time.Millisecond)
		b.unchanged(func() {
			equal(b, "second", b.reserve(reserveOf("c2")), notify.Reserved{Status: notify.ReserveBusy, Until: until})
		})
	}},
	{"one card of an openid is on its way at a time, until it is settled or cannot be any more", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.grant(tmpl, tmpl2)
		other := func(card notify.CardID) notify.Reserve {
			r := reserveOf(card)
			r.Template = tmpl2
			return r
		}
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		until := b.Now().Add(notify.InFlight).Truncate(time.Millisecond)
		b.unchanged(func() {
			equal(b, "second", b.reserve(other("c2")), notify.Reserved{Status: notify.ReserveBusy, Until: until})
		})
		b.settle("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		b.reserved(other("c2"), notify.ReserveOK)
		b.Advance(notify.InFlight - time.Millisecond)
		b.reserved(reserveOf("c3"), notify.ReserveBusy)
		b.Advance(time.Millisecond)
		b.reserved(reserveOf("c3"), notify.ReserveOK)
		equal(b, "whose run may still settle it", b.resolve("c2").State, notify.CardSending)
	}},
	{"a card whose sender let its lease pass is unknown and its permit held", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.Advance(notify.Lease)
		b.reserved(reserveOf("c2"), notify.ReserveOK)
		b.owns(tmpl, 2, 2)
		equal(b, "first", b.resolve("c1"), notify.Resolved{State: notify.CardUnknown, Handed: true})
		b.unchanged(func() {
			late := settleOf("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
			equal(b, "a late outcome", b.settles(late), notify.CardUnknown)
		})
	}},
	{"a lapsed card keeps its permit from others even if none is left", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.Advance(notify.Lease)
		b.reserved(reserveOf("c2"), notify.ReserveNoPermit)
		b.owns(tmpl, 1, 1)
		b.grant(tmpl)
		b.reserved(reserveOf("c3"), notify.ReserveOK)
		b.owns(tmpl, 2, 2)
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
	{"a card that holds a permit of one template cannot be sent with another", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		other := reserveOf("c1")
		other.Template = tmpl2
		b.unchanged(func() { b.reserved(other, notify.ReserveVoid) })
	}},
	{"a settled card cannot be reserved again", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardNotSent, notify.PermitRefunded, "")
		b.unchanged(func() { b.reserved(reserveOf("c1"), notify.ReserveVoid) })
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
}

var settleRules = []rule{
	{"spent: the permit is gone", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		equal(b, "left", b.balance(tmpl), 1)
		b.reserved(reserveOf("c2"), notify.ReserveOK)
	}},
	{"refunded: the permit is back", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardNotSent, notify.PermitRefunded, "")
		equal(b, "left", b.balance(tmpl), 1)
	}},
	{"zeroed: this permit and all older ones are gone, newer ones stay", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.grant(tmpl)
		b.Advance(time.Second)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.Advance(time.Second)
		b.grant(tmpl)
		b.settle("c1", notify.CardRefused, notify.PermitZeroed, notify.StateNoPermit)
		equal(b, "left", b.balance(tmpl), 1)
		equal(b, "left of another template", b.balance(tmpl2), 1)
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
	{"a card that nobody reserved, and that was not sent, cannot be settled", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.unchanged(func() {
			equal(b, "Settle", b.settles(settleOf("c1", notify.CardNotSent, notify.PermitRefunded, "")), "")
		})
	}},
	{"a card whose reservation the store has forgotten is paid for when it was sent", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.settle("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		equal(b, "balance", b.balance(tmpl), 0)
		equal(b, "state", b.resolve("c1").State, notify.CardDelivered)
	}},
	{"WeChat's message id is kept to its last digit", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		for _, value := range b.dump() {
			if strings.Contains(value, `"4611686018427387905"`) {
				return
			}
		}
		b.Errorf("the id is not in %v", b.dump())
	}},
}

var resolveRules = []rule{
	{"a card never heard of is void and can no longer be reserved", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		equal(b, "resolved", b.resolve("c1"), notify.Resolved{State: notify.CardVoid})
		b.unchanged(func() { equal(b, "again", b.resolve("c1"), notify.Resolved{State: notify.CardVoid}) })
		b.reserved(reserveOf("c1"), notify.ReserveVoid)
		equal(b, "left", b.balance(tmpl), 1)
	}},
	{"what may have been sent to an openid that was erased is not announced again", func(b *bench) {
		rec, _ := b.aliceSending("m1")
		b.bindTo(carol, aliceOpenID)
		b.bindTo(alice, otherOpenID)
		b.must(b.Store.EraseUser(b.Context(), carol))
		b.Advance(notify.Lease)
		open := b.only().Open
		equal(b, "resolved", b.resolve(open.ID), notify.Resolved{State: notify.CardRefused, Final: notify.StateErased})
		equal(b, "card", open.ID, beginOf(rec).Card)
	}},
	{"a card being sent is sending until its lease ends, then unknown, its permit held", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		until := b.Now().Add(notify.Lease).Truncate(time.Millisecond)
		b.Advance(notify.Lease - time.Millisecond)
		b.unchanged(func() {
			equal(b, "in time", b.resolve("c1"), notify.Resolved{State: notify.CardSending, Until: until})
		})
		b.Advance(time.Millisecond)
		equal(b, "late", b.resolve("c1"), notify.Resolved{State: notify.CardUnknown, Handed: true})
		b.owns(tmpl, 1, 1)
		b.unchanged(func() { b.resolve("c1") })
	}},
	settled("delivered", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered),
	settled("not sent", notify.CardNotSent, notify.PermitRefunded, ""),
	settled("refused", notify.CardRefused, notify.PermitZeroed, notify.StateNoPermit),
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

// settled is the rule that Resolve tells an outcome that was written down.
func settled(name string, state notify.CardState, permit notify.PermitFate, final notify.State) rule {
	return rule{"a card that was settled as " + name + " says so", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", state, permit, final)
		b.unchanged(func() {
			equal(b, "resolved", b.resolve("c1"), notify.Resolved{State: state, Final: final, Detail: "errcode 0"})
		})
	}}
}
