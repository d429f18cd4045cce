package soak_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/simulator"
	"wxnotify/trust/faultproxy"
	"wxnotify/trust/fixture"
)

// A system is simulated platforms and a store, with faults, around the process of the functions.
type system struct {
	*testing.T
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
	w := &system{T: t, seed: seed, clock: newClock()}
	addr := redistest.Start(t)
	w.proxy = faultproxy.New(t, addr)
	w.raw = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, PoolSize: 1})
	t.Cleanup(func() { w.raw.Close() })
	var err error
	w.store, err = store.Open(store.Config{URL: secret.New("redis://" + addr), Shards: 4, Now: w.clock.Now, ServerTime: w.clock.Now})
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	cfg := platforms(w.clock)
	cfg.HTTPClient = http.DefaultClient
	w.sim, err = simulator.New(cfg)
	w.must(err)
	t.Cleanup(w.sim.Close)
	w.must(fixture.AddTemplates(w.sim.WeChat))
	srv := httptest.NewServer(w.sim)
	t.Cleanup(srv.Close)
	w.fns = startProcess(t, w.proxy.Addr, srv.URL)
	w.must(w.sim.IM.SetCallbackURL(w.fns.url + "/imcallback"))
	w.must(w.sim.WeChat.SetPushURL(w.fns.url + "/wechatpush"))
	w.tellTime()
	w.settle(people)
	return w
}

func (w *system) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// settle makes users: they log in, get a name, most of them subscribe, and they are in
// groups of ten.
func (w *system) settle(people int) {
	w.Helper()
	for i := range people {
		c := newUser(i, w.sim.WeChat.NewUser())
		w.must(fixture.LogIn(w.fns, w.sim.WeChat, &c.User))
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
		w.must(w.sim.IM.CreateGroup(simulator.Group{ID: g.id, Type: simulator.GroupPublic, Members: members}))
		w.groups = append(w.groups, g)
	}
}

// key is where the store keeps what a kind of key says of an id.
func key(kind, id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return fmt.Sprintf("%s{%d}:%s:%s", store.DefaultPrefix, h.Sum32()%4, kind, id)
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
		if err := c.follow(context.WithoutCancel(w.Context()), w.raw, key("t", c.UserID)); err != nil {
			w.Error(err)
		}
	}
}

// idle reports whether nothing waits anywhere.
func (w *system) idle() bool {
	w.Helper()
	nothing, err := fixture.Idle(w.Context(), w.raw)
	w.must(err)
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
	w.must(w.sim.Drain(ctx))
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
