package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wire"
	"wxnotify/simulator"
	"wxnotify/trust/fixture"
)

// The templates. A card of either carries one notice, so that a card tells which.
const (
	messageTemplate = "T1"
	callTemplate    = "T2"
)

// briskRules are the rules of these tests: every message gets a card of its own, soon.
const briskRules = `
rules:
  lead: 0s
  blind_window: 2s
  grace: 1s
  digest_steps: [1s]
  digest_max: 1
  keep_for_first: 0
  keep_learning: false
  calls: always
  preview: text
  retry: {first: 2s, factor: 3, max: 2m, attempts: 30}
limits: {sends_per_second: 1000, user_sends_per_hour: 1000, workers: 8}
`

// An environment is what a system's functions find around them.
type environment struct {
	clock     simulator.Clock
	storeAddr string                                                            // as the functions know it
	dial      func(ctx context.Context, network, addr string) (net.Conn, error) // from there; nil: the network
	lookAddr  string                                                            // past what may go wrong
	lookDial  func(ctx context.Context, network, addr string) (net.Conn, error)
	storeNow  func() time.Time // of the scripts; nil: the store's own
	// off is how far the clock of an instance of a function is from clock; nil: not at all.
	off    func(function string, instance int) time.Duration
	rules  string // "" for briskRules
	shards int    // 0: the usual number
}

// A system is the functions, with a simulated WeChat and IM around them, and users.
type system struct {
	t        testing.TB
	sim      *simulator.World
	front    *front
	platform *fixture.SCF
	deliver  []scf.Handler // two instances
	look     *store.Store  // past what may go wrong
	raw      *redis.Client
	log      *testkit.Output
	settings map[string]string
	env      environment

	people []*user

	mu        sync.Mutex
	instances int
}

// A user is one of the mini program.
type user struct {
	fixture.User
	id fact.UserID // UserID

	mu       sync.Mutex
	messages []message
	rings    []string
}

// A message is one that somebody wrote to a user. Its text tells which card shows it.
type message struct {
	key  string
	text string
	from string
}

func newSystem(t testing.TB, p environment) *system {
	t.Helper()
	w := &system{t: t, platform: fixture.NewSCF(), front: &front{}, log: &testkit.Output{}, env: p}
	w.sim = fixture.World(t, simulator.Config{Clock: p.clock, HTTPClient: &http.Client{Transport: w.front},
		WeChat: simulator.WeChatConfig{PushURL: "https://functions.example/wechatpush"},
		IM:     simulator.IMConfig{CallbackURL: "https://functions.example/imcallback", CallbackToken: fixture.CallbackToken}})
	for id, title := range map[string]string{messageTemplate: "New message", callTemplate: "Call"} {
		testkit.Must(t, w.sim.WeChat.AddTemplate(simulator.Template{ID: id, Title: title, Content: "From:{{thing1.DATA}}\nText:{{thing2.DATA}}\n"}))
	}
	if p.rules == "" {
		p.rules = briskRules
	}
	file := filepath.Join(t.TempDir(), "notify.yml")
	data := `data: {thing1: "{{.Sender}}", thing2: "{{.Summary}}"}`
	testkit.Must(t, os.WriteFile(file, []byte("templates:\n  message: {id: "+messageTemplate+", "+data+"}\n  call: {id: "+callTemplate+", "+data+"}\n"+p.rules), 0o600))
	w.settings = fixture.Settings(w.sim.Config(), p.storeAddr, file, "http://127.0.0.1:1") // the seams lead elsewhere
	if p.shards > 0 {
		w.settings["STORE_SHARDS"] = strconv.Itoa(p.shards)
	}
	w.front.build, w.front.idle = w.build, map[string][]scf.Handler{}
	for range 2 {
		w.deliver = append(w.deliver, w.build("deliver"))
	}
	var err error
	w.look, err = store.Open(store.Config{URL: secret.New("redis://" + p.lookAddr), Shards: p.shards, Dial: p.lookDial, Now: p.clock.Now, ServerTime: p.storeNow})
	testkit.Must(t, err)
	w.raw = redis.NewClient(&redis.Options{Addr: p.lookAddr, Protocol: 2, DisableIdentity: true, Dialer: p.lookDial})
	t.Cleanup(func() {
		w.look.Close()
		w.raw.Close()
	})
	return w
}

