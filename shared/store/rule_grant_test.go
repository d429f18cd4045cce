package store_test

import (
	"strings"
	"time"

	"wxnotify/shared/notify"
)

// popup and report are the two ways to hear of a tap that was at the given time.
func (b *bench) popup(at time.Time) notify.Grant {
	return notify.Grant{ID: b.fresh("popup"), OpenID: aliceOpenID, Source: notify.GrantPopup, At: at, Templates: []notify.TemplateID{tmpl}}
}

func (b *bench) report(at time.Time) notify.Grant {
	g := b.popup(at)
	g.Source = notify.GrantReport
	return g
}

// permits is the rule that the grants that make returns are worth want permits, in
// the order given and backwards.
func permits(name string, want int, make func(b *bench, tap time.Time) []any) rule {
	return rule{name, func(b *bench) {
		tap := b.Now()
		b.record(make(b, tap)...)
		equal(b, "permits", b.balance(tmpl), want)

		b.Advance(time.Hour)
		backwards := make(b, tap.Add(time.Hour))
		for i := len(backwards) - 1; i >= 0; i-- {
			b.record(backwards[i])
		}
		equal(b, "permits after the same backwards", b.balance(tmpl), 2*want)
	}}
}

var grantRules = []rule{
	permits("a popup alone is one permit", 1, func(b *bench, tap time.Time) []any {
		return []any{b.popup(tap)}
	}),
	permits("a report without a popup is one permit", 1, func(b *bench, tap time.Time) []any {
		return []any{b.report(tap)}
	}),
	permits("popup and report of one tap are one permit", 1, func(b *bench, tap time.Time) []any {
		return []any{b.popup(tap), b.report(tap.Add(2 * time.Minute))}
	}),
	permits("popup and report more than two minutes apart are two permits", 2, func(b *bench, tap time.Time) []any {
		return []any{b.popup(tap), b.report(tap.Add(2*time.Minute + time.Millisecond))}
	}),
	permits("two taps with two popups and two reports are two permits", 2, func(b *bench, tap time.Time) []any {
		return []any{b.popup(tap), b.report(tap.Add(time.Second)),
			b.popup(tap.Add(time.Minute)), b.report(tap.Add(time.Minute + time.Second))}
	}),
	permits("two taps whose reports come after both popups are two permits", 2, func(b *bench, tap time.Time) []any {
		return []any{b.popup(tap), b.popup(tap.Add(time.Minute)), b.report(tap), b.report(tap.Add(time.Minute))}
	}),
	permits("two popups are two permits however near", 2, func(b *bench, tap time.Time) []any {
		return []any{b.popup(tap), b.popup(tap)}
	}),
	permits("one report pairs with one of two popups", 2, func(b *bench, tap time.Time) []any {
		return []any{b.popup(tap), b.popup(tap.Add(time.Second)), b.report(tap)}
	}),
	permits("a repeated popup or report counts once", 1, func(b *bench, tap time.Time) []any {
		p, r := b.popup(tap), b.report(tap)
		return []any{p, p, r, r, p}
	}),
	{"a popup and a report may share an id", func(b *bench) {
		p, r := b.popup(b.Now()), b.report(b.Now().Add(time.Hour))
		r.ID = p.ID
		b.record(p, r)
		equal(b, "permits", b.balance(tmpl), 2)
	}},
	{"a dialog of several templates grants each", func(b *bench) {
		p, r := b.popup(b.Now()), b.report(b.Now())
		p.Templates = []notify.TemplateID{tmpl, tmpl2}
		r.Templates = p.Templates
		b.record(p, r)
		got, err := b.Store.Balances(b.Context(), aliceOpenID, []notify.TemplateID{tmpl, tmpl2, "unheard of"})
		b.must(err)
		equal(b, "balances", got, map[notify.TemplateID]int{tmpl: 1, tmpl2: 1, "unheard of": 0})
	}},
	{"a grant or revoke of no templates changes nothing", func(b *bench) {
		b.grant(tmpl)
		p := b.popup(b.Now())
		p.Templates = nil
		b.record(p, notify.Revoke{ID: "r", OpenID: aliceOpenID, At: b.Now()})
		equal(b, "permits", b.balance(tmpl), 1)
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
		var popups []notify.Grant
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
	{"reports of the mini program bring no balance above 100, and WeChat's events do", func(b *bench) {
		for range 102 {
			b.Advance(5 * time.Minute)
			p := b.popup(b.Now())
			p.Source = notify.GrantReport
			b.record(p)
		}
		equal(b, "permits", b.balance(tmpl), 100)
		b.Advance(5 * time.Minute)
		b.grant(tmpl)
		equal(b, "permits", b.balance(tmpl), 101)
	}},
	{"permits may come before the login", func(b *bench) {
		b.grant(tmpl)
		b.bind()
		b.reserved(reserveOf("c1"), notify.ReserveOK)
	}},
	{"switching off takes older permits and spares newer ones", func(b *bench) {
		b.grant(tmpl, tmpl2)
		b.grant(tmpl)
		off := notify.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now().Add(time.Second), Templates: []notify.TemplateID{tmpl}}
		b.Advance(time.Minute)
		b.grant(tmpl)
		b.record(off)
		equal(b, "permits", b.balance(tmpl), 1)
		equal(b, "permits of another template", b.balance(tmpl2), 1)
		b.unchanged(func() { b.record(off) })
	}},
	{"switching off spares newer permits when older ones are spent", func(b *bench) {
		b.bind()
		b.grant(tmpl)
		b.reserved(reserveOf("c1"), notify.ReserveOK)
		b.settle("c1", notify.CardDelivered, notify.PermitSpent, notify.StateDelivered)
		off := notify.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []notify.TemplateID{tmpl}}
		b.Advance(time.Second)
		b.grant(tmpl)
		b.record(off)
		equal(b, "permits", b.balance(tmpl), 1)
	}},
	{"switching off of somebody never heard of voids an older grant, and is kept for a day", func(b *bench) {
		b.record(notify.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []notify.TemplateID{tmpl}})
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
	{"switching off of somebody erased stores nothing", func(b *bench) {
		b.bind()
		b.record(notify.Erase{OpenID: aliceOpenID})
		b.unchanged(func() {
			b.record(notify.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []notify.TemplateID{tmpl}})
		})
	}},
}
