package store_test

import (
	"time"

	"wxnotify/shared/notify"
)

// announcement is one of the operator's backend to alice.
func (b *bench) announcement(id notify.MessageID) notify.Message {
	return notify.Message{ID: id, Kind: "shipped", To: alice, SentAt: b.Now().Truncate(time.Second), ByREST: true,
		Announcement: &notify.Announcement{Fields: map[string]string{"summary": "é \"x\"", "count": "3"}}}
}

// announce announces messages and returns what became of each.
func (b *bench) announce(messages ...notify.Message) []notify.Accepted {
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
		results, wake, err := b.Store.Announce(b.Context(), b.rules, []notify.Message{a})
		b.must(err)
		equal(b, "results", results, []notify.Accepted{{}})
		equal(b, "wake", wake, true)
		rec := b.only()
		equal(b, "queue", rec.Queue, notify.QueueMessages)
		equal(b, "notices", rec.Notices, []notify.Notice{{ID: a.Identity(), Kind: "shipped", SentAt: a.SentAt,
			WindowEnd: b.Now().Add(b.rules.BlindWindow).Truncate(time.Millisecond), Expires: a.SentAt.Add(2 * time.Hour), Announcement: a.Announcement}})
	}},
	{"each recipient is told of what became of their announcement", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		b.must(b.Store.SetPreferences(b.Context(), carol, notify.Preferences{Muted: true}))
		to := func(user notify.UserID, id notify.MessageID) notify.Message {
			a := b.announcement(id)
			a.To = user
			return a
		}
		old := to(alice, "old")
		old.SentAt, old.Lasts = old.SentAt.Add(-time.Hour), time.Hour
		equal(b, "results", b.announce(to(alice, "a1"), to(bob, "a1"), to(carol, "a1"), old, to(alice, "a2")), []notify.Accepted{
			{},
			{State: notify.StateNotBound},
			{State: notify.StateMuted, Reason: notify.ReasonMutedAll},
			{State: notify.StateExpired},
			{},
		})
		equal(b, "notices", idsOf(b.only()), []notify.MessageID{"a1", "a2"})
		equal(b, "of none", len(b.announce()), 0)
	}},
	{"an announcement that is repeated waits once", func(b *bench) {
		b.bind()
		a := b.announcement("a1")
		b.announce(a)
		b.unchanged(func() {
			equal(b, "again", b.announce(a, a), []notify.Accepted{{}, {}})
		})
		rec := b.only()
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateDelivered, "a1")})
		equal(b, "again", b.announce(a), []notify.Accepted{{}})
		b.nothingDue()
		b.ended("a1", notify.StateDelivered, notify.ReasonNone)
	}},
}
