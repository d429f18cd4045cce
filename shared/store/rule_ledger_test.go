package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

var ledgerRules = []rule{
	mixed(3), mixed(4), mixed(5),
}

// mixed is the rule that accounts and cards agree whatever happens in whatever order.
func mixed(seed uint64) rule {
	return rule{fmt.Sprint("the ledger adds up after every one of 120 mixed operations, seed ", seed), func(b *bench) {
		b.bind()
		w := &spender{bench: b, r: rand.New(rand.NewPCG(seed, seed))}
		for range 120 {
			w.step()
			b.Advance(time.Duration(w.r.IntN(40)) * time.Second)
			b.checkConsistency()
			if b.Failed() {
				return
			}
			l := b.ledger(tmpl)
			equal(b, "balance", b.balance(tmpl), max(l.Balance-l.Held, 0))
		}
		b.Advance(time.Hour)
		for _, c := range w.cards {
			b.resolve(c.ID)
		}
		b.Advance(time.Hour)
		_, err := b.Store.Reconcile(b.Context(), 1000)
		b.must(err)
		for _, template := range []fact.TemplateID{tmpl, tmpl2} {
			equal(b, "held in the end", b.ledger(template).Held, 0)
		}
		for state, n := range b.counts() {
			if n < 0 {
				b.Errorf("%d messages are %s", n, state)
			}
		}
	}}
}

// A spender spends the permits of alice at random: one-time ones, and those of tmpl2, which
// are long-term ones.
type spender struct {
	*bench
	r     *rand.Rand
	cards []permit.Reserve // that were reserved, settled or not
}

func (w *spender) step() {
	at := w.Now().Add(-time.Duration(w.r.IntN(200)) * time.Second)
	switch w.r.IntN(12) {
	case 0, 1:
		p := w.popup(at)
		p.Templates = []fact.TemplateID{tmpl, tmpl2}
		w.record(p)
	case 2:
		w.record(w.report(at))
	case 3:
		if w.r.IntN(3) == 0 {
			off := fact.Revoke{ID: w.fresh("off"), OpenID: aliceOpenID, At: at, Templates: []fact.TemplateID{tmpl, tmpl2}[:1+w.r.IntN(2)]}
			w.record(off)
		}
	case 4, 5, 6:
		w.spend()
	case 7, 8:
		w.end()
	case 9, 10:
		w.hear()
	case 11:
		_, err := w.Store.Reconcile(w.Context(), 1000)
		w.must(err)
	}
}

func (w *spender) spend() {
	r := reserveOf(card.ID(w.fresh("c")))
	r.NewAbsence, r.Digest, r.Learn, r.Keep = w.r.IntN(2) == 0, w.r.IntN(3) == 0, w.r.IntN(2) == 0, w.r.IntN(3)
	if w.r.IntN(3) == 0 {
		r.Template, r.LongTerm = tmpl2, true
	}
	if w.r.IntN(10) == 0 {
		r.PerHour = 1
	}
	if w.reserve(r).Status == permit.ReserveOK {
		w.cards = append(w.cards, r)
	}
}

// end settles one of the last cards, in any way, perhaps again.
func (w *spender) end() {
	n := len(w.cards)
	if n == 0 {
		return
	}
	r := w.cards[n-1-w.r.IntN(min(n, 3))]
	s := []permit.Settle{
		settleOf(r.ID, permit.CardDelivered, permit.Spent, fact.StateDelivered),
		settleOf(r.ID, permit.CardNotSent, permit.Refunded, ""),
		settleOf(r.ID, permit.CardRefused, permit.Zeroed, fact.StateNoPermit),
		settleOf(r.ID, permit.CardUnknown, permit.Held, ""),
		settleOf(r.ID, permit.CardUnknown, permit.Held, ""),
	}[w.r.IntN(5)]
	s.Template, s.UnknownAfter = r.Template, time.Duration(w.r.IntN(300))*time.Second
	if s.State == permit.CardDelivered && w.r.IntN(3) > 0 {
		s.MsgID = int64(slices.IndexFunc(w.cards, func(c permit.Reserve) bool { return c.ID == r.ID }) + 1)
	}
	w.settles(s)
}

// hear records a report of a card, named by its id or not.
func (w *spender) hear() {
	s := w.sentNow(int64(w.r.IntN(len(w.cards) + 2)))
	s.At = s.At.Add(-time.Duration(w.r.IntN(60)) * time.Second)
	s.Template = []fact.TemplateID{tmpl, tmpl2}[w.r.IntN(2)]
	if w.r.IntN(3) == 0 {
		s.Failed = "user block"
	}
	w.record(s)
}
