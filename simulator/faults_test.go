package simulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/simulator"
)

const pathSend = "/cgi-bin/message/subscribe/send"

// TestFaultsOfCalls sends one card under each fault, through memory and over TCP.
func TestFaultsOfCalls(t *testing.T) {
	type seen struct {
		status int
		body   string // part of it
		err    error  // over memory
		cards  int
	}
	for name, tt := range map[string]struct {
		fault simulator.Fault
		want  seen
	}{
		"none":               {simulator.Delay(0), seen{200, `"errcode":0`, nil, 1}},
		"refuse":             {simulator.Refuse(), seen{0, "", syscall.ECONNREFUSED, 0}},
		"drop after success": {simulator.DropAfterSuccess(), seen{0, "", io.EOF, 1}},
		"code":               {simulator.Code(43108), seen{200, `"errcode":43108`, nil, 0}},
		"status":             {simulator.HTTPStatus(502), seen{502, "<html>", nil, 0}},
		"half answer":        {simulator.HalfAnswer(), seen{200, `{"errcode"`, io.ErrUnexpectedEOF, 1}},
		"garbage":            {simulator.Garbage(), seen{200, "<!DOCTYPE", nil, 1}},
		"empty body":         {simulator.EmptyBody(), seen{200, "", nil, 1}},
		"duplicate":          {simulator.Duplicate(), seen{200, `"errcode":0`, nil, 2}},
	} {
		for _, over := range []string{"memory", "tcp"} {
			t.Run(name+" over "+over, func(t *testing.T) {
				s := newFixture(t)
				s.subscribed(3)
				token, _ := s.stable()
				if over == "tcp" {
					srv := httptest.NewServer(s.World)
					t.Cleanup(srv.Close)
					s.base, s.client = srv.URL, srv.Client()
				}
				s.Faults.Next(pathSend, 1, tt.fault)
				status, body, err := s.exchange("POST", pathSend+"?access_token="+token, sendBody(t, user, templateID, legal))
				if status != tt.want.status || !strings.Contains(string(body), tt.want.body) {
					t.Errorf("got status %d and %q, want %+v", status, body, tt.want)
				}
				if over == "memory" && !errors.Is(err, tt.want.err) || (err == nil) != (tt.want.err == nil) {
					t.Errorf("got error %v, want %v", err, tt.want.err)
				}
				if n := len(s.WeChat.Cards(user)); n != tt.want.cards {
					t.Errorf("%d cards, want %d", n, tt.want.cards)
				}
				if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 0 {
					t.Errorf("the fault struck twice: %d", got)
				}
			})
		}
	}
}

func TestFaultsOfIMCalls(t *testing.T) {
	s := newFixture(t)
	s.Faults.Next("/v4/*", 2, simulator.Code(60007))
	for i, want := range []int64{60007, 60007, 0} {
		if m := s.rest("openim/query_online_status", `{"To_Account":["administrator"]}`); number(t, m, "ErrorCode") != want {
			t.Errorf("call %d: got %v, want %d", i, m, want)
		}
	}
}

func TestWrittenOrNot(t *testing.T) {
	s := newFixture(t)
	for name, tt := range map[string]struct {
		fault simulator.Fault
		want  bool
	}{
		"refused": {simulator.Refuse(), false},
		"dropped": {simulator.DropAfterSuccess(), true},
	} {
		t.Run(name, func(t *testing.T) {
			s.Faults.Next("/cgi-bin/getcallbackip", 1, tt.fault)
			wrote := false
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				WroteRequest: func(httptrace.WroteRequestInfo) { wrote = true },
			})
			r, err := http.NewRequestWithContext(ctx, "GET", "http://api.test/cgi-bin/getcallbackip", nil)
			if err != nil {
				t.Fatal(err)
			}
			if res, err := s.client.Do(r); err == nil {
				res.Body.Close()
				t.Error("no error")
			}
			if wrote != tt.want {
				t.Errorf("the trace says written %t, want %t", wrote, tt.want)
			}
		})
	}
}

func TestDelayAndLose(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{"delay": simulator.Delay(10 * time.Second), "lose": simulator.Lose()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFixture(t, realClock)
				s.subscribed(1)
				token, _ := s.stable()
				s.Faults.Next(pathSend, 1, fault)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				r, err := http.NewRequestWithContext(ctx, "POST", "http://api.test"+pathSend+"?access_token="+token,
					strings.NewReader(sendBody(t, user, templateID, legal)))
				if err != nil {
					t.Fatal(err)
				}
				if res, err := s.client.Do(r); !errors.Is(err, context.DeadlineExceeded) {
					res.Body.Close()
					t.Errorf("got %v, want the deadline", err)
				}
				want := 1 // a delayed call takes effect
				if name == "lose" {
					want = 0
				}
				if n := len(s.WeChat.Cards(user)); n != want {
					t.Errorf("%d cards, want %d", n, want)
				}
				synctest.Wait()
				xs := s.Record.Exchanges(pathSend)
				if len(xs) != 1 || xs[0].Err == "" || xs[0].Fault == "" {
					t.Errorf("record %+v", xs)
				}
			})
		})
	}
}

func TestReorderCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, realClock)
		s.subscribed(2)
		s.stable()
		s.Faults.Next(pathSend, 1, simulator.Reorder())
		first := make(chan map[string]any)
		values := func(v string) map[string]string {
			return map[string]string{"thing1": v, "thing2": "x", "number3": "1", "time4": "10:00"}
		}
		go func() { first <- s.send(sendBody(t, user, templateID, values("first"))) }()
		synctest.Wait()
		s.send(sendBody(t, user, templateID, values("second")))
		<-first
		var order []string
		for _, c := range s.WeChat.Cards(user) {
			order = append(order, c.Value("thing1"))
		}
		if strings.Join(order, " ") != "second first" {
			t.Errorf("cards in order %q", order)
		}
	})
}

func TestFaultsOfDeliveries(t *testing.T) {
	const target = "push:subscribe_msg_change_event"
	for name, tt := range map[string]struct {
		fault simulator.Fault
		// arrivals are the seconds after which the push arrives.
		arrivals []int
	}{
		"none":               {simulator.Delay(0), []int{0}},
		"delay":              {simulator.Delay(3 * time.Second), []int{3}},
		"refuse":             {simulator.Refuse(), []int{5}},
		"lose":               {simulator.Lose(), nil},
		"drop after success": {simulator.DropAfterSuccess(), []int{0, 5}},
		"code":               {simulator.Code(1), []int{0, 5}},
		"status":             {simulator.HTTPStatus(500), []int{0, 5}},
		"half answer":        {simulator.HalfAnswer(), []int{0, 5}},
		"garbage":            {simulator.Garbage(), []int{0, 5}},
		"empty body":         {simulator.EmptyBody(), []int{0, 5}},
		"duplicate":          {simulator.Duplicate(), []int{0, 0}},
		"reorder, alone":     {simulator.Reorder(), []int{10}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			s.Faults.Next(target, 1, tt.fault)
			s.WeChat.SwitchOff(user, templateID)
			var got []int
			for second := range 60 {
				for range s.inbox.take() {
					got = append(got, second)
				}
				s.clock.Advance(time.Second)
			}
			if len(got) != len(tt.arrivals) {
				t.Fatalf("arrived at %v, want %v", got, tt.arrivals)
			}
			for i := range got {
				if got[i] != tt.arrivals[i] {
					t.Errorf("arrived at %v, want %v", got, tt.arrivals)
				}
			}
		})
	}
}

func TestReorderDeliveries(t *testing.T) {
	s := newFixture(t)
	s.Faults.Next("callback:*", 1, simulator.Reorder())
	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.none()
	s.IM.Import("jared", "")
	if _, err := s.IM.SendC2C("jared", "tommy", simulator.Text("hi")); err != nil {
		t.Fatal(err)
	}
	got := names(s.inbox.take())
	if want := "/imcallback C2C.CallbackAfterSendMsg, /imcallback State.StateChange"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	s.Faults.Next("callback:*", 1, simulator.Reorder())
	s.IM.Kill("tommy")
	s.none()
	s.Faults.Clear()
	s.one()
}

func TestFaultRules(t *testing.T) {
	s := newFixture(t)
	token, _ := s.stable()
	ask := func() int64 { return code(t, s.call("GET", "/cgi-bin/getcallbackip?access_token="+token, "")) }
	want := func(what string, codes ...int64) {
		t.Helper()
		for i, w := range codes {
			if got := ask(); got != w {
				t.Errorf("%s, call %d: got %d, want %d", what, i, got, w)
			}
		}
	}
	s.Faults.Always("/cgi-bin/*", simulator.Code(-1))
	s.Faults.Next("/cgi-bin/getcallbackip", 1, simulator.Code(45011))
	s.Faults.Next("/cgi-bin/getcallbackip", 1, simulator.Code(45009))
	s.Faults.Next("/cgi-bin/getcallbackip", 0, simulator.Code(1))
	want("next before always", 45011, 45009, -1, -1)
	s.Faults.Clear()
	want("cleared", 0)
	s.Faults.Always("/v4/*", simulator.Code(1))
	want("another target", 0)

	s.Faults.Sometimes("/cgi-bin/getcallbackip", 0.5, simulator.Code(-1))
	struck := 0
	for range 200 {
		if ask() == -1 {
			struck++
		}
	}
	if struck < 60 || struck > 140 {
		t.Errorf("a chance of one half struck %d of 200", struck)
	}
}
