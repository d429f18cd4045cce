// Package deliver sends the cards that are due. A run claims recipients, asks IM where they are, has
// the rules of shared/notify decide, and takes each card through the protocol of Store. It works
// through small ports, so it knows neither Redis nor WeChat nor SCF.
package deliver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/guard"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/stopwatch"
)

const (
	// period is how often the timer starts deliver: what falls due later is the next
	// run's.
	period = 60 * time.Second
	// wrapUp is how much of an invocation's time, and of a lease, is kept back: no card is
	// begun in it.
	wrapUp = permit.SendBudget + settleBudget + 3*time.Second
	// claimLimit is how many recipients of a queue one pass takes, and askLimit how many of
	// them IM is asked about in one call: just before they are served, and no more than can be
	// sent to in askSeconds, so that its word is fresh.
	claimLimit = 2000
	askLimit   = 500
	askSeconds = 2
	// freshFor is how long IM's word of where somebody is holds. No permit is reserved on an
	// older one: IM is asked again.
	freshFor = 10 * time.Second
	// claimSeconds is how many seconds' worth of sends one pass takes at most: more could
	// not be sent before the leases end, and would only keep other runs from it.
	claimSeconds = 40
)

// A Deliverer sends the cards that are due. Its fields are set once; it is then
// safe for concurrent use, by many instances at once.
type Deliverer struct {
	Store     Store
	IM        Asker
	Directory Directory
	WeChat    Sender
	Rules     notify.Rules
	Templates card.Templates
	// Wake starts another run. Nil: the timer does.
	Wake func(ctx context.Context) error
	Log  *slog.Logger
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

// add adds what other did. NextDue stays.
func (c *Counts) add(other Counts) {
	c.Claimed += other.Claimed
	c.Sent += other.Sent
	c.Merged += other.Merged
	c.Cancelled += other.Cancelled
	c.Retried += other.Retried
	c.Dead += other.Dead
}

// Run works until nothing falls due within the next timer period, waiting inside
// the invocation for what does, or until ctx's deadline is near: then it wakes a successor. If
// another run waits already, it does what is due and leaves the rest to that. It does not fail: the
// platform would only repeat it, and the timer starts the next run anyway. When the
// store does not answer it says so in the log and ends; what was begun is finished by
// a later run.
func (d *Deliverer) Run(ctx context.Context) Counts { return d.work(ctx, d.run) }

// Once does what is due now and does not wait for more. Otherwise it is like Run.
func (d *Deliverer) Once(ctx context.Context) Counts {
	return d.work(ctx, func(ctx context.Context, total *Counts) error {
		if _, err := d.pass(ctx, total); err != nil {
			return err
		}
		return d.stopWatching(ctx)
	})
}

func (d *Deliverer) work(ctx context.Context, run func(context.Context, *Counts) error) (total Counts) {
	if stopwatch.Short(ctx, wrapUp) {
		d.Log.WarnContext(ctx, "too little time for a card, the next run goes on; give deliver a timeout of minutes", "needed", wrapUp.String())
		return total
	}
	if err := run(ctx, &total); err != nil {
		d.Log.ErrorContext(ctx, "run ended early, the next one goes on", "alert", "store", "error", err)
	}
	return total
}

func (d *Deliverer) run(ctx context.Context, total *Counts) error {
	started := stopwatch.Start()
	for !stopwatch.Short(ctx, wrapUp) {
		looked := stopwatch.Start()
		did, err := d.pass(ctx, total)
		switch {
		case err != nil || did.watched:
			return err
		case did.busy:
			continue
		}
		if end := did.at.Add(period - started.Elapsed()); did.next.IsZero() || !did.next.Before(end) {
			if did.next, err = d.Store.Rest(ctx, end); err != nil {
				return err
			}
		}
		total.NextDue = did.next
		if total.NextDue.IsZero() || !stopwatch.Sleep(ctx, d.nap(total.NextDue.Sub(did.at)-looked.Elapsed())) {
			return nil
		}
	}
	return d.handOver(ctx)
}

// handOver has another run go on: this one has no time left, and the timer's leave while one watches.
func (d *Deliverer) handOver(ctx context.Context) error {
	if err := d.stopWatching(ctx); err != nil || d.Wake == nil {
		return err
	}
	if err := d.Wake(ctx); err != nil {
		d.Log.WarnContext(ctx, "no successor was started, the timer does", "error", err)
	}
	return nil
}

// stopWatching gives the watch up, even if something is due soon, so that the next run takes it.
func (d *Deliverer) stopWatching(ctx context.Context) error {
	_, err := d.Store.Rest(ctx, time.Time{})
	return err
}

// nap returns how long a waiting run sleeps before it looks again, when the next thing falls due
// after due: not so long that what comes in meanwhile would be late. What should be due by now, and
// was not when it looked, is of a shard whose clock is behind, or has ended: it can wait.
func (d *Deliverer) nap(due time.Duration) time.Duration {
	if due <= 0 {
		return 50 * time.Millisecond
	}
	return min(max(due, time.Millisecond), max(d.Rules.Lead, time.Second), 3*time.Second)
}

// Pass does what is due now, once, without waiting. It returns what it did.
func (d *Deliverer) Pass(ctx context.Context) (Counts, error) {
	var c Counts
	_, err := d.pass(ctx, &c)
	return c, err
}

// done is what came of one pass.
type done struct {
	at      time.Time // of the claim, by the store's clock
	next    time.Time // when something is due next, if the claim has told that
	busy    bool      // there was something to do
	watched bool      // there was not, and another run watches
}

// pass claims, asks and acts once.
func (d *Deliverer) pass(ctx context.Context, c *Counts) (done, error) {
	claimed := stopwatch.Start()
	batch, err := d.Store.Claim(ctx, d.atMost(claimLimit))
	if err != nil {
		return done{}, err
	}
	p := d.take(ctx, batch, claimed, c)
	err = p.besideCalls(ctx, func() error {
		calls, messages := p.byQueue(ctx, batch.Recipients)
		if err := p.serve(ctx, calls); err != nil {
			return err
		}
		if batch.Overdue {
			p.reconcile(ctx)
		}
		var beside sync.WaitGroup
		defer beside.Wait()
		if batch.FanOuts {
			guard.Go(ctx, p.Log, &beside, func() { p.fanOut(ctx) })
		}
		if batch.Forgetting {
			guard.Go(ctx, p.Log, &beside, func() { p.forget(ctx) })
		}
		return p.serve(ctx, messages)
	})
	busy := len(batch.Recipients) > 0 || batch.Overdue || batch.FanOuts
	return done{batch.Now, batch.Next, busy, batch.Watched && !busy}, err
}

// atMost returns how many recipients to claim, limit or fewer.
func (d *Deliverer) atMost(limit int) int { return min(limit, d.Rules.SendsPerSecond*claimSeconds) }

// take returns a pass over what was claimed.
func (d *Deliverer) take(ctx context.Context, batch notify.Batch, claimed stopwatch.Watch, c *Counts) *pass {
	if batch.Skipped != nil {
		alert := "store"
		if errors.Is(batch.Skipped, notify.ErrUnreadable) {
			alert = "unreadable"
		}
		d.Log.ErrorContext(ctx, "recipients in the store cannot be read", "alert", alert, "error", batch.Skipped)
	}
	if batch.Unsafe != nil {
		d.Log.ErrorContext(ctx, "the store may lose what it was told", "alert", "store", "error", batch.Unsafe)
	}
	c.Claimed += len(batch.Recipients)
	return &pass{Deliverer: d, now: batch.Now, claimed: claimed, told: stopwatch.Start(), counts: c, circuits: newCircuits(batch)}
}

// A pass is one look at what is due. Its clock is the store's.
type pass struct {
	*Deliverer
	now      time.Time       // of the claim, by the store's clock
	claimed  stopwatch.Watch // since we asked for it
	told     stopwatch.Watch // since we heard
	circuits *circuits

	mu     sync.Mutex // guards counts: cards are delivered side by side
	counts *Counts
}

// count changes the counts.
func (p *pass) count(change func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p.counts)
}

