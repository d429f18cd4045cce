package play

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// An observer stands between the deliverer and its ports. It writes down what a card
// carries, which a card does not say, and what became of it.
type observer struct {
	deliver.Store
	w *wxnotify

	mu     sync.Mutex
	begun  map[card.ID]permit.Reserve
	faults []error
}

func newObserver(w *wxnotify) *observer {
	return &observer{Store: w.store, w: w, begun: map[card.ID]permit.Reserve{}}
}

func (o *observer) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Join(o.faults...)
}

func (o *observer) fault(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.faults) < 10 {
		o.faults = append(o.faults, err)
	}
}

// Reserve notes what the card carries, and when it is kept back.
func (o *observer) Reserve(ctx context.Context, r permit.Reserve) (permit.Reserved, error) {
	o.mu.Lock()
	o.begun[r.ID] = r
	o.mu.Unlock()
	answer, err := o.Store.Reserve(ctx, r)
	if answer.Status != permit.ReserveOK {
		o.mu.Lock()
		delete(o.begun, r.ID)
		o.mu.Unlock()
	}
	if err == nil && answer.Status == permit.ReserveKept {
		o.w.j.kept(Kept{At: o.w.clock.Since(), User: history.UserOf(r.User)})
	}
	return answer, err
}

// Finish notes whose timelines have changed.
func (o *observer) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	for _, f := range fs {
		o.w.follower.touch(history.UserOf(f.User))
	}
	return o.Store.Finish(ctx, rules, fs)
}

// PaceWithin lets every card go at once: virtual time stands still meanwhile.
func (o *observer) PaceWithin(context.Context, string, int, int, time.Duration) (time.Duration, bool, error) {
	return 0, true, nil
}

// CachedNames knows everybody's name: what a card says is not measured.
func (o *observer) CachedNames(_ context.Context, ids []string) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	for _, id := range ids {
		names[id] = id
	}
	return names, nil
}

// Send implements deliver.Sender.
func (o *observer) Send(_ context.Context, c card.Card) (int64, error) {
	o.mu.Lock()
	r, ok := o.begun[c.ID]
	delete(o.begun, c.ID)
	o.mu.Unlock()
	user := history.UserOf(c.To)
	if !ok || user < 0 {
		err := fmt.Errorf("card %s to %s was sent without a permit", c.ID, c.To)
		o.fault(err)
		return 0, err
	}
	shown := Card{At: o.w.clock.Since(), User: user, Call: r.Queue == card.QueueCalls}
	for _, id := range r.Messages {
		item, err := o.w.History.ItemOf(user, id.ID())
		if err != nil {
			o.fault(err)
			continue
		}
		shown.Items = append(shown.Items, item)
	}
	var msgID int64
	shown.Outcome, msgID = o.w.wechat.Send(user)
	o.w.j.sent(shown)
	if shown.Outcome.Spends() {
		o.report(user, msgID, shown.At)
	}
	if err := shown.Outcome.Err(); err != nil {
		return 0, err
	}
	return msgID, nil
}

// report has WeChat tell of a card that was shown, two to six seconds later.
func (o *observer) report(user int32, msgID int64, at time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at = at.Truncate(time.Second) + time.Duration(2+history.Hash(fmt.Sprint(msgID))%5)*time.Second
	heap.Push(&o.w.reports, report{at, sent(user, msgID, at)})
}

var _ deliver.Sender = (*observer)(nil)
