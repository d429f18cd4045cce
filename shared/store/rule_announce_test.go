package store_test

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// announcement is one of the operator's backend to alice.
func (b *bench) announcement(id fact.MessageID) fact.Message {
	return fact.Message{ID: id, Kind: "shipped", To: alice, SentAt: b.Now().Truncate(time.Second), ByREST: true,
		Announcement: &fact.Announcement{Fields: map[string]string{"summary": "é \"x\"", "count": "3"}}}
}

// announce announces messages and returns what became of each.
func (b *bench) announce(messages ...fact.Message) []notify.Accepted {
	b.Helper()
	for _, m := range messages {
		b.known[m.ID] = m.Identity()
	}
	got, _, err := b.Store.Announce(b.Context(), b.rules, messages)
	b.must(err)
	return got
}

var announceRules = []rule{
	{"an announcement is due at once, and says what it was given", func(b *bench) {
		b.bind()
		a := b.announcement("a1")
		a.Lasts = 2 * time.Hour
		a.Announcement.Anyway = true
		results, wake, err := b.Store.Announce(b.Context(), b.rules, []fact.Message{a})
		b.must(err)
		equal(b, "results", results, []notify.Accepted{{}})
		equal(b, "wake", wake, true)
		rec := b.only()
		equal(b, "queue", rec.Queue, card.QueueMessages)
		equal(b, "notices", rec.Notices, []card.Notice{{ID: a.Identity(), Kind: "shipped", SentAt: a.SentAt,
			WindowEnd: b.Now().Add(b.rules.BlindWindow).Truncate(time.Millisecond), Expires: a.SentAt.Add(2 * time.Hour), Announcement: a.Announcement}})
	}},
	{"each recipient is told of what became of their announcement", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		b.must(b.Store.SetPreferences(b.Context(), carol, notify.Preferences{Muted: true}))
		to := func(user fact.UserID, id fact.MessageID) fact.Message {
			a := b.announcement(id)
			a.To = user
			return a
		}
		equal(b, "results", b.announce(to(alice, "a1"), to(bob, "a1"), to(carol, "a1"), to(alice, "a2")), []notify.Accepted{
			{}, {State: fact.StateNotBound}, {State: fact.StateMuted, Reason: fact.ReasonMutedAll}, {}})
		equal(b, "notices", idsOf(b.only()), []fact.MessageID{"a1", "a2"})
		equal(b, "of none", len(b.announce()), 0)
	}},
	{"an announcement that is repeated waits once", func(b *bench) {
		b.bind()
		a := b.announcement("a1")
		b.announce(a)
		b.unchanged(func() { equal(b, "again", b.announce(a, a), []notify.Accepted{{}, {}}) })
		b.finish(notify.Finish{User: alice, Lease: b.only().Lease, Final: b.final(fact.StateDelivered, "a1")})
		equal(b, "again", b.announce(a), []notify.Accepted{{}})
		b.nothingDue()
	}},
}
