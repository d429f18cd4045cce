package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// metrics returns what was counted within a day, by hours and by minutes, and wants both to be the same.
func (b *bench) metrics() map[fact.Metric]int64 {
	b.Helper()
	sums := []map[fact.Metric]int64{}
	now := b.Now()
	for _, r := range []store.Resolution{store.ByMinute, store.ByHour} {
		sum := map[fact.Metric]int64{}
		for t, counted := range must(store.Metrics(b.Context(), b.Store, r, now.Add(-2*time.Hour).Truncate(time.Hour), now.Add(time.Minute)))(b) {
			if !t.Equal(t.Truncate(r.Step)) || t.After(now) {
				b.Errorf("a step of %v begins %v", r.Step, t)
			}
			for m, n := range counted {
				sum[m] += n
			}
		}
		sums = append(sums, sum)
	}
	equal(b, "hours, and minutes", sums[1], sums[0])
	totals := must(store.ReadOverview(b.Context(), b.Store, ""))(b).Totals
	counted := maps.Clone(sums[0])
	maps.DeleteFunc(counted, func(m fact.Metric, _ int64) bool { return m.IsEnd() })
	equal(b, "in all, and of minutes", totals, counted)
	return sums[0]
}

// trips returns how many trips do makes.
func (b *bench) trips(do func(s *store.Store)) (n int) {
	s := b.Open(b.Now)
	b.must(s.Ping(b.Context())) // what a new connection asks
	s.AddHook(func(trip store.Trip) store.Trip {
		return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
			n++
			return trip(ctx, cmds)
		}
	})
	do(s)
	return n
}

// says counts how often do says how long the index lives.
func (b *bench) says(s *store.Store, do func(s *store.Store)) (n int) {
	s.AddHook(func(trip store.Trip) store.Trip {
		return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
			for _, c := range cmds {
				key := slices.IndexFunc(c.Args(), func(a any) bool { return strings.Contains(fmt.Sprint(a), "}:i:") })
				for i, a := range c.Args() {
					if key >= 2 && a == "PEXPIRE" && c.Args()[i+1] == key-1 {
						n++
					}
				}
			}
			return trip(ctx, cmds)
		}
	})
	do(s)
	return n
}

