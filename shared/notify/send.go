package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	rec    Recipient
	plan   Plan
	card   CardID
	names  Names
	probes []string // circuits that this card tries
	steps  []Step
}

// template returns the one that announces what the card carries.
func (c *delivery) template() *Template { return c.Templates.For(c.plan.Kind) }

// A crew sends the cards of one lane, Workers at a time. A send that hangs holds up no other
// card, as long as the others of the crew are at work.
type crew struct {
	*pass
	slots   chan struct{} // holds one for each card on its way
	sending sync.WaitGroup
	done    chan Finish
	written chan struct{} // closed when done is closed and empty
}

// crew returns one at work. Who is done with it waits for it.
func (p *pass) crew(ctx context.Context) *crew {
	w := &crew{pass: p, slots: make(chan struct{}, p.Rules.Workers), done: make(chan Finish, p.Rules.Workers),
		written: make(chan struct{})}
	go w.write(ctx)
	return w
}

// wait waits until all cards are sent and finished.
func (w *crew) wait() {
	w.sending.Wait()
	close(w.done)
	<-w.written
}

// hire waits for slots for up to n cards and returns how many it got: rather some soon than
// all late, but not one by one, which would cost a round trip for each card.
func (w *crew) hire(n int) int {
	n = min(n, cap(w.slots))
	least := min(n, max(1, cap(w.slots)/4))
	for got := range n {
		if got < least {
			w.slots <- struct{}{}
			continue
		}
		select {
		case w.slots <- struct{}{}:
		default:
			return got
		}
	}
	return n
}

// free gives n slots back.
func (w *crew) free(n int) {
	for range n {
		<-w.slots
	}
}

// write finishes what the crew has done, together with what is done soon after it.
func (w *crew) write(ctx context.Context) {
	defer close(w.written)
	for f := range w.done {
		fs, more := []Finish{f}, true
		soon := time.NewTimer(20 * time.Millisecond)
		for more && len(fs) < cap(w.done) {
			select {
			case f, more = <-w.done:
				if more {
					fs = append(fs, f)
				}
			case <-soon.C:
				more = false
			}
		}
		soon.Stop()
		w.finish(ctx, fs)
	}
}

// sendAll takes cards, for which there are slots, through the protocol: begin together,
// each on its own through reserve, send and settle. It does not wait for the sends.
func (w *crew) sendAll(ctx context.Context, cards []*delivery) error {
	if len(cards) == 0 {
		return nil
	}
	w.checkUnread(ctx, cards)
	begins := make([]Begin, len(cards))
	for i, c := range cards {
		begins[i] = Begin{User: c.rec.User, Lane: c.rec.Lane, Lease: c.rec.Lease, Card: c.card,
			Template: c.template().ID(), Messages: ids(c.plan.Send), At: w.time()}
	}
	wanted, err := w.Store.Begin(ctx, begins)
	if wanted == nil {
		w.free(len(cards))
		return err
	}
	if err != nil {
		w.Log.ErrorContext(ctx, "some cards could not be begun", "alert", "store", "error", err)
	}
	recalled, known := w.recalled(ctx, cards)
	for i, c := range cards {
		w.sending.Go(func() {
			defer w.free(1)
			var end *Finish
			switch {
			case len(wanted[i]) == 0:
				f := c.finish()
				if err != nil { // it may be one of those
					f.Again = c.time().Add(time.Second)
				}
				end = &f
			case !known && c.ofGroups():
				end = c.again(firstExpiry(c.time().Add(recalledAgain), c.plan.Send), ReasonNeverSent)
			default:
				end = c.deliver(ctx, c.carried(wanted[i], recalled))
			}
			if end != nil {
				w.done <- *end
			}
		})
	}
	return nil
}

// timeFor reports whether a send that begins now can be settled before the run, or the
// lease of its recipient, ends.
func (p *pass) timeFor(ctx context.Context) bool {
	const least = sendBudget + settleBudget
	return !short(ctx, least) && time.Since(p.claimed)+least < Lease
}

// messagesAhead bounds how long cards of messages wait for their turn: a call's card waits
// behind them.
const messagesAhead = 5 * time.Second

