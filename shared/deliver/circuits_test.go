package deliver_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/deliver"
	"wxnotify/shared/notify"
)

// classed is an error of a class.
type classed notify.Class

func (c classed) Error() string       { return notify.Class(c).String() }
func (c classed) Class() notify.Class { return notify.Class(c) }

// many is a world in which n users are away and have permits.
func many(t *testing.T, n int) (*world, []notify.UserID) {
	t.Helper()
	w := newWorld(t)
	w.rules(func(r *notify.Rules) { r.KeepLearning = false })
	var users []notify.UserID
	for i := range n {
		user := notify.UserID(fmt.Sprint("away", i))
		users = append(users, user)
		w.subscribed(user, 3)
		w.status[user] = notify.StatusOffline
	}
	return w, users
}

// tell makes a message wait for each of users.
func (w *world) tell(users ...notify.UserID) (ids []notify.MessageID) {
	w.t.Helper()
	for _, user := range users {
		ids = append(ids, w.say("user1", user).ID)
	}
	return ids
}

// all checks how messages ended, one for each of users.
func (w *world) all(users []notify.UserID, ids []notify.MessageID, want string) {
	w.t.Helper()
	for i, user := range users {
		if got := w.ends(user, ids[i]); got != want {
			w.t.Errorf("for %s it ended %q, want %q\n%s", user, got, want, w.timeline(user))
		}
	}
}

// fresh tells a user something in a new absence.
func (w *world) fresh(user notify.UserID) []notify.MessageID {
	w.t.Helper()
	w.presence(user, true)
	w.jump(time.Second)
	w.presence(user, false)
	ids := w.tell(user)
	w.jump(8 * time.Second)
	return ids
}

// open returns the circuits that the store knows of.
func (w *world) open() map[string]time.Time {
	w.t.Helper()
	b, err := w.store.Claim(w.t.Context(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]time.Time{}
	for _, c := range b.Circuits {
		out[c.Name] = c.Until
	}
	return out
}

// What fails for everybody is not tried for everybody: one card opens the circuit, and
// from then on one at a time tries whether it can close. When one gets through, the rest
// follows, and what comes later does not wait.
func TestCircuit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		class notify.Class
		after time.Duration // until it is tried
		round time.Duration // within which
		also  bool          // other templates stop too
	}{
		"template": {notify.ClassTemplate, 10 * time.Minute, time.Second, false},
		"app":      {notify.ClassOperator, 10 * time.Minute, time.Second, true},
		"quota":    {notify.ClassQuota, 4 * time.Hour, 10 * time.Minute, true}, // midnight in Beijing
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, users := many(t, 20)
			w.templates(map[notify.Kind]notify.TemplateID{notify.KindMessage: tmplID, notify.KindCall: "call"})
			w.deliver.Rules.Workers = 1 // one card finds out before the next is sent
			w.grant(users[0], "call", 3)
			w.fail = func(card notify.Card) error {
				if card.Template == tmplID || c.also {
					return classed(c.class)
				}
				return nil
			}
			began := w.clock()
			ids := w.tell(users...)
			w.jump(time.Minute)
			w.cards(1)
			later := w.tell(users[0])
			w.ring("call", notify.CallSignal, "user1", users[0])
			w.jump(time.Minute)
			if got := w.ends(users[0], "call"); got == "delivered" == c.also {
				t.Errorf("a call with a template of its own ended %q", got)
			}
			sent := len(w.sent)

			// It is tried once, and stays open.
			w.jump(c.after - w.clock().Sub(began) + 4*time.Second + c.round)
			if tried := len(w.sent) - sent; tried != 1 {
				t.Errorf("%d cards tried the circuit, want 1", tried)
			}
			if c.class != notify.ClassQuota {
				w.jump(9 * time.Minute)
				if tried := len(w.sent) - sent; tried != 1 {
					t.Errorf("%d cards tried the circuit before its time", tried)
				}
			}

			// What was wrong is mended: one tries, the rest follows within a minute.
			w.fail = nil
			if c.class == notify.ClassQuota {
				w.jump(24 * time.Hour) // past the next midnight; what waited has not lived so long
				w.all(users, ids, "quota (quota_day)")
				w.all(users[:1], w.fresh(users[0]), "delivered")
			} else {
				w.jump(5 * time.Minute)
				w.all(users, ids, "delivered")
				w.all(users[:1], later, "delivered")
			}
			if open := w.open(); len(open) > 0 {
				t.Errorf("open circuits: %v", open)
			}
			before := len(w.sent)
			w.all(users[1:2], w.fresh(users[1]), "delivered")
			if n := len(w.sent) - before; n != 1 {
				t.Errorf("%d cards, want 1", n)
			}
		})
	}
}

