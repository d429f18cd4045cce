package simulator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

// deaf is a receiver that never answers.
type deaf struct{ arrived func() }

func (d deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	d.arrived()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestReceiversHaveLittleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var arrivals []time.Duration
		s := newFixture(t, realClock, func(c *simulator.Config) {
			c.IM.CallbackRetries = 1
			c.HTTPClient = &http.Client{Transport: deaf{func() {
				mu.Lock()
				defer mu.Unlock()
				arrivals = append(arrivals, time.Since(began))
			}}}
		})
		check := func(what string, name string, want []time.Duration, latency time.Duration) {
			t.Helper()
			<-time.After(time.Minute)
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(want, arrivals); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			for _, x := range s.Record.Exchanges(name) {
				if x.Latency != latency || x.Err != "no answer in time" || x.Status != 0 {
					t.Errorf("%s: %+v", what, x)
				}
			}
			arrivals, began = nil, time.Now()
		}
		s.WeChat.SwitchOff(user, templateID)
		check("push", "push:*", []time.Duration{0, 5 * time.Second, 10 * time.Second}, 5*time.Second)
		s.IM.SignIn("tommy", simulator.MiniProgram)
		check("callback", "callback:*", []time.Duration{0, 5 * time.Second}, 2*time.Second)
	})
}

func TestDrainWaitsForWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, realClock)
		s.inbox.reply(func(delivered) (int, string, error) {
			<-time.After(time.Second)
			return 200, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`, nil
		})
		began := time.Now()
		s.IM.SignIn("tommy", simulator.MiniProgram)
		if time.Since(began) != 0 {
			t.Error("SignIn waited for the callback")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain within a millisecond: %v", err)
		}
		if err := s.Drain(t.Context()); err != nil || time.Since(began) != time.Second {
			t.Errorf("Drain: %v after %v", err, time.Since(began))
		}
		s.callback("State.StateChange")
	})
}

func TestFailuresAreLoggedWithoutSecrets(t *testing.T) {
	var text bytes.Buffer
	s := newFixture(t, func(c *simulator.Config) {
		c.HTTPClient = nil
		c.IM.CallbackURL = "http://127.0.0.1:1/imcallback" // nobody listens there
		c.Log = slog.New(slog.NewTextHandler(&text, nil))
	})
	s.IM.Import("tommy", "")
	s.text("jared", "tommy", "confidential")
	if !strings.Contains(text.String(), "delivery failed") || !strings.Contains(text.String(), "C2C.CallbackAfterSendMsg") {
		t.Errorf("the log says %q", &text)
	}
	for _, hidden := range []string{"Sign=", "RequestTime", "confidential", callToken} {
		if strings.Contains(text.String(), hidden) {
			t.Errorf("the log shows %q: %s", hidden, &text)
		}
	}
}

// play has people meet and returns all that was seen of it.
func play(t *testing.T, seed uint64) []string {
	t.Helper()
	s := newFixture(t, func(c *simulator.Config) { c.Seed = seed })
	var lines []string
	defer s.OnEvent(func(e simulator.Event) {
		e.Latency = 0 // the machine's clock
		lines = append(lines, e.At.Sub(start).String()+" "+e.String())
	})()
	s.Faults.Sometimes("callback:*", 0.3, simulator.Duplicate())
	for i := range 20 {
		who := fmt.Sprintf("u%d", i%3)
		s.IM.SignIn(who, simulator.MiniProgram)
		s.IM.Background(who)
		s.text("jared", who, "hi")
		s.clock.Advance(7 * time.Second)
	}
	for _, d := range s.inbox.take() {
		lines = append(lines, d.raw+" "+string(d.body))
	}
	return lines
}

func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	first := play(t, 7)
	if diff := cmp.Diff(first, play(t, 7)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(first, play(t, 8)) {
		t.Error("another seed gives the same run")
	}
}

// TestManyAtOnce is for the race detector: everybody does everything.
func TestManyAtOnce(t *testing.T) {
	s := newFixture(t, realClock, func(c *simulator.Config) { c.WeChat.SentDelay = time.Millisecond })
	s.Faults.Sometimes("callback:*", 0.2, simulator.Reorder())
	s.Faults.Sometimes("push:*", 0.2, simulator.Duplicate())
	defer s.OnEvent(func(simulator.Event) {})()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			who, openID := fmt.Sprintf("u%d", i), s.WeChat.NewUser()
			for range 10 {
				s.IM.SignIn(who, simulator.MiniProgram)
				s.IM.SendC2C(fmt.Sprintf("u%d", (i+1)%8), who, simulator.Text("hi"))
				s.IM.Background(who)
				s.IM.Read(who, fmt.Sprintf("u%d", (i+1)%8))
				s.WeChat.TapDialog(openID, answers{templateID: simulator.Accept})
				s.send(sendBody(t, openID, templateID, legal))
				s.rest("openim/query_online_status", `{"To_Account":["`+who+`"]}`)
			}
			if cards := len(s.WeChat.Cards(openID)); cards != 10 {
				t.Errorf("%s has %d cards, want 10", who, cards)
			}
		})
	}
	wg.Wait()
	s.drain()
	s.Faults.Clear() // lets go what Reorder still holds
	s.drain()
	if n := s.Record.Count("callback:C2C.CallbackAfterSendMsg"); n != 80 {
		t.Errorf("%d messages were told of, want 80", n)
	}
}

func (s *fixture) drain() {
	s.t.Helper()
	if err := s.Drain(s.t.Context()); err != nil {
		s.t.Error(err)
	}
}
