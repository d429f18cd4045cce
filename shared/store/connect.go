package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"wxnotify/shared/secret"
)

// A server is how Redis is reached.
type server struct {
	network, addr string
	tls           *tls.Config // nil: none
	greeting      []command   // on a new connection: AUTH and SELECT, where the URL asks for them
}

// parseURL reads a URL: rediss://user:password@host:6379/0, or unix:///path of a socket.
func parseURL(text string) (s server, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" {
		return s, false
	}
	if password, _ := u.User.Password(); password != "" {
		s.greeting = []command{do("AUTH", "", password)}
		if name := u.User.Username(); name != "" {
			s.greeting = []command{do("AUTH", "", name, password)}
		}
	}
	host := u.Hostname()
	switch {
	case u.Scheme == "unix" && host == "" && u.Path != "":
		s.network, s.addr = "unix", u.Path
		return s, true
	case u.Scheme == "rediss":
		s.tls = &tls.Config{ServerName: host}
	case u.Scheme != "redis":
		return s, false
	}
	s.network, s.addr = "tcp", net.JoinHostPort(host, cmp.Or(u.Port(), "6379"))
	database, err := strconv.ParseUint(cmp.Or(strings.Trim(u.Path, "/"), "0"), 10, 16)
	if database > 0 {
		s.greeting = append(s.greeting, do("SELECT", "", database))
	}
	return s, err == nil && host != ""
}

// connector returns a way to make connections as a URL says: by dial, if it is not nil; then what is to be said first, and a
// look at whose store it is. If the password is refused and there is another URL by now, that is tried too.
func connector(at secret.String, dial dialFunc, check func(context.Context, trip) error) func(context.Context) (redis.Conn, error) {
	return func(ctx context.Context) (redis.Conn, error) {
		used := at.Reveal()
		conn, err := connect(ctx, used, dial, check)
		if err == nil || !refusesPassword(err) || !at.Renew(ctx, used) {
			return conn, err
		}
		return connect(ctx, at.Reveal(), dial, check)
	}
}

func connect(ctx context.Context, at string, dial dialFunc, check func(context.Context, trip) error) (redis.Conn, error) {
	s, ok := parseURL(at)
	if !ok {
		return nil, errURL
	}
	if dial == nil {
		plain := &net.Dialer{KeepAlive: 5 * time.Minute}
		dial = plain.DialContext
		if s.tls != nil {
			dial = (&tls.Dialer{NetDialer: plain, Config: s.tls}).DialContext
		}
	}
	dialling, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := dial(dialling, s.network, s.addr)
	if err != nil {
		return nil, err
	}
	conn := redis.NewConn(&gathering{Conn: raw}, replyTimeout, replyTimeout)
	onConn := func(ctx context.Context, cmds []command) ([]reply, error) { return exchange(ctx, conn, cmds) }
	if _, err = all(ctx, onConn, s.greeting...); err == nil {
		err = check(ctx, onConn)
	}
	if err != nil {
		conn.Close()
		return nil, refusal(err)
	}
	return conn, nil
}

// refusesPassword reports whether Redis refuses who connects: by AUTH (ERR before Redis 6), or what comes after that was not said.
func refusesPassword(err error) bool {
	refused, _ := errors.AsType[redis.Error](err)
	kind, _, _ := strings.Cut(string(refused), " ")
	return kind == "WRONGPASS" || kind == "NOAUTH" || refused == "ERR invalid password"
}

// refusal marks what only other settings mend: a user, a password or a database that the server refuses.
func refusal(err error) error {
	refused, is := errors.AsType[redis.Error](err)
	kind, _, _ := strings.Cut(string(refused), " ")
	if !is || momentary(refused) || !slices.Contains([]string{"ERR", "NOAUTH", "NOPERM", "WRONGPASS"}, kind) {
		return err
	}
	return settingsError{fmt.Errorf("STORE_URL: the server refuses its user, password or database: %w", err)}
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// A gathering connection keeps what is written until the next read, and sends it together.
type gathering struct {
	net.Conn
	out []byte
}

func (g *gathering) Write(b []byte) (int, error) {
	g.out = append(g.out, b...)
	return len(b), nil
}

func (g *gathering) Read(b []byte) (int, error) {
	if len(g.out) > 0 {
		out := g.out
		g.out = g.out[:0]
		if _, err := g.Conn.Write(out); err != nil {
			return 0, err
		}
	}
	return g.Conn.Read(b)
}
