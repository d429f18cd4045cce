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

	"wxnotify/shared/notify"
)

// constants returns the values of the string constants of a type, as a source file
// declares them.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "notify", file), nil, parser.SkipObjectResolution)
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
var becauseOf = map[notify.State][]notify.Reason{
	notify.StateDelivered:  {notify.ReasonReported, notify.ReasonReplayed},
	notify.StateRead:       {notify.ReasonReadReport, notify.ReasonOwnReply, notify.ReasonUnreadNone},
	notify.StateRecalled:   {},
	notify.StateAnswered:   {},
	notify.StateEnded:      {notify.ReasonRejected, notify.ReasonCancelled, notify.ReasonTimedOut, notify.ReasonLineBusy, notify.ReasonHungUp, notify.ReasonMissedCall},
	notify.StateMuted:      {notify.ReasonMutedAll, notify.ReasonMutedPeer},
	notify.StateCameOnline: {notify.ReasonOnline, notify.ReasonPushOnline},
	notify.StateNotCounted: {notify.ReasonSilent, notify.ReasonAdmin, notify.ReasonSelf, notify.ReasonCrowded},
	notify.StateNotBound:   {},
	notify.StateUnbound:    {notify.ReasonNewerBinding},
	notify.StateNoPermit:   {notify.ReasonReported},
	notify.StateRefused:    {notify.ReasonUnknownOpenID, notify.ReasonReported},
	notify.StateQuota:      {notify.ReasonQuotaDay},
	notify.StateExpired: {notify.ReasonBusy, notify.ReasonWindow, notify.ReasonIMSilent, notify.ReasonNeverSent, notify.ReasonBackoff, notify.ReasonOperator, notify.ReasonWording,
		notify.ReasonQuotaDay, notify.ReasonDigest, notify.ReasonKept, notify.ReasonQuietHours, notify.ReasonTooMany, notify.ReasonRinging},
	notify.StateFailedIM: {},
	notify.StateUnknown:  {notify.ReasonStranded, notify.ReasonSilentWeChat},
	notify.StateDead:     {notify.ReasonAttempts, notify.ReasonWording, notify.ReasonOperator, notify.ReasonReported},
	notify.StateErased:   {},
}

// Whatever a timeline may hold has words in both languages. The lists are read from the
// source, so that what is new there is missed here.
func TestEverythingHasWords(t *testing.T) {
	states, reasons := constants(t, "state.go", "State"), constants(t, "state.go", "Reason")
	if listed := slices.Sorted(maps.Keys(becauseOf)); !slices.EqualFunc(listed, states, func(a notify.State, b string) bool { return string(a) == b }) {
		t.Errorf("the states are %q, and reasons are listed for %q", states, listed)
	}
	for name, w := range map[string]explainWords{"zh": explainChinese(), "en": explainEnglish()} {
		x := explainer{w, notify.Beijing}
		for _, s := range states {
			sw, ok := w.states[notify.State(s)]
			if !ok || sw.label == "" || sw.sentence == "" {
				t.Errorf("%s: state %q has no words", name, s)
			}
			wordsAreIn(t, name, w.stop, x.ended(notify.Step{State: notify.State(s)}))
			for _, r := range becauseOf[notify.State(s)] {
				wordsAreIn(t, name, w.stop, x.ended(notify.Step{State: notify.State(s), Reason: r}))
			}
			for r := range sw.because {
				if !slices.Contains(becauseOf[notify.State(s)], r) {
					t.Errorf("%s: there are words for %q because of %q, which is not listed", name, s, r)
				}
			}
		}
		for _, r := range reasons {
			if r != "" && w.reasons[notify.Reason(r)] == "" {
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
		for c := notify.ClassUnknown; c.String() != "invalid"; c++ {
			if w.classes[c.String()] == "" {
				t.Errorf("%s: class %s has no words", name, c)
			}
		}
		for _, f := range constants(t, "protocol.go", "PermitFate") {
			if w.settled[f] == "" {
				t.Errorf("%s: permit %s has no words", name, f)
			}
		}
		for _, k := range constants(t, "timeline.go", "StepKind") {
			text := x.step(notify.Step{Kind: notify.StepKind(k), State: notify.StateRead})
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
