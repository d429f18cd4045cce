package store_test

import (
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

const bobOpenID fact.OpenID = "oBobby0egBJY1zhBYw2KhdUfwVJJE"

// said is what bob writes.
const said = "what bob said"

// bobEverywhere has bob be the sender of all that others can have from somebody: messages
// that wait, that are given up and that travel on a card, calls that ring, went unanswered and
// ended, a read conversation, and messages of groups that they wrote or are mentioned in.
func (b *bench) bobEverywhere() {
	b.Helper()
	b.rules.MissedCalls = true
	b.bindTo(bob, bobOpenID)
	b.aliceDead("dead")
	b.bindTo(carol, otherOpenID)
	travels := b.messageTo(carol, "travels")
	travels.Summary = said
	b.record(travels)
	b.begin(b.after(b.rules.Lead))
	vain := b.ring("vain")
	b.record(vain, b.endOf(vain, fact.CallTimedOut))
	b.Advance(11 * time.Second)
	ringing := b.ring("ringing")
	waits := b.message("waits")
	waits.Summary = said
	b.record(ringing, waits, fact.Read{Reader: carol, Peer: bob, UpTo: b.Now().Add(-time.Minute)})
	b.keepNames(map[string]string{string(bob): "Bobby"})
	mine, mentions := b.groupMessage(1), b.groupMessage(2)
	mine.Summary, mine.At = said, []fact.UserID{alice}
	mentions.From, mentions.At = carol, []fact.UserID{bob, alice}
	b.record(mine, mentions)
}

var forgetRules = []rule{
	{"an erased sender is named nowhere, and what they sent waits on", func(b *bench) {
		b.bobEverywhere()
		letter, before := b.letters(10)[0], b.counts()
		b.must(b.Store.EraseUser(b.Context(), bob))
		b.nothingNames(string(bob), string(bobOpenID), said, "Bobby")
		b.counted(before)

		b.Advance(permit.Lease)
		equal(b, "senders", b.senders(), map[fact.MessageID]fact.UserID{"ringing": "", "travels": "", "vain": "", "waits": ""})
		letter.From = nil
		equal(b, "letters", b.letters(10), []notify.DeadLetter{letter})
		for _, s := range b.spreads() {
			equal(b, "mentioned", s.Message.At, []fact.UserID{alice})
		}
	}},
	{"an erasure that lost a round trip is completed by the next", func(b *bench) {
		lost := 0
		for n := range 20 {
			b.bobEverywhere()
			trip, erase := n/2, func(s *store.Store) error { return s.EraseUser(b.Context(), bob) }
			if trip%2 == 1 {
				erase = func(s *store.Store) error { return s.EraseOpenID(b.Context(), bobOpenID) }
			}
			if erase(b.Losing(trip, n%2 == 1)) != nil {
				lost++
				b.must(ignoreNotBound(erase(b.Store)))
			}
			b.nothingNames(string(bob), string(bobOpenID), said, "Bobby")
			b.must(b.Store.EraseUser(b.Context(), alice))
			b.must(b.Store.EraseUser(b.Context(), carol))
		}
		equal(b, "a round trip was lost", lost > 0, true)
	}},
	{"an openid whose user has gone over to another takes no name with it", func(b *bench) {
		b.bobEverywhere()
		// A login with another openid that stopped half way.
		b.must(b.Raw.HSet(b.Context(), b.key(":r:"+string(bob)), "o", "another").Err())
		b.must(b.Store.EraseOpenID(b.Context(), bobOpenID))
		b.nothingNames(string(bobOpenID))
		b.Advance(permit.Lease)
		equal(b, "senders", b.senders(), map[fact.MessageID]fact.UserID{"ringing": bob, "travels": bob, "vain": bob, "waits": bob})
	}},
	{"a member is not told twice because the sender was erased between", func(b *bench) {
		b.bobEverywhere()
		b.bindTo(bob, bobOpenID)
		member := func(m fact.GroupMessage) fact.Message {
			return fact.Message{ID: m.ID(), Kind: fact.KindMention, From: m.From, To: alice, Group: m.Group, SentAt: m.SentAt, Seq: m.Seq, ByREST: true}
		}
		first := b.groupMessage(1)
		b.record(member(first))
		b.must(b.Store.EraseUser(b.Context(), bob))
		for _, s := range b.spreads() {
			if s.Message.Seq == first.Seq {
				b.unchanged(func() { b.record(member(s.Message)) })
			}
		}
	}},
	{"what an erased user sends within a day does not name them, then it does", func(b *bench) {
		b.bind()
		b.bindTo(bob, bobOpenID)
		b.must(b.Store.EraseUser(b.Context(), bob))
		b.Advance(24*time.Hour - time.Millisecond)
		m, group := b.message("late"), b.groupMessage(1)
		m.Summary, group.Summary, group.At = said, said, []fact.UserID{alice, bob}
		b.record(m, b.ring("late call"))
		b.record(group)
		b.keepNames(map[string]string{string(bob): "Bobby"})
		b.nothingNames(string(bob), said, "Bobby")
		equal(b, "mentioned", b.spread().Message.At, []fact.UserID{alice})
		b.Advance(time.Millisecond)
		b.record(b.message("later"))
		b.Advance(b.rules.Lead)
		equal(b, "senders", b.senders(), map[fact.MessageID]fact.UserID{"late": "", "late call": "", "later": bob})
	}},
	{"after a new login they are named again", func(b *bench) {
		b.bind()
		b.bindTo(bob, bobOpenID)
		b.must(b.Store.EraseUser(b.Context(), bob))
		b.bindTo(bob, bobOpenID)
		b.record(b.message("m1"))
		equal(b, "sender", b.after(b.rules.Lead).Notices[0].From, bob)
		b.keepNames(map[string]string{string(bob): "Bobby"})
		b.names(map[string]string{string(bob): "Bobby"}, string(bob))
	}},
}

// senders says who is named with what is due.
func (b *bench) senders() map[fact.MessageID]fact.UserID {
	b.Helper()
	from := map[fact.MessageID]fact.UserID{}
	for _, rec := range b.claim().Recipients {
		for _, n := range rec.Notices {
			from[n.ID.ID()] = n.From
		}
	}
	return from
}
