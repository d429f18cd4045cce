package store_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

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