// turn waits until n cards of a lane may be sent. If that would be too late for this run or
// for the leases, it waits for nothing and returns when to try again. A store that does not
// say stops nobody: WeChat's own limits hold.
func (p *pass) turn(ctx context.Context, lane Lane, n int) (full time.Time) {
	for {
		most := Lease - wrapUp - time.Since(p.claimed)
		if deadline, ok := ctx.Deadline(); ok {
			most = min(most, time.Until(deadline)-wrapUp)
		}
		ahead := most
		if lane == LaneMessages {
			ahead = min(most, messagesAhead)
		}
		wait, reserved, err := p.Store.PaceWithin(ctx, "send", p.Rules.SendsPerSecond, n, ahead)
		if err != nil {
			p.Log.WarnContext(ctx, "the pace of sends is not known", "error", err)
			return time.Time{}
		}
		if reserved {
			sleep(ctx, wait)
			return time.Time{}
		}
		if wait > most || ctx.Err() != nil {
			return p.time().Add(wait)
		}
		sleep(ctx, max(wait-ahead, 50*time.Millisecond)) // then there is room, unless another run takes it
	}
}

// checkUnread asks IM what the recipients of digests have not read, and drops what they
// have: they may have read it on a device that reports nothing. IM counts one-to-one
// conversations only.
func (p *pass) checkUnread(ctx context.Context, cards []*delivery) {
	var wg sync.WaitGroup
	for _, c := range cards {
		if c.plan.Digest && c.rec.Lane == LaneMessages {
			wg.Go(func() { c.dropRead(ctx) })
		}
	}
	wg.Wait()
}

// dropRead ends those notices of a digest that IM no longer counts as unread.
func (c *delivery) dropRead(ctx context.Context) {
	var peers []UserID
	for _, n := range c.plan.Send {
		if n.Kind == KindMessage && n.Group == "" && !slices.Contains(peers, n.From) {
			peers = append(peers, n.From)
		}
	}
	if len(peers) == 0 {
		return
	}
	total, by, err := c.IM.Unread(ctx, c.rec.User, peers)
	if err != nil {
		c.Log.WarnContext(ctx, "IM did not say what is unread", "error", err)
		return
	}
	var unread, read []Notice
	for _, n := range c.plan.Send {
		left, told := by[n.From]
		if n.Kind == KindMessage && n.Group == "" && (total == 0 || told && left == 0) {
			read = append(read, n)
		} else {
			unread = append(unread, n)
		}
	}
	c.plan.Send = unread
	c.plan.end(StateRead, ReasonUnreadNone, read)
}

// recalled returns which of the group messages on cards were taken back: a recall is
// kept with the group, not with each member. known is false if the store did not say.
func (p *pass) recalled(ctx context.Context, cards []*delivery) (recalled map[MessageID]bool, known bool) {
	var refs []GroupMessageRef
	for _, c := range cards {
		for _, n := range c.plan.Send {
			if n.ofGroup() {
				refs = append(refs, GroupMessageRef{n.Group, n.Seq})
			}
		}
	}
	if len(refs) == 0 {
		return nil, true
	}
	recalled, err := p.Store.Recalled(ctx, refs)
	if err != nil {
		p.Log.WarnContext(ctx, "it is not known which group messages were recalled, their cards wait", "error", err)
	}
	return recalled, err == nil
}

// recalledAgain is after how long the store is asked again what was recalled.
const recalledAgain = 3 * time.Second

// ofGroup reports whether the notice is of a message that was sent to a group.
func (n Notice) ofGroup() bool {
	return n.Group != "" && n.Kind != KindCall && n.Kind != KindMissedCall
}

// ofGroups reports whether the card tells of messages of groups.
func (c *delivery) ofGroups() bool { return slices.ContainsFunc(c.plan.Send, Notice.ofGroup) }

