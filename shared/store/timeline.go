package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A timeline is a list of entries, newest first. What happens to somebody while a message waits is
// one story, and is written down as one entry when something of it ends; until then it stays with
// what waits, in a field of the recipient. So a message costs the list one entry, in which each id
// stands once.
const (
	// timelineKept is how many entries of a recipient are kept at least, for timelineFor.
	timelineKept = 60
	timelineFor  = 7 * dayLong
	// mostOpen is how many steps wait for an end.
	mostOpen = 12
)

// An timelineDoc is steps, oldest first, as they are kept.
type timelineDoc struct {
	At       int64           `json:"t"` // of the first step, ms
	Messages []fact.Identity `json:"m,omitempty"`
	Cards    []card.ID       `json:"c,omitempty"`
	Steps    []stepDoc       `json:"s"`
}

// A stepDoc is a step of an entry: [kind, ms since the step before, card, [message, ...], state, reason,
// detail, ms until, left, keep], without what is empty at its end. Cards and messages are those of the entry,
// counted from 1.
type stepDoc struct {
	kind                  notify.StepKind
	since                 int64
	card                  int
	messages              []int
	state, reason, detail string
	until                 int64
	left, keep            int
}

// kinds are the letters of kinds of steps. One that has none is written as it is.
var kinds = map[notify.StepKind]notify.StepKind{
	notify.StepAccepted: "a", notify.StepLeft: "l", notify.StepReturned: "r", notify.StepAsked: "q", notify.StepPutOff: "w",
	notify.StepBegun: "b", notify.StepReserved: "p", notify.StepSent: "s", notify.StepSettled: "t", notify.StepFinal: "f",
}

// MarshalJSON implements json.Marshaler.
func (d stepDoc) MarshalJSON() ([]byte, error) {
	parts := []any{d.kind, d.since, d.card, d.messages, d.state, d.reason, d.detail, d.until, d.left, d.keep}
	for len(parts) > 1 && reflect.ValueOf(parts[len(parts)-1]).IsZero() {
		parts = parts[:len(parts)-1]
	}
	if len(parts) > 3 && d.messages == nil {
		parts[3] = []int{}
	}
	return json.Marshal(parts)
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *stepDoc) UnmarshalJSON(b []byte) error {
	into := []any{&d.kind, &d.since, &d.card, &d.messages, &d.state, &d.reason, &d.detail, &d.until, &d.left, &d.keep}
	most := len(into)
	if err := json.Unmarshal(b, &into); err != nil {
		return err
	}
	if len(into) > most || d.kind == "" {
		return errShape
	}
	return nil
}

// encodeSteps returns steps as one entry; "" if there are none.
func encodeSteps(steps []notify.Step) string {
	if len(steps) == 0 {
		return ""
	}
	e := timelineDoc{At: steps[0].At.UnixMilli()}
	before := e.At
	for _, s := range steps {
		d := stepDoc{kind: s.Kind, since: s.At.UnixMilli() - before, state: string(s.State), reason: string(s.Reason), detail: s.Detail,
			until: unixMilli(s.Until), left: s.Left, keep: s.Keep}
		before = s.At.UnixMilli()
		if letter, known := kinds[s.Kind]; known {
			d.kind = letter
		}
		if s.Card != "" {
			e.Cards, d.card = numbered(e.Cards, s.Card)
		}
		for _, id := range s.Messages {
			var n int
			e.Messages, n = numbered(e.Messages, id)
			d.messages = append(d.messages, n)
		}
		e.Steps = append(e.Steps, d)
	}
	return encoded(e)
}

// numbered returns list with e in it, and the number of e, counted from 1.
func numbered[E comparable](list []E, e E) ([]E, int) {
	if i := slices.Index(list, e); i >= 0 {
		return list, i + 1
	}
	return append(list, e), len(list) + 1
}

// decodeSteps reads an entry.
func decodeSteps(entry string) ([]notify.Step, error) {
	if entry == "" {
		return nil, nil
	}
	var e timelineDoc
	if err := json.Unmarshal([]byte(entry), &e); err != nil || len(e.Steps) == 0 {
		return decodeSchema2Step(entry) // its c and s are words
	}
	steps, at := make([]notify.Step, len(e.Steps)), e.At
	for i, d := range e.Steps {
		at += d.since
		s := notify.Step{At: millisOf(at), Kind: d.kind, State: fact.State(d.state), Reason: fact.Reason(d.reason), Detail: d.detail,
			Until: timeOf(d.until), Left: d.left, Keep: d.keep}
		for kind, letter := range kinds {
			if letter == d.kind {
				s.Kind = kind
			}
		}
		if d.card < 0 || d.card > len(e.Cards) {
			return nil, errShape
		}
		if d.card > 0 {
			s.Card = e.Cards[d.card-1]
		}
		for _, n := range d.messages {
			if n < 1 || n > len(e.Messages) {
				return nil, errShape
			}
			s.Messages = append(s.Messages, e.Messages[n-1])
		}
		steps[i] = s
	}
	return steps, nil
}

