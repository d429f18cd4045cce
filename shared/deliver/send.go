package deliver

import (
	"context"
	"errors"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/stopwatch"
)

// settleBudget is how long writing down an outcome may take, whatever has become of
// the run's own context: the send has happened, and its outcome must not be lost.
const settleBudget = 5 * time.Second

// A delivery is one card on its way to one recipient.
type delivery struct {
	*pass
	*notify.Attempt
	names    card.Names
	halfOpen []string        // circuits that this card tries
	waited   bool            // for another card to the same user
	looked   stopwatch.Watch // since IM was asked where the recipient is
	asked    stopwatch.Watch // for the permit, the last time
}

// timeFor reports whether a send that begins now can be settled before the run, or the
// lease of its recipient, ends.
func (p *pass) timeFor(ctx context.Context) bool {
	const least = permit.SendBudget + settleBudget
	return !stopwatch.Short(ctx, least) && p.claimed.Elapsed()+least < permit.Lease
}

// deliver takes one card from begun to settled and returns how to finish it; nil
// if somebody else has to, because the store did not answer or took it from us.
func (c *delivery) deliver(ctx context.Context, notices []card.Notice) *notify.Finish {
	if len(notices) == 0 {
		return c.Dissolve(c.time())
	}
	rendered, err := c.Template().Render(c.Attempt.Rules.Style, c.Card, c.Recipient.OpenID, notices, c.names, c.Recipient.Neutral, c.time())
	if err != nil {
		c.Log.ErrorContext(ctx, "template cannot be rendered, correct notify.yml", "alert", "template", "error", err)
		return c.Dead(c.time(), notices, card.ClassDefect, err, fact.ReasonNone)
	}
	if !c.timeFor(ctx) || c.looked.Elapsed() >= freshFor {
		return c.Again(c.time(), c.time(), fact.ReasonNeverSent) // too late to start; the next look does
	}
	reserved, err := c.reserveInTurn(ctx, c.Reserve(notices))
	if err != nil {
		c.Log.ErrorContext(ctx, "permit not reserved", "card", c.Card, "error", err)
		return c.release(ctx, notices)
	}
	if reserved.Status == permit.ReserveNoPermit && c.CanFallBack(notices) {
		return c.fallBack(ctx, notices)
	}
	if reserved.Status != permit.ReserveOK {
		return c.NotReserved(c.time(), reserved, notices)
	}
	c.Reserved(c.time(), notices)
	if c.waited {
		wanted, err := c.stillWanted(ctx, notices)
		switch {
		case err != nil:
			c.Log.ErrorContext(ctx, "it is not known whether the call rings on", "card", c.Card, "error", err)
			return c.release(ctx, notices)
		case !wanted:
			return c.giveUp(ctx)
		}
	}
	return c.send(ctx, rendered, notices)
}

// fallBack takes a card whose own template has no permit through the rest of the protocol with the
// template of messages. Nothing of it was reserved before.
func (c *delivery) fallBack(ctx context.Context, notices []card.Notice) *notify.Finish {
	own := string(c.Template().ID())
	c.halfOpen = slices.DeleteFunc(c.halfOpen, func(name string) bool { return name == own }) // it is not sent with it
	c.FallBack(notices)
	if until, _ := c.blockedUntil(ctx, []string{string(c.Template().ID())}); !until.IsZero() {
		return c.Again(c.time(), notify.FirstExpiry(until, notices), fact.ReasonOperator)
	}
	return c.deliver(ctx, notices)
}

// stillWanted reports whether all of notices, which were begun, are still to be announced.
func (c *delivery) stillWanted(ctx context.Context, notices []card.Notice) (bool, error) {
	wanted, err := c.Store.Begin(ctx, []notify.Begin{c.Begin(c.time())})
	if err != nil {
		return false, err
	}
	ended := func(n card.Notice) bool { return !slices.Contains(wanted[0], n.ID) }
	return !slices.ContainsFunc(notices, ended), nil
}

