package notify

import (
	"errors"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/keyword"
	"wxnotify/shared/permit"
)

// An Attempt is one look at a recipient, and the card that may come of it: what is asked of the store
// for it, and how the recipient goes on after each turn that it takes. It is pure: who sends the card
// does what it says. now is the store's time at each turn.
type Attempt struct {
	Rules     Rules
	Templates card.Templates
	Recipient Recipient
	Plan      Plan
	Card      card.ID
	// Instead: the template of messages stands in for the kind's own.
	Instead bool
	Steps   []Step
}

// NewAttempt decides about a recipient. groups are those of whose calls IM says that the recipient is
// no member.
func NewAttempt(rules Rules, templates card.Templates, look Look, rec Recipient, groups map[fact.GroupID]bool) *Attempt {
	plan := rules.Decide(look, rec)
	plan.turnAway(groups)
	return &Attempt{Rules: rules, Templates: templates, Recipient: rec, Plan: plan, Card: newCardID(rec)}
}

// Note adds a step to what the recipient's timeline is told.
func (a *Attempt) Note(now time.Time, kind StepKind, word string) {
	a.Steps = append(a.Steps, Step{At: now, Kind: kind, Card: a.Card, Detail: word})
}

// Template returns the one that announces what the card carries.
func (a *Attempt) Template() *card.Template {
	if a.Instead {
		return a.Templates.For(fact.KindMessage)
	}
	return a.Templates.For(a.Plan.Kind)
}

// templateID is that of the card which was begun, or else of the one that would be.
func (a *Attempt) templateID() fact.TemplateID {
	if open := a.Recipient.Open; open != nil {
		return open.Template
	}
	return a.Template().ID()
}

// CanFallBack reports whether the template of messages may stand in for the kind's own.
func (a *Attempt) CanFallBack(notices []card.Notice) bool {
	return a.Rules.FallbackToMessage && ofAbsence(notices) && a.templateID() != a.Templates.For(fact.KindMessage).ID()
}

// FallBack has the template of messages stand in for one that has no permit.
func (a *Attempt) FallBack(notices []card.Notice) {
	a.counted(notices)
	a.Instead = true
}

// Begin asks to move what the plan sends into the card; or, when it is there, what is still wanted
// of it.
func (a *Attempt) Begin(now time.Time) Begin {
	return Begin{User: a.Recipient.User, Queue: a.Recipient.Queue, Lease: a.Recipient.Lease, Card: a.Card,
		Template: a.Template().ID(), Messages: identities(a.Plan.Send), At: now}
}

// Carries returns the notices that the card carries, oldest first, and ends those of groups that were
// recalled.
func (a *Attempt) Carries(wanted []fact.Identity, recalled map[fact.MessageID]bool) []card.Notice {
	want := make(map[fact.Identity]bool, len(wanted))
	for _, id := range wanted {
		want[id] = true
	}
	var notices, gone []card.Notice
	for _, n := range a.Plan.Send {
		switch {
		case !want[n.ID]:
		case n.OfGroup() && recalled[fact.GroupMessageID(n.Group, n.Seq)]:
			gone = append(gone, n)
		default:
			notices = append(notices, n)
		}
	}
	a.Plan.End(fact.StateRecalled, fact.ReasonNone, gone)
	return notices
}

// carrying is the card with what it carries.
func (a *Attempt) carrying(notices []card.Notice) permit.Card {
	return permit.Card{ID: a.Card, OpenID: a.Recipient.OpenID, User: a.Recipient.User, Queue: a.Recipient.Queue,
		Template: a.Template().ID(), Messages: identities(notices), LongTerm: a.Template().LongTerm(), UnknownAfter: a.Rules.UnknownAfter}
}

// Reserve asks for the permit that pays for the card.
func (a *Attempt) Reserve(notices []card.Notice) permit.Reserve {
	return permit.Reserve{
		Card: a.carrying(notices),
		// A digest that has a template of its own takes nothing from first cards.
		Digest: a.Plan.Digest && a.Template().ID() == a.Templates.For(fact.KindMessage).ID(),
		Keep:   a.Rules.KeepForFirst, Learn: a.Rules.KeepLearning,
		NewAbsence: !a.Recipient.Absence.Counted && ofAbsence(notices),
		PerHour:    a.Rules.UserSendsPerHour,
	}
}

