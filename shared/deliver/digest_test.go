package deliver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// absent is a world in which user2 is away and has permits.
func absent(t *testing.T, permits int) *world {
	t.Helper()
	w := newWorld(t)
	w.rules(func(r *notify.Rules) { r.KeepLearning = false })
	w.status["user2"] = notify.StatusOffline
	w.subscribed("user2", permits)
	return w
}

// puts returns why and until when what waits for a user was put off last.
func (w *world) puts(user notify.UserID) string {
	w.t.Helper()
	steps, err := w.store.Timeline(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Kind == notify.StepPutOff {
			return fmt.Sprintf("%s, %d of %d", steps[i].Reason, steps[i].Left, steps[i].Keep)
		}
	}
	return ""
}

// The first card of an absence goes at once; a digest only while more permits are left
// than are kept, and kept permits are explained.
func TestDigestKeepsPermits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keep, permits int
		cards         int // of the six that the steps allow
	}{
		{0, 6, 6}, {0, 3, 3}, {1, 6, 5}, {1, 2, 1}, {1, 1, 1}, {3, 6, 3}, {3, 4, 1}, {10, 6, 1},
	} {
		t.Run(fmt.Sprintf("%d permits, %d kept", c.permits, c.keep), func(t *testing.T) {
			t.Parallel()
			w := absent(t, c.permits)
			w.rules(func(r *notify.Rules) { r.KeepForFirst, r.TTL = c.keep, 7*24*time.Hour })
			for _, step := range append([]time.Duration{time.Minute}, w.deliver.Rules.DigestSteps...) {
				w.say("user1", "user2")
				w.jump(step)
			}
			w.jump(2 * time.Minute)
			w.cards(c.cards)
			w.balance("user2", c.permits-c.cards)
			if left := c.permits - c.cards; left > 0 && c.cards < 6 && w.puts("user2") != fmt.Sprintf("kept, %d of %d", left, c.keep) {
				t.Errorf("the timeline says %q, not that permits were kept", w.puts("user2"))
			}
		})
	}
}

// The ledger learns how many absences a user has between two granting sessions: digests
// leave as many, first cards and calls do not wait.
func TestDigestLearns(t *testing.T) {
	t.Parallel()
	// absences lets user2 come and go n times, told something each time he is away.
	absences := func(w *world, n int) {
		for range n {
			w.presence("user2", true)
			w.jump(time.Minute)
			w.presence("user2", false)
			w.jump(10 * time.Second)
			w.say("user1", "user2")
			w.jump(time.Hour)
		}
	}
	session := func(w *world, permits int) {
		w.presence("user2", true)
		w.subscribed("user2", permits)
		w.jump(time.Minute)
		w.presence("user2", false)
		w.jump(10 * time.Second)
	}
	learnt := func(t *testing.T) *world {
		w := absent(t, 0)
		w.rules(func(r *notify.Rules) { r.KeepLearning = true })
		for range 6 {
			session(w, 4)
			absences(w, 4)
		}
		return w
	}
	t.Run("what it has learnt is told", func(t *testing.T) {
		t.Parallel()
		w := learnt(t)
		session(w, 1)
		a, err := store.Accounts(t.Context(), w.store, openID("user2"))
		if err != nil || a[tmplID].Expected < 3.5 || a[tmplID].Expected > 4.5 {
			t.Errorf("of 4 absences a session the account expects %v, %v", a[tmplID].Expected, err)
		}
	})
	for permits, want := range map[int]string{12: "delivered", 5: "waits"} {
		t.Run(fmt.Sprintf("of %d permits, a digest leaves the 4 that will be needed", permits), func(t *testing.T) {
			t.Parallel()
			w := learnt(t)
			session(w, permits)
			first := w.say("user1", "user2")
			w.jump(time.Minute)
			w.ended(first, notify.StateDelivered, "")
			later := w.say("user1", "user2")
			w.jump(time.Hour)
			if got := w.ends("user2", later.ID); got != want {
				t.Errorf("the digest ended %q, want %q: %s", got, want, w.puts("user2"))
			}
			absences(w, 1) // a first card does not wait
			w.balance("user2", permits-2-strings.Count(want, "delivered"))
		})
	}
	t.Run("without learning only keep_for_first counts", func(t *testing.T) {
		t.Parallel()
		w := learnt(t)
		w.rules(func(r *notify.Rules) { r.KeepLearning = false })
		session(w, 3)
		w.say("user1", "user2")
		w.jump(time.Minute)
		later := w.say("user1", "user2")
		w.jump(6 * time.Minute)
		w.ended(later, notify.StateDelivered, "")
	})
}

