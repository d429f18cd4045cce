package store

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// dialer returns a way to connect that ends with its context. go-redis's own does
// not with TLS, and would outlast a callback's budget.
func dialer(opt *redis.Options) func(ctx context.Context, network, addr string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: opt.DialTimeout, KeepAlive: 5 * time.Minute}
	if opt.TLSConfig == nil {
		return plain.DialContext
	}
	return (&tls.Dialer{NetDialer: plain, Config: opt.TLSConfig}).DialContext
}

// bounded returns dial with a bound of its own: go-redis also dials without a deadline.
func bounded(dial func(context.Context, string, string) (net.Conn, error), most time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		return dial(ctx, network, addr)
	}
}

// withoutHello returns dial for connections on which HELLO is not sent. The store speaks RESP2,
// which needs none, and a proxy that does not know the command closes the connection.
// Source: https://github.com/twitter/twemproxy/blob/master/notes/redis.md
func withoutHello(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &helloless{Conn: conn}
		if raw, ok := conn.(syscall.Conn); ok { // by which go-redis sees that the server has closed it
			return struct {
				*helloless
				syscall.Conn
			}{c, raw}, nil
		}
		return c, nil
	}
}

// A helloless connection answers HELLO itself, as a server does that does not know the
// command. go-redis then goes on with AUTH.
type helloless struct {
	net.Conn
	answer []byte // still to be read before what the server sends
}

func (c *helloless) Write(b []byte) (int, error) {
	if _, command, _ := bytes.Cut(b, []byte("\r\n")); bytes.HasPrefix(command, []byte("$5\r\nhello\r\n")) {
		c.answer = []byte("-ERR unknown command 'HELLO'\r\n")
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *helloless) Read(b []byte) (int, error) {
	if len(c.answer) > 0 {
		n := copy(b, c.answer)
		c.answer = c.answer[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// turns has callers wait for one of so many connections until their context ends. go-redis would
// have them wait too, but for four seconds whatever time they have, and by timers that all clients of
// the process share.
type turns chan struct{}

func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DialHook implements redis.Hook.
func (t turns) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (t turns) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := t.take(ctx); err != nil {
			cmd.SetErr(err)
			return err
		}
		defer func() { <-t }()
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (t turns) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := t.take(ctx); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		defer func() { <-t }()
		return next(ctx, cmds)
	}
}
