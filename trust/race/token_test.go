package race_test

import (
	"fmt"
	"net/http"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

var tokenRaces = []race{
	{"one fetches the token that all lack, and renews one that is refused in the middle", tokens},
}

// Senders are a simulated WeChat and, for each instance, a client of its own that shares the
// token through the store.
type senders struct {
	*system
	sim     *simulator.World
	clients []*wechat.Client
	openIDs []fact.OpenID // WeChat refuses two sends to one user at once
}

func (s *system) senders() *senders {
	s.Helper()
	sim := fixture.World(s, simulator.Config{Clock: simulator.NewManualClock(s.clock())})
	s.Must(fixture.AddTemplates(sim.WeChat))
	o := &senders{system: s, sim: sim}
	cfg := sim.Config().WeChat
	for _, st := range s.instances {
		c, err := wechat.NewClient(wechat.ClientConfig{AppID: cfg.AppID, AppSecret: cfg.AppSecret, BaseURL: "http://127.0.0.1",
			HTTPClient: &http.Client{Transport: sim.Transport()}, Tokens: st, Now: s.clock})
		s.Must(err)
		openID := sim.WeChat.NewUser()
		s.Must(sim.WeChat.Subscribe(openID, string(tmpl), 3))
		o.clients, o.openIDs = append(o.clients, c), append(o.openIDs, fact.OpenID(openID))
	}
	return o
}

// sendAll has everybody send a card. Nobody may fail.
func (o *senders) sendAll() {
	o.Helper()
	o.meet(func(i int, _ *store.Store) error {
		_, err := wechat.Sender{Client: o.clients[i]}.Send(o.Context(), card.Card{ID: card.ID(fmt.Sprint(i)), To: o.openIDs[i],
			Template: tmpl, Data: map[string]string{"thing1": "x", "thing2": "x", "number3": "1"}, MiniProgramState: "formal", Lang: "zh_CN"})
		return err
	})
}

// arrived wants everybody's user to have got so many cards.
func (o *senders) arrived(want int) {
	o.Helper()
	for _, openID := range o.openIDs {
		if n := len(o.sim.WeChat.Cards(string(openID))); n != want {
			trust.Broken(o, trust.Lost, "%d cards arrived, want %d", n, want)
		}
	}
}

// fetched wants WeChat to have been asked for a token so often.
func (o *senders) fetched(want int) {
	o.Helper()
	if n := o.sim.Record.Count("/cgi-bin/stable_token"); n != want {
		trust.Broken(o, trust.Violated, "WeChat was asked for a token %d times, want %d", n, want)
	}
}

func tokens(s *system) {
	o := s.senders()
	o.sendAll()
	o.fetched(1)
	for storm := range 2 {
		o.sim.WeChat.InvalidateToken()
		s.advance(11 * time.Second) // one text is dropped once in a lease's time
		o.sendAll()
		o.fetched(2 + storm)
	}
	o.arrived(3)
}
