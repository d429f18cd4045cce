package faults_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/simulator"
	"wxnotify/trust"
)

// Paths of the platforms' APIs.
const (
	pathSend     = "/cgi-bin/message/subscribe/send"
	pathToken    = "/cgi-bin/stable_token"
	pathPresence = "/v4/openim/query_online_status"
)

// An upstreamFault is one way in which WeChat or IM goes wrong for a while.
type upstreamFault struct {
	name   string
	strike func(*simulator.World)
	// unknown: the fault leaves open whether cards were shown.
	unknown bool
}

func always(target string, f ...simulator.Fault) func(*simulator.World) {
	return func(w *simulator.World) { w.Faults.Always(target, f...) }
}

func sometimes(target string, f ...simulator.Fault) func(*simulator.World) {
	return func(w *simulator.World) {
		w.Faults.Next(target, 1, f...)
		w.Faults.Sometimes(target, 0.5, f...)
	}
}

var upstreamFaults = []upstreamFault{
	{"WeChat slow", always(pathSend, simulator.Delay(4*time.Second)), false},
	{"WeChat slower than a send may be", sometimes(pathSend, simulator.Delay(time.Minute)), true},
	{"WeChat lost", sometimes(pathSend, simulator.Lose()), true},
	{"WeChat refusing connections", always(pathSend, simulator.Refuse()), false},
	{"WeChat 502", sometimes(pathSend, simulator.HTTPStatus(502)), true},
	{"WeChat half answered", sometimes(pathSend, simulator.HalfAnswer()), true},
	{"WeChat lying: shown, and no answer", sometimes(pathSend, simulator.DropAfterSuccess()), true},
	{"WeChat empty", sometimes(pathSend, simulator.EmptyBody()), true},
	{"WeChat HTML", sometimes(pathSend, simulator.Garbage()), true},
	{"WeChat busy", sometimes(pathSend, simulator.Code(-1)), false},
	{"WeChat 45011", sometimes(pathSend, simulator.Code(45011)), false},
	{"WeChat 45009", sometimes(pathSend, simulator.Code(45009)), false},
	{"WeChat's reports twice, and late", func(w *simulator.World) {
		sometimes(pathSend, simulator.DropAfterSuccess())(w)
		w.Faults.Always("push:subscribe_msg_sent_event", simulator.Duplicate(), simulator.Delay(20*time.Second))
	}, true},
	{"WeChat's reports lost", func(w *simulator.World) {
		sometimes(pathSend, simulator.DropAfterSuccess())(w)
		w.Faults.Always("push:subscribe_msg_sent_event", simulator.Lose())
	}, true},
	{"tokens refused", func(w *simulator.World) { w.WeChat.InvalidateToken() }, false},
	{"tokens refused again and again", sometimes(pathSend, simulator.Code(40001)), false},
	{"tokens not to be had", always(pathToken, simulator.HTTPStatus(500)), false},
	{"tokens slow", always(pathToken, simulator.Delay(4*time.Second)), false},
	{"IM slow", always("/v4/*", simulator.Delay(4*time.Second)), false},
	{"IM lost", always("/v4/*", simulator.Lose()), false},
	{"IM refusing connections", always("/v4/*", simulator.Refuse()), false},
	{"IM 502", always("/v4/*", simulator.HTTPStatus(502)), false},
	{"IM half answered", sometimes("/v4/*", simulator.HalfAnswer()), false},
	{"IM HTML", always("/v4/*", simulator.Garbage()), false},
	{"IM empty", sometimes("/v4/*", simulator.EmptyBody()), false},
	{"IM 60008", always("/v4/*", simulator.Code(60008)), false},
	{"IM limiting", sometimes("/v4/*", simulator.Code(60014)), false},
	{"callbacks twice and out of order", func(w *simulator.World) {
		w.Faults.Sometimes("callback:*", 0.5, simulator.Duplicate())
		w.Faults.Sometimes("callback:*", 0.5, simulator.Reorder())
	}, false},
	{"pushes twice, out of order and unheard", func(w *simulator.World) {
		w.Faults.Sometimes("push:*", 0.4, simulator.Duplicate())
		w.Faults.Sometimes("push:*", 0.4, simulator.Reorder())
		w.Faults.Sometimes("push:*", 0.4, simulator.DropAfterSuccess())
	}, false},
}

// Whatever WeChat and IM do, a message is told once at most and ends once, no permit is lost
// but for cards of which nobody can know, and when they are well again all is told.
func TestUpstream(t *testing.T) {
	for _, f := range upstreamFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t)
				w.pass(15*time.Hour + 45*time.Minute) // a bubble begins at midnight, UTC: soon it is Beijing's
				w.populate(trust.Size(5, 5, 40))
				w.host()
				before, began := w.sim.Record.Count(pathToken), time.Now()
				f.strike(w.sim)
				for round := range trust.Size(1, 1, 2) { // a timeline holds a hundred steps of a person
					w.live(round)
					w.pass(90 * time.Second)
				}
				w.within(budgets)
				sends, tokens, lasted := w.sim.Record.Count(pathSend), w.sim.Record.Count(pathToken)-before, time.Since(began)
				w.sim.Faults.Clear()
				w.settle(2 * time.Hour)
				w.quit()
				w.pass(time.Minute)
				w.wantSound()
				t.Logf("%d sends and %d tokens while it lasted", sends, tokens)
				w.wantNoStorm(f.name, tokens, lasted)
				w.wantUnknown(f)
			})
		})
	}
}

// wantNoStorm wants one to fetch the token for all, whose lease is 10 s.
func (b *bubble) wantNoStorm(name string, tokens int, lasted time.Duration) {
	b.t.Helper()
	most := 2
	if strings.HasPrefix(name, "tokens") {
		most += int(lasted / (10 * time.Second))
	}
	if tokens > most {
		b.t.Errorf("%d tokens were fetched, want %d at most", tokens, most)
	}
}

// wantUnknown wants cards to be unknown only where nobody can know, and there to show that they
// can be.
func (b *bubble) wantUnknown(f upstreamFault) {
	b.t.Helper()
	v := b.judge()
	if n := v.states[fact.StateUnknown]; n > 0 && !f.unknown {
		b.t.Errorf("%d messages ended unknown", n)
	}
	if b.log.Lines("card not delivered") == nil && f.unknown {
		b.t.Error("no card was struck: this shows nothing")
	}
}
