package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/port"
)

// soon is how long anything real may take.
const soon = 20 * time.Second

// A server is a redis-server with a folder of its own, which can be ended and started again.
type server struct {
	t    testing.TB
	addr string
	args []string
	cmd  *exec.Cmd
	gone chan struct{}
	db   *redis.Client
}

// startServer starts one that ends with the test. args are added to its command line.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is not installed: run `apt-get install redis-server`, or `make test`, which does")
	}
	addr := port.Addr(t)
	_, at, _ := net.SplitHostPort(addr)
	bus := strconv.Itoa(port.Of(t)) // of a cluster; ten thousand higher may be anybody's
	s := &server{t: t, addr: addr, args: append([]string{"--port", at, "--cluster-port", bus, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "",
		"--appendonly", "no", "--repl-diskless-sync-delay", "0"}, args...)}
	s.db = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true})
	s.start("Ready to accept connections")
	t.Cleanup(func() {
		s.db.Close()
		s.kill()
	})
	return s
}

// start starts the server and waits until it logs a text.
func (s *server) start(until string) {
	s.t.Helper()
	s.cmd, s.gone = exec.Command("redis-server", s.args...), make(chan struct{})
	out, err := s.cmd.StdoutPipe()
	must(s.t, err)
	must(s.t, s.cmd.Start())
	seen, gone := make(chan struct{}), s.gone
	go func() {
		defer close(gone)
		open := true
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if open && strings.Contains(lines.Text(), until) {
				open = false
				close(seen)
			}
		}
	}()
	select {
	case <-seen:
	case <-gone:
		s.t.Fatal("redis-server ended at once")
	case <-time.After(soon):
		s.t.Fatalf("redis-server did not say %q", until)
	}
}

// kill ends it as a crash would.
func (s *server) kill() { s.end(syscall.SIGKILL) }

func (s *server) end(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(sig)
	<-s.gone
	s.cmd.Wait()
	s.cmd = nil
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
	ctx, cancel := context.WithTimeout(s.t.Context(), soon)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		answer, err := ask(ctx)
		if err == nil && strings.Contains(answer, text) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("no %q within %v: %v\n%s", text, soon, err, answer)
		}
	}
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
	offset := field(primary.do("INFO", "replication").(string), "master_repl_offset")
	s.poll("slave_repl_offset:"+offset, func(ctx context.Context) (string, error) { return s.db.Info(ctx, "replication").Result() })
}

// field returns a value of INFO.
func field(info, name string) string {
	_, after, _ := strings.Cut(info, name+":")
	value, _, _ := strings.Cut(after, "\r\n")
	return value
}

// noMemory leaves the server no room for another byte.
func (s *server) noMemory() {
	s.t.Helper()
	s.do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	s.do("CONFIG", "SET", "maxmemory", fmt.Sprint(1<<20))
}