// decodeSchema2Step reads an entry of schema 2, which was one step. The last of them are gone a week
// after the store was taken over.
func decodeSchema2Step(entry string) ([]notify.Step, error) {
	var d struct {
		At       int64           `json:"t"`
		Kind     notify.StepKind `json:"k"`
		Card     card.ID         `json:"c"`
		Messages []fact.Identity `json:"m"`
		State    fact.State      `json:"s"`
		Reason   fact.Reason     `json:"r"`
		Detail   string          `json:"d"`
		Until    int64           `json:"u"`
		Left     int             `json:"l"`
		Keep     int             `json:"p"`
	}
	if err := json.Unmarshal([]byte(entry), &d); err != nil {
		return nil, err
	}
	if d.Kind == "" {
		return nil, errShape
	}
	return []notify.Step{{At: millisOf(d.At), Kind: d.Kind, Card: d.Card, Messages: d.Messages, State: d.State, Reason: d.Reason,
		Detail: d.Detail, Until: timeOf(d.Until), Left: d.Left, Keep: d.Keep}}, nil
}

// timelineChange adds steps to those that wait for an end. It returns what stays so, and what adds to the
// timeline what does not. What cannot be read goes there as it is. The life of a timeline is renewed when
// nothing waits any more; that, and the trimming, else one time in four, since each costs as much as
// adding. next is as good as a die.
func (v visiting) timelineChange(b *notify.Mailbox, next string) (open string, out []command) {
	var entries []any
	before := v.field(fieldSteps)
	steps, err := decodeSteps(before)
	if err != nil {
		entries = append(entries, before)
	}
	steps = append(steps, b.Steps...)
	ended := slices.ContainsFunc(b.Steps, func(s notify.Step) bool { return s.Kind == notify.StepFinal })
	if b.Waits() && !ended && len(steps) <= mostOpen {
		open = encodeSteps(steps)
	} else if len(steps) > 0 {
		entries = append(entries, encodeSteps(steps))
	}
	if len(entries) == 0 {
		return open, nil
	}
	key, sometimes := v.timeline(v.user), next < "I"
	out = append(out, do("LPUSH", key, entries...))
	if sometimes || !b.Waits() {
		out = append(out, do("PEXPIRE", key, timelineFor.Milliseconds()))
	}
	if sometimes {
		out = append(out, do("LTRIM", key, 0, timelineKept-1))
	}
	return open, out
}

// Timeline returns what happened to user's notices, oldest first: what waits, and the last 60 entries of
// the last 7 days.
func (s *Store) Timeline(ctx context.Context, user fact.UserID) ([]notify.Step, error) {
	reply, err := s.evalOne(ctx, s.lookAtTimeline(user))
	if err != nil {
		return nil, err
	}
	return timelineIn(reply)
}

func (s *Store) lookAtTimeline(user fact.UserID) eval {
	k := s.keysOf(string(user))
	return evalOf(scriptLook, nil, []any{s.clock()}, []command{
		do("LRANGE", k.timeline(user), 0, timelineKept-1), do("HGET", k.recipient(user), fieldSteps)})
}

// timelineIn reads the reply to lookAtTimeline.
func timelineIn(reply any) ([]notify.Step, error) {
	found, _ := reply.([]any)
	if len(found) != 3 {
		return nil, errReply
	}
	entries := append([]string{text(found[2])}, texts(found[1])...)
	var steps []notify.Step
	for _, e := range slices.Backward(entries) {
		some, err := decodeSteps(e)
		if err != nil {
			return nil, fmt.Errorf("store: Timeline: %w", err)
		}
		steps = append(steps, some...)
	}
	// A run's steps arrive together, after what others noted meanwhile.
	slices.SortStableFunc(steps, func(a, b notify.Step) int {
		switch {
		case a.Before(b):
			return -1
		case b.Before(a):
			return 1
		}
		return 0
	})
	return steps, nil
}
