package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/shared/store/storetest"
)

// shards is fewer than in production: each costs a script per claim, and two show
// all that several do.
const shards = 2

func TestMiniredis(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		clock := storetest.NewClock()
		m.FlushAll()
		return harness(t, m.Addr(), clock.Now, func(d time.Duration) {
			clock.Advance(d)
			m.FastForward(d) // TTLs pass along
		})
	})
}

func TestRedis(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	suiteOnServer(t, addr)
	t.Run("a script that touches other keys is found", func(t *testing.T) { trespassesAreFound(t, addr) })
	t.Run("memory", func(t *testing.T) { idleUserCosts(t, addr) })
	t.Run("round trips", func(t *testing.T) { roundTrips(t, addr) })
	t.Run("a server that forgot the scripts is told them", func(t *testing.T) { scriptsAreReloaded(t, addr) })
}

func TestCluster(t *testing.T) {
	t.Parallel()
	suiteOnServer(t, redistest.StartCluster(t))
}

// suiteOnServer runs the suite on a real server and looks at every command that
// comes of it.
func suiteOnServer(t *testing.T, addr string) {
	m := startMonitor(t, addr)
	storetest.Run(t, func(t *testing.T) storetest.Harness { return emptied(t, addr) })

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
func emptied(t *testing.T, addr string) storetest.Harness {
	t.Helper()
	clock := storetest.NewClock()
	h := harness(t, addr, clock.Now, clock.Advance)
	if err := h.Raw.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return h
}

func harness(t *testing.T, addr string, now func() time.Time, advance func(time.Duration)) storetest.Harness {
	open := func(now func() time.Time) *store.Store { return open(t, addr, now) }
	losing := func(n int, answer bool) *store.Store {
		s := open(now)
		s.AddHook(&loss{after: n, answer: answer})
		return s
	}
	before := func(n int, do func()) *store.Store {
		s := open(now)
		s.AddHook(&between{before: n, do: do})
		return s
	}
	return storetest.Harness{Store: open(now), Raw: client(t, addr), Now: now, Advance: advance, Open: open, Losing: losing, Between: before}
}

// loss is one round trip that fails, after so many that do not.
type loss struct {
	trips
	after  int
	answer bool // it is the answer that is lost
}

var errLost = errors.New("the connection is lost")

func (l *loss) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		lost := l.n.Add(1) == int64(l.after)+1
		if lost && !l.answer {
			return errLost
		}
		if err := next(ctx, cmds); err != nil || !lost {
			return err
		}
		return errLost
	}
}

// between does something before one of the round trips of a store.
type between struct {
	trips
	before int
	do     func()
}

func (b *between) trip() {
	if b.n.Add(1) == int64(b.before)+1 {
		b.do()
	}
}

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		b.trip()
		return next(ctx, cmd)
	}
}

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		b.trip()
		return next(ctx, cmds)
	}
}

// open opens a store whose scripts go by now; nil: by the server's time.
func open(t *testing.T, addr string, now func() time.Time) *store.Store {
	t.Helper()
	cfg := store.Config{URL: secret.New("redis://" + addr), Shards: shards, Now: now, ServerTime: now}
	if now == nil {
		cfg.Now = time.Now
	}
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func client(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	return c
}
