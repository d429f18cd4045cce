package store_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

var messageRules = []rule{
	{"an unbound recipient is only counted and nothing is stored", func(b *bench) {
		wake := b.record(b.message("m1"), b.left(), fact.Read{Reader: alice, Peer: bob, UpTo: b.Now()},
			fact.Recall{ID: "m2", From: bob, To: alice})
		equal(b, "wake", wake, false)
		b.counted(map[fact.State]int64{fact.StateNotBound: 1})
		for key, value := range b.dump() {
			equal(b, key+" counts, or knows a repeat by a word", value == "1" || strings.Contains(key, ":at:"), true)
		}
		b.nothingNames(string(alice), string(bob))
	}},
	{"a message for somebody of whom nothing is known is due after lead", func(b *bench) {
		b.bind()
		m := b.message("m1")
		m.Summary = "你好 <b> \"x\" / \x00"
		b.record(m)
		window := b.Now().Add(b.rules.BlindWindow)
		rec := b.after(b.rules.Lead)
		equal(b, "it has a lease", rec.Lease != "", true)
		rec.Lease = ""
		equal(b, "recipient", rec, notify.Recipient{User: alice, Queue: card.QueueMessages, OpenID: aliceOpenID, Known: notify.StatusUnknown,
			Notices: []card.Notice{{ID: m.Identity(), Kind: fact.KindMessage, From: bob, SentAt: m.SentAt, Seq: m.Seq, Summary: m.Summary,
				WindowEnd: window, Expires: m.SentAt.Add(b.rules.TTL)}}})
	}},
	{"a message that is repeated is one notice", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(m)
		b.unchanged(func() { equal(b, "wake", b.record(m, m), false) })
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []fact.MessageID{"m1"})
	}},
	{"a time with fourteen digits survives", func(b *bench) {
		b.bind()
		far := time.Date(2310, 12, 31, 23, 59, 59, 999e6, time.UTC)
		b.Advance(far.Sub(b.Now()))
		m := b.message("m1")
		b.record(m, b.left())
		rec := b.after(b.rules.Lead)
		equal(b, "sent", rec.Notices[0].SentAt, far.Truncate(time.Second))
		equal(b, "window", rec.Notices[0].WindowEnd, far.Add(b.rules.BlindWindow))
		equal(b, "timeline", b.timeline(alice)[0].At, far)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(1234567 * time.Millisecond), Carried: notify.Carried{AskedSince: far}})
		equal(b, "asked since", b.after(1234567*time.Millisecond).AskedSince, far)
	}},
	{"a timeline keeps what waits, and the last 60 stories that have ended, oldest first", func(b *bench) {
		b.bind()
		for i := range 100 {
			id := fact.MessageID(fmt.Sprint("m", i))
			b.record(b.message(id))
			b.Advance(time.Millisecond)
			b.record(fact.Recall{ID: id, From: bob, To: alice})
		}
		b.Advance(time.Millisecond)
		b.record(b.message("waits"))
		steps := b.timeline(alice)
		equal(b, "steps", len(steps), 2*60+1)
		equal(b, "first", steps[0].Messages, b.identities("m40"))
		equal(b, "last", steps[120].Messages, b.identities("waits"))
		equal(b, "in order", slices.IsSortedFunc(steps, func(x, y notify.Step) int { return x.At.Compare(y.At) }), true)
		if n := b.Raw.LLen(b.Context(), b.key("}:t:"+string(alice))).Val(); n > 95 {
			b.Errorf("the timeline is not trimmed: %d entries", n)
		}
	}},
	{"what waits long is written to the timeline now and then", func(b *bench) {
		b.bind()
		for i := range 30 {
			b.record(b.message(fact.MessageID(fmt.Sprint("m", i))))
		}
		equal(b, "steps", len(b.timeline(alice)), 30)
		equal(b, "entries", b.Raw.LLen(b.Context(), b.key("}:t:"+string(alice))).Val(), 2)
		equal(b, "steps that wait for an end", strings.Count(b.Raw.HGet(b.Context(), b.key("}:r:"+string(alice)), "s").Val(), `["a"`), 4)
	}},
	{"steps that cannot be read keep nobody waiting, and are left to who can read them", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.spoil("r:"+string(alice), "s", "of a newer version")
		b.record(b.message("m2"))
		equal(b, "waiting", idsOf(b.after(b.rules.Lead)), []fact.MessageID{"m1", "m2"})
		equal(b, "timeline", b.Raw.LRange(b.Context(), b.key("}:t:"+string(alice)), 0, -1).Val(), []string{"of a newer version"})
	}},
	{"an own reply ends what its peer had written, but not one by REST, or that failed", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		reply := fact.Message{ID: "reply", From: alice, To: bob, SentAt: b.Now()}
		byREST, failed := reply, reply
		byREST.ByREST, failed.FailedCode = true, 20012
		b.record(byREST, failed)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []fact.MessageID{"m1"})
		b.record(reply)
		b.ended("m1", fact.StateRead, fact.ReasonOwnReply)
	}},
	{"a read report or a recall that overtakes its message ends it", func(b *bench) {
		b.bind()
		m1, m2 := b.message("m1"), b.message("m2")
		b.record(fact.Recall{ID: "m2", From: bob, To: alice})
		b.record(m2, m2)
		b.ended("m2", fact.StateRecalled, fact.ReasonNone)
		b.record(fact.Read{Reader: alice, Peer: bob, UpTo: m1.SentAt})
		b.record(m1)
		b.ended("m1", fact.StateRead, fact.ReasonReadReport)
	}},
	{"of many conversations those read last are kept", func(b *bench) {
		b.bind()
		var old []any
		for i := range 201 {
			old = append(old, fact.Read{Reader: alice, Peer: fact.UserID(fmt.Sprint("peer", i)), UpTo: b.Now().Add(-25 * time.Hour)})
		}
		b.record(old...)
		b.record(fact.Read{Reader: alice, Peer: bob, UpTo: b.Now()})
		b.record(b.message("m1"))
		b.ended("m1", fact.StateRead, fact.ReasonReadReport)
		b.nothingNames("peer7")
	}},
	{"a repeated message is known a day later", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.rules.TTL = 7 * 24 * time.Hour
		b.record(m)
		b.finish(notify.Finish{User: alice, Lease: b.after(b.rules.Lead).Lease, Final: b.final(fact.StateDelivered, "m1")})
		b.Advance(24*time.Hour - b.rules.Lead)
		b.record(b.message("m2"), m)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []fact.MessageID{"m2"})
		b.ended("m1", fact.StateDelivered, fact.ReasonNone)
	}},
	{"instances may disagree on the day", func(b *bench) {
		ahead := b.Open(func() time.Time { return b.Now().Add(time.Hour) })
		b.bind()
		m, m2 := b.message("m1"), b.message("m2")
		b.must(b.recordBy(ahead, m))
		b.unchanged(func() { b.record(m) })
		b.record(m2)
		b.unchanged(func() { b.must(b.recordBy(ahead, m2)) })
		behind := b.Open(func() time.Time { return b.Now().Add(-5 * time.Hour) })
		m3 := b.message("m3")
		b.must(b.recordBy(behind, m3))
		b.unchanged(func() { b.record(m3) })
	}},
}

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
		b.Advance(23 * time.Hour) // another day, in which it is sent as if it were new
		equal(b, "again", b.announce(b.announcement("a1")), []notify.Accepted{{}})
		b.nothingDue()
	}},
}