// Reserved notes that a permit is held for the card.
func (a *Attempt) Reserved(now time.Time, notices []card.Notice) {
	a.counted(notices)
	a.Note(now, StepReserved, "")
}

// NotReserved returns how to finish a card for which there is no permit, or not now; nil if somebody
// else does.
func (a *Attempt) NotReserved(now time.Time, r permit.Reserved, notices []card.Notice) *Finish {
	switch r.Status {
	case permit.ReserveNoPermit:
		a.counted(notices)
		return a.end(now, notices, fact.StateNoPermit, fact.ReasonNone)
	case permit.ReserveUnknownOpenID:
		return a.end(now, notices, fact.StateRefused, fact.ReasonUnknownOpenID)
	case permit.ReserveUnbound:
		return a.end(now, notices, fact.StateUnbound, fact.ReasonNewerBinding)
	case permit.ReserveErased:
		return a.end(now, notices, fact.StateErased, fact.ReasonNone)
	case permit.ReserveKept:
		return a.keep(now, r)
	case permit.ReserveTooMany:
		return a.Again(now, fact.Later(r.Until, now.Add(time.Second)), fact.ReasonTooMany)
	case permit.ReserveBusy: // for as long as a send takes, as a rule, and for a lease at most
		return a.Again(now, now.Add(time.Second), fact.ReasonBusy)
	}
	return nil
}

// keep puts a digest off that would spend a permit which a coming absence may need.
func (a *Attempt) keep(now time.Time, r permit.Reserved) *Finish {
	absence := a.Recipient.Absence
	absence.Kept, absence.Last = absence.Kept+1, now
	at := a.Rules.digestDue(absence)
	if a.Recipient.Queue == card.QueueCalls { // it rings on, and may be answered
		at = a.Plan.Send[0].Expires
	}
	f := a.Again(now, at, fact.ReasonKept)
	if a.Recipient.Queue == card.QueueMessages {
		f.Absence = AbsenceKept
	}
	step := &f.Steps[len(f.Steps)-1]
	step.Left, step.Keep = r.Left, r.Keep
	return f
}

// counted notes that the ledger has learnt of this absence.
func (a *Attempt) counted(notices []card.Notice) {
	if ofAbsence(notices) {
		a.Plan.Absence = AbsenceCounted
	}
}

// told notes that a card has gone, for all we know.
func (a *Attempt) told(notices []card.Notice) {
	if ofAbsence(notices) {
		a.Plan.Absence = AbsenceTold
	}
}

// ofAbsence reports whether a card with notices is one of those that an absence counts:
// announcements are no first cards, and begin no digest.
func ofAbsence(notices []card.Notice) bool {
	return !slices.ContainsFunc(notices, func(n card.Notice) bool { return n.Announcement != nil })
}

// A Result is what came of a send.
type Result struct {
	Outcome
	Class card.Class // of Cause
	Cause error      // why WeChat did not take the card; nil: it did
	MsgID int64      // WeChat's id of the message; 0 if it told none
	At    time.Time
}

// ResultOf returns what came of a send that ended with err at a time.
func ResultOf(msgID int64, err error, at time.Time) Result {
	if err == nil {
		return Result{Outcome: Outcome{End: permit.Delivered}, MsgID: msgID, At: at}
	}
	class := card.ClassOf(err)
	return Result{outcomes[class], class, err, msgID, at}
}

// word names the class of what went wrong; "" if nothing did.
func (r Result) word() string {
	if r.Cause == nil {
		return ""
	}
	return r.Class.String()
}

// Sent returns how to finish a card that was sent, and what to write down of it.
func (a *Attempt) Sent(r Result, notices []card.Notice) (*Finish, permit.Settle) {
	a.Note(r.At, StepSent, r.word())
	if r.State == permit.CardDelivered || r.State == permit.CardUnknown {
		a.told(notices)
	}
	f, final := a.finish(r, notices)
	s := permit.Settle{Card: a.carrying(notices), End: permit.End{State: r.State, Permit: r.Permit, Final: final},
		MsgID: r.MsgID, Detail: r.word(), Drift: r.Class == card.ClassRefused}
	if r.State == permit.CardDelivered {
		for _, n := range notices {
			s.Delay = max(s.Delay, r.At.Sub(n.SentAt))
		}
	}
	return f, s
}

