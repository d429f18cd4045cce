package deliver_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// Facts come in any order, late, twice, and from clocks that are wrong. What then happens
// is in this table; the reasons are in docs/design.md.
func TestDisorder(t *testing.T) {
	t.Parallel()
	presence := func(w *world, online bool, at time.Time) {
		w.accept(notify.Fact{Presence: &notify.Presence{User: "user2", Online: online, At: at}})
	}
	read := func(w *world, upTo time.Time) {
		w.accept(notify.Fact{Read: &notify.Read{Reader: "user2", Peer: "user1", UpTo: upTo}})
	}
	sentAt := func(w *world, at time.Time) notify.MessageID {
		m := w.message("user1", "user2")
		m.SentAt = at
		w.accept(notify.Fact{Message: &m})
		return m.ID
	}
	for name, c := range map[string]struct {
		play func(w *world) notify.MessageID
		for_ time.Duration // played on for so long
		want string
	}{
		"recall before its message, twice": {func(w *world) notify.MessageID {
			m := w.message("user1", "user2")
			recall := notify.Fact{Recall: &notify.Recall{ID: m.ID, From: "user1", To: "user2"}}
			w.accept(recall, recall)
			w.jump(time.Hour)
			w.accept(notify.Fact{Message: &m}, notify.Fact{Message: &m})
			return m.ID
		}, time.Minute, "recalled"},
		"recall of another's message": {func(w *world) notify.MessageID {
			id := w.say("user1", "user2").ID
			w.accept(notify.Fact{Recall: &notify.Recall{ID: id, From: "user3", To: "user2"}})
			return id
		}, time.Minute, "delivered"},
		"recall after the card": {func(w *world) notify.MessageID {
			id := w.say("user1", "user2").ID
			w.jump(10 * time.Second)
			w.accept(notify.Fact{Recall: &notify.Recall{ID: id, From: "user1", To: "user2"}})
			return id
		}, time.Hour, "delivered"},
		"the same message again after its card": {func(w *world) notify.MessageID {
			m := w.say("user1", "user2")
			w.jump(10 * time.Second)
			w.accept(notify.Fact{Message: &m})
			w.jump(20 * time.Hour)
			w.accept(notify.Fact{Message: &m})
			return m.ID
		}, time.Hour, "delivered"},
		"the same message again after it was read": {func(w *world) notify.MessageID {
			m := w.say("user1", "user2")
			read(w, w.clock())
			w.accept(notify.Fact{Message: &m})
			return m.ID
		}, time.Hour, "read (read_report)"},
		"an After of success after an After of failure": {func(w *world) notify.MessageID {
			m := w.message("user1", "user2")
			failed := m
			failed.FailedCode = 20007
			w.accept(notify.Fact{Message: &failed})
			w.accept(notify.Fact{Message: &m})
			return m.ID
		}, time.Hour, "failed in IM"},
		"an After of failure after the card": {func(w *world) notify.MessageID {
			m := w.say("user1", "user2")
			w.jump(10 * time.Second)
			m.FailedCode = 20007
			w.accept(notify.Fact{Message: &m})
			return m.ID
		}, time.Hour, "delivered"},
		"a read report for a message that is still to come": {func(w *world) notify.MessageID {
			at := w.clock()
			read(w, at)
			w.jump(2 * time.Second)
			return sentAt(w, at)
		}, time.Minute, "read (read_report)"},
		"a read report from before the message": {func(w *world) notify.MessageID {
			id := sentAt(w, w.clock())
			read(w, w.clock().Add(-time.Second))
			return id
		}, time.Minute, "delivered"},
		"an older read report after a newer": {func(w *world) notify.MessageID {
			read(w, w.clock())
			read(w, w.clock().Add(-time.Hour))
			return sentAt(w, w.clock())
		}, time.Minute, "read (read_report)"},
		"a read report of the far future silences for minutes, not for ever": {func(w *world) notify.MessageID {
			read(w, w.clock().Add(1000*time.Hour))
			w.jump(6 * time.Minute)
			return sentAt(w, w.clock())
		}, time.Minute, "delivered"},
		"a read report of the year 0": {func(w *world) notify.MessageID {
			id := sentAt(w, w.clock())
			read(w, time.Time{})
			return id
		}, time.Minute, "delivered"},
		"Disconnect older than the Login that came first": {func(w *world) notify.MessageID {
			w.status["user2"] = notify.StatusOnline
			left := w.clock()
			w.jump(time.Second)
			presence(w, true, w.clock())
			id := sentAt(w, w.clock())
			presence(w, false, left)
			return id
		}, 20 * time.Second, "waits"},
		"Login older than the Disconnect that came first": {func(w *world) notify.MessageID {
			came := w.clock()
			w.jump(time.Second)
			presence(w, false, w.clock())
			presence(w, true, came)
			return sentAt(w, w.clock())
		}, 5 * time.Second, "delivered"},
		"Login and Disconnect of one millisecond: the first that is heard of": {func(w *world) notify.MessageID {
			presence(w, false, w.clock())
			presence(w, true, w.clock())
			return sentAt(w, w.clock())
		}, 5 * time.Second, "delivered"},
		"a Login of the far future silences for minutes, not for ever": {func(w *world) notify.MessageID {
			presence(w, true, w.clock().Add(1000*time.Hour))
			w.jump(6 * time.Minute)
			presence(w, false, w.clock())
			return sentAt(w, w.clock())
		}, 10 * time.Second, "delivered"},
		"presence of a time before 1970": {func(w *world) notify.MessageID {
			presence(w, true, time.Unix(-1000, 0))
			return sentAt(w, w.clock())
		}, 5 * time.Second, "delivered"},
		"a message of the far future lives as long as any": {func(w *world) notify.MessageID {
			w.status["user2"] = notify.StatusUnknown
			delete(w.status, "user2")
			return sentAt(w, w.clock().Add(1000*time.Hour))
		}, time.Hour, "delivered"},
		"a message of 1970": {func(w *world) notify.MessageID {
			return sentAt(w, time.Unix(0, 0))
		}, time.Minute, "expired"},
		"a message of a time before 1970": {func(w *world) notify.MessageID {
			return sentAt(w, time.Unix(-1<<40, 0))
		}, time.Minute, "expired"},
		"a message of the zero time": {func(w *world) notify.MessageID {
			return sentAt(w, time.Time{})
		}, time.Minute, "expired"},
		"a message of the last second that a clock can have": {func(w *world) notify.MessageID {
			return sentAt(w, time.Unix(math.MaxInt32, 0))
		}, time.Minute, "delivered"},
		"IM's clock is 2 min ahead": {func(w *world) notify.MessageID {
			presence(w, false, w.clock().Add(2*time.Minute))
			return sentAt(w, w.clock().Add(2*time.Minute))
		}, 10 * time.Second, "delivered"},
		"IM's clock is 2 min behind": {func(w *world) notify.MessageID {
			presence(w, true, w.clock().Add(-2*time.Minute))
			w.jump(time.Second)
			presence(w, false, w.clock().Add(-2*time.Minute))
			return sentAt(w, w.clock().Add(-2*time.Minute))
		}, 10 * time.Second, "delivered"},
		"a message to nobody, from nobody": {func(w *world) notify.MessageID {
			w.accept(notify.Fact{Message: &notify.Message{ID: "x", SentAt: w.clock()}})
			return w.say("user1", "user2").ID
		}, 10 * time.Second, "delivered"},
		"ids with every kind of letter": {func(w *world) notify.MessageID {
			m := w.message("用户 \"1\"\n{}", "user2")
			m.ID = "1_\"'\\ }{\x00_2"
			w.accept(notify.Fact{Message: &m})
			return m.ID
		}, 10 * time.Second, "delivered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := absent(t, 5)
			id := c.play(w)
			w.jump(c.for_)
			if got := w.ends("user2", id); got != c.want {
				t.Errorf("it ended %q, want %q\n%s", got, c.want, w.timeline("user2"))
			}
		})
	}
}

