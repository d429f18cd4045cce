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
func (b *bench) inGroups(n int) []fact.GroupMessage {
	out := make([]fact.GroupMessage, n)
	for i := range out {
		out[i] = b.groupMessage(7)
		out[i].Group = fact.GroupID(fmt.Sprint("group", i))
	}
	return out
}

func (b *bench) recordGroup(messages ...fact.GroupMessage) (wake bool) {
	b.Helper()
	facts := make([]fact.Fact, len(messages))
	for i := range messages {
		facts[i].GroupMessage = &messages[i]
	}
	wake, err := b.Store.Record(b.Context(), b.rules, facts)
	b.must(err)
	return wake
}

func (b *bench) recallGroup(group fact.GroupID, seqs ...uint32) {
	b.Helper()
	_, err := b.Store.Record(b.Context(), b.rules, []fact.Fact{{GroupRecall: &fact.GroupRecall{Group: group, Seqs: seqs}}})
	b.must(err)
}

// spreads takes up whatever is to be spread.
func (b *bench) spreads() []notify.FanOut {
	b.Helper()
	out, err := b.Store.FanOuts(b.Context(), 1000)
	b.must(err)
	return out
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
	if out := b.spreads(); len(out) != 0 {
		b.Fatalf("to be spread although it should not be: %+v", out)
	}
}

func (b *bench) advance(s notify.FanOut, page string) {
	b.Helper()
	b.must(b.Store.Advance(b.Context(), s, page, false))
}

func (b *bench) finishSpread(s notify.FanOut) {
	b.Helper()
	b.must(b.Store.Advance(b.Context(), s, "", true))
}

func (b *bench) recalled(refs ...notify.GroupMessageRef) map[fact.MessageID]bool {
	b.Helper()
	out, err := b.Store.Recalled(b.Context(), refs)
	b.must(err)
	return out
}

// kept are the fields and members of what is kept of spreads.
func (b *bench) kept() []string {
	b.Helper()
	var out []string
	for key := range b.dump() {
		if name, member, ok := strings.Cut(key, " "); ok && (strings.Contains(name, "}:sp:") && member == "m" || strings.HasSuffix(name, "}:sq")) {
			_, what, _ := strings.Cut(name, "}:")
			if what == "sq" {
				what += " " + member
			}
			out = append(out, what)
		}
	}
	slices.Sort(out)
	return out
}

