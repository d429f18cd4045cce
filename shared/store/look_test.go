package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// amid returns another instance, which does do before command n, counting from 0, of its first trip, and how many commands that has.
func (b *bench) amid(n int, do func()) (s *store.Store, commands *int) {
	s, commands = b.Open(b.Now), new(int)
	b.must(s.Ping(b.Context())) // what a new connection asks
	s.AddHook(func(trip store.Trip) store.Trip {
		return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
			if *commands > 0 || n >= len(cmds) {
				*commands = max(*commands, len(cmds))
				return trip(ctx, cmds)
			}
			*commands = len(cmds)
			var first []store.Reply
			if n > 0 {
				first = must(trip(ctx, cmds[:n]))(b)
			}
			do()
			return append(first, must(trip(ctx, cmds[n:]))(b)...), nil
		}
	})
	return s, commands
}

// What a change depends on is read by several commands. Whatever somebody else writes between two of them: what comes of both is what
// would come if one had been made after the other.
func TestWritesAmidALook(t *testing.T) {
	t.Parallel()
	b := newBench(t, emptied(t, miniredis.RunT(t).Addr()))
	m1 := b.message("m1")
	again, m2, ring := m1, b.message("m2"), b.ring("call")
	failed := m2
	failed.FailedCode = 20012
	ownReply := b.messageTo(bob, "reply")
	ownReply.From = alice
	facts := map[string]any{
		"a message":                 m2,
		"a message again":           again,
		"a message that failed":     failed,
		"a recall":                  fact.Recall{ID: m1.ID, From: bob, To: alice},
		"a recall of what comes":    fact.Recall{ID: m2.ID, From: bob, To: alice},
		"a read report":             fact.Read{Reader: alice, Peer: bob, UpTo: b.Now()},
		"an own reply":              ownReply,
		"a ring":                    ring,
		"the end of a ring":         b.endOf(ring, fact.CallAnswered),
		"a user leaves":             b.left(),
		"an erasure of the writer":  func() { b.must(ignoreNotBound(b.Store.EraseUser(b.Context(), bob))) },
		"an erasure of the user":    func() { b.must(b.Store.EraseUser(b.Context(), alice)) },
		"an openid that is another": func() { b.bindTo(alice, otherOpenID) },
		"a letter is replayed":      func() { must(b.Store.Replay(b.Context(), alice, "letter"))(b) },
		"a wish not to be told":     func() { b.must(b.Store.SetPreferences(b.Context(), alice, notify.Preferences{Muted: true})) },
	}
	begin := func() {
		b.must(b.Raw.FlushDB(b.Context()).Err())
		b.bind()
		b.record(m1)
	}
	do := func(what string) {
		if f, is := facts[what].(func()); is {
			f()
		} else {
			b.record(facts[what])
		}
	}
	after := func(first, second string) map[string]string {
		begin()
		do(first)
		do(second)
		return b.dumpWithoutWatch()
	}
	looks := 0
	for late := range facts {
		if _, is := facts[late].(func()); is {
			continue // it takes many trips
		}
		for meanwhile := range facts {
			either := []map[string]string{after(late, meanwhile), after(meanwhile, late)}
			for n, commands := 1, 2; n < commands; n++ {
				begin()
				s, made := b.amid(n, func() { do(meanwhile) })
				b.must(b.recordBy(s, facts[late]))
				commands = *made
				looks++
				if got := b.dumpWithoutWatch(); !slices.ContainsFunc(either, func(d map[string]string) bool { return maps.Equal(d, got) }) {
					equal(b, fmt.Sprintf("%s, and before command %d %s", late, n, meanwhile), got, either[1])
				}
			}
		}
	}
	if looks < 200 {
		t.Errorf("only %d looks were disturbed", looks)
	}
}