// A clock that is set back keeps nobody waiting for long, and sends nothing twice.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := absent(t, 5)
	m := w.say("user1", "user2")
	w.jump(10 * time.Second)
	w.ended(m, notify.StateDelivered, "")
	w.set(w.clock().Add(-time.Hour))
	w.accept(notify.Fact{Message: &m})
	w.presence("user2", true) // older than all that is known
	next := w.say("user1", "user2")
	w.jump(time.Hour + 6*time.Minute)
	w.ended(m, notify.StateDelivered, "")
	w.ended(next, notify.StateDelivered, "")
	w.cards(2)
}

// Calls with times and users that make no sense.
func TestDisorderOfCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ring func(w *world) notify.Ring
		want string
	}{
		"of the far future: it rings now": {func(w *world) notify.Ring {
			return notify.Ring{At: w.clock().Add(1000 * time.Hour), For: 30 * time.Second}
		}, "delivered"},
		"without a time: it rings now":     {func(w *world) notify.Ring { return notify.Ring{For: 30 * time.Second} }, "delivered"},
		"that has long stopped":            {func(w *world) notify.Ring { return notify.Ring{At: w.clock().Add(-time.Hour), For: 30 * time.Second} }, "ended (timed_out)"},
		"that rings for no time":           {func(w *world) notify.Ring { return notify.Ring{At: w.clock()} }, "ended (timed_out)"},
		"that rings for less than no time": {func(w *world) notify.Ring { return notify.Ring{At: w.clock(), For: -time.Hour} }, "ended (timed_out)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := absent(t, 5)
			r := c.ring(w)
			r.Call, r.Source, r.Caller, r.Users = "call", notify.CallSignal, "user1", []notify.UserID{"user2", "user2", "", "user9"}
			w.accept(notify.Fact{Ring: &r})
			w.jump(time.Minute)
			if got := w.ends("user2", "call"); got != c.want {
				t.Errorf("it ended %q, want %q\n%s", got, c.want, w.timeline("user2"))
			}
		})
	}
	t.Run("nobody is called", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 5)
		w.accept(notify.Fact{Ring: &notify.Ring{Call: "call", Source: notify.CallSignal, Caller: "user1", At: w.clock(), For: time.Minute}},
			notify.Fact{RingEnd: &notify.RingEnd{Call: "call", Source: notify.CallSignal, How: notify.CallAnswered, At: w.clock()}})
		w.jump(time.Minute)
		w.cards(0)
	})
	t.Run("an end of a kind that nobody knows", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 5)
		w.status["user2"] = notify.StatusOnline
		w.ring("call", notify.CallSignal, "user1", "user2")
		w.jump(time.Second)
		w.hangUp("call", notify.CallSignal, "vanished", "user2")
		w.jump(time.Minute)
		if got := w.ends("user2", "call"); got != "ended (hung_up)" {
			t.Errorf("it ended %q", got)
		}
	})
}

