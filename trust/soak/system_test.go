package soak_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/simulator"
	"wxnotify/trust/faultproxy"
	"wxnotify/trust/fixture"
)

// A system is simulated platforms and a store, with faults, around the process of the functions.
type system struct {
	testkit.T
	seed  uint64
	clock *clock
	sim   *simulator.World
	raw   *redis.Client
	store *store.Store // to look around, past the proxy
	proxy *faultproxy.Proxy
	fns   *process

	people []*user
	groups []group
	serial atomic.Int64
	acts   atomic.Int64

	mu     sync.Mutex
	recent [64]said
	next   int
}

type group struct {
	id      string
	members []*user
}

func newSystem(t *testing.T, seed uint64, people int) *system {
	t.Helper()
	w := &system{T: testkit.T{T: t}, seed: seed, clock: newClock()}
	addr := redistest.Start(t)
	w.proxy = faultproxy.New(t, addr)
	w.raw = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, PoolSize: 1}) // connections are counted
	t.Cleanup(func() { w.raw.Close() })
	w.store = fixture.Store(t, addr, 4, w.clock.Now)
	cfg := platforms(w.clock)
	cfg.HTTPClient = http.DefaultClient
	w.sim = fixture.World(t, cfg)
	w.Must(fixture.AddTemplates(w.sim.WeChat))
	srv := httptest.NewServer(w.sim)
	t.Cleanup(srv.Close)
	w.fns = startProcess(t, w.proxy.Addr, srv.URL)
	w.Must(w.sim.IM.SetCallbackURL(w.fns.url + "/imcallback"))
	w.Must(w.sim.WeChat.SetPushURL(w.fns.url + "/wechatpush"))
	w.tellTime()
	w.settle(people)
	return w
}

// settle makes users: they log in, get a name, most of them subscribe, and they are in
// groups of ten.
func (w *system) settle(people int) {
	w.Helper()
	for i := range people {
		c := newUser(i, w.sim.WeChat.NewUser())
		w.Must(fixture.LogIn(w.fns, w.sim.WeChat, &c.User))
		w.sim.IM.Import(c.UserID, fmt.Sprint("User ", i))
		w.people = append(w.people, c)
		if i%3 != 0 {
			w.sim.WeChat.TapDialog(c.OpenID, map[string]simulator.Answer{string(fixture.Message): simulator.Accept, string(fixture.Call): simulator.Accept})
			c.tapped(fixture.Message)
			c.tapped(fixture.Call)
		}
	}
	for i := 0; i+10 <= people; i += 10 {
		g := group{fmt.Sprint("@TGS#", i), w.people[i : i+10]}
		var members []string
		for _, m := range g.members {
			members = append(members, m.UserID)
		}
		w.Must(w.sim.IM.CreateGroup(simulator.Group{ID: g.id, Type: simulator.GroupPublic, Members: members}))
		w.groups = append(w.groups, g)
	}
}

// follow reads everybody's timeline again and again, with a pause in between, until ctx ends.
func (w *system) follow(ctx context.Context, pause time.Duration) {
	for ctx.Err() == nil {
		w.readTimelines()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (w *system) readTimelines() {
	for _, c := range w.people {
		if err := c.follow(context.WithoutCancel(w.Context()), w.raw, fixture.Key(4, c.UserID, "t:"+c.UserID)); err != nil {
			w.Error(err)
		}
	}
}

// idle reports whether nothing waits anywhere.
func (w *system) idle() bool {
	w.Helper()
	nothing, err := fixture.Idle(w.Context(), w.raw)
	w.Must(err)
	v := w.fns.vitals()
	if v.Lost > 0 {
		w.Fatalf("%d spills were given up", v.Lost)
	}
	return nothing && v.Spills == 0
}

// calmDown lets everything come to its end. The clock goes ahead from lease to lease.
func (w *system) calmDown() {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	w.Must(w.sim.Drain(ctx))
	for range 100 {
		if w.idle() {
			return
		}
		w.clock.ahead.Add(int64(permit.Lease + time.Second))
		w.tellTime()
		for range 5 { // runs look every second at the latest
			select {
			case <-time.After(250 * time.Millisecond):
			case <-w.Context().Done():
			}
			w.readTimelines()
			if w.idle() {
				return
			}
		}
	}
	w.Fatal("something waits for ever")
}

// tellTime sets the clock of the functions' process to ours.
func (w *system) tellTime() { w.fns.call("ahead?" + time.Duration(w.clock.ahead.Load()).String()) }