// GivenUp returns how to finish a card that was sent so slowly that another run gave it up as unknown:
// Reconcile tells its end.
func (a *Attempt) GivenUp(now time.Time, notices []card.Notice) *Finish {
	return a.handed(now, notices)
}

// Returned returns what to write down of a card of which nothing was sent, and nothing will be.
func (a *Attempt) Returned() permit.Settle {
	return permit.Settle{Card: a.carrying(nil), End: notSent, Detail: card.ClassUnreached.String()}
}

// Unreached returns how to finish a card that is surely not sent, because the store did not answer.
func (a *Attempt) Unreached(now time.Time, notices []card.Notice) *Finish {
	f, _ := a.finish(Result{outcomes[card.ClassUnreached], card.ClassUnreached, errors.New("the store did not answer"), 0, now}, notices)
	return f
}

// finish returns how notices go on after a send, and the state in which they end, or "" if they wait.
func (a *Attempt) finish(r Result, notices []card.Notice) (*Finish, fact.State) {
	switch {
	case r.wait == waitReport:
		return a.handed(r.At, notices), ""
	case r.Class == card.ClassRefused && a.CanFallBack(notices): // the ledger is empty now: the next try falls back
		return a.Again(r.At, r.At, fact.ReasonNeverSent), ""
	case r.Final == fact.StateDead:
		return a.Dead(r.At, notices, r.Class, r.Cause, fact.ReasonNone), fact.StateDead
	case r.Final != "":
		return a.end(r.At, notices, r.Final, r.why()), r.Final
	}
	next, at, ok := r.next(a.Rules.Retry, a.Plan.Carried, r.At, a.Card.Jitter())
	if !ok {
		return a.Dead(r.At, notices, r.Class, r.Cause, fact.ReasonAttempts), fact.StateDead
	}
	if r.wait == waitCircuit {
		at = FirstExpiry(at, notices)
	}
	f := a.Again(r.At, at, r.reason())
	f.Carried = next
	f.Hold = r.wait != waitNeutral
	return f, ""
}

// Unsent returns how to finish a recipient for whom no card was begun. What the plan leaves over is
// looked at at once, and does not wait for what came in since.
func (a *Attempt) Unsent(now time.Time) Finish {
	f := Finish{User: a.Recipient.User, Queue: a.Recipient.Queue, Lease: a.Recipient.Lease, Final: a.Plan.Final, Unanswered: a.Plan.Unanswered,
		Absence: a.Plan.Absence, Carried: a.Plan.Carried, Steps: a.Steps}
	if a.leavesSome() {
		f.Again = now
	}
	return f
}

// leavesSome reports whether the plan neither sends nor ends all that waits.
func (a *Attempt) leavesSome() bool {
	done := append(identities(a.Plan.Send), a.Plan.Unanswered...)
	for _, end := range a.Plan.Final {
		done = append(done, end.Messages...)
	}
	return slices.ContainsFunc(a.Recipient.Notices, func(n card.Notice) bool { return !slices.Contains(done, n.ID) })
}

// WaitForCircuit has the recipient wait until a circuit may close.
func (a *Attempt) WaitForCircuit(until time.Time, circuit string) {
	why := fact.ReasonOperator
	if circuit == CircuitQuota {
		why = fact.ReasonQuotaDay
	}
	a.Plan.Send, a.Plan.Again, a.Plan.Why = nil, FirstExpiry(until, a.Recipient.Notices), why
}

// PutOff finishes with nothing sent, until the plan wants another look.
func (a *Attempt) PutOff(now time.Time) Finish {
	f := a.Unsent(now)
	f.Again = a.Plan.Again
	if f.Again.IsZero() {
		return f
	}
	step := Step{At: now, Kind: StepPutOff, Reason: a.Plan.Why, Until: f.Again}
	if a.Recipient.Queue == card.QueueCalls { // in the other queue it is about all that waits
		step.Messages = identities(a.Recipient.Notices)
	}
	f.Steps = append(f.Steps, step)
	return f
}

