package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// letterOf is the letter of a card with all that waits for rec.
func (b *bench) letterOf(rec notify.Recipient, card notify.CardID) *notify.DeadLetter {
	l := &notify.DeadLetter{ID: string(card), User: rec.User, OpenID: rec.OpenID, Card: card, Kind: rec.Notices[0].Kind, Template: tmpl,
		Messages: identitiesOf(rec), At: b.Now().Truncate(time.Millisecond), Class: "defect", Cause: `errcode 47003: "thing1" é`}
	for _, n := range rec.Notices {
		if !slices.Contains(l.From, n.From) {
			l.From = append(l.From, n.From)
		}
	}
	return l
}

// bury gives up all that waits for rec, and returns the letter.
func (b *bench) bury(rec notify.Recipient) notify.DeadLetter {
	b.Helper()
	card := b.begin(rec)
	l := b.letterOf(rec, card.Card)
	ends := b.finish(notify.Finish{User: rec.User, Lane: rec.Lane, Lease: rec.Lease, Card: card.Card, Dead: l,
		Final: final(notify.StateDead, card.Messages...)})
	equal(b, "ended", ends, [][]notify.Ended{{{State: notify.StateDead, Messages: len(card.Messages)}}})
	return *l
}

// aliceDead leaves alice with one dead letter, of messages with these ids.
func (b *bench) aliceDead(ids ...notify.MessageID) notify.DeadLetter {
	b.Helper()
	b.bind()
	for _, id := range ids {
		b.record(b.message(id))
	}
	return b.bury(b.after(b.rules.Lead))
}

func (b *bench) letters(limit int) []notify.DeadLetter {
	b.Helper()
	got, err := b.Store.DeadLetters(b.Context(), limit)
	b.must(err)
	return got
}

// replayed wants the replay of a letter of alice to answer with want.
func (b *bench) replayed(id string, want notify.Replayed) {
	b.Helper()
	got, err := b.Store.Replay(b.Context(), alice, id)
	b.must(err)
	equal(b, "replayed", got, want)
}

