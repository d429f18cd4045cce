package faults_test

import (
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/trust"
	"wxnotify/trust/faultproxy"
	"wxnotify/trust/fixture"
)

// A loss is a way in which the store forgets what it said it had.
type loss struct {
	name string
	// prepare makes a system whose store can be lost.
	prepare func(t *testing.T) (w *redisSystem, keep, lose func())
}

var losses = []loss{
	// The replica hears nothing from keep on, and then takes over.
	{"the last moments", func(t *testing.T) (*redisSystem, func(), func()) {
		primary, replica := startServer(t), startServer(t)
		link := faultproxy.New(t, primary.Addr)
		replica.follow(primary, link.Addr)
		w := newRedisSystem(t, primary, 0)
		keep := func() {
			replica.caughtUp(primary)
			link.Silence(true)
		}
		return w, keep, func() {
			replica.do("REPLICAOF", "NO", "ONE")
			for _, v := range []*faultproxy.Proxy{w.proxy, w.lookProxy} {
				v.Lead(replica.Addr)
				v.Sever()
			}
		}
	}},
	{"everything", func(t *testing.T) (*redisSystem, func(), func()) {
		s := startServer(t)
		w := newRedisSystem(t, s, 0)
		return w, func() {}, func() {
			s.Kill()
			s.Begin("Ready to accept connections")
			w.lookProxy.Sever()
		}
	}},
}

// A lossCase is one row of the table in docs/operations.md.
type lossCase struct {
	name string
	// before happens before the moments that are lost, and during in them.
	before, during func(w *redisSystem, p *user)
	// after is what must be so for each loss, when all has come to rest again.
	after map[string]func(w *redisSystem, p *user)
}

func nothing(*redisSystem, *user) {}

var cases = []lossCase{
	{"messages", nothing,
		func(w *redisSystem, p *user) { w.write(p, "peer0") },
		map[string]func(*redisSystem, *user){"the last moments": noTrace, "everything": noTrace}},
	{"reads and recalls", func(w *redisSystem, p *user) { w.write(p, "peer0") },
		func(w *redisSystem, p *user) {
			testkit.Must(w.t, w.sim.IM.Recall("peer0", string(p.id), p.messages[0].key))
		},
		map[string]func(*redisSystem, *user){"the last moments": wantEnd(fact.StateDelivered, 1), "everything": noTrace}},
	{"permits", func(w *redisSystem, p *user) { w.write(p, "peer0") },
		func(w *redisSystem, p *user) {
			w.clock.Advance(3 * time.Minute)
			testkit.Must(w.t, w.sim.WeChat.Subscribe(p.OpenID, messageTemplate, 1))
			wantBalance(11)(w, p)
		},
		map[string]func(*redisSystem, *user){"the last moments": wantBalance(9), "everything": wantBalance(0)}},
	{"permits switched off", func(w *redisSystem, p *user) { w.write(p, "peer0") },
		func(w *redisSystem, p *user) { w.sim.WeChat.SwitchOff(p.OpenID, messageTemplate) },
		map[string]func(*redisSystem, *user){"the last moments": wantEnd(fact.StateNoPermit, 0), "everything": noTrace}},
	{"logins", func(w *redisSystem, p *user) { testkit.Must(w.t, w.look.EraseUser(w.t.Context(), p.id)) },
		func(w *redisSystem, p *user) { w.login(p) },
		map[string]func(*redisSystem, *user){"the last moments": notBound, "everything": notBound}},
	{"presence", func(w *redisSystem, p *user) {
		w.sim.IM.SignIn(string(p.id), "MiniProgram")
		w.write(p, "peer0")
	},
		func(w *redisSystem, p *user) { w.sim.IM.Kill(string(p.id)) },
		map[string]func(*redisSystem, *user){"the last moments": wantEnd(fact.StateDelivered, 1), "everything": noTrace}},
	{"preferences", func(w *redisSystem, p *user) { w.write(p, "peer0") },
		func(w *redisSystem, p *user) {
			testkit.Must(w.t, w.look.SetPreferences(w.t.Context(), p.id, notify.Preferences{Muted: true}))
		},
		map[string]func(*redisSystem, *user){"the last moments": wantEnd(fact.StateDelivered, 1), "everything": noTrace}},
	{"cards", func(w *redisSystem, p *user) { w.write(p, "peer0") },
		func(w *redisSystem, p *user) {
			w.run("{}")
			wantCards(w, p, w.cardsWhileBehind)
		},
		map[string]func(*redisSystem, *user){
			"the last moments": wantEnd(fact.StateDelivered, 1),
			"everything": func(w *redisSystem, p *user) {
				noTrace(w, p)
				wantCards(w, p, 1)
			}}},
	{"erasures", nothing,
		func(w *redisSystem, p *user) { testkit.Must(w.t, w.look.EraseUser(w.t.Context(), p.id)) },
		map[string]func(*redisSystem, *user){"the last moments": bound, "everything": notBound}},
	{"the access token", func(w *redisSystem, p *user) { w.write(p, "peer0") },
		func(w *redisSystem, _ *user) { w.sim.WeChat.InvalidateToken() },
		map[string]func(*redisSystem, *user){"the last moments": wantEnd(fact.StateDelivered, 1), "everything": noTrace}},
}

