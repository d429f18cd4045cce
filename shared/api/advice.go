package api

import (
	"cmp"
	"context"
	"slices"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// kindOrder is the order in which permits are asked for, what users miss most first:
// WeChat's dialog takes only a few templates at a time. Other kinds follow, by name.
var kindOrder = []fact.Kind{
	fact.KindMessage, fact.KindMention, fact.KindCall, fact.KindMissedCall, fact.KindDigest,
}

func rank(k fact.Kind) int {
	if i := slices.Index(kindOrder, k); i >= 0 {
		return i
	}
	return len(kindOrder)
}

// advice says for each template whether to ask the user for more. A template of several
// kinds is there once, under the first.
func (p *Permits) advice(ctx context.Context, openID fact.OpenID) ([]permit.Advice, error) {
	balances, err := p.Ledger.Balances(ctx, openID, p.Templates.IDs())
	if err != nil {
		return nil, err
	}
	kinds := p.Templates.Kinds()
	slices.SortFunc(kinds, func(a, b fact.Kind) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	advice := make([]permit.Advice, 0, len(kinds))
	for _, kind := range kinds {
		t := p.Templates.For(kind)
		if slices.ContainsFunc(advice, func(a permit.Advice) bool { return a.ID == t.ID() }) {
			continue
		}
		a := permit.Advise(t.ID(), string(kind), balances[t.ID()])
		if t.LongTerm() {
			a = longTerm(a)
		}
		advice = append(advice, a)
	}
	return advice, nil
}

// longTerm turns advice into that for a long-term template: one acceptance pays for any
// number of cards, so there is nothing to count and never more to ask for.
func longTerm(a permit.Advice) permit.Advice {
	a.LongTerm, a.Balance = true, min(a.Balance, 1)
	a.Ask = a.Balance == 0
	a.Why = "subscribed, for any number of cards"
	if a.Ask {
		a.Why = "not subscribed: nothing can be announced with this template"
	}
	return a
}
