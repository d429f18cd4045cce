package explain

import (
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// steps puts each step into one sentence.
func (x explainer) steps(steps []notify.Step) []ExplainedStep {
	out := make([]ExplainedStep, len(steps))
	for i, s := range steps {
		out[i] = ExplainedStep{At: s.At.In(x.zone), Kind: s.Kind, Text: x.step(s), Card: s.Card, Messages: fact.MessageIDs(s.Messages)}
	}
	return out
}

func (x explainer) step(s notify.Step) string {
	w := x.words
	switch s.Kind {
	case notify.StepPutOff:
		return x.putOff(s)
	case notify.StepAsked:
		return x.known(w.asked, s.Detail)
	case notify.StepSent:
		if s.Detail == "" {
			return w.sent
		}
		return x.known(w.classes, s.Detail)
	case notify.StepSettled:
		return x.known(w.settled, s.Detail)
	case notify.StepFinal:
		text := fill(w.ends, x.label(s.State))
		if s.Reason != fact.ReasonNone {
			text = x.because(text, x.reason(s.Reason))
		}
		return x.because(text, s.Detail)
	}
	text, ok := w.steps[s.Kind]
	if !ok { // of a newer version
		text = fill(w.other, string(s.Kind))
	}
	if len(s.Messages) > 1 {
		text = x.because(text, fill(w.messages, number(len(s.Messages))))
	}
	if s.Reason != fact.ReasonNone {
		text = x.because(text, x.reason(s.Reason))
	}
	return x.because(text, s.Detail)
}

func (x explainer) putOff(s notify.Step) string {
	why := x.reason(s.Reason)
	if s.Reason == fact.ReasonNone {
		why = x.words.later
	}
	text := fill(x.words.putOff, why)
	if !s.Until.IsZero() {
		text = fill(x.words.putOffUntil, why, x.moment(s.Until))
	}
	if s.Reason == fact.ReasonKept {
		text = x.because(text, fill(x.words.permits, number(s.Left), number(s.Keep)))
	}
	return text
}

// known returns the text for a word, or one that shows a word that it does not know.
func (x explainer) known(texts map[string]string, word string) string {
	if text, ok := texts[word]; ok {
		return text
	}
	return x.because(texts[""], word)
}