// time returns the store's time, as far as we can tell without asking. It is a little behind, by the way
// of the claim's answer, and never ahead: a step that a run notes must not seem to come after what others
// note later.
func (p *pass) time() time.Time { return p.now.Add(p.told.Elapsed()) }

// room reports whether the run and the leases of this pass leave time for a send.
func (p *pass) room(ctx context.Context) bool {
	return !stopwatch.Short(ctx, wrapUp) && p.claimed.Elapsed() < permit.Lease-wrapUp
}

// byQueue ends what earlier runs left half done, and returns who waits in each queue.
func (p *pass) byQueue(ctx context.Context, recs []notify.Recipient) (calls, messages []notify.Recipient) {
	var begun []notify.Recipient
	for _, rec := range recs {
		switch {
		case rec.Open != nil:
			begun = append(begun, rec)
		case rec.Queue == card.QueueCalls:
			calls = append(calls, rec)
		default:
			messages = append(messages, rec)
		}
	}
	p.resume(ctx, begun)
	return calls, messages
}

// besideCalls does work, and serves what begins to ring meanwhile, should it take long.
func (p *pass) besideCalls(ctx context.Context, work func() error) error {
	ringing, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	guard.Go(ctx, p.Log, &wg, func() {
		for stopwatch.Sleep(ringing, time.Second) && !stopwatch.Short(ctx, wrapUp) {
			guard.Do(ctx, p.Log, func() { p.serveCalls(ctx) })
		}
	})
	defer wg.Wait()
	defer stop()
	return work()
}

