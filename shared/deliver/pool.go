package deliver

import (
	"context"
	"sync"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/guard"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/stopwatch"
)

// A pool sends the cards of one queue, Workers at a time. A send that hangs holds up no other
// card while other slots are free.
type pool struct {
	*pass
	slots   chan struct{} // holds one for each card on its way
	sending sync.WaitGroup
	done    chan notify.Finish
	writing sync.WaitGroup // until done is closed and empty
}

// newPool returns a pool that is at work. Its user calls wait in the end.
func (p *pass) newPool(ctx context.Context) *pool {
	w := &pool{pass: p, slots: make(chan struct{}, p.Rules.Workers), done: make(chan notify.Finish, p.Rules.Workers)}
	guard.Go(ctx, p.Log, &w.writing, func() { w.finishDone(ctx) })
	return w
}

// wait waits until all cards are sent and finished.
func (w *pool) wait() {
	w.sending.Wait()
	close(w.done)
	w.writing.Wait()
}

// acquire takes slots for up to n cards, and returns how many it got. It waits for the first quarter of
// all slots, because few cards at once would cost a round trip each, and then takes only what else is
// free, because waiting for all would be waiting for the slowest send.
func (w *pool) acquire(n int) int {
	n = min(n, cap(w.slots))
	least := min(n, max(1, cap(w.slots)/4))
	for got := range n {
		if got < least {
			w.slots <- struct{}{}
			continue
		}
		select {
		case w.slots <- struct{}{}:
		default:
			return got
		}
	}
	return n
}

// release gives n slots back.
func (w *pool) release(n int) {
	for range n {
		<-w.slots
	}
}

// finishDone hands recipients back whose cards are done, together with those that are done within
// the next 20 ms.
func (w *pool) finishDone(ctx context.Context) {
	for f := range w.done {
		fs, more := []notify.Finish{f}, true
		soon := time.NewTimer(20 * time.Millisecond)
		for more && len(fs) < cap(w.done) {
			select {
			case f, more = <-w.done:
				if more {
					fs = append(fs, f)
				}
			case <-soon.C:
				more = false
			}
		}
		soon.Stop()
		w.finish(ctx, fs)
	}
}

// sendAll takes cards, for which there are slots, through the protocol: begin together,
// each on its own through reserve, send and settle. It does not wait for the sends.
func (w *pool) sendAll(ctx context.Context, cards []*delivery) error {
	if len(cards) == 0 {
		return nil
	}
	w.checkUnread(ctx, cards)
	begins := make([]notify.Begin, len(cards))
	for i, c := range cards {
		begins[i] = c.Attempt.Begin(c.time())
	}
	wanted, err := w.Store.Begin(ctx, begins)
	if wanted == nil {
		w.release(len(cards))
		return err
	}
	if err != nil {
		w.Log.ErrorContext(ctx, "some cards could not be begun", "alert", "store", "error", err)
	}
	recalled, known := w.recalled(ctx, cards)
	for i, c := range cards {
		guard.Go(ctx, w.Log, &w.sending, func() {
			defer w.release(1)
			var end *notify.Finish
			switch {
			case len(wanted[i]) == 0:
				f := c.Unsent(c.time())
				if err != nil { // it may be a card whose begin failed
					f.Again = c.time().Add(time.Second)
				}
				end = &f
			case !known && c.ofGroups():
				end = c.Again(c.time(), notify.FirstExpiry(c.time().Add(recalledAgain), c.Plan.Send), fact.ReasonNeverSent)
			default:
				end = c.deliver(ctx, c.Carries(wanted[i], recalled))
			}
			if end == nil {
				return
			}
			if end.Retries() {
				w.count(func(n *Counts) { n.Retried++ })
			}
			w.done <- *end
		})
	}
	return nil
}

// messagesAhead bounds how long cards of messages wait for their turn: a call's card waits
// behind them.
const messagesAhead = 5 * time.Second

// turn waits until n cards of a queue may be sent. If that would be too late for this run or
// for the leases, it waits for nothing and returns when to try again. stale: what IM said, when asked
// began, is too old by now, and it is to be asked again. A
// store that does not say stops nobody: WeChat's own limits hold.
func (p *pass) turn(ctx context.Context, queue card.Queue, n int, asked stopwatch.Watch) (full time.Time, stale bool) {
	for asked.Elapsed() < freshFor-messagesAhead {
		most := permit.Lease - wrapUp - p.claimed.Elapsed()
		if left, bounded := stopwatch.Left(ctx); bounded {
			most = min(most, left-wrapUp)
		}
		ahead := min(most, freshFor-asked.Elapsed())
		if queue == card.QueueMessages {
			ahead = min(ahead, messagesAhead)
		}
		wait, reserved, err := p.Store.PaceWithin(ctx, "send", p.Rules.SendsPerSecond, n, ahead)
		if err != nil {
			p.Log.WarnContext(ctx, "the pace of sends is not known", "error", err)
			return time.Time{}, false
		}
		if reserved {
			stopwatch.Sleep(ctx, wait)
			return time.Time{}, false
		}
		if wait > most || ctx.Err() != nil {
			return p.time().Add(wait), false
		}
		stopwatch.Sleep(ctx, max(wait-ahead, 50*time.Millisecond)) // then there is room, unless another run takes it
	}
	return time.Time{}, true
}
