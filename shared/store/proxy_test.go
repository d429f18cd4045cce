package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
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
			s := opened(t, store.Config{URL: secret.New("redis://:" + c.password + "@" + closingProxy(t, m.Addr(), c.closeAt...)), Shards: shards, Now: clock.Now, ServerTime: clock.Now})
			ctx, rules := t.Context(), notify.DefaultRules()
			if err := s.Bind(ctx, "alice", "o-alice"); err != nil {
				t.Fatal(err)
			}
			facts := []fact.Fact{
				{Grant: &fact.Grant{ID: "g", OpenID: "o-alice", Source: fact.GrantPopup, At: clock.Now(), Templates: []fact.TemplateID{tmpl}}},
				{Message: &fact.Message{ID: "m1", From: "bob", To: "alice", SentAt: clock.Now()}}}
			if _, err := s.Record(ctx, rules, facts); err != nil {
				t.Fatal(err)
			}
			clock.Advance(time.Minute)
			batch, err := s.Claim(ctx, 1)
			if err != nil || len(batch.Recipients) != 1 {
				t.Fatalf("claimed %+v, %v, want alice", batch, err)
			}
			reserved, err := s.Reserve(ctx, permit.Reserve{Card: permit.Card{ID: "c", OpenID: "o-alice", User: "alice", Template: tmpl}, PerHour: 30})
			if err != nil || reserved.Status != permit.ReserveOK {
				t.Errorf("reserved %+v, %v", reserved, err)
			}
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
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := s.Counts(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	m.Close()
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Counts(t.Context()); err != nil {
		t.Error(err)
	}
}

// However many cards are on their way, an instance has eight connections at most.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	var dials atomic.Int64
	s := opened(t, store.Config{URL: secret.New("redis://" + m.Addr()), Shards: shards, Now: NewClock().Now,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, addr)
		}})
	var wg sync.WaitGroup
	for i := range 256 {
		wg.Go(func() {
			if _, err := s.Reserve(t.Context(), permit.Reserve{Card: permit.Card{ID: card.ID(fmt.Sprint(i)), OpenID: "o", User: "u", Template: tmpl}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := dials.Load(); n > 8 {
		t.Errorf("%d connections, want 8 at most", n)
	}
}

// countedWrites counts what is written to a connection.
type countedWrites struct {
	net.Conn
	writes *atomic.Int64
}

func (c countedWrites) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// What goes in one trip is written at once, however long it is: a proxy or the network hands it on
// together, and a server answers all of it.
func TestTripsAreSentAtOnce(t *testing.T) {
	t.Parallel()
	var writes atomic.Int64
	s := opened(t, store.Config{URL: secret.New("redis://" + miniredis.RunT(t).Addr()), Now: NewClock().Now,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return countedWrites{conn, &writes}, err
		}})
	if _, err := s.FindMessage(t.Context(), "m"); err != nil { // makes the connection
		t.Fatal(err)
	}
	before := writes.Load()
	if _, err := s.FindMessage(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	if n := writes.Load() - before; n != 1 {
		t.Errorf("hundreds of commands are written in %d parts", n)
	}
}