// serveCalls does what is due in the queue of calls.
func (p *pass) serveCalls(ctx context.Context) {
	claimed := stopwatch.Start()
	batch, err := p.Store.ClaimCalls(ctx, p.atMost(askLimit))
	if err != nil {
		p.Log.WarnContext(ctx, "calls not claimed", "error", err)
		return
	}
	var counts Counts
	side := p.take(ctx, batch, claimed, &counts)
	calls, _ := side.byQueue(ctx, batch.Recipients)
	if err := side.serve(ctx, calls); err != nil {
		p.Log.ErrorContext(ctx, "calls not served, another run goes on", "alert", "store", "error", err)
	}
	p.count(func(c *Counts) { c.add(counts) })
}

// serve decides about recipients and sends, as many at a time as one question to IM is for.
func (p *pass) serve(ctx context.Context, recs []notify.Recipient) error {
	pool := p.newPool(ctx)
	defer pool.wait()
	for len(recs) > 0 {
		n := min(len(recs), askLimit, p.Rules.SendsPerSecond*askSeconds)
		if !p.room(ctx) {
			p.handBack(ctx, recs, p.time())
			return nil
		}
		again, full, err := p.announce(ctx, pool, recs[:n])
		if err != nil {
			return err
		}
		recs = append(again, recs[n:]...)
		if !full.IsZero() {
			p.handBack(ctx, recs, full)
			return nil
		}
	}
	return nil
}

// handBack gives recipients to another run, which looks at them at the given time: this one
// has no time for them.
func (p *pass) handBack(ctx context.Context, recs []notify.Recipient, at time.Time) {
	fs := make([]notify.Finish, len(recs))
	for i, rec := range recs {
		fs[i] = notify.Finish{User: rec.User, Queue: rec.Queue, Lease: rec.Lease, Again: notify.FirstExpiry(at, rec.Notices), Carried: rec.Carried}
	}
	p.finish(ctx, fs)
}