var metricRules = []rule{
	{"each process says once how long a key lives of which many write", func(b *bench) {
		b.bind()
		message := func(s *store.Store) { b.must(b.recordBy(s, b.message(fact.MessageID(b.fresh("m"))))) }
		one, other := b.Open(b.Now), b.Open(b.Now)
		equal(b, "first, and then", [2]int{b.says(one, message), b.says(one, message)}, [2]int{1, 0})
		equal(b, "another process", b.says(other, message), 1)
		lost := b.Losing(1, true) // a commit whose answer is lost is no word that counts
		message(b.Store)
		if b.recordBy(lost, b.message("lost")) == nil {
			b.Error("no answer is lost")
		}
		equal(b, "after an answer that was lost", b.says(lost, message), 1)
	}},
	{"what happens is counted once, by the minute, by the hour and in all, without a trip more", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(b.message("m0")) // the server knows the scripts
		equal(b, "trips", b.trips(func(s *store.Store) {
			must(s.Record(b.Context(), b.rules, []fact.Fact{{Message: &m}, {Message: &m}}))(b)
		}), 2)
		b.record(m)
		b.record(fact.Read{Reader: alice, Peer: bob, UpTo: b.Now().Add(time.Second)})
		b.granted(2)
		b.record(fact.Revoke{ID: "r", OpenID: aliceOpenID, At: b.Now(), Templates: []fact.TemplateID{tmpl}})
		unbound := b.message("m2")
		unbound.To = carol
		b.record(unbound)
		equal(b, "metrics", b.metrics(), map[fact.Metric]int64{fact.MetricIn: 2, fact.MetricEnd(fact.StateRead, fact.ReasonReadReport): 2,
			fact.MetricEnd(fact.StateNotBound, fact.ReasonNone): 1, fact.MetricPermitsGranted: 2, fact.MetricPermitsTaken: 2})
		b.Advance(3 * time.Hour)
		b.claimFromAll()
		for _, r := range []store.Resolution{store.ByMinute, store.ByHour} { // of both there is nothing new
			equal(b, "later", must(store.Metrics(b.Context(), b.Store, r, b.Now().Add(-time.Hour), b.Now()))(b), map[time.Time]map[fact.Metric]int64{})
		}
	}},
	{"a card, its permit, the class of what went wrong and the end that WeChat reports are counted", func(b *bench) {
		rec, r := b.aliceSending("m1", "m2")
		settle := settleOf(r.ID, permit.CardUnknown, permit.Held, "")
		equal(b, "trips", b.trips(func(s *store.Store) { must(s.Settle(b.Context(), settle))(b) }), 2)
		b.settles(settle) // again
		b.handed(rec, r)
		b.record(b.sentNow(0))
		must(b.Store.Reconcile(b.Context(), 1000))(b)
		equal(b, "metrics", b.metrics(), map[fact.Metric]int64{fact.MetricIn: 2, fact.MetricPermitsGranted: 1, fact.MetricCard("unknown", 0): 1, fact.MetricError("errcode 0"): 1,
			fact.MetricPermitsSpent: 1, fact.MetricEnd(fact.StateDelivered, fact.ReasonReported): 2})
	}},
	{"whoever records is told what has ended by it, once", func(b *bench) {
		ends := func(facts ...any) []notify.RecipientEnded {
			b.Helper()
			return must(b.Store.Record(b.Context(), b.rules, factsOf(facts...)))(b).Ended
		}
		equal(b, "nobody is bound", len(ends(b.message("m0"))), 0)
		b.bind()
		m1, m2 := b.message("m1"), b.message("m2")
		equal(b, "what waits", len(ends(m1, m2)), 0)
		read := fact.Read{Reader: alice, Peer: bob, UpTo: b.Now()}
		want := []notify.RecipientEnded{{User: alice, Ended: notify.Ended{State: fact.StateRead, Reason: fact.ReasonReadReport, Messages: 2}}}
		equal(b, "what is read", ends(read), want)
		equal(b, "again", len(ends(read, m1)), 0)
		b.must(b.Store.SetPreferences(b.Context(), alice, notify.Preferences{Muted: true}))
		b.Advance(2 * time.Second)
		equal(b, "what is not wanted", ends(b.message("m3")), []notify.RecipientEnded{{User: alice, Ended: notify.Ended{State: fact.StateMuted, Reason: fact.ReasonMutedAll, Messages: 1}}})
	}},
	{"a flood is counted message by message", func(b *bench) {
		b.bind()
		for i := range 90 {
			b.record(b.message(fact.MessageID(fmt.Sprint("m", i))))
		}
		got := b.metrics()
		equal(b, "in", got[fact.MetricIn], int64(90))
		equal(b, "crowded", got[fact.MetricEnd(fact.StateNotCounted, fact.ReasonCrowded)]+got[fact.MetricEnd(fact.StateNotCounted, "")], int64(10))
	}},
	{"a run keeps what was counted, when its minute is over, once", func(b *bench) {
		fresh := func() (fields []string) {
			for _, key := range b.keys() {
				if strings.HasSuffix(key, "}:mc") {
					for field := range b.Raw.HGetAll(b.Context(), key).Val() {
						fields = append(fields, field)
					}
				}
			}
			return slices.DeleteFunc(fields, func(f string) bool { return f == "v" })
		}
		b.bind()
		b.record(b.message("m1"))
		b.record(fact.Read{Reader: alice, Peer: bob, UpTo: b.Now().Add(time.Second)})
		b.granted(2)
		want, counts := b.metrics(), b.counts()
		b.claimFromAll()
		equal(b, "of a minute that goes on", len(fresh()), len(want))
		b.Advance(time.Minute)
		b.record(b.message("m2")) // counted meanwhile
		want[fact.MetricIn]++
		for range 2 { // the second has nothing to keep
			b.claimFromAll()
			equal(b, "fresh", fresh(), []string{fmt.Sprintf("%d:in", b.Now().Unix()/60%(24*60))})
			equal(b, "metrics", b.metrics(), want)
			equal(b, "counts", b.counts(), counts)
		}
	}},
	{"what was counted is kept once when the answer is lost, or two runs keep it at a time", func(b *bench) {
		b.bind()
		for i := range 110 { // more than one script takes
			b.record(b.message(fact.MessageID(fmt.Sprint("m", i))))
			b.Advance(time.Minute)
		}
		want := b.metrics()
		for n := range 4 {
			b.claimFromAll()
			lost := b.Losing(n, true)
			b.concurrently(4, func(ctx context.Context, i int) (bool, error) {
				if i == 0 {
					lost.Claim(ctx, 1)
					return true, nil
				}
				return true, second(b.Store.Claim(ctx, 1))
			})
			equal(b, "metrics", b.metrics(), want)
		}
	}},
	{"metrics die in pieces, and name nobody", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(time.Minute)
		b.claimFromAll()
		found := 0
		for _, key := range b.keys() {
			if _, kind, _ := strings.Cut(key, "}:"); strings.HasPrefix(kind, "mm:") {
				found++
				b.lives(key, 3*time.Hour, 3*time.Hour+20*time.Minute)
			} else if strings.HasPrefix(kind, "mh:") {
				found++
				b.lives(key, 31*24*time.Hour, 32*24*time.Hour)
			}
		}
		equal(b, "keys", found, 2)
		overview := must(store.ReadOverview(b.Context(), b.Store, "wx"))(b)
		equal(b, "waits", overview.Messages.Length, int64(1))
		equal(b, "is due", overview.Messages.First, must(store.Queued(b.Context(), b.Store, 5))(b)[0].At)
		equal(b, "nothing else waits", []store.Backlog{overview.Calls, overview.Unknown}, []store.Backlog{{}, {}})
	}},
}
