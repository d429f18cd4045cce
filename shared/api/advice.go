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

// advice says for each template whether to ask the user for more. What they missed of late comes
// first. A template of several kinds is there once, under the first.
func (p *Permits) advice(ctx context.Context, openID fact.OpenID) ([]permit.Advice, error) {
	ledgers, err := p.Ledger.Ledgers(ctx, openID)
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
		ledger := cmp.Or(ledgers[t.ID()], &permit.Ledger{})
		a := ledger.Advice(p.Asking, t.LongTerm(), p.Now())
		a.ID, a.Kind = t.ID(), string(kind)
		advice = append(advice, a)
	}
	slices.SortStableFunc(advice, func(a, b permit.Advice) int { return cmp.Compare(b.Missed, a.Missed) })
	return advice, nil
}
