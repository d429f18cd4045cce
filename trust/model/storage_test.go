package model_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/trust/fixture"
)

// runs is how many runs of deliver there can be side by side.
const runs = 4

// shards is fewer than in production: two show all that several do.
const shards = 2

// A storage is a Redis that one history after the other has to itself, and what connects to it.
// The first store is the receivers'; each run has one of its own.
type storage struct {
	mini   *miniredis.Miniredis // nil: a real one
	addr   string
	raw    *redis.Client
	stores [1 + runs]*store.Store
	skew   [1 + runs]time.Duration // of each store's clock

	mu    sync.Mutex
	cut   int // round trips that still get through; negative: all
	loses int // round trips until one arrives whose answer is lost; negative: none does
}

func onMiniredis(t *testing.T) *storage {
	m := miniredis.RunT(t)
	return newStorage(t, m.Addr(), m)
}

func onRedis(t *testing.T) *storage { return newStorage(t, redistest.Start(t), nil) }

func onCluster(t *testing.T) *storage { return newStorage(t, redistest.StartCluster(t), nil) }

func newStorage(t *testing.T, addr string, mini *miniredis.Miniredis) *storage {
	l := &storage{mini: mini, addr: addr, cut: -1, loses: -1, raw: fixture.Redis(t, addr)}
	t.Cleanup(l.close)
	return l
}

func (l *storage) close() {
	for _, st := range l.stores {
		if st != nil {
			st.Close()
		}
	}
}

// empty makes the storage as new, and what connects to it: a store remembers what it has written, and random words
// are the same in each history.
func (l *storage) empty(ctx context.Context) error {
	l.skew = [1 + runs]time.Duration{}
	l.cutAfter(-1)
	l.loseAnswerAfter(-1)
	l.close()
	for i := range l.stores {
		var err error
		l.stores[i], err = store.Open(store.Config{URL: secret.New("redis://" + l.addr), Shards: shards, Dial: l.dial,
			Now: time.Now, ServerTime: func() time.Time { return time.Now().Add(l.skew[i]) }})
		if err != nil {
			return err
		}
	}
	return l.raw.FlushAll(ctx).Err()
}

// cutAfter lets so many round trips of the stores through and no more; negative: all.
func (l *storage) cutAfter(trips int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = trips
}

// loseAnswerAfter lets so many round trips of the stores through, and loses the answer of the next
// one, which arrives: the client makes it again. Negative: none is lost.
func (l *storage) loseAnswerAfter(trips int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loses = trips
}

// through says what becomes of the next round trip.
func (l *storage) through() verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut == 0 {
		return isLost
	}
	l.cut = max(-1, l.cut-1)
	if l.loses == 0 {
		l.loses = -1
		return losesReply
	}
	l.loses = max(-1, l.loses-1)
	return passes
}

func (l *storage) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c, storage: l}, nil
}

// A wire holds what is written until an answer is wanted: that is one round trip.
type wire struct {
	net.Conn
	storage *storage
	out     []byte
}

var errCut = errors.New("the connection is cut")

func (w *wire) Write(b []byte) (int, error) {
	w.out = append(w.out, b...)
	return len(b), nil
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.out) > 0 {
		v := passes
		if greeting := bytes.Contains(w.out, []byte("hello\r\n")); !greeting {
			v = w.storage.through()
		}
		if v == isLost {
			w.Close()
			return 0, errCut
		}
		if _, err := w.Conn.Write(w.out); err != nil {
			return 0, err
		}
		w.out = w.out[:0]
		if v == losesReply { // once it begins to come, the trip has arrived
			w.Conn.Read(make([]byte, 1))
			w.Close()
			return 0, io.EOF // after which a client tries again
		}
	}
	return w.Conn.Read(b)
}
