package store_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

const team fact.GroupID = "@TGS#2C5SZEAEF:1"

// groupMessage is a message of bob to team, in which everybody is mentioned.
func (b *bench) groupMessage(seq uint32) fact.GroupMessage {
	return fact.GroupMessage{Group: team, Type: fact.GroupPublic, From: bob, SentAt: b.Now().Truncate(time.Second), Seq: seq,
		AtAll: true, For: fact.GroupMentions}
}

// inGroups is the same message to groups of at least two shards.
func (b *bench) inGroups(n int) (out []any) {
	for i := range n {
		m := b.groupMessage(7)
		m.Group = fact.GroupID(fmt.Sprint("group", i))
		out = append(out, m)
	}
	return out
}

func (b *bench) recallGroup(group fact.GroupID, seqs ...uint32) {
	b.Helper()
	b.record(fact.GroupRecall{Group: group, Seqs: seqs})
}

// spreads takes up whatever is to be spread.
func (b *bench) spreads() []notify.FanOut {
	b.Helper()
	return must(b.Store.FanOuts(b.Context(), 1000))(b)
}

// spread takes up the one message that is to be spread.
func (b *bench) spread() notify.FanOut {
	b.Helper()
	out := b.spreads()
	if len(out) != 1 {
		b.Fatalf("%d messages are to be spread, want one: %+v", len(out), out)
	}
	return out[0]
}

func (b *bench) nothingToSpread() {
	b.Helper()
	equal(b, "to be spread", b.spreads(), nil)
}

func (b *bench) advance(s notify.FanOut, page string) {
	b.Helper()
	b.must(b.Store.Advance(b.Context(), s, page, false))
}

func (b *bench) finishSpread(s notify.FanOut) {
	b.Helper()
	b.must(b.Store.Advance(b.Context(), s, "", true))
}

// kept are the fields and members of what is kept of spreads.
func (b *bench) kept() (out []string) {
	b.Helper()
	for entry := range b.dump() {
		_, what, _ := strings.Cut(entry, "}:")
		if strings.HasPrefix(what, "sp:") && strings.HasSuffix(what, " m") || strings.HasPrefix(what, "sq ") {
			out = append(out, strings.TrimSuffix(what, " m"))
		}
	}
	slices.Sort(out)
	return out
}

