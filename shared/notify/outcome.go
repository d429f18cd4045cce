package notify

import "time"

// An Outcome is what to do after a send: one row of the table in docs/rules.md.
type Outcome struct {
	Card   CardState
	Permit PermitFate
	Final  State // of the notices; empty: they wait again, or with an unknown card for its end
	wait   wait
	opens  opens
	Alert  bool // a person has to act
}

// A wait says when notices that were surely not announced are tried again.
type wait int

const (
	waitBackoff wait = iota // soon, then ever more slowly, as often as the rules allow
	waitReach               // likewise, for as long as they live: nothing was sent
	waitMinute              // from the next minute on, as often as the rules allow
	waitCircuit             // when the circuit that this send opened is tried again
	waitNeutral             // at once, with neutral text; a second refusal is the end
	waitReport              // not at all: the card may have been shown, and WeChat may yet tell
)

// A trip says what is not tried for a while, because it would fail for everybody.
type opens int

const (
	opensNothing   opens = iota
	opensTemplate        // cards of this template
	opensApp             // all cards
	opensQuota           // all cards, until WeChat's next quota day
	opensAppInARow       // all cards, if it happened to ten different users in a row
)

// delivered is the outcome of a send without an error.
var delivered = Outcome{Card: CardDelivered, Permit: PermitSpent, Final: StateDelivered}

// undelivered is the outcome of a card that WeChat reports as failed. Nobody documents whether it
// gives the permit back.
var undelivered = Outcome{Card: CardRefused, Permit: PermitSpent, Final: StateRefused}

// reported is the outcome that WeChat reports of a card.
func reported(r Sent) Outcome {
	if r.Failed == "" {
		return delivered
	}
	return undelivered
}

// outcomes is the table, by class of error. A code that WeChat answers is trusted:
// only ClassUnknown leaves it open whether the card was shown.
var outcomes = map[Class]Outcome{
	ClassUnknown:       {Card: CardUnknown, Permit: PermitHeld, wait: waitReport},
	ClassRetry:         {Card: CardNotSent, Permit: PermitRefunded, wait: waitBackoff},
	ClassMinute:        {Card: CardNotSent, Permit: PermitRefunded, wait: waitMinute},
	ClassUnreached:     {Card: CardNotSent, Permit: PermitRefunded, wait: waitReach},
	ClassUnlisted:      {Card: CardNotSent, Permit: PermitRefunded, wait: waitBackoff},
	ClassQuota:         {Card: CardNotSent, Permit: PermitRefunded, wait: waitCircuit, opens: opensQuota},
	ClassTemplate:      {Card: CardNotSent, Permit: PermitRefunded, wait: waitCircuit, opens: opensTemplate, Alert: true},
	ClassOperator:      {Card: CardNotSent, Permit: PermitRefunded, wait: waitCircuit, opens: opensApp, Alert: true},
	ClassWording:       {Card: CardNotSent, Permit: PermitRefunded, wait: waitNeutral},
	ClassRefused:       {Card: CardRefused, Permit: PermitZeroed, Final: StateNoPermit},
	ClassUnknownOpenID: {Card: CardRefused, Permit: PermitZeroed, Final: StateRefused, opens: opensAppInARow},
	ClassDefect:        {Card: CardNotSent, Permit: PermitRefunded, Final: StateDead, Alert: true},
}

// reason names a wait in timelines.
func (o Outcome) reason() Reason {
	switch {
	case o.wait == waitNeutral:
		return ReasonWording
	case o.opens == opensQuota:
		return ReasonQuotaDay
	case o.wait == waitCircuit:
		return ReasonOperator
	}
	return ReasonBackoff
}

// why is the reason of the end that the outcome is.
func (o Outcome) why() Reason {
	if o.opens == opensAppInARow {
		return ReasonUnknownOpenID
	}
	return ReasonNone
}

// Judged reports whether WeChat has judged the card itself: then neither the app, nor the
// template, nor the quota stood in its way.
func (o Outcome) Judged() bool { return o.Final != "" || o.wait == waitNeutral }

// next says when to try again after an outcome without an end, and what to carry
// there, or that it is no use.
func (o Outcome) next(r Retry, c Carried, now time.Time, jitter float64) (next Carried, at time.Time, ok bool) {
	switch o.wait {
	case waitCircuit:
		return c, o.reopens(r, now, jitter), true
	case waitNeutral:
		ok = !c.Neutral
		c.Neutral = true
		return c, now, ok
	}
	c.Attempts++
	at = now.Add(r.Delay(c.Attempts, jitter))
	if o.wait == waitMinute {
		at = later(at, now.Truncate(time.Minute).Add(time.Minute+time.Duration(jitter*float64(5*time.Second))))
	}
	return c, at, c.Attempts < r.Attempts || o.wait == waitReach
}

// reopens returns when a circuit that is opened now is tried again.
func (o Outcome) reopens(r Retry, now time.Time, jitter float64) time.Time {
	if o.opens != opensQuota {
		return now.Add(r.Max)
	}
	// Quotas are counted anew some time after Beijing midnight; the jitter spreads the
	// backlog over the first ten minutes.
	y, m, d := now.In(Beijing).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, Beijing).Add(time.Duration(jitter * float64(10*time.Minute)))
}

// maybeShown reports whether the card may have been shown: then it is paid for, sooner or later.
func (f PermitFate) maybeShown() bool { return f == PermitSpent || f == PermitHeld }

// gone reports whether WeChat does not know the openid.
func (t Settle) gone() bool { return t.Final == outcomes[ClassUnknownOpenID].Final }

// UnknownOpenID reports whether WeChat did not know the openid.
func (o Outcome) UnknownOpenID() bool { return o.opens == opensAppInARow }

// Opens returns the circuit that a result opens; one without a name if none. allUnknown: so many openids
// in a row were not known to WeChat that it must be the app.
func (a *Attempt) Opens(r Result, allUnknown bool) Circuit {
	c := Circuit{Until: r.reopens(a.Rules.Retry, r.At, a.Card.Jitter()), Detail: r.Class.String()}
	switch {
	case r.opens == opensTemplate:
		c.Name = string(a.Template().ID())
	case r.opens == opensApp, r.opens == opensAppInARow && allUnknown:
		c.Name = CircuitApp
	case r.opens == opensQuota:
		c.Name = CircuitQuota
	}
	return c
}
