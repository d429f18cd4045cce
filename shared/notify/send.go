package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/stopwatch"
)

// settleBudget is how long writing down an outcome may take, whatever has become of
// the run's own context: the send has happened, and its outcome must not be lost.
const settleBudget = 5 * time.Second

// sendBudget bounds one send, from when its permit is asked for, token included. What has not been
// answered by then is unknown.
const sendBudget = 12 * time.Second

// A delivery is one card on its way to one recipient.
type delivery struct {
	*pass
	rec     Recipient
	plan    Plan
	card    CardID
	names   Names
	probes  []string        // circuits that this card tries
	instead bool            // the template of messages stands in for the kind's own
	waited  bool            // for another card to the same user
	looked  stopwatch.Watch // since IM was asked where the recipient is
	asked   stopwatch.Watch // for the permit, the last time
	steps   []Step
}

// template returns the one that announces what the card carries.
func (c *delivery) template() *Template {
	if c.instead {
		return c.Templates.For(KindMessage)
	}
	return c.Templates.For(c.plan.Kind)
}

// canFallBack reports whether the template of messages may stand in for the kind's own.
func (c *delivery) canFallBack(notices []Notice) bool {
	return c.Rules.FallbackToMessage && c.ofAbsence(notices) && c.template().ID() != c.Templates.For(KindMessage).ID()
}

// fallBack takes a card whose own template has no permit through the rest of the protocol with the
// template of messages. Nothing of it was reserved before.
func (c *delivery) fallBack(ctx context.Context, notices []Notice) *Finish {
	c.counted(notices)
	c.leavesAlone()
	c.instead = true
	if until, _ := c.keptBack(ctx, c, []string{string(c.template().ID())}); !until.IsZero() {
		return c.again(firstExpiry(until, notices), ReasonOperator)
	}
	return c.deliver(ctx, notices)
}

// timeFor reports whether a send that begins now can be settled before the run, or the
// lease of its recipient, ends.
func (p *pass) timeFor(ctx context.Context) bool {
	const least = sendBudget + settleBudget
	return !short(ctx, least) && p.claimed.Elapsed()+least < Lease
}

// carried returns the notices that the card carries, oldest first, and ends those that
// were recalled.
func (c *delivery) carried(wanted []Identity, recalled map[MessageID]bool) []Notice {
	want := make(map[Identity]bool, len(wanted))
	for _, id := range wanted {
		want[id] = true
	}
	var notices, gone []Notice
	for _, n := range c.plan.Send {
		switch {
		case !want[n.ID]:
		case n.ofGroup() && recalled[GroupMessageID(n.Group, n.Seq)]:
			gone = append(gone, n)
		default:
			notices = append(notices, n)
		}
	}
	c.plan.end(StateRecalled, ReasonNone, gone)
	return notices
}

// deliver takes one card from begun to settled and returns how to finish it; nil
// if somebody else has to, because the store did not answer or took it from us.
func (c *delivery) deliver(ctx context.Context, notices []Notice) *Finish {
	if len(notices) == 0 {
		return c.dissolve()
	}
	card, err := c.template().Render(c.Rules, c.card, c.rec.OpenID, notices, c.names, c.rec.Neutral, c.time())
	if err != nil {
		c.Log.ErrorContext(ctx, "template cannot be rendered, correct notify.yml", "alert", "template", "error", err)
		return c.dead(notices, ClassDefect, err, ReasonNone)
	}
	if !c.timeFor(ctx) || c.looked.Elapsed() >= freshFor {
		return c.again(c.time(), ReasonNeverSent) // too late to start; the next look does
	}
	reserved, err := c.reserveInTurn(ctx, c.reserve(card, notices))
	if err != nil {
		c.Log.ErrorContext(ctx, "permit not reserved", "card", c.card, "error", err)
		return c.release(ctx, card, notices)
	}
	if reserved.Status == ReserveNoPermit && c.canFallBack(notices) {
		return c.fallBack(ctx, notices)
	}
	if reserved.Status != ReserveOK {
		return c.notReserved(reserved, notices)
	}
	c.counted(notices)
	c.step(StepReserved, "")
	if c.waited {
		wanted, err := c.stillWanted(ctx, notices)
		switch {
		case err != nil:
			c.Log.ErrorContext(ctx, "it is not known whether the call rings on", "card", c.card, "error", err)
			return c.release(ctx, card, notices)
		case !wanted:
			return c.giveUp(ctx, card)
		}
	}
	return c.send(ctx, card, notices)
}

