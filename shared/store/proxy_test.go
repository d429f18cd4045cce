package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// closingProxy starts a proxy in front of a server that closes the connection at commands, and
// returns its address.
func closingProxy(t *testing.T, server string, commands ...string) string {
	return proxyThatCloses(t, server, func(command string) bool { return slices.Contains(commands, command) })
}

// proxyThatCloses is closingProxy for the commands that closes says.
func proxyThatCloses(t *testing.T, server string, closes func(command string) bool) string {
	t.Helper()
	return testkit.Serve(t, func(client net.Conn) { forward(client, server, closes) })
}

// forward hands on what client asks, until it sends a command at which the connection closes.
func forward(client net.Conn, server string, closes func(command string) bool) {
	defer client.Close()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer up.Close()
	go io.Copy(client, up)
	r := bufio.NewReader(client)
	for {
		raw, name, err := readCommand(r)
		if err != nil || closes(strings.ToUpper(name)) {
			return
		}
		if _, err := up.Write(raw); err != nil {
			return
		}
	}
}

// readCommand reads one command, an array of strings, and returns its bytes and its name.
func readCommand(r *bufio.Reader) (raw []byte, name string, err error) {
	line := func(kind string) (n int) {
		var s string
		if s, err = r.ReadString('\n'); err == nil {
			raw = append(raw, s...)
			_, err = fmt.Sscanf(s, kind+"%d\r\n", &n)
		}
		return n
	}
	for i := range line("*") {
		arg := make([]byte, line("$")+2)
		if err == nil {
			_, err = io.ReadFull(r, arg)
		}
		if err != nil {
			return nil, "", err
		}
		if raw = append(raw, arg...); i == 0 {
			name = strings.TrimSpace(string(arg))
		}
	}
	return raw, name, err
}

// A proxy that closes the connection at a command that it does not know, as twemproxy does,
// serves a card from the message to the reserved permit.
func TestProxyThatClosesConnections(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		password string
		closeAt  []string
	}{
		"HELLO":                          {"", []string{"HELLO"}},
		"HELLO, and it wants a password": {"hunter2", []string{"HELLO"}},
		"all that is not about keys":     {"hunter2", []string{"HELLO", "INFO", "WAIT", "CONFIG", "CLIENT", "COMMAND"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := miniredis.RunT(t)
			m.RequireAuth(c.password)
			clock := NewClock()
			b := newBench(t, Harness{Now: clock.Now, Store: opened(t, store.Config{Shards: shards, Now: clock.Now, ServerTime: clock.Now,
				URL: secret.New("redis://:" + c.password + "@" + closingProxy(t, m.Addr(), c.closeAt...))})})
			b.bind()
			b.grant(tmpl)
			b.record(b.message("m1"))
			clock.Advance(time.Minute)
			b.only()
			b.reserved(reserveOf("c"), permit.ReserveOK)
		})
	}
}

// Of connections that the server has closed while the instance was frozen none is used.
func TestClosedConnectionsAreNotUsed(t *testing.T) {
	t.Parallel()
	m := redistest.StartSmall(t)
	const n = 4
	var dials atomic.Int64
	all := make(chan struct{}) // closed when there is a connection for each
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) == n {
			close(all)
		}
		<-all
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	s := opened(t, store.Config{URL: secret.New("redis://" + m.Addr()), Shards: shards, Now: NewClock().Now, Dial: dial})
	b := newBench(t, Harness{Store: s})
	b.concurrently(n, func(ctx context.Context, _ int) (bool, error) { return true, second(s.Counts(ctx)) })
	m.Close()
	b.must(m.Restart())
	b.counts()
}

// However many cards are on their way, an instance has eight connections at most.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	var w wire
	b := newBench(t, Harness{Store: opened(t, store.Config{URL: secret.New("redis://" + m.Addr()), Shards: shards, Now: NewClock().Now, Dial: w.dial})})
	b.concurrently(256, func(ctx context.Context, i int) (bool, error) {
		return true, second(b.Store.Reserve(ctx, permit.Reserve{Card: permit.Card{ID: card.ID(fmt.Sprint(i)), OpenID: "o", User: "u", Template: tmpl}}))
	})
	if n := w.dials.Load(); n > 8 {
		t.Errorf("%d connections, want 8 at most", n)
	}
}

// A wire dials connections, and counts them and what goes over them.
type wire struct{ dials, writes, bytes atomic.Int64 }

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.dials.Add(1)
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &wired{c, w}, err
}

type wired struct {
	net.Conn
	*wire
}

func (c *wired) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

func (c *wired) Write(b []byte) (int, error) {
	c.writes.Add(1)
	c.bytes.Add(int64(len(b)))
	return c.Conn.Write(b)
}

// What goes in one trip is written at once, however long it is: a proxy or the network hands it on
// together, and a server answers all of it.
func TestTripsAreSentAtOnce(t *testing.T) {
	t.Parallel()
	var w wire
	s := opened(t, store.Config{URL: secret.New("redis://" + miniredis.RunT(t).Addr()), Now: NewClock().Now, Dial: w.dial})
	must(s.FindMessage(t.Context(), "m"))(t) // makes the connection
	before := w.writes.Load()
	must(s.FindMessage(t.Context(), "m"))(t)
	if n := w.writes.Load() - before; n != 1 {
		t.Errorf("hundreds of commands are written in %d parts", n)
	}
}
