package model_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"pgregory.net/rapid"

	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
)

// An action is one thing that can happen.
type action struct {
	name   string
	weight int
	do     func(*world)
}

// goesWrong is what happens in most histories, and goesWell what does where delays count.
var (
	goesWell = []action{
		{"message", 6, (*world).message}, {"reply", 2, (*world).reply}, {"group message", 2, (*world).groupMessage},
		{"announcement", 1, (*world).announcement}, {"call", 2, (*world).call}, {"end of a call", 2, (*world).callEnds},
		{"presence", 4, (*world).presence}, {"leaves unheard", 1, (*world).leavesUnheard},
		{"read", 2, (*world).read}, {"recall", 2, (*world).recall}, {"again", 2, (*world).again},
		{"tap", 4, (*world).tap}, {"revoke", 2, (*world).revoke}, {"session", 1, (*world).session},
		{"time", 8, (*world).time},
	}
	goesWrong = append(slices.Clone(goesWell), []action{
		{"late", 2, (*world).comesLate}, {"retake", 1, (*world).retake}, {"erase", 1, (*world).erase},
		{"preferences", 1, (*world).preferences}, {"replay", 2, (*world).replay}, {"report", 3, (*world).report},
		{"IM", 1, (*world).imChanges}, {"pass", 6, (*world).onePass}, {"start", 4, (*world).begin},
		{"steps", 8, (*world).steps}, {"lose", 4, (*world).lose}, {"kill", 2, (*world).crash},
	}...)
)

// deck returns names of actions, each as often as it weighs.
func deck(actions []action) (names []string, by map[string]func(*world)) {
	by = map[string]func(*world){}
	for _, a := range actions {
		by[a.name] = a.do
		for range a.weight {
			names = append(names, a.name)
		}
	}
	return names, by
}

func (w *world) n(what string, most int) int { return rapid.IntRange(0, most-1).Draw(w.T, what) }

// oneIn is true once in n times; shrunk, it is not.
func (w *world) oneIn(n int, what string) bool { return w.n(what, n) == n-1 }

func pick[V any](w *world, what string, of []V) V { return rapid.SampledFrom(of).Draw(w.T, what) }

func (w *world) someone() notify.UserID { return pick(w, "user", w.users) }

// somebodyElse may be a user or not.
func (w *world) somebodyElse(user notify.UserID) notify.UserID {
	others := []notify.UserID{"peer"}
	for _, u := range w.users {
		if u != user {
			others = append(others, u)
		}
	}
	return pick(w, "from", others)
}

func (w *world) fresh(prefix string) string {
	w.serial++
	return fmt.Sprint(prefix, w.serial)
}

// tell has a callback come: once, twice, or later.
func (w *world) tell(facts ...notify.Fact) {
	for _, f := range facts {
		how := w.n("comes", 10)
		if how == 9 && !w.prompt {
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
func (w *world) accept(facts ...notify.Fact) {
	for _, f := range facts {
		w.told = append(w.told, toldFact{f, w.now()})
	}
	w.recording = w.receiverLuck()
	w.must(w.instance().Accept(w.ctx, facts))
	w.look()
}

func (w *world) receiverLuck() verdict {
	if w.prompt {
		return passes
	}
	switch w.n("store", 20) {
	case 18:
		return isLost
	case 19:
		return losesReply
	}
	return passes
}

// again repeats a callback of the last hours, in which it is known to have been told.
func (w *world) again() {
	if len(w.told) == 0 {
		return
	}
	f := w.told[len(w.told)-1-w.n("which", min(8, len(w.told)))]
	if w.now().Sub(f.first) > 22*time.Hour {
		return
	}
	w.recording = w.receiverLuck()
	w.must(w.instance().Accept(w.ctx, []notify.Fact{f.Fact}))
	w.look()
}

// meanwhile is what can happen between two requests of a run that comes in time.
func (w *world) meanwhile() {
	pick(w, "meanwhile", []func(*world){(*world).message, (*world).presence, (*world).leavesUnheard, (*world).read, (*world).reply, (*world).recall})(w)
}

// comesLate has a callback come that was held up.
func (w *world) comesLate() {
	if len(w.late) == 0 {
		return
	}
	i := w.n("which", len(w.late))
	f := w.late[i]
	w.late = slices.Delete(w.late, i, i+1)
	w.accept(f)
}

// instance returns one that knows of no outage: what the store takes is drawn for each event.
func (w *world) instance() *inbox.Inbox {
	return &inbox.Inbox{
		Store: w, Courier: w, Log: slog.New(slog.DiscardHandler), Now: w.now,
		Filter: notify.Filter{Rules: w.rules, Admin: "administrator", Templates: w.templates.IDs()},
	}
}

// retake has deliver take in what was spilled.
func (w *world) retake() {
	if len(w.spilled) == 0 {
		return
	}
	s := w.spilled[0]
	w.spilled = w.spilled[1:]
	w.recording = w.receiverLuck()
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	if err := w.instance().Retake(ctx, s.facts, s.since, 5*time.Second); err != nil { // the platform repeats the event
		w.spilled = append(w.spilled, s)
	}
	w.look()
}
