// Package redistest starts real Redis servers for tests.
package redistest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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
	const tries = 5
	for try := 1; ; try++ {
		port := freePort(t)
		log := start(t, path, append([]string{"--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--dir", t.TempDir(),
			"--save", "", "--appendonly", "no"}, args...))
		switch {
		case log == "":
			return fmt.Sprintf("127.0.0.1:%d", port)
		case try == tries || !strings.Contains(log, "Address already in use"): // by somebody who was faster
			t.Fatalf("redis-server ended at once:\n%s", log)
		}
	}
}

// start starts a server, and returns its log if it ended at once.
func start(t testing.TB, path string, args []string) (log string) {
	t.Helper()
	cmd := exec.Command(path, args...)
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
	case log = <-ended:
	case <-time.After(startBudget):
		t.Fatalf("redis-server was not ready within %v", startBudget)
	}
	return log
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

// freePort returns a port that nobody listens on. The port of the cluster's bus,
// ten thousand higher, must be one too.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if port+10000 <= 65535 {
			return port
		}
	}
	t.Fatal("redistest: no free port below 55536")
	return 0
}
