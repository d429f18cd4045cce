package deliver_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
)

// A busyRun is interrupted in the steps of one run, once each.
type busyRun struct {
	deliver.Store
	deliver.Asker
	asks, resolves func()
	finish         error
}

func (b *busyRun) Presence(ctx context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	once(&b.asks)
	return b.Asker.Presence(ctx, users)
}

func (b *busyRun) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	once(&b.resolves)
	return b.Store.Resolve(ctx, c)
}

func (b *busyRun) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	if err := b.finish; err != nil {
		b.finish = nil
		return nil, err
	}
	return b.Store.Finish(ctx, rules, fs)
}

func once(do *func()) {
	if f := *do; f != nil {
		*do = nil
		f()
	}
}

// Announcements go one to a card. What a card leaves over goes at once, and does not wait for
// what came in meanwhile, which is due at the next digest.
func TestWhatACardLeavesOver(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]bool{"the run goes on": false, "the run ends, and another resumes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := absent(t, 9)
			run := &busyRun{Store: w.store, Asker: w}
			w.deliver.Store, w.deliver.IM = run, run
			w.say("user1", "user2")
			w.after(5 * time.Second)
			w.cards(1)

			message := func() { w.say("user1", "user2") }
			run.asks = message
			if cut {
				run.asks, run.resolves, run.finish = nil, message, errors.New("no answer")
			}
			w.announce("a1")
			w.announce("a2")
			w.after(2 * time.Second)
			if cut {
				w.cards(2)
				w.after(notify.Lease)
			}
			w.cards(3)
		})
	}
}

// announce has the operator's backend say something to user2.
func (w *world) announce(id notify.MessageID) {
	w.t.Helper()
	m := notify.Message{ID: id, Kind: "order", To: "user2", SentAt: w.clock(), ByREST: true,
		Announcement: &notify.Announcement{Fields: map[string]string{"sender": "shop", "summary": "shipped"}}}
	if _, _, err := w.store.Announce(w.t.Context(), w.inbox.Rules, []notify.Message{m}); err != nil {
		w.t.Fatal(err)
	}
}