// A circuit that stays open is tried once each retry.max, also when that is less than a minute.
func TestCircuitIsTriedEachRetryMax(t *testing.T) {
	t.Parallel()
	for _, most := range []time.Duration{5 * time.Second, 20 * time.Second, 2 * time.Minute} {
		t.Run(most.String(), func(t *testing.T) {
			t.Parallel()
			w, users := many(t, 3)
			w.rules(func(r *notify.Rules) { r.Retry.Max = most })
			w.fail = func(notify.Card) error { return classed(notify.ClassOperator) }
			w.tell(users[0])
			w.jump(4 * time.Second)
			w.cards(1)
			w.tell(users[1:]...)
			w.jump(6*most - 4*time.Second)
			w.cards(6)
		})
	}
}

// Cards that fail alike, side by side, alert once.
func TestOneAlert(t *testing.T) {
	t.Parallel()
	w, users := many(t, 30)
	var mu sync.Mutex
	var told []string
	w.deliver.Log = slog.New(alerts(func(alert, _ string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, alert)
	}))
	w.fail = func(notify.Card) error { return classed(notify.ClassOperator) }
	w.tell(users...)
	w.jump(time.Minute)
	if d := cmp.Diff([]string{"operator"}, told); d != "" {
		t.Errorf("alerts (-want +got):\n%s", d)
	}
}

