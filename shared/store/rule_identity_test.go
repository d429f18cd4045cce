package store_test

import (
	"slices"

	"wxnotify/shared/explain"
	"wxnotify/shared/notify"
)

// namesakes records for alice what has one id in every sort of identity and of several senders,
// twice, and lets it fall due.
func (b *bench) namesakes() (id notify.MessageID, all []notify.Identity) {
	b.Helper()
	b.bind()
	id = notify.GroupMessageID(team, 7)
	var facts []any
	for _, from := range []notify.UserID{bob, carol} {
		m, r := b.message(id), b.ring(id)
		m.From, r.Caller, r.Conversation = from, from, notify.Between(from, alice)
		facts, all = append(facts, m, r), append(all, m.Identity(), r.Identity())
	}
	said, called, webhook := b.message(id), b.ring(id), b.ring(id)
	said.Group = team
	called.Caller, called.Group, called.Conversation = "dave", team, notify.InGroup(team)
	webhook.Caller, webhook.Source = "erin", notify.CallWebhook
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
func (b *bench) finals() map[notify.Identity]notify.State {
	b.Helper()
	out := map[notify.Identity]notify.State{}
	for _, s := range b.timeline(alice) {
		for _, id := range s.Messages {
			if s.Kind == notify.StepFinal {
				out[id] = s.State
			}
		}
	}
	return out
}

// waiting claims and returns what waits for alice in both lanes.
func (b *bench) waiting() []notify.Identity {
	b.Helper()
	var out []notify.Identity
	for _, rec := range b.claim().Recipients {
		out = append(out, identitiesOf(rec)...)
	}
	slices.Sort(out)
	return out
}

// goOutOneByOne has namesakes go out on cards of their own; those that ring, if missed is true,
// when they have rung.
func (b *bench) goOutOneByOne(missed bool) {
	id, all := b.namesakes()
	equal(b, "different ones", len(slices.Compact(slices.Clone(all))), 8)
	equal(b, "waiting", b.waiting(), all)
	b.Advance(notify.Lease)
	if b.rules.MissedCalls = missed; missed {
		rec := b.claim().Recipients[0]
		equal(b, "lane", rec.Lane, notify.LaneCalls)
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Missed: identitiesOf(rec)})
		b.Advance(notify.Lease)
	}
	want := map[notify.Identity]notify.State{}
	for recs := b.claim().Recipients; len(recs) > 0; recs = b.claim().Recipients {
		for _, rec := range recs {
			card := beginOf(rec)
			card.Messages = card.Messages[:1]
			equal(b, "begun", b.begins(card), card.Messages)
			b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: card.Card, Final: final(notify.StateDelivered, card.Messages...)})
			want[card.Messages[0]] = notify.StateDelivered
			equal(b, "ended", b.finals(), want)
		}
	}
	equal(b, "delivered", len(want), len(all))
	b.found(id, alice)
	steps := b.timeline(alice)
	same := notify.IdentitiesOf(steps, id)
	slices.Sort(same)
	equal(b, "on record", same, all)
	for _, i := range same {
		e := explain.Explain(steps, explain.Subject{User: alice, Message: i}, "en", nil)
		equal(b, "explained", []any{e.Message, e.State}, []any{id, notify.StateDelivered})
	}
}

var identityRules = []rule{
	{"what has one id in every sort, of several senders, waits and goes out one by one", func(b *bench) { b.goOutOneByOne(false) }},
	{"so do calls that are told as missed", func(b *bench) { b.goOutOneByOne(true) }},
	{"what ends one of one id ends no other, nor one of a dead letter", func(b *bench) {
		for _, given := range []bool{false, true} {
			id, all := b.namesakes()
			want := map[notify.Identity]notify.State{}
			if given { // up
				for _, rec := range b.claim().Recipients {
					b.bury(rec)
				}
				for _, i := range all {
					want[i] = notify.StateDead
				}
			}
			byBob := notify.RingEnd{Call: id, Source: notify.CallSignal, Conversation: notify.Between(alice, bob), Users: []notify.UserID{alice}, How: notify.CallAnswered}
			webhook := notify.RingEnd{Call: id, Source: notify.CallWebhook, Users: byBob.Users, How: notify.CallRejected}
			recall, failed := notify.Recall{ID: id, From: bob, To: alice}, b.message(id)
			failed.From, failed.FailedCode = carol, 20012
			for _, end := range []struct {
				fact  any
				of    notify.Identity
				state notify.State
			}{
				{byBob, byBob.Identity(), notify.StateAnswered},
				{webhook, webhook.Identity(), notify.StateEnded},
				{recall, recall.Identity(), notify.StateRecalled},
				{failed, failed.Identity(), notify.StateFailedIM},
			} {
				b.record(end.fact, end.fact)
				want[end.of] = end.state
				equal(b, "ended", b.finals(), want)
				all = slices.DeleteFunc(all, func(i notify.Identity) bool { return i == end.of })
			}
			var left []notify.Identity
			for _, l := range b.letters(10) {
				left = append(left, l.Messages...)
			}
			slices.Sort(left)
			if !given {
				left = b.waiting()
			}
			equal(b, "left", left, all)
			b.must(b.Store.EraseUser(b.Context(), alice))
		}
	}},
	{"a recall that comes first is one of its sender's message", func(b *bench) {
		b.bind()
		b.record(notify.Recall{ID: "m1", From: bob, To: alice})
		fromCarol := b.message("m1")
		fromCarol.From = carol
		b.record(b.message("m1"), fromCarol)
		b.announce(b.announcement("m1"))
		equal(b, "waiting", b.waiting(), []notify.Identity{b.announcement("m1").Identity(), fromCarol.Identity()})
	}},
}
