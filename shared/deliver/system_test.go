package deliver_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

// A system is the whole path between the simulated platforms: callbacks and pushes come in
// through the real receivers, questions and cards go out through the real clients. Time
// is the simulator's clock.
//
// Anna writes, tom is told: as the openid o-tom.
type system struct {
	t       testkit.T
	clock   *simulator.ManualClock
	sim     *simulator.World
	im      *simulator.IM
	wx      *simulator.WeChat
	store   *store.Store
	inbox   *inbox.Inbox
	deliver *deliver.Deliverer

	functions http.Handler

	begin  time.Time
	during func() // happens once, while a card is on its way

	mu       sync.Mutex
	silent   bool // IM does not say who is there
	happened []action
	names    map[fact.MessageID]string
	order    []fact.MessageID
	cards    []card.Card // that WeChat was asked to send
	alerts   []string
}

// An action is one thing that the deliverer did, or put off.
type action struct {
	at   time.Time
	what string
}

const (
	tom        = "tom"
	pathAsk    = "/v4/openim/query_online_status"
	pathUnread = "/v4/openim/get_c2c_unread_msg_num"
	pathSend   = "/cgi-bin/message/subscribe/send"
	noTrace    = "has left no trace"
)

func newSystem(t *testing.T) *system {
	t.Helper()
	evening := testkit.Future.Add(12 * time.Hour) // 20:00 in Beijing
	s := &system{t: testkit.T{T: t}, clock: simulator.NewManualClock(evening), names: map[fact.MessageID]string{}}
	s.begin = s.clock.Now()
	s.sim = fixture.World(t, simulator.Config{Clock: s.clock, HTTPClient: &http.Client{Transport: s},
		WeChat: simulator.WeChatConfig{PushURL: "http://127.0.0.1/wechatpush"},
		IM:     simulator.IMConfig{CallbackURL: "http://127.0.0.1/imcallback", CallbackToken: fixture.CallbackToken}})
	s.im, s.wx = s.sim.IM, s.sim.WeChat
	rules := notify.DefaultRules()
	rules.KeepLearning = false // rows about it switch it on
	s.assemble(miniredis.RunT(t).Addr(), rules)
	s.templates(fact.KindMessage)
	s.im.Import("anna", "Anna")
	s.im.Import("bert", "Bert")
	s.im.Import(tom, "Tom")
	s.bind(tom)
	return s
}

// assemble wires the functions over the store at an address.
func (s *system) assemble(addr string, rules notify.Rules) {
	s.t.Helper()
	s.store = fixture.Store(s.t, addr, 2, s.clock.Now)
	f, err := fixture.New(fixture.Config{Store: s.store, Platforms: s.sim.Config(), HTTP: &http.Client{Transport: s.sim.Transport()},
		Base: "http://127.0.0.1", Rules: rules, Now: s.clock.Now, Log: slog.New(alerts(s.alert))})
	s.t.Must(err)
	s.functions, s.inbox, s.deliver = f, f.Inbox, f.Deliver
	s.deliver.IM, s.deliver.WeChat = watchedIM{s.deliver.IM, s}, watchedSender{s.deliver.WeChat, s}
}

// onRedis has the system keep its state in a real Redis, which is quicker.
func (s *system) onRedis() {
	s.t.Helper()
	templates, filter := s.deliver.Templates, s.inbox.Filter
	s.assemble(redistest.Start(s.t), s.deliver.Rules)
	s.deliver.Templates, s.inbox.Filter = templates, filter
	s.bind(tom)
}

// RoundTrip is the network on which the platforms reach our receivers.
func (s *system) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.functions.ServeHTTP(w, r)
	return w.Result(), nil
}

// watchedIM notes when IM is asked who is there.
type watchedIM struct {
	deliver.Asker
	s *system
}

func (w watchedIM) Presence(ctx context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	w.s.note("asked")
	if w.s.silent {
		return nil, errors.New("im: away")
	}
	return w.Asker.Presence(ctx, users)
}

// watchedSender notes what goes out, and what WeChat says of it.
type watchedSender struct {
	deliver.Sender
	s *system
}

