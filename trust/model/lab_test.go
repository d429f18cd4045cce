package model_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
)

// runs is how many runs of deliver there can be side by side.
const runs = 4

// shards is fewer than in production: two show all that several do.
const shards = 2

// A lab is a Redis that one history after the other has to itself, and what connects to it.
// The first store is the receivers'; each run has one of its own.
type lab struct {
	mini   *miniredis.Miniredis // nil: a real one
	raw    *redis.Client
	stores [1 + runs]*store.Store
	skew   [1 + runs]time.Duration // of each store's clock

	mu  sync.Mutex
	cut int // round trips that still get through; negative: all
}

func onMiniredis(t *testing.T) *lab {
	m := miniredis.RunT(t)
	return newLab(t, m.Addr(), m)
}

func onRedis(t *testing.T) *lab { return newLab(t, redistest.Start(t), nil) }

func onCluster(t *testing.T) *lab { return newLab(t, redistest.StartCluster(t), nil) }

func newLab(t *testing.T, addr string, mini *miniredis.Miniredis) *lab {
	l := &lab{mini: mini, cut: -1, raw: redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})}
	t.Cleanup(func() { l.raw.Close() })
	for i := range l.stores {
		st, err := store.Open(store.Config{URL: secret.New("redis://" + addr), Shards: shards, Dial: l.dial,
			Now: time.Now, ServerTime: func() time.Time { return time.Now().Add(l.skew[i]) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		l.stores[i] = st
	}
	return l
}

// empty makes the lab as new.
func (l *lab) empty(ctx context.Context) error {
	l.skew = [1 + runs]time.Duration{}
	l.cutAfter(-1)
	return l.raw.FlushAll(ctx).Err()
}

// cutAfter lets so many round trips of the stores through and no more; negative: all.
func (l *lab) cutAfter(trips int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = trips
}

// through reports whether the next round trip gets through.
func (l *lab) through() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut > 0 {
		l.cut--
		return true
	}
	return l.cut < 0
}

func (l *lab) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c, lab: l}, nil
}

// A wire holds what is written until an answer is wanted: that is one round trip.
type wire struct {
	net.Conn
	lab *lab
	out []byte
}

var errCut = errors.New("the connection is cut")

func (w *wire) Write(b []byte) (int, error) {
	w.out = append(w.out, b...)
	return len(b), nil
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.out) > 0 {
		greeting := bytes.Contains(w.out, []byte("hello\r\n"))
		if !greeting && !w.lab.through() {
			w.Close()
			return 0, errCut
		}
		if _, err := w.Conn.Write(w.out); err != nil {
			return 0, err
		}
		w.out = w.out[:0]
	}
	return w.Conn.Read(b)
}
