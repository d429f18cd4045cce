package faults_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/simulator"
)

// A town is a world on a real Redis behind a vip, whose time is moved by hand.
type town struct {
	*world
	clock   *simulator.ManualClock
	vip     *vip // of the functions
	lookVIP *vip // of the test, to which nothing happens but that it leads elsewhere

	replica          *server // nil: none
	cardsWhileBehind int     // that go out although the replica hears nothing
}

// begin is when towns begin: noon in Beijing.
var begin = testkit.Future.Add(4 * time.Hour)

// newTown returns one whose people have been told of something already.
func newTown(t testing.TB, s *server, people int) *town {
	t.Helper()
	w := &town{clock: simulator.NewManualClock(begin), vip: newVIP(t, s.addr), lookVIP: newVIP(t, s.addr)}
	w.world = newWorld(t, place{clock: w.clock, storeAddr: w.vip.addr, lookAddr: w.lookVIP.addr, storeNow: w.clock.Now})
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
func (w *town) run(events ...string) {
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
				w.platform.put(event) // the platform repeats it
			}
		})
	}
	wg.Wait()
}

// settle lets time pass, and deliver run, until all has come to rest.
func (w *town) settle() {
	w.t.Helper()
	for range 60 {
		w.run(append(w.platform.take(), "{}", "{}")...)
		w.clock.Advance(time.Second)
		if w.platform.empty() && w.rest() {
			return
		}
		w.clock.Advance(30 * time.Second)
	}
	w.t.Fatal("something waits for ever")
}