func (w watchedSender) Send(ctx context.Context, c card.Card) (int64, error) {
	if happens := w.s.during; happens != nil {
		w.s.during = nil
		defer happens()
	}
	id, err := w.Sender.Send(ctx, c)
	what := "card " + cmp.Or(c.Data["number3"], "?")
	if kind := w.s.kindOf(c.Template); kind != fact.KindMessage {
		what = fmt.Sprintf("%s card %s", kind, c.Data["number3"])
	}
	if refused, ok := errors.AsType[*wechat.APIError](err); ok {
		what += fmt.Sprintf(": %d", refused.Code)
	} else if err != nil {
		what += ": " + card.ClassOf(err).String()
	}
	w.s.note(what)
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.cards = append(w.s.cards, c)
	return id, err
}

// alerts is a log that hands on what an operator is alerted of.
type alerts func(alert, message string)

func (a alerts) Enabled(context.Context, slog.Level) bool { return true }
func (a alerts) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a alerts) WithGroup(string) slog.Handler            { return a }

func (a alerts) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(at slog.Attr) bool {
		if at.Key == "alert" {
			a(at.Value.String(), r.Message)
		}
		return true
	})
	return nil
}

func (s *system) alert(class, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, class+": "+message)
}

func (s *system) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happened = append(s.happened, action{s.clock.Now(), what})
}

// templates gives each of kinds a template of its own, named as the kind, here and at
// WeChat.
func (s *system) templates(kinds ...fact.Kind) {
	s.t.Helper()
	specs := map[fact.Kind]card.TemplateSpec{}
	for _, kind := range kinds {
		specs[kind] = card.TemplateSpec{ID: fact.TemplateID(kind), Page: "p?peer={{.Peer}}",
			Data: map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "number3": "{{.Count}}"}}
		s.t.Must(s.wx.AddTemplate(simulator.Template{ID: string(kind), Title: "t-" + string(kind),
			Content: "发送人:{{thing1.DATA}}\n内容:{{thing2.DATA}}\n条数:{{number3.DATA}}"}))
	}
	s.use(specs)
}

func (s *system) use(specs map[fact.Kind]card.TemplateSpec) {
	s.t.Helper()
	ts, err := card.NewTemplates(specs)
	s.t.Must(err)
	s.deliver.Templates, s.inbox.Templates = ts, ts.IDs()
	s.rules(func(r *notify.Rules) { r.MissedCalls = ts.Has(fact.KindMissedCall) })
}

// kindOf returns the kind that a template is named after.
func (s *system) kindOf(id fact.TemplateID) fact.Kind { return fact.Kind(id) }

func (s *system) rules(change func(*notify.Rules)) {
	change(&s.inbox.Rules)
	change(&s.deliver.Rules)
}

func openID(u fact.UserID) fact.OpenID { return "o-" + fact.OpenID(u) }

func (s *system) bind(users ...fact.UserID) {
	s.t.Helper()
	for _, user := range users {
		s.t.Must(s.store.Bind(s.t.Context(), user, openID(user)))
	}
}

// away makes n users who are not there and have so many permits each.
func (s *system) away(n, permits int) (users []string) {
	s.t.Helper()
	for i := range n {
		user := fmt.Sprint("user", i)
		users = append(users, user)
		s.im.Import(user, "User")
		s.bind(fact.UserID(user))
		s.t.Must(s.wx.Subscribe("o-"+user, "message", permits))
	}
	return users
}

// tell lets anna write to each of users.
func (s *system) tell(users ...string) {
	s.t.Helper()
	for _, user := range users {
		_, err := s.im.SendC2C("anna", user, simulator.Text("hi"))
		s.t.Must(err)
	}
}

// tried wants WeChat to have been asked for so many cards.
func (s *system) tried(want int) {
	s.t.Helper()
	if len(s.cards) != want {
		s.t.Fatalf("WeChat was asked for %d cards, want %d", len(s.cards), want)
	}
}

