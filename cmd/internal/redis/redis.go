// Package redis starts Redis servers that live as long as a simulation, or a measurement.
package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/cmd/internal/child"
	"wxnotify/internal/port"
)

// startBudget is how long a server may take until it answers.
const startBudget = 10 * time.Second

// The kinds of servers.
const (
	Auto  = "auto"  // redis-server if it is installed, else miniredis
	Real  = "redis" // redis-server
	Small = "miniredis"
)

// A Server is a Redis of our own, without persistence.
type Server struct {
	URL  string
	Kind string // Real or Small
	stop func() error
}

// errMissing names the cure.
var errMissing = errors.New("store: redis-server is not installed: run `apt-get install redis-server`")

// Start starts a server of a kind. It ends with Close, or with ctx.
func Start(ctx context.Context, kind string) (*Server, error) {
	path, err := exec.LookPath("redis-server")
	switch {
	case kind == Small || kind == Auto && err != nil:
		return startSmall()
	case kind != Real && kind != Auto:
		return nil, fmt.Errorf("store: %q: use %s, %s or %s", kind, Auto, Real, Small)
	case err != nil:
		return nil, fmt.Errorf("%w, or use %s", errMissing, Small)
	}
	return startReal(ctx, path, "unix", "")
}

// StartTCP starts redis-server on a free port of loopback: what is measured there includes
// what a network connection costs. It ends with Close, or with ctx.
func StartTCP(ctx context.Context) (*Server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errMissing
	}
	free, release, err := port.Hold()
	if err != nil {
		return nil, err
	}
	defer release()
	return startReal(ctx, path, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(free)))
}

// Close ends the server.
func (s *Server) Close() error { return s.stop() }

func startSmall() (*Server, error) {
	m, err := miniredis.Run()
	if err != nil {
		return nil, err
	}
	return &Server{URL: "redis://" + m.Addr(), Kind: Small, stop: func() error { m.Close(); return nil }}, nil
}

// startReal starts redis-server at a loopback address, or without one on a socket in a folder
// of its own, where nobody else finds it.
func startReal(ctx context.Context, path, network, addr string) (*Server, error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, err
	}
	at, url := []string{"--bind", "127.0.0.1", "--port", strings.TrimPrefix(addr, "127.0.0.1:")}, "redis://"+addr
	if network == "unix" {
		addr = filepath.Join(dir, "redis.sock")
		at, url = []string{"--port", "0", "--unixsocket", addr, "--unixsocketperm", "700"}, "unix://"+addr
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, path, append(at, "--dir", dir, "--save", "", "--appendonly", "no", "--daemonize", "no")...)
	child.Bind(cmd)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("redis-server: %w", err), os.RemoveAll(dir))
	}
	logged := make(chan struct{})
	go func() { // it would stop when nobody reads its log
		defer close(logged)
		for s := bufio.NewScanner(out); s.Scan(); {
		}
	}()
	s := &Server{URL: url, Kind: Real, stop: func() error {
		cancel()
		<-logged
		cmd.Wait() // that it was killed is no news
		return os.RemoveAll(dir)
	}}
	if err := answers(ctx, network, addr); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// answers waits until something listens.
func answers(ctx context.Context, network, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startBudget)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("redis-server was not ready within %v: %w", startBudget, err)
		}
	}
}
