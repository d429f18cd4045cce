package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// constants returns the values of the string constants of a type, as a source file
// declares them.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(file)), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for n := range ast.Preorder(f) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typ {
			continue
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
	}
	if len(out) < 3 {
		t.Fatalf("%s declares only %q of type %s", file, out, typ)
	}
	slices.Sort(out)
	return out
}

// becauseOf lists the reasons that each state may have.
var becauseOf = map[fact.State][]fact.Reason{
	fact.StateDelivered:  {fact.ReasonReported, fact.ReasonReplayed},
	fact.StateRead:       {fact.ReasonReadReport, fact.ReasonOwnReply, fact.ReasonUnreadNone},
	fact.StateRecalled:   {},
	fact.StateAnswered:   {},
	fact.StateEnded:      {fact.ReasonRejected, fact.ReasonCancelled, fact.ReasonTimedOut, fact.ReasonLineBusy, fact.ReasonHungUp, fact.ReasonMissedCall},
	fact.StateMuted:      {fact.ReasonMutedAll, fact.ReasonMutedPeer},
	fact.StateCameOnline: {fact.ReasonOnline, fact.ReasonPushOnline},
	fact.StateNotCounted: {fact.ReasonSilent, fact.ReasonAdmin, fact.ReasonSelf, fact.ReasonCrowded},
	fact.StateNotBound:   {},
	fact.StateUnbound:    {fact.ReasonNewerBinding},
	fact.StateNoPermit:   {fact.ReasonReported},
	fact.StateRefused:    {fact.ReasonUnknownOpenID, fact.ReasonReported},
	fact.StateQuota:      {fact.ReasonQuotaDay},
	fact.StateExpired: {fact.ReasonBusy, fact.ReasonWindow, fact.ReasonIMSilent, fact.ReasonNeverSent, fact.ReasonBackoff, fact.ReasonOperator, fact.ReasonWording,
		fact.ReasonQuotaDay, fact.ReasonDigest, fact.ReasonKept, fact.ReasonQuietHours, fact.ReasonTooMany, fact.ReasonRinging},
	fact.StateFailedIM: {},
	fact.StateUnknown:  {fact.ReasonStranded, fact.ReasonSilentWeChat},
	fact.StateDead:     {fact.ReasonAttempts, fact.ReasonWording, fact.ReasonOperator, fact.ReasonReported},
	fact.StateErased:   {},
}

// Whatever a timeline may hold has words in both languages. The lists are read from the
// source, so that what is new there is missed here.
func TestEverythingHasWords(t *testing.T) {
	states, reasons := constants(t, "fact/state.go", "State"), constants(t, "fact/state.go", "Reason")
	if listed := slices.Sorted(maps.Keys(becauseOf)); !slices.EqualFunc(listed, states, func(a fact.State, b string) bool { return string(a) == b }) {
		t.Errorf("the states are %q, and reasons are listed for %q", states, listed)
	}
	for name, w := range map[string]explainWords{"zh": explainChinese(), "en": explainEnglish()} {
		x := explainer{w, fact.Beijing}
		for _, s := range states {
			sw, ok := w.states[fact.State(s)]
			if !ok || sw.label == "" || sw.sentence == "" {
				t.Errorf("%s: state %q has no words", name, s)
			}
			wordsAreIn(t, name, w.stop, x.ended(notify.Step{State: fact.State(s)}))
			for _, r := range becauseOf[fact.State(s)] {
				wordsAreIn(t, name, w.stop, x.ended(notify.Step{State: fact.State(s), Reason: r}))
			}
			for r := range sw.because {
				if !slices.Contains(becauseOf[fact.State(s)], r) {
					t.Errorf("%s: there are words for %q because of %q, which is not listed", name, s, r)
				}
			}
		}
		for _, r := range reasons {
			if r != "" && w.reasons[fact.Reason(r)] == "" {
				t.Errorf("%s: reason %q has no words", name, r)
			}
		}
		if len(w.states) != len(states) || len(w.reasons) != len(reasons)-1 {
			t.Errorf("%s: words for %d states and %d reasons, there are %d and %d", name, len(w.states), len(w.reasons), len(states), len(reasons)-1)
		}
		for _, texts := range []map[string]string{w.asked, w.classes, w.settled} {
			if texts[""] == "" {
				t.Errorf("%s: %v has no words for what is not known", name, texts)
			}
		}
		for s := notify.StatusUnknown; s.String() != "invalid"; s++ {
			if w.asked[s.String()] == "" {
				t.Errorf("%s: status %s has no words", name, s)
			}
		}
		for c := card.ClassUnknown; c.String() != "invalid"; c++ {
			if w.classes[c.String()] == "" {
				t.Errorf("%s: class %s has no words", name, c)
			}
		}
		for _, f := range constants(t, "permit/protocol.go", "Fate") {
			if w.settled[f] == "" {
				t.Errorf("%s: permit %s has no words", name, f)
			}
		}
		for _, k := range constants(t, "notify/timeline.go", "StepKind") {
			text := x.step(notify.Step{Kind: notify.StepKind(k), State: fact.StateRead})
			if text == fill(w.other, k) {
				t.Errorf("%s: step %s has no words", name, k)
			}
			wordsAreIn(t, name, w.stop, text)
		}
	}
}

// wordsAreIn checks that text is one sentence of a language, with nothing left to fill in.
func wordsAreIn(t *testing.T, lang, stop, text string) {
	t.Helper()
	han := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	if han != (lang == "zh") || !strings.HasSuffix(text, stop) || strings.Count(text, stop) != 1 || strings.ContainsAny(text, "{}%") {
		t.Errorf("%s: %q is not one sentence", lang, text)
	}
	if lang != "zh" {
		return
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) }) {
		if !slices.Contains([]string{"IM", "App"}, word) {
			t.Errorf("zh: %q says %q", text, word)
		}
	}
}
