package store_test

import (
	"fmt"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// granted gives aliceOpenID n permits of tmpl in one granting session.
func (b *bench) granted(n int) {
	b.Helper()
	for range n {
		b.grant(tmpl)
	}
}

// sends takes a new card of alice through reserve and settle, delivered, and returns what
// Reserve said. change makes the reservation out of a plain one.
func (b *bench) sends(change func(r *notify.Reserve)) notify.Reserved {
	b.Helper()
	r := reserveOf(notify.CardID(b.fresh("card")))
	change(&r)
	got := b.reserve(r)
	if got.Status == notify.ReserveOK {
		s := settleOf(r.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		s.Template = r.Template
		s.MsgID = 0
		equal(b, "Settle", b.settles(s), notify.CardDelivered)
	}
	return got
}

func (b *bench) account(template notify.TemplateID) notify.Account {
	b.Helper()
	all, err := store.Accounts(b.Context(), b.Store, aliceOpenID)
	b.must(err)
	return all[template]
}

// long makes a reservation one of a long-term template.
func long(r *notify.Reserve) { r.LongTerm = true }

var spendRules = []rule{
	{"one grant of a long-term template pays for any number of cards", func(b *bench) {
		b.bind()
		equal(b, "before", b.sends(long).Status, notify.ReserveNoPermit)
		b.grant(tmpl)
		for range 5 {
			equal(b, "reserved", b.sends(long).Status, notify.ReserveOK)
		}
		b.owns(tmpl, 1, 0)
		r := reserveOf("c1")
		long(&r)
		b.reserved(r, notify.ReserveOK)
		b.settle("c1", notify.CardUnknown, notify.PermitHeld, "")
		equal(b, "beside an unknown one", b.sends(long).Status, notify.ReserveOK)
		b.owns(tmpl, 1, 1)
		b.Advance(unknownAfter)
		b.reconciled(notify.Ended{State: notify.StateUnknown, Reason: notify.ReasonSilentWeChat, Messages: 1})
		b.owns(tmpl, 1, 0)
	}},
	{"digests of a long-term template are not kept back", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		got := b.sends(func(r *notify.Reserve) { learnt(r); long(r); r.Keep = 7 })
		equal(b, "reserved", got, notify.Reserved{Status: notify.ReserveOK})
	}},
	{"a long-term template that was switched off, or that WeChat refuses, pays for nothing", func(b *bench) {
		b.bind()
		b.granted(2)
		b.Advance(time.Second)
		b.record(notify.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []notify.TemplateID{tmpl}})
		equal(b, "switched off", b.sends(long).Status, notify.ReserveNoPermit)
		b.Advance(time.Second)
		b.granted(2)
		b.Advance(time.Second)
		r := reserveOf("c1")
		long(&r)
		b.reserved(r, notify.ReserveOK)
		b.settle("c1", notify.CardRefused, notify.PermitZeroed, notify.StateNoPermit)
		equal(b, "refused", b.sends(long).Status, notify.ReserveNoPermit)
		b.owns(tmpl, 0, 0)
	}},
	{"a user gets so many cards an hour, of all templates together", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		for i, n := range []int{1, 2, 7, 30, 1000} {
			b.Advance(2 * time.Hour)
			perHour := func(r *notify.Reserve) {
				long(r)
				r.PerHour = n
				if b.serial%2 == 0 {
					r.Template = tmpl2
				}
			}
			for range min(n, 40) {
				equal(b, fmt.Sprintf("of %d an hour", n), b.sends(perHour).Status, notify.ReserveOK)
			}
			if i == 4 {
				break
			}
			next := b.Now().Add(time.Hour / time.Duration(n)).Truncate(time.Millisecond)
			got := b.sends(perHour)
			equal(b, "one too many", got.Status, notify.ReserveTooMany)
			if early := next.Sub(got.Until); early < 0 || early > 2*time.Duration(n)*time.Millisecond {
				b.Errorf("the next of %d an hour may go at %v, want %v", n, got.Until, next)
			}
			b.Advance(got.Until.Sub(b.Now()) - time.Millisecond)
			equal(b, "a little early", b.sends(perHour).Status, notify.ReserveTooMany)
			b.Advance(2 * time.Millisecond)
			equal(b, "in time", b.sends(perHour).Status, notify.ReserveOK)
		}
	}},
	{"of many permits that an hour does not let be spent none is held", func(b *bench) {
		b.bind()
		b.granted(3)
		one := func(r *notify.Reserve) { r.PerHour = 1 }
		b.sends(one)
		b.unchanged(func() { equal(b, "reserved", b.sends(one).Status, notify.ReserveTooMany) })
		b.owns(tmpl, 2, 0)
	}},
	{"an openid that WeChat does not know gets nothing until its next login", func(b *bench) {
		b.bind()
		b.grant(tmpl, tmpl2)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardRefused, notify.PermitZeroed, notify.StateRefused)
		b.Advance(time.Second)
		b.grant(tmpl)
		b.unchanged(func() {
			equal(b, "reserved", b.sends(func(*notify.Reserve) {}).Status, notify.ReserveGone)
			equal(b, "of another template", b.sends(func(r *notify.Reserve) { r.Template = tmpl2 }).Status, notify.ReserveGone)
		})
		b.bind()
		equal(b, "after a login", b.sends(func(*notify.Reserve) {}).Status, notify.ReserveOK)
	}},
	{"a card that is refused for another reason does not end the openid", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardRefused, notify.PermitZeroed, notify.StateNoPermit)
		equal(b, "reserved", b.sends(func(*notify.Reserve) {}).Status, notify.ReserveNoPermit)
	}},
	{"a permit that WeChat did not have is counted as drift, once", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		refused := settleOf("c1", notify.CardRefused, notify.PermitZeroed, notify.StateNoPermit)
		refused.Drift = true
		b.settles(refused)
		b.unchanged(func() { b.settles(refused) })
		b.Advance(time.Second)
		b.grant(tmpl)
		b.reserved(reserveOf("c2"), notify.ReserveOK)
		b.settle("c2", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		drift, err := store.Drift(b.Context(), b.Store)
		b.must(err)
		equal(b, "drift", drift, 1)
		equal(b, "drift of the template", b.account(tmpl).Drift, 1)
		b.must(b.Store.EraseUser(b.Context(), alice))
		drift, err = store.Drift(b.Context(), b.Store)
		b.must(err)
		equal(b, "drift after the user is gone", drift, 1)
	}},
	{"an account tells each change, and how it was paired", func(b *bench) {
		b.bind()
		tap := b.Now().Truncate(time.Millisecond)
		b.record(b.popup(tap), b.report(tap.Add(time.Second)), b.report(tap.Add(time.Hour)))
		b.Advance(time.Minute)
		sent := b.Now().Truncate(time.Millisecond)
		b.sends(func(*notify.Reserve) {})
		off := notify.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now().Add(2 * time.Minute), Templates: []notify.TemplateID{tmpl}}
		b.record(off)
		equal(b, "account", b.account(tmpl), notify.Account{Entries: []notify.AccountEntry{
			{At: tap, Kind: "popup", Change: 1, Paired: true},
			{At: tap.Add(5 * time.Minute), Kind: "report", Change: 1}, // a wrong clock
			{At: sent, Kind: "delivered", Change: -1},
		}, Balance: 1})
	}},
}
