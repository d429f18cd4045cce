package deliver_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
)

// flaky is a store of which some calls fail, before or after they take effect.
type flaky struct {
	deliver.Store
	lost string // the answer to this call is lost, once
}

var errLost = errors.New("store: the answer was lost")

func (f *flaky) lose(call string) error {
	if f.lost != call {
		return nil
	}
	f.lost = ""
	return errLost
}

func (f *flaky) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	if err := f.lose("reserve before"); err != nil {
		return notify.Reserved{}, err
	}
	out, err := f.Store.Reserve(ctx, r)
	return out, errors.Join(err, f.lose("reserve after"))
}

func (f *flaky) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	out, err := f.Store.Finish(ctx, rules, fs)
	if err := f.lose("finish after"); err != nil {
		return nil, err
	}
	return out, err
}

// unsafe is a store on a server that throws keys away.
type unsafe struct{ deliver.Store }

func (u unsafe) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	b, err := u.Store.Claim(ctx, limit)
	b.Unsafe = errors.New("maxmemory-policy is allkeys-lru")
	return b, err
}

// A server that throws keys away is told to the operator.
func TestUnsafeStoreAlerts(t *testing.T) {
	w := newWorld(t)
	var told []string
	w.deliver.Log = slog.New(alerts(func(alert, _ string) { told = append(told, alert) }))
	w.deliver.Store = unsafe{w.store}
	w.after(time.Second)
	if !slices.Equal(told, []string{"store"}) {
		t.Errorf("alerts %q, want store", told)
	}
}

// A hiccup of the store while a permit is reserved costs neither the permit nor the
// message.
func TestReserveUnheard(t *testing.T) {
	for _, when := range []string{"reserve before", "reserve after"} {
		t.Run(when, func(t *testing.T) {
			w := newWorld(t)
			w.subscribed("user2", 1)
			w.status["user2"] = notify.StatusOffline
			w.deliver.Store = &flaky{Store: w.store, lost: when}
			m := w.say("user1", "user2")
			w.after(10 * time.Second)
			w.cards(1)
			w.ended(m, notify.StateDelivered, "")
			w.balance("user2", 0)
		})
	}
}

func TestFinishUnheard(t *testing.T) {
	w := newWorld(t)
	w.subscribed("user2", 1)
	w.status["user2"] = notify.StatusOffline
	w.deliver.Store = &flaky{Store: w.store, lost: "finish after"}
	m := w.say("user1", "user2")
	w.after(90 * time.Second)
	w.cards(1)
	w.ended(m, notify.StateDelivered, "")
}

// What was read or recalled while its card was on the way is not tried again when the
// card did not go out.
func TestEndedWhileOnACard(t *testing.T) {
	for name, end := range map[string]func(*world, notify.Message) notify.Fact{
		"read": func(w *world, m notify.Message) notify.Fact {
			return notify.Fact{Read: &notify.Read{Reader: m.To, Peer: m.From, UpTo: m.SentAt}}
		},
		"recalled": func(w *world, m notify.Message) notify.Fact {
			return notify.Fact{Recall: &notify.Recall{ID: m.ID, From: m.From, To: m.To}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.subscribed("user2", 1)
			w.status["user2"] = notify.StatusOffline
			m := w.say("user1", "user2")
			w.deliver.WeChat = sender(func() error {
				w.accept(end(w, m))
				return classed(notify.ClassRetry)
			})
			w.after(time.Minute)
			w.cards(0) // of those that count
			w.balance("user2", 1)
			w.ended(m, map[string]notify.State{"read": notify.StateRead, "recalled": notify.StateRecalled}[name],
				map[string]notify.Reason{"read": notify.ReasonReadReport}[name])
		})
	}
}

type sender func() error

func (f sender) Send(context.Context, notify.Card) (int64, error) { return 0, f() }

