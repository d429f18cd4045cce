package explain

import (
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// explainWords are the texts of one language. {a} and {b} are filled in.
type explainWords struct {
	states  map[fact.State]stateWords
	reasons map[fact.Reason]string // half a sentence; of anybody, so that it fits everywhere

	// Sentences for the user.
	accepted      string // waits for the first look
	sending       string
	awaitsReport  string
	notYet        string // a: why
	notYetUntil   string // b: when it is looked at again
	notSent       string // of a card; a: why
	carries       string // a: how many messages, b: sentence
	onRecord      string // a: how many messages, b: what became of them
	noMessages    string
	noSteps       string
	noSuchMessage string
	noSuchCard    string
	over          string // ended in a state of a newer version

	// Sentences of steps, and the words in them.
	steps       map[notify.StepKind]string
	asked       map[string]string // by what IM said; "" is for what is not known
	classes     map[string]string // by class of error, likewise
	sent        string            // without an error
	settled     map[string]string // by the permit's fate, likewise
	putOff      string            // a: why
	putOffUntil string            // b: until when
	later       string            // why, if nobody said
	ends        string            // a: the state
	other       string            // a: a kind of step of a newer version
	messages    string            // a: how many
	permits     string            // a: how many are left, b: how many of them are kept
	waits       string            // instead of a state
	count       string            // a: how many, b: the state
	comma       string            // between counts
	stop        string            // at the end of a sentence
	bracket     string            // a: an addition
	clock       string            // layout of a time today or in the last days
}

// stateWords are what there is to say of an end.
type stateWords struct {
	label    string                 // a word or two
	sentence string                 // for the user; a: when
	because  map[fact.Reason]string // sentences for reasons that say more
}

func explainWordsFor(lang string) explainWords {
	if strings.HasPrefix(strings.ToLower(lang), "en") {
		return explainEnglish()
	}
	return explainChinese()
}

func (x explainer) reason(r fact.Reason) string {
	if text, ok := x.words.reasons[r]; ok {
		return text
	}
	return string(r) // of a newer version
}

func (x explainer) label(s fact.State) string {
	if s == "" {
		return x.words.waits
	}
	if w, ok := x.words.states[s]; ok {
		return w.label
	}
	return string(s) // of a newer version
}

// because adds to a sentence, in brackets, what is not empty.
func (x explainer) because(sentence, addition string) string {
	if addition == "" {
		return sentence
	}
	return strings.TrimSuffix(sentence, x.words.stop) + fill(x.words.bracket, addition) + x.words.stop
}

func (x explainer) join(parts []string) string { return strings.Join(parts, x.words.comma) }

func (x explainer) moment(t time.Time) string { return t.In(x.zone).Format(x.words.clock) }

func number(n int) string { return strconv.Itoa(n) }

// fill puts values into the slots {a} and {b} of a text. A text need not have them all.
func fill(text string, values ...string) string {
	var pairs []string
	for i, v := range values {
		pairs = append(pairs, "{"+string(rune('a'+i))+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