var spreadRules = []rule{
	{"a message of a group is handed out as it came", func(b *bench) {
		m := b.groupMessage(math.MaxUint32)
		m.Summary, m.At, m.ByREST = "你好 <b> \"x\" / \\ \x00", []fact.UserID{alice, "@bob\""}, true
		b.record(m)
		got := b.spread()
		equal(b, "it has a lease", got.Lease != "", true)
		equal(b, "spread", got, notify.FanOut{Message: m, Lease: got.Lease})
		equal(b, "kept", b.kept(), []string{"sp:" + string(m.ID()), "sq " + string(m.ID())})
	}},
	{"a message of a group wakes one run at once, and none while one watches", func(b *bench) {
		equal(b, "first", b.record(b.groupMessage(1)), true)
		equal(b, "second", b.record(b.groupMessage(2)), false)
		b.Advance(time.Minute)
		equal(b, "later", b.record(b.groupMessage(3)), true)
		b.Advance(time.Minute)
		b.claim()
		equal(b, "while a run watches", b.record(b.groupMessage(4)), false)
	}},
	{"a repeated message of a group changes nothing", func(b *bench) {
		m := b.groupMessage(1)
		b.record(m)
		b.unchanged(func() { equal(b, "wake", b.record(m), false) })
		s := b.spread()
		b.unchanged(func() { b.record(m) })
		b.finishSpread(s)
		b.Advance(24*time.Hour - time.Second)
		b.unchanged(func() { b.record(m) })
		b.nothingToSpread()
	}},
	{"instances may disagree on the day of a group's message", func(b *bench) {
		ahead := b.Open(func() time.Time { return b.Now().Add(36 * time.Hour) })
		m := b.groupMessage(1)
		b.record(m)
		b.unchanged(func() { b.must(b.recordBy(ahead, m)) })
	}},
	{"messages of a group are told apart by group and number", func(b *bench) {
		m := b.groupMessage(0)
		var want []fact.MessageID
		for _, m.Group = range []fact.GroupID{"g", "g:0", "g#1", "{g}", team} {
			for _, m.Seq = range []uint32{1, 2, 1023, 1024, 2048 + 1, math.MaxUint32} {
				want = append(want, m.ID())
				b.record(m)
			}
		}
		for _, s := range b.spreads() {
			i := slices.Index(want, s.Message.ID())
			equal(b, string(s.Message.ID())+" is one of them", i >= 0, true)
			want = slices.Delete(want, i, i+1)
		}
		equal(b, "not handed out", len(want), 0)
	}},
	{"a recall that overtakes its message keeps it from being spread", func(b *bench) {
		b.recallGroup(team, 1, 3)
		for _, seq := range []uint32{1, 2, 3} {
			b.record(b.groupMessage(seq))
		}
		equal(b, "seq", b.spread().Message.Seq, 2)
		b.Advance(25 * time.Hour)
		b.recallGroup(team, 4)
		b.Advance(25 * time.Hour)
		equal(b, "wake", b.record(b.groupMessage(4)), false)
		b.nothingToSpread()
	}},
	{"a recall stops what has not reached all members", func(b *bench) {
		b.record(b.groupMessage(1), b.groupMessage(2), b.groupMessage(3))
		taken := b.spreads()
		b.recallGroup(team, 1, 3)
		b.unchanged(func() { b.recallGroup(team, 3, 1, 1) })
		b.unchanged(func() { b.recallGroup(team) })
		for _, s := range taken {
			b.advance(s, "page 2")
		}
		s := b.spread()
		equal(b, "seq", s.Message.Seq, 2)
		b.finishSpread(s)
		equal(b, "kept", b.kept(), nil)
		b.Advance(permit.Lease)
		b.nothingToSpread()
	}},
	{"recalled messages are named for eight days", func(b *bench) {
		seqs := []uint32{1, 3, 1023, 1024, math.MaxUint32}
		b.recallGroup(team, seqs...)
		b.recallGroup("another", 2)
		b.record(b.groupMessage(4))
		refs := []notify.GroupMessageRef{{Group: "another", Seq: 1}, {Group: "another", Seq: 2}, {Group: "third", Seq: 1}}
		want := map[fact.MessageID]bool{"another#2": true}
		for _, seq := range seqs {
			want[fact.GroupMessageID(team, seq)] = true
		}
		for seq := range uint32(1030) {
			refs = append(refs, notify.GroupMessageRef{Group: team, Seq: seq})
		}
		refs = append(refs, notify.GroupMessageRef{Group: team, Seq: math.MaxUint32}, notify.GroupMessageRef{Group: team, Seq: math.MaxUint32 - 1})
		equal(b, "recalled", must(b.Store.Recalled(b.Context(), refs))(b), want)
		b.Advance(8*24*time.Hour - time.Millisecond)
		b.record(b.groupMessage(5))
		equal(b, "almost eight days later", must(b.Store.Recalled(b.Context(), refs))(b), want)
		equal(b, "of none", len(must(b.Store.Recalled(b.Context(), nil))(b)), 0)
	}},
	{"a spread is hidden for the lease and handed out again after it", func(b *bench) {
		b.record(b.groupMessage(1))
		first := b.spread()
		b.Advance(permit.Lease - time.Millisecond)
		b.nothingToSpread()
		b.Advance(time.Millisecond)
		second := b.spread()
		equal(b, "both have one lease", first.Lease == second.Lease, false)
		equal(b, "attempts", []int{first.Attempts, second.Attempts}, []int{0, 1})
		equal(b, "message", second.Message, first.Message)
	}},
	{"the next page of members is due at once", func(b *bench) {
		b.record(b.groupMessage(1))
		b.spread()
		b.Advance(permit.Lease)
		b.advance(b.spread(), "page 2")
		for attempts := range 2 {
			next := b.spread()
			equal(b, "page", next.Page, "page 2")
			equal(b, "attempts", next.Attempts, attempts)
			b.Advance(permit.Lease)
		}
	}},
	{"who has lost the lease of a spread changes nothing", func(b *bench) {
		b.record(b.groupMessage(1))
		old := b.spread()
		b.Advance(permit.Lease)
		s := b.spread()
		b.unchanged(func() { b.advance(old, "page 2") })
		b.unchanged(func() { b.finishSpread(old) })
		b.Advance(2 * permit.Lease)
		b.advance(s, "page 2")                         // while nobody else has one
		b.unchanged(func() { b.advance(s, "page 3") }) // it was let go of
		b.unchanged(func() { b.advance(notify.FanOut{Message: s.Message}, "page 3") })
		equal(b, "page", b.spread().Page, "page 2")
	}},
	{"a message of a group is spread for a day", func(b *bench) {
		b.record(b.groupMessage(1), b.groupMessage(2))
		left := b.groupMessage(1).SentAt.Add(24 * time.Hour).Sub(b.Now())
		b.Advance(left - time.Millisecond)
		equal(b, "spreads", len(b.spreads()), 2)
		b.Advance(permit.Lease)
		b.nothingToSpread()
		equal(b, "kept", b.kept(), nil)
	}},
	{"a message of a group that is heard of after a day is not spread, one from the far future for a day", func(b *bench) {
		m := b.groupMessage(1)
		m.SentAt = b.Now().Add(-24 * time.Hour)
		equal(b, "wake", b.record(m), false)
		equal(b, "kept", b.kept(), nil)
		m.SentAt = b.Now().Add(1000 * time.Hour)
		b.record(m)
		b.Advance(24 * time.Hour)
		b.nothingToSpread()
		equal(b, "kept", b.kept(), nil)
	}},
	{"what is too old to be spread keeps nothing waiting", func(b *bench) {
		const old = 90
		for seq := range uint32(old) {
			b.record(b.groupMessage(seq + 1))
		}
		b.Advance(24 * time.Hour)
		b.record(b.groupMessage(old + 1))
		got := must(b.Store.FanOuts(b.Context(), 1))(b)
		equal(b, "spreads", len(got), 1)
		equal(b, "seq", got[0].Message.Seq, old+1)
	}},
	{"spreads are limited, the oldest come first and the rest stays due", func(b *bench) {
		for seq := range uint32(40) {
			b.record(b.groupMessage(seq))
			b.Advance(time.Millisecond)
		}
		for seq := range uint32(40) {
			got := must(b.Store.FanOuts(b.Context(), 1))(b)
			equal(b, "spreads", len(got), 1)
			equal(b, "seq", got[0].Message.Seq, seq)
		}
		b.nothingToSpread()
		b.record(b.inGroups(40)...) // in all shards
		some := len(must(b.Store.FanOuts(b.Context(), 10))(b))
		equal(b, "within the limit", some <= 10, true)
		equal(b, "all", some+len(b.spreads()), 40)
	}},
	{"a spread that cannot be read is handed out again, and keeps nothing waiting", func(b *bench) {
		b.record(b.groupMessage(1), b.groupMessage(2), b.groupMessage(3))
		whole := map[string]string{}
		for end, spoilt := range map[string]string{"#1": "{", "#2": `{"seq":"2"}`} {
			key := b.key(end)
			whole[key] = b.Raw.HGet(b.Context(), key, "m").Val()
			b.must(b.Raw.HSet(b.Context(), key, "m", spoilt).Err())
		}
		got, err := b.Store.FanOuts(b.Context(), 1000)
		if len(got) != 1 || got[0].Message.Seq != 3 || err == nil || !strings.Contains(err.Error(), string(team)+"#1") || !strings.Contains(err.Error(), string(team)+"#2") {
			b.Errorf("handed out: %+v, want number 3, and an error that names both: %v", got, err)
		}
		for name, message := range whole {
			b.must(b.Raw.HSet(b.Context(), name, "m", message).Err())
		}
		b.nothingToSpread()
		b.Advance(permit.Lease)
		equal(b, "spreads", len(b.spreads()), 3)
	}},
}
