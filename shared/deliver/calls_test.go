package deliver_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/simulator"
)

// A call that rings while a message's card is on its way to the same user is told as soon as that
// card has ended, whatever its template and whoever sends it: WeChat, which refuses a second send
// to a user (43108), never gets one. Both are cards of the absence: the next message waits for the
// second step.
func TestCallWhileACardIsOnItsWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ own, one bool }{
		"one template, two instances":          {false, false},
		"a template of its own, two instances": {true, false},
		"one template, one instance":           {false, true},
		"a template of its own, one instance":  {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			s.has(4)
			if c.own {
				s.templates(fact.KindMessage, fact.KindCall)
				s.t.Must(s.wx.Subscribe("o-tom", "call", 1))
			}
			waits := make(chan struct{}, 1)
			passes := make(chan error, 2)
			pass := func(d deliver.Deliverer) {
				_, err := d.Pass(t.Context())
				passes <- err
			}
			const takes = 200 * time.Millisecond
			s.sim.Faults.Next(pathSend, 1, simulator.Delay(takes))
			begun, ended := make(chan struct{}, 3), make(chan struct{}, 3)
			s.intercept(func(call, _ string) error {
				switch call {
				case "busy":
					select {
					case waits <- struct{}{}:
					default:
					}
				case "send":
					begun <- struct{}{}
				case "send answered":
					ended <- struct{}{}
				}
				return nil
			})
			s.say("message")
			s.clock.Advance(3 * time.Second)
			go pass(*s.deliver)
			<-begun
			for at, ok := s.clock.Next(); !ok || at.After(s.clock.Now().Add(takes)); at, ok = s.clock.Next() {
				runtime.Gosched() // until the simulator has the card
			}
			s.ring("call", false)
			running := 1
			if !c.one {
				running++
				go pass(*s.deliver)
			}
			select {
			case <-waits:
			case <-ended: // it was sent meanwhile
			}
			s.clock.Advance(takes)
			for range running {
				s.t.Must(<-passes)
			}
			if cards := s.wx.Cards("o-tom"); len(cards) != 2 || cards[1].At.Sub(cards[0].At) > takes {
				t.Errorf("the cards: %+v\n%s", cards, s.timeline())
			}
			s.say("next")
			s.run(14 * time.Minute)
			if got := s.summary(0); !strings.Contains(got, "message call delivered; next waits") || strings.Contains(got, "43108") {
				t.Errorf("before the digest: %s\n%s", got, s.timeline())
			}
			s.run(2 * time.Minute)
			if got := s.summary(0); !strings.Contains(got, "message call next delivered") {
				t.Errorf("after it: %s\n%s", got, s.timeline())
			}
		})
	}
}

// While a call's card waits for another to the same user, the call may end: then no card is sent,
// and no permit spent. What else the card was to tell goes on another.
func TestCallEndsWhileItsCardWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		permits  int  // of the template of calls; 0: they fall back to that of messages
		two      bool // call
		answered bool // the first
		mute     bool // the store does not say whether they ring on
		want     string
	}{
		"rings on":               {1, false, false, false, "asked; call card 1; first delivered; 4 left, WeChat has 5; 0 call left"},
		"answered":               {1, false, true, false, "asked; first answered; 4 left, WeChat has 5; 1 call left"},
		"answered, falls back":   {0, false, true, false, "asked; first answered; 4 left, WeChat has 5; 0 call left"},
		"one of two answered":    {1, true, true, false, "asked 2x; call card 1; first answered; second delivered; 4 left, WeChat has 5; 0 call left"},
		"the store does not say": {1, false, true, true, "asked; first answered; 4 left, WeChat has 5; 1 call left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t)
			s.rules(func(r *notify.Rules) { r.Calls = notify.CallsAlways })
			s.templates(fact.KindMessage, fact.KindCall)
			s.has(5)
			if c.permits > 0 {
				s.t.Must(s.wx.Subscribe("o-tom", "call", c.permits))
			}
			other := permit.Reserve{Card: permit.Card{ID: "other-tom", OpenID: "o-tom", User: tom, Template: "message"}, PerHour: 30}
			r, err := s.store.Reserve(t.Context(), other)
			if err != nil || r.Status != permit.ReserveOK {
				t.Fatal(r, err)
			}
			first := s.ring("first", false)
			if c.two {
				id, err := s.im.Ring(simulator.Call{From: "bert", To: []string{tom}})
				s.t.Must(err)
				s.named(fact.MessageID(id), "second")
			}
			var busy sync.Once
			mute := false // the next begin is not answered
			s.intercept(func(call, _ string) error {
				switch {
				case call == "busy":
					busy.Do(func() {
						if c.answered {
							s.t.Must(s.im.Answer(first, tom))
						}
						mute = c.mute
						_, err := s.store.Settle(t.Context(), permit.Settle{Card: permit.Card{ID: other.ID, OpenID: other.OpenID, Template: other.Template},
							End: permit.End{State: permit.CardDelivered, Permit: permit.Spent, Final: fact.StateDelivered}})
						s.t.Must(err)
					})
				case call == "begin" && mute:
					mute = false
					return errLost
				}
				return nil
			})
			s.run(10 * time.Second)
			if got := s.summary(0); !strings.HasPrefix(got, c.want) {
				t.Errorf("\nit went  %s\nwant     %s\n%s", got, c.want, s.timeline())
			}
		})
	}
}

// An error that declares no class is taken for the worst: the card may have been shown.
func TestErrorWithoutAClass(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.has(1)
	s.intercept(func(call, _ string) error { return map[string]error{"send": errors.New("declares nothing")}[call] })
	s.say("a")
	s.run(time.Hour)
	if got := s.summary(0); got != "asked; a unknown (no_report); 0 left, WeChat has 1" {
		t.Errorf("it went: %s", got)
	}
}
