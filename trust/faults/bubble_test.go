package faults_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/simulator"
	"wxnotify/trust/faultproxy"
)

// A bubble is a system in the time of testing/synctest, over pipes: nothing in it waits unanswered,
// and an hour takes a moment.
type bubble struct {
	*system
	mini  *miniredis.Miniredis
	proxy *faultproxy.Proxy // to the store

	stop context.CancelFunc
	done sync.WaitGroup

	errors, spills atomic.Int64 // events that deliver failed; those with facts that it has in hand
}

// newBubble returns one without users.
func newBubble(t *testing.T) *bubble { return newBubbleIn(t, environment{}) }

// newBubbleIn is newBubble with clocks that disagree, as p says.
func newBubbleIn(t *testing.T, p environment) *bubble {
	t.Helper()
	b := &bubble{mini: miniredis.NewMiniRedis()}
	b.mini.ClockTTL(true)
	t.Cleanup(b.mini.Close)
	b.proxy = faultproxy.Pipes(t, b.mini.Dial)
	look := faultproxy.Pipes(t, b.mini.Dial)
	p.clock, p.storeAddr, p.dial, p.lookAddr, p.lookDial = simulator.RealClock{}, "store.example:6379", b.proxy.Dial, "look.example:6379", look.Dial
	p.rules, p.shards = strings.Replace(briskRules, "lead: 0s", "lead: 3s", 1), 2 // a run that waits looks less often, at less
	b.system = newSystem(t, p)
	b.front.idle["deliver"] = b.deliver
	return b
}

// permits is how many of each template people have at first, in a bubble.
const permits = 5

// populate has people join, and some time go by.
func (b *bubble) populate(people int) {
	b.t.Helper()
	for range people {
		b.join(permits)
	}
	b.pass(3 * time.Minute) // what they report from now on is no tap of before
}

// host has the platform run deliver: for each event, with repeats, and each minute.
func (b *bubble) host() {
	ctx, stop := context.WithCancel(b.t.Context())
	b.stop = stop
	b.done.Go(func() {
		minute := time.NewTicker(time.Minute)
		defer minute.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-minute.C:
				b.platform.Put("{}")
			case <-b.platform.Arrived():
			}
			for _, event := range b.platform.Take() {
				facts := int64(min(1, len(event)-len("{}")))
				b.spills.Add(facts)
				b.done.Go(func() {
					defer b.spills.Add(-facts)
					b.invoke(ctx, event, 2)
				})
			}
		}
	})
	b.t.Cleanup(b.quit)
}

// quit ends the platform, and waits for the runs that are going on.
func (b *bubble) quit() {
	b.stop()
	b.done.Wait()
}

// invoke runs an event, and again a minute after it failed, as often as repeats says.
// Source: https://cloud.tencent.com/document/product/583/11637
func (b *bubble) invoke(ctx context.Context, event string, repeats int) {
	run, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeouts["deliver"])
	defer cancel()
	h := b.front.take("deliver")
	_, err := h.Invoke(run, []byte(event))
	b.front.release("deliver", h)
	if err == nil {
		return
	}
	b.errors.Add(1)
	if repeats == 0 {
		return
	}
	select {
	case <-time.After(time.Minute):
		b.invoke(ctx, event, repeats-1)
	case <-ctx.Done():
	}
}

// pass lets time go by.
func (b *bubble) pass(d time.Duration) {
	<-time.After(d)
}

// settle lets time go by until all has come to rest.
func (b *bubble) settle(most time.Duration) {
	b.t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end); {
		b.pass(time.Minute)
		if b.idle() && b.spills.Load() == 0 && !b.platform.Spilling() {
			return
		}
	}
	b.t.Fatalf("something still waits after %v:\n%s", most, b.log)
}

// within wants the answers since the last look to have been in time, and returns them.
func (w *system) within(budgets map[string]time.Duration) []answered {
	w.t.Helper()
	all := w.front.answers()
	for _, a := range all {
		if budget := budgets[a.function]; a.status == 0 || a.took > budget {
			w.t.Errorf("%s %s answered %d after %v, and has %v", a.function, a.what, a.status, a.took, budget)
		}
	}
	return all
}

// budgets are what callers wait for, and what the platform gives the rest.
// Sources: https://cloud.tencent.com/document/product/269/1522,
// https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/message-push.html
var budgets = map[string]time.Duration{
	"imcallback": 2 * time.Second, "wechatpush": 5 * time.Second,
	"session": timeouts["session"], "permits": timeouts["permits"], "announce": timeouts["announce"],
}

// slowest returns the longest answer of each function.
func slowest(all []answered) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, a := range all {
		out[a.function] = max(out[a.function], a.took)
	}
	return out
}

// of returns the answers of a function.
func of(all []answered, function string) []answered {
	return slices.DeleteFunc(slices.Clone(all), func(a answered) bool { return a.function != function })
}
