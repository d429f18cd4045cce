package store_test

import (
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// popup and report are the two ways to hear of a tap that was at the given time.
func (b *bench) popup(at time.Time) fact.Grant {
	return fact.Grant{ID: b.fresh("popup"), OpenID: aliceOpenID, Source: fact.GrantPopup, At: at, Templates: []fact.TemplateID{tmpl}}
}

func (b *bench) report(at time.Time) fact.Grant {
	g := b.popup(at)
	g.Source = fact.GrantReport
	return g
}

// granted gives aliceOpenID n permits of tmpl in one granting session.
func (b *bench) granted(n int) {
	b.Helper()
	for range n {
		b.grant(tmpl)
	}
}

var permitRules = []rule{
	{"a popup and a report may share an id, and are told once each", func(b *bench) {
		p, r := b.popup(b.Now()), b.report(b.Now().Add(time.Hour))
		r.ID = p.ID
		b.record(p, r)
		b.record(r, p)
		equal(b, "permits", b.balance(tmpl), 2)
	}},
	{"a dialog of several templates grants each", func(b *bench) {
		p := b.popup(b.Now())
		p.Templates = []fact.TemplateID{tmpl, tmpl2}
		b.record(p)
		got := must(b.Store.Balances(b.Context(), aliceOpenID, []fact.TemplateID{tmpl, tmpl2, "unheard of"}))(b)
		equal(b, "balances", got, map[fact.TemplateID]int{tmpl: 1, tmpl2: 1, "unheard of": 0})
		entry := permit.AccountEntry{At: p.At.Truncate(time.Millisecond), Kind: "popup", Change: 1}
		equal(b, "account", must(store.Accounts(b.Context(), b.Store, aliceOpenID))(b)[tmpl2], permit.Account{Balance: 1, Entries: []permit.AccountEntry{entry}})
	}},
	{"of one openid the last 64 grants are known, each for a day", func(b *bench) {
		var popups []fact.Grant
		for i := range 65 {
			popups = append(popups, b.popup(b.Now()))
			b.Advance(time.Second)
			b.record(popups[i])
		}
		marks := b.key(":g:" + string(aliceOpenID))
		equal(b, "marks", b.Raw.HLen(b.Context(), marks).Val(), 64)
		b.record(popups[1], popups[64])
		b.Advance(24*time.Hour - time.Millisecond)
		b.record(popups[64])
		equal(b, "permits", b.balance(tmpl), 65)
		b.Advance(time.Minute)
		b.grant(tmpl)
		equal(b, "marks a day later", b.Raw.HLen(b.Context(), marks).Val(), 1)
	}},
	{"switching off of somebody never heard of is kept for a day", func(b *bench) {
		b.record(fact.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []fact.TemplateID{tmpl}})
		for _, key := range b.keys() {
			b.lives(key, 0, 24*time.Hour)
		}
		b.record(b.popup(b.Now().Add(-time.Minute)))
		equal(b, "permits", b.balance(tmpl), 0)
	}},
}
