package deliver_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A row is one rule of docs/rules.md, shown on a system of its own.
type row struct {
	rule string
	has  int             // permits that tom has granted before; 0: one
	do   func(s *system) // what happens
	then time.Duration   // how long it goes on after that; 0: a minute
	want string          // the summary that must come of it
	// grain is the step in which times are told: what WeChat's limits and backoff put off
	// comes after a jitter. 0: a second. Negative: times are not told.
	grain time.Duration
}

// none is has for a tom who has granted nothing before.
const none = -1

func (r row) run(s *system) (summary string) {
	if n := cmp.Or(r.has, 1); n != none {
		s.has(n)
	}
	r.do(s)
	s.run(cmp.Or(r.then, time.Minute))
	return s.summary(max(cmp.Or(r.grain, time.Second), 0))
}

// A section is a part of the design's rules.
type section struct {
	name string
	rows []row
}

// Every row of the rules and of the outcomes, and what happens. With -v it is printed as a
// table.
func TestTable(t *testing.T) {
	sections := []section{
		{"which messages count", countingRows()},
		{"when", timingRows()},
		{"cancelled until the last moment", cancelRows()},
		{"calls", callRows()},
		{"digest", digestRows()},
		{"quiet hours, time to live, privacy, preferences", silenceRows()},
		{"groups", groupRows()},
		{"permits", permitRows()},
		{"outcomes of a send", outcomeRows()},
	}
	seen := &states{seen: map[fact.State]bool{}}
	summaries := make([][]string, len(sections))
	t.Run("rows", func(t *testing.T) {
		for i, sec := range sections {
			summaries[i] = make([]string, len(sec.rows))
			for j, r := range sec.rows {
				t.Run(r.rule, func(t *testing.T) {
					t.Parallel()
					s := newSystem(t)
					summaries[i][j] = r.run(s)
					if summaries[i][j] != r.want {
						t.Errorf("\nhappened %s\nwant     %s\n%s", summaries[i][j], r.want, s.timeline())
					}
					seen.look(s)
				})
			}
		}
	})
	for i, sec := range sections {
		var b strings.Builder
		for j, r := range sec.rows {
			fmt.Fprintf(&b, "\n  %-88s -> %s", r.rule, summaries[i][j])
		}
		t.Logf("%s:%s", sec.name, b.String())
	}
	if t.Failed() {
		return
	}
	for _, state := range closedList(t) {
		if !seen.seen[state] {
			t.Errorf("no row ends a message as %q", state)
		}
	}
}

// states are those in which messages ended.
type states struct {
	mu   sync.Mutex
	seen map[fact.State]bool
}

func (x *states) look(s *system) {
	counts, err := s.store.Counts(s.t.Context())
	s.t.Must(err)
	x.mu.Lock()
	defer x.mu.Unlock()
	for state, n := range counts {
		if n > 0 {
			x.seen[state] = true
		}
	}
}

// closedList reads the final states out of state.go.
func closedList(t *testing.T) []fact.State {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "fact", "state.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []fact.State
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "State" {
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, fact.State(text))
			}
		}
		return true
	})
	if len(out) != 18 {
		t.Fatalf("state.go has %d final states, there are 18: %q", len(out), out)
	}
	return out
}

// A message that is told leaves its whole way in the timeline.
func TestTimeline(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.has(1)
	s.say("a", "b")
	s.clock.Advance(10 * time.Second)
	c, err := s.deliver.Pass(t.Context())
	s.t.Must(err)
	if c != (deliver.Counts{Claimed: 1, Sent: 1, Merged: 1}) {
		t.Errorf("the run counts %+v, want one claimed, one sent, one merged", c)
	}
	steps, err := s.store.Timeline(t.Context(), tom)
	s.t.Must(err)
	var kinds []notify.StepKind
	for _, s := range steps {
		kinds = append(kinds, s.Kind)
	}
	want := []notify.StepKind{notify.StepAccepted, notify.StepAccepted, notify.StepAsked, notify.StepBegun, notify.StepReserved, notify.StepSent,
		notify.StepSettled, notify.StepFinal}
	if !slices.Equal(kinds, want) {
		t.Errorf("timeline %q, want %q", kinds, want)
	}
	if got := s.cards[0]; got.To != "o-tom" || got.Data["thing1"] != "Anna" || got.Page != "p?peer=anna" {
		t.Errorf("the card is %+v", got)
	}
}

// timeline prints what the store noted of tom.
func (s *system) timeline() string {
	steps, err := s.store.Timeline(s.t.Context(), tom)
	s.t.Must(err)
	var b strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&b, "  %s %-9s %s %s %s %v\n", step.At.Format("15:04:05.000"), step.Kind, step.State, step.Reason, step.Detail, step.Messages)
	}
	return b.String()
}