// got wants each of users to have got so many cards.
func (s *system) got(want int, users ...string) {
	s.t.Helper()
	for _, user := range users {
		if got := len(s.wx.Cards("o-" + user)); got != want {
			s.t.Errorf("%s got %d cards, want %d", user, got, want)
		}
	}
}

// has makes tom subscribe n times.
func (s *system) has(n int) {
	s.t.Helper()
	s.t.Must(s.wx.Subscribe("o-tom", "message", n))
}

// told lets anna write to tom, and has a minute pass.
func (s *system) told(name string) {
	s.t.Helper()
	s.say(name)
	s.run(time.Minute)
}

// say lets anna write to tom.
func (s *system) say(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.sayFrom("anna", name)
	}
}

func (s *system) sayFrom(from, name string) simulator.Sent {
	s.t.Helper()
	sent, err := s.im.SendC2C(from, tom, simulator.Text("hi"))
	s.t.Must(err)
	s.named(fact.MessageID(sent.MsgKey), name)
	return sent
}

// named gives a message a name, under which it is told of.
func (s *system) named(id fact.MessageID, name string) {
	if s.names[id] == "" {
		s.order = append(s.order, id)
	}
	s.names[id] = name
}

// ring lets anna call tom, for half a minute.
func (s *system) ring(name string, webhooks bool) string {
	s.t.Helper()
	id, err := s.im.Ring(simulator.Call{From: "anna", To: []string{tom}, Webhooks: webhooks})
	s.t.Must(err)
	s.named(fact.MessageID(id), name)
	return id
}

func (s *system) accept(facts ...fact.Fact) {
	s.t.Helper()
	s.t.Must(s.inbox.Accept(s.t.Context(), facts))
}

// run lets d pass, in jumps from one thing that falls due to the next, and does what falls due at
// its time. What is lost on purpose ends a pass, not the test.
func (s *system) run(d time.Duration) {
	s.t.Helper()
	end := s.clock.Now().Add(d)
	idle := 0
	for {
		next := end
		due, err := s.store.Rest(s.t.Context(), end)
		s.t.Must(err)
		if !due.IsZero() && due.Before(next) {
			next = due
		}
		if at, ok := s.clock.Next(); ok && at.Before(next) {
			next = at
		}
		if idle++; next.After(s.clock.Now()) {
			idle = 0
		} else if next = s.clock.Now(); idle > 1000 {
			s.t.Fatal("something is due, and a thousand passes do nothing about it")
		}
		s.clock.Set(next)
		if _, err := s.deliver.Pass(s.t.Context()); err != nil && !errors.Is(err, errLost) {
			s.t.Fatal(err)
		}
		if !next.Before(end) {
			return
		}
	}
}