// Waiting for an operator or a quota day uses up no attempt.
func TestLongWaitsAreNoAttempts(t *testing.T) {
	w := newWorld(t)
	w.subscribed("user2", 1)
	w.status["user2"] = notify.StatusOffline
	w.fail = func(notify.Card) error { return classed(notify.ClassOperator) }
	m := w.say("user1", "user2")
	w.every(10*time.Second, 2*time.Hour)
	w.fail = func(notify.Card) error { return classed(notify.ClassRetry) }
	w.every(10*time.Second, 11*time.Minute)
	w.fail = nil
	w.every(10*time.Second, 11*time.Minute)
	w.ended(m, notify.StateDelivered, "")
}

// Once WeChat has refused a text it is not sent again, whatever happens in between.
func TestRefusedWordingStaysOut(t *testing.T) {
	w := newWorld(t)
	w.subscribed("user2", 1)
	w.status["user2"] = notify.StatusOffline
	refused := 0
	w.fail = func(c notify.Card) error {
		switch {
		case c.Data["thing1"] == "Anna":
			refused++
			return classed(notify.ClassWording)
		case len(w.sent) == 2:
			return classed(notify.ClassRetry)
		}
		return nil
	}
	m := w.say("user1", "user2")
	w.after(time.Minute)
	w.ended(m, notify.StateDelivered, "")
	if refused != 1 {
		t.Errorf("the refused text was sent %d times", refused)
	}
}

// IM's silence is waited out once, not before each attempt.
func TestSilenceIsWaitedOutOnce(t *testing.T) {
	w := newWorld(t)
	w.subscribed("user2", 1)
	w.fail = func(notify.Card) error { return classed(notify.ClassRetry) }
	w.say("user1", "user2")
	w.every(time.Second, 3*time.Minute)
	if len(w.sent) < 4 {
		t.Errorf("%d attempts in the minute after the two of silence, want those of the backoff", len(w.sent))
	}
}

// A run without time for a send claims nothing, and says so.
func TestShortRunClaimsNothing(t *testing.T) {
	w := newWorld(t)
	w.subscribed("user2", 1)
	w.status["user2"] = notify.StatusOffline
	m := w.say("user1", "user2")
	w.now = w.now.Add(5 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
	defer cancel()
	if c := w.deliver.Run(ctx); c.Claimed != 0 {
		t.Errorf("claimed %d", c.Claimed)
	}
	w.after(time.Second)
	w.ended(m, notify.StateDelivered, "")
}

// A card that cannot be resolved keeps no other card waiting.
func TestUnresolvedCardStopsNobody(t *testing.T) {
	w := newWorld(t)
	f := &unresolvable{Store: w.store, openID: openID("user2")}
	w.deliver.Store = f
	for _, user := range []notify.UserID{"user2", "user3"} {
		w.subscribed(user, 1)
		w.status[user] = notify.StatusOffline
	}
	f.stop = true
	first, second := w.say("user1", "user2"), w.say("user1", "user3")
	w.after(10 * time.Second) // both are begun, and no permit could be reserved
	f.stop = false
	w.every(5*time.Second, 3*time.Minute)
	w.ended(second, notify.StateDelivered, "")
	f.openID = ""
	w.every(5*time.Second, 2*time.Minute)
	w.ended(first, notify.StateDelivered, "")
}

// unresolvable fails whatever concerns the cards of one openid, or of all.
type unresolvable struct {
	deliver.Store
	openID notify.OpenID
	stop   bool
}

func (u *unresolvable) Reserve(ctx context.Context, r notify.Reserve) (notify.Reserved, error) {
	if u.stop || r.OpenID == u.openID {
		return notify.Reserved{}, errLost
	}
	return u.Store.Reserve(ctx, r)
}

func (u *unresolvable) Resolve(ctx context.Context, c notify.OpenCard) (notify.Resolved, error) {
	if u.stop || c.OpenID == u.openID {
		return notify.Resolved{}, errLost
	}
	return u.Store.Resolve(ctx, c)
}