var deadRules = []rule{
	{"of a card that was given up a letter is kept", func(b *bench) {
		b.bind()
		fromCarol := b.message("m3")
		fromCarol.From = carol
		b.record(b.message("m1"), b.message("m2"), fromCarol)
		want := b.bury(b.after(b.rules.Lead))
		equal(b, "senders", want.From, []notify.UserID{bob, carol})
		equal(b, "letters", b.letters(10), []notify.DeadLetter{want})
		b.counted(map[notify.State]int64{notify.StateDead: 3})
		b.nothingDue()
	}},
	{"a letter keeps only what was given up", func(b *bench) {
		b.bind()
		b.record(b.message("m1"), b.message("m2"), b.message("m3"))
		rec := b.after(b.rules.Lead)
		card := b.begin(rec)
		b.record(notify.Recall{ID: "m3", From: bob, To: alice})
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Dead: b.letterOf(rec, card.Card),
			Final: append(b.final(notify.StateDead, "m1", "m3"), b.final(notify.StateExpired, "m2")...)})
		equal(b, "messages", b.letters(10)[0].Messages, b.identities("m1"))
		b.ended("m3", notify.StateRecalled, notify.ReasonNone)
	}},
	{"no letter is kept of what did not end dead", func(b *bench) {
		rec, card := b.aliceBegun("m1")
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: card.Card, Dead: b.letterOf(rec, card.Card),
			Final: b.final(notify.StateExpired, "m1")})
		equal(b, "letters", len(b.letters(10)), 0)
	}},
	{"letters of all users are listed, newest first, as many as are asked for", func(b *bench) {
		var want []string
		for i := range 12 {
			user := notify.UserID(fmt.Sprint("user", i%4))
			b.bindTo(user, notify.OpenID("o-"+user))
			b.record(b.messageTo(user, notify.MessageID(fmt.Sprint("m", i))))
			want = append([]string{b.bury(b.after(b.rules.Lead)).ID}, want...)
		}
		for _, limit := range []int{1, 5, 12, 100} {
			var got []string
			for _, l := range b.letters(limit) {
				got = append(got, l.ID)
			}
			equal(b, "letters", got, want[:min(limit, 12)])
		}
		equal(b, "of none", len(b.letters(0)), 0)
	}},
	{"a letter holds no text, and is replayed without", func(b *bench) {
		b.bind()
		spoken := b.message("m1")
		spoken.Summary = "a secret"
		b.record(spoken)
		letter := b.bury(b.after(b.rules.Lead))
		b.nothingNames("a secret")
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		equal(b, "summary", b.only().Notices[0].Summary, "")
	}},
	{"what was read or muted since is not replayed, and ends so", func(b *bench) {
		b.bind()
		fromCarol := b.message("muted")
		fromCarol.From = carol
		inGroup := b.message("read in a group")
		inGroup.Group = team
		rest := b.message("rest")
		rest.From = "dave"
		b.record(b.message("read"), fromCarol, inGroup, rest)
		b.Advance(b.rules.Lead)
		letter := b.bury(b.only())
		b.record(notify.Read{Reader: alice, Peer: bob, UpTo: b.Now()}, notify.Read{Reader: alice, Peer: "@" + notify.UserID(team), UpTo: b.Now()})
		b.prefer(notify.Preferences{MutedPeers: []string{string(carol)}})
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		for id, state := range map[notify.MessageID]notify.State{"read": notify.StateRead, "read in a group": notify.StateRead, "muted": notify.StateMuted} {
			equal(b, "ends", b.endings(id), map[notify.State]int{notify.StateDead: 1, state: 1})
		}
		b.counted(map[notify.State]int64{notify.StateDead: 0, notify.StateRead: 2, notify.StateMuted: 1})
		equal(b, "notices", idsOf(b.only()), []notify.MessageID{"rest"})
		equal(b, "letters", len(b.letters(10)), 0)
	}},
	{"of a letter of which all was muted since nothing waits", func(b *bench) {
		letter := b.aliceDead("m1")
		b.prefer(notify.Preferences{Muted: true})
		b.replayed(letter.ID, notify.Replayed{})
		equal(b, "ends", b.endings("m1"), map[notify.State]int{notify.StateDead: 1, notify.StateMuted: 1})
		b.counted(map[notify.State]int64{notify.StateDead: 0, notify.StateMuted: 1})
		equal(b, "letters", len(b.letters(10)), 0)
		b.nothingDue()
	}},
	{"what is recalled leaves its letter", func(b *bench) {
		letter := b.aliceDead("m1", "m2")
		b.record(notify.Recall{ID: "m1", From: carol, To: alice}) // another's message
		for i, id := range []notify.MessageID{"m1", "m2"} {
			recall := notify.Recall{ID: id, From: bob, To: alice}
			b.record(recall)
			equal(b, "ends", b.endings(id), map[notify.State]int{notify.StateDead: 1, notify.StateRecalled: 1})
			b.counted(map[notify.State]int64{notify.StateDead: int64(1 - i), notify.StateRecalled: int64(1 + i)})
			b.unchanged(func() { b.record(recall) })
		}
		equal(b, "letters", len(b.letters(10)), 0)
		b.replayed(letter.ID, notify.Replayed{})
		b.nothingDue()
	}},
	{"what its user answers leaves its letter", func(b *bench) {
		letter := b.aliceDead("m1")
		reply := b.messageTo(bob, "reply")
		reply.From = alice
		b.record(reply, reply)
		equal(b, "ends", b.endings("m1"), map[notify.State]int{notify.StateDead: 1, notify.StateRead: 1})
		b.counted(map[notify.State]int64{notify.StateDead: 0, notify.StateRead: 1, notify.StateNotBound: 2})
		b.replayed(letter.ID, notify.Replayed{})
		b.nothingDue()
	}},
	{"what fails in IM leaves its letter", func(b *bench) {
		letter := b.aliceDead("m1", "m2")
		failed := b.message("m1")
		failed.FailedCode = 20012
		b.record(failed, failed)
		equal(b, "ends", b.endings("m1"), map[notify.State]int{notify.StateDead: 1, notify.StateFailedIM: 1})
		b.counted(map[notify.State]int64{notify.StateDead: 1, notify.StateFailedIM: 1})
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		equal(b, "notices", idsOf(b.only()), []notify.MessageID{"m2"})
	}},
	{"a call that is answered leaves its letter, and one that was in vain does not", func(b *bench) {
		b.bind()
		for call, how := range map[notify.MessageID]notify.CallEnd{"answered": notify.CallAnswered, "in vain": notify.CallTimedOut} {
			r := b.ring(call)
			b.record(r)
			b.bury(b.only())
			b.record(b.endOf(r, how))
			b.Advance(time.Minute)
		}
		equal(b, "ends", b.endings("answered"), map[notify.State]int{notify.StateDead: 1, notify.StateAnswered: 1})
		letters := b.letters(10)
		equal(b, "letters", len(letters), 1)
		equal(b, "in the letter", letters[0].Messages, b.identities("in vain"))
		b.counted(map[notify.State]int64{notify.StateDead: 1, notify.StateAnswered: 1})
	}},
	{"a replayed letter waits again as if it had just come in, once", func(b *bench) {
		letter := b.aliceDead("m1", "m2")
		b.Advance(48 * time.Hour)
		b.replayed(letter.ID, notify.Replayed{Messages: 2, Wake: true})
		equal(b, "letters", len(b.letters(10)), 0)
		b.counted(map[notify.State]int64{notify.StateDead: 0})
		now := b.Now().Truncate(time.Millisecond)
		steps := b.timeline(alice)
		equal(b, "last step", steps[len(steps)-1], notify.Step{At: now, Kind: notify.StepAccepted,
			Messages: b.identities("m1", "m2"), Reason: notify.ReasonReplayed})
		b.unchanged(func() {
			b.replayed(letter.ID, notify.Replayed{})
			b.replayed("another", notify.Replayed{})
		})
		rec := b.only()
		equal(b, "notices", idsOf(rec), []notify.MessageID{"m1", "m2"})
		n := rec.Notices[0]
		equal(b, "notice", []any{n.Kind, n.From, n.WindowEnd, n.Expires}, []any{notify.KindMessage, bob, now, now.Add(24 * time.Hour)})
		b.begin(rec)
	}},
	{"a replayed letter that dies again is a letter again", func(b *bench) {
		first := b.aliceDead("m1")
		b.replayed(first.ID, notify.Replayed{Messages: 1})
		again := b.bury(b.only())
		equal(b, "letters", b.letters(10), []notify.DeadLetter{again})
		b.counted(map[notify.State]int64{notify.StateDead: 1})
	}},
	{"a replay begins to count attempts anew", func(b *bench) {
		letter := b.aliceDead("m1")
		b.record(b.message("m2"))
		rec := b.after(b.rules.Lead)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(time.Second), Carried: notify.Carried{Attempts: 3, Neutral: true}})
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		rec = b.only()
		equal(b, "carried", rec.Carried, notify.Carried{})
		equal(b, "notices", len(rec.Notices), 2)
	}},
	{"a call in a letter is a missed one when it is replayed", func(b *bench) {
		_, rec := b.aliceRinging("call")
		letter := b.bury(rec)
		equal(b, "kind", letter.Kind, notify.KindCall)
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		rec = b.only()
		equal(b, "lane", rec.Lane, notify.LaneMessages)
		equal(b, "kind", rec.Notices[0].Kind, notify.KindMissedCall)
	}},
	{"an announcement in a letter says again what it said", func(b *bench) {
		b.bind()
		a := b.announcement("a1")
		b.announce(a)
		letter := b.bury(b.only())
		equal(b, "kind", letter.Kind, a.Kind)
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		equal(b, "announcement", b.only().Notices[0].Announcement, a.Announcement)
	}},
	{"a letter of somebody who is not bound any more stays", func(b *bench) {
		letter := b.aliceDead("m1")
		b.bindTo(carol, aliceOpenID)
		b.unchanged(func() {
			if _, err := b.Store.Replay(b.Context(), alice, letter.ID); !errors.Is(err, store.ErrNotBound) {
				b.Errorf("got %v, want %v", err, store.ErrNotBound)
			}
		})
		equal(b, "letters", len(b.letters(10)), 1)
		b.bindTo(alice, otherOpenID)
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		equal(b, "openid", b.only().OpenID, otherOpenID)
	}},
	{"of a letter as much is replayed as there is room for", func(b *bench) {
		letter := b.aliceDead("m1", "m2", "m3")
		b.record(b.message("m0"))
		b.multiply(158)
		b.replayed(letter.ID, notify.Replayed{Messages: 2, Wake: false})
		b.unchanged(func() { b.replayed(letter.ID, notify.Replayed{}) })
		equal(b, "messages", b.letters(10)[0].Messages, b.identities("m3"))
		b.counted(map[notify.State]int64{notify.StateDead: 1})
		equal(b, "timeline", len(b.timeline(alice)) > 0, true)
	}},
	{"letters are erased with their user", func(b *bench) {
		b.aliceDead("m1")
		b.must(b.Store.EraseOpenID(b.Context(), aliceOpenID))
		equal(b, "letters", len(b.letters(10)), 0)
		b.nothingNames(string(alice), string(aliceOpenID))
	}},
	{"of more than thirty letters of a user the oldest go", func(b *bench) {
		b.aliceDead("m1")
		for entry, value := range b.dump() {
			key, id, _ := strings.Cut(entry, " ")
			if !strings.Contains(key, "}:dl:") {
				continue
			}
			for i := range 29 { // behind the store's back: so many cards take long
				b.must(b.Raw.HSet(b.Context(), key, fmt.Sprint("letter", i), strings.ReplaceAll(value, id, fmt.Sprint("letter", i))).Err())
			}
		}
		equal(b, "letters", len(b.letters(1000)), 30)
		b.Advance(time.Second)
		second := b.aliceDead("m2")
		equal(b, "letters", len(b.letters(1000)), 30)
		equal(b, "newest", b.letters(1), []notify.DeadLetter{second})
	}},
	{"the letters of a user hold 200 notices at most", func(b *bench) {
		b.bind()
		for range 3 {
			b.record(b.message(notify.MessageID(b.fresh("m"))))
			b.multiply(100)
			b.bury(b.after(b.rules.Lead))
			b.Advance(time.Second)
		}
		letters := b.letters(10)
		equal(b, "letters", len(letters), 2)
		equal(b, "notices", len(letters[0].Messages)+len(letters[1].Messages), 200)
	}},
	{"who had letters is forgotten when they are gone", func(b *bench) {
		b.aliceDead("m1")
		b.forget(func(key string) bool { return strings.Contains(key, "}:dl:") }) // their time was over
		b.Advance(30*24*time.Hour + time.Second)
		user := b.sameShard(alice)
		b.record(b.messageTo(user, "m2"))
		letter := b.bury(b.after(b.rules.Lead))
		equal(b, "letters", b.letters(1), []notify.DeadLetter{letter})
		for entry := range b.dump() {
			if strings.HasSuffix(entry, "}:dead "+string(alice)) {
				b.Errorf("kept: %s", entry)
			}
		}
	}},
}

// sameShard binds users until one is in the shard of user.
func (b *bench) sameShard(user notify.UserID) notify.UserID {
	b.Helper()
	for range 100 {
		other := notify.UserID(b.fresh("user"))
		b.bindTo(other, notify.OpenID("o-"+other))
		if b.shardOf(other) == b.shardOf(user) {
			return other
		}
	}
	b.Fatalf("nobody is in the shard of %s", user)
	return ""
}