// Grants and revocations that contradict one another, and absurd times.
func TestDisorderOfPermits(t *testing.T) {
	t.Parallel()
	grant := func(w *world, id string, at time.Time) {
		w.accept(notify.Fact{Grant: &notify.Grant{ID: id, OpenID: openID("user2"), Source: notify.GrantPopup, At: at, Templates: []notify.TemplateID{tmplID}}})
	}
	revoke := func(w *world, id string, at time.Time) {
		w.accept(notify.Fact{Revoke: &notify.Revoke{ID: id, OpenID: openID("user2"), At: at, Templates: []notify.TemplateID{tmplID}}})
	}
	for name, c := range map[string]struct {
		play func(w *world)
		want int
	}{
		"a grant that is told twice":                             {func(w *world) { grant(w, "g", w.clock()); grant(w, "g", w.clock()) }, 1},
		"a grant heard of after the revocation that it precedes": {func(w *world) { revoke(w, "r", w.clock()); grant(w, "g", w.clock().Add(-time.Second)) }, 0},
		"a revocation heard of after the grant that it precedes": {func(w *world) { grant(w, "g", w.clock()); revoke(w, "r", w.clock().Add(-time.Second)) }, 1},
		"a revocation that is told twice, around a grant": {func(w *world) {
			revoke(w, "r", w.clock())
			w.set(w.clock().Add(time.Second))
			grant(w, "g", w.clock())
			revoke(w, "r", w.clock())
		}, 1},
		"a revocation of the far future voids no grant for ever": {func(w *world) {
			grant(w, "g", w.clock())
			revoke(w, "r", w.clock().Add(1000*time.Hour))
			w.set(w.clock().Add(6 * time.Minute))
			grant(w, "h", w.clock())
		}, 1},
		"a grant of the far future can be switched off": {func(w *world) {
			grant(w, "g", w.clock().Add(1000*time.Hour))
			w.set(w.clock().Add(6 * time.Minute))
			revoke(w, "r", w.clock())
		}, 0},
		"a grant without a time counts for nothing": {func(w *world) { grant(w, "g", time.Unix(0, 0)) }, 0},
		"of a template that is not ours": {func(w *world) {
			w.accept(notify.Fact{Grant: &notify.Grant{ID: "g", OpenID: openID("user2"), Source: notify.GrantPopup, At: w.clock(), Templates: []notify.TemplateID{"T9"}}})
		}, 0},
		"of one template twice in one dialog": {func(w *world) {
			w.accept(notify.Fact{Grant: &notify.Grant{ID: "g", OpenID: openID("user2"), Source: notify.GrantPopup, At: w.clock(), Templates: []notify.TemplateID{tmplID, tmplID}}})
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.subscribed("user2", 0)
			c.play(w)
			w.balance("user2", c.want)
			a, err := store.Accounts(t.Context(), w.store, openID("user2"))
			if err != nil {
				t.Fatal(err)
			}
			sum := a[tmplID].Opening
			for _, e := range a[tmplID].Entries {
				sum += e.Change
			}
			if sum != a[tmplID].Balance {
				t.Errorf("the account does not add up: %+v", a[tmplID])
			}
		})
	}
}