// What is read elsewhere is dropped before a digest; what IM does not count, or cannot say,
// stays.
func TestUnreadBeforeDigest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		unread map[notify.UserID]int
		want   map[string]string // by sender
	}{
		"nothing is unread":         {map[notify.UserID]int{}, map[string]string{"user1": "read (unread_none)", "user3": "read (unread_none)", "g1": "delivered"}},
		"one conversation is":       {map[notify.UserID]int{"user2<-user1": 0, "user2<-user3": 2}, map[string]string{"user1": "read (unread_none)", "user3": "delivered", "g1": "delivered"}},
		"everything is":             {map[notify.UserID]int{"user2<-user1": 1, "user2<-user3": 1}, map[string]string{"user1": "delivered", "user3": "delivered", "g1": "delivered"}},
		"something else is":         {map[notify.UserID]int{"user2<-user1": 0, "user2<-user9": 1}, map[string]string{"user1": "read (unread_none)", "user3": "delivered", "g1": "delivered"}},
		"IM cannot say":             {nil, map[string]string{"user1": "delivered", "user3": "delivered", "g1": "delivered"}},
		"counts that make no sense": {map[notify.UserID]int{"user2<-user1": -1, "user2<-user3": 1 << 40}, map[string]string{"user1": "delivered", "user3": "delivered", "g1": "delivered"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := everybody(absent(t, 9))
			w.groups = map[notify.GroupID][]notify.Member{"g1": {{User: "user1"}, {User: "user2"}}}
			w.say("user1", "user2")
			w.jump(time.Minute)
			ids := map[string]notify.MessageID{"user1": w.say("user1", "user2").ID, "user3": w.say("user3", "user2").ID, "g1": w.inGroup(nil).ID()}
			w.unread = c.unread
			w.jump(6 * time.Minute)
			for from, want := range c.want {
				if got := w.ends("user2", ids[from]); got != want {
					t.Errorf("what %s said ended %q, want %q\n%s", from, got, want, w.timeline("user2"))
				}
			}
		})
	}
	for total, want := range map[int]notify.State{0: notify.StateRead, 1: notify.StateDelivered} {
		t.Run(fmt.Sprintf("of a sender who was erased, %d unread in all", total), func(t *testing.T) {
			t.Parallel()
			w := absent(t, 9)
			w.say("user1", "user2")
			w.jump(time.Minute)
			m := w.say("user1", "user2")
			if err := w.store.EraseUser(t.Context(), "user1"); err != nil && !errors.Is(err, store.ErrNotBound) {
				t.Fatal(err)
			}
			w.unread = map[notify.UserID]int{"user2<-user9": total}
			w.jump(6 * time.Minute)
			got := w.ends("user2", m.ID)
			if !strings.HasPrefix(got, string(want)) {
				t.Errorf("what he said ended %q, want %q", got, want)
			}
			if total == 0 {
				return
			}
			if got := w.sent[1].Data["thing1"]; got != "好友" || w.sent[1].Page != "p" {
				t.Errorf("the card names %q, and opens %q", got, w.sent[1].Page)
			}
		})
	}
	t.Run("the first card of an absence does not ask", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 9)
		w.unread = map[notify.UserID]int{}
		m := w.say("user1", "user2")
		w.jump(time.Minute)
		w.ended(m, notify.StateDelivered, "")
	})
}

// The oldest go first, by MsgTime and then MsgSeq, however they came in; what does not fit
// waits for the next step.
func TestOrderOfADigest(t *testing.T) {
	t.Parallel()
	w := absent(t, 5)
	w.rules(func(r *notify.Rules) { r.DigestMax, r.Preview = 3, notify.PreviewText })
	base := w.clock().Truncate(time.Second)
	var ids []notify.MessageID
	for _, m := range []struct {
		second int
		seq    uint32
	}{{4, 1}, {2, 9}, {1, 5}, {2, 8}, {3, 1}} {
		msg := w.message("user1", "user2")
		msg.SentAt, msg.Seq, msg.Summary = base.Add(time.Duration(m.second-10)*time.Second), m.seq, fmt.Sprintf("%d.%d", m.second, m.seq)
		w.accept(notify.Fact{Message: &msg})
		ids = append(ids, msg.ID)
	}
	w.jump(time.Minute)
	w.cards(1)
	if got := w.sent[0].Data; got["number3"] != "3" || got["thing2"] != "2.9" {
		t.Errorf("the first card says %v, want 3 messages of which the newest is 2.9", got)
	}
	for i, want := range []string{"waits", "delivered", "delivered", "delivered", "waits"} {
		if got := w.ends("user2", ids[i]); got != want {
			t.Errorf("message %d ended %q, want %q", i, got, want)
		}
	}
	w.jump(5 * time.Minute)
	w.cards(2)
	if got := w.sent[1].Data; got["number3"] != "2" || got["thing2"] != "4.1" {
		t.Errorf("the second card says %v, want 2 messages of which the newest is 4.1", got)
	}
}