// seams returns those of one instance of a function.
func (w *system) seams(function string) wire.Seams {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instances++
	s := wire.Seams{Dial: w.env.dial, Upstream: w.sim.Transport(), Platform: w.platform, Now: w.env.clock.Now, StoreNow: w.env.storeNow,
		Opened: func(st *store.Store) { w.t.Cleanup(func() { st.Close() }) }}
	if off, n := w.env.off, w.instances; off != nil {
		s.Now = func() time.Time { return w.env.clock.Now().Add(off(function, n)) }
	}
	return s
}

// build wires an instance of a function.
func (w *system) build(name string) scf.Handler {
	w.t.Helper()
	h, err := wire.Builds(w.seams(name))[name](w.t.Context(), func(name string) string { return w.settings[name] }, scf.NewLogger(w.log, name, slog.LevelInfo))
	testkit.Must(w.t, err)
	return h
}

// idle reports whether nothing waits, is on its way, or is still to be told.
func (w *system) idle() bool {
	w.t.Helper()
	nothing, err := fixture.Idle(w.t.Context(), w.raw)
	testkit.Must(w.t, err)
	return nothing
}

// join makes a user of both platforms who has logged in, with permits.
func (w *system) join(permits int) *user {
	w.t.Helper()
	p := &user{User: fixture.User{OpenID: w.sim.WeChat.NewUser()}}
	w.login(p)
	w.sim.IM.Import(string(p.id), "")
	for _, template := range []string{messageTemplate, callTemplate} {
		testkit.Must(w.t, w.sim.WeChat.Subscribe(p.OpenID, template, permits))
	}
	testkit.Must(w.t, w.sim.Drain(w.t.Context()))
	w.people = append(w.people, p)
	return p
}

// login is p opening the mini program.
func (w *system) login(p *user) {
	w.t.Helper()
	testkit.Must(w.t, fixture.LogIn(w.front, w.sim.WeChat, &p.User))
	p.id = fact.UserID(p.UserID)
}

// write has a peer write to p.
func (w *system) write(p *user, peer string) message {
	w.t.Helper()
	p.mu.Lock()
	text := fmt.Sprintf("%s %d", p.id[:6], len(p.messages))
	p.mu.Unlock()
	sent, err := w.sim.IM.SendC2C(peer, string(p.id), simulator.Text(text))
	if err != nil {
		w.t.Error(err)
	}
	m := message{sent.MsgKey, text, peer}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, m)
	return m
}

// ring has a peer call p.
func (w *system) ring(p *user, peer string) string {
	w.t.Helper()
	id, err := w.sim.IM.Ring(simulator.Call{From: peer, To: []string{string(p.id)}})
	if err != nil {
		w.t.Error(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rings = append(p.rings, id)
	return id
}

// live lets one round of things happen to everybody at once: each is written to, and some
// read, have a message recalled, grant, or are called.
func (w *system) live(round int) {
	w.t.Helper()
	var wg sync.WaitGroup
	for i, p := range w.people {
		wg.Go(func() {
			peer := fmt.Sprint("peer", i%3)
			m := w.write(p, peer)
			switch (i + round) % 6 {
			case 0:
				w.sim.IM.Read(string(p.id), peer)
			case 1:
				if err := w.sim.IM.Recall(peer, string(p.id), m.key); err != nil {
					w.t.Error(err)
				}
			case 2:
				if err := w.sim.WeChat.Subscribe(p.OpenID, messageTemplate, 1); err != nil {
					w.t.Error(err)
				}
			case 3:
				id := w.ring(p, peer)
				if round%2 == 0 {
					if err := w.sim.IM.Answer(id, string(p.id)); err != nil {
						w.t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}
