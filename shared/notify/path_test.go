package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

// A world is the whole path over a real store, with IM and WeChat played by hand and
// a clock that stands still.
type world struct {
	t       *testing.T
	mu      sync.Mutex
	now     time.Time
	store   *store.Store
	inbox   *notify.Inbox
	deliver *notify.Deliverer
	courier *courier

	status map[notify.UserID]notify.Status // what IM says; missing: it does not answer
	asks   int
	sent   []notify.Card
	fail   func(notify.Card) error // of the next sends; nil: they succeed
	seq    uint32
}

const tmplID notify.TemplateID = "T1"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), status: map[notify.UserID]notify.Status{}, courier: &courier{}}
	mini := miniredis.RunT(t)
	st, err := store.Open(store.Config{URL: secret.New("redis://" + mini.Addr()), Shards: 2, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w.store = st
	log := slog.New(slog.DiscardHandler)
	rules := notify.DefaultRules()
	w.inbox = &notify.Inbox{Store: st, Courier: w.courier, Rules: rules, Admin: "administrator",
		Templates: []notify.TemplateID{tmplID}, Log: log, Now: w.clock}
	w.deliver = &notify.Deliverer{Store: st, IM: w, WeChat: w, Rules: rules, Log: log, Jitter: func() float64 { return 0 },
		Template: mustTemplate(t, map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "number3": "{{.Count}}"})}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) Presence(_ context.Context, users []notify.UserID) (map[notify.UserID]notify.Status, error) {
	w.asks++
	out := map[notify.UserID]notify.Status{}
	for _, u := range users {
		if s, ok := w.status[u]; ok {
			out[u] = s
		}
	}
	if len(out) < len(users) {
		return out, errors.New("im: away")
	}
	return out, nil
}

func (w *world) Send(_ context.Context, c notify.Card) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, c)
	if w.fail != nil {
		return 0, w.fail(c)
	}
	return int64(len(w.sent)), nil
}

type courier struct {
	wakes   int
	spilled []notify.Fact
	since   time.Time
	err     error
	away    time.Time // until then, too
}

func (c *courier) Wake(context.Context) error { c.wakes++; return c.err }
func (c *courier) Spill(_ context.Context, facts []notify.Fact, since time.Time) error {
	if c.err != nil || time.Now().Before(c.away) {
		return errors.Join(c.err, errors.New("platform: away"))
	}
	c.spilled, c.since = append(c.spilled, facts...), since
	return nil
}

// subscribed binds a user and grants him permits.
func (w *world) subscribed(user notify.UserID, permits int) {
	w.t.Helper()
	if err := w.store.Bind(w.t.Context(), user, openID(user)); err != nil {
		w.t.Fatal(err)
	}
	for i := range permits {
		w.accept(notify.Fact{Grant: &notify.Grant{ID: fmt.Sprint(user, i, w.clock()), OpenID: openID(user), Source: notify.GrantPopup,
			At: w.clock(), Templates: []notify.TemplateID{tmplID}}})
	}
}

func openID(u notify.UserID) notify.OpenID { return "o-" + notify.OpenID(u) }

func (w *world) accept(facts ...notify.Fact) {
	w.t.Helper()
	if err := w.inbox.Accept(w.t.Context(), facts); err != nil {
		w.t.Fatal(err)
	}
}

// message returns a new message as IM would report it.
func (w *world) message(from, to notify.UserID) notify.Message {
	w.seq++
	return notify.Message{ID: notify.MessageID(fmt.Sprintf("%d_1_%d", w.seq, w.clock().Unix())), From: from, To: to, SentAt: w.clock(), Seq: w.seq, Summary: "hi"}
}

func (w *world) say(from, to notify.UserID) notify.Message {
	w.t.Helper()
	m := w.message(from, to)
	w.accept(notify.Fact{Message: &m})
	return m
}

func (w *world) presence(u notify.UserID, online bool) {
	w.t.Helper()
	w.accept(notify.Fact{Presence: &notify.Presence{User: u, Online: online, At: w.clock()}})
}

// after moves the clock and does what is then due, a second at a time as a watching
// run would.
func (w *world) after(d time.Duration) notify.Counts {
	w.t.Helper()
	return w.every(time.Second, d)
}

// every is after with another step.
func (w *world) every(step, d time.Duration) notify.Counts {
	w.t.Helper()
	var sum notify.Counts
	for ; d > 0; d -= step {
		w.mu.Lock()
		w.now = w.now.Add(min(d, step))
		w.mu.Unlock()
		c, err := w.deliver.Pass(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		sum.Claimed += c.Claimed
		sum.Sent += c.Sent
		sum.Merged += c.Merged
		sum.Cancelled += c.Cancelled
		sum.Retried += c.Retried
		sum.Dead += c.Dead
	}
	return sum
}

func (w *world) cards(want int) {
	w.t.Helper()
	if len(w.sent) != want {
		w.t.Fatalf("%d cards were sent, want %d: %v\n%s", len(w.sent), want, w.sent, w.timeline("user2"))
	}
}

// ended checks the one final state of a message.
func (w *world) ended(m notify.Message, state notify.State, why notify.Reason) {
	w.t.Helper()
	steps, err := w.store.Timeline(w.t.Context(), m.To)
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, s := range steps {
		if s.Kind == notify.StepFinal && slices.Contains(s.Messages, m.ID) {
			got = append(got, fmt.Sprintf("%s (%s)", s.State, s.Reason))
		}
	}
	if want := []string{fmt.Sprintf("%s (%s)", state, why)}; !slices.Equal(got, want) {
		w.t.Errorf("message %s ended %q, want %q\n%s", m.ID, got, want, w.timeline(m.To))
	}
}

func (w *world) timeline(u notify.UserID) string {
	steps, err := w.store.Timeline(w.t.Context(), u)
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "  %s %-9s %s %s %s %v\n", s.At.Format("15:04:05.000"), s.Kind, s.State, s.Reason, s.Detail, s.Messages)
	}
	return b.String()
}

func (w *world) balance(u notify.UserID, want int) {
	w.t.Helper()
	b, err := w.store.Balances(w.t.Context(), openID(u), []notify.TemplateID{tmplID})
	if err != nil {
		w.t.Fatal(err)
	}
	if b[tmplID] != want {
		w.t.Errorf("%s has %d permits, want %d", u, b[tmplID], want)
	}
}

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
