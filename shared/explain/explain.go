// Package explain makes sentences of a timeline: what became of a message, a card or a user, and why.
// There is one catalogue of words for each language.
package explain

import (
	"cmp"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A Subject is what an Explanation is about: a message or a card of User or, with
// neither, all that is on record of User. IdentitiesOf returns the messages of an id.
type Subject struct {
	User    fact.UserID
	Message fact.Identity
	Card    card.ID
	// Unbound: User is known to be bound to no openid. It explains an empty timeline.
	Unbound bool
}

// An Explanation is a timeline in words.
type Explanation struct {
	User    fact.UserID    `json:"user"`
	Message fact.MessageID `json:"message,omitempty"`
	Card    card.ID        `json:"card,omitempty"`
	// State and Reason are those of the end; empty if there is none yet, if nothing is
	// known, and for all of a user.
	State  fact.State  `json:"state"`
	Reason fact.Reason `json:"reason"`
	// Sentence says it in one sentence, for a support person to read to the user.
	Sentence string `json:"sentence"`
	// Messages are those of a card, or of a user, in the order in which they came up.
	Messages []MessageEnd `json:"messages,omitempty"`
	// Steps are oldest first, and empty if nothing is known.
	Steps []ExplainedStep `json:"steps"`
}

// A MessageEnd is how a message ended; State is empty if it has not.
type MessageEnd struct {
	Message fact.MessageID `json:"message"`
	State   fact.State     `json:"state"`
	Reason  fact.Reason    `json:"reason"`
}

// An ExplainedStep is one step in one short sentence.
type ExplainedStep struct {
	At       time.Time        `json:"at"`
	Kind     notify.StepKind  `json:"kind"`
	Text     string           `json:"text"`
	Card     card.ID          `json:"card,omitempty"`
	Messages []fact.MessageID `json:"messages,omitempty"`
}

// Explain puts the timeline of about.User into words: English if lang begins with
// "en", else Chinese. Times are told in zone; nil is that of Beijing.
func Explain(steps []notify.Step, about Subject, lang string, zone *time.Location) Explanation {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b notify.Step) int { return a.At.Compare(b.At) })
	x := explainer{explainWordsFor(lang), cmp.Or(zone, fact.Beijing)}
	e := Explanation{User: about.User, Message: about.Message.ID(), Card: about.Card}
	switch {
	case about.Message != "":
		x.message(&e, follow(steps, about.Message))
	case about.Card != "":
		x.card(&e, steps)
	default:
		x.user(&e, steps)
	}
	if len(e.Steps) == 0 {
		e.Sentence = x.nothing(about)
	}
	if len(e.Steps) == 0 && about.Unbound {
		e.State, e.Sentence = fact.StateNotBound, x.ended(notify.Step{State: fact.StateNotBound})
	}
	return e
}

// Label names a state in a word or two: in English if lang begins with "en", else in Chinese. One of a newer version is its own
// name.
func Label(s fact.State, lang string) string { return explainer{words: explainWordsFor(lang)}.label(s) }

// Because says a reason in half a sentence, likewise.
func Because(r fact.Reason, lang string) string {
	return explainer{words: explainWordsFor(lang)}.reason(r)
}

// An explainer speaks one language in one zone.
type explainer struct {
	words explainWords
	zone  *time.Location
}

func (x explainer) message(e *Explanation, t thread) {
	e.Steps = x.steps(t.steps)
	if t.end.State == "" {
		e.Sentence = x.waiting(t.last, t.open)
		return
	}
	e.State, e.Reason = t.end.State, t.end.Reason
	if t.end.State == fact.StateExpired && t.end.Reason == fact.ReasonNone {
		t.end.Reason = t.putOff // what kept it until it was too old
	}
	e.Sentence = x.ended(t.end)
}

// card tells of the steps that bear the card's name. Its end is that of the messages
// that ended on it last.
func (x explainer) card(e *Explanation, steps []notify.Step) {
	steps = slices.DeleteFunc(steps, func(s notify.Step) bool { return s.Card != e.Card })
	e.Steps = x.steps(steps)
	var end, last notify.Step
	r, open := newRoll(steps), false
	for _, s := range steps {
		r.note(s)
		last, open = s, leavesOpen(s, open)
		if s.Kind == notify.StepFinal {
			end = s
		}
	}
	e.Messages = r.ends
	switch {
	case end.State != "":
		e.State, e.Reason, e.Sentence = end.State, end.Reason, x.ended(end)
	case last.Kind == notify.StepPutOff:
		e.Sentence = fill(x.words.notSent, x.reason(last.Reason))
	default:
		e.Sentence = x.waiting(last, open)
	}
	if n := len(e.Messages); n > 1 {
		e.Sentence = fill(x.words.carries, number(n), e.Sentence)
	}
}

// user tells of all messages together.
func (x explainer) user(e *Explanation, steps []notify.Step) {
	r := newRoll(steps)
	var waits notify.Step
	for _, s := range steps {
		if r.note(s); s.Kind == notify.StepAccepted || s.Kind == notify.StepPutOff {
			waits = s
		}
	}
	e.Messages, e.Steps = r.ends, x.steps(steps)
	if len(r.ends) == 0 {
		e.Sentence = x.words.noMessages
		return
	}
	e.Sentence = fill(x.words.onRecord, number(len(r.ends)), x.tally(r.ends, waits))
}

// tally counts ends by state: 2 read, 1 waits.
func (x explainer) tally(ends []MessageEnd, waits notify.Step) string {
	var states []fact.State
	counts := map[fact.State]int{}
	for _, m := range ends {
		if counts[m.State]++; counts[m.State] == 1 {
			states = append(states, m.State)
		}
	}
	var parts []string
	for _, s := range states {
		label := x.label(s)
		if s == "" && waits.Kind == notify.StepPutOff {
			label += fill(x.words.bracket, x.reason(waits.Reason))
		}
		parts = append(parts, fill(x.words.count, number(counts[s]), label))
	}
	return x.join(parts)
}

// ended tells of an end.
func (x explainer) ended(end notify.Step) string {
	at := x.moment(end.At)
	w, ok := x.words.states[end.State]
	if !ok { // of a newer version
		return x.because(x.words.over, string(end.State))
	}
	if text, ok := w.because[end.Reason]; ok {
		return fill(text, at)
	}
	if end.Reason != fact.ReasonNone {
		return x.because(fill(w.sentence, at), x.reason(end.Reason))
	}
	return fill(w.sentence, at)
}

// waiting tells what is waited for after the step s. open: WeChat has not answered.
func (x explainer) waiting(s notify.Step, open bool) string {
	switch {
	case open:
		return x.words.awaitsReport
	case s.Kind == notify.StepAccepted:
		return x.words.accepted
	case s.Kind != notify.StepPutOff:
		return x.words.sending
	}
	if !s.Until.IsZero() {
		return fill(x.words.notYetUntil, x.reason(s.Reason), x.moment(s.Until))
	}
	return fill(x.words.notYet, x.reason(s.Reason))
}

// nothing says why nothing may be known.
func (x explainer) nothing(about Subject) string {
	switch {
	case about.Message != "":
		return x.words.noSuchMessage
	case about.Card != "":
		return x.words.noSuchCard
	}
	return x.words.noSteps
}