var spreadRules = []rule{
	{"a message of a group is handed out as it came", func(b *bench) {
		m := b.groupMessage(math.MaxUint32)
		m.Summary, m.At, m.ByREST = "你好 <b> \"x\" / \\ \x00", []fact.UserID{alice, "@bob\""}, true
		b.recordGroup(m)
		got := b.spread()
		if got.Lease == "" {
			b.Error("no lease")
		}
		equal(b, "spread", got, notify.FanOut{Message: m, Lease: got.Lease})
		equal(b, "kept", b.kept(), []string{"sp:" + string(m.ID()), "sq " + string(m.ID())})
	}},
	{"a message of a group wakes one run at once, and none while one watches", func(b *bench) {
		equal(b, "first", b.recordGroup(b.groupMessage(1)), true)
		equal(b, "second", b.recordGroup(b.groupMessage(2)), false)
		b.Advance(time.Minute)
		equal(b, "later", b.recordGroup(b.groupMessage(3)), true)
		b.Advance(time.Minute)
		b.claim()
		equal(b, "while a run watches", b.recordGroup(b.groupMessage(4)), false)
	}},
	{"a repeated message of a group changes nothing", func(b *bench) {
		m := b.groupMessage(1)
		b.recordGroup(m)
		b.unchanged(func() { equal(b, "wake", b.recordGroup(m), false) })
		s := b.spread()
		b.unchanged(func() { b.recordGroup(m) })
		b.finishSpread(s)
		b.unchanged(func() { b.recordGroup(m) })
		b.nothingToSpread()
	}},
	{"a repeated message of a group is known a day later", func(b *bench) {
		b.recordGroup(b.groupMessage(1))
		b.finishSpread(b.spread())
		b.Advance(24 * time.Hour)
		b.unchanged(func() { b.recordGroup(b.groupMessage(1)) })
		b.recordGroup(b.groupMessage(2))
		equal(b, "seq", b.spread().Message.Seq, 2)
	}},
	{"instances may disagree on the day of a group's message", func(b *bench) {
		ahead := b.Open(func() time.Time { return b.Now().Add(36 * time.Hour) })
		m := b.groupMessage(1)
		b.recordGroup(m)
		b.unchanged(func() {
			_, err := ahead.Record(b.Context(), b.rules, []fact.Fact{{GroupMessage: &m}})
			b.must(err)
		})
	}},
	{"messages of a group are told apart by group and number", func(b *bench) {
		m := b.groupMessage(0)
		var want []fact.MessageID
		for _, m.Group = range []fact.GroupID{"g", "g:0", "g#1", "{g}", team} {
			for _, m.Seq = range []uint32{1, 2, 1023, 1024, 2048 + 1, math.MaxUint32} {
				want = append(want, m.ID())
				b.recordGroup(m)
			}
		}
		var got []fact.MessageID
		for _, s := range b.spreads() {
			got = append(got, s.Message.ID())
		}
		slices.Sort(want)
		slices.Sort(got)
		equal(b, "spreads", got, want)
	}},
	{"a recall that overtakes its message keeps it from being spread", func(b *bench) {
		b.recallGroup(team, 1, 3)
		for _, seq := range []uint32{1, 2, 3} {
			b.recordGroup(b.groupMessage(seq))
		}
		equal(b, "seq", b.spread().Message.Seq, 2)
		b.Advance(25 * time.Hour)
		b.recallGroup(team, 4)
		b.Advance(25 * time.Hour)
		equal(b, "wake", b.recordGroup(b.groupMessage(4)), false)
		b.nothingToSpread()
	}},
	{"a recall stops what has not reached all members", func(b *bench) {
		b.recordGroup(b.groupMessage(1), b.groupMessage(2), b.groupMessage(3))
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
		b.recordGroup(b.groupMessage(4))
		refs := []notify.GroupMessageRef{{Group: "another", Seq: 1}, {Group: "another", Seq: 2}, {Group: "third", Seq: 1}}
		want := map[fact.MessageID]bool{"another#2": true}
		for _, seq := range seqs {
			want[fact.GroupMessageID(team, seq)] = true
		}
		for seq := range uint32(1030) {
			refs = append(refs, notify.GroupMessageRef{Group: team, Seq: seq})
		}
		refs = append(refs, notify.GroupMessageRef{Group: team, Seq: math.MaxUint32}, notify.GroupMessageRef{Group: team, Seq: math.MaxUint32 - 1})
		equal(b, "recalled", b.recalled(refs...), want)
		b.Advance(8*24*time.Hour - time.Millisecond)
		b.recordGroup(b.groupMessage(5))
		equal(b, "almost eight days later", b.recalled(refs...), want)
		equal(b, "of none", len(b.recalled()), 0)
	}},
	{"a spread is hidden for the lease and handed out again after it", func(b *bench) {
		b.recordGroup(b.groupMessage(1))
		first := b.spread()
		b.Advance(permit.Lease - time.Millisecond)
		b.nothingToSpread()
		b.Advance(time.Millisecond)
		second := b.spread()
		if first.Lease == second.Lease {
			b.Error("both have the same lease")
		}
		equal(b, "attempts", []int{first.Attempts, second.Attempts}, []int{0, 1})
		equal(b, "message", second.Message, first.Message)
	}},
	{"the next page of members is due at once", func(b *bench) {
		b.recordGroup(b.groupMessage(1))
		b.spread()
		b.Advance(permit.Lease)
		b.advance(b.spread(), "page 2")
		next := b.spread()
		equal(b, "page", next.Page, "page 2")
		equal(b, "attempts", next.Attempts, 0)
		b.Advance(permit.Lease)
		again := b.spread()
		equal(b, "page", again.Page, "page 2")
		equal(b, "attempts", again.Attempts, 1)
	}},
	{"who has lost the lease of a spread changes nothing", func(b *bench) {
		b.recordGroup(b.groupMessage(1))
		old := b.spread()
		b.Advance(permit.Lease)
		s := b.spread()
		b.unchanged(func() { b.advance(old, "page 2") })
		b.unchanged(func() { b.finishSpread(old) })
		b.advance(s, "page 2")
		b.unchanged(func() { b.advance(s, "page 3") }) // it was let go of
		b.unchanged(func() { b.advance(notify.FanOut{Message: s.Message}, "page 3") })
		equal(b, "page", b.spread().Page, "page 2")
	}},
	{"a message of a group is spread for a day", func(b *bench) {
		b.recordGroup(b.groupMessage(1), b.groupMessage(2))
		left := b.groupMessage(1).SentAt.Add(24 * time.Hour).Sub(b.Now())
		b.Advance(left - time.Millisecond)
		equal(b, "spreads", len(b.spreads()), 2)
		b.Advance(permit.Lease)
		b.nothingToSpread()
		equal(b, "kept", b.kept(), nil)
	}},
	{"a lease of a spread that ended counts while nobody else has one", func(b *bench) {
		b.recordGroup(b.groupMessage(1))
		s := b.spread()
		b.Advance(2 * permit.Lease)
		b.advance(s, "page 2")
		equal(b, "page", b.spread().Page, "page 2")
	}},
	{"a message of a group that is heard of after a day is not spread", func(b *bench) {
		m := b.groupMessage(1)
		m.SentAt = b.Now().Add(-24 * time.Hour)
		equal(b, "wake", b.recordGroup(m), false)
		equal(b, "kept", b.kept(), nil)
	}},
	{"a message of a group from the far future is spread for a day", func(b *bench) {
		m := b.groupMessage(1)
		m.SentAt = b.Now().Add(1000 * time.Hour)
		b.recordGroup(m)
		b.Advance(24 * time.Hour)
		b.nothingToSpread()
		equal(b, "kept", b.kept(), nil)
	}},
	{"what is too old to be spread keeps nothing waiting", func(b *bench) {
		const old = 90
		for seq := range uint32(old) {
			b.recordGroup(b.groupMessage(seq + 1))
		}
		b.Advance(24 * time.Hour)
		b.recordGroup(b.groupMessage(old + 1))
		got, err := b.Store.FanOuts(b.Context(), 1)
		b.must(err)
		if len(got) != 1 || got[0].Message.Seq != old+1 {
			b.Errorf("handed out: %+v, want number %d", got, old+1)
		}
	}},
	{"spreads are limited, the oldest come first and the rest stays due", func(b *bench) {
		const all = 40
		for seq := range uint32(all) {
			b.recordGroup(b.groupMessage(seq + 1))
			b.Advance(time.Millisecond)
		}
		var seqs, want []uint32
		for i := range uint32(all) {
			got, err := b.Store.FanOuts(b.Context(), 1)
			b.must(err)
			for _, s := range got {
				seqs = append(seqs, s.Message.Seq)
			}
			want = append(want, i+1)
		}
		equal(b, "numbers", seqs, want)
		b.nothingToSpread()
	}},
	{"messages of groups are spread in all shards", func(b *bench) {
		all := b.inGroups(40)
		b.recordGroup(all...)
		got, err := b.Store.FanOuts(b.Context(), 10)
		b.must(err)
		if len(got) > 10 {
			b.Errorf("%d spreads, the limit is 10", len(got))
		}
		got = append(got, b.spreads()...)
		groups := map[fact.GroupID]bool{}
		for _, s := range got {
			groups[s.Message.Group] = true
		}
		equal(b, "spreads", len(got), len(all))
		equal(b, "groups", len(groups), len(all))
	}},
	{"a spread that cannot be read is handed out again, and keeps nothing waiting", func(b *bench) {
		b.recordGroup(b.groupMessage(1), b.groupMessage(2), b.groupMessage(3))
		whole := map[string]string{}
		for k, v := range b.dump() {
			if name, field, ok := strings.Cut(k, " "); ok && strings.Contains(name, "}:sp:") && field == "m" && !strings.HasSuffix(name, "#3") {
				whole[name] = v
				spoilt := "{"
				if strings.HasSuffix(name, "#2") {
					spoilt = strings.Replace(v, `"seq":2`, `"seq":"2"`, 1)
				}
				b.must(b.Raw.HSet(b.Context(), name, "m", spoilt).Err())
			}
		}
		got, err := b.Store.FanOuts(b.Context(), 1000)
		if len(got) != 1 || got[0].Message.Seq != 3 {
			b.Errorf("handed out: %+v, want number 3", got)
		}
		if err == nil || !strings.Contains(err.Error(), string(team)+"#1") || !strings.Contains(err.Error(), string(team)+"#2") {
			b.Errorf("the error does not name both: %v", err)
		}
		for name, message := range whole {
			b.must(b.Raw.HSet(b.Context(), name, "m", message).Err())
		}
		b.nothingToSpread()
		b.Advance(permit.Lease)
		equal(b, "spreads", len(b.spreads()), 3)
	}},
	{"a shard whose spreads cannot be read does not stop the others", func(b *bench) {
		all := b.inGroups(40)
		b.recordGroup(all...)
		broken := ""
		for key := range b.dump() {
			if name, _, _ := strings.Cut(key, " "); strings.HasSuffix(name, "}:sq") {
				broken = name
			}
		}
		n := int(b.Raw.ZCard(b.Context(), broken).Val())
		b.must(b.Raw.Rename(b.Context(), broken, broken+"2").Err())
		b.must(b.Raw.Set(b.Context(), broken, "not a sorted set", 0).Err())
		got, err := b.Store.FanOuts(b.Context(), 1000)
		if len(got) != len(all)-n || err == nil {
			b.Errorf("handed out %d of %d with %d in the broken shard; error: %v", len(got), len(all), n, err)
		}
		b.must(b.Raw.Rename(b.Context(), broken+"2", broken).Err())
		equal(b, "the rest", len(b.spreads()), n)
	}},
}
