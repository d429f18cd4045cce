package notify

import (
	"encoding/json"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// A StepKind is one kind of entry in a timeline.
type StepKind string

// The kinds of steps, in the order in which a notice usually meets them.
const (
	StepAccepted StepKind = "accepted" // a notice waits
	StepLeft     StepKind = "left"     // IM reported that the recipient went away
	StepReturned StepKind = "returned" // IM reported that they came back
	StepAsked    StepKind = "asked"    // IM was asked whether they are there
	StepPutOff   StepKind = "put off"  // looked at, not yet time
	StepBegun    StepKind = "begun"    // a card was begun
	StepReserved StepKind = "reserved" // a permit was reserved for it
	StepSent     StepKind = "sent"     // WeChat answered, or did not
	StepSettled  StepKind = "settled"  // the permit's fate was written down
	StepFinal    StepKind = "final"    // messages reached a final state
)

// A Step is one entry of a recipient's timeline: what happened, when, and why. It
// holds no message text.
type Step struct {
	At       time.Time
	Kind     StepKind
	Card     card.ID         // the card it is about, if any
	Messages []fact.Identity // the messages it is about, if not all that wait
	State    fact.State      // of a StepFinal
	Reason   fact.Reason
	// Detail is one word: of a StepAsked a Status, of a StepSent the Class of the error, if there was
	// one, of a StepSettled a PermitFate, of what failed in IM its code.
	Detail string
	Until  time.Time // of a StepPutOff: when it is looked at again
	// Left and Keep say of what is put off for ReasonKept how many permits are left, and how many of
	// them are kept.
	Left, Keep int
}

// stepOrder is the order in which a notice meets steps of one look, put off after all
// that was tried.
var stepOrder = []StepKind{StepAccepted, StepLeft, StepReturned, StepAsked, StepBegun, StepReserved, StepSent, StepSettled, StepPutOff, StepFinal}

// Before reports whether s belongs before o in a timeline. Within a millisecond steps
// come in the order in which they follow from one another.
func (s Step) Before(o Step) bool {
	if !s.At.Equal(o.At) {
		return s.At.Before(o.At)
	}
	return slices.Index(stepOrder, s.Kind) < slices.Index(stepOrder, o.Kind)
}

// stepJSON is the stored form: short keys, because a timeline holds many.
type stepJSON struct {
	At       int64           `json:"t"` // ms
	Kind     StepKind        `json:"k"`
	Card     card.ID         `json:"c,omitempty"`
	Messages []fact.Identity `json:"m,omitempty"`
	State    fact.State      `json:"s,omitempty"`
	Reason   fact.Reason     `json:"r,omitempty"`
	Detail   string          `json:"d,omitempty"`
	Until    int64           `json:"u,omitempty"` // ms
	Left     int             `json:"l,omitempty"`
	Keep     int             `json:"p,omitempty"`
}

// MarshalJSON writes the compact form in which stores keep steps.
func (s Step) MarshalJSON() ([]byte, error) {
	j := stepJSON{s.At.UnixMilli(), s.Kind, s.Card, s.Messages, s.State, s.Reason, s.Detail, 0, s.Left, s.Keep}
	if !s.Until.IsZero() {
		j.Until = s.Until.UnixMilli()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Step) UnmarshalJSON(b []byte) error {
	var j stepJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*s = Step{time.UnixMilli(j.At).UTC(), j.Kind, j.Card, j.Messages, j.State, j.Reason, j.Detail, time.Time{}, j.Left, j.Keep}
	if j.Until != 0 {
		s.Until = time.UnixMilli(j.Until).UTC()
	}
	return nil
}

// IdentitiesOf returns the Identities that have the id and are named in steps, each once.
func IdentitiesOf(steps []Step, id fact.MessageID) []fact.Identity {
	var out []fact.Identity
	for _, s := range steps {
		for _, i := range s.Messages {
			if i.ID() == id && !slices.Contains(out, i) {
				out = append(out, i)
			}
		}
	}
	return out
}
