package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/internal/testkit"
	"wxnotify/shared/deliver"
	"wxnotify/shared/inbox"
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
	inbox   *inbox.Inbox
	deliver *deliver.Deliverer
	courier *courier

	status map[notify.UserID]notify.Status // what IM says; missing: it does not answer
	unread map[notify.UserID]int           // what IM counts of a user's peers, by "user<-peer"; nil: it does not say
	groups map[notify.GroupID][]notify.Member
	names  map[string]string // of users, and of groups behind "@"
	asks   int
	sent   []notify.Card
	fail   func(notify.Card) error // of the next sends; nil: they succeed
	seq    uint32
}

const tmplID notify.TemplateID = "T1"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: testkit.Past.Add(12 * time.Hour), status: map[notify.UserID]notify.Status{}, courier: &courier{},
		names: map[string]string{"user1": "Anna"}}
	mini := miniredis.RunT(t)
	st, err := store.Open(store.Config{URL: secret.New("redis://" + mini.Addr()), Shards: 2, Now: w.clock, ServerTime: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w.store = st
	log := slog.New(slog.DiscardHandler)
	rules := notify.DefaultRules()
	w.inbox = &inbox.Inbox{
		Store: st, Courier: w.courier, Log: log, Now: w.clock,
		Filter: notify.Filter{Rules: rules, Admin: "administrator", Templates: []notify.TemplateID{tmplID}},
	}
	w.deliver = &deliver.Deliverer{Store: st, IM: w, Directory: w, WeChat: w, Rules: rules, Log: log}
	w.templates(map[notify.Kind]notify.TemplateID{notify.KindMessage: tmplID})
	return w
}

// templates sets the templates, by kind.
func (w *world) templates(ids map[notify.Kind]notify.TemplateID) {
	w.t.Helper()
	specs := map[notify.Kind]notify.TemplateSpec{}
	for kind, id := range ids {
		specs[kind] = notify.TemplateSpec{ID: id, Page: "p?peer={{.Peer}}",
			Data: map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "number3": "{{.Count}}", "thing4": "{{.Group}}"}}
	}
	ts, err := notify.NewTemplates(specs)
	if err != nil {
		w.t.Fatal(err)
	}
	w.deliver.Templates, w.inbox.Templates = ts, ts.IDs()
}

// rules changes the rules.
func (w *world) rules(change func(*notify.Rules)) {
	change(&w.inbox.Rules)
	change(&w.deliver.Rules)
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

func (w *world) Unread(_ context.Context, user notify.UserID, peers []notify.UserID) (int, map[notify.UserID]int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unread == nil {
		return 0, nil, errors.New("im: away")
	}
	if slices.Contains(peers, "") {
		w.t.Error("IM is asked about a peer without a name")
	}
	total, by := 0, map[notify.UserID]int{}
	for key, n := range w.unread {
		if peer, ok := strings.CutPrefix(string(key), string(user)+"<-"); ok {
			total += n
			if slices.Contains(peers, notify.UserID(peer)) {
				by[notify.UserID(peer)] = n
			}
		}
	}
	return total, by, nil
}

func (w *world) Members(_ context.Context, group notify.GroupID, _ notify.GroupType, page string) ([]notify.Member, string, error) {
	members, ok := w.groups[group]
	if !ok {
		return nil, "", notify.ErrNoGroup
	}
	from, _ := strconv.Atoi(page)
	to := min(from+100, len(members))
	next := ""
	if to < len(members) {
		next = strconv.Itoa(to)
	}
	return members[from:to], next, nil
}

func (w *world) MembersAmong(_ context.Context, group notify.GroupID, users []notify.UserID) ([]notify.Member, error) {
	var out []notify.Member
	for _, m := range w.groups[group] {
		if slices.Contains(users, m.User) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (w *world) Names(_ context.Context, users []notify.UserID) (map[notify.UserID]string, error) {
	if w.names == nil {
		return nil, errors.New("im: away")
	}
	out := map[notify.UserID]string{}
	for _, u := range users {
		if name, ok := w.names[string(u)]; ok {
			out[u] = name
		}
	}
	return out, nil
}

func (w *world) GroupNames(_ context.Context, groups []notify.GroupID) (map[notify.GroupID]string, error) {
	if w.names == nil {
		return nil, errors.New("im: away")
	}
	out := map[notify.GroupID]string{}
	for _, g := range groups {
		if name, ok := w.names["@"+string(g)]; ok {
			out[g] = name
		}
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
func (w *world) after(d time.Duration) deliver.Counts {
	w.t.Helper()
	return w.every(time.Second, d)
}

// every is after with another step.
func (w *world) every(step, d time.Duration) deliver.Counts {
	w.t.Helper()
	var sum deliver.Counts
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
		if s.Kind == notify.StepFinal && slices.Contains(s.Messages, m.Identity()) {
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
