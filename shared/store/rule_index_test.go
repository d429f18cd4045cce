package store_test

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// found wants the message id to be found for exactly these users.
func (b *bench) found(id fact.MessageID, want ...fact.UserID) {
	b.Helper()
	slices.Sort(want)
	equal(b, "recipients of "+string(id), must(b.Store.FindMessage(b.Context(), id))(b), want)
}

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

// finals returns all of alice's messages that have ended.
func (b *bench) finals() (ids []fact.Identity) {
	b.Helper()
	for _, s := range b.timeline(alice) {
		if s.Kind == notify.StepFinal {
			ids = append(ids, s.Messages...)
		}
	}
	return ids
}

var indexRules = []rule{
	{"a message is found in all shards", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"), b.messageTo(users[1], "m1"), b.messageTo(users[0], "m2"))
		b.found("m1", users[0], users[1])
		b.found("m2", users[0])
		b.found("m3")
	}},
	{"a group's message is found for many", func(b *bench) {
		var users []fact.UserID
		for i := range 40 {
			user := fact.UserID(fmt.Sprint("user", i))
			users = append(users, user)
			b.bindTo(user, fact.OpenID("o-"+user))
			m := b.messageTo(user, fact.GroupMessageID(team, 7))
			m.Group = team
			b.record(m, m)
		}
		b.found(fact.GroupMessageID(team, 7), users...)
		for _, user := range users[:20] {
			b.must(b.Store.EraseUser(b.Context(), user))
		}
		b.found(fact.GroupMessageID(team, 7), users[20:]...)
	}},
	{"a message is found on the next day, and by instances that disagree on the day", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(time.Second) // it is the next day now
		b.record(b.message("m2"))
		for _, d := range []time.Duration{-2 * time.Hour, 0, 23 * time.Hour} {
			other := b.Open(func() time.Time { return b.Now().Add(d) })
			for _, id := range []fact.MessageID{"m1", "m2"} {
				equal(b, string(id), must(other.FindMessage(b.Context(), id))(b), []fact.UserID{alice})
			}
		}
	}},
	{"the index of a day ends before the marks of what is in it", func(b *bench) {
		b.bind()
		b.record(b.message("m1"), b.ring("call"))
		at := fmt.Sprint(b.Now().Unix() / 86400)
		marks := b.Raw.PTTL(b.Context(), b.key(":d:"+string(alice)+":"+at)).Val()
		b.lives(b.key(fmt.Sprint(":i:", b.Now().Unix()/(86400/4))), 47*time.Hour, marks+time.Minute)
	}},
	{"after an erasure nothing of the user is found, and of others all", func(b *bench) {
		b.bind()
		other := b.sameShard(alice)
		call := b.ring("call")
		call.Users = append(call.Users, other)
		b.record(b.message("m1"), b.messageTo(other, "m1"), call)
		b.Advance(23 * time.Hour)
		b.record(b.message("m2"), b.messageTo(other, "m2"))
		b.must(b.Store.EraseUser(b.Context(), alice))
		for _, id := range []fact.MessageID{"m1", "m2", "call"} {
			b.found(id, other)
		}
		b.nothingNames(string(alice))
	}},
	{"what has one id in every sort, of several senders, waits and goes out one by one", func(b *bench) {
		id, all := b.namesakes()
		equal(b, "different ones", len(slices.Compact(slices.Clone(all))), 8)
		var want []fact.Identity
		for recs := b.claim().Recipients; len(recs) > 0; recs = b.claim().Recipients {
			for _, rec := range recs {
				card := beginOf(rec)
				card.Messages = card.Messages[:1]
				equal(b, "begun", b.begins(card), card.Messages)
				b.finish(notify.Finish{User: alice, Queue: rec.Queue, Lease: rec.Lease, Card: card.Card, Final: final(fact.StateDelivered, card.Messages...)})
				want = append(want, card.Messages...)
				equal(b, "ended", b.finals(), want)
			}
		}
		equal(b, "ended", slices.Sorted(slices.Values(want)), all)
		b.found(id, alice)
		same := notify.IdentitiesOf(b.timeline(alice), id)
		slices.Sort(same)
		equal(b, "on record", same, all)
	}},
}
