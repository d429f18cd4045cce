package notify

import (
	"context"
	"errors"
	"sync"
	"time"
)

// settleBudget is how long writing down an outcome may take after the invocation's
// own time is over: the send has happened, and its outcome must not be lost.
const settleBudget = 5 * time.Second

// sendMargin is how much of a lease must be left for a send to start.
const sendMargin = 15 * time.Second

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
	if err != nil {
		return err
	}
	ends := make([]*Finish, len(cards))
	var wg sync.WaitGroup
	for i, c := range cards {
		if len(wanted[i]) == 0 {
			ends[i] = &Finish{User: c.rec.User, Lease: c.rec.Lease, Final: c.plan.Final, Steps: c.steps}
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	return p.finish(ctx, fs)
}

// deliver takes one card from begun to settled and returns how to finish it; nil
// if somebody else has to, because the store did not answer or took it from us.
func (c *delivery) deliver(ctx context.Context, wanted []MessageID) *Finish {
	notices := c.wanted(wanted)
	card, err := c.Template.Render(c.Rules, c.card, c.rec.OpenID, notices, c.rec.Neutral, c.time())
	if err != nil {
		c.Log.ErrorContext(ctx, "template cannot be rendered, correct notify.yml", "alert", "template", "error", err)
		return c.end(ctx, notices, StateDead, ReasonNone)
	}
	if time.Since(c.claimed) > Lease-sendMargin || c.short(ctx, wrapUp) {
		return c.again(c.time(), ReasonNeverSent) // too late to start; the next run does
	}
	reserved, err := c.Store.Reserve(ctx, Reserve{Card: c.card, OpenID: c.rec.OpenID, User: c.rec.User, Template: card.Template})
	if err != nil {
		c.Log.ErrorContext(ctx, "permit not reserved, the next run resumes", "card", c.card, "error", err)
		return nil
	}
	switch reserved.Status {
	case ReserveOK:
		c.step(StepReserved, "")
		return c.send(ctx, card, notices)
	case ReserveNoPermit:
		return c.end(ctx, notices, StateNoPermit, ReasonNone)
	case ReserveUnbound:
		return c.end(ctx, notices, StateUnbound, ReasonNewerBinding)
	case ReserveErased:
		return c.end(ctx, notices, StateErased, ReasonNone)
	case ReserveBusy:
		return c.again(later(reserved.Until, c.time().Add(time.Second)), ReasonBusy)
	}
	return nil
}

// send makes the one request for a reserved card and settles what came of it.
func (c *delivery) send(ctx context.Context, card Card, notices []Notice) *Finish {
	msgID, err := c.WeChat.Send(ctx, card)
	out, detail := delivered, ""
	if err != nil {
		class := ClassOf(err)
		out, detail = outcomes[class], class.String()
		c.logSend(ctx, class, out, err)
	}
	c.step(StepSent, detail)

	end := c.finishAs(out, notices)
	settle := Settle{Card: card.ID, OpenID: card.To, Template: card.Template, State: out.card,
		Permit: out.permit, Final: out.final, MsgID: msgID, Detail: detail}
	if err := c.settle(ctx, settle); err != nil {
		c.Log.ErrorContext(ctx, "outcome not written down, the next run resumes", "card", card.ID, "error", err)
		return nil
	}
	c.step(StepSettled, string(out.permit))
	if out.final == StateDelivered {
		c.count(func(n *Counts) { n.Sent++; n.Merged += len(notices) - 1 })
	}
	end.Steps = c.steps
	c.logFinal(ctx, c.rec.User, end.Final)
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

// finishAs returns how notices go on after a send with outcome out.
func (c *delivery) finishAs(out outcome, notices []Notice) *Finish {
	if out.final != "" {
		return c.finishWith(Final{out.final, ReasonNone, ids(notices)})
	}
	attempt := c.rec.Attempts + 1
	at, ok := out.wait.again(c.Rules.Retry, c.time(), attempt, c.rec.Neutral, c.Jitter())
	if !ok {
		return c.finishWith(Final{StateDead, ReasonAttempts, ids(notices)})
	}
	f := c.again(at, ReasonNone)
	f.Hold = out.wait != waitNeutral
	f.Attempts = attempt
	f.Neutral = out.wait == waitNeutral
	return f
}

// end finishes notices in state s without a send.
func (c *delivery) end(ctx context.Context, notices []Notice, s State, why Reason) *Finish {
	f := c.finishWith(Final{s, why, ids(notices)})
	c.logFinal(ctx, c.rec.User, f.Final)
	return f
}

func (c *delivery) finishWith(last Final) *Finish {
	return &Finish{User: c.rec.User, Lease: c.rec.Lease, Card: c.card, Final: append(c.plan.Final, last), Steps: c.steps}
}

// again finishes with the notices waiting until at.
func (c *delivery) again(at time.Time, why Reason) *Finish {
	c.steps = append(c.steps, Step{At: c.time(), Kind: StepPutOff, Card: c.card, Reason: why, Detail: "until " + clock(at)})
	c.count(func(n *Counts) { n.Retried++ })
	return &Finish{User: c.rec.User, Lease: c.rec.Lease, Card: c.card, Final: c.plan.Final, Again: at,
		Attempts: c.rec.Attempts, Neutral: c.rec.Neutral, Steps: c.steps}
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
	cure := "see the error"
	if h, ok := errors.AsType[interface {
		error
		Cure() string
	}](err); ok && h.Cure() != "" {
		cure = h.Cure()
	}
	c.Log.ErrorContext(ctx, "cards cannot be sent until this is mended: "+cure, "alert", class.String(), "card", c.card, "error", err)
}

// resume ends what an earlier run began for rec and did not finish.
func (p *pass) resume(ctx context.Context, rec Recipient) error {
	r, err := p.Store.Resolve(ctx, *rec.Open)
	if err != nil {
		return err
	}
	f := Finish{User: rec.User, Lease: rec.Lease, Card: rec.Open.ID, Attempts: rec.Attempts, Neutral: rec.Neutral}
	switch r.State {
	case CardSending: // its sender may still be at it
		f.Card, f.Again = "", later(r.Until, p.now.Add(time.Second))
	case CardVoid:
		f.Again = p.now
		f.Steps = []Step{{At: p.time(), Kind: StepPutOff, Card: rec.Open.ID, Reason: ReasonNeverSent}}
	case CardNotSent:
		f.Again = p.now.Add(p.Rules.Retry.Delay(rec.Attempts+1, p.Jitter()))
		f.Hold, f.Attempts = true, rec.Attempts+1
	default:
		why := ReasonNone
		if r.State == CardUnknown {
			why = ReasonStranded
		}
		f.Final = []Final{{r.Final, why, rec.Open.Messages}}
		p.logFinal(ctx, rec.User, f.Final)
	}
	return p.finish(ctx, []Finish{f})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
