package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/fact"
	"wxnotify/shared/store"
)

// A hurried context has an hour left when it is first asked, some times over, and then hardly any time.
type hurried struct {
	context.Context
	times *int
}

func inAHurry(ctx context.Context, times int) context.Context { return hurried{ctx, &times} }

func (h hurried) Deadline() (time.Time, bool) {
	left := time.Hour
	if *h.times--; *h.times < 0 {
		left = 150 * time.Millisecond
	}
	return time.Now().Add(left), true
}

// crowdNamesAlice has alice write to so many people, and to a group.
func crowdNamesAlice(t *testing.T, people int) *bench {
	b := newBench(t, emptied(t, miniredis.RunT(t).Addr()))
	b.bind()
	var all []any
	for i := range people {
		user := fact.UserID(fmt.Sprint("user", i))
		b.bindTo(user, fact.OpenID("o-"+user))
		m := b.messageTo(user, fact.MessageID(fmt.Sprint("to", i)))
		m.From = alice
		all = append(all, m)
	}
	g := b.groupMessage(1)
	g.From = alice
	b.record(append(all, g)...)
	return b
}

// naming counts what names alice.
func (b *bench) naming() (n int) {
	for key, value := range b.dump() {
		if strings.Contains(key, string(alice)) || strings.Contains(value, string(alice)) {
			n++
		}
	}
	return n
}

// What an erasure has no time for is done by runs, which go on from where it came to. The user's own records go at once.
func TestErasureGoesOnInRuns(t *testing.T) {
	t.Parallel()
	const people = 900 // more than one look at each shard
	b := crowdNamesAlice(t, people)
	b.must(b.Store.EraseUser(inAHurry(t.Context(), 0), alice))
	b.boundTo(alice, "")
	for key := range b.dump() {
		if strings.Contains(key, string(alice)) && !strings.Contains(key, "}:fg ") {
			t.Errorf("%s is left", key)
		}
	}
	equal(b, "a run is told", b.claimFromAll().Forgetting, true)
	before, calls := b.naming(), 0
	equal(b, "others name the user", before > people, true)
	for b.claimFromAll().Forgetting {
		if calls++; calls > 10*people {
			t.Fatal("it does not end")
		}
		b.must(b.Store.Forget(inAHurry(t.Context(), 12)))
		if left := b.naming(); left > before {
			t.Fatalf("%d name the user, after %d", left, before)
		} else {
			before = left
		}
	}
	equal(b, "names", b.naming(), 0)
	if calls < 5 {
		t.Errorf("it took %d calls only: that shows nothing", calls)
	}
	b.must(b.Store.Forget(t.Context())) // nothing is to be done
}

// An erasure that is broken off at any trip, and that nobody asks for again, is completed elsewhere by runs if it has begun there.
func TestErasureIsBrokenOff(t *testing.T) {
	t.Parallel()
	for _, answer := range []bool{false, true} {
		begun := 0
		for n, failed := 0, true; failed; n++ {
			b := crowdNamesAlice(t, 3)
			failed = b.Losing(n, answer).EraseUser(t.Context(), alice) != nil
			if !b.claimFromAll().Forgetting {
				continue
			}
			begun++
			b.must(b.Store.Forget(t.Context()))
			equal(b, "a run is told", b.claimFromAll().Forgetting, false)
			late := b.messageTo("user0", "late")
			late.From = alice
			b.record(late)
			for key, value := range b.dump() {
				if strings.Contains(value, string(alice)) && !strings.Contains(key, string(alice)) && !strings.Contains(key, ":s:") {
					t.Errorf("broken off at trip %d: %s = %s", n, key, value)
				}
			}
		}
		if begun < 10 {
			t.Errorf("%d of the trips only are after the erasure has begun", begun)
		}
	}
}

// What cannot be read of how far an erasure came has it begin again.
func TestErasureAtNoPlace(t *testing.T) {
	b := crowdNamesAlice(t, 3)
	b.must(b.Store.EraseUser(inAHurry(t.Context(), 0), alice))
	b.must(b.Raw.HSet(t.Context(), store.DefaultPrefix+"{0}:fg", string(alice), "somewhere").Err())
	b.must(b.Store.Forget(t.Context()))
	equal(b, "names", b.naming(), 0)
}
