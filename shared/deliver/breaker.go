package deliver

import (
	"context"
	"slices"
	"sync"
	"time"

	"wxnotify/shared/notify"
)

// probing is for how long one card may try whether a circuit can close, before another
// may. With a shorter retry.max it is that.
const probing = time.Minute

// goneInRow is how many different users in a row WeChat may not know before all cards
// stop: the AppID is wrong, most likely.
const goneInRow = 10

// A breaker is what one pass knows of the circuits. It is safe for concurrent use.
type breaker struct {
	mu   sync.Mutex
	open map[string]notify.Circuit
	gone bool // some openid was not known to WeChat, and no card has arrived since
	told map[string]bool
}

func newBreaker(b notify.Batch) *breaker {
	br := &breaker{open: make(map[string]notify.Circuit, len(b.Circuits)), gone: b.GoneInRow > 0, told: map[string]bool{}}
	for _, c := range b.Circuits {
		br.open[c.Name] = c
	}
	return br
}

// quota reports whether WeChat takes no more cards today.
func (b *breaker) quota(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.open[notify.CircuitQuota]
	return ok && now.Before(c.Until)
}

func (b *breaker) set(c notify.Circuit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[c.Name] = c
}

// first reports whether what is wrong is met for the first time in the pass: cards on their
// way side by side fail alike, and one alert is enough.
func (b *breaker) first(what string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.told[what]
	b.told[what] = true
	return !was
}

// endRow reports whether a row of unknown users ends with the card that has arrived.
func (b *breaker) endRow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.gone
	b.gone = false
	return was
}

// startRow notes that WeChat did not know a user.
func (b *breaker) startRow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
}

// close forgets circuits, and returns those that were there.
func (b *breaker) close(names []string) (closed []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if _, ok := b.open[name]; ok {
			delete(b.open, name)
			closed = append(closed, name)
		}
	}
	return closed
}

// blocked returns until when a card has to wait for circuits, and which of them could
// be tried now.
func (b *breaker) blocked(now time.Time, names []string) (until time.Time, by string, ripe []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		c, ok := b.open[name]
		switch {
		case !ok:
		case !now.Before(c.Until):
			ripe = append(ripe, name)
		case c.Until.After(until):
			until, by = c.Until, name
		}
	}
	return until, by, ripe
}

// passes reports whether no circuit keeps card c back.
func (p *pass) passes(ctx context.Context, c *delivery) bool {
	return !c.heldBack(p.keptBack(ctx, c, c.circuits()))
}

// keptBack returns until when one of circuits keeps card c back, and which; the zero time if none
// does. When one could close, one card of all runs is let through to try.
func (p *pass) keptBack(ctx context.Context, c *delivery, circuits []string) (until time.Time, by string) {
	until, by, ripe := p.breaker.blocked(p.time(), circuits)
	if until.IsZero() {
		while := min(probing, p.Rules.Retry.Max)
		for _, name := range ripe {
			mine, err := p.Store.Probe(ctx, name, while)
			if err != nil {
				p.Log.WarnContext(ctx, "circuit not tried", "circuit", name, "error", err)
			}
			until, by = p.time().Add(while), name
			p.breaker.set(notify.Circuit{Name: name, Until: until})
			if !mine {
				break
			}
			c.probes = append(c.probes, name)
			until = time.Time{}
		}
	}
	return until, by
}

// admitted returns those of cards that no circuit keeps back which has opened since they
// were let through, and puts the others off.
func (p *pass) admitted(ctx context.Context, cards []*delivery) []*delivery {
	var through []*delivery
	var rest []notify.Finish
	for _, c := range cards {
		names := slices.DeleteFunc(c.circuits(), func(name string) bool { return slices.Contains(c.probes, name) })
		until, by, _ := p.breaker.blocked(p.time(), names)
		if c.heldBack(until, by) {
			rest = append(rest, c.PutOff(c.time()))
		} else {
			through = append(through, c)
		}
	}
	p.finish(ctx, rest)
	return through
}

// leavesAlone has c try the circuit of its template no more.
func (c *delivery) leavesAlone() {
	own := string(c.Template().ID())
	c.probes = slices.DeleteFunc(c.probes, func(name string) bool { return name == own })
}

// circuits are those that can keep c back.
func (c *delivery) circuits() []string {
	return []string{notify.CircuitApp, notify.CircuitQuota, string(c.Template().ID())}
}

// heldBack has c wait until circuit by may close, and reports whether it has to.
func (c *delivery) heldBack(until time.Time, by string) bool {
	if !until.IsZero() {
		c.HeldBack(until, by)
	}
	return !until.IsZero()
}

// goneInRow counts users whom WeChat does not know, and reports whether there were so many of them
// that something else must be wrong.
func (c *delivery) goneInRow(ctx context.Context, r notify.Result) bool {
	switch {
	case r.Gone():
		c.breaker.startRow()
		n, err := c.Store.CountGone(ctx, c.Recipient.OpenID)
		if err != nil || n < goneInRow {
			return false
		}
		c.Log.ErrorContext(ctx, "WeChat knows none of the last users: check WECHAT_APPID", "alert", "gone", "in_a_row", goneInRow)
		return true
	case r.Card == notify.CardDelivered && c.breaker.endRow():
		if _, err := c.Store.CountGone(ctx, ""); err != nil {
			c.Log.WarnContext(ctx, "the row of unknown users goes on", "error", err)
		}
	}
	return false
}

// trip opens the circuit that an outcome calls for, and closes those that the card has
// shown to be sound.
func (c *delivery) trip(ctx context.Context, r notify.Result) {
	circuit := c.Opens(r, c.goneInRow(ctx, r))
	if circuit.Name != "" {
		c.breaker.set(circuit)
		if err := c.Store.Trip(ctx, circuit); err != nil {
			c.Log.WarnContext(ctx, "circuit not written down", "circuit", circuit.Name, "error", err)
		}
		return
	}
	if !r.Judged() || len(c.probes) == 0 {
		return
	}
	for _, name := range c.breaker.close(c.probes) {
		if err := c.Store.CloseCircuit(ctx, name); err != nil {
			c.Log.WarnContext(ctx, "circuit not closed, it is tried again", "circuit", name, "error", err)
		}
	}
}
