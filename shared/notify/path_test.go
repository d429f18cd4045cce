package notify_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

// The rules of docs/design.md, one subtest a row.
func TestRules(t *testing.T) {
	away := func(w *world) { w.status["user2"] = notify.StatusOffline }
	there := func(w *world) { w.status["user2"] = notify.StatusOnline }

	t.Run("offline and subscribed: one card after lead", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.say("user1", "user2")
		w.after(2 * time.Second)
		w.cards(0)
		w.after(time.Second)
		w.cards(1)
		w.ended(m, notify.StateDelivered, "")
		w.balance("user2", 0)
		if got := w.sent[0]; got.To != openID("user2") || got.Data["thing1"] != "user1" {
			t.Errorf("the card is %+v", got)
		}
		var kinds []notify.StepKind
		steps, _ := w.store.Timeline(t.Context(), "user2")
		for _, s := range steps {
			kinds = append(kinds, s.Kind)
		}
		want := []notify.StepKind{notify.StepAccepted, notify.StepBegun, notify.StepAsked, notify.StepReserved, notify.StepSent, notify.StepSettled, notify.StepFinal}
		if d := cmp.Diff(want, kinds); d != "" {
			t.Errorf("timeline:\n%s", d)
		}
	})
	t.Run("a burst becomes one card", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 5)
		away(w)
		for range 4 {
			w.say("user1", "user2")
		}
		c := w.after(10 * time.Second)
		w.cards(1)
		if w.sent[0].Data["number3"] != "4" || c.Merged != 3 {
			t.Errorf("card %v, counts %+v, want 4 messages on it", w.sent[0].Data, c)
		}
		w.balance("user2", 4)
	})
	t.Run("the same callback five times is one message", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 5)
		away(w)
		m := w.message("user1", "user2")
		for range 5 {
			w.accept(notify.Fact{Message: &m})
		}
		w.after(10 * time.Second)
		w.accept(notify.Fact{Message: &m})
		w.after(100 * time.Second)
		w.cards(1)
		w.ended(m, notify.StateDelivered, "")
	})
	t.Run("online and stays: none", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		there(w)
		w.presence("user2", true)
		m := w.say("user1", "user2")
		w.after(64 * time.Second)
		if w.asks != 0 {
			t.Errorf("IM was asked %d times within the blind window", w.asks)
		}
		w.after(2 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateCameOnline, notify.ReasonOnline)
		w.balance("user2", 1)
	})
	t.Run("online, leaves within the window without having read: one after grace", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		there(w)
		w.presence("user2", true)
		m := w.say("user1", "user2")
		w.after(30 * time.Second)
		away(w)
		w.presence("user2", false)
		w.after(4 * time.Second)
		w.cards(0)
		w.after(time.Second)
		w.cards(1)
		w.ended(m, notify.StateDelivered, "")
	})
	t.Run("online, leaves unseen: one at the end of the window", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		w.presence("user2", true)
		m := w.say("user1", "user2")
		away(w)
		w.after(64 * time.Second)
		w.cards(0)
		w.after(time.Second)
		w.cards(1)
		w.ended(m, notify.StateDelivered, "")
	})
	t.Run("nothing known, IM says online: looked at again when the window is over", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		there(w)
		m := w.say("user1", "user2")
		w.after(64 * time.Second)
		if w.asks != 1 {
			t.Errorf("IM was asked %d times, want once after lead", w.asks)
		}
		w.after(time.Second)
		w.cards(0)
		w.ended(m, notify.StateCameOnline, notify.ReasonOnline)
	})
	t.Run("comes back: waits for the window anew", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.say("user1", "user2")
		w.after(2 * time.Second)
		w.presence("user2", true)
		w.after(60 * time.Second) // IM still says offline; nobody asks it
		w.cards(0)
		there(w)
		w.after(5 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateCameOnline, notify.ReasonOnline)
	})
	t.Run("read before it is due", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m, other := w.say("user1", "user2"), w.say("user3", "user2")
		w.accept(notify.Fact{Read: &notify.Read{Reader: "user2", Peer: "user1", UpTo: w.clock()}})
		w.after(5 * time.Second)
		w.ended(m, notify.StateRead, notify.ReasonReadReport)
		w.ended(other, notify.StateDelivered, "")
	})
	t.Run("an own reply counts as having read", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.say("user1", "user2")
		w.say("user2", "user1")
		w.after(5 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateRead, notify.ReasonOwnReply)
	})
	t.Run("a message sent through REST in his name does not", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.say("user1", "user2")
		reply := w.message("user2", "user1")
		reply.ByREST = true
		w.accept(notify.Fact{Message: &reply})
		w.after(5 * time.Second)
		w.cards(1)
		w.ended(m, notify.StateDelivered, "")
	})
	t.Run("recalled", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.say("user1", "user2")
		w.accept(notify.Fact{Recall: &notify.Recall{ID: m.ID, From: "user1", To: "user2"}})
		w.after(5 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateRecalled, "")
	})
	t.Run("recalled before the message itself came in", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.message("user1", "user2")
		w.accept(notify.Fact{Recall: &notify.Recall{ID: m.ID, From: "user1", To: "user2"}})
		w.accept(notify.Fact{Message: &m})
		w.accept(notify.Fact{Message: &m})
		w.after(5 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateRecalled, "")
	})
	t.Run("no permit", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 0)
		away(w)
		m := w.say("user1", "user2")
		w.after(5 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateNoPermit, "")
	})
	t.Run("not bound: counted, nothing stored", func(t *testing.T) {
		w := newWorld(t)
		away(w)
		w.say("user1", "user2")
		w.after(5 * time.Second)
		w.cards(0)
		if got := w.timeline("user2"); got != "" {
			t.Errorf("a timeline:\n%s", got)
		}
		if c, err := w.store.Counts(t.Context()); err != nil || c["not bound"] != 1 {
			t.Errorf("counts %v, %v", c, err)
		}
	})
	t.Run("not of the kind that counts", func(t *testing.T) {
		for why, change := range map[notify.Reason]func(*notify.Message){
			notify.ReasonAdmin:  func(m *notify.Message) { m.From = "administrator" },
			notify.ReasonSilent: func(m *notify.Message) { m.Silent = true },
			notify.ReasonSelf:   func(m *notify.Message) { m.From = "user2" },
		} {
			w := newWorld(t)
			w.subscribed("user2", 1)
			away(w)
			m := w.message("user1", "user2")
			change(&m)
			w.accept(notify.Fact{Message: &m})
			w.after(5 * time.Second)
			w.cards(0)
			w.ended(m, notify.StateNotCounted, why)
		}
	})
	t.Run("failed in IM after Before had told of it", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.say("user1", "user2")
		m.FailedCode = 80001
		w.accept(notify.Fact{Message: &m})
		w.after(5 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateFailedIM, "")
	})
	t.Run("expired while IM was silent", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		m := w.message("user1", "user2")
		m.SentAt = m.SentAt.Add(30*time.Second - w.inbox.Rules.TTL)
		w.accept(notify.Fact{Message: &m})
		w.after(60 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateExpired, "")
	})
	t.Run("IM silent for two minutes: the last fact decides", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		m := w.say("user1", "user2")
		w.after(122 * time.Second)
		w.cards(0)
		w.after(6 * time.Second)
		w.cards(1)
		w.ended(m, notify.StateDelivered, "")
	})
	t.Run("an older Disconnect does not undo a newer Login", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		there(w)
		left := w.clock()
		w.after(time.Second)
		w.presence("user2", true)
		w.say("user1", "user2")
		w.accept(notify.Fact{Presence: &notify.Presence{User: "user2", Online: false, At: left}})
		w.after(20 * time.Second)
		if w.asks != 0 {
			t.Errorf("IM was asked %d times", w.asks)
		}
	})
	t.Run("came back while a run was asking: not sent", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		w.say("user1", "user2")
		w.deliver.IM = asker(func() {
			w.presence("user2", true)
		})
		w.after(10 * time.Second)
		w.cards(0)
	})
	t.Run("read while a run was asking: not sent", func(t *testing.T) {
		w := newWorld(t)
		w.subscribed("user2", 1)
		away(w)
		m := w.say("user1", "user2")
		w.deliver.IM = asker(func() {
			w.accept(notify.Fact{Read: &notify.Read{Reader: "user2", Peer: "user1", UpTo: w.clock()}})
		})
		w.after(10 * time.Second)
		w.cards(0)
		w.ended(m, notify.StateRead, notify.ReasonReadReport)
	})
}

