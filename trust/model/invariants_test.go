package model_test

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// look compares the store with the model, after every step.
func (w *system) look() {
	s := w.snapshot()
	w.followForgotten(w.last, s)
	w.last = s
	w.followCards(s)
	w.followTimelines(s)
	w.stillHeld(s)
	w.checkBindings(s)
	w.checkLedgers(s)
	w.checkMessages(s)
	w.checkQueues(s)
	w.verdict()
}

// verdict ends the history if a promise is broken.
func (w *system) verdict() {
	w.mu.Lock()
	broken := strings.Join(w.broken, "\n")
	w.mu.Unlock()
	if broken != "" {
		w.Fatalf("at %s: %s", w.now().Format(time.DateTime), broken)
	}
}

// followCards tells the model what was paid for.
func (w *system) followCards(s *snapshot) {
	for o, cards := range s.cards {
		for id, c := range cards {
			p := w.model.ledger(o, c.Template)
			switch {
			case c.paid():
				p.pay(id, c.LongTerm == 1)
			case c.refused():
				p.refuse(id, time.UnixMilli(int64(c.At)))
			}
		}
	}
}

// followForgotten tells the model of cards that went with their user, at an openid that is
// theirs no more: what was unknown is paid for. What is being sent is when it is settled.
func (w *system) followForgotten(before, now *snapshot) {
	if before == nil {
		return
	}
	for o, cards := range before.cards {
		for id, c := range cards {
			_, there := now.cards[o][id]
			switch {
			case there:
			case c.Waits > 0:
				w.model.ledger(o, c.Template).pay(id, c.LongTerm == 1)
			case c.State == permit.CardSending:
				w.forgotten[id.Nameless()] = true
			}
		}
	}
}

// followTimelines tells the model what ended.
func (w *system) followTimelines(s *snapshot) {
	for user, steps := range s.timeline {
		for _, step := range slices.Backward(steps[:newSteps(w.seen[user], steps)]) {
			for _, id := range step.Messages {
				switch {
				case step.Kind == notify.StepFinal:
					if wrong := w.ended(ref{user, id.ID()}, step); wrong != "" {
						w.violate("P1: %s", wrong)
					}
				case step.Kind == notify.StepAccepted && step.Reason == fact.ReasonReplayed:
					w.model.replayed(ref{user, id.ID()})
				}
			}
		}
		w.seen[user] = steps
	}
}

// newSteps returns how many steps at the head of now were not in before.
func newSteps(before, now []notify.Step) int {
	same := func(a, b notify.Step) bool { return reflect.DeepEqual(a, b) }
	for k := range now {
		n := min(len(before), len(now)-k)
		if n > 0 && slices.EqualFunc(now[k:k+n], before[:n], same) {
			return k
		}
	}
	return len(now)
}

// stillHeld drops leases that are over because the store says so.
func (w *system) stillHeld(s *snapshot) {
	for key, c := range w.held {
		if s.docs[c.Queue][c.User].Lease != c.Lease {
			delete(w.held, key)
		}
	}
}

func (w *system) checkBindings(s *snapshot) {
	for _, u := range w.users {
		if s.bound[u] != w.model.person(u).openID {
			w.violate("%s is bound to %q, want %q", u, s.bound[u], w.model.person(u).openID)
		}
	}
}

// checkLedgers: P2. What is left is what taps gave and cards and revocations took; held is
// what is held for a card; the account adds up; at most one card of a template is sending.
func (w *system) checkLedgers(s *snapshot) {
	for _, o := range w.openIDs {
		for _, t := range w.templates.IDs() {
			l, p := s.subs[o].Ledgers[t], w.model.ledger(o, t)
			if l.Balance != len(p.permits) {
				w.violate("P2: %s has %d permits of %s, want %d: %+v", o, l.Balance, t, len(p.permits), l)
			}
			if l.explained() != l.Balance || l.Balance < 0 || l.Held < 0 {
				w.violate("P2: the account of %s and %s does not add up: %+v", o, t, l)
			}
			if held := s.heldFor(o, t); l.Held != held {
				w.violate("P2: %d permits of %s and %s are held for %d cards", l.Held, o, t, held)
			}
			if l.Held > l.Balance && len(p.zeroed)+len(p.revokes) == 0 && !w.model.longTerm[t] {
				w.violate("P2: %d permits of %s and %s are held, and there are %d", l.Held, o, t, l.Balance)
			}
			if p.sent > p.granted && !w.model.longTerm[t] {
				w.violate("P2: %d cards of %s went to %s, for %d permits", p.sent, t, o, p.granted)
			}
			w.checkSending(s, o, t)
		}
	}
}

