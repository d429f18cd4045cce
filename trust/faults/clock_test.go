package faults_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/simulator"
	"wxnotify/trust"
)

// A clockFault is clocks that disagree. The people's phones, IM and WeChat have the right time.
type clockFault struct {
	name string
	// off is how far the clock of an instance is off, and store that of the store, by how
	// long the fault has lasted; before it, it is negative.
	off   func(function string, instance int, since time.Duration) time.Duration
	store func(since time.Duration) time.Duration
}

var clockFaults = []clockFault{
	{name: "instances of deliver five minutes apart", off: func(function string, instance int, _ time.Duration) time.Duration {
		if function != "deliver" {
			return 0
		}
		return []time.Duration{150 * time.Second, -150 * time.Second}[instance%2]
	}},
	{name: "the store five minutes ahead", store: func(time.Duration) time.Duration { return 5 * time.Minute }},
	{name: "the store five minutes behind", store: func(time.Duration) time.Duration { return -5 * time.Minute }},
	{name: "receivers nearly a minute ahead, deliver nearly a minute behind", off: func(function string, _ int, _ time.Duration) time.Duration {
		if function == "deliver" {
			return -55 * time.Second
		}
		return 55 * time.Second
	}},
	{name: "the clock of deliver jumps an hour ahead, and back", off: func(function string, _ int, since time.Duration) time.Duration {
		if function == "deliver" && since > 0 && since < time.Minute {
			return time.Hour
		}
		return 0
	}},
	{name: "the store's clock jumps an hour ahead, and back", store: func(since time.Duration) time.Duration {
		if since > 0 && since < time.Minute {
			return time.Hour
		}
		return 0
	}},
	{name: "the store's clock jumps an hour back, and ahead", store: func(since time.Duration) time.Duration {
		if since > 0 && since < time.Minute {
			return -time.Hour
		}
		return 0
	}},
}

// Clocks that disagree have nothing told twice and nothing lost.
func TestClocks(t *testing.T) {
	for _, f := range clockFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { disagree(t, f) })
		})
	}
}

func disagree(t *testing.T, f clockFault) {
	var struck atomic.Int64
	since := func() time.Duration { return time.Duration(time.Now().UnixNano() - struck.Load()) }
	struck.Store(time.Now().Add(24 * time.Hour).UnixNano())
	var p environment
	if f.off != nil {
		p.off = func(function string, instance int) time.Duration { return f.off(function, instance, since()) }
	}
	if f.store != nil {
		p.storeNow = func() time.Time { return time.Now().Add(f.store(since())) }
	}
	w := newBubbleIn(t, p)
	w.populate(trust.Size(4, 6, 40))
	w.host()
	w.sim.Faults.Always(pathSend, simulator.Delay(4*time.Second)) // so that cards are on their way when a clock jumps
	w.live(0)
	w.pass(4 * time.Second)
	struck.Store(time.Now().UnixNano())
	w.pass(time.Second)
	w.platform.Put("{}") // another instance looks at what is on its way
	w.live(1)
	w.pass(90 * time.Second)
	w.live(2)
	w.within(budgets)
	w.settle(3 * time.Hour)
	w.quit()
	w.wantSound()
}
