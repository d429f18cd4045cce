package notify

import (
	"slices"
	"time"
)

// finish returns what the plan says for a recipient for whom no card was begun. What the plan
// leaves over is looked at at once, and does not wait for what came in since.
func (c *delivery) finish() Finish {
	f := Finish{User: c.rec.User, Lane: c.rec.Lane, Lease: c.rec.Lease, Final: c.plan.Final, Missed: c.plan.Missed,
		Absence: c.plan.Absence, Carried: c.plan.Carried, Steps: c.steps}
	if c.leavesSome() {
		f.Again = c.time()
	}
	return f
}

// leavesSome reports whether the plan neither sends nor ends all that waits.
func (c *delivery) leavesSome() bool {
	done := append(ids(c.plan.Send), c.plan.Missed...)
	for _, end := range c.plan.Final {
		done = append(done, end.Messages...)
	}
	return slices.ContainsFunc(c.rec.Notices, func(n Notice) bool { return !slices.Contains(done, n.ID) })
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
func (c *delivery) ringing() []Identity {
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