func (w *system) checkSending(s *snapshot, o fact.OpenID, t fact.TemplateID) {
	sending := 0
	for _, c := range s.cards[o] {
		if c.State == permit.CardSending && c.Template == t && int64(c.Leased) > w.now().UnixMilli() {
			sending++
		}
	}
	if sending > 1 && !w.skewed {
		w.violate("P2: %d cards of %s are being sent to %s at once", sending, t, o)
	}
}

// checkMessages: P1. A message waits, or travels, or has ended; what counts adds up.
func (w *system) checkMessages(s *snapshot) {
	open := s.open()
	for r, msg := range w.model.messages {
		if msg.since == 0 || w.model.person(r.to).unbound >= msg.since {
			continue // not told yet, or what became of it is only counted
		}
		if !msg.ended && !open[r] {
			w.violate("P1 lost: %v neither waits nor has it ended", r)
		}
		if msg.ended && open[r] {
			w.violate("P1: %v has ended %s, and waits", r, msg.state)
		}
	}
	sum := 0
	for state, n := range s.counts {
		sum += n
		if n < 0 {
			w.violate("P1: %d messages are %s", n, state)
		}
	}
	if want := w.model.counted - len(open); sum != want {
		w.violate("P1: %d messages are counted as ended, want %d: %d were told, %d are open", sum, want, w.model.counted, len(open))
	}
}

// checkQueues: P1. Who waits is in the queue of their queue.
func (w *system) checkQueues(s *snapshot) {
	for queue, docs := range s.docs {
		for user := range docs {
			if !slices.Contains(s.queues[queue], user) {
				w.violate("P1 lost: what waits for %s among the %s is in no queue", user, queue)
			}
		}
	}
}

// checkEnd: what must hold when nothing goes wrong any more and all is done.
func (w *system) checkEnd() {
	s := w.last
	for r := range s.open() {
		w.violate("P1 lost: %v waits for ever", r)
	}
	if queued := len(s.queues[card.QueueMessages]) + len(s.queues[card.QueueCalls]) + s.due; queued > 0 {
		w.violate("P1: %d things are due for ever", queued)
	}
	for o, cards := range s.cards {
		for id, c := range cards {
			left := c.State == permit.CardSending && w.anyErased // the run ended, and nobody looks for it but the next card
			if c.held() && !left || len(c.Tell) > 0 {
				w.violate("P1: card %s of %s is still open: %+v", id, o, c)
			}
		}
	}
	w.checkGroups()
	w.verdict()
}

// checkGroups: a message of a group has reached everybody whom it is for, unless things went wrong
// for a day.
func (w *system) checkGroups() {
	for id, g := range w.model.groups {
		if g.since == 0 || g.recalled > 0 || w.healed.Sub(g.SentAt) > 23*time.Hour {
			continue
		}
		for _, member := range w.members[g.Group] {
			u := member.User
			all := g.For == fact.GroupAll || g.AtAll
			if member.Muted || u == g.From || !all && !slices.Contains(g.At, u) {
				continue
			}
			p := w.model.person(u)
			if msg := w.model.messages[ref{u, id}]; p.openID != "" && p.unbound < g.since && p.bound < g.since && (msg == nil || msg.since == 0) {
				w.violate("P1 lost: %s of the group has never reached %s", id, u)
			}
		}
	}
}