// stillWanted reports whether all of notices, which were begun, are still to be announced.
func (c *delivery) stillWanted(ctx context.Context, notices []Notice) (bool, error) {
	wanted, err := c.Store.Begin(ctx, []Begin{c.begin()})
	if err != nil {
		return false, err
	}
	ended := func(n Notice) bool { return !slices.Contains(wanted[0], n.ID) }
	return !slices.ContainsFunc(notices, ended), nil
}

// begin asks to move what the plan sends into the card; or, when it is there, what is still wanted
// of it.
func (c *delivery) begin() Begin {
	return Begin{User: c.rec.User, Lane: c.rec.Lane, Lease: c.rec.Lease, Card: c.card,
		Template: c.template().ID(), Messages: ids(c.plan.Send), At: c.time()}
}

// reserveInTurn reserves. A call goes next: while another card is on its way to its user, it
// asks again every few milliseconds, for three seconds at most.
func (c *delivery) reserveInTurn(ctx context.Context, r Reserve) (Reserved, error) {
	for tries := 1; ; tries++ {
		c.asked = stopwatch.Start()
		reserved, err := c.Store.Reserve(ctx, r)
		waits := err == nil && reserved.Status == ReserveBusy && r.Lane == LaneCalls
		if !waits || tries == 150 || !c.timeFor(ctx) || !stopwatch.Sleep(ctx, 20*time.Millisecond) {
			return reserved, err
		}
		c.waited = true
	}
}

// reserve asks for the permit that pays for the card.
func (c *delivery) reserve(card Card, notices []Notice) Reserve {
	t := c.template()
	return Reserve{
		Card: c.card, OpenID: c.rec.OpenID, User: c.rec.User, Lane: c.rec.Lane, Template: card.Template,
		Messages: ids(notices), LongTerm: t.LongTerm(),
		// A digest that has a template of its own takes nothing from first cards.
		Digest: c.plan.Digest && t.ID() == c.Templates.For(KindMessage).ID(),
		Keep:   c.Rules.KeepForFirst, Learn: c.Rules.KeepLearning,
		NewAbsence: !c.rec.Absence.Counted && c.ofAbsence(notices),
		PerHour:    c.Rules.UserSendsPerHour, UnknownAfter: c.Rules.UnknownAfter,
	}
}

// notReserved returns how to finish a card for which there is no permit, or not now.
func (c *delivery) notReserved(r Reserved, notices []Notice) *Finish {
	switch r.Status {
	case ReserveNoPermit:
		c.counted(notices)
		return c.end(notices, StateNoPermit, ReasonNone)
	case ReserveGone:
		return c.end(notices, StateRefused, ReasonGone)
	case ReserveUnbound:
		return c.end(notices, StateUnbound, ReasonNewerBinding)
	case ReserveErased:
		return c.end(notices, StateErased, ReasonNone)
	case ReserveKept:
		return c.keep(r)
	case ReserveTooMany:
		return c.again(later(r.Until, c.time().Add(time.Second)), ReasonTooMany)
	case ReserveBusy: // for as long as a send takes, as a rule, and for a lease at most
		return c.again(c.time().Add(time.Second), ReasonBusy)
	}
	return nil
}

// keep puts a digest off that would spend a permit which a coming absence may need.
func (c *delivery) keep(r Reserved) *Finish {
	a := c.rec.Absence
	a.Kept, a.Last = a.Kept+1, c.time()
	at := c.Rules.digestDue(a)
	if c.rec.Lane == LaneCalls { // it rings on, and may be answered
		at = c.plan.Send[0].Expires
	}
	f := c.again(at, ReasonKept)
	if c.rec.Lane == LaneMessages {
		f.Absence = AbsenceKept
	}
	f.Steps[len(f.Steps)-1].Detail += fmt.Sprintf(", "+permitsDetail, r.Left, r.Keep)
	return f
}

// counted notes that the ledger has learnt of this absence.
func (c *delivery) counted(notices []Notice) {
	if c.ofAbsence(notices) {
		c.plan.Absence = AbsenceCounted
	}
}

// told notes that a card has gone, for all we know.
func (c *delivery) told(notices []Notice) {
	if c.ofAbsence(notices) {
		c.plan.Absence = AbsenceTold
	}
}

// ofAbsence reports whether a card with notices is one of those that an absence counts:
// announcements are no first cards, and begin no digest.
func (c *delivery) ofAbsence(notices []Notice) bool { return notices[0].Announcement == nil }

