package notify

import (
	"context"
	"errors"
	"sync"
	"time"
)

// settleBudget is how long writing down an outcome may take, whatever has become of
// the run's own context: the send has happened, and its outcome must not be lost.
const settleBudget = 5 * time.Second

// sendBudget bounds one send, token included. What has not been answered by then is
// unknown.
const sendBudget = 12 * time.Second

// A delivery is one card on its way to one recipient.
type delivery struct {
	*pass
	rec   Recipient
	plan  Plan
	card  CardID
	steps []Step
}

// sendAll takes cards through the protocol: begin together, each on its own through
// reserve, send and settle, finish together.
func (p *pass) sendAll(ctx context.Context, cards []*delivery) error {
	begins := make([]Begin, len(cards))
	for i, c := range cards {
		begins[i] = Begin{User: c.rec.User, Lease: c.rec.Lease, Card: c.card,
			Template: p.Template.ID(), Messages: ids(c.plan.Send)}
	}
	wanted, err := p.Store.Begin(ctx, begins)
	if wanted == nil {
		return err
	}
	if err != nil {
		p.Log.ErrorContext(ctx, "some cards could not be begun", "alert", "store", "error", err)
	}
	ends := make([]*Finish, len(cards))
	var wg sync.WaitGroup
	for i, c := range cards {
		if len(wanted[i]) == 0 {
			ends[i] = &Finish{User: c.rec.User, Lease: c.rec.Lease, Final: c.plan.Final, Carried: c.plan.Carried, Steps: c.steps}
			if err != nil { // it may be one of those
				ends[i].Again = p.time().Add(time.Second)
			}
			continue
		}
		wg.Go(func() { ends[i] = c.deliver(ctx, wanted[i]) })
	}
	wg.Wait()

	var fs []Finish
	for _, f := range ends {
		if f != nil {
			fs = append(fs, *f)
		}
	}
	p.finish(ctx, fs)
	return nil
}

// deliver takes one card from begun to settled and returns how to finish it; nil
// if somebody else has to, because the store did not answer or took it from us.
func (c *delivery) deliver(ctx context.Context, wanted []MessageID) *Finish {
	notices := c.wanted(wanted)
	card, err := c.Template.Render(c.Rules, c.card, c.rec.OpenID, notices, c.rec.Neutral, c.time())
	if err != nil {
		c.Log.ErrorContext(ctx, "template cannot be rendered, correct notify.yml", "alert", "template", "error", err)
		return c.end(notices, StateDead, ReasonNone)
	}
	if !c.fresh() {
		return c.again(c.time(), ReasonNeverSent) // too late to start; the next run does
	}
	reserved, err := c.Store.Reserve(ctx, Reserve{Card: c.card, OpenID: c.rec.OpenID, User: c.rec.User, Template: card.Template})
	if err != nil {
		c.Log.ErrorContext(ctx, "permit not reserved", "card", c.card, "error", err)
		return c.release(ctx, card, notices)
	}
	switch reserved.Status {
	case ReserveOK:
		c.step(StepReserved, "")
		return c.send(ctx, card, notices)
	case ReserveNoPermit:
		return c.end(notices, StateNoPermit, ReasonNone)
	case ReserveUnbound:
		return c.end(notices, StateUnbound, ReasonNewerBinding)
	case ReserveErased:
		return c.end(notices, StateErased, ReasonNone)
	case ReserveBusy:
		return c.again(later(reserved.Until, c.time().Add(time.Second)), ReasonBusy)
	}
	return nil
}

// send makes the one request for a reserved card and settles what came of it.
func (c *delivery) send(ctx context.Context, card Card, notices []Notice) *Finish {
	sendCtx, cancel := context.WithTimeout(ctx, sendBudget)
	msgID, err := c.WeChat.Send(sendCtx, card)
	cancel()
	out, detail := delivered, ""
	if err != nil {
		class := ClassOf(err)
		out, detail = outcomes[class], class.String()
		c.logSend(ctx, class, out, err)
	}
	c.step(StepSent, detail)

	end, final := c.finishAs(out, notices)
	settle := Settle{Card: card.ID, OpenID: card.To, Template: card.Template, State: out.card,
		Permit: out.permit, Final: final, MsgID: msgID, Detail: detail}
	if err := c.settle(ctx, settle); err != nil {
		c.Log.ErrorContext(ctx, "outcome not written down, the next run resumes", "card", card.ID, "error", err)
		return nil
	}
	c.step(StepSettled, string(out.permit))
	if out.card == CardDelivered {
		c.count(func(n *Counts) { n.Sent++ })
	}
	end.Steps = c.steps
	return end
}

// settle writes an outcome down, and tries again: it is the one thing that must not
// be lost.
func (c *delivery) settle(ctx context.Context, s Settle) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	for {
		err := c.Store.Settle(ctx, s)
		if err == nil || !sleep(ctx, 500*time.Millisecond) {
			return err
		}
	}
}