// An absence ends with a login, with reading, and with a login through the mini program's
// own session, also in the midst of a send: the next card is a first one.
func TestAbsenceEnds(t *testing.T) {
	t.Parallel()
	comesAndGoes := func(w *world) {
		w.presence("user2", true)
		w.set(w.clock().Add(time.Second))
		w.presence("user2", false)
	}
	const alone = "a Disconnect alone: its Login was lost"
	for name, back := range map[string]func(w *world){
		"Login, Disconnect": comesAndGoes,
		alone: func(w *world) {
			w.set(w.clock().Add(time.Second))
			w.presence("user2", false)
		},
		"a read report": func(w *world) {
			w.accept(notify.Fact{Read: &notify.Read{Reader: "user2", Peer: "user9", UpTo: w.clock()}})
		},
		"an own message": func(w *world) { w.say("user2", "user9") },
		"a session": func(w *world) {
			if err := w.store.Bind(w.t.Context(), "user2", openID("user2")); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := absent(t, 2)
			w.say("user1", "user2")
			w.jump(time.Minute)
			back(w)
			w.jump(time.Second)
			m := w.say("user1", "user2")
			w.jump(10 * time.Second)
			w.ended(m, notify.StateDelivered, "")
		})
		if name == alone {
			continue // IM has just said that he is away: it is that going which is heard of late
		}
		t.Run(name+", while the first card is on its way", func(t *testing.T) {
			t.Parallel()
			w := absent(t, 2)
			first := true
			w.deliver.WeChat = sender(func() error {
				if first {
					first = false
					back(w)
				}
				return nil
			})
			w.say("user1", "user2")
			w.jump(time.Minute)
			m := w.say("user1", "user2")
			w.jump(10 * time.Second)
			w.ended(m, notify.StateDelivered, "")
		})
	}
}

// Without State.StateChange an absence ends when IM's answer shows him there, or he reads;
// until then the steps go on.
func TestDigestWithoutStateChange(t *testing.T) {
	t.Parallel()
	w := absent(t, 5)
	w.say("user1", "user2")
	w.jump(time.Minute)
	w.status["user2"] = notify.StatusOnline // he opens the mini program, and nobody tells us
	seen := w.say("user1", "user2")
	w.jump(7 * time.Minute)
	w.ended(seen, notify.StateCameOnline, notify.ReasonOnline)
	w.status["user2"] = notify.StatusOffline
	m := w.say("user1", "user2")
	w.jump(5 * time.Second)
	w.ended(m, notify.StateDelivered, "")
	unseen := w.say("user1", "user2")
	w.jump(4 * time.Minute)
	if got := w.ends("user2", unseen.ID); got != "waits" {
		t.Errorf("the second message of the absence ended %q before the first step", got)
	}
	w.jump(2 * time.Minute)
	w.ended(unseen, notify.StateDelivered, "")
}

// A digest merges what was said by whomever, wherever; an announcement goes by itself and
// moves no step.
func TestDigestMerges(t *testing.T) {
	t.Parallel()
	w := everybody(absent(t, 9))
	w.groups = map[notify.GroupID][]notify.Member{"g1": {{User: "user1"}, {User: "user2"}}}
	w.say("user1", "user2")
	w.jump(time.Minute)
	a, b, c := w.say("user1", "user2"), w.say("user3", "user2"), w.inGroup(nil)
	w.jump(time.Minute)
	order := notify.Message{ID: "order", Kind: "order", To: "user2", SentAt: w.clock(), Announcement: &notify.Announcement{Fields: map[string]string{"summary": "shipped"}}}
	if _, _, err := w.store.Announce(t.Context(), w.inbox.Rules, []notify.Message{order}); err != nil {
		t.Fatal(err)
	}
	w.jump(time.Minute)
	w.cards(2)
	if got := w.ends("user2", "order"); got != "delivered" || w.sent[1].Data["thing2"] != "shipped" {
		t.Errorf("the announcement ended %q, with %v", got, w.sent[1].Data)
	}
	w.jump(3 * time.Minute)
	w.cards(3)
	if got := w.sent[2].Data["number3"]; got != "3" {
		t.Errorf("the digest carries %s", got)
	}
	for _, id := range []notify.MessageID{a.ID, b.ID, c.ID()} {
		if got := w.ends("user2", id); got != "delivered" {
			t.Errorf("%s ended %q", id, got)
		}
	}
}
