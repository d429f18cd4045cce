package store_test

import (
	"errors"
	"strings"
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
	got, err := b.Store.Preferences(b.Context(), alice)
	b.must(err)
	equal(b, "preferences", got, want)
}

// noPreferences are those of somebody who has not said any.
var noPreferences = notify.Preferences{MutedPeers: []string{}}

// told brings alice, who is bound and away, to a first card that was sent for a message
// just now, and returns the absence that is known from then on.
func (b *bench) told() notify.Absence {
	b.Helper()
	b.record(b.message(fact.MessageID(b.fresh("told"))))
	rec := b.after(b.rules.Lead)
	card := b.begin(rec)
	b.finish(notify.Finish{User: rec.User, Queue: rec.Queue, Lease: rec.Lease, Card: card.Card, Absence: notify.AbsenceTold,
		Final: final(fact.StateDelivered, card.Messages...)})
	return notify.Absence{Cards: 1, Last: b.Now().Truncate(time.Millisecond), Counted: true}
}

// absent wants the next message for alice to be due after d, in the given absence.
func (b *bench) absent(d time.Duration, want notify.Absence) {
	b.Helper()
	b.record(b.message(fact.MessageID(b.fresh("next"))))
	equal(b, "absence", b.after(d).Absence, want)
}

// recipientRules are about what is kept of a recipient beside messages.
var recipientRules = []rule{
	{"a repeated presence changes nothing", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		left := b.left()
		b.record(left)
		b.Advance(time.Second)
		b.unchanged(func() { b.record(left) })
	}},
	{"presence is remembered while nothing waits", func(b *bench) {
		b.bind()
		b.record(b.returned())
		b.Advance(time.Hour)
		b.record(b.message("m1"))
		b.after(b.rules.BlindWindow)
	}},
	{"what the recipient was told is remembered while nothing waits", func(b *bench) {
		b.bind()
		absence := b.told()
		b.Advance(48 * time.Hour)
		b.absent(b.rules.Lead, absence)
	}},
	{"nothing is kept of what somebody was told who is not bound any more", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		rec := b.after(b.rules.Lead)
		card := b.begin(rec)
		b.bindTo(carol, aliceOpenID)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Final: b.final(fact.StateDelivered, "m1"), Absence: notify.AbsenceTold})
		for entry := range b.dump() {
			if strings.Contains(entry, "}:r:"+string(alice)) {
				b.Errorf("kept: %s", entry)
			}
		}
	}},
	{"whatever shows that somebody was here ends their absence", func(b *bench) {
		inGroup := b.groupMessage(1)
		inGroup.From, inGroup.For = alice, fact.GroupOff
		for _, f := range []any{
			fact.Presence{User: alice, At: b.Now().Add(time.Hour)}, // they left after the last card
			fact.Read{Reader: alice, Peer: carol, UpTo: b.Now()},
			fact.Message{ID: "reply", From: alice, To: carol, SentAt: b.Now()},
			inGroup,
			nil, // a login at the mini program
		} {
			b.bind()
			b.told()
			if f != nil {
				b.record(f)
			} else {
				b.bind()
			}
			b.absent(b.rules.Lead, notify.Absence{})
			b.must(b.Store.EraseUser(b.Context(), alice))
		}
	}},
	{"preferences are kept as they were set, and nothing is muted at first", func(b *bench) {
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
	{"nothing is kept of the preferences of somebody who is not bound", func(b *bench) {
		b.unchanged(func() {
			if err := b.Store.SetPreferences(b.Context(), alice, notify.Preferences{Muted: true}); !errors.Is(err, store.ErrNotBound) {
				b.Errorf("got %v, want %v", err, store.ErrNotBound)
			}
		})
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
