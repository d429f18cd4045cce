package soak_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wxnotify/internal/testkit"
	"wxnotify/trust"
)

// size is how long it takes, how many users there are, and how much they do.
type size struct {
	d         time.Duration
	people    int
	perSecond int
}

func sizeOf(t *testing.T) size {
	if text := os.Getenv("SOAK"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			t.Fatalf("SOAK=%q: write a duration such as 1h", text)
		}
		return size{d, 120, 60}
	}
	return size{time.Duration(trust.Size(1500, 6000, 60000)) * time.Millisecond, trust.Size(20, 40, 80), trust.Size(150, 150, 100)}
}

const (
	heapSlack  = 6 << 20 // what a heap may differ by between two looks
	storeSlack = 4 << 20 // scripts, and what connections need
	perPerson  = 32 << 10
	perAct     = 1000
	maxConns   = instances*2*8*2 + 10 // of the stores, as many that are being let go of, and our own
)

// TestSoak prints its seed with every failure: it is the day, so that each day has faults of its
// own. The variable SOAK_SEED repeats one.
func TestSoak(t *testing.T) {
	seed := uint64(time.Now().Unix() / 86400)
	if text := os.Getenv("SOAK_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("SOAK_SEED=%q: write a number", text)
		}
	}
	before := goleak.IgnoreCurrent()
	t.Run("system", func(t *testing.T) { soak(t, seed, sizeOf(t)) })
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
	if t.Failed() {
		t.Logf("to repeat the faults and what users do: SOAK_SEED=%d", seed)
	}
}

func soak(t *testing.T, seed uint64, s size) {
	w := newSystem(t, seed, s.people)
	conns, memory, start := w.connections(), w.storeBytes(), w.fns.vitals()
	ctx, cancel := context.WithTimeout(t.Context(), s.d)
	defer cancel()

	var around, follower sync.WaitGroup
	following, stop := context.WithCancel(t.Context())
	defer stop()
	follower.Go(func() { w.follow(following, min(max(s.d/100, 100*time.Millisecond), time.Second)) })
	var middle vitals
	most := 0
	around.Go(func() {
		trust.Count(t, trust.Faults, w.disturb(ctx, min(s.d/time.Duration(len(faults)), 20*time.Second)))
	})
	around.Go(func() { w.live(ctx, s.perSecond) })
	around.Go(func() { middle, most = w.watch(ctx, s.d) })
	around.Wait()
	w.calmDown()
	stop()
	follower.Wait()
	w.readTimelines()
	w.checkMessages()
	w.checkAccounts()
	end := w.checkVitals(start, middle, s.d)

	if used := w.storeBytes() - memory; used > storeSlack+s.people*perPerson+int(w.acts.Load())*perAct {
		trust.Broken(w, trust.Violated, "the store uses %d bytes more for %d people and %d things that happened", used, s.people, w.acts.Load())
	}
	if most > maxConns {
		trust.Broken(w, trust.Violated, "the store had %d connections, want at most %d", most, maxConns)
	}
	w.fns.call("quit")
	http.DefaultClient.CloseIdleConnections()
	if err := w.fns.cmd.Wait(); err != nil {
		trust.Broken(w, trust.Violated, "the functions leave something behind: %v", err)
	}
	testkit.Eventually(w, "the functions' connections to the store have ended", func() bool { return w.connections() < conns })
	t.Logf("%v, %d things happened, %d bytes more in the store; heap %d KB at the start, %d KB in the middle, %d KB in the end", s.d, w.acts.Load(), w.storeBytes()-memory, start.Heap>>10, middle.Heap>>10, end.Heap>>10)
}

// watch looks at the process in the middle, and at the store's connections all along.
func (w *system) watch(ctx context.Context, d time.Duration) (middle vitals, most int) {
	half := time.NewTimer(d / 2)
	defer half.Stop()
	tick := time.NewTicker(max(d/100, 50*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return middle, most
		case <-half.C:
			middle = w.fns.vitals()
		case <-tick.C:
			if ctx.Err() == nil {
				most = max(most, w.connections())
			}
		}
	}
}

// checkVitals wants the process to be as it was.
func (w *system) checkVitals(start, middle vitals, d time.Duration) (end vitals) {
	w.Helper()
	end = w.fns.vitals()
	if end.Heap > middle.Heap+middle.Heap/4+heapSlack {
		trust.Broken(w, trust.Violated, "the heap grows: %d KB in the middle of %v, %d KB in the end", middle.Heap>>10, d, end.Heap>>10)
	}
	if middle.Heap == 0 {
		w.Error("nobody looked at the process in the middle")
	}
	testkit.Eventually(w, fmt.Sprintf("the process has about the %d goroutines that it began with", start.Goroutines), func() bool {
		http.DefaultClient.CloseIdleConnections()
		return w.fns.vitals().Goroutines <= start.Goroutines+instances*6
	})
	return end
}