// asker says offline of everybody, after something has happened.
type asker func()

func (f asker) Presence(_ context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	f()
	out := map[notify.UserID]notify.Status{}
	for _, u := range users {
		out[u] = notify.StatusOffline
	}
	return out, nil
}

// classed is an error of a class.
type classed notify.Class

func (c classed) Error() string       { return notify.Class(c).String() }
func (c classed) Class() notify.Class { return notify.Class(c) }

// The outcome table of docs/design.md, one subtest a row.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		err     error
		cards   int // sent within two minutes, when every send fails like this
		balance int // of 2
		state   notify.State
		why     notify.Reason
	}{
		{nil, 1, 1, notify.StateDelivered, ""},
		{classed(notify.ClassUnknown), 1, 1, notify.StateUnknown, ""},
		{errors.New("declares nothing"), 1, 1, notify.StateUnknown, ""},
		{classed(notify.ClassRefused), 1, 0, notify.StateNoPermit, ""},
		{classed(notify.ClassGone), 1, 0, notify.StateRefused, ""},
		{classed(notify.ClassDefect), 1, 2, notify.StateDead, ""},
		{classed(notify.ClassWording), 2, 2, notify.StateDead, notify.ReasonAttempts},
		{classed(notify.ClassRetry), 5, 2, "", ""},     // after 0, 1, 3, 9, 27, 81 s: the last is still to come
		{classed(notify.ClassUnreached), 5, 2, "", ""}, //
		{classed(notify.ClassUnlisted), 5, 2, "", ""},
		{classed(notify.ClassQuota), 1, 2, "", ""},
		{classed(notify.ClassOperator), 1, 2, "", ""},
	} {
		t.Run(fmt.Sprint(c.err), func(t *testing.T) {
			w := newWorld(t)
			w.subscribed("user2", 2)
			w.status["user2"] = notify.StatusOffline
			if c.err != nil {
				w.fail = func(notify.Card) error { return c.err }
			}
			m := w.say("user1", "user2")
			w.after(2 * time.Minute)
			w.cards(c.cards)
			w.balance("user2", c.balance)
			if c.state != "" {
				w.ended(m, c.state, c.why)
				return
			}
			// It waits; when the cause is gone it is told.
			w.fail = nil
			w.now = w.now.Add(13 * time.Hour) // past Beijing midnight, short of the time to live
			w.after(2 * time.Second)
			w.cards(c.cards + 1)
			w.ended(m, notify.StateDelivered, "")
		})
	}
}