// reserveInTurn reserves. A call goes next: while another card is on its way to its user, it
// asks again every few milliseconds, for three seconds at most.
func (c *delivery) reserveInTurn(ctx context.Context, r permit.Reserve) (permit.Reserved, error) {
	const patience = 3 * time.Second // by the clock: a store may be slow
	for waiting := stopwatch.Start(); ; {
		c.asked = stopwatch.Start()
		reserved, err := c.Store.Reserve(ctx, r)
		waits := err == nil && reserved.Status == permit.ReserveBusy && r.Queue == card.QueueCalls
		if !waits || waiting.Elapsed() >= patience || !c.timeFor(ctx) || !stopwatch.Sleep(ctx, 20*time.Millisecond) {
			return reserved, err
		}
		c.waited = true
	}
}

// send makes the one request for a reserved card and settles what came of it.
func (c *delivery) send(ctx context.Context, rendered card.Card, notices []card.Notice) *notify.Finish {
	sendCtx, cancel := context.WithTimeout(ctx, permit.SendBudget-c.asked.Elapsed())
	msgID, err := c.WeChat.Send(sendCtx, rendered)
	cancel()
	result := notify.ResultOf(msgID, err, c.time())
	if err != nil {
		c.logSend(ctx, result)
	}
	end, outcome := c.Sent(result, notices)
	state, err := c.settle(ctx, outcome)
	if err != nil {
		c.Log.ErrorContext(ctx, "outcome not written down, the next run resumes", "card", rendered.ID, "error", err)
		return nil
	}
	if state == permit.CardUnknown && result.State != permit.CardUnknown {
		end = c.GivenUp(result.At, notices)
	}
	c.Note(c.time(), notify.StepSettled, string(result.Permit))
	end.Steps = c.Steps
	c.afterSend(ctx, result)
	if state == permit.CardDelivered {
		c.count(func(n *Counts) { n.Sent++ })
	}
	return end
}

// settle writes an outcome down, and tries again: it is the one thing that must not
// be lost.
func (c *delivery) settle(ctx context.Context, s permit.Settle) (permit.CardState, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	for {
		state, err := c.Store.Settle(ctx, s)
		if err == nil || !stopwatch.Sleep(ctx, 500*time.Millisecond) {
			return state, err
		}
	}
}

// release makes sure that the card is not sent, when it is unknown whether a permit
// was reserved for it, and has its notices wait.
func (c *delivery) release(ctx context.Context, notices []card.Notice) *notify.Finish {
	if !c.voided(ctx) {
		return nil // the next run resumes
	}
	return c.Unreached(c.time(), notices)
}

// giveUp returns the permit of a card of which something has ended before it was sent. What is
// left goes on a new card at once.
func (c *delivery) giveUp(ctx context.Context) *notify.Finish {
	if !c.voided(ctx) {
		return nil // the next run resumes
	}
	c.Note(c.time(), notify.StepSettled, string(permit.Refunded))
	return c.Dissolve(c.time())
}

// voided makes sure that the card, which this run has not sent, is not sent and holds no permit,
// and reports whether it could: who was slow may find it given up as unknown.
func (c *delivery) voided(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	returned := c.Returned()
	r, err := c.Store.Resolve(ctx, permit.OpenCard{ID: returned.ID, OpenID: returned.OpenID, Template: returned.Template})
	if err == nil && r.State == permit.CardSending { // nobody but us would send it
		r.State, err = c.Store.Settle(ctx, returned)
	}
	return err == nil && r.State != permit.CardUnknown
}

func (c *delivery) logSend(ctx context.Context, r notify.Result) {
	if !r.Alert || !c.circuits.first(r.Class.String()+" "+string(c.Template().ID())) {
		c.Log.WarnContext(ctx, "card not delivered", "card", c.Card, "class", r.Class.String(), "error", r.Cause)
		return
	}
	cure, _ := cureOf(r.Cause)
	c.Log.ErrorContext(ctx, "cards cannot be sent until this is mended: "+cure, "alert", r.Class.String(), "card", c.Card, "error", r.Cause)
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
