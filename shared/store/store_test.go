package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// shards is fewer than in production: each costs a script per claim, and two show
// all that several do.
const shards = 2

func TestMiniredis(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	runRules(t, func(t *testing.T) Harness {
		clock := NewClock()
		m.FlushAll()
		return harness(t, m.Addr(), clock.Now, func(d time.Duration) {
			clock.Advance(d)
			m.FastForward(d) // TTLs pass along
		})
	})
}

// The server of the suite is in cluster mode: it refuses keys of several slots, and is otherwise as others are.
func TestRedis(t *testing.T) {
	t.Parallel()
	suiteOnServer(t, redistest.StartCluster(t))
	addr := redistest.Start(t)
	t.Run("a script that touches other keys is found", func(t *testing.T) { trespassesAreFound(t, addr) })
	t.Run("memory", func(t *testing.T) { idleUserCosts(t, addr) })
	t.Run("round trips", func(t *testing.T) { roundTrips(t, addr) })
	t.Run("a server that forgot the scripts is told them", func(t *testing.T) { scriptsAreReloaded(t, addr) })
}

// suiteOnServer runs the suite on a real server and looks at every command that
// comes of it.
func suiteOnServer(t *testing.T, addr string) {
	m := startMonitor(t, addr)
	runRules(t, func(t *testing.T) Harness { return emptied(t, addr) })

	t.Run("scripts touch the keys that they declare, of one slot", func(t *testing.T) {
		commands := m.commands(t)
		for _, s := range trespasses(commands) {
			t.Error(s)
		}
		ran := scriptsIn(commands)
		for name, hash := range store.ScriptHashes() {
			if !ran[hash] {
				t.Errorf("no rule runs %s", name)
			}
		}
	})
}

// emptied returns a harness on a real server, of which everything else is deleted.
// The clock runs ahead of the server's TTLs.
func emptied(t *testing.T, addr string, hooks ...func(store.Trip) store.Trip) Harness {
	t.Helper()
	clock := NewClock()
	h := harness(t, addr, clock.Now, clock.Advance, hooks...)
	must(h.Raw.FlushAll(t.Context()).Result())(t)
	return h
}

func harness(t *testing.T, addr string, now func() time.Time, advance func(time.Duration), hooks ...func(store.Trip) store.Trip) Harness {
	open := func(now func() time.Time) *store.Store {
		s := open(t, addr, now)
		for _, h := range hooks {
			s.AddHook(h)
		}
		return s
	}
	losing := func(n int, answer bool) *store.Store {
		s := open(now)
		s.AddHook(nth(n, func(trip func() ([]store.Reply, error)) ([]store.Reply, error) {
			if answer {
				trip()
			}
			return nil, errLost
		}))
		return s
	}
	before := func(n int, do func()) *store.Store {
		s := open(now)
		s.AddHook(nth(n, func(trip func() ([]store.Reply, error)) ([]store.Reply, error) {
			do()
			return trip()
		}))
		return s
	}
	return Harness{Store: open(now), Raw: client(t, addr), Now: now, Advance: advance, Open: open, Losing: losing, Between: before}
}

var errLost = errors.New("the connection is lost")

// nth has round trip number n of a store, counting from 0, happen as other says.
func nth(n int, other func(trip func() ([]store.Reply, error)) ([]store.Reply, error)) func(store.Trip) store.Trip {
	var trips atomic.Int64
	return func(next store.Trip) store.Trip {
		return func(ctx context.Context, cmds []store.Command) ([]store.Reply, error) {
			if trips.Add(1) == int64(n)+1 {
				return other(func() ([]store.Reply, error) { return next(ctx, cmds) })
			}
			return next(ctx, cmds)
		}
	}
}

// open opens a store whose scripts go by now; nil: by the server's time.
func open(t *testing.T, addr string, now func() time.Time) *store.Store {
	t.Helper()
	cfg := store.Config{URL: secret.New("redis://" + addr), Shards: shards, Now: now, ServerTime: now}
	if now == nil {
		cfg.Now = time.Now
	}
	return opened(t, cfg)
}

// opened opens a store that closes with the test.
func opened(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s := must(store.Open(cfg))(t)
	t.Cleanup(func() { s.Close() })
	return s
}

func client(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	return c
}