// summary tells what became of everything: what was asked and sent, how messages ended, what
// is left of the permits. Times are since the beginning, in whole steps of grain; without
// a grain they are left out.
func (s *system) summary(grain time.Duration) string {
	s.t.Helper()
	var parts []string
	steps, err := s.store.Timeline(s.t.Context(), tom)
	s.t.Must(err)
	parts = append(parts, s.actions(steps, grain)...)
	ends := s.ends(steps)
	parts = append(parts, ends...)
	counts, err := s.store.Counts(s.t.Context())
	s.t.Must(err)
	for _, state := range []fact.State{fact.StateNotBound, fact.StateErased} {
		if n := counts[state]; n > 0 && strings.Contains(strings.Join(ends, ""), noTrace) {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	letters, err := s.store.DeadLetters(s.t.Context(), 10)
	s.t.Must(err)
	for _, l := range letters {
		parts = append(parts, fmt.Sprintf("letter (%s)", l.Class))
	}
	parts = append(parts, s.left()...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range slices.Compact(s.alerts) {
		class, _, _ := strings.Cut(a, ":")
		parts = append(parts, "alert ("+class+")")
	}
	return strings.Join(slices.Compact(parts), "; ")
}

// reasons are those for putting off that a summary tells of; the others follow from what
// was asked and when.
var reasons = []fact.Reason{fact.ReasonKept, fact.ReasonQuietHours, fact.ReasonOperator, fact.ReasonQuotaDay,
	fact.ReasonBusy, fact.ReasonTooMany}

// actions tells what was done and put off, in order; more than three questions in a row
// are summed up.
func (s *system) actions(steps []notify.Step, grain time.Duration) []string {
	s.mu.Lock()
	all := slices.Clone(s.happened)
	s.mu.Unlock()
	for _, step := range steps {
		if step.Kind == notify.StepPutOff && slices.Contains(reasons, step.Reason) {
			all = append(all, action{step.At, string(step.Reason)})
		}
	}
	slices.SortStableFunc(all, func(a, b action) int { return a.at.Truncate(time.Second).Compare(b.at.Truncate(time.Second)) })
	var out []string
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].what == all[0].what {
			n++
		}
		out = append(out, s.times(all[:n], grain)...)
		all = all[n:]
	}
	return out
}

// times tells when one thing happened again and again: of more than three times within 10 s of
// one another the first and the last.
func (s *system) times(all []action, grain time.Duration) []string {
	if grain == 0 {
		if len(all) > 1 {
			return []string{fmt.Sprintf("%s %dx", all[0].what, len(all))}
		}
		return []string{all[0].what}
	}
	at := func(h action) string { return " +" + brief(h.at.Sub(s.begin).Truncate(grain)) }
	var out []string
	few := ""
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].at.Sub(all[n-1].at) < 10*time.Second {
			n++
		}
		if n > 3 {
			out, few = append(out, fmt.Sprintf("%s %dx%s to%s", all[0].what, n, at(all[0]), at(all[n-1]))), ""
		} else if few == "" {
			few = all[0].what + at(all[0])
			out = append(out, few)
			n = 1
		} else {
			out[len(out)-1] += at(all[0])
			n = 1
		}
		all = all[n:]
	}
	return out
}

// brief writes 1h0m0s as 1h.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ends tells how the named messages ended: those that ended alike together.
func (s *system) ends(steps []notify.Step) []string {
	var out, names []string
	last := ""
	flush := func() {
		if len(names) > 0 {
			out = append(out, strings.Join(names, " ")+" "+last)
		}
	}
	for _, id := range s.order {
		if end := endOf(steps, id); end != last {
			flush()
			names, last = nil, end
		}
		names = append(names, s.names[id])
	}
	flush()
	return out
}

// endOf returns how a message ended: all its final states, of which a later one corrects
// the one before.
func endOf(steps []notify.Step, id fact.MessageID) string {
	var ends []string
	known := false
	for _, step := range steps {
		if !slices.Contains(fact.MessageIDs(step.Messages), id) {
			continue
		}
		known = true
		if step.Kind == notify.StepFinal {
			end := string(step.State)
			if step.Reason != "" {
				end += fmt.Sprintf(" (%s)", step.Reason)
			}
			ends = append(ends, end)
		}
	}
	switch {
	case !known:
		return noTrace
	case len(ends) == 0:
		return "waits"
	}
	return strings.Join(ends, ", then ")
}

// left tells how many permits the ledgers have; and WeChat, where it disagrees.
func (s *system) left() []string {
	accounts, err := store.Accounts(s.t.Context(), s.store, "o-tom")
	s.t.Must(err)
	var out []string
	templates := slices.Clone(s.inbox.Templates)
	slices.SortStableFunc(templates, func(a, b fact.TemplateID) int { // that of messages first
		return cmp.Compare(strings.Count(string(b), "message"), strings.Count(string(a), "message"))
	})
	for _, id := range templates {
		a, kind := accounts[id], ""
		if !fixture.AddsUp(a) {
			s.t.Errorf("the account of %s does not add up: %+v", id, a)
		}
		if id != "message" {
			kind = " " + string(id)
		}
		part := fmt.Sprintf("%d%s left", a.Balance, kind)
		if real := s.wx.Permits("o-tom", string(id)); real != a.Balance {
			part += fmt.Sprintf(", WeChat has %d", real)
		}
		if a.Drift > 0 {
			part += fmt.Sprintf(", drift %d", a.Drift)
		}
		out = append(out, part)
	}
	return out
}
