package store_test

import (
	"strings"
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

func (b *bench) account(template fact.TemplateID) permit.Account {
	b.Helper()
	all, err := store.Accounts(b.Context(), b.Store, aliceOpenID)
	b.must(err)
	return all[template]
}

var permitRules = []rule{
	{"popup and report of one tap are one permit, however often they are told", func(b *bench) {
		p, r := b.popup(b.Now()), b.report(b.Now())
		b.record(p, p, r)
		b.record(r, p)
		equal(b, "permits", b.balance(tmpl), 1)
	}},
	{"a popup and a report may share an id", func(b *bench) {
		p, r := b.popup(b.Now()), b.report(b.Now().Add(time.Hour))
		r.ID = p.ID
		b.record(p, r)
		equal(b, "permits", b.balance(tmpl), 2)
	}},
	{"a dialog of several templates grants each", func(b *bench) {
		p, r := b.popup(b.Now()), b.report(b.Now())
		p.Templates = []fact.TemplateID{tmpl, tmpl2}
		r.Templates = p.Templates
		b.record(p, r)
		got, err := b.Store.Balances(b.Context(), aliceOpenID, []fact.TemplateID{tmpl, tmpl2, "unheard of"})
		b.must(err)
		equal(b, "balances", got, map[fact.TemplateID]int{tmpl: 1, tmpl2: 1, "unheard of": 0})
	}},
	{"a repeated grant is known for a day and then forgotten", func(b *bench) {
		first := b.popup(b.Now())
		first.ID = "first"
		b.record(first)
		b.Advance(24*time.Hour - time.Millisecond)
		b.record(first)
		equal(b, "permits", b.balance(tmpl), 1)
		for range 100 {
			b.Advance(time.Hour)
			b.grant(tmpl)
		}
		marks := 0
		for key := range b.dump() {
			if strings.Contains(key, ":g:") {
				marks++
			}
		}
		if marks > 64 {
			b.Errorf("%d marks are kept", marks)
		}
	}},
	{"of one openid 64 grants are known, the last", func(b *bench) {
		var popups []fact.Grant
		for range 65 {
			p := b.popup(b.Now())
			popups = append(popups, p)
			b.record(p)
			b.Advance(time.Second)
		}
		marks := 0
		for key := range b.dump() {
			if strings.Contains(key, ":g:") {
				marks++
			}
		}
		equal(b, "marks", marks, 64)
		b.record(popups[1], popups[64])
		equal(b, "permits", b.balance(tmpl), 65)
	}},
	{"switching off of somebody never heard of voids an older grant, and is kept for a day", func(b *bench) {
		b.record(fact.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []fact.TemplateID{tmpl}})
		for entry := range b.dump() {
			key, _, _ := strings.Cut(entry, " ")
			if ttl := b.Raw.PTTL(b.Context(), key).Val(); ttl <= 0 || ttl > 24*time.Hour {
				b.Errorf("%s is kept for %v", key, ttl)
			}
		}
		b.record(b.popup(b.Now().Add(-time.Minute)))
		equal(b, "permits", b.balance(tmpl), 0)
		b.Advance(time.Minute)
		b.grant(tmpl)
		equal(b, "permits after a newer grant", b.balance(tmpl), 1)
	}},
	{"a permit that WeChat did not have is counted as drift, once", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), permit.ReserveOK)
		refused := settleOf("c1", permit.CardRefused, permit.Zeroed, fact.StateNoPermit)
		refused.Drift = true
		b.settles(refused)
		b.unchanged(func() { b.settles(refused) })
		b.Advance(time.Second)
		b.grant(tmpl)
		b.reserved(reserveOf("c2"), permit.ReserveOK)
		b.settle("c2", permit.CardDelivered, permit.Spent, fact.StateDelivered)
		equal(b, "drift", b.account(tmpl).Drift, 1)
	}},
	{"an account tells each change, and how it was paired", func(b *bench) {
		b.bind()
		tap := b.Now().Truncate(time.Millisecond)
		b.record(b.popup(tap), b.report(tap.Add(time.Second)), b.report(tap.Add(time.Hour)))
		b.Advance(time.Minute)
		sent := b.Now().Truncate(time.Millisecond)
		b.reserved(reserveOf("c1"), permit.ReserveOK)
		b.settle("c1", permit.CardDelivered, permit.Spent, fact.StateDelivered)
		off := fact.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now().Add(2 * time.Minute), Templates: []fact.TemplateID{tmpl}}
		b.record(off)
		equal(b, "account", b.account(tmpl), permit.Account{Entries: []permit.AccountEntry{
			{At: tap, Kind: "popup", Change: 1, Paired: true},
			{At: tap.Add(5 * time.Minute), Kind: "report", Change: 1}, // a wrong clock
			{At: sent, Kind: "delivered", Change: -1},
		}, Balance: 1})
	}},
}