func TestGivesUpAfterAttempts(t *testing.T) {
	w := newWorld(t)
	w.subscribed("user2", 2)
	w.status["user2"] = notify.StatusOffline
	w.fail = func(notify.Card) error { return classed(notify.ClassUnlisted) }
	m := w.say("user1", "user2")
	w.every(10*time.Second, time.Hour)
	w.cards(w.deliver.Rules.Retry.Attempts)
	w.ended(m, notify.StateDead, notify.ReasonAttempts)
	w.balance("user2", 2)
}

func TestWordingIsNeutralTheSecondTime(t *testing.T) {
	w := newWorld(t)
	w.subscribed("user2", 2)
	w.status["user2"] = notify.StatusOffline
	w.fail = func(c notify.Card) error {
		if c.Data["thing1"] == "user1" {
			return classed(notify.ClassWording)
		}
		return nil
	}
	m := w.say("user1", "user2")
	w.after(10 * time.Second)
	w.cards(2)
	w.ended(m, notify.StateDelivered, "")
	w.balance("user2", 1)
	if w.say("user1", "user2"); true {
		w.after(10 * time.Second)
		if got := w.sent[2].Data["thing1"]; got != "user1" {
			t.Errorf("the next card says %q; only the refused one is neutral", got)
		}
	}
}