// Counts over every limit: what is too much ends, with a reason, and nothing is lost
// without one.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	t.Run("messages for one recipient", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 0)
		w.onRedis()
		w.subscribed("user2", 30)
		const n = 600
		var facts []notify.Fact
		for i := range n {
			m := w.message(notify.UserID(fmt.Sprint("peer", i)), "user2")
			facts = append(facts, notify.Fact{Message: &m})
		}
		for some := range slices.Chunk(facts, 50) {
			if _, err := w.store.Record(t.Context(), w.inbox.Rules, some); err != nil {
				t.Fatal(err)
			}
		}
		w.jump(23 * time.Hour)
		counts, err := w.store.Counts(t.Context())
		want := map[notify.State]int64{notify.StateDelivered: 160, notify.StateNotCounted: n - 160}
		if d := cmp.Diff(want, counts); d != "" || err != nil {
			t.Errorf("messages ended (-want +got), %v:\n%s", err, d)
		}
		w.cards(2)
	})
	t.Run("a text without end", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 1)
		w.rules(func(r *notify.Rules) { r.Preview = notify.PreviewText })
		m := w.message("user1", "user2")
		m.Summary = strings.Repeat("👩‍👩‍👧‍👦 长\u0000\n", 10000)
		w.accept(notify.Fact{Message: &m})
		w.jump(time.Minute)
		w.ended(m, notify.StateDelivered, "")
		if got := w.sent[0].Data["thing2"]; len([]rune(got)) > 20 || got == "" {
			t.Errorf("the card says %q", got)
		}
	})
	t.Run("mentions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		users := w.crowd(2)
		m := w.inGroup(func(m *notify.GroupMessage) {
			for i := range 1000 {
				m.At = append(m.At, notify.UserID(fmt.Sprint("nobody", i)))
			}
			m.At = append(m.At, users...)
		})
		w.jump(time.Minute)
		if got := w.ends(users[1], m.ID()); got != "delivered" {
			t.Errorf("it ended %q", got)
		}
	})
	t.Run("recalls", func(t *testing.T) {
		t.Parallel()
		w := everybody(newWorld(t))
		users := w.crowd(1)
		m := w.inGroup(nil)
		w.jump(time.Second)
		var seqs []uint32
		for i := range uint32(2000) {
			seqs = append(seqs, i)
		}
		w.accept(notify.Fact{GroupRecall: &notify.GroupRecall{Group: "g1", Seqs: append(seqs, math.MaxUint32)}})
		w.jump(time.Minute)
		if got := w.ends(users[0], m.ID()); got != "recalled" {
			t.Errorf("it ended %q", got)
		}
	})
}

