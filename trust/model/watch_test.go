package model_test

import (
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// What follows is asked whenever a request of a run arrives.

// hasClaimed: whoever is in a run's hands is not handed out. The store counts in milliseconds, from
// the first time that it hears of what was asked.
func (w *system) hasClaimed(r *run, b notify.Batch, asked time.Time) {
	w.model.moment++
	for _, rec := range b.Recipients {
		key := string(rec.Queue) + " " + string(rec.User)
		if before, ok := w.held[key]; ok && !w.skewed && w.now().Before(before.until) {
			w.violate("P7: %s is handed out while another run has it in its hands until %v", key, before.until)
		}
		c := claimed{rec, w.model.moment, asked.Truncate(time.Millisecond).Add(permit.Lease)}
		w.held[key] = c
		r.claimed[rec.Lease+"-"+string(rec.User)] = c
	}
}

// hasBegun: P4. Nothing begins for what is known to be done with, or for somebody who came
// after the run had looked.
func (w *system) hasBegun(r *run, b notify.Begin, ids []fact.Identity) {
	w.model.moment++
	if len(ids) == 0 || w.cards[b.Card] != nil {
		return
	}
	w.cards[b.Card] = &begunCard{Begin: b, moment: w.model.moment}
	for _, id := range ids {
		msg := w.model.messages[ref{b.User, id.ID()}]
		if msg == nil {
			w.violate("P4: a card begins for %s of %s, which is not there", id, b.User)
		} else if why := msg.mustNotGo(w.rules.MissedCalls); why != "" {
			w.violate("P4: a card begins for %s of %s, which is known to be %s", id, b.User, why)
		}
	}
	if came := w.model.person(b.User).login; came > r.claimed[string(b.Card)].moment {
		w.violate("P4: a card begins for %s, who has come since the run looked", b.User)
	}
}

// available is what the model has left for a card.
func (w *system) available(q permit.Reserve) int {
	n := len(w.model.ledger(q.OpenID, q.Template).permits)
	if q.LongTerm {
		return min(n, 1)
	}
	return n - w.last.heldFor(q.OpenID, q.Template)
}

// hasReserved: P2. There was a permit, and it was theirs; and if none was given there was none.
func (w *system) hasReserved(r *run, q permit.Reserve, got permit.Reserved, available int) {
	w.model.moment++
	sub, c := w.model.subscriber(q.OpenID), w.cards[q.ID]
	mine := sub.user == q.User && !w.now().Before(sub.erased)
	switch got.Status {
	case permit.ReserveOK:
		if c == nil {
			w.violate("P2: card %s is reserved, and was never begun", q.ID)
			return
		}
		if c.reserved {
			return // it was asked again
		}
		c.reserved, c.messages, c.to = true, q.Messages, q.OpenID
		if available < 1 {
			w.violate("P2: %s gets a card of %s, and has %d permits", q.OpenID, q.Template, available)
		}
		if !mine {
			w.violate("P2: %s gets a card for %s, whose it is not", q.OpenID, q.User)
		}
		if q.Digest && !q.LongTerm && available <= q.Keep {
			w.violate("P2: a digest takes a permit of %d that are kept", available)
		}
		w.checkRecalled(c, q)
	case permit.ReserveNoPermit:
		if available > 0 {
			w.violate("P5: %s gets no card of %s, and has %d permits", q.OpenID, q.Template, available)
		}
	case permit.ReserveUnbound, permit.ReserveErased:
		if mine {
			w.violate("P5: %s gets no card, and is bound to %s", q.OpenID, q.User)
		}
	case permit.ReserveUnknownOpenID:
		if !w.outcomes[card.ClassUnknownOpenID] {
			w.violate("P5: %s gets no card, and WeChat knows them", q.OpenID)
		}
	case permit.ReserveKept:
		if !q.Digest || !q.Learn && available > q.Keep {
			w.violate("P5: a card is kept back that is no digest, or with %d permits left", available)
		}
	}
}

// checkRecalled: what was taken back in a group is asked for between begin and reserve.
func (w *system) checkRecalled(c *begunCard, q permit.Reserve) {
	for _, id := range q.Messages {
		if g := w.model.groups[id.ID()]; g != nil && g.recalled > 0 && g.recalled < c.moment {
			w.violate("P4: a card goes out for %s, which was taken back before it began", id)
		}
	}
}

// freshFor is how old IM's word of where somebody is may be when their card goes out: 10 s when the
// permit is asked for, and 12 s for that.
const freshFor = 22 * time.Second

// checkAsked: P4. IM was asked just before, and did not say that they are there. Of two answers of
// late, one for each queue, the card goes by its own; if IM said nothing to that, by what was known before.
func (w *system) checkAsked(r *run, c card.Card) {
	cd, held := w.cards[c.ID], r.claimed[string(c.ID)]
	if cd == nil || w.insists(cd) {
		return
	}
	there := func(s notify.Status) bool {
		return s == notify.StatusOnline || s == notify.StatusPushOnline && w.rules.PushOnline == notify.PushOnlineSkip
	}
	old := func(a answer) bool { return w.now().Sub(a.at) > freshFor }
	silent := func(a answer) bool { return a.silent }
	answers := slices.DeleteFunc(slices.Clone(r.asked[cd.User]), silent)
	fresh := slices.DeleteFunc(slices.Clone(answers), old)
	silence := slices.ContainsFunc(r.asked[cd.User], func(a answer) bool { return a.silent && !old(a) })
	switch {
	case slices.ContainsFunc(fresh, func(a answer) bool { return !there(a.status) }):
	case len(fresh) > 0 && !silence:
		w.violate("P4: a card goes to %s, of whom IM says that they are %v", cd.User, fresh[0].status)
	case len(answers) > 0 && !silence:
		w.violate("P4: a card goes to %s, of whom IM was asked %v before", cd.User, w.now().Sub(answers[len(answers)-1].at))
	case held.Known == notify.StatusOnline:
		w.violate("P4: a card goes to %s, who is online as far as we know", cd.User)
	case cd.Queue == card.QueueMessages && !w.skewed && (held.AskedSince.IsZero() || w.now().Sub(held.AskedSince) < 2*time.Minute):
		w.violate("P4: a card goes to %s, about whom IM was not asked for two minutes", cd.User)
	}
}

// insists reports whether a card tells of what goes out wherever somebody is.
func (w *system) insists(c *begunCard) bool {
	for _, id := range c.messages {
		if msg := w.model.messages[ref{c.User, id.ID()}]; msg == nil || msg.anyway {
			return true
		}
	}
	return false
}

// show has a card reach WeChat: P2, it was paid for; P3, it tells of nothing that was told.
func (w *system) show(c card.Card) (int64, error) {
	cd, l := w.cards[c.ID], w.result
	switch {
	case cd == nil || !cd.reserved:
		w.violate("P2: a card goes out without a permit")
		return 0, nil
	case cd.sent:
		w.violate("P3 doubled: card %s goes out twice", c.ID)
	case cd.to != c.To:
		w.violate("P2: card %s goes to %s, and is paid by %s", c.ID, c.To, cd.to)
	}
	cd.sent = true
	w.sentTo[ledgerKey{c.To, c.Template}]++
	w.serial++
	id := int64(w.serial)
	if l.shown {
		w.hasShown(cd, c, id, l)
	}
	if l.noID {
		id = 0
	}
	if l.refused {
		w.outcomes[l.class] = true
		return 0, refusal(l.class)
	}
	return id, nil
}

// hasShown is what the user sees.
func (w *system) hasShown(cd *begunCard, c card.Card, id int64, l result) {
	w.shown++
	w.model.ledger(c.To, c.Template).sent++
	for _, m := range cd.messages {
		msg := w.model.messages[ref{cd.User, m.ID()}]
		if msg == nil {
			continue // erased meanwhile
		}
		if msg.shown++; msg.shown > 1+msg.replays {
			w.violate("P3 doubled: %s of %s is told %d times", m, cd.User, msg.shown)
		}
	}
	r := fact.Sent{OpenID: c.To, MsgID: id, Template: c.Template, At: w.now().Truncate(time.Second)}
	if l.noID {
		r.MsgID = 0
	}
	if l.blocked {
		r.Failed = "user block"
	}
	w.reports = append(w.reports, report{r, cd})
}

// hasReported notes that the store was told of a card by WeChat. A card that has ended unknown
// already, though its recipient was not told yet, ends so first.
func (w *system) hasReported(s *fact.Sent) {
	for _, r := range w.reports {
		if s == nil || r.Sent != *s || !r.of.reported.IsZero() {
			continue
		}
		if end, _ := w.last.cards[r.of.to][r.of.Card].pending(); end != string(fact.StateUnknown) {
			r.of.reported = w.now()
		}
	}
}

// wasReported reports whether WeChat has told of a card of late, and nothing else can have been
// meant.
func (w *system) wasReported(id card.ID) bool {
	c := w.cards[id]
	return c != nil && !c.reported.IsZero() && w.now().Sub(c.reported) < 9*time.Minute &&
		w.sentTo[ledgerKey{c.to, c.Template}] == 1 && !w.foreign && !w.anyErased && !w.skewed
}