// Where the store forgot what it had acknowledged nothing is told twice, and what is lost is
// what docs/operations.md says.
func TestLoss(t *testing.T) {
	for _, l := range losses {
		for _, row := range cases {
			t.Run(l.name+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				w, keep, lose := l.prepare(t)
				w.cardsWhileBehind = map[string]int{"everything": 1}[l.name]
				w.warm()
				p := w.join(10)
				w.clock.Advance(3 * time.Minute)
				row.before(w, p)
				keep()
				row.during(w, p)
				lose()
				w.settle()
				row.after[l.name](w, p)
				for _, m := range p.messages {
					if n := w.shown(p, m); n > 1 {
						trust.Broken(t, trust.Doubled, "the message %q was told %d times", m.text, n)
					}
				}
				trust.Count(t, trust.Faults, 1)

				// From the next login on all is as ever.
				w.clock.Advance(25 * time.Hour)
				w.login(p)
				testkit.Must(t, w.look.SetPreferences(t.Context(), p.id, notify.Preferences{}))
				w.acceptAgain(p)
				m := w.write(p, "peer1")
				w.settle()
				if n := w.shown(p, m); n != 1 {
					t.Errorf("a message after the next login was told %d times, and ended as %v", n, w.ends(p)[fact.MessageID(m.key)])
				}
			})
		}
	}
}

// acceptAgain has p switch the template on, should it be off, and tick "always keep": then only
// their mini program tells of the tap.
func (w *redisSystem) acceptAgain(p *user) {
	w.t.Helper()
	w.sim.WeChat.SwitchOn(p.OpenID, messageTemplate)
	w.sim.WeChat.SilentAccept(p.OpenID, messageTemplate)
	res := fixture.Do(w.front, http.MethodPost, "/permits", p.Bearer(), []byte(`{"reportId":"later tap","ageSeconds":0,"results":{"T1":"accept"}}`))
	if res.Code != http.StatusOK {
		w.t.Errorf("permits: %d %s", res.Code, res.Body)
	}
}

// warm has each instance of deliver send a card, so that it knows of the replica.
func (w *redisSystem) warm() {
	w.t.Helper()
	for range w.deliver {
		other := w.join(1)
		w.write(other, "peer9")
		w.run("{}")
		w.deliver[0], w.deliver[1] = w.deliver[1], w.deliver[0]
	}
	w.people = nil
	w.clock.Advance(10 * time.Second)
}

// shown returns how many cards show a message.
func (w *system) shown(p *user, m message) (n int) {
	for _, c := range w.sim.WeChat.Cards(p.OpenID) {
		if c.Value("thing2") == m.text {
			n++
		}
	}
	return n
}

func wantCards(w *redisSystem, p *user, want int) {
	w.t.Helper()
	if n := len(w.sim.WeChat.Cards(p.OpenID)); n != want {
		w.t.Errorf("%d cards were sent, want %d", n, want)
	}
}

func (w *redisSystem) ends(p *user) map[fact.MessageID][]fact.State {
	w.t.Helper()
	steps, err := w.look.Timeline(w.t.Context(), p.id)
	testkit.Must(w.t, err)
	ends, _ := endsOf(steps)
	return ends
}

// noTrace wants nothing to be known of the user's messages.
func noTrace(w *redisSystem, p *user) {
	w.t.Helper()
	if ends := w.ends(p); len(ends) > 0 {
		w.t.Errorf("the messages ended as %v, want no trace of them", ends)
	}
}

func wantEnd(state fact.State, cards int) func(*redisSystem, *user) {
	return func(w *redisSystem, p *user) {
		w.t.Helper()
		if got := w.ends(p)[fact.MessageID(p.messages[0].key)]; !slices.Equal(got, []fact.State{state}) {
			w.t.Errorf("the message ended as %v, want %s", got, state)
		}
		wantCards(w, p, cards)
	}
}

func wantBalance(want int) func(*redisSystem, *user) {
	return func(w *redisSystem, p *user) {
		w.t.Helper()
		b, err := w.look.Balances(w.t.Context(), fact.OpenID(p.OpenID), []fact.TemplateID{messageTemplate})
		testkit.Must(w.t, err)
		if b[messageTemplate] != want {
			w.t.Errorf("%d permits, want %d", b[messageTemplate], want)
		}
	}
}

func bound(w *redisSystem, p *user) {
	w.t.Helper()
	if _, err := w.look.OpenIDOf(w.t.Context(), p.id); err != nil {
		w.t.Errorf("the user is not bound: %v", err)
	}
}

func notBound(w *redisSystem, p *user) {
	w.t.Helper()
	if o, err := w.look.OpenIDOf(w.t.Context(), p.id); err == nil {
		w.t.Errorf("the user is bound to %s", o)
	}
}

// The table of docs/operations.md has a row for each of these tests, and none besides.
func TestLossIsWrittenDown(t *testing.T) {
	section := operations(t, "What is lost")
	var rows, want []string
	for _, row := range regexp.MustCompile(`(?m)^\| \*\*(.+?)\*\* \|`).FindAllSubmatch(section, -1) {
		rows = append(rows, string(row[1]))
	}
	for _, l := range cases {
		want = append(want, l.name)
	}
	if !slices.Equal(rows, want) {
		t.Errorf("docs/operations.md says of %q, and the tests of %q", rows, want)
	}
	if !regexp.MustCompile(`(?m)^\| .*the last moments.*everything`).Match(section) {
		t.Error("the table has other columns than the tests")
	}
}
