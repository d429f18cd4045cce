package store_test

import (
	"cmp"
	"errors"
	"time"

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

var preferenceRules = []rule{
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
	{"who is muted is told of nothing, and the timeline says why", func(b *bench) {
		b.bind()
		b.prefer(notify.Preferences{Muted: true})
		equal(b, "wake", b.record(b.message("m1"), b.ring("call")), false)
		b.ended("m1", notify.StateMuted, notify.ReasonMutedAll)
		b.ended("call", notify.StateMuted, notify.ReasonMutedAll)
		b.Advance(time.Hour)
		b.nothingDue()
		b.prefer(notify.Preferences{})
		b.record(b.message("m2"))
		b.after(b.rules.Lead)
	}},
	{"what a muted peer writes or calls is not told, in a group neither", func(b *bench) {
		b.bind()
		b.prefer(notify.Preferences{MutedPeers: []string{"somebody", string(bob)}})
		inGroup, other := b.message("group"), b.message("other")
		inGroup.Group, inGroup.Kind = team, notify.KindMention
		other.From = carol
		b.record(b.message("m1"), inGroup, b.ring("call"), other)
		for _, id := range []notify.MessageID{"m1", "group", "call"} {
			b.ended(id, notify.StateMuted, notify.ReasonMutedPeer)
		}
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"other"})
	}},
	{"of a muted group nothing is told, whoever writes or calls", func(b *bench) {
		b.bind()
		b.prefer(notify.Preferences{MutedPeers: []string{string(team)}})
		inGroup, call := b.message("group"), b.ring("call")
		inGroup.Group, call.Group = team, team
		b.record(inGroup, call, b.message("m1"))
		b.ended("group", notify.StateMuted, notify.ReasonMutedPeer)
		b.ended("call", notify.StateMuted, notify.ReasonMutedPeer)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m1"})
	}},
	{"the end of a muted call is no end of its own", func(b *bench) {
		b.rules.MissedCalls = true
		b.bind()
		b.prefer(notify.Preferences{Muted: true})
		r := b.ring("call")
		b.record(r)
		b.onlyLogged(func() { b.record(b.endOf(r, notify.CallCancelled), r) })
	}},
	{"a muted message that was recalled, read or not counted is that", func(b *bench) {
		b.bind()
		b.prefer(notify.Preferences{Muted: true})
		uncounted := b.message("uncounted")
		uncounted.Uncounted = notify.ReasonSilent
		b.record(notify.Recall{ID: "m1", From: bob, To: alice})
		b.record(b.message("m1"), uncounted)
		b.ended("m1", notify.StateRecalled, notify.ReasonNone)
		b.ended("uncounted", notify.StateNotCounted, notify.ReasonSilent)
	}},
	{"what waits ends when it is muted, and the rest goes on", func(b *bench) {
		b.bind()
		other := b.message("other")
		other.From = carol
		b.record(b.message("m1"), other, b.ring("call"))
		b.prefer(notify.Preferences{MutedPeers: []string{string(bob)}})
		b.ended("m1", notify.StateMuted, notify.ReasonMutedPeer)
		b.ended("call", notify.StateMuted, notify.ReasonMutedPeer)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"other"})
		b.prefer(notify.Preferences{Muted: true})
		b.ended("other", notify.StateMuted, notify.ReasonMutedAll)
		b.Advance(time.Hour)
		b.nothingDue()
	}},
	{"what is muted while it travels on a card ends so if the card does not go out", func(b *bench) {
		for _, out := range []bool{false, true} {
			id := notify.MessageID(b.fresh("m"))
			rec, card := b.aliceBegun(id)
			b.prefer(notify.Preferences{Muted: true})
			f := notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Again: b.Now()}
			state, why := notify.StateMuted, notify.ReasonMutedAll
			if out {
				f.Final = b.final(notify.StateDelivered, id)
				state, why = notify.StateDelivered, notify.ReasonNone
			}
			b.finish(f)
			b.ended(id, state, why)
			b.prefer(notify.Preferences{})
		}
	}},
	{"the user's own quiet hours are handed out with what waits", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.prefer(notify.Preferences{QuietHours: "22:30-07:00"})
		rec := b.after(b.rules.Lead)
		equal(b, "of what waited", rec.Quiet, notify.QuietHours("22:30-07:00"))
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateExpired, "m1")})
		b.record(b.message("m2"))
		rec = b.after(b.rules.Lead)
		equal(b, "of what came later", rec.Quiet, notify.QuietHours("22:30-07:00"))
		b.prefer(notify.Preferences{})
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Second)})
		equal(b, "when they are switched off", b.only().Quiet, notify.QuietHours(""))
	}},
	{"what waits for the end of quiet hours is due at once when these change", func(b *bench) {
		b.bind()
		for _, hold := range []time.Duration{0, time.Minute} { // WeChat has to be given time
			for _, quiet := range []notify.QuietHours{"", "01:00-02:00", "22:30-08:00"} {
				b.prefer(notify.Preferences{QuietHours: "22:30-07:00"})
				id := notify.MessageID(b.fresh("m"))
				b.record(b.message(id))
				rec := b.after(b.rules.Lead)
				b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(cmp.Or(hold, 2*time.Hour)), Hold: hold > 0})
				b.prefer(notify.Preferences{QuietHours: "22:30-07:00", MutedPeers: []string{string(carol)}})
				b.nothingDue()
				b.prefer(notify.Preferences{QuietHours: quiet})
				if hold > 0 {
					rec = b.after(hold)
				} else {
					rec = b.only()
				}
				equal(b, "quiet hours", rec.Quiet, quiet)
				b.finish(notify.Finish{User: alice, Lease: rec.Lease, Final: b.final(notify.StateExpired, id)})
			}
		}
	}},
	{"preferences are erased with the user", func(b *bench) {
		b.bind()
		b.prefer(notify.Preferences{Muted: true, MutedPeers: []string{string(bob)}})
		b.must(b.Store.EraseUser(b.Context(), alice))
		b.nothingNames(string(alice), string(bob))
		b.bind()
		b.prefers(noPreferences)
	}},
}
