package erase_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"wxnotify/shared/permit"
	"wxnotify/shared/store/redistest"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

// A watchedConn calls the system's hook before each request to the store.
type watchedConn struct {
	net.Conn
	s *system
}

func (s *system) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return watchedConn{c, s}, err
}

func (c watchedConn) Write(b []byte) (int, error) {
	c.s.happen()
	return c.Conn.Write(b)
}

// Somebody is erased while a run is at work for them and for others, before any of its requests to
// the store, and before or after any to IM or WeChat; then the run goes on.
func TestInFlight(t *testing.T) {
	server := redistest.Start(t) // much quicker than miniredis
	places := 0
	for _, killed := range []bool{false, true} { // whether the run finds a card that a killed one had reserved
		for i, way := range slices.Sorted(maps.Keys(erasures)) {
			stride := trust.Size(8, 4, 1)
			for at, reached := i%stride, true; reached && !t.Failed() && at < 200; at += stride {
				t.Run(fmt.Sprintf("%s, at request %d, killed before: %t", way, at, killed), func(t *testing.T) {
					s := newSystem(t, server, nil)
					s.everything(killed)
					if reached = s.erasedAt(at, erasures[way]); reached {
						places++
					}
				})
			}
		}
	}
	if places < 10 {
		t.Errorf("alice was erased at %d places of a run: this shows nothing", places)
	}
}

// erasedAt erases alice at the given place of a run, counted in requests, and looks when it is over.
// It reports whether the run came to the place.
func (s *system) erasedAt(place int, erase func(*system, *fixture.User)) (reached bool) {
	s.Helper()
	// Everybody's name has to be looked up again, and unknown cards have been so for long enough.
	s.Must(s.raw.Del(s.ctx(), s.keysOf("nm")...).Err())
	s.pass(2 * time.Hour)
	seen := make(chan int, 1) // of requests, how many there were; several may be on their way at once
	seen <- 0
	s.hook = func() {
		n := <-seen
		seen <- n + 1
		if n == place {
			erase(s, s.alice)
			reached = true
		}
	}
	s.run()
	s.hook = nil
	if !reached {
		return false
	}
	s.unnamed("after the run")
	for range 3 {
		s.pass(permit.Lease + time.Second)
		s.run()
	}
	s.unnamed("after later runs")
	s.comesBack()
	return true
}

// keysOf returns the keys of a kind, and one that is not there.
func (s *system) keysOf(kind string) []string {
	s.Helper()
	keys, err := s.raw.Keys(s.ctx(), "*}:"+kind+":*").Result()
	s.Must(err)
	return append(keys, "none")
}
