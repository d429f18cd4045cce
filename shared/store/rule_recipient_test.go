package store_test

import (
	"errors"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

func (b *bench) prefer(p notify.Preferences) {
	b.Helper()
	b.must(b.Store.SetPreferences(b.Context(), alice, p))
}

func (b *bench) prefers(want notify.Preferences) {
	b.Helper()
	equal(b, "preferences", must(b.Store.Preferences(b.Context(), alice))(b), want)
}

// noPreferences are those of somebody who has not said any.
var noPreferences = notify.Preferences{MutedPeers: []string{}}

// told brings alice, who is bound and away, to a first card that was sent for a message
// just now.
func (b *bench) told() {
	b.Helper()
	b.record(b.message(fact.MessageID(b.fresh("told"))))
	rec := b.after(b.rules.Lead)
	card := b.begin(rec)
	b.finish(notify.Finish{User: rec.User, Queue: rec.Queue, Lease: rec.Lease, Card: card.Card, Absence: notify.AbsenceTold,
		Final: final(fact.StateDelivered, card.Messages...)})
}

// absent wants the next message for alice to be due after d, in the given absence.
func (b *bench) absent(d time.Duration, want notify.Absence) {
	b.Helper()
	b.record(b.message(fact.MessageID(b.fresh("next"))))
	equal(b, "absence", b.after(d).Absence, want)
}

// recipientRules are about what is kept of a recipient beside messages.
var recipientRules = []rule{
	{"presence, and what they were told, is remembered while nothing waits, and is told once", func(b *bench) {
		b.bind()
		here := b.returned()
		b.record(here)
		b.Advance(time.Hour)
		b.unchanged(func() { b.record(here) })
		b.record(b.message("m1"))
		rec := b.after(b.rules.BlindWindow)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Absence: notify.AbsenceTold, Final: b.final(fact.StateDelivered, "m1")})
		told := notify.Absence{Cards: 1, Last: b.Now().Truncate(time.Millisecond), Counted: true}
		b.record(fact.Presence{User: alice, At: here.At.Add(time.Millisecond)})
		b.Advance(48 * time.Hour)
		b.absent(b.rules.Lead, told)
	}},
	{"a mailbox can be looked at: where its owner is, what waits, and when that is looked at", func(b *bench) {
		nobody := must(store.Mailbox(b.Context(), b.Store, alice))(b)
		equal(b, "nobody's", nobody, notify.Mailbox{User: alice})
		b.bind()
		gone := fact.Presence{User: alice, At: b.Now().Truncate(time.Millisecond)}
		b.record(gone, b.message("m1"))
		box := must(store.Mailbox(b.Context(), b.Store, alice))(b)
		equal(b, "owner", box.OpenID, aliceOpenID)
		equal(b, "presence", []any{box.Known, box.KnownAt.UTC()}, []any{notify.StatusOffline, gone.At.UTC()})
		equal(b, "waiting", len(box.Messages.Notices), 1)
		equal(b, "due", box.Messages.Due.Sub(b.Now().Truncate(time.Millisecond)), b.rules.Lead)
	}},
	{"whatever shows that somebody was here ends their absence", func(b *bench) {
		inGroup := b.groupMessage(1)
		inGroup.From, inGroup.For = alice, fact.GroupOff
		for _, happens := range []func(){
			b.bind, // a login at the mini program
			func() { b.record(fact.Presence{User: alice, At: b.Now().Add(time.Millisecond)}) }, // they left after the last card
			func() { b.record(fact.Read{Reader: alice, Peer: carol, UpTo: b.Now()}) },
			func() { b.record(fact.Message{ID: "reply", From: alice, To: carol, SentAt: b.Now()}) },
			func() { b.record(inGroup) },
		} {
			b.bind()
			b.told()
			happens()
			b.absent(b.rules.Lead, notify.Absence{})
			b.must(b.Store.EraseUser(b.Context(), alice))
		}
	}},
	{"preferences are kept as they were set, of who is bound, and nothing is muted at first", func(b *bench) {
		b.unchanged(func() {
			err := b.Store.SetPreferences(b.Context(), alice, notify.Preferences{Muted: true})
			equal(b, "of nobody", errors.Is(err, store.ErrNotBound), true)
		})
		b.prefers(noPreferences)
		b.bind()
		b.prefers(noPreferences)
		for _, p := range []notify.Preferences{
			{Muted: true, QuietHours: "22:30-07:00", MutedPeers: []string{string(bob), string(team), `"é\`}},
			{MutedPeers: []string{string(bob)}},
			noPreferences,
		} {
			b.prefer(p)
			b.prefers(p)
			b.unchanged(func() { b.prefer(p) })
		}
		b.prefer(notify.Preferences{})
		b.prefers(noPreferences)
	}},
	{"preferences move with the user to another openid, and end with the binding", func(b *bench) {
		b.bind()
		muted := notify.Preferences{Muted: true, MutedPeers: []string{}}
		b.prefer(muted)
		b.bindTo(alice, otherOpenID)
		b.prefers(muted)
		b.bindTo(carol, otherOpenID)
		b.prefers(noPreferences)
		b.bind()
		b.prefers(noPreferences)
	}},
}
