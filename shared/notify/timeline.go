package notify

import (
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
	// one, of a StepSettled a permit.Fate, of what failed in IM its code.
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
