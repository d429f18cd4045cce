package deliver

import (
	"context"
	"slices"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// halfOpenFor is for how long no other card tries a circuit that one card is trying: retry.max, and
// this at most.
const halfOpenFor = time.Minute

// unknownInARow is after how many different openids in a row that WeChat does not know all cards
// stop: the AppID is wrong, most likely.
const unknownInARow = 10

// circuitsOf returns the names of the circuits that can keep a card back.
func (c *delivery) circuitsOf() []string {
	return []string{notify.CircuitApp, notify.CircuitQuota, string(c.Template().ID())}
}

// admitted reports whether no circuit keeps a card back. If one does, the plan waits for it.
func (c *delivery) admitted(ctx context.Context) bool {
	return !c.waitsForCircuit(c.blockedUntil(ctx, c.circuitsOf()))
}

// blockedUntil returns until when one of names keeps a card back, and which; the zero time if none
// does. When the time of a circuit is over, one card of all runs is sent to try whether it can close.
func (c *delivery) blockedUntil(ctx context.Context, names []string) (until time.Time, by string) {
	until, by, ripe := c.circuits.blocked(c.time(), names)
	if !until.IsZero() {
		return until, by
	}
	while := min(halfOpenFor, c.pass.Rules.Retry.Max)
	for _, name := range ripe {
		mine, err := c.Store.TryCircuit(ctx, name, while)
		if err != nil {
			c.Log.WarnContext(ctx, "circuit not tried", "circuit", name, "error", err)
		}
		until, by = c.time().Add(while), name
		c.circuits.open(notify.Circuit{Name: name, Until: until})
		if !mine {
			return until, by
		}
		c.halfOpen = append(c.halfOpen, name)
		until = time.Time{}
	}
	return until, by
}

// waitsForCircuit has the plan wait until a circuit may close, and reports whether it has to.
func (c *delivery) waitsForCircuit(until time.Time, by string) bool {
	if !until.IsZero() {
		c.WaitForCircuit(until, by)
	}
	return !until.IsZero()
}

// stillAdmitted returns those of cards whose circuits have not opened since they were admitted. The
// others are put off.
func (p *pass) stillAdmitted(ctx context.Context, cards []*delivery) (still []*delivery) {
	var rest []notify.Finish
	for _, c := range cards {
		names := slices.DeleteFunc(c.circuitsOf(), func(name string) bool { return slices.Contains(c.halfOpen, name) })
		until, by, _ := p.circuits.blocked(p.time(), names)
		if c.waitsForCircuit(until, by) {
			rest = append(rest, c.PutOff(c.time()))
		} else {
			still = append(still, c)
		}
	}
	p.finish(ctx, rest)
	return still
}

// afterSend opens the circuit that a result calls for, or closes those that the card was sent to try.
func (c *delivery) afterSend(ctx context.Context, r notify.Result) {
	circuit := c.Opens(r, c.manyUnknown(ctx, r))
	if circuit.Name != "" {
		c.circuits.open(circuit)
		if err := c.Store.OpenCircuit(ctx, circuit); err != nil {
			c.Log.WarnContext(ctx, "circuit not written down", "circuit", circuit.Name, "error", err)
		}
		return
	}
	if !r.Judged() || len(c.halfOpen) == 0 {
		return
	}
	for _, name := range c.circuits.close(c.halfOpen) {
		if err := c.Store.CloseCircuit(ctx, name); err != nil {
			c.Log.WarnContext(ctx, "circuit not closed, it is tried again", "circuit", name, "error", err)
		}
	}
}

// manyUnknown counts openids in a row that WeChat does not know, begins anew when a card has arrived,
// and reports whether there were so many that something else must be wrong.
func (c *delivery) manyUnknown(ctx context.Context, r notify.Result) bool {
	switch {
	case r.UnknownOpenID():
		c.circuits.setUnknown(true)
		n, err := c.Store.CountUnknownOpenID(ctx, c.Recipient.OpenID)
		if err != nil || n < unknownInARow {
			return false
		}
		c.Log.ErrorContext(ctx, "WeChat knows none of the last users: check WECHAT_APPID", "alert", "gone", "in_a_row", unknownInARow)
		return true
	case r.State == permit.CardDelivered && c.circuits.setUnknown(false):
		if _, err := c.Store.CountUnknownOpenID(ctx, ""); err != nil {
			c.Log.WarnContext(ctx, "the row of unknown openids goes on", "error", err)
		}
	}
	return false
}
