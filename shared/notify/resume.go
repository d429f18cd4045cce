package notify

import (
	"context"
	"slices"
	"time"

	"wxnotify/shared/guard"
)

// resume ends what earlier runs began for recs and did not finish. A card that cannot
// be resolved now keeps no other waiting: its lease ends, and it is tried again.
func (p *pass) resume(ctx context.Context, recs []Recipient) {
	var fs []Finish
	for _, rec := range recs {
		if short(ctx, wrapUp) {
			break
		}
		guard.Do(ctx, p.Log, func() {
			r, err := p.Store.Resolve(ctx, *rec.Open)
			if err != nil {
				p.Log.ErrorContext(ctx, "card not resolved, a later run resumes", "alert", "store", "card", rec.Open.ID, "error", err)
				return
			}
			fs = append(fs, p.resumed(rec, r))
		})
	}
	p.finish(ctx, fs)
}

// resumed returns how a recipient goes on whose card has ended as r says.
func (p *pass) resumed(rec Recipient, r Resolved) Finish {
	f := Finish{User: rec.User, Lane: rec.Lane, Lease: rec.Lease, Card: rec.Open.ID, Carried: rec.Carried}
	if len(rec.Notices) > len(rec.Open.Messages) { // looked at at once, whatever came in since
		f.Again = p.now
	}
	switch {
	case r.State == CardSending: // its sender may still be at it
		f.Card, f.Again = "", later(r.Until, p.now.Add(time.Second))
	case r.State == CardVoid:
		f.Again = p.now
		f.Steps = []Step{{At: p.time(), Kind: StepPutOff, Card: rec.Open.ID, Reason: ReasonNeverSent}}
	case r.State == CardUnknown:
		f.Handed, f.Carried = rec.Open.Messages, Carried{}
		p.resumedTold(rec, &f)
	case r.State == CardDelivered || r.Final != "":
		f.Final, f.Carried = []Final{{r.Final, ReasonNone, rec.Open.Messages}}, Carried{}
		if r.Handed { // WeChat told the end of an unknown card: Reconcile passes it on
			f.Final, f.Handed = nil, rec.Open.Messages
		}
		if r.State == CardDelivered {
			p.resumedTold(rec, &f)
		}
		if r.Final == StateDead {
			f.Dead = p.resumedDead(rec, r)
		}
	default: // surely not sent: as the run would have gone on that found out
		out := outcomes[classNamed(r.Detail)]
		next, at, ok := out.next(p.Rules.Retry, rec.Carried, p.now, rec.Open.ID.jitter())
		if !ok {
			f.Final, f.Carried = []Final{{StateDead, ReasonAttempts, rec.Open.Messages}}, Carried{}
			f.Dead = p.resumedDead(rec, r)
			break
		}
		f.Carried, f.Again, f.Hold = next, at, out.wait != waitNeutral
	}
	return f
}

// resumedTold notes that a card has gone in this absence, when that was not noted yet.
func (p *pass) resumedTold(rec Recipient, f *Finish) {
	announcement := slices.ContainsFunc(rec.Notices, func(n Notice) bool {
		return n.Announcement != nil && slices.Contains(rec.Open.Messages, n.ID)
	})
	if !announcement {
		f.Absence = AbsenceTold
	}
}

// resumedDead returns the letter of a card whose run could not write it.
func (p *pass) resumedDead(rec Recipient, r Resolved) *DeadLetter {
	return &DeadLetter{ID: string(rec.Open.ID), User: rec.User, OpenID: rec.OpenID, Card: rec.Open.ID,
		Template: rec.Open.Template, Messages: rec.Open.Messages, From: senders(rec.Notices), At: p.now, Class: r.Detail}
}
