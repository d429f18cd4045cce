package notify

import (
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

// An Outcome is what to do after a send: one row of the first table in docs/errors.md.
type Outcome struct {
	permit.End
	wait  wait
	opens opens
	Alert bool // a person has to act
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

// opens says which circuit a result opens: what is not tried for a while, because it would fail for
// everybody.
type opens int

const (
	opensNothing   opens = iota
	opensTemplate        // cards of this template
	opensApp             // all cards
	opensQuota           // all cards, until WeChat's next quota day
	opensAppInARow       // all cards, if it happened to ten different users in a row
)

// notSent is the end of a card that was surely not shown.
var notSent = permit.End{State: permit.CardNotSent, Permit: permit.Refunded}

// outcomes is the table, by class of error. A code that WeChat answers is trusted:
// only ClassUnknown leaves it open whether the card was shown.
var outcomes = map[card.Class]Outcome{
	card.ClassUnknown:       {End: permit.Unanswered, wait: waitReport},
	card.ClassRetry:         {End: notSent, wait: waitBackoff},
	card.ClassMinute:        {End: notSent, wait: waitMinute},
	card.ClassUnreached:     {End: notSent, wait: waitReach},
	card.ClassUnlisted:      {End: notSent, wait: waitBackoff},
	card.ClassQuota:         {End: notSent, wait: waitCircuit, opens: opensQuota},
	card.ClassTemplate:      {End: notSent, wait: waitCircuit, opens: opensTemplate, Alert: true},
	card.ClassOperator:      {End: notSent, wait: waitCircuit, opens: opensApp, Alert: true},
	card.ClassWording:       {End: notSent, wait: waitNeutral},
	card.ClassRefused:       {End: permit.End{State: permit.CardRefused, Permit: permit.Zeroed, Final: fact.StateNoPermit}},
	card.ClassUnknownOpenID: {End: permit.End{State: permit.CardRefused, Permit: permit.Zeroed, Final: fact.StateRefused}, opens: opensAppInARow},
	card.ClassDefect:        {End: permit.End{State: permit.CardNotSent, Permit: permit.Refunded, Final: fact.StateDead}, Alert: true},
}

// reason names a wait in timelines.
func (o Outcome) reason() fact.Reason {
	switch {
	case o.wait == waitNeutral:
		return fact.ReasonWording
	case o.opens == opensQuota:
		return fact.ReasonQuotaDay
	case o.wait == waitCircuit:
		return fact.ReasonOperator
	}
	return fact.ReasonBackoff
}

// why is the reason of the end that the outcome is.
func (o Outcome) why() fact.Reason {
	if o.opens == opensAppInARow {
		return fact.ReasonUnknownOpenID
	}
	return fact.ReasonNone
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
		at = fact.Later(at, now.Truncate(time.Minute).Add(time.Minute+time.Duration(jitter*float64(5*time.Second))))
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
	y, m, d := now.In(fact.Beijing).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, fact.Beijing).Add(time.Duration(jitter * float64(10*time.Minute)))
}

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
