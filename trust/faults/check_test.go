package faults_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

// A verdict is what a look at a system that has come to rest finds.
type verdict struct {
	messages int // calls included
	states   map[fact.State]int
	lost     []string // messages without an end
	doubled  []string // messages told or ended twice
	broken   []string // promises
}

// judge looks at everybody.
func (w *system) judge() verdict {
	w.t.Helper()
	v := verdict{states: map[fact.State]int{}}
	for _, p := range w.people {
		w.judgeUser(p, &v)
	}
	counts, err := w.look.Counts(w.t.Context())
	testkit.Must(w.t, err)
	total := 0
	for state, n := range counts {
		if state != fact.StateNotBound && state != fact.StateNotCounted { // peers, and what calls are signalled with
			total += int(n)
		}
	}
	if ended := v.messages - len(v.lost); total != ended && len(v.doubled) == 0 {
		v.broken = append(v.broken, fmt.Sprintf("%d messages ended, and the counts say %v", ended, counts))
	}
	return v
}

func (w *system) judgeUser(p *user, v *verdict) {
	w.t.Helper()
	steps, err := w.look.Timeline(w.t.Context(), p.id)
	testkit.Must(w.t, err)
	if len(steps) >= 100 {
		w.t.Fatalf("the timeline of %s is full, and says nothing of what is missing", p.id)
	}
	ends, corrected := endsOf(steps)
	shown := map[string]int{}
	calls := 0
	for _, c := range w.sim.WeChat.Cards(p.OpenID) {
		if c.TemplateID == callTemplate {
			calls++
		} else {
			shown[c.Value("thing2")]++
		}
	}
	unknown := 0
	judge := func(id, what string, cards int) {
		v.messages++
		states := ends[fact.MessageID(id)]
		switch {
		case len(states) == 0:
			v.lost = append(v.lost, what)
			return
		case len(states) > 1 || corrected[fact.MessageID(id)] > 1:
			v.doubled = append(v.doubled, fmt.Sprintf("%s ended as %v", what, states))
		case cards > 1:
			v.doubled = append(v.doubled, fmt.Sprintf("%s was told %d times", what, cards))
		}
		state := states[len(states)-1]
		v.states[state]++
		if state == fact.StateUnknown {
			unknown++
		}
		told := state == fact.StateDelivered
		if told != (cards > 0) && state != fact.StateUnknown {
			v.broken = append(v.broken, fmt.Sprintf("%s ended %q, and %d cards show it", what, state, cards))
		}
	}
	for _, m := range p.messages {
		judge(m.key, fmt.Sprintf("the message %q", m.text), shown[m.text])
	}
	delivered := 0
	for _, id := range p.rings {
		cards := 0
		if states := ends[fact.MessageID(id)]; len(states) > 0 && states[len(states)-1] == fact.StateDelivered {
			delivered++
			cards = 1
		}
		judge(id, fmt.Sprintf("the call %s of %s", id[:6], p.id), cards)
	}
	if calls < delivered || calls > delivered+unknown {
		v.broken = append(v.broken, fmt.Sprintf("%s was shown %d cards of calls for %d delivered", p.id, calls, delivered))
	}
	w.judgeLedgers(p, unknown, v)
}

// judgeLedgers wants the accounts of p to add up, and to say what WeChat says. A card of which
// nobody knows whether it was shown is paid for in our ledger.
func (w *system) judgeLedgers(p *user, unknown int, v *verdict) {
	w.t.Helper()
	accounts, err := store.Accounts(w.t.Context(), w.look, fact.OpenID(p.OpenID))
	testkit.Must(w.t, err)
	for _, template := range []string{messageTemplate, callTemplate} {
		a := accounts[fact.TemplateID(template)]
		real := w.sim.WeChat.Permits(p.OpenID, template)
		if !fixture.AddsUp(a) || a.Held != 0 || a.Drift != 0 || a.Balance > real || a.Balance < real-unknown {
			v.broken = append(v.broken, fmt.Sprintf("the account of %s for %s is %+v, and WeChat says %d", p.id, template, a, real))
		}
	}
}

// endsOf returns the ends of each message, and how often WeChat's own word corrected one.
func endsOf(steps []notify.Step) (ends map[fact.MessageID][]fact.State, corrected map[fact.MessageID]int) {
	ends, corrected = map[fact.MessageID][]fact.State{}, map[fact.MessageID]int{}
	for _, s := range steps {
		if s.Kind != notify.StepFinal {
			continue
		}
		for _, id := range fact.MessageIDs(s.Messages) {
			if n := len(ends[id]); n > 0 && s.Reason == fact.ReasonReported {
				corrected[id]++
				ends[id][n-1] = s.State
				continue
			}
			ends[id] = append(ends[id], s.State)
		}
	}
	return ends, corrected
}

// wantSound counts a fault and wants it to have broken nothing.
func (w *system) wantSound() {
	w.t.Helper()
	v := w.judge()
	trust.Count(w.t, trust.Faults, 1)
	spills, _ := w.platform.Spills()
	w.t.Logf("%d messages and calls: %s; %d events spilled", v.messages, v.sums(), spills)
	for what, list := range map[string][]string{trust.Lost: v.lost, trust.Doubled: v.doubled, trust.Violated: v.broken} {
		if len(list) > 0 {
			trust.Count(w.t, what, len(list))
			w.t.Errorf("%s: %d\n%s", what, len(list), strings.Join(list[:min(len(list), 10)], "\n"))
		}
	}
	if lines := w.log.Lines("not recorded"); len(lines) > 0 {
		w.t.Errorf("callbacks were not recorded:\n%s", strings.Join(lines[:min(len(lines), 3)], ""))
	}
	if v.states[fact.StateDelivered]+v.states[fact.StateUnknown] == 0 {
		w.t.Error("nothing was told: this shows nothing")
	}
	if w.t.Failed() {
		w.explain(v)
	}
}

// explain prints the timelines of those who have something to complain of.
func (w *system) explain(v verdict) {
	all := strings.Join(slices.Concat(v.lost, v.doubled, v.broken), "\n")
	for _, p := range w.people {
		if !strings.Contains(all, string(p.id[:6])) {
			continue
		}
		steps, err := w.look.Timeline(w.t.Context(), p.id)
		testkit.Must(w.t, err)
		for _, s := range steps {
			w.t.Logf("%s %s %s %s %v %s %s %s", p.id[:6], s.At.Format("15:04:05.000"), s.Kind, s.Card, s.Messages, s.State, s.Reason, s.Detail)
		}
		return
	}
}

func (v verdict) sums() string {
	var out []string
	for _, s := range slices.Sorted(maps.Keys(v.states)) {
		out = append(out, fmt.Sprintf("%d %s", v.states[s], s))
	}
	return strings.Join(out, ", ")
}
