package explain

import (
	"slices"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A thread is what a timeline says of one message.
type thread struct {
	steps  []notify.Step
	end    notify.Step // the last final; without a State if the message waits
	last   notify.Step // that says what is waited for
	putOff fact.Reason // of the last look at it
	open   bool        // a card was sent, and WeChat has not answered
}

// follow picks the steps about a message: those that name it or its cards, and those
// that name no message from its acceptance to its end.
//
// Of two ends the later holds: WeChat's report may correct an end. What is accepted
// after its end waits again.
func follow(steps []notify.Step, id fact.Identity) thread {
	var t thread
	waits := false
	aboard := cargo(steps)
	for _, s := range steps {
		named := slices.Contains(s.Messages, id)
		on, known := aboard[s.Card]
		switch {
		case named:
		case len(s.Messages) > 0:
			continue
		case s.Card != "" && known:
			if !slices.Contains(on, id) {
				continue
			}
		case !waits:
			continue
		}
		t.add(s)
		switch {
		case s.Kind == notify.StepFinal:
			waits = false
		case s.Kind == notify.StepAccepted && named:
			waits, t.end, t.open = true, notify.Step{}, false
		}
	}
	return t
}

// cargo returns which messages each card carried, as far as steps name them.
func cargo(steps []notify.Step) map[card.ID][]fact.Identity {
	on := map[card.ID][]fact.Identity{}
	for _, s := range steps {
		if s.Card != "" && len(s.Messages) > 0 {
			on[s.Card] = append(on[s.Card], s.Messages...)
		}
	}
	return on
}

func (t *thread) add(s notify.Step) {
	t.steps = append(t.steps, s)
	t.open = leavesOpen(s, t.open)
	switch s.Kind {
	case notify.StepFinal:
		t.end = s
	case notify.StepPutOff:
		t.last, t.putOff = s, s.Reason
	case notify.StepAccepted, notify.StepBegun, notify.StepReserved, notify.StepSent:
		t.last = s
	}
}

// leavesOpen reports whether it is not known after s what became of a card.
func leavesOpen(s notify.Step, before bool) bool {
	switch s.Kind {
	case notify.StepSent:
		return s.Detail == card.ClassUnknown.String()
	case notify.StepFinal, notify.StepPutOff:
		return false
	}
	return before
}

// A roll keeps how messages stand.
type roll struct {
	ends   []MessageEnd    // in the order in which they came up
	ids    []fact.Identity // of the same
	index  map[fact.Identity]int
	aboard map[card.ID][]fact.Identity
}

func newRoll(steps []notify.Step) *roll {
	return &roll{index: map[fact.Identity]int{}, aboard: cargo(steps)}
}

// note takes a step in.
func (r *roll) note(s notify.Step) {
	for _, id := range r.about(s) {
		i, ok := r.index[id]
		if !ok {
			i = len(r.ends)
			r.index[id], r.ends = i, append(r.ends, MessageEnd{Message: id.ID()})
			r.ids = append(r.ids, id)
		}
		switch s.Kind {
		case notify.StepFinal:
			r.ends[i].State, r.ends[i].Reason = s.State, s.Reason
		case notify.StepAccepted:
			r.ends[i].State, r.ends[i].Reason = "", fact.ReasonNone
		}
	}
}

// about returns the messages that s is about: those that it names, else those of its card;
// of an end without either, all that wait.
func (r *roll) about(s notify.Step) []fact.Identity {
	switch {
	case len(s.Messages) > 0:
		return s.Messages
	case s.Card != "":
		return r.aboard[s.Card]
	case s.Kind != notify.StepFinal:
		return nil
	}
	var waiting []fact.Identity
	for i, m := range r.ends {
		if m.State == "" {
			waiting = append(waiting, r.ids[i])
		}
	}
	return waiting
}