// release makes sure that the card is not sent, when it is unknown whether a permit
// was reserved for it, and has its notices wait.
func (c *delivery) release(ctx context.Context, card Card, notices []Notice) *Finish {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	r, err := c.Store.Resolve(ctx, OpenCard{ID: card.ID, OpenID: card.To, Template: card.Template})
	if err == nil && r.State == CardSending { // it was, and nobody but us would send it
		err = c.Store.Settle(ctx, Settle{Card: card.ID, OpenID: card.To, Template: card.Template,
			State: CardNotSent, Permit: PermitRefunded, Detail: ClassUnreached.String()})
	}
	if err != nil {
		return nil // the next run resumes
	}
	f, _ := c.finishAs(outcomes[ClassUnreached], notices)
	return f
}

// finishAs returns how notices go on after a send with outcome out, and the state in
// which they end, or "" if they wait.
func (c *delivery) finishAs(out outcome, notices []Notice) (*Finish, State) {
	if out.final != "" {
		return c.end(notices, out.final, ReasonNone), out.final
	}
	next, at, ok := out.next(c.Rules.Retry, c.plan.Carried, c.time(), c.Jitter())
	if !ok {
		return c.end(notices, StateDead, ReasonAttempts), StateDead
	}
	f := c.again(at, out.wait.reason())
	f.Carried = next
	f.Hold = out.wait != waitNeutral
	return f, ""
}

// end finishes notices in state s.
func (c *delivery) end(notices []Notice, s State, why Reason) *Finish {
	return &Finish{User: c.rec.User, Lease: c.rec.Lease, Card: c.card,
		Final: append(c.plan.Final, Final{s, why, ids(notices)}), Steps: c.steps}
}

// again finishes with the notices waiting until at.
func (c *delivery) again(at time.Time, why Reason) *Finish {
	c.steps = append(c.steps, Step{At: c.time(), Kind: StepPutOff, Card: c.card, Reason: why, Detail: "until " + clock(at)})
	c.count(func(n *Counts) { n.Retried++ })
	return &Finish{User: c.rec.User, Lease: c.rec.Lease, Card: c.card, Final: c.plan.Final, Again: at,
		Carried: c.plan.Carried, Steps: c.steps}
}

func (c *delivery) step(kind StepKind, detail string) {
	c.steps = append(c.steps, Step{At: c.time(), Kind: kind, Card: c.card, Detail: detail})
}

// wanted returns the notices of the plan that are in ids, oldest first.
func (c *delivery) wanted(ids []MessageID) []Notice {
	want := make(map[MessageID]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	var out []Notice
	for _, n := range c.plan.Send {
		if want[n.ID] {
			out = append(out, n)
		}
	}
	return out
}

func (c *delivery) logSend(ctx context.Context, class Class, out outcome, err error) {
	if !out.alert {
		c.Log.WarnContext(ctx, "card not delivered", "card", c.card, "class", class.String(), "error", err)
		return
	}
	cure, _ := cureOf(err)
	c.Log.ErrorContext(ctx, "cards cannot be sent until this is mended: "+cure, "alert", class.String(), "card", c.card, "error", err)
}

// cureOf returns what a person has to do about err, if an adapter knows.
func cureOf(err error) (cure string, known bool) {
	h, ok := errors.AsType[interface {
		error
		Cure() string
	}](err)
	if !ok || h.Cure() == "" {
		return "see the error", false
	}
	return h.Cure(), true
}

// resume ends what earlier runs began for recs and did not finish. A card that cannot
// be resolved now keeps no other waiting: its lease ends, and it is tried again.
func (p *pass) resume(ctx context.Context, recs []Recipient) {
	var fs []Finish
	for _, rec := range recs {
		if short(ctx, wrapUp) {
			break
		}
		r, err := p.Store.Resolve(ctx, *rec.Open)
		if err != nil {
			p.Log.ErrorContext(ctx, "card not resolved, a later run resumes", "alert", "store", "card", rec.Open.ID, "error", err)
			continue
		}
		fs = append(fs, p.resumed(rec, r))
	}
	p.finish(ctx, fs)
}

// resumed returns how a recipient goes on whose card has ended as r says.
func (p *pass) resumed(rec Recipient, r Resolved) Finish {
	f := Finish{User: rec.User, Lease: rec.Lease, Card: rec.Open.ID, Carried: rec.Carried}
	switch {
	case r.State == CardSending: // its sender may still be at it
		f.Card, f.Again = "", later(r.Until, p.now.Add(time.Second))
	case r.State == CardVoid:
		f.Again = p.now
		f.Steps = []Step{{At: p.time(), Kind: StepPutOff, Card: rec.Open.ID, Reason: ReasonNeverSent}}
	case r.Final != "":
		why := ReasonNone
		if r.State == CardUnknown {
			why = ReasonStranded
		}
		f.Final = []Final{{r.Final, why, rec.Open.Messages}}
	default: // surely not sent: as the run would have gone on that found out
		out := outcomes[classNamed(r.Detail)]
		next, at, ok := out.next(p.Rules.Retry, rec.Carried, p.now, p.Jitter())
		if !ok {
			f.Final = []Final{{StateDead, ReasonAttempts, rec.Open.Messages}}
			break
		}
		f.Carried, f.Again, f.Hold = next, at, out.wait != waitNeutral
	}
	return f
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
