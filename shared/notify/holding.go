package notify

import (
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// Claim gives what waits in a queue to the run whose word is lease, and returns what the run has to know.
// until is the score that take wrote to hide the recipient. If the queue has another for them by now,
// somebody has scheduled them anew, and this claim is void. It returns nil then, if nothing waits,
// and if another run holds it. A recipient who lost the binding is handed out too, because a card may
// still be open.
func (b *Mailbox) Claim(queue card.Queue, lease string, until time.Time) *Recipient {
	w := b.queue(queue)
	switch {
	case w.Lease == lease: // asked again
		return b.claimed(queue)
	case len(w.Notices) == 0 || w.leased(b.Now) || !w.Due.Equal(until):
		return nil
	}
	w.Lease, w.LeaseEnd, w.Wish = lease, until, time.Time{}
	w.Due = until
	if w.Card.ID == "" { // with an open card it still matters whether they were seen since that was begun
		w.SeenSince = false
	}
	return b.claimed(queue)
}

// claimed returns what a run that holds a queue is to know.
func (b *Mailbox) claimed(queue card.Queue) *Recipient {
	w := b.queue(queue)
	rec := &Recipient{User: b.User, Queue: queue, OpenID: b.OpenID, Known: b.Known, Quiet: b.Prefers.QuietHours,
		Absence: b.Absence, Carried: w.Carried, Lease: w.Lease}
	for i := range w.Notices {
		rec.Notices = append(rec.Notices, w.Notices[i].Notice)
	}
	if w.Card.ID != "" {
		open := w.Card
		open.Messages = w.on(open.ID)
		rec.Open = &open
	}
	return rec
}

// on returns the messages that a card carries, oldest first.
func (w *Waiting) on(id card.ID) (messages []fact.Identity) {
	for i := range w.Notices {
		if w.Notices[i].Card == id {
			messages = append(messages, w.Notices[i].ID)
		}
	}
	return messages
}

// Begin moves what still waits of a Begin's messages into its card, and returns that; nothing if the
// lease is lost or nothing is left. Asked again, it leaves out what has ended since.
func (b *Mailbox) Begin(q Begin) (carried []fact.Identity) {
	w := b.queue(q.Queue)
	if w.Lease != q.Lease || w.Lease == "" || w.Card.ID != "" && w.Card.ID != q.Card {
		return nil
	}
	if w.Card.ID != "" {
		for i := range w.Notices {
			if n := &w.Notices[i]; n.Card == q.Card && n.Ends == nil {
				carried = append(carried, n.ID)
			}
		}
		return carried
	}
	for i := range w.Notices {
		if n := &w.Notices[i]; slices.Contains(q.Messages, n.ID) {
			n.Card = q.Card
			carried = append(carried, n.ID)
		}
	}
	if len(carried) == 0 {
		return nil
	}
	w.Card = permit.OpenCard{ID: q.Card, OpenID: b.OpenID, Template: q.Template}
	b.note(Step{At: q.At, Kind: StepBegun, Card: q.Card, Messages: carried})
	return carried
}

// Finish writes down what became of a claimed recipient and lets go of them. It returns the ends
// that came about; nothing happens if the lease is lost.
func (b *Mailbox) Finish(rules Rules, f Finish) []Ended {
	w := b.queue(f.Queue)
	if w.Lease != f.Lease || w.Lease == "" || f.Card != "" && w.Card.ID != "" && w.Card.ID != f.Card {
		return nil
	}
	for _, s := range f.Steps {
		b.note(s)
	}
	settled := w.settle(b, rules, f)
	if f.Dead != nil && len(settled.dead) > 0 {
		b.addLetter(*f.Dead, settled.dead)
	}
	if f.Absence != "" && !w.SeenSince && b.Bound() {
		b.goesOn(f.Absence)
	}
	w.letGo(b.Now, f)
	b.Now = fact.Later(b.Now, lastOf(f.Steps)) // the ends come after the steps, whatever the clock of the run
	for _, n := range settled.unanswered {
		if b.Bound() {
			b.goesOnAsMissed(rules, n)
		} else {
			settled.end(NoticeEnd{State: fact.StateUnbound}, n.ID)
		}
	}
	var out []Ended
	for _, e := range settled.ends {
		if len(e.Messages) > 0 {
			b.end(Step{State: e.State, Reason: e.Reason, Card: f.Card}, e.Messages...)
			out = append(out, Ended{e.State, e.Reason, len(e.Messages)})
		}
	}
	return out
}

func lastOf(steps []Step) (at time.Time) {
	if len(steps) > 0 {
		at = steps[len(steps)-1].At
	}
	return at
}

// A settlement is what a Finish makes of what waits.
type settlement struct {
	ends       []Final
	dead       []WaitingNotice // for the letter
	unanswered []WaitingNotice // unanswered calls that wait as missed calls from now on
}

func (s *settlement) end(how NoticeEnd, id fact.Identity) {
	s.ends = append(s.ends, Final{how.State, how.Reason, []fact.Identity{id}})
}

// settle takes out of w what has ended by f, and by what came in while it was on f's card.
func (w *Waiting) settle(b *Mailbox, rules Rules, f Finish) (s settlement) {
	ending := map[fact.Identity]int{}
	for i, e := range f.Final {
		s.ends = append(s.ends, Final{e.State, e.Reason, nil})
		for _, id := range e.Messages {
			ending[id] = i
		}
	}
	// Recipients who logged in as another openid since the card began are still bound: what was on
	// the card waits for the next one.
	boundAnew := w.Card.ID != "" && b.Bound() && b.OpenID != w.Card.OpenID
	var rest []WaitingNotice
	for _, n := range w.Notices {
		carried := f.Card != "" && n.Card == f.Card
		i, ends := ending[n.ID]
		ends = ends && !(boundAnew && s.ends[i].State == fact.StateUnbound)
		handed := slices.Contains(f.Handed, n.ID)
		unanswered := slices.Contains(f.Unanswered, n.ID)
		shown := ends && s.ends[i].State == fact.StateDelivered || handed
		switch {
		case carried && n.Ends != nil && !shown && n.Ends.Unanswered:
			unanswered, ends = true, false
		case carried && n.Ends != nil && !shown: // read, recalled or over while it was on the card
			s.end(*n.Ends, n.ID)
			continue
		}
		switch {
		case handed: // gone with its card
		case ends:
			s.ends[i].Messages = append(s.ends[i].Messages, n.ID)
			if s.ends[i].State == fact.StateDead {
				s.dead = append(s.dead, n)
			}
		case unanswered && rules.MissedCalls:
			s.unanswered = append(s.unanswered, n)
		case unanswered:
			s.end(NoticeEnd{State: fact.StateEnded, Reason: fact.ReasonTimedOut}, n.ID)
		default:
			if carried {
				n.Card, n.Ends = "", nil
			}
			rest = append(rest, n)
		}
	}
	w.Notices = rest
	if f.Card != "" {
		w.Card, w.Told = permit.OpenCard{}, false
	}
	return s
}

// letGo takes what is left out of the hands of the run.
func (w *Waiting) letGo(now time.Time, f Finish) {
	if w.Card.ID == "" {
		w.SeenSince = false
	}
	w.NotBefore = time.Time{}
	if f.Hold {
		w.NotBefore = f.Again
	}
	due := f.Again
	if due.IsZero() {
		due = w.Wish
	}
	if due.IsZero() {
		due = now
	}
	if !w.Wish.IsZero() && !f.Hold && w.Wish.Before(due) {
		due = w.Wish
	}
	w.release()
	w.Due, w.Carried = due, f.Carried
	w.keep(w.Notices)
}

// goesOn writes down how the absence of the recipient goes on.
func (b *Mailbox) goesOn(step AbsenceStep) {
	a := &b.Absence
	switch step {
	case AbsenceSeen:
		*a = Absence{}
	case AbsenceTold:
		*a = Absence{Cards: a.Cards + 1, Last: b.Now, Counted: true}
	case AbsenceKept:
		a.Kept, a.Last = a.Kept+1, b.Now
	case AbsenceCounted:
		if a.Cards == 0 {
			a.Last = b.Now // a late report that they left before now begins no new absence
		}
		a.Counted = true
	}
}

// ApplyEnd writes down how a card ended whose end was unknown until now, and returns how many messages
// reached that state. It is not for repetitions: the store keeps a mark of each end that was applied.
func (b *Mailbox) ApplyEnd(id card.ID, e permit.OutboxEntry) int {
	state, was, messages := e.State, e.Corrects, e.Messages
	// If its run has not finished the card, nothing was counted for it yet: a correction takes out what it
	// carries, and subtracts nothing. So does an erasure: no run finds the card of an erased openid any
	// more.
	endsNow := state == fact.StateErased || was != "" && was != fact.StateUnknown
	for _, w := range b.queues() {
		switch {
		case w.Card.ID != id:
		case endsNow:
			w.keep(slices.DeleteFunc(w.Notices, func(n WaitingNotice) bool { return n.Card == id }))
			was = ""
		default:
			w.Told = true
		}
	}
	if was != "" {
		b.count(was, -len(messages))
	}
	if b.Bound() {
		b.end(Step{State: state, Reason: e.Reason, Card: id}, messages...)
	} else { // erased, or bound to nobody: only counted
		b.count(state, len(messages))
	}
	return len(messages)
}
