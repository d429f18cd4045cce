// Package redistest starts real Redis servers for tests.
package redistest

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/internal/port"
)

// startBudget is how long a server may take until it answers.
const startBudget = 10 * time.Second

// A Server is a redis-server on a port of loopback, with a folder of its own and without
// persistence. It can be ended and started again.
type Server struct {
	Addr string

	t     testing.TB
	args  []string
	cmd   *exec.Cmd
	ended <-chan string
}

// Start starts a server and returns its address. args are added to its command line. It ends with
// the test. Without a redis-server on the PATH the test fails.
func Start(t testing.TB, args ...string) (addr string) {
	t.Helper()
	return StartServer(t, args...).Addr
}

// StartServer is Start for a test that ends the server.
func StartServer(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is not installed: run `apt-get install redis-server`, or `make test`, which does")
	}
	at, bus := fmt.Sprint(port.Of(t)), fmt.Sprint(port.Of(t)) // the bus is a cluster's
	s := &Server{t: t, Addr: "127.0.0.1:" + at, args: append([]string{"--port", at, "--cluster-port", bus, "--bind", "127.0.0.1",
		"--dir", t.TempDir(), "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}, args...)}
	s.Begin("Ready to accept connections")
	t.Cleanup(s.Kill)
	return s
}

// Begin starts the server, again, and waits until it logs a text.
func (s *Server) Begin(until string) {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("redis-server: %v", err)
	}
	var ready <-chan struct{}
	ready, s.ended = follow(bufio.NewScanner(out), until)
	select {
	case <-ready:
	case log := <-s.ended:
		s.t.Fatalf("redis-server ended at once:\n%s", log)
	case <-time.After(startBudget):
		s.t.Fatalf("redis-server did not say %q within %v", until, startBudget)
	}
}

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	<-s.ended
	s.cmd.Wait()
	s.cmd = nil
}

// StartCluster starts one server in cluster mode that owns all slots: it refuses
// what a cluster refuses, and a plain client reaches all of it.
func StartCluster(t testing.TB) (addr string) {
	t.Helper()
	addr = Start(t, "--cluster-enabled", "yes")
	db := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), startBudget)
	defer cancel()
	if err := db.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatalf("redis-server: CLUSTER ADDSLOTSRANGE: %v", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := db.ClusterInfo(ctx).Result()
		if strings.Contains(info, "cluster_state:ok") {
			return addr
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("redis-server: the cluster was not up within %v: %v\n%s", startBudget, err, info)
		}
	}
}

// follow reads a server's log. ready is closed when it holds until; ended
// then or else carries the whole log when the server is gone.
func follow(lines *bufio.Scanner, until string) (ready <-chan struct{}, ended <-chan string) {
	up, end := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(end)
		var log strings.Builder
		for seen := false; lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			if !seen && strings.Contains(lines.Text(), until) {
				seen = true
				close(up)
			}
		}
		end <- log.String()
	}()
	return up, end
}

// StartSmall starts a miniredis that can be closed and started again: nobody takes its port
// meanwhile. It ends with the test.
func StartSmall(t testing.TB) *miniredis.Miniredis {
	t.Helper()
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(port.Addr(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}
