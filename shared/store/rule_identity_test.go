package store_test

import (
	"maps"
	"slices"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// namesakes records for alice what has one id in every sort of identity and of several senders,
// twice, and lets it fall due.
func (b *bench) namesakes() (id fact.MessageID, all []fact.Identity) {
	b.Helper()
	b.bind()
	id = fact.GroupMessageID(team, 7)
	var facts []any
	for _, from := range []fact.UserID{bob, carol} {
		m, r := b.message(id), b.ring(id)
		m.From, r.Caller, r.Conversation = from, from, fact.Between(from, alice)
		facts, all = append(facts, m, r), append(all, m.Identity(), r.Identity())
	}
	said, called, webhook := b.message(id), b.ring(id), b.ring(id)
	said.Group = team
	called.Caller, called.Group, called.Conversation = "dave", team, fact.InGroup(team)
	webhook.Caller, webhook.Source = "erin", fact.CallWebhook
	facts = append(facts, said, called, webhook)
	a := b.announcement(id)
	all = append(all, said.Identity(), called.Identity(), webhook.Identity(), a.Identity())
	for range 2 {
		b.record(facts...)
		b.announce(a)
	}
	b.Advance(b.rules.Lead)
	slices.Sort(all)
	return id, all
}

// finals returns the last final state of each of alice's messages.
func (b *bench) finals() map[fact.Identity]fact.State {
	b.Helper()
	out := map[fact.Identity]fact.State{}
	for _, s := range b.timeline(alice) {
		for _, id := range s.Messages {
			if s.Kind == notify.StepFinal {
				out[id] = s.State
			}
		}
	}
	return out
}

var identityRules = []rule{
	{"what has one id in every sort, of several senders, waits and goes out one by one", func(b *bench) {
		id, all := b.namesakes()
		equal(b, "different ones", len(slices.Compact(slices.Clone(all))), 8)
		want := map[fact.Identity]fact.State{}
		for recs := b.claim().Recipients; len(recs) > 0; recs = b.claim().Recipients {
			for _, rec := range recs {
				card := beginOf(rec)
				card.Messages = card.Messages[:1]
				equal(b, "begun", b.begins(card), card.Messages)
				b.finish(notify.Finish{User: alice, Queue: rec.Queue, Lease: rec.Lease, Card: card.Card, Final: final(fact.StateDelivered, card.Messages...)})
				want[card.Messages[0]] = fact.StateDelivered
				equal(b, "ended", b.finals(), want)
			}
		}
		equal(b, "delivered", slices.Sorted(maps.Keys(want)), all)
		b.found(id, alice)
		same := notify.IdentitiesOf(b.timeline(alice), id)
		slices.Sort(same)
		equal(b, "on record", same, all)
	}},
}
