package soak_test

import (
	"context"
	"math/rand/v2"
	"time"

	"wxnotify/simulator"
)

// A fault is something that goes wrong for a while. What WeChat and IM do wrong, and a slow store,
// end by themselves.
type fault struct {
	name  string
	begin func(w *system) (end func())
}

// passing is a fault that ends by itself.
func passing(name string, begin func(w *system)) fault {
	return fault{name, func(w *system) func() { begin(w); return func() {} }}
}

// Paths of the platforms.
const (
	sends = "/cgi-bin/message/subscribe/send"
	token = "/cgi-bin/stable_token"
)

// faults are what a seeded schedule chooses from. What WeChat answers is true in all of them: a
// WeChat that takes a card and denies it cannot be found out.
var faults = []fault{
	passing("calm", func(*system) {}),
	passing("the store is slow", func(w *system) { w.proxy.Slow(60 * time.Millisecond) }),
	passing("the store is very slow", func(w *system) { w.proxy.Slow(900 * time.Millisecond) }),
	{"the store refuses", func(w *system) func() {
		w.proxy.Refuse()
		return w.proxy.Listen
	}},
	{"connections to the store are cut", func(w *system) func() {
		w.proxy.Cut(func(r *rand.Rand, _ bool, n int) int {
			if r.IntN(20) == 0 {
				return 0
			}
			return n
		})
		return func() { w.proxy.Cut(nil) }
	}},
	passing("WeChat is busy", func(w *system) {
		w.sim.Faults.Sometimes(sends, 0.4, simulator.Code(-1))
		w.sim.Faults.Sometimes(token, 0.4, simulator.Code(-1))
	}),
	passing("WeChat's answers are lost", func(w *system) {
		w.sim.Faults.Sometimes(sends, 0.2, simulator.DropAfterSuccess())
		w.sim.Faults.Sometimes(sends, 0.2, simulator.HalfAnswer())
		w.sim.Faults.Sometimes(sends, 0.2, simulator.HTTPStatus(502))
	}),
	passing("WeChat is slow, and cannot be reached", func(w *system) {
		w.sim.Faults.Sometimes(sends, 0.3, simulator.Delay(300*time.Millisecond))
		w.sim.Faults.Sometimes("/cgi-bin/*", 0.3, simulator.Refuse())
	}),
	passing("the token is refused", func(w *system) { w.sim.WeChat.InvalidateToken() }),
	passing("WeChat's reports are lost, late and told twice", func(w *system) {
		w.sim.Faults.Sometimes("push:subscribe_msg_sent_event", 0.3, simulator.Lose())
		w.sim.Faults.Sometimes("push:subscribe_msg_sent_event", 0.3, simulator.Delay(time.Second))
		w.sim.Faults.Sometimes("push:*", 0.3, simulator.Duplicate())
	}),
	passing("IM does not answer", func(w *system) {
		w.sim.Faults.Sometimes("/v4/*", 0.5, simulator.HTTPStatus(500))
		w.sim.Faults.Sometimes("/v4/*", 0.3, simulator.Refuse())
	}),
	passing("callbacks come twice, late and out of order", func(w *system) {
		w.sim.Faults.Sometimes("callback:*", 0.3, simulator.Duplicate())
		w.sim.Faults.Sometimes("callback:*", 0.2, simulator.Delay(200*time.Millisecond))
		w.sim.Faults.Sometimes("callback:*", 0.2, simulator.Reorder())
	}),
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
	end := f.begin(w)
	<-ctx.Done()
	end()
	w.sim.Faults.Clear()
	w.proxy.Slow(0)
}
