package notify_test

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// queue returns what waits in a queue.
func (r *recipient) queue(l card.Queue) *notify.Waiting {
	if l == card.QueueCalls {
		return &r.Calls
	}
	return &r.Messages
}

// take has the queue hand a queue out to a run, which claims it.
func take(queue card.Queue, run string) func(*recipient) {
	return func(r *recipient) {
		hidden := r.Now.Add(permit.Lease)
		if w := r.queue(queue); len(w.Notices) > 0 {
			w.Due = hidden
		}
		r.answer = heardBy(r.Claim(queue, run, hidden))
	}
}

// heardBy says what a claim tells a run.
func heardBy(rec *notify.Recipient) string {
	if rec == nil {
		return "nothing"
	}
	var ids []fact.Identity
	for _, n := range rec.Notices {
		ids = append(ids, n.ID)
	}
	out := names(ids) + " for " + string(rec.OpenID)
	if rec.Open != nil {
		out += fmt.Sprintf(", open %s with %s", rec.Open.ID, names(rec.Open.Messages))
	}
	return out
}

var (
	claims     = take(card.QueueMessages, "run")
	claimsCall = take(card.QueueCalls, "run")
)

// begins has the run begin a card with what waits under these names, and is answered what is on it.
func begins(id card.ID, ids ...string) func(*recipient) { return beginsAs("run", id, ids...) }

func beginsAs(run string, id card.ID, ids ...string) func(*recipient) {
	return func(r *recipient) {
		r.answer = names(r.Begin(notify.Begin{Queue: r.queueOf(ids), Lease: run, Card: id, Template: "T", Messages: r.named(ids), At: r.Now}))
	}
}

// queueOf returns where ids wait.
func (r *recipient) queueOf(ids []string) card.Queue {
	for _, n := range r.Calls.Notices {
		if slices.Contains(ids, string(n.ID.ID())) {
			return card.QueueCalls
		}
	}
	return card.QueueMessages
}

// named returns the identities of what waits under these names.
func (r *recipient) named(ids []string) (out []fact.Identity) {
	for _, n := range slices.Concat(r.Messages.Notices, r.Calls.Notices) {
		if slices.Contains(ids, string(n.ID.ID())) {
			out = append(out, n.ID)
		}
	}
	return out
}

// finishes has the run finish. What it says is made when it does.
func finishes(with ...func(r *recipient, f *notify.Finish)) func(*recipient) {
	return func(r *recipient) {
		f := notify.Finish{Queue: card.QueueMessages, Lease: "run"}
		for _, w := range with {
			w(r, &f)
		}
		r.answer = ""
		for _, e := range r.Finish(r.rules, f) {
			r.answer += fmt.Sprint(e.Messages, " ", e.State, " ", e.Reason, " ")
		}
	}
}

func as(run string) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Lease = run }
}

func ofCalls(_ *recipient, f *notify.Finish) { f.Queue = card.QueueCalls }

func withCard(id card.ID) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Card = id }
}

// endsAs has messages end so; as dead, a letter is kept of them.
func endsAs(state fact.State, ids ...string) func(*recipient, *notify.Finish) {
	return func(r *recipient, f *notify.Finish) {
		f.Final = append(f.Final, notify.Final{State: state, Messages: r.named(ids)})
		if state == fact.StateDead {
			f.Dead = &notify.DeadLetter{ID: "L" + ids[0], At: r.Now}
		}
	}
}

func handing(ids ...string) func(*recipient, *notify.Finish) {
	return func(r *recipient, f *notify.Finish) { f.Handed = r.named(ids) }
}

func unanswered(ids ...string) func(*recipient, *notify.Finish) {
	return func(r *recipient, f *notify.Finish) { f.Unanswered = r.named(ids) }
}

func theAbsence(step notify.AbsenceStep) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Absence = step }
}

func lookingAgain(d time.Duration) func(*recipient, *notify.Finish) {
	return func(_ *recipient, f *notify.Finish) { f.Again = at(d) }
}

func hold(_ *recipient, f *notify.Finish) { f.Hold = true }

// isTold has a run tell alice of a message that waits.
func isTold(id string) func(*recipient) {
	return func(r *recipient) {
		cardID := card.ID("card-" + id)
		for _, e := range (events{claims, begins(cardID, id), finishes(withCard(cardID), endsAs(fact.StateDelivered, id), theAbsence(notify.AbsenceTold))}) {
			e(r)
		}
	}
}

// dies has a run give a message up: a letter is kept of it.
func dies(ids ...string) func(*recipient) {
	return inOneChange(claims, finishes(endsAs(fact.StateDead, ids...)))
}