// A template whose fields cannot be filled fails at the start, or shows a neutral word: it
// never stops a card.
func TestTemplatesThatCannotBeFilled(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"a field that does not exist": "{{.Nobody}}",
		"not a template":              "{{.Sender",
		"nothing":                     "",
		"too much":                    `{{range 9999}}{{$.Sender}}{{end}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := notify.NewTemplates(map[notify.Kind]notify.TemplateSpec{notify.KindMessage: {ID: tmplID, Data: map[string]string{"thing1": data}}})
			if err == nil || !strings.Contains(err.Error(), "templates.message") || !strings.Contains(err.Error(), "thing1") {
				t.Errorf("the error is %v; it must name the template and the keyword", err)
			}
		})
	}
	t.Run("a name of characters that a card may not show", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 1)
		w.names["user1"] = "\u200b\n\u0000 "
		m := w.say("user1", "user2")
		w.jump(10 * time.Second)
		w.ended(m, notify.StateDelivered, "")
		if got := w.sent[0].Data["thing1"]; strings.TrimSpace(got) == "" {
			t.Errorf("the card says %q", got)
		}
	})
	t.Run("an announcement without fields", func(t *testing.T) {
		t.Parallel()
		w := absent(t, 1)
		m := notify.Message{ID: "order", Kind: "order", To: "user2", SentAt: w.clock(), Announcement: &notify.Announcement{}}
		if _, _, err := w.store.Announce(t.Context(), w.inbox.Rules, []notify.Message{m}); err != nil {
			t.Fatal(err)
		}
		w.jump(10 * time.Second)
		w.ended(m, notify.StateDelivered, "")
		for keyword, value := range w.sent[0].Data {
			if strings.TrimSpace(value) == "" {
				t.Errorf("%s is empty", keyword)
			}
		}
	})
}

// Preferences of unknown kind are refused, with the field named; what cannot be read later
// mutes nobody.
func TestPreferencesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("peer", i)
	}
	for want, p := range map[string]notify.Preferences{
		"preferences.quietHours":    {QuietHours: "ten to eleven"},
		"preferences.mutedPeers:":   {MutedPeers: many},
		"preferences.mutedPeers[1]": {MutedPeers: []string{"user1", ""}},
		"preferences.mutedPeers[0]": {MutedPeers: []string{strings.Repeat("x", 65)}},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one that names %s", p, err, want)
		}
	}
	for _, quiet := range []notify.QuietHours{"25:00-07:00", "22:30", "07:00-07:00", "-1:00-07:00", "22:30-07:00 "} {
		w := absent(t, 1)
		if err := w.store.SetPreferences(t.Context(), "user2", notify.Preferences{QuietHours: quiet}); err != nil {
			t.Fatal(err)
		}
		m := w.say("user1", "user2")
		w.jump(10 * time.Second)
		w.ended(m, notify.StateDelivered, "")
	}
}