// send makes the one request for a reserved card and settles what came of it.
func (c *delivery) send(ctx context.Context, card Card, notices []Notice) *Finish {
	sendCtx, cancel := context.WithTimeout(ctx, sendBudget-c.asked.Elapsed())
	msgID, err := c.WeChat.Send(sendCtx, card)
	cancel()
	now := c.time()
	out, class := delivered, Class(0)
	detail := ""
	if err != nil {
		class = ClassOf(err)
		out, detail = outcomes[class], class.String()
		c.logSend(ctx, class, out, err)
	}
	c.step(StepSent, detail)
	if out.card == CardDelivered || out.card == CardUnknown {
		c.told(notices)
	}

	end, final := c.finishAs(out, class, err, notices, now)
	state, err := c.settle(ctx, Settle{Card: card.ID, OpenID: card.To, Template: card.Template, State: out.card,
		Permit: out.permit, Final: final, MsgID: msgID, Detail: detail, LongTerm: c.template().LongTerm(), Drift: class == ClassRefused,
		User: c.rec.User, Lane: c.rec.Lane, Messages: ids(notices), UnknownAfter: c.Rules.UnknownAfter})
	if err != nil {
		c.Log.ErrorContext(ctx, "outcome not written down, the next run resumes", "card", card.ID, "error", err)
		return nil
	}
	if state == CardUnknown && out.card != CardUnknown {
		// We were slow, and the card was given up before: Reconcile tells its end.
		end, _ = c.finishAs(outcomes[ClassUnknown], ClassUnknown, nil, notices, now)
	}
	c.step(StepSettled, string(out.permit))
	c.trip(ctx, class, out, now)
	if state == CardDelivered {
		c.count(func(n *Counts) { n.Sent++ })
	}
	end.Steps = c.steps
	return end
}

// settle writes an outcome down, and tries again: it is the one thing that must not
// be lost.
func (c *delivery) settle(ctx context.Context, s Settle) (CardState, error) {
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
func (c *delivery) release(ctx context.Context, card Card, notices []Notice) *Finish {
	if !c.voided(ctx, card) {
		return nil // the next run resumes
	}
	f, _ := c.finishAs(outcomes[ClassUnreached], ClassUnreached, errors.New("the store did not answer"), notices, c.time())
	return f
}

// giveUp returns the permit of a card of which something has ended before it was sent. What is
// left goes on a new card at once.
func (c *delivery) giveUp(ctx context.Context, card Card) *Finish {
	if !c.voided(ctx, card) {
		return nil // the next run resumes
	}
	c.step(StepSettled, string(PermitRefunded))
	return c.dissolve()
}

// voided makes sure that the card, which this run has not sent, is not sent and holds no permit,
// and reports whether it could: who was slow may find it given up as unknown.
func (c *delivery) voided(ctx context.Context, card Card) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	r, err := c.Store.Resolve(ctx, OpenCard{ID: card.ID, OpenID: card.To, Template: card.Template})
	if err == nil && r.State == CardSending { // nobody but us would send it
		r.State, err = c.Store.Settle(ctx, Settle{Card: card.ID, OpenID: card.To, Template: card.Template,
			State: CardNotSent, Permit: PermitRefunded, Detail: ClassUnreached.String()})
	}
	return err == nil && r.State != CardUnknown
}

// finishAs returns how notices go on after a send with outcome out, and the state in
// which they end, or "" if they wait.
func (c *delivery) finishAs(out outcome, class Class, cause error, notices []Notice, now time.Time) (*Finish, State) {
	if out.wait == waitReport {
		f := c.end(nil, "", ReasonNone)
		f.Handed = ids(notices)
		return f, ""
	}
	if class == ClassRefused && c.canFallBack(notices) { // the ledger is empty now: the next try falls back
		return c.again(now, ReasonNeverSent), ""
	}
	if out.final == StateDead {
		return c.dead(notices, class, cause, ReasonNone), StateDead
	}
	if out.final != "" {
		return c.end(notices, out.final, out.why()), out.final
	}
	next, at, ok := out.next(c.Rules.Retry, c.plan.Carried, now, c.card.jitter())
	if !ok {
		return c.dead(notices, class, cause, ReasonAttempts), StateDead
	}
	if out.wait == waitCircuit {
		at = firstExpiry(at, notices)
	}
	f := c.again(at, out.reason())
	f.Carried = next
	f.Hold = out.wait != waitNeutral
	return f, ""
}

func (c *delivery) step(kind StepKind, detail string) {
	c.steps = append(c.steps, Step{At: c.time(), Kind: kind, Card: c.card, Detail: detail})
}

func (c *delivery) logSend(ctx context.Context, class Class, out outcome, err error) {
	if !out.alert || !c.breaker.first(class.String()+" "+string(c.template().ID())) {
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
