package faults_test

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"wxnotify/trust"
	"wxnotify/trust/faultproxy"
)

// A fault is one way in which the store goes wrong for a while, and keeps what it said it had.
type fault struct {
	name string
	args []string // of the server
	// replica: there is one, which takes over
	replica bool
	// strike begins the fault and returns what ends it.
	strike func(w *redisSystem, s *server) (end func())
}

var faults = []fault{
	{name: "slow", strike: func(w *redisSystem, _ *server) func() {
		w.proxy.Slow(150 * time.Millisecond)
		return func() { w.proxy.Slow(0) }
	}},
	{name: "slower than a receiver can wait", strike: func(w *redisSystem, _ *server) func() {
		w.proxy.Slow(900 * time.Millisecond)
		return func() { w.proxy.Slow(0) }
	}},
	{name: "refusing connections", strike: func(w *redisSystem, _ *server) func() {
		w.proxy.Refuse()
		return w.proxy.Listen
	}},
	{name: "answers lost after the effect", strike: func(w *redisSystem, _ *server) func() {
		w.proxy.Cut(func(r *rand.Rand, answers bool, n int) int {
			if answers && r.IntN(3) == 0 {
				return 0
			}
			return n
		})
		return func() { w.proxy.Cut(nil) }
	}},
	{name: "connections cut in the middle of a pipeline", strike: func(w *redisSystem, _ *server) func() {
		w.proxy.Cut(func(r *rand.Rand, _ bool, n int) int {
			if r.IntN(5) == 0 {
				return r.IntN(n)
			}
			return n
		})
		return func() { w.proxy.Cut(nil) }
	}},
	{name: "restarted with its data", args: []string{"--appendonly", "yes"}, strike: func(_ *redisSystem, s *server) func() {
		s.Kill()
		return func() { s.Begin("Ready to accept connections") }
	}},
	{name: "full", strike: func(_ *redisSystem, s *server) func() {
		s.noMemory()
		return func() { s.do("CONFIG", "SET", "maxmemory", "0") }
	}},
	{name: "busy with a script", args: []string{"--busy-reply-threshold", "20"}, strike: func(w *redisSystem, s *server) func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.db.Do(w.t.Context(), "EVAL", "while true do end", "0") // until it is killed
		}()
		return func() {
			s.do("SCRIPT", "KILL")
			<-done
		}
	}},
	{name: "without its replicas", strike: func(_ *redisSystem, s *server) func() {
		s.do("CONFIG", "SET", "min-replicas-to-write", "1")
		return func() { s.do("CONFIG", "SET", "min-replicas-to-write", "0") }
	}},
	{name: "not answering", strike: func(w *redisSystem, _ *server) func() {
		w.proxy.Silence(true)
		return func() { w.proxy.Silence(false) }
	}},
	{name: "loading its data", args: []string{"--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024"},
		strike: func(w *redisSystem, s *server) func() {
			s.db.Do(w.t.Context(), "SHUTDOWN", "SAVE")
			s.Kill()
			s.Begin("Server initialized")
			return func() { s.until("persistence", "loading:0") }
		}},
	{name: "failing over, with connections cut", replica: true, strike: func(w *redisSystem, s *server) func() {
		w.failOver(s)
		w.proxy.Sever()
		return func() {}
	}},
	{name: "failing over, with connections that lead to what was the primary", replica: true, strike: func(w *redisSystem, s *server) func() {
		w.failOver(s)
		return func() {}
	}},
	{name: "half of its slots gone", args: []string{"--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"},
		strike: func(_ *redisSystem, s *server) func() {
			s.do("CLUSTER", "DELSLOTSRANGE", 0, 8191)
			return func() {
				s.do("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
				s.poll("cluster_state:ok", func(ctx context.Context) (string, error) { return s.db.ClusterInfo(ctx).Result() })
			}
		}},
	{name: "with too many clients", strike: func(w *redisSystem, s *server) func() {
		w.proxy.Sever()
		s.do("CONFIG", "SET", "maxclients", 1)
		return func() { s.do("CONFIG", "SET", "maxclients", 1000) }
	}},
	{name: "with another password", strike: func(w *redisSystem, s *server) func() {
		w.proxy.Sever()
		s.do("CONFIG", "SET", "requirepass", "sesame")
		return func() { s.do("CONFIG", "SET", "requirepass", "") }
	}},
	{name: "forgetting its scripts", strike: func(_ *redisSystem, s *server) func() {
		s.do("SCRIPT", "FLUSH")
		return func() { s.do("SCRIPT", "FLUSH") }
	}},
}

// failOver has the replica take over from s, with all that s has, while things happen.
func (w *redisSystem) failOver(s *server) {
	w.t.Helper()
	host, port, _ := net.SplitHostPort(w.replica.Addr)
	s.do("FAILOVER", "TO", host, port)
	w.replica.until("replication", "role:master")
	s.until("replication", "role:slave")
	for _, v := range []*faultproxy.Proxy{w.proxy, w.lookProxy} {
		v.Lead(w.replica.Addr)
	}
	w.lookProxy.Sever()
}

// While the store is away what comes in is spilled, and afterwards nothing is missing, nothing
// doubled, and the ledgers are right.
func TestStore(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, f.args...)
			if slices.Contains(f.args, "--cluster-enabled") {
				s.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
				s.poll("cluster_state:ok", func(ctx context.Context) (string, error) { return s.db.ClusterInfo(ctx).Result() })
			}
			w := newRedisSystem(t, s, trust.Size(4, 5, 36))
			if f.replica {
				w.replica = startServer(t)
				w.replica.follow(s, s.Addr)
			}
			for round := range trust.Size(1, 1, 3) {
				if round > 0 && f.replica {
					break // it has taken over
				}
				var living sync.WaitGroup
				living.Go(func() { w.live(2 * round) })
				end := f.strike(w, s)
				living.Go(func() { w.run(append(w.platform.Take(), "{}", "{}")...) })
				living.Wait()
				w.clock.Advance(2 * time.Second)
				w.live(2*round + 1)
				end()
				w.settle()
			}
			w.wantSound()
		})
	}
}
