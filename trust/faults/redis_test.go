package faults_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/simulator"
	"wxnotify/trust/faultproxy"
)

// A redisSystem is a system on a real Redis behind a proxy, whose time is moved by hand.
type redisSystem struct {
	*system
	clock     *simulator.ManualClock
	proxy     *faultproxy.Proxy // of the functions
	lookProxy *faultproxy.Proxy // of the test, to which nothing happens but that it leads elsewhere

	replica          *server // nil: none
	cardsWhileBehind int     // that go out although the replica hears nothing
}

// begin is when a redisSystem begins: noon in Beijing.
var begin = testkit.Future.Add(4 * time.Hour)

// newRedisSystem returns one whose users have been told of something already.
func newRedisSystem(t testing.TB, s *server, people int) *redisSystem {
	t.Helper()
	w := &redisSystem{clock: simulator.NewManualClock(begin), proxy: faultproxy.New(t, s.Addr), lookProxy: faultproxy.New(t, s.Addr)}
	w.system = newSystem(t, environment{clock: w.clock, storeAddr: w.proxy.Addr, lookAddr: w.lookProxy.Addr, storeNow: w.clock.Now})
	for range people {
		w.join(5)
	}
	for _, p := range w.people {
		w.write(p, "peer0")
	}
	w.run("{}")
	w.clock.Advance(10 * time.Second)
	return w
}

// runTime is what a run of these tests has: little more than it keeps back, so that it looks
// once and does not wait for what comes.
const runTime = 20*time.Second + 500*time.Millisecond

// run has an instance of deliver take each of events, side by side.
func (w *redisSystem) run(events ...string) {
	w.t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, event := range events {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(w.t.Context(), runTime)
			defer cancel()
			if _, err := w.deliver[i%2].Invoke(ctx, []byte(event)); err != nil {
				w.platform.Put(event) // the platform repeats it
			}
		})
	}
	wg.Wait()
}

// settle lets time pass, and deliver run, until all has come to rest.
func (w *redisSystem) settle() {
	w.t.Helper()
	for range 60 {
		w.run(append(w.platform.Take(), "{}", "{}")...)
		w.clock.Advance(time.Second)
		if !w.platform.Spilling() && w.idle() {
			return
		}
		w.clock.Advance(30 * time.Second)
	}
	w.t.Fatal("something waits for ever")
}
