package race_test

import (
	"fmt"
	"net/http"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
	"wxnotify/trust"
)

var tokenRaces = []race{
	{"one fetches the token that all lack", coldStart},
	{"a token that is refused in the middle is renewed once", refusals},
	{"one renews a token that is about to end", renewal},
	{"one at a time may fetch, and a lease that ran out goes to one", lease},
	{"only the token that was refused is dropped", drop},
}

// An office is a simulated WeChat and, for each instance, a client of its own that shares the
// token through the store.
type office struct {
	*stage
	sim     *simulator.World
	clients []*wechat.Client
	openIDs []notify.OpenID // WeChat refuses two sends to one user at once
}

func (s *stage) office() *office {
	s.Helper()
	sim, err := simulator.New(simulator.Config{Clock: simulator.NewManualClock(s.clock())})
	s.must(err)
	s.Cleanup(sim.Close)
	s.must(sim.WeChat.AddTemplate(simulator.Template{ID: string(tmpl), Title: "New message", Content: "From:{{thing1.DATA}}\n"}))
	o := &office{stage: s, sim: sim}
	cfg := sim.Config().WeChat
	for _, st := range s.instances {
		c, err := wechat.NewClient(wechat.ClientConfig{AppID: cfg.AppID, AppSecret: cfg.AppSecret, BaseURL: "http://127.0.0.1",
			HTTPClient: &http.Client{Transport: sim.Transport()}, Tokens: st, Now: s.clock})
		s.must(err)
		openID := sim.WeChat.NewUser()
		s.must(sim.WeChat.Subscribe(openID, string(tmpl), 3))
		o.clients, o.openIDs = append(o.clients, c), append(o.openIDs, notify.OpenID(openID))
	}
	return o
}

// sendAll has everybody send a card. Nobody may fail.
func (o *office) sendAll() {
	o.Helper()
	o.meet(func(i int, _ *store.Store) error {
		_, err := wechat.Sender{Client: o.clients[i]}.Send(o.Context(), notify.Card{ID: notify.CardID(fmt.Sprint(i)), To: o.openIDs[i],
			Template: tmpl, Data: map[string]string{"thing1": "x"}, MiniProgramState: "formal", Lang: "zh_CN"})
		return err
	})
}

// arrived wants everybody's user to have got so many cards.
func (o *office) arrived(want int) {
	o.Helper()
	for _, openID := range o.openIDs {
		if n := len(o.sim.WeChat.Cards(string(openID))); n != want {
			o.broken(trust.Lost, "%d cards arrived, want %d", n, want)
		}
	}
}

// fetched wants WeChat to have been asked for a token so often.
func (o *office) fetched(want int) {
	o.Helper()
	if n := o.sim.Record.Count("/cgi-bin/stable_token"); n != want {
		o.broken(trust.Violated, "WeChat was asked for a token %d times, want %d", n, want)
	}
}

func coldStart(s *stage) {
	o := s.office()
	o.sendAll()
	o.fetched(1)
	o.arrived(1)
}

func refusals(s *stage) {
	o := s.office()
	o.sendAll()
	for storm := range 2 {
		o.sim.WeChat.InvalidateToken()
		s.advance(11 * time.Second) // one text is dropped once in a lease's time
		o.sendAll()
		o.fetched(2 + storm)
	}
	o.arrived(3)
}

func renewal(s *stage) {
	o := s.office()
	t, err := o.clients[0].StableToken(s.Context())
	s.must(err)
	s.must(s.one().PutToken(s.Context(), o.sim.Config().WeChat.AppID, t.Value.Reveal(), s.clock().Add(time.Minute)))
	o.sendAll()
	o.fetched(2)
}

func lease(s *stage) {
	for range s.rounds() {
		app := s.fresh("wx")
		for range 2 {
			first := make([]bool, len(s.instances))
			s.meet(func(i int, st *store.Store) (err error) {
				_, _, first[i], err = st.Token(s.Context(), app)
				return err
			})
			if n := count(first, func(ok bool) bool { return ok }); n != 1 {
				s.broken(trust.Violated, "%d are to fetch the token, want one", n)
			}
			s.advance(11 * time.Second)
		}
	}
}

func drop(s *stage) {
	for range s.rounds() {
		app := s.fresh("wx")
		expires := s.clock().Add(2 * time.Hour)
		s.must(s.one().PutToken(s.Context(), app, "refused", expires))
		s.meet(func(i int, st *store.Store) error {
			if i == 0 {
				return st.PutToken(s.Context(), app, "new", expires)
			}
			return st.DropToken(s.Context(), app, "refused")
		})
		token, _, _, err := s.one().Token(s.Context(), app)
		s.must(err)
		if token != "new" {
			s.broken(trust.Violated, "the token is %q: a newer one was dropped", token)
		}
	}
}