// announce asks IM about recipients, decides, and sends. Those of whom IM's word has grown too old
// before their turn came are to be asked about again. If the rate is used up for longer than the
// leases allow to wait, it returns until when.
func (p *pass) announce(ctx context.Context, pool *pool, recs []notify.Recipient) (again []notify.Recipient, full time.Time, err error) {
	asking := stopwatch.Start()
	status, names, strangers := p.ask(ctx, recs)
	var rest []notify.Finish
	var cards []*delivery
	for _, rec := range recs {
		guard.Do(ctx, p.Log, func() {
			look := notify.Look{Now: p.now, Status: status[rec.User], Quota: p.circuits.quota(p.now)}
			c := &delivery{pass: p, Attempt: notify.NewAttempt(p.Rules, p.Templates, look, rec, strangers[rec.User]), names: names, looked: asking}
			c.Steps = []notify.Step{{At: p.time(), Kind: notify.StepAsked, Detail: look.Status.String()}}
			if len(c.Plan.Send) > 0 && c.admitted(ctx) {
				cards = append(cards, c)
			} else {
				rest = append(rest, c.PutOff(p.time()))
			}
		})
	}
	p.finish(ctx, rest)
	for len(cards) > 0 && p.room(ctx) {
		n := pool.acquire(min(len(cards), p.Rules.SendsPerSecond)) // so that none waits long for its turn
		full, stale := p.turn(ctx, cards[0].Recipient.Queue, n, asking)
		if stale {
			pool.release(n)
			return recipients(cards), time.Time{}, nil
		}
		if !full.IsZero() || ctx.Err() != nil {
			pool.release(n)
			p.notNow(ctx, cards, full)
			return nil, full, nil
		}
		through := p.stillAdmitted(ctx, cards[:n])
		pool.release(n - len(through))
		if err := pool.sendAll(ctx, through); err != nil {
			return nil, time.Time{}, err
		}
		cards = cards[n:]
	}
	p.notNow(ctx, cards, time.Time{})
	return nil, time.Time{}, nil
}

// notNow hands back the recipients of cards for which this run has no time, or no turn until full.
func (p *pass) notNow(ctx context.Context, cards []*delivery, full time.Time) {
	at := p.time()
	if full.After(at) {
		at = full
	}
	var back []notify.Finish
	for _, c := range cards {
		f := c.Unsent(p.time())
		f.Again = notify.FirstExpiry(at, c.Plan.Send)
		back = append(back, f)
	}
	p.finish(ctx, back)
}

func recipients(cards []*delivery) (recs []notify.Recipient) {
	for _, c := range cards {
		recs = append(recs, c.Recipient)
	}
	return recs
}

// finish hands recipients back, and counts and logs what ended. A store that does not
// take it gives the recipients to another run when their leases end. After a panic they are
// handed back one by one.
func (p *pass) finish(ctx context.Context, fs []notify.Finish) {
	if len(fs) == 0 || guard.Do(ctx, p.Log, func() { p.finishAll(ctx, fs) }) || len(fs) == 1 {
		return
	}
	for _, f := range fs {
		p.finish(ctx, []notify.Finish{f})
	}
}

func (p *pass) finishAll(ctx context.Context, fs []notify.Finish) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBudget)
	defer cancel()
	ends, err := p.Store.Finish(ctx, p.Rules, fs)
	if err != nil {
		p.Log.ErrorContext(ctx, "recipients not handed back, another run resumes", "alert", "store", "error", err)
	}
	for i, f := range fs[:len(ends)] {
		for _, e := range ends[i] {
			p.ended(ctx, e, "user", f.User, "card", f.Card)
		}
	}
}

// reconcile ends what waited for WeChat's report of unknown cards.
func (p *pass) reconcile(ctx context.Context) {
	ends, err := p.Store.Reconcile(ctx, askLimit)
	if err != nil {
		p.Log.ErrorContext(ctx, "unknown cards not reconciled, a later run does", "alert", "store", "error", err)
	}
	for _, e := range ends {
		p.ended(ctx, e)
	}
}

// forget goes on with erasures.
func (p *pass) forget(ctx context.Context) {
	if err := p.Store.Forget(ctx); err != nil {
		p.Log.ErrorContext(ctx, "an erasure not gone on with, a later run does", "alert", "store", "error", err)
	}
}

// ended counts and logs one end.
func (p *pass) ended(ctx context.Context, e notify.Ended, args ...any) {
	p.Log.InfoContext(ctx, "messages ended", append(args, "messages", e.Messages, "state", e.State, "reason", e.Reason)...)
	p.count(func(c *Counts) {
		switch e.State {
		case fact.StateDelivered:
			c.Merged += e.Messages - 1
		case fact.StateDead:
			c.Dead += e.Messages
		default:
			c.Cancelled += e.Messages
		}
	})
}
