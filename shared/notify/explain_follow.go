package notify

import "slices"

// A thread is what a timeline says of one message.
type thread struct {
	steps  []Step
	end    Step   // the last final; without a State if the message waits
	last   Step   // that says what is waited for
	putOff Reason // of the last look at it
	open   bool   // a card was sent, and WeChat has not answered
}

// follow picks the steps about a message: those that name it or its cards, and those
// that name no message from its acceptance to its end.
//
// Of two ends the later holds: WeChat's report may correct an end. What is accepted
// after its end waits again.
func follow(steps []Step, id Identity) thread {
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
		case s.Kind == StepFinal:
			waits = false
		case s.Kind == StepAccepted && named:
			waits, t.end, t.open = true, Step{}, false
		}
	}
	return t
}

// cargo returns which messages each card carried, as far as steps name them.
func cargo(steps []Step) map[CardID][]Identity {
	on := map[CardID][]Identity{}
	for _, s := range steps {
		if s.Card != "" && len(s.Messages) > 0 {
			on[s.Card] = append(on[s.Card], s.Messages...)
		}
	}
	return on
}

func (t *thread) add(s Step) {
	t.steps = append(t.steps, s)
	t.open = s.leavesOpen(t.open)
	switch s.Kind {
	case StepFinal:
		t.end = s
	case StepPutOff:
		t.last, t.putOff = s, s.Reason
	case StepAccepted, StepBegun, StepReserved, StepSent:
		t.last = s
	}
}

// leavesOpen reports whether it is not known after s what became of a card.
func (s Step) leavesOpen(before bool) bool {
	switch s.Kind {
	case StepSent:
		return s.Detail == ClassUnknown.String()
	case StepFinal, StepPutOff:
		return false
	}
	return before
}

// A roll keeps how messages stand.
type roll struct {
	ends   []MessageEnd // in the order in which they came up
	ids    []Identity   // of the same
	index  map[Identity]int
	aboard map[CardID][]Identity
}

func newRoll(steps []Step) *roll {
	return &roll{index: map[Identity]int{}, aboard: cargo(steps)}
}

// note takes a step in.
func (r *roll) note(s Step) {
	for _, id := range r.about(s) {
		i, ok := r.index[id]
		if !ok {
			i = len(r.ends)
			r.index[id], r.ends = i, append(r.ends, MessageEnd{Message: id.ID()})
			r.ids = append(r.ids, id)
		}
		switch s.Kind {
		case StepFinal:
			r.ends[i].State, r.ends[i].Reason = s.State, s.Reason
		case StepAccepted:
			r.ends[i].State, r.ends[i].Reason = "", ReasonNone
		}
	}
}

// about returns the messages that s is about: those that it names, else those of its card;
// of an end without either, all that wait.
func (r *roll) about(s Step) []Identity {
	switch {
	case len(s.Messages) > 0:
		return s.Messages
	case s.Card != "":
		return r.aboard[s.Card]
	case s.Kind != StepFinal:
		return nil
	}
	var waiting []Identity
	for i, m := range r.ends {
		if m.State == "" {
			waiting = append(waiting, r.ids[i])
		}
	}
	return waiting
}
