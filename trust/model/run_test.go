package model_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/trust"
)

// Histories in which anything goes wrong, on the Redis in this process.
func TestHistories(t *testing.T) {
	histories(t, onMiniredis(t), trust.Size(8, 10, 100))
}

// The same on a real Redis, which is much quicker.
func TestHistoriesOnRedis(t *testing.T) {
	histories(t, onRedis(t), trust.Size(65, 100, 2000))
}

// The same on one that refuses what a cluster refuses.
func TestHistoriesOnCluster(t *testing.T) {
	histories(t, onCluster(t), trust.Size(8, 10, 150))
}

// histories plays n of them in l, each with all its checks.
func histories(t *testing.T, l *storage, n int) {
	t.Helper()
	setUnlessGiven(t, map[string]any{"rapid.checks": n, "rapid.steps": 40, "rapid.shrinktime": "60s"})
	played, cards := 0, 0
	var broken string
	defer func() {
		trust.Count(t, trust.Histories, played)
		if t.Failed() {
			t.Log(broken) // also of what rapid cannot reproduce
			trust.Count(t, trust.Violated, 1)
			trust.Count(t, trust.Lost, min(1, strings.Count(broken, "lost:")))
			trust.Count(t, trust.Doubled, min(1, strings.Count(broken, "doubled:")))
		}
		t.Logf("%d histories, %d cards", played, cards)
	}()
	rapid.Check(t, func(rt *rapid.T) {
		played++
		w := play(t, rt, l, &broken)
		cards += w.shown
	})
	if cards == 0 && played >= 20 {
		t.Error("no card was shown: the histories are too quiet to show anything")
	}
}

// given are the flags of the command line.
var given = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { names[f.Name] = true })
	return names
})

// setUnlessGiven sets those flags of rapid that were not given.
func setUnlessGiven(t *testing.T, flags map[string]any) {
	t.Helper()
	for name, value := range flags {
		if given()[name] {
			continue
		}
		if err := flag.Set(name, fmt.Sprint(value)); err != nil {
			t.Fatal(err)
		}
	}
}

// play plays one history in a time of its own. It tells what was broken.
func play(t *testing.T, rt *rapid.T, l *storage, broken *string) (w *system) {
	var ended any
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, 1)
		w = newSystem(rt, l)
		defer w.drain()
		defer func() { ended = recover() }()
		w.history()
	})
	switch {
	case ended == nil:
	case rt.Failed():
		*broken = strings.Join(w.broken, "\n")
		rt.FailNow() // here, so that rapid tells it from what follows
	default:
		panic(ended)
	}
	return w
}

// newSystem returns one with users and rules that are drawn.
func newSystem(rt *rapid.T, l *storage) *system {
	w := &system{T: rt, ctx: context.Background(), storage: l,
		users: []fact.UserID{"anna", "bert", "carl"}, openIDs: []fact.OpenID{"o1", "o2", "o3", "o4"},
		status: map[fact.UserID]notify.Status{}, readElsewhere: map[fact.UserID]bool{}, cards: map[card.ID]*begunCard{},
		held: map[string]claimed{}, sentTo: map[ledgerKey]int{}, forgotten: map[card.ID]bool{}, tapped: map[fact.OpenID]time.Time{}, taps: map[fact.OpenID]int{},
		outcomes: map[card.Class]bool{}, seen: map[fact.UserID][]notify.Step{}, decoded: map[string]any{}}
	w.members = map[fact.GroupID][]notify.Member{team: {{User: "anna"}, {User: "bert", Muted: true}, {User: "peer"}, {User: "carl"}}, "strangers": {{User: "peer"}}}
	return w
}

