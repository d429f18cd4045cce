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

// Start starts a redis-server on a free port of loopback, with a folder of its own
// and without persistence, and returns its address. args are added to its command
// line. It ends with the test. Without a redis-server on the PATH the test fails.
func Start(t testing.TB, args ...string) (addr string) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: run `apt-get install redis-server`, or `make test`, which does")
	}
	at, bus := fmt.Sprint(port.Of(t)), fmt.Sprint(port.Of(t)) // the bus is a cluster's
	cmd := exec.Command(path, append([]string{"--port", at, "--cluster-port", bus, "--bind", "127.0.0.1", "--dir", t.TempDir(),
		"--save", "", "--appendonly", "no"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("redis-server: %v", err)
	}
	ready, ended := follow(bufio.NewScanner(out))
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		cmd.Wait()
	})
	select {
	case <-ready:
	case log := <-ended:
		t.Fatalf("redis-server ended at once:\n%s", log)
	case <-time.After(startBudget):
		t.Fatalf("redis-server was not ready within %v", startBudget)
	}
	return "127.0.0.1:" + at
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

// follow reads a server's log. ready is closed when it takes connections; ended
// then or else carries the whole log when the server is gone.
func follow(lines *bufio.Scanner) (ready <-chan struct{}, ended <-chan string) {
	up, end := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(end)
		var log strings.Builder
		for seen := false; lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			if !seen && strings.Contains(lines.Text(), "Ready to accept connections") {
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
