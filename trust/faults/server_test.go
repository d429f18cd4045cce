package faults_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/store/redistest"
	"wxnotify/trust/fixture"
)

// A server is a redis-server that is looked into.
type server struct {
	*redistest.Server
	t  testing.TB
	db *redis.Client
}

// startServer starts one that ends with the test. args are added to its command line.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, Server: redistest.StartServer(t, args...)}
	s.db = redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { s.db.Close() })
	return s
}

// do runs a command.
func (s *server) do(args ...any) any {
	s.t.Helper()
	v, err := s.db.Do(s.t.Context(), args...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return v
}

// until polls what a server tells of itself.
func (s *server) until(section, text string) {
	s.t.Helper()
	s.poll(text, func(ctx context.Context) (string, error) { return s.db.Info(ctx, section).Result() })
}

// poll asks until the answer holds a text: a server does not tell when it is ready.
func (s *server) poll(text string, ask func(context.Context) (string, error)) {
	s.t.Helper()
	testkit.Eventually(s.t, text, func() bool {
		answer, err := ask(s.t.Context())
		return err == nil && strings.Contains(answer, text)
	})
}

// follow makes the server a replica of primary, which it finds at an address, and waits until
// it has all of it.
func (s *server) follow(primary *server, addr string) {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	s.do("REPLICAOF", host, port)
	s.until("replication", "master_link_status:up")
	primary.until("replication", "state=online")
}

// caughtUp waits until the server has all that another has written.
func (s *server) caughtUp(primary *server) {
	s.t.Helper()
	offset, err := fixture.Info(s.t.Context(), primary.db, "replication", "master_repl_offset")
	testkit.Must(s.t, err)
	s.until("replication", "slave_repl_offset:"+offset)
}

// noMemory leaves the server no room for another byte.
func (s *server) noMemory() {
	s.t.Helper()
	s.do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	s.do("CONFIG", "SET", "maxmemory", fmt.Sprint(1<<20))
}