// Dissolve finishes with a card that carries nothing any more.
func (a *Attempt) Dissolve(now time.Time) *Finish {
	f := a.Unsent(now)
	f.Card = a.Card
	return &f
}

// end finishes notices in state s. What they had to go through is forgotten with them.
func (a *Attempt) end(now time.Time, notices []card.Notice, s fact.State, why fact.Reason) *Finish {
	f := a.Dissolve(now)
	f.Carried = Carried{}
	if len(notices) > 0 {
		f.Final = append(f.Final, Final{s, why, identities(notices)})
	}
	return f
}

// handed finishes with notices whose end Reconcile tells.
func (a *Attempt) handed(now time.Time, notices []card.Notice) *Finish {
	f := a.end(now, nil, "", fact.ReasonNone)
	f.Handed = identities(notices)
	return f
}

// Dead gives notices up, and keeps a letter from which they can be announced again.
func (a *Attempt) Dead(now time.Time, notices []card.Notice, class card.Class, cause error, why fact.Reason) *Finish {
	f := a.end(now, notices, fact.StateDead, why)
	f.Dead = &DeadLetter{ID: string(a.Card), User: a.Recipient.User, OpenID: a.Recipient.OpenID, Card: a.Card, Kind: a.Plan.Kind,
		Template: a.templateID(), Messages: identities(notices), From: senders(notices), At: now, Class: class.String()}
	if cause != nil {
		f.Dead.Cause = keyword.First(cause.Error(), 200)
	}
	return f
}

// Again finishes with the notices waiting until at.
func (a *Attempt) Again(now, at time.Time, why fact.Reason) *Finish {
	a.Steps = append(a.Steps, Step{At: now, Kind: StepPutOff, Card: a.Card, Reason: why, Until: at})
	f := a.Dissolve(now)
	f.Again = at
	return f
}

// Retries reports whether a card was begun, and what it carries waits for another.
func (f Finish) Retries() bool {
	return f.Card != "" && slices.ContainsFunc(f.Steps, func(s Step) bool { return s.Kind == StepPutOff && s.Card == f.Card })
}

// FirstExpiry returns when the first of notices expires, if that is before until: what
// waits for a circuit ends in time, and while it is known why.
func FirstExpiry(until time.Time, notices []card.Notice) time.Time {
	for _, n := range notices {
		until = fact.Earlier(until, n.Expires)
	}
	return until
}

// Resume returns how a recipient goes on whose card an earlier run began and did not finish, given how
// that card has ended.
func Resume(rules Rules, templates card.Templates, rec Recipient, r permit.Resolved, now time.Time) *Finish {
	a := &Attempt{Rules: rules, Templates: templates, Recipient: rec, Plan: Plan{Carried: rec.Carried}, Card: rec.Open.ID}
	for _, n := range rec.Notices {
		if slices.Contains(rec.Open.Messages, n.ID) {
			a.Plan.Send = append(a.Plan.Send, n)
		}
	}
	carried := a.Plan.Send
	switch r.State {
	case permit.CardSending: // its sender may still be at it
		f := a.Unsent(now)
		f.Again = fact.Later(r.Until, now.Add(time.Second))
		return &f
	case permit.CardVoid:
		return a.Again(now, now, fact.ReasonNeverSent)
	case permit.CardDelivered, permit.CardUnknown:
		a.told(carried)
	}
	switch {
	case r.Handed || r.State == permit.CardUnknown:
		return a.handed(now, carried)
	case r.Final == fact.StateDead:
		return a.Dead(now, carried, card.ClassNamed(r.Detail), nil, fact.ReasonNone)
	case r.Final != "":
		return a.end(now, carried, r.Final, fact.ReasonNone)
	}
	// Surely not sent: as the run would have gone on that found out.
	class := card.ClassNamed(r.Detail)
	f, _ := a.finish(Result{Outcome: outcomes[class], Class: class, At: now}, carried)
	return f
}

// newCardID names a card after the lease under which it is begun, so that no two runs
// ever give two cards one name.
func newCardID(rec Recipient) card.ID { return card.ID(rec.Lease + "-" + string(rec.User)) }
