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
	// wrapUp is how much of an invocation's time, and of a lease, is kept back: no card is
	// begun in it.
	wrapUp = sendBudget + settleBudget + 3*time.Second
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
	Cancelled int       `json:"cancelled"` // notices that ended, and were not delivered
	Retried   int       `json:"retried"`   // cards that were put off
	Dead      int       `json:"dead"`      // notices given up
	NextDue   time.Time `json:"nextDue,omitzero"`
}

// Run works until nothing falls due within the next timer period, waiting inside
// the invocation for what does, or until ctx's deadline is near. It does not fail: the
// platform would only repeat it, and the timer starts the next run anyway. When the
// store does not answer it says so in the log and ends; what was begun is finished by
// a later run.
func (d *Deliverer) Run(ctx context.Context) Counts {
	var total Counts
	if short(ctx, wrapUp) {
		d.Log.WarnContext(ctx, "too little time for a card, the next run goes on; give deliver a timeout of minutes", "needed", wrapUp.String())
		return total
	}
	if err := d.run(ctx, &total); err != nil {
		d.Log.ErrorContext(ctx, "run ended early, the next one goes on", "alert", "store", "error", err)
	}
	return total
}

func (d *Deliverer) run(ctx context.Context, total *Counts) error {
	started := time.Now()
	for !short(ctx, wrapUp) {
		now, n, err := d.pass(ctx, total)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		total.NextDue, err = d.Store.Rest(ctx, now.Add(period-time.Since(started)))
		if err != nil {
			return err
		}
		if total.NextDue.IsZero() || !sleep(ctx, d.nap(total.NextDue.Sub(now))) {
			return nil
		}
	}
	return nil
}

// nap returns how long a waiting run sleeps before it looks again, when something is
// due in d: not so long that what comes in meanwhile would be late. The least is for
// stores whose shards do not agree on the time.
func (d *Deliverer) nap(due time.Duration) time.Duration {
	return min(max(due, 50*time.Millisecond), max(d.Rules.Lead, time.Second), 3*time.Second)
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

	var waiting, begun []Recipient
	for _, rec := range batch.Recipients {
		if rec.Open != nil {
			begun = append(begun, rec)
		} else {
			waiting = append(waiting, rec)
		}
	}
	p.resume(ctx, begun)
	return batch.Now, len(batch.Recipients), p.announce(ctx, waiting)
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
		asked := Step{At: p.time(), Kind: StepAsked, Detail: status[rec.User].String()}
		if len(plan.Send) > 0 {
			cards = append(cards, &delivery{pass: p, rec: rec, plan: plan, card: newCardID(rec), steps: []Step{asked}})
			continue
		}
		f := Finish{User: rec.User, Lease: rec.Lease, Final: plan.Final, Again: plan.Again, Carried: plan.Carried, Steps: []Step{asked}}
		if !plan.Again.IsZero() {
			f.Steps = append(f.Steps, Step{At: p.time(), Kind: StepPutOff, Reason: plan.Why, Detail: "until " + clock(plan.Again)})
		}
		rest = append(rest, f)
	}
	p.finish(ctx, rest)
	for len(cards) > 0 && !short(ctx, wrapUp) && p.fresh() {
		n := min(len(cards), p.Rules.Workers)
		if err := p.sendAll(ctx, cards[:n]); err != nil {
			return err
		}
		cards = cards[n:]
	}
	// No time is left for these: another run takes them up at once.
	var back []Finish
	for _, c := range cards {
		back = append(back, Finish{User: c.rec.User, Lease: c.rec.Lease, Final: c.plan.Final, Again: p.time(), Carried: c.plan.Carried})
	}
	p.finish(ctx, back)
	return nil
}

// fresh reports whether the leases of this pass leave time for a send.
func (p *pass) fresh() bool { return time.Since(p.claimed) < Lease-wrapUp }

// ask returns what IM says of recs. Users of whom it says nothing are StatusUnknown.
func (p *pass) ask(ctx context.Context, recs []Recipient) map[UserID]Status {
	users := make([]UserID, len(recs))
	for i, rec := range recs {
		users[i] = rec.User
	}
	status, err := p.IM.Presence(ctx, users)
	if cure, known := cureOf(err); known {
		p.Log.ErrorContext(ctx, "IM does not say who is online until this is mended: "+cure, "alert", "im", "error", err)
	} else if err != nil {
		p.Log.WarnContext(ctx, "IM did not say who is online", "asked", len(users), "answered", len(status), "error", err)
	}
	return status
}

// finish hands recipients back, and counts and logs what ended. A store that does not
// take it gives the recipients to another run when their leases end.
func (p *pass) finish(ctx context.Context, fs []Finish) {
	if len(fs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	ends, err := p.Store.Finish(ctx, fs)
	if err != nil {
		p.Log.ErrorContext(ctx, "recipients not handed back, another run resumes", "alert", "store", "error", err)
	}
	for i, f := range fs[:len(ends)] {
		for _, e := range ends[i] {
			p.Log.InfoContext(ctx, "messages ended", "user", f.User, "messages", e.Messages, "state", e.State, "reason", e.Reason, "card", f.Card)
			p.count(func(c *Counts) {
				switch e.State {
				case StateDelivered:
					c.Merged += e.Messages - 1
				case StateDead:
					c.Dead += e.Messages
				default:
					c.Cancelled += e.Messages
				}
			})
		}
	}
}

// short reports whether ctx has ended or less than left of its time remains.
func short(ctx context.Context, left time.Duration) bool {
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
