package store_test

import (
	"errors"
	"strings"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// boundTo wants user to be bound to openID, or to nobody if that is empty.
func (b *bench) boundTo(user fact.UserID, openID fact.OpenID) {
	b.Helper()
	got, err := b.Store.OpenIDOf(b.Context(), user)
	if openID == "" && errors.Is(err, store.ErrNotBound) {
		return
	}
	b.must(err)
	equal(b, "openid of "+string(user), got, openID)
}

func (b *bench) bindDefault(openID fact.OpenID, def, want fact.UserID) {
	b.Helper()
	equal(b, "user", must(b.Store.BindDefault(b.Context(), openID, def))(b), want)
	b.boundTo(want, openID)
}

var bindRules = []rule{
	{"the first login takes the default, a later one keeps what is stored, a trusted one names the user", func(b *bench) {
		b.boundTo(alice, "")
		b.bindDefault(aliceOpenID, alice, alice)
		b.unchanged(func() { b.bindDefault(aliceOpenID, carol, alice) })
		b.bindTo(carol, aliceOpenID)
		b.boundTo(carol, aliceOpenID)
		b.boundTo(alice, "")
		b.bindDefault(aliceOpenID, alice, carol)
		b.bindTo(alice, otherOpenID)
		b.boundTo(carol, aliceOpenID)
		b.boundTo(alice, otherOpenID)
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
		b.ended("m1", fact.StateUnbound, fact.ReasonNewerBinding)
		b.counted(map[fact.State]int64{fact.StateUnbound: 1})
		b.boundTo(alice, "")
		equal(b, "permits stay with the openid", b.balance(tmpl), 1)
		b.reserved(reserveOf("c1"), permit.ReserveUnbound)
	}},
	{"nothing lasting is kept of a user who is not bound any more", func(b *bench) {
		b.bind()
		b.record(b.left())
		b.bindTo(carol, aliceOpenID)
		b.nothingNames(string(alice))
	}},
	{"a user who moves to another openid takes their notices along", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.bindTo(alice, otherOpenID)
		equal(b, "openid", b.after(b.rules.Lead).OpenID, otherOpenID)
		b.reserved(reserveOf("c1"), permit.ReserveUnbound)
		b.bindDefault(aliceOpenID, carol, carol)
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
}