// Of all that wait for a circuit, of all instances, one tries it at a time.
func TestOneProbeOfAllInstances(t *testing.T) {
	t.Parallel()
	w, users := many(t, 30)
	w.fail = func(notify.Card) error { return classed(notify.ClassOperator) }
	w.deliver.Rules.Workers = 1
	w.tell(users...)
	w.jump(5 * time.Second)
	w.cards(1)

	w.set(w.clock().Add(10 * time.Minute))
	var mu sync.Mutex
	tries := 0
	var wg sync.WaitGroup
	for range 4 {
		d := *w.deliver
		d.Rules.Workers = 32
		d.IM = asker{}
		d.WeChat = sendTo(func(notify.Card) (int64, error) {
			mu.Lock()
			defer mu.Unlock()
			tries++
			return 0, classed(notify.ClassOperator)
		})
		wg.Go(func() {
			for range 3 {
				if _, err := d.Pass(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if tries != 1 {
		t.Errorf("%d cards tried the circuit, want 1", tries)
	}
}

// asker says that everybody is away.
type asker struct{ deliver.Asker }

func (asker) Presence(_ context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	out := map[notify.UserID]notify.Status{}
	for _, u := range users {
		out[u] = notify.StatusOffline
	}
	return out, nil
}

// An answer that is about the card itself shows that app and template are sound; one that
// says nothing of them does not.
func TestWhatClosesACircuit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class  notify.Class
		closes bool
	}{
		{notify.ClassRefused, true}, {notify.ClassGone, true}, {notify.ClassDefect, true}, {notify.ClassWording, true},
		{notify.ClassUnknown, false}, {notify.ClassRetry, false}, {notify.ClassMinute, false}, {notify.ClassUnreached, false}, {notify.ClassUnlisted, false},
	} {
		t.Run(c.class.String(), func(t *testing.T) {
			t.Parallel()
			w, users := many(t, 1)
			w.fail = func(notify.Card) error { return classed(notify.ClassTemplate) }
			w.tell(users...)
			w.jump(5 * time.Second)
			w.fail = func(notify.Card) error { return classed(c.class) }
			w.jump(10 * time.Minute)
			if _, open := w.open()[string(tmplID)]; open == c.closes {
				t.Errorf("after %s the circuit is open: %t", c.class, open)
			}
		})
	}
}

// A card that goes out on the template of messages shows nothing of its own template, whose circuit
// it was to try.
func TestFallbackClosesNoCircuit(t *testing.T) {
	t.Parallel()
	w, users := many(t, 2)
	w.templates(map[notify.Kind]notify.TemplateID{notify.KindMessage: tmplID, notify.KindCall: "call"})
	w.grant(users[0], "call", 3)
	w.fail = func(card notify.Card) error {
		if card.Template == "call" {
			return classed(notify.ClassTemplate)
		}
		return nil
	}
	w.ring("first", notify.CallSignal, "user1", users[0])
	w.jump(11 * time.Minute)
	w.ring("second", notify.CallSignal, "user1", users[1])
	w.jump(time.Second)
	if got := w.ends(users[1], "second"); got != "delivered" {
		t.Errorf("the second call ended %q", got)
	}
	if _, open := w.open()["call"]; !open {
		t.Error("the circuit of calls is closed, and none was sent")
	}
}

// Ten different users in a row whom WeChat does not know stop all cards: the AppID is
// wrong, most likely. One card that arrives ends the row.
func TestTenGoneInARow(t *testing.T) {
	t.Parallel()
	gone := func(notify.Card) error { return classed(notify.ClassGone) }
	t.Run("nine, one that arrives, nine", func(t *testing.T) {
		t.Parallel()
		w, users := many(t, 20)
		for i, user := range users[:19] {
			w.fail = gone
			if i == 9 {
				w.fail = nil
			}
			w.tell(user)
			w.jump(5 * time.Second)
		}
		w.cards(19)
		w.fail = nil
		ids := w.tell(users[19])
		w.jump(5 * time.Second)
		w.all(users[19:], ids, "delivered")
	})
	t.Run("one user ten times is no row", func(t *testing.T) {
		t.Parallel()
		w, users := many(t, 2)
		w.fail = gone
		for range 12 {
			w.tell(users[0])
			w.jump(5 * time.Second)
			w.subscribed(users[0], 1) // a new login
		}
		w.cards(12)
		w.fail = nil
		ids := w.tell(users[1])
		w.jump(5 * time.Second)
		w.all(users[1:], ids, "delivered")
	})
	t.Run("ten", func(t *testing.T) {
		t.Parallel()
		w, users := many(t, 15)
		w.fail = gone
		for _, user := range users {
			w.tell(user)
			w.jump(5 * time.Second)
		}
		w.cards(10)
		w.jump(10 * time.Minute) // one tries, in vain
		w.cards(11)
		w.fail = nil
		w.jump(12 * time.Minute)
		w.cards(15)
		if open := w.open(); len(open) > 0 {
			t.Errorf("open circuits: %v", open)
		}
	})
}

// Ten are enough, also when many more fall due together.
func TestTenGoneAtOnce(t *testing.T) {
	t.Parallel()
	w, users := many(t, 25)
	w.deliver.Rules.Workers = 1
	w.fail = func(notify.Card) error { return classed(notify.ClassGone) }
	w.tell(users...)
	w.jump(time.Minute)
	w.cards(10)
	w.fail = nil
	w.jump(15 * time.Minute)
	w.cards(25)
}

// WeChat counts its quota by days of Beijing: whatever the hour, the queue waits for the
// next midnight there, and at most ten minutes more.
func TestQuotaDay(t *testing.T) {
	t.Parallel()
	beijing := time.FixedZone("", 8*3600)
	for _, at := range []string{"00:00:00", "00:20:00", "12:00:00", "23:50:00", "23:59:50"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			start, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-11-22 "+at, beijing)
			if err != nil {
				t.Fatal(err)
			}
			w.set(start.UTC())
			w.status["user2"] = notify.StatusOffline
			w.subscribed("user2", 1)
			w.fail = func(notify.Card) error { return classed(notify.ClassQuota) }
			m := w.say("user1", "user2")
			w.jump(4 * time.Second)
			sentAt := w.clock()
			midnight := time.Date(sentAt.In(beijing).Year(), sentAt.In(beijing).Month(), sentAt.In(beijing).Day()+1, 0, 0, 0, 0, beijing)
			w.fail = nil
			w.jump(midnight.Sub(w.clock()) - time.Second)
			if got := w.ends("user2", m.ID); got != "waits" {
				t.Fatalf("before midnight it ended %q", got)
			}
			w.jump(10*time.Minute + 2*time.Second)
			want := "delivered"
			if m.SentAt.Add(24 * time.Hour).Before(midnight.Add(10 * time.Minute)) {
				want = "" // it may have died of old age while the backlog was spread
			}
			if got := w.ends("user2", m.ID); got != want && want != "" || got == "waits" {
				t.Errorf("after midnight it ended %q", got)
			}
		})
	}
}
