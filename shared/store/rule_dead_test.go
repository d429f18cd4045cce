package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// giveUp gives up all that waits for rec, and returns the letter.
func (b *bench) giveUp(rec notify.Recipient) notify.DeadLetter {
	b.Helper()
	c := b.begin(rec)
	l := notify.DeadLetter{ID: string(c.Card), User: rec.User, OpenID: rec.OpenID, Card: c.Card, Kind: rec.Notices[0].Kind, Template: tmpl,
		Messages: c.Messages, At: b.Now().Truncate(time.Millisecond), Class: "defect", Cause: `errcode 47003: "thing1" é`}
	for _, n := range rec.Notices {
		if !slices.Contains(l.From, n.From) {
			l.From = append(l.From, n.From)
		}
	}
	ends := b.finish(notify.Finish{User: rec.User, Queue: rec.Queue, Lease: rec.Lease, Card: c.Card, Dead: &l,
		Final: final(fact.StateDead, c.Messages...)})
	equal(b, "ended", ends, [][]notify.Ended{{{State: fact.StateDead, Messages: len(c.Messages)}}})
	return l
}

// aliceDead leaves alice with one dead letter, of messages with these ids.
func (b *bench) aliceDead(ids ...fact.MessageID) notify.DeadLetter {
	b.Helper()
	b.bind()
	for _, id := range ids {
		b.record(b.message(id))
	}
	return b.giveUp(b.after(b.rules.Lead))
}

func (b *bench) letters(limit int) []notify.DeadLetter {
	b.Helper()
	return must(b.Store.DeadLetters(b.Context(), limit))(b)
}

// replayed wants the replay of a letter of alice to answer with want.
func (b *bench) replayed(id string, want notify.Replayed) {
	b.Helper()
	equal(b, "replayed", must(b.Store.Replay(b.Context(), alice, id))(b), want)
}

var deadRules = []rule{
	{"of a card that was given up a letter is kept", func(b *bench) {
		b.bind()
		fromCarol := b.message("m3")
		fromCarol.From = carol
		b.record(b.message("m1"), b.message("m2"), fromCarol)
		want := b.giveUp(b.after(b.rules.Lead))
		equal(b, "senders", want.From, []fact.UserID{bob, carol})
		equal(b, "letters", b.letters(10), []notify.DeadLetter{want})
		b.counted(map[fact.State]int64{fact.StateDead: 3})
		b.nothingDue()
	}},
	{"letters of all users are listed, newest first, as many as are asked for", func(b *bench) {
		var want []notify.DeadLetter
		for i := range 12 {
			user := fact.UserID(fmt.Sprint("user", i%4))
			b.bindTo(user, fact.OpenID("o-"+user))
			b.record(b.messageTo(user, fact.MessageID(fmt.Sprint("m", i))))
			want = append([]notify.DeadLetter{b.giveUp(b.after(b.rules.Lead))}, want...)
		}
		for _, limit := range []int{1, 5, 12, 100} {
			equal(b, "letters", b.letters(limit), want[:min(limit, 12)])
		}
		equal(b, "of none", len(b.letters(0)), 0)
	}},
	{"a letter of somebody who was bound to nobody for weeks, and is again, ends by a reply", func(b *bench) {
		b.aliceDead("m1")
		b.bindTo(carol, aliceOpenID)
		b.Advance(29 * 24 * time.Hour)
		b.bindTo(alice, otherOpenID)
		reply := b.messageTo(bob, "reply")
		reply.From = alice
		b.record(reply)
		equal(b, "letters", len(b.letters(10)), 0)
		b.counted(map[fact.State]int64{fact.StateNotBound: 1, fact.StateRead: 1})
	}},
	{"what ends a message ends it in its letter too", func(b *bench) {
		b.aliceDead("recalled", "failed", "answered")
		b.record(b.ring("call"))
		b.giveUp(b.only())
		failed, reply := b.message("failed"), b.messageTo(bob, "reply")
		failed.FailedCode, reply.From = 20012, alice
		for i, c := range []struct {
			fact  any
			id    fact.MessageID
			state fact.State
		}{
			{fact.Recall{ID: "recalled", From: bob, To: alice}, "recalled", fact.StateRecalled},
			{failed, "failed", fact.StateFailedIM},
			{b.endOf(b.ring("call"), fact.CallAnswered), "call", fact.StateAnswered},
			{reply, "answered", fact.StateRead},
		} {
			b.record(c.fact)
			b.record(c.fact)
			equal(b, "ends", b.endings(c.id), map[fact.State]int{fact.StateDead: 1, c.state: 1})
			equal(b, "dead", b.counts()[fact.StateDead], int64(3-i))
		}
		equal(b, "letters", len(b.letters(10)), 0)
		b.nothingNames("}:dead") // who has letters
		b.nothingDue()
	}},
	{"a replayed letter waits again as if it had just come in, once", func(b *bench) {
		letter := b.aliceDead("m1", "m2")
		b.Advance(48 * time.Hour)
		b.replayed(letter.ID, notify.Replayed{Messages: 2, Wake: true})
		equal(b, "letters", len(b.letters(10)), 0)
		b.counted(map[fact.State]int64{})
		b.unchanged(func() {
			b.replayed(letter.ID, notify.Replayed{})
			b.replayed("another", notify.Replayed{})
		})
		rec, now := b.only(), b.Now().Truncate(time.Millisecond)
		equal(b, "notices", idsOf(rec), []fact.MessageID{"m1", "m2"})
		n := rec.Notices[0]
		equal(b, "notice", []any{n.Kind, n.From, n.WindowEnd, n.Expires}, []any{fact.KindMessage, bob, now, now.Add(24 * time.Hour)})
	}},
	{"a letter of somebody who is not bound any more stays", func(b *bench) {
		letter := b.aliceDead("m1")
		b.bindTo(carol, aliceOpenID)
		b.unchanged(func() {
			_, err := b.Store.Replay(b.Context(), alice, letter.ID)
			equal(b, "it is nobody's", errors.Is(err, store.ErrNotBound), true)
		})
		equal(b, "letters", len(b.letters(10)), 1)
		b.bindTo(alice, otherOpenID)
		b.replayed(letter.ID, notify.Replayed{Messages: 1})
		equal(b, "openid", b.only().OpenID, otherOpenID)
	}},
	{"who had letters is forgotten when they are gone", func(b *bench) {
		b.aliceDead("m1")
		b.forget(func(key string) bool { return strings.Contains(key, "}:dl:") }) // their time was over
		b.Advance(30*24*time.Hour + time.Second)
		b.record(b.messageTo(b.sameShard(alice), "m2"))
		letter := b.giveUp(b.after(b.rules.Lead))
		equal(b, "letters", b.letters(1), []notify.DeadLetter{letter})
		equal(b, "named", b.Raw.ZRange(b.Context(), b.key("}:dead"), 0, -1).Val(), []string{string(letter.User)})
	}},
}
