package store_test

import (
	"errors"
	"strings"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// boundTo wants user to be bound to openID, or to nobody if that is empty.
func (b *bench) boundTo(user notify.UserID, openID notify.OpenID) {
	b.Helper()
	got, err := b.Store.OpenIDOf(b.Context(), user)
	if openID == "" && errors.Is(err, store.ErrNotBound) {
		return
	}
	b.must(err)
	equal(b, "openid of "+string(user), got, openID)
}

func (b *bench) bindDefault(openID notify.OpenID, def, want notify.UserID) {
	b.Helper()
	got, err := b.Store.BindDefault(b.Context(), openID, def)
	b.must(err)
	equal(b, "user", got, want)
	b.boundTo(got, openID)
}

var bindRules = []rule{
	{"the first login takes the default", func(b *bench) {
		b.boundTo(alice, "")
		b.bindDefault(aliceOpenID, alice, alice)
	}},
	{"a later login keeps what is stored", func(b *bench) {
		b.bindDefault(aliceOpenID, alice, alice)
		b.unchanged(func() { b.bindDefault(aliceOpenID, carol, alice) })
	}},
	{"a trusted login names the user", func(b *bench) {
		b.bindDefault(aliceOpenID, alice, alice)
		b.bindTo(carol, aliceOpenID)
		b.boundTo(carol, aliceOpenID)
		b.boundTo(alice, "")
		b.bindDefault(aliceOpenID, alice, carol)
	}},
	{"a repeated login changes nothing", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.record(b.message("m1"))
		b.unchanged(b.bind)
	}},
	{"an openid that moves to another user unbinds the first, whose notices end", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.record(b.left(), b.message("m1"))
		b.bindTo(carol, aliceOpenID)
		b.ended("m1", notify.StateUnbound, notify.ReasonNewerBinding)
		b.counted(map[notify.State]int64{notify.StateUnbound: 1})
		b.boundTo(alice, "")
		equal(b, "permits stay with the openid", b.balance(tmpl), 1)
		b.record(b.message("m2"))
		b.counted(map[notify.State]int64{notify.StateUnbound: 1, notify.StateNotBound: 1})
		b.reserved(reserveOf("c1"), notify.ReserveUnbound)
	}},
	{"nothing lasting is kept of a user who is not bound any more", func(b *bench) {
		b.bind()
		b.record(b.left())
		b.bindTo(carol, aliceOpenID)
		b.nothingNames(string(alice))
	}},
	{"a user who moves to another openid takes his notices along", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.bindTo(alice, otherOpenID)
		b.boundTo(alice, otherOpenID)
		rec := b.after(b.rules.Lead)
		equal(b, "openid", rec.OpenID, otherOpenID)
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveUnbound)
		b.bindDefault(aliceOpenID, carol, carol)
	}},
	{"a login with another openid takes the lease from a run that only looked", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		b.bindTo(alice, otherOpenID)
		b.unchanged(func() { equal(b, "begun", b.begins(beginOf(rec)), nil) })
		rec = b.only()
		equal(b, "openid", rec.OpenID, otherOpenID)
		b.begin(rec)
	}},
	{"a begun card stays with the openid that it began with", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.reserved(reserveOf(card.Card), notify.ReserveOK)
		b.bindTo(alice, otherOpenID)
		b.settle(card.Card, notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		b.Advance(notify.Lease)
		open := b.only().Open
		if open == nil || open.OpenID != rec.OpenID {
			b.Fatalf("open card %+v, want one of %s", open, rec.OpenID)
		}
		equal(b, "resolved", b.resolve(open.ID).Final, notify.StateDelivered)
	}},
	{"two who swap their openids are both bound", func(b *bench) {
		b.bind()
		b.bindTo(carol, otherOpenID)
		b.bindTo(carol, aliceOpenID)
		b.bindTo(alice, otherOpenID)
		b.boundTo(carol, aliceOpenID)
		b.boundTo(alice, otherOpenID)
	}},
	{"nothing is kept of an openid that is not bound any more and has no permits", func(b *bench) {
		b.bind()
		b.bindTo(alice, otherOpenID)
		b.nothingNames(string(aliceOpenID))
		equal(b, "permits", b.balance(tmpl), 0)
		b.must(b.Store.EraseOpenID(b.Context(), aliceOpenID))
	}},
	{"a login that stopped half way is put right by the next", func(b *bench) {
		b.bind()
		b.forget(func(key string) bool { return strings.HasSuffix(key, ":r:"+string(alice)) })
		b.boundTo(alice, "")
		b.bindDefault(aliceOpenID, carol, alice)
	}},
	{"what travels on a card while its user is unbound is not lost", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.record(b.message("m2"))
		b.bindTo(carol, aliceOpenID)
		b.ended("m2", notify.StateUnbound, notify.ReasonNewerBinding)
		b.reserved(reserveOf(card.Card), notify.ReserveUnbound)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateUnbound, "m1")})
		b.counted(map[notify.State]int64{notify.StateUnbound: 2})
	}},
	{"a run that looked before its user logged in as another openid begins no card, however slow it is", func(b *bench) {
		for _, slow := range []time.Duration{0, notify.Lease, 2 * notify.Lease} {
			b.bind()
			b.record(b.message(notify.MessageID(b.fresh("m"))))
			rec := b.after(b.rules.Lead)
			b.Advance(slow)
			b.bindTo(alice, otherOpenID)
			equal(b, "begun", b.begins(beginOf(rec)), nil)
			next := b.only()
			equal(b, "openid", next.OpenID, otherOpenID)
			b.finish(notify.Finish{User: alice, Lease: next.Lease, Final: final(notify.StateExpired, identitiesOf(next)...)})
		}
	}},
	{"what travels on a card while its user logs in as another openid waits for the next", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.bindTo(alice, otherOpenID)
		b.reserved(reserveOf(card.Card), notify.ReserveUnbound)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateUnbound, "m1")})
		next := b.only()
		equal(b, "notices", idsOf(next), []notify.MessageID{"m1"})
		equal(b, "openid", next.OpenID, otherOpenID)
		b.counted(map[notify.State]int64{})
	}},
}