// carried returns the notices that the card carries, oldest first, and ends those that
// were recalled.
func (c *delivery) carried(wanted []MessageID, recalled map[MessageID]bool) []Notice {
	want := make(map[MessageID]bool, len(wanted))
	for _, id := range wanted {
		want[id] = true
	}
	var notices, gone []Notice
	for _, n := range c.plan.Send {
		switch {
		case !want[n.ID]:
		case n.Group != "" && recalled[n.ID]:
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
	if !c.timeFor(ctx) {
		return c.again(c.time(), ReasonNeverSent) // too late to start; the next run does
	}
	reserved, err := c.Store.Reserve(ctx, c.reserve(card, notices))
	if err != nil {
		c.Log.ErrorContext(ctx, "permit not reserved", "card", c.card, "error", err)
		return c.release(ctx, card, notices)
	}
	if reserved.Status != ReserveOK {
		return c.notReserved(reserved, notices)
	}
	c.counted(notices)
	c.step(StepReserved, "")
	return c.send(ctx, card, notices)
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
	f.Steps[len(f.Steps)-1].Detail += fmt.Sprintf(", %d left, %d kept", r.Left, r.Keep)
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
	sendCtx, cancel := context.WithTimeout(ctx, sendBudget)
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
		if err == nil || !sleep(ctx, 500*time.Millisecond) {
			return state, err
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
		_, err = c.Store.Settle(ctx, Settle{Card: card.ID, OpenID: card.To, Template: card.Template,
			State: CardNotSent, Permit: PermitRefunded, Detail: ClassUnreached.String()})
	}
	if err != nil {
		return nil // the next run resumes
	}
	f, _ := c.finishAs(outcomes[ClassUnreached], ClassUnreached, errors.New("the store did not answer"), notices, c.time())
	return f
}

// finishAs returns how notices go on after a send with outcome out, and the state in
// which they end, or "" if they wait.
func (c *delivery) finishAs(out outcome, class Class, cause error, notices []Notice, now time.Time) (*Finish, State) {
	if out.wait == waitReport {
		f := c.end(nil, "", ReasonNone)
		f.Handed = ids(notices)
		return f, ""
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

// finish returns what the plan says for a recipient for whom no card was begun.
func (c *delivery) finish() Finish {
	return Finish{User: c.rec.User, Lane: c.rec.Lane, Lease: c.rec.Lease, Final: c.plan.Final, Missed: c.plan.Missed,
		Absence: c.plan.Absence, Carried: c.plan.Carried, Steps: c.steps}
}

// putOff finishes with nothing sent, until the plan wants another look.
func (c *delivery) putOff() Finish {
	f := c.finish()
	f.Again = c.plan.Again
	if !f.Again.IsZero() {
		f.Steps = append(f.Steps, Step{At: c.time(), Kind: StepPutOff, Reason: c.plan.Why,
			Messages: c.ringing(), Detail: until(c.time(), f.Again)})
	}
	return f
}

// ringing returns what a step in the lane of calls is about; in the other it is all that
// waits.
func (c *delivery) ringing() []MessageID {
	if c.rec.Lane == LaneCalls {
		return ids(c.rec.Notices)
	}
	return nil
}

// dissolve finishes with a card that carries nothing any more.
func (c *delivery) dissolve() *Finish {
	f := c.finish()
	f.Card = c.card
	return &f
}

// end finishes notices in state s. What they had to go through is forgotten with them.
func (c *delivery) end(notices []Notice, s State, why Reason) *Finish {
	f := c.dissolve()
	f.Carried = Carried{}
	if len(notices) > 0 {
		f.Final = append(f.Final, Final{s, why, ids(notices)})
	}
	return f
}

// dead gives notices up, and keeps a letter from which they can be announced again.
func (c *delivery) dead(notices []Notice, class Class, cause error, why Reason) *Finish {
	f := c.end(notices, StateDead, why)
	f.Dead = &DeadLetter{ID: string(c.card), User: c.rec.User, OpenID: c.rec.OpenID, Card: c.card, Kind: c.plan.Kind,
		Template: c.template().ID(), Messages: ids(notices), From: senders(notices), At: c.time(), Class: class.String()}
	if cause != nil {
		f.Dead.Cause = firstRunes(cause.Error(), 200)
	}
	return f
}

// again finishes with the notices waiting until at.
func (c *delivery) again(at time.Time, why Reason) *Finish {
	c.steps = append(c.steps, Step{At: c.time(), Kind: StepPutOff, Card: c.card, Reason: why, Detail: until(c.time(), at)})
	c.count(func(n *Counts) { n.Retried++ })
	f := c.dissolve()
	f.Again = at
	return f
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
