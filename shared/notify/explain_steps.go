package notify

import (
	"fmt"
	"strings"
	"time"
)

// steps puts each step into one sentence.
func (x explainer) steps(steps []Step) []ExplainedStep {
	out := make([]ExplainedStep, len(steps))
	for i, s := range steps {
		out[i] = ExplainedStep{At: s.At.In(x.zone), Kind: s.Kind, Text: x.step(s), Card: s.Card, Messages: MessageIDs(s.Messages)}
	}
	return out
}

func (x explainer) step(s Step) string {
	w := x.words
	switch s.Kind {
	case StepPutOff:
		return x.putOff(s)
	case StepAsked:
		return x.known(w.asked, s.Detail)
	case StepSent:
		if s.Detail == "" {
			return w.sent
		}
		return x.known(w.classes, s.Detail)
	case StepSettled:
		return x.known(w.settled, s.Detail)
	case StepFinal:
		text := fill(w.ends, x.label(s.State))
		if s.Reason != ReasonNone {
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
	if s.Reason != ReasonNone {
		text = x.because(text, x.reason(s.Reason))
	}
	return x.because(text, s.Detail)
}

// permitsDetail says beside ReasonKept how many permits are left, and how many of them are
// kept.
const permitsDetail = "%d left, %d kept"

func (x explainer) putOff(s Step) string {
	why := x.reason(s.Reason)
	if s.Reason == ReasonNone {
		why = x.words.later
	}
	until, rest, ok := s.until()
	var left, kept int
	if n, _ := fmt.Sscanf(rest, permitsDetail, &left, &kept); n == 2 {
		rest = fill(x.words.permits, number(left), number(kept))
	}
	if !ok {
		return x.because(fill(x.words.putOff, why), rest)
	}
	return x.because(fill(x.words.putOffUntil, why, x.moment(until)), rest)
}

// known returns the text for a word, with what follows it, or one that shows it as it is.
func (x explainer) known(texts map[string]string, detail string) string {
	word, rest := firstWord(detail)
	if text, ok := texts[word]; ok {
		return x.because(text, rest)
	}
	return x.because(texts[""], detail)
}

func firstWord(detail string) (word, rest string) {
	word, rest, _ = strings.Cut(detail, " ")
	return strings.TrimRight(word, ":,"), rest
}

// until takes from the detail of a StepPutOff when its messages are looked at again:
// "until 15:04:05", by the clock of Beijing and within a day, or with a date. More may
// follow.
func (s Step) until() (at time.Time, rest string, ok bool) {
	text, found := strings.CutPrefix(s.Detail, "until ")
	if !found {
		return time.Time{}, s.Detail, false
	}
	for _, layout := range []string{time.DateTime, time.TimeOnly} {
		n := min(len(layout), len(text))
		t, err := time.ParseInLocation(layout, text[:n], beijing)
		if err != nil {
			continue
		}
		if layout == time.TimeOnly {
			t = nextClock(s.At, t)
		}
		return t, strings.Trim(text[n:], " ,;()"), true
	}
	return time.Time{}, s.Detail, false
}

// nextClock returns when a clock in Beijing next shows the time of day of t, after at.
func nextClock(at, t time.Time) time.Time {
	y, m, d := at.In(beijing).Date()
	next := time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, beijing)
	if next.Before(at.Truncate(time.Second)) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}
