package model_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"pgregory.net/rapid"

	"wxnotify/shared/fact"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
)

// An action is one thing that can happen.
type action struct {
	name   string
	weight int
	do     func(*system)
}

var actions = []action{
	{"message", 6, (*system).message}, {"reply", 2, (*system).reply}, {"group message", 2, (*system).groupMessage},
	{"announcement", 1, (*system).announcement}, {"call", 2, (*system).call}, {"end of a call", 2, (*system).callEnds},
	{"presence", 4, (*system).presence}, {"leaves unheard", 1, (*system).leavesUnheard},
	{"read", 2, (*system).read}, {"recall", 2, (*system).recall}, {"again", 2, (*system).again},
	{"tap", 4, (*system).tap}, {"revoke", 2, (*system).revoke}, {"session", 1, (*system).session},
	{"time", 8, (*system).time}, {"late", 2, (*system).comesLate}, {"retake", 1, (*system).retake}, {"erase", 1, (*system).erase},
	{"preferences", 1, (*system).preferences}, {"replay", 2, (*system).replay}, {"report", 3, (*system).report},
	{"IM", 1, (*system).imChanges}, {"pass", 6, (*system).onePass}, {"start", 4, (*system).begin},
	{"steps", 8, (*system).steps}, {"lose", 4, (*system).lose}, {"kill", 2, (*system).crash},
}

// byWeight returns the names of actions, each as often as it weighs.
func byWeight() (names []string, by map[string]func(*system)) {
	by = map[string]func(*system){}
	for _, a := range actions {
		by[a.name] = a.do
		for range a.weight {
			names = append(names, a.name)
		}
	}
	return names, by
}

func (w *system) n(what string, most int) int { return rapid.IntRange(0, most-1).Draw(w.T, what) }

// oneIn is true once in n times; shrunk, it is not.
func (w *system) oneIn(n int, what string) bool { return w.n(what, n) == n-1 }

func pick[V any](w *system, what string, of []V) V { return rapid.SampledFrom(of).Draw(w.T, what) }

func (w *system) someone() fact.UserID { return pick(w, "user", w.users) }

// somebodyElse may be a user or not.
func (w *system) somebodyElse(user fact.UserID) fact.UserID {
	others := []fact.UserID{"peer"}
	for _, u := range w.users {
		if u != user {
			others = append(others, u)
		}
	}
	return pick(w, "from", others)
}

func (w *system) fresh(prefix string) string {
	w.serial++
	return fmt.Sprint(prefix, w.serial)
}

// tell has a callback come: once, twice, or later.
func (w *system) tell(facts ...fact.Fact) {
	for _, f := range facts {
		how := w.n("comes", 10)
		if how == 9 {
			w.late = append(w.late, f)
			continue
		}
		w.accept(f)
		if how == 8 {
			w.accept(f)
		}
	}
}

// accept is what a receiver does with facts.
func (w *system) accept(facts ...fact.Fact) {
	for _, f := range facts {
		w.told = append(w.told, toldFact{f, w.now()})
	}
	w.recording = w.receiverLuck()
	w.must(w.instance().Accept(w.ctx, facts))
	w.look()
}

func (w *system) receiverLuck() verdict {
	switch w.n("store", 20) {
	case 18:
		return isLost
	case 19:
		return losesReply
	}
	return passes
}

// again repeats a callback of the last hours, in which it is known to have been told.
func (w *system) again() {
	if len(w.told) == 0 {
		return
	}
	f := w.told[len(w.told)-1-w.n("which", min(8, len(w.told)))]
	if w.now().Sub(f.first) > 22*time.Hour {
		return
	}
	w.recording = w.receiverLuck()
	w.must(w.instance().Accept(w.ctx, []fact.Fact{f.Fact}))
	w.look()
}

// comesLate has a callback come that was held up.
func (w *system) comesLate() {
	if len(w.late) == 0 {
		return
	}
	i := w.n("which", len(w.late))
	f := w.late[i]
	w.late = slices.Delete(w.late, i, i+1)
	w.accept(f)
}

// instance returns one that knows of no outage: what the store takes is drawn for each event.
func (w *system) instance() *inbox.Inbox {
	return &inbox.Inbox{
		Store: w, Invoker: w, Log: slog.New(slog.DiscardHandler), Now: w.now,
		Filter: notify.Filter{Rules: w.rules, Admin: "administrator", Templates: w.templates.IDs()},
	}
}

// retake has deliver take in what was spilled.
func (w *system) retake() {
	if len(w.spilled) == 0 {
		return
	}
	s := w.spilled[0]
	w.spilled = w.spilled[1:]
	w.recording = w.receiverLuck()
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	if err := w.instance().Redeliver(ctx, s.facts, s.since, 5*time.Second); err != nil { // the platform repeats the event
		w.spilled = append(w.spilled, s)
	}
	w.look()
}
