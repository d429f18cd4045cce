package soak_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"wxnotify/simulator"
)

// A fault is something that goes wrong for a while.
type fault struct {
	name  string
	begin func(w *system, ctx context.Context, wg *sync.WaitGroup)
}

// Paths of the platforms.
const (
	sends = "/cgi-bin/message/subscribe/send"
	token = "/cgi-bin/stable_token"
)

// faults are what a seeded schedule chooses from. What WeChat answers is true in all of them: a
// WeChat that takes a card and denies it cannot be found out.
var faults = []fault{
	{"calm", func(*system, context.Context, *sync.WaitGroup) {}},
	{"the store is slow", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.proxy.Slow(60 * time.Millisecond)
	}},
	{"the store is very slow", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.proxy.Slow(900 * time.Millisecond)
	}},
	{"the store refuses", func(w *system, ctx context.Context, wg *sync.WaitGroup) {
		w.proxy.Refuse()
		wg.Go(func() {
			<-ctx.Done()
			w.proxy.Listen()
		})
	}},
	{"connections to the store are cut", func(w *system, ctx context.Context, wg *sync.WaitGroup) {
		wg.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					w.proxy.Sever()
				case <-ctx.Done():
					return
				}
			}
		})
	}},
	{"WeChat is busy", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.sim.Faults.Sometimes(sends, 0.4, simulator.Code(-1))
		w.sim.Faults.Sometimes(token, 0.4, simulator.Code(-1))
	}},
	{"WeChat's answers are lost", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.sim.Faults.Sometimes(sends, 0.2, simulator.DropAfterSuccess())
		w.sim.Faults.Sometimes(sends, 0.2, simulator.HalfAnswer())
		w.sim.Faults.Sometimes(sends, 0.2, simulator.HTTPStatus(502))
	}},
	{"WeChat is slow, and cannot be reached", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.sim.Faults.Sometimes(sends, 0.3, simulator.Delay(300*time.Millisecond))
		w.sim.Faults.Sometimes("/cgi-bin/*", 0.3, simulator.Refuse())
	}},
	{"the token is refused", func(w *system, _ context.Context, _ *sync.WaitGroup) { w.sim.WeChat.InvalidateToken() }},
	{"WeChat's reports are lost, late and told twice", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.sim.Faults.Sometimes("push:subscribe_msg_sent_event", 0.3, simulator.Lose())
		w.sim.Faults.Sometimes("push:subscribe_msg_sent_event", 0.3, simulator.Delay(time.Second))
		w.sim.Faults.Sometimes("push:*", 0.3, simulator.Duplicate())
	}},
	{"IM does not answer", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.sim.Faults.Sometimes("/v4/*", 0.5, simulator.HTTPStatus(500))
		w.sim.Faults.Sometimes("/v4/*", 0.3, simulator.Refuse())
	}},
	{"callbacks come twice, late and out of order", func(w *system, _ context.Context, _ *sync.WaitGroup) {
		w.sim.Faults.Sometimes("callback:*", 0.3, simulator.Duplicate())
		w.sim.Faults.Sometimes("callback:*", 0.2, simulator.Delay(200*time.Millisecond))
		w.sim.Faults.Sometimes("callback:*", 0.2, simulator.Reorder())
	}},
}

// disturb goes through the faults, each for as long as given, in an order out of the seed, and is
// calm in between. It returns how many there were.
func (w *system) disturb(ctx context.Context, each time.Duration) (n int) {
	r := rand.New(rand.NewPCG(w.seed, 0x5eed))
	for ctx.Err() == nil {
		for _, i := range r.Perm(len(faults)) {
			if ctx.Err() != nil {
				break
			}
			w.strike(ctx, faults[i], each)
			n++
		}
	}
	return n
}

func (w *system) strike(ctx context.Context, f fault, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	f.begin(w, ctx, &wg)
	<-ctx.Done()
	wg.Wait()
	w.sim.Faults.Clear()
	w.proxy.Slow(0)
}
