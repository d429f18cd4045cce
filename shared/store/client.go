package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"wxnotify/shared/stopwatch"
)

// A command is one of Redis's. Commands of scripts, and those of a change, have one key.
type command struct {
	name string
	key  string // empty: none
	args []any
	due  time.Time // of what it puts into a queue; zero: nothing
	once bool      // it says again what this process has said before: see keep
}

func do(name, key string, args ...any) command { return command{name: name, key: key, args: args} }

// A trip sends commands together, and returns the reply to each. Its error is that of the way there,
// after a second try: so what is sent may be repeated, word by word.
type trip func(ctx context.Context, cmds []command) ([]reply, error)

const (
	// connections is how many an instance has at most. A trip takes a millisecond, so the cards of a
	// run wait less for one of these than for a new one.
	connections = 8
	// idleFor is how long a connection is kept that nobody uses: an instance that was frozen for longer
	// does not try whether the other end has let go of it.
	idleFor = time.Minute

	dialTimeout  = time.Second
	replyTimeout = 3 * time.Second
	tryAgain     = 10 * time.Millisecond
)

// A client makes trips to a server over a few connections.
type client struct {
	connect func(ctx context.Context) (redis.Conn, error)
	places  chan struct{} // one for each connection at work

	mu   sync.Mutex
	idle []idleConn // last used last
	done bool
}

type idleConn struct {
	redis.Conn
	since stopwatch.Watch
}

// trip is a trip. Of connections that the server has closed none is tried twice.
func (c *client) trip(ctx context.Context, cmds []command) (replies []reply, err error) {
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for try := range 2 {
		var conn redis.Conn
		if conn, err = c.connection(ctx, try > 0); err == nil {
			if replies, err = exchange(ctx, conn, cmds); err == nil && !passing(replies) {
				c.keep(conn)
				return replies, nil
			}
			conn.Close()
		}
		if ctx.Err() != nil || try == 0 && !stopwatch.Sleep(ctx, tryAgain) {
			break
		}
	}
	return replies, err
}

// connection returns one that is idle, or a new one; for a second try surely that.
func (c *client) connection(ctx context.Context, fresh bool) (redis.Conn, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 && !fresh && c.idle[n-1].since.Elapsed() < idleFor {
		last := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return last.Conn, nil
	}
	closeAll(c.idle)
	c.idle = nil
	c.mu.Unlock()
	return c.connect(ctx)
}

func (c *client) keep(conn redis.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		conn.Close()
		return
	}
	c.idle = append(c.idle, idleConn{conn, stopwatch.Start()})
}

func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	closeAll(c.idle)
	c.idle, c.done = nil, true
}

func closeAll(conns []idleConn) {
	for _, conn := range conns {
		conn.Close()
	}
}

// exchange is a trip on a connection, which is of no use after an error.
func exchange(ctx context.Context, conn redis.Conn, cmds []command) ([]reply, error) {
	for _, cmd := range cmds {
		args := cmd.args
		if cmd.key != "" {
			args = append([]any{cmd.key}, args...)
		}
		if err := conn.Send(cmd.name, args...); err != nil {
			return nil, err
		}
	}
	if err := conn.Flush(); err != nil {
		return nil, err
	}
	replies := make([]reply, len(cmds))
	for i, cmd := range cmds {
		timeout := replyTimeout
		if left, bounded := stopwatch.Left(ctx); bounded {
			timeout = min(timeout, left)
		}
		if timeout <= 0 || ctx.Err() != nil {
			return nil, cmp.Or(ctx.Err(), context.DeadlineExceeded)
		}
		value, err := redis.ReceiveWithTimeout(conn, timeout)
		if _, refused := errors.AsType[redis.Error](err); err != nil && !refused {
			return nil, err
		}
		replies[i] = reply{cmd, value, err}
	}
	return replies, nil
}

// passing reports whether the server refuses everything, for a moment: it starts, or has handed over
// to another, which a new connection may find.
func passing(replies []reply) bool {
	refused, is := errors.AsType[redis.Error](replies[0].err)
	return is && momentary(refused)
}

func momentary(refused redis.Error) bool {
	kind, _, _ := strings.Cut(string(refused), " ")
	switch kind {
	case "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN":
		return true
	}
	return refused == "ERR max number of clients reached"
}

// one makes a trip with one command.
func (s *Store) one(ctx context.Context, cmd command) (any, error) {
	values, err := s.all(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// all makes a trip, and returns what was answered if nothing was refused.
func (s *Store) all(ctx context.Context, cmds ...command) ([]any, error) {
	return all(ctx, s.trip, cmds...)
}

func all(ctx context.Context, by trip, cmds ...command) ([]any, error) {
	if len(cmds) == 0 {
		return nil, nil
	}
	replies, err := by(ctx, cmds)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return values(replies), failures(replies)
}

func values(replies []reply) []any {
	out := make([]any, len(replies))
	for i, r := range replies {
		out[i] = r.value
	}
	return out
}
