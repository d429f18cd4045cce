package faults_test

import (
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/trust"
)

// The store is away for an hour. Receivers answer in time and spill, deliver hands on what was
// spilled, and when the store is back nothing is missing, and nothing doubled.
func TestStoreAwayForAnHour(t *testing.T) {
	for name, gone := range map[string][2]bool{"refusing connections": {true, false}, "not answering": {false, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t)
				w.populate(trust.Size(1, 2, 12))
				w.host()
				w.live(0)
				w.pass(10 * time.Second)
				w.within(budgets)

				w.proxy.Gone(gone[0], gone[1])
				rounds := trust.Size(2, 2, 4)
				for round := range rounds {
					w.live(round + 2)
					w.pass(time.Hour / time.Duration(rounds))
				}
				all := w.within(budgets)
				w.proxy.Gone(false, false)
				back := time.Now()
				w.settle(10 * time.Minute)
				w.quit()
				w.wantSound()
				spills, largest := w.platform.Spills()
				t.Logf("%d answers while the store was away, the slowest after %v; all told %v after its return; %d spills, the largest event %d bytes",
					len(all), slowest(all), time.Since(back), spills, largest)
				if spills < rounds*len(w.people) {
					t.Error("hardly anything was spilled: this shows nothing")
				}
				if n := w.errors.Load(); n > 0 {
					t.Errorf("deliver failed %d events: the platform would repeat them", n)
				}
			})
		})
	}
}

// Neither the store nor the platform takes anything: deliver fails the events, so that the
// platform repeats them, and what receivers could hand to nobody is logged as lost.
func TestPlatformAwayToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t)
		w.populate(3)
		w.host()
		w.proxy.Gone(true, false)
		w.live(0) // spilled, and deliver has it
		w.pass(time.Second)
		w.platform.Set(true, false)
		w.pass(3 * time.Minute)
		if w.errors.Load() == 0 {
			t.Error("deliver failed no event, and had nobody to hand it to")
		}
		w.within(budgets)
		lost := w.write(w.people[0], "peer0")
		testkit.Must(t, w.sim.Drain(t.Context()))
		if alerts := w.log.Lines(`"alert":"lost"`); len(alerts) != 1 {
			t.Errorf("a message was handed to nobody, and the log says\n%s", alerts)
		}
		w.within(budgets)
		w.proxy.Gone(false, false)
		w.platform.Set(false, false)
		w.settle(15 * time.Minute)
		w.quit()
		p := w.people[0]
		if n := w.shown(p, lost); n != 0 {
			t.Errorf("what nobody took was told %d times", n)
		}
		p.messages = p.messages[:len(p.messages)-1]
		w.log.Reset()
		w.wantSound()
	})
}
