package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// onServer returns a bench on a server of its own.
func onServer(t *testing.T) *bench {
	t.Parallel()
	return newBench(t, emptied(t, redistest.Start(t)))
}

// afterwards wants so many permits after a grant between whose two round trips do was done.
func afterwards(b *bench, do func(), want int) {
	b.Helper()
	g := b.popup(b.Now())
	g.OpenID = otherOpenID
	b.record(g) // and the server knows the scripts
	b.must(b.recordBy(b.Between(1, do), b.popup(b.Now())))
	equal(b, "permits", b.balance(tmpl), want)
}

// A grant that was read before its openid was erased, and is written after that, stores nothing:
// both records are none, and only the tombstone tells them apart.
func TestGrantWhileItsOpenIDIsErased(t *testing.T) {
	b := onServer(t)
	afterwards(b, func() { b.must(b.Store.EraseOpenID(t.Context(), aliceOpenID)) }, 0)
}

// Two change one record at once: the second decides again, and both changes have their effect.
func TestGrantsAtOnce(t *testing.T) {
	b := onServer(t)
	afterwards(b, func() { b.grant(tmpl) }, 2)
}

// A circuit that is closed between the two trips of a probe stays closed, and nobody tries it.
func TestCircuitIsClosedWhileItIsProbed(t *testing.T) {
	b := onServer(t)
	b.trip(b.circuit(notify.CircuitApp, 0, ""))
	late := b.Between(1, func() { b.must(b.Store.CloseCircuit(t.Context(), notify.CircuitApp)) })
	equal(b, "it is tried", must(late.TryCircuit(t.Context(), notify.CircuitApp, time.Minute))(b), false)
	b.circuits()
}

// Whoever logs in as two openids at once is bound to one of them, and no record of the other names
// them: an erasure would not find it.
func TestTwoLoginsOfOneUserAtOnce(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	for n := range 7 { // as many as a login takes
		t.Run(fmt.Sprint("before trip ", n), func(t *testing.T) {
			b := newBench(t, emptied(t, addr))
			b.bindTo(alice, "o0")
			b.must(b.Between(n, func() { b.bindTo(alice, "o2") }).Bind(b.Context(), alice, "o1"))
			bound := must(b.Store.OpenIDOf(b.Context(), alice))(b)
			for _, openID := range []string{"o0", "o1", "o2"} {
				named := false
				for entry, value := range b.dump() {
					named = named || strings.HasSuffix(entry, "}:s:"+openID+" d") && strings.Contains(value, string(alice))
				}
				equal(b, openID+" names alice", named, openID == string(bound))
			}
		})
	}
}

// One run watches at a time. Who looks meanwhile is told so and takes the watch from nobody; a receiver
// that has woken a run watches nothing.
func TestOneRunWatches(t *testing.T) {
	b := onServer(t)
	one, other := b.Store, b.Open(b.Now)
	b.bind()
	equal(b, "wake", must(other.Record(t.Context(), b.rules, factsOf(b.message("m"))))(b).Wake, true)
	watched := func(s *store.Store, want bool, what string) {
		t.Helper()
		equal(b, "another run watches: "+what, must(s.Claim(t.Context(), 1))(t).Watched, want)
	}
	watched(one, false, "who was woken watches")
	watched(other, true, "another is told")
	watched(one, false, "who watches goes on")
	watched(other, true, "another is told again")
	must(one.Rest(t.Context(), time.Time{}))(t) // it ends, whatever is due
	watched(other, false, "a run has ended")
	watched(one, true, "the other one watches")
	b.Advance(6 * time.Second)
	watched(one, false, "it has not looked for six seconds")
}

// Instances need not agree on the time: what is due, and how long a lease runs, goes by the
// store's clock alone.
func TestLeasesGoByTheStoresClock(t *testing.T) {
	m := miniredis.RunT(t)
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC) // far from ours
	m.SetTime(now)
	s := open(t, m.Addr(), nil)
	b := newBench(t, Harness{Store: s, Now: func() time.Time { return now }})
	b.bind()
	b.record(b.message("m1"))
	claims := func(after time.Duration, want int) {
		t.Helper()
		now = now.Add(after)
		m.SetTime(now)
		batch := b.claim()
		if len(batch.Recipients) != want || !batch.Now.Equal(now) {
			t.Errorf("%v later %d are claimed at %v, want %d at %v", after, len(batch.Recipients), batch.Now, want, now)
		}
	}
	claims(b.rules.Lead-time.Millisecond, 0)
	claims(time.Millisecond, 1)
	claims(permit.Lease-time.Millisecond, 0)
	claims(time.Millisecond, 1)
}

// Whoever goes on with a card relies on what they have written of its two records, for as long as
// nobody else writes them.
func TestRecentRecords(t *testing.T) {
	recent := func(b *bench, want int) {
		b.Helper()
		equal(b, "recent records", must(store.CheckRecents(b.Context(), b.Store))(b), want)
	}
	t.Run("are as they were written", func(t *testing.T) {
		b := onServer(t)
		rec, begun := b.aliceBegun("m1", "m2")
		recent(b, 1)
		b.reserved(reserveOf(begun.Card), permit.ReserveOK)
		recent(b, 2)
		b.settle(begun.Card, permit.CardDelivered, permit.Spent, fact.StateDelivered)
		recent(b, 1)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: begun.Card, Final: b.final(fact.StateDelivered, "m1", "m2")})
		recent(b, 0)
		b.counted(map[fact.State]int64{fact.StateDelivered: 2})
	})
	t.Run("are looked at again when another instance has written", func(t *testing.T) {
		b := onServer(t)
		other := b.Open(b.Now)
		b.bind()
		b.grant(tmpl)
		b.record(b.message("m1"), b.message("m2"))
		rec := b.after(b.rules.Lead)
		must(other.Record(t.Context(), b.rules, factsOf(fact.Recall{ID: "m1", From: bob, To: alice})))(t)
		recent(b, 0)
		begun := beginOf(rec)
		equal(b, "begun", b.begins(begun), b.identities("m2"))
		b.reserved(reserveOf(begun.Card), permit.ReserveOK)
		b.Advance(permit.Lease)
		must(other.Resolve(t.Context(), permit.OpenCard{ID: begun.Card, OpenID: aliceOpenID, Template: tmpl}))(t)
		recent(b, 1) // the recipient's
		b.settle(begun.Card, permit.CardUnknown, permit.Spent, fact.StateUnknown)
	})
	t.Run("are looked at again when by them there is nothing to do", func(t *testing.T) {
		b := onServer(t)
		b.bind()
		b.record(b.message("m1"))
		b.after(b.rules.Lead)
		recent(b, 1)
		b.must(b.Open(b.Now).SetPreferences(t.Context(), alice, notify.Preferences{MutedPeers: []string{string(carol)}}))
		b.prefer(notify.Preferences{})
		b.prefers(notify.Preferences{MutedPeers: []string{}})
	})
}
