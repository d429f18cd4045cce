package notify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// period is how often the timer starts deliver: what falls due later is the next
	// run's.
	period = 60 * time.Second
	// poll is how often a waiting run looks for what came in meanwhile.
	poll = time.Second
	// wrapUp is how much of an invocation's time is kept back: no new work is begun
	// in it.
	wrapUp = 15 * time.Second
	// claimLimit is how many recipients one pass takes: one IM presence call's worth.
	claimLimit = 500
)

// A Deliverer sends the cards that are due. Its fields are set once; it is then
// safe for concurrent use, by many instances at once.
type Deliverer struct {
	Store    Store
	IM       Asker
	WeChat   Sender
	Rules    Rules
	Template *Template
	Log      *slog.Logger
	// Jitter returns random numbers in [0,1) that spread retries.
	Jitter func() float64
}

// Counts is what a run did.
type Counts struct {
	Claimed   int       `json:"claimed"`
	Sent      int       `json:"sent"`
	Merged    int       `json:"merged"`    // notices that travelled on another's card
	Cancelled int       `json:"cancelled"` // notices that ended without a card
	Retried   int       `json:"retried"`
	Dead      int       `json:"dead"`
	NextDue   time.Time `json:"nextDue,omitzero"`
}

// Run works until nothing falls due within the next timer period, waiting inside
// the invocation for what does, or until ctx's deadline is near. It does not fail: the
// platform would only repeat it, and the timer starts the next run anyway. When the
// store does not answer it says so in the log and ends; what was begun is finished by
// a later run.
func (d *Deliverer) Run(ctx context.Context) Counts {
	var total Counts
	if err := d.run(ctx, &total); err != nil {
		d.Log.ErrorContext(ctx, "run ended early, the next one goes on", "alert", "store", "error", err)
	}
	return total
}

func (d *Deliverer) run(ctx context.Context, total *Counts) error {
	started := time.Now()
	for {
		now, n, err := d.pass(ctx, total)
		if err != nil {
			return err
		}
		if d.short(ctx, wrapUp) {
			return nil
		}
		if n > 0 {
			continue
		}
		total.NextDue, err = d.Store.Rest(ctx, now.Add(period-time.Since(started)))
		if err != nil {
			return err
		}
		if total.NextDue.IsZero() || !sleep(ctx, min(total.NextDue.Sub(now), poll)) {
			return nil
		}
	}
}

// Pass does what is due now, once, without waiting. It returns what it did.
func (d *Deliverer) Pass(ctx context.Context) (Counts, error) {
	var c Counts
	_, _, err := d.pass(ctx, &c)
	return c, err
}

// pass claims, asks and acts once. It returns the store's time and how many
// recipients it claimed.
func (d *Deliverer) pass(ctx context.Context, c *Counts) (time.Time, int, error) {
	claimed := time.Now()
	batch, err := d.Store.Claim(ctx, claimLimit)
	if err != nil {
		return time.Time{}, 0, err
	}
	if batch.Skipped != nil {
		d.Log.ErrorContext(ctx, "recipients in the store cannot be read", "alert", "store", "error", batch.Skipped)
	}
	p := &pass{Deliverer: d, now: batch.Now, claimed: claimed, counts: c}
	c.Claimed += len(batch.Recipients)

	var waiting []Recipient
	for _, rec := range batch.Recipients {
		if rec.Open != nil {
			if err := p.resume(ctx, rec); err != nil {
				return batch.Now, 0, err
			}
			continue
		}
		waiting = append(waiting, rec)
	}
	if err := p.announce(ctx, waiting); err != nil {
		return batch.Now, 0, err
	}
	return batch.Now, len(batch.Recipients), nil
}

// A pass is one look at what is due. Its clock is the store's.
type pass struct {
	*Deliverer
	now     time.Time // of the claim, by the store's clock
	claimed time.Time // of the claim, by our own monotonic clock

	mu     sync.Mutex // guards counts: cards are delivered side by side
	counts *Counts
}

// count changes the counts.
func (p *pass) count(change func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p.counts)
}

// time returns the store's time, as far as we can tell without asking.
func (p *pass) time() time.Time { return p.now.Add(time.Since(p.claimed)) }

// announce asks IM about all recipients at once, decides, and sends.
func (p *pass) announce(ctx context.Context, recs []Recipient) error {
	if len(recs) == 0 {
		return nil
	}
	status := p.ask(ctx, recs)
	var rest []Finish
	var cards []*delivery
	for _, rec := range recs {
		plan := p.Rules.Decide(p.now, rec, status[rec.User])
		p.logFinal(ctx, rec.User, plan.Final)
		asked := Step{At: p.time(), Kind: StepAsked, Detail: status[rec.User].String()}
		if len(plan.Send) > 0 {
			cards = append(cards, &delivery{pass: p, rec: rec, plan: plan, card: newCardID(rec), steps: []Step{asked}})
			continue
		}
		f := Finish{User: rec.User, Lease: rec.Lease, Final: plan.Final, Again: plan.Again,
			AskedSince: plan.AskedSince, Attempts: rec.Attempts, Neutral: rec.Neutral, Steps: []Step{asked}}
		if !plan.Again.IsZero() {
			f.Steps = append(f.Steps, Step{At: p.time(), Kind: StepPutOff, Reason: plan.Why, Detail: "until " + clock(plan.Again)})
		}
		rest = append(rest, f)
	}
	if err := p.finish(ctx, rest); err != nil {
		return err
	}
	for len(cards) > 0 && !p.short(ctx, wrapUp) {
		n := min(len(cards), p.Rules.Workers)
		if err := p.sendAll(ctx, cards[:n]); err != nil {
			return err
		}
		cards = cards[n:]
	}
	return nil
}

// ask returns what IM says of recs. Users of whom it says nothing are StatusUnknown.
func (p *pass) ask(ctx context.Context, recs []Recipient) map[UserID]Status {
	users := make([]UserID, len(recs))
	for i, rec := range recs {
		users[i] = rec.User
	}
	status, err := p.IM.Presence(ctx, users)
	if err != nil {
		p.Log.WarnContext(ctx, "IM did not say who is online", "asked", len(users), "answered", len(status), "error", err)
	}
	return status
}

// finish hands recipients back and counts their ends.
func (p *pass) finish(ctx context.Context, fs []Finish) error {
	if len(fs) == 0 {
		return nil
	}
	for i := range fs {
		for _, f := range fs[i].Final {
			fs[i].Steps = append(fs[i].Steps, Step{At: p.time(), Kind: StepFinal, Card: fs[i].Card,
				Messages: f.Messages, State: f.State, Reason: f.Reason})
			if f.State != StateDelivered {
				p.counts.Cancelled += len(f.Messages)
			}
			if f.State == StateDead {
				p.counts.Dead++
			}
		}
	}
	return p.Store.Finish(ctx, fs)
}

func (p *pass) logFinal(ctx context.Context, user UserID, finals []Final) {
	for _, f := range finals {
		p.Log.InfoContext(ctx, "messages ended", "user", user, "messages", len(f.Messages), "state", f.State, "reason", f.Reason)
	}
}

// short reports whether less than d of ctx's time is left.
func (d *Deliverer) short(ctx context.Context, left time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < left
}

// sleep waits for d, and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func clock(t time.Time) string { return t.In(beijing).Format("15:04:05") }

// newCardID names a card after the lease under which it is begun, so that no two
// runs ever give two cards one name.
func newCardID(rec Recipient) CardID { return CardID(fmt.Sprintf("%s-%s", rec.Lease, rec.User)) }
