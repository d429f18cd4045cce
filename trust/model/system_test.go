package model_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A system is one history: users, the platforms, a store, and runs of deliver. Its methods
// are called by one goroutine, but for those in which a request arrives, of which there is
// one at a time.
type system struct {
	*rapid.T
	ctx       context.Context
	storage   *storage
	model     *model
	rules     notify.Rules
	templates card.Templates
	runs      []*run
	alive     sync.WaitGroup // of all goroutines of runs

	mu      sync.Mutex
	waiting []*request // on their way
	broken  []string   // what was violated

	recording verdict // what becomes of what the receivers record
	skewed    bool    // clocks differ

	users         []fact.UserID
	openIDs       []fact.OpenID
	members       map[fact.GroupID][]notify.Member
	status        map[fact.UserID]notify.Status // the truth
	readElsewhere map[fact.UserID]bool
	imSilent      bool
	cards         map[card.ID]*begunCard
	forgotten     map[card.ID]bool   // nameless cards that were being sent when their user was erased
	sentTo        map[ledgerKey]int  // cards
	foreign       bool               // WeChat has told of a card that is not ours
	held          map[string]claimed // by queue and user: who is in whose hands until when
	reports       []report           // what WeChat is going to tell of cards
	late          []fact.Fact        // callbacks that are still to come
	told          []toldFact
	spilled       []spill
	tapped        map[fact.OpenID]time.Time // last
	called        time.Time
	serial        int
	calls         []fact.Ring
	taps          map[fact.OpenID]int
	outcomes      map[card.Class]bool // that WeChat has answered
	anyErased     bool
	healed        time.Time // since when nothing goes wrong any more; zero: it still does
	result        result    // of the card that is just sent
	shown         int       // cards
	last          *snapshot
	decoded       map[string]any                // documents of snapshots
	seen          map[fact.UserID][]notify.Step // of the timelines
}

// A toldFact can be told again.
type toldFact struct {
	fact.Fact
	first time.Time
}

type spill struct {
	facts []fact.Fact
	since time.Time
}

// A begunCard is one that was begun.
type begunCard struct {
	notify.Begin
	moment   int             // in which it was begun
	messages []fact.Identity // that it carries, as reserved
	reserved bool
	to       fact.OpenID
	sent     bool
	reported time.Time // when WeChat told of it; zero: not yet
}

// A report is what WeChat tells of a card.
type report struct {
	fact.Sent
	of *begunCard
}

func (w *system) now() time.Time { return time.Now() }

// violate notes that a promise is broken.
func (w *system) violate(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

// must ends the history with what does not belong to it.
func (w *system) must(err error) {
	if err != nil {
		w.Fatalf("not of the history: %v", err)
	}
}

// enter has a request wait.
func (w *system) enter(q *request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, q)
}

// requests returns what is on its way when everybody waits, in an order that can be repeated.
func (w *system) requests() []*request {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.waiting, func(a, b *request) int {
		return cmp.Or(cmp.Compare(a.of.number, b.of.number), cmp.Compare(a.name, b.name), cmp.Compare(a.about, b.about))
	})
	return slices.Clone(w.waiting)
}

// let decides about a request, waits for what comes of it, and looks.
func (w *system) let(q *request, v verdict) {
	if q.name == "Send" && w.now().Sub(q.made) > time.Minute {
		v = isLost // no connection waits for so long
	}
	if q.name == "Send" && v != isLost {
		w.result = w.drawResult()
	}
	disturbed := w.disturb(q)
	w.mu.Lock()
	w.waiting = slices.DeleteFunc(w.waiting, func(o *request) bool { return o == q })
	w.mu.Unlock()
	w.Logf("%s run %d: %s %s: %v", w.now().Format("15:04:05.000"), q.of.number, q.name, q.about, [...]string{"passes", "lost", "reply lost", "twice"}[v])
	q.verdict <- v
	synctest.Wait()
	if disturbed {
		time.Sleep(time.Second) // the client tries again
		synctest.Wait()
		w.undisturbed()
	}
	if slices.Contains(elsewhere, q.name) {
		w.verdict()
		return
	}
	w.look()
}

// elsewhere are the requests that leave nothing in the store.
var elsewhere = []string{"Presence", "Unread", "Members", "MembersAmong", "Send", "Answer"}

// start begins a pass of a run.
func (w *system) start(r *run) {
	ctx, kill := context.WithCancel(w.ctx)
	r.busy, r.dead, r.kill = true, false, kill
	d := &deliver.Deliverer{Store: r, IM: r, Directory: r, WeChat: r, Rules: w.rules, Templates: w.templates, Log: slog.New(slog.DiscardHandler)}
	w.alive.Go(func() {
		d.Pass(ctx) // its error is that of a request
		kill()
		if !r.dead {
			r.busy = false
		}
	})
}

// end kills a run. Another may start in its place; what was on its way may still arrive.
func (w *system) end(r *run) {
	r.dead = true
	r.kill()
	synctest.Wait()
	i := slices.Index(w.runs, r)
	w.runs[i] = w.newRun(r.number)
}

func (w *system) newRun(number int) *run {
	return &run{Store: w.storage.stores[number], w: w, number: number,
		asked: map[fact.UserID][]answer{}, claimed: map[string]claimed{}}
}

// pass has a run do what is due, and whatever was on its way get through.
func (w *system) pass(r *run) {
	if !r.busy {
		w.start(r)
	}
	for range 2000 {
		q := w.requests()
		if len(q) == 0 {
			if !r.busy {
				return
			}
			time.Sleep(100 * time.Millisecond) // it waits for something of its own
			continue
		}
		w.let(q[0], passes)
	}
	w.violate("P1: a pass does not end")
	w.look()
}

// drain ends everybody, so that the history can end.
func (w *system) drain() {
	for _, r := range w.runs {
		r.dead = true
		if r.kill != nil {
			r.kill()
		}
	}
	gone := make(chan struct{})
	go func() {
		w.alive.Wait()
		close(gone)
	}()
	for {
		for _, q := range w.requests() {
			q.of.dead = true
			q.verdict <- isLost
		}
		w.mu.Lock()
		w.waiting = nil
		w.mu.Unlock()
		select {
		case <-gone:
			return
		case <-time.After(time.Second):
		}
	}
}

// Record implements inbox.Recorder, for the receivers.
func (w *system) Record(ctx context.Context, rules notify.Rules, facts []fact.Fact) (notify.Recorded, error) {
	v := w.recording
	if v == isLost {
		return notify.Recorded{}, errLost
	}
	w.loseAnswer(6)
	recorded, err := w.storage.stores[0].Record(ctx, rules, facts)
	w.undisturbed()
	w.must(err)
	for _, f := range facts {
		w.model.record(f, w.now())
		w.hasReported(f.Sent)
	}
	if v == losesReply {
		return notify.Recorded{}, errLost
	}
	return recorded, nil
}

// Wake implements inbox.Invoker: a history says itself when runs start.
func (w *system) Wake(context.Context) error { return nil }

// Overflow implements inbox.Invoker.
func (w *system) Overflow(_ context.Context, facts []fact.Fact, since time.Time) error {
	w.spilled = append(w.spilled, spill{facts, since})
	return nil
}

// ignore drops an error that is part of a history.
func ignore(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// whereabouts is where somebody is.
func (w *system) whereabouts(u fact.UserID) notify.Status {
	if s, ok := w.status[u]; ok {
		return s
	}
	return notify.StatusOffline
}
