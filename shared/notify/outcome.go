package notify

import "time"

// An outcome is what to do after a send: one row of the table in docs/design.md.
type outcome struct {
	card   CardState
	permit PermitFate
	final  State // of the notices; empty: they wait again
	wait   wait
	alert  bool // a person has to act
}

// A wait says when notices that were surely not announced are tried again.
type wait int

const (
	waitBackoff  wait = iota // soon, then ever more slowly, as often as the rules allow
	waitLong                 // every Retry.Max, while they live: somebody has to mend something
	waitQuotaDay             // when WeChat's next quota day begins
	waitNeutral              // at once, with neutral text; a second refusal is the end
)

// delivered is the outcome of a send without an error.
var delivered = outcome{card: CardDelivered, permit: PermitSpent, final: StateDelivered}

// outcomes is the table, by class of error. A code that WeChat answers is trusted:
// only ClassUnknown leaves it open whether the card was shown.
var outcomes = map[Class]outcome{
	ClassUnknown:   {card: CardUnknown, permit: PermitSpent, final: StateUnknown},
	ClassRetry:     {card: CardNotSent, permit: PermitRefunded, wait: waitBackoff},
	ClassUnreached: {card: CardNotSent, permit: PermitRefunded, wait: waitBackoff},
	ClassUnlisted:  {card: CardNotSent, permit: PermitRefunded, wait: waitBackoff},
	ClassQuota:     {card: CardNotSent, permit: PermitRefunded, wait: waitQuotaDay},
	ClassOperator:  {card: CardNotSent, permit: PermitRefunded, wait: waitLong, alert: true},
	ClassWording:   {card: CardNotSent, permit: PermitRefunded, wait: waitNeutral},
	ClassRefused:   {card: CardRefused, permit: PermitZeroed, final: StateNoPermit},
	ClassGone:      {card: CardRefused, permit: PermitZeroed, final: StateRefused},
	ClassDefect:    {card: CardRefused, permit: PermitRefunded, final: StateDead, alert: true},
}

// reason names a wait in timelines.
func (w wait) reason() Reason {
	return [...]Reason{waitBackoff: ReasonBackoff, waitLong: ReasonOperator, waitQuotaDay: ReasonQuotaDay, waitNeutral: ReasonWording}[w]
}

// next says when to try again after an outcome without an end, and what to carry
// there, or that it is no use.
func (o outcome) next(r Retry, c Carried, now time.Time, jitter float64) (next Carried, at time.Time, ok bool) {
	switch o.wait {
	case waitLong:
		return c, now.Add(r.Max), true
	case waitQuotaDay:
		// Quotas are counted anew some time after Beijing midnight; the jitter spreads
		// the backlog over the first ten minutes.
		y, m, d := now.In(beijing).Date()
		return c, time.Date(y, m, d+1, 0, 0, 0, 0, beijing).Add(time.Duration(jitter * float64(10*time.Minute))), true
	case waitNeutral:
		ok = !c.Neutral
		c.Neutral = true
		return c, now, ok
	}
	c.Attempts++
	return c, now.Add(r.Delay(c.Attempts, jitter)), c.Attempts < r.Attempts
}