// history is all of one.
func (w *system) history() {
	w.must(w.storage.empty(w.ctx))
	w.sleep(time.Duration(w.n("hour of the day", 24)) * time.Hour)
	w.rules = w.drawRules()
	specs := map[fact.Kind]card.TemplateSpec{}
	longTerm := map[fact.TemplateID]bool{"M": w.oneIn(6, "long-term")}
	for kind, id := range map[fact.Kind]fact.TemplateID{fact.KindMessage: "M", fact.KindCall: pick(w, "template of calls", []fact.TemplateID{"M", "C"})} {
		specs[kind] = card.TemplateSpec{ID: id, LongTerm: longTerm[id], Data: map[string]string{"number1": "{{.Count}}"}}
	}
	var err error
	w.templates, err = card.NewTemplates(specs)
	w.must(err)
	w.model = newModel(w.rules, longTerm)
	for i := range runs {
		w.runs = append(w.runs, w.newRun(1+i))
	}
	if w.oneIn(4, "clocks differ") {
		w.skewed = true
		for i := range w.storage.skew[1:] {
			w.storage.skew[1+i] = time.Duration(w.n("skew", 601)-300) * time.Second
		}
	}
	w.begins()
	names, by := byWeight()
	w.Repeat(map[string]func(*rapid.T){"happens": func(*rapid.T) { by[pick(w, "what happens", names)](w) }})
	w.heal()
	w.checkEnd()
}

// begins has everybody log in, with some permits.
func (w *system) begins() {
	w.look()
	for i, u := range w.users {
		w.bind(u, w.openIDs[i])
		for range w.n("permits", 6) {
			id := w.fresh("tap")
			w.taps[w.openIDs[i]]++
			w.tapped[w.openIDs[i]] = w.now()
			w.accept(fact.Fact{Grant: &fact.Grant{ID: id, OpenID: w.openIDs[i], Source: fact.GrantPopup, At: w.now(), Templates: w.templates.IDs()}})
			w.sleep(5 * time.Minute)
		}
	}
}

func (w *system) drawRules() notify.Rules {
	r := notify.DefaultRules()
	r.Preview = card.PreviewNone
	r.TTL = time.Hour // what waits behind a kept permit ends in time
	r.DigestSteps = []time.Duration{time.Minute, 10 * time.Minute, 6 * time.Hour}
	r.Retry.Max, r.Retry.Attempts = time.Minute, 3
	r.MissedCalls = w.oneIn(2, "missed calls")
	r.PushOnline = pick(w, "push online", []notify.PushOnline{notify.PushOnlineSkip, notify.PushOnlineSend})
	r.Calls = pick(w, "calls", []notify.Calls{notify.CallsKeep, notify.CallsAlways})
	r.KeepForFirst = w.n("keep", 3)
	r.KeepLearning = w.oneIn(4, "learning")
	r.DigestMax = pick(w, "digest max", []int{100, 1})
	r.UserSendsPerHour = pick(w, "cards an hour", []int{1000, 2})
	r.Groups[fact.GroupPrivate] = pick(w, "groups", []fact.GroupRule{fact.GroupMentions, fact.GroupAll})
	return r
}

// runWhileDue has runs come whenever something is due, until nothing is due any more until t.
func (w *system) runWhileDue(t time.Time) {
	for range 3000 {
		next, err := w.storage.stores[0].Rest(w.ctx, t.Add(time.Millisecond))
		w.must(err)
		if next.IsZero() {
			return
		}
		w.sleep(max(0, next.Sub(w.now())))
		w.pass(w.runs[0])
	}
	w.Fatalf("P1: runs have something to do for ever")
}

// heal ends all that goes wrong, and lets runs come until nothing is left to do.
func (w *system) heal() {
	w.healed, w.imSilent = w.now(), false
	clear(w.readElsewhere)
	for i := range w.storage.skew {
		w.storage.skew[i] = 0
	}
	for len(w.spilled) > 0 {
		s := w.spilled[0]
		w.spilled = w.spilled[1:]
		w.recording = passes
		w.must(w.instance().Redeliver(w.ctx, s.facts, s.since, 0))
		w.look()
	}
	for _, q := range w.requests() {
		w.let(q, passes)
	}
	for _, r := range w.runs {
		if r.busy {
			w.pass(r)
		}
	}
	later := w.now().Add(100 * 24 * time.Hour)
	w.runWhileDue(later)
	for range 2 { // one of two of the timer's runs looks at all shards: a run that stopped may have had one in its hands
		w.sleep(time.Minute)
		w.pass(w.runs[0])
	}
	w.runWhileDue(later)
	w.look()
}
