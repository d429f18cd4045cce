package deliver_test

import (
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

func permitRows() []row {
	report := func(s *system, at time.Time) {
		s.accept(fact.Fact{Grant: &fact.Grant{ID: fmt.Sprint("report", at.UnixMilli()), OpenID: "o-tom", Source: fact.GrantReport, At: at,
			Templates: []fact.TemplateID{"message"}}})
	}
	return []row{
		{rule: "popup and report of one tap, within 2 min: one permit",
			want: "1 left", do: func(s *system) { report(s, s.clock.Now().Add(2*time.Minute)) }},
		{rule: "the report first", has: none, want: "1 left", do: func(s *system) {
			report(s, s.clock.Now().Add(-time.Minute))
			s.has(1)
		}},
		{rule: "what is unpaired counts alone", want: "2 left, WeChat has 1", do: func(s *system) { report(s, s.clock.Now().Add(-121*time.Second)) }},
		{rule: "they pair one to one", want: "2 left, WeChat has 1", do: func(s *system) {
			report(s, s.clock.Now())
			report(s, s.clock.Now().Add(time.Second))
		}},
		{rule: "an always-keep tap gives no event: the report is the only source", has: none, want: "1 left", do: func(s *system) {
			s.wx.SilentAccept("o-tom", "message")
			report(s, s.clock.Now())
		}},
		{rule: "a dialog's reject grants nothing and removes nothing", want: "1 left",
			do: func(s *system) { s.wx.TapDialog("o-tom", map[string]simulator.Answer{"message": simulator.Reject}) }},
		{rule: "a change event zeroes the balance", has: 3, want: "0 left", do: func(s *system) {
			s.run(time.Second)
			s.wx.SwitchOff("o-tom", "message")
		}},
		{rule: "but only grants older than the event", has: 3, then: 3 * time.Minute, want: "1 left", do: func(s *system) {
			s.run(time.Second)
			s.sim.Faults.Next("push:subscribe_msg_change_event", 1, simulator.Delay(5*time.Minute))
			s.wx.SwitchOff("o-tom", "message")
			s.run(3 * time.Minute)
			s.wx.SwitchOn("o-tom", "message")
			s.wx.SilentAccept("o-tom", "message")
			report(s, s.clock.Now())
		}},
		{rule: "a grant heard of after a newer change event is void", has: none, then: 2 * time.Minute, want: "0 left", do: func(s *system) {
			s.sim.Faults.Next("push:subscribe_msg_popup_event", 1, simulator.Delay(time.Minute))
			s.has(1)
			s.run(time.Second)
			s.wx.SwitchOff("o-tom", "message")
		}},
		{rule: "43101 zeroes the balance; drift is counted", has: 3, want: "asked +3s; card 1: 43101 +3s; a no permit; 0 left, drift 1",
			do: func(s *system) {
				s.wx.MainSwitch("o-tom", false)
				s.say("a")
			}},
		{rule: "43101 spares grants newer than the reserve", has: 3, want: "asked +3s; card 1: 43101 +3s; a no permit; 1 left, drift 1",
			do: func(s *system) {
				s.wx.MainSwitch("o-tom", false)
				s.say("a")
				s.during = func() {
					s.clock.Advance(2 * time.Second)
					s.wx.MainSwitch("o-tom", true)
					s.has(1)
				}
			}},
		{rule: "long-term templates have no count", has: none, then: time.Hour,
			want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; asked +20m3s; card 1 +20m3s; a b c delivered; 1 left",
			do: func(s *system) {
				s.t.Must(s.wx.AddTemplate(simulator.Template{ID: "message", Title: "t-message", Content: "条数:{{number3.DATA}}", LongTerm: true}))
				s.use(map[fact.Kind]card.TemplateSpec{fact.KindMessage: {ID: "message", LongTerm: true, Data: map[string]string{"number3": "{{.Count}}"}}})
				s.has(1)
				s.told("a")
				s.say("b")
				s.run(6 * time.Minute)
				s.say("c")
			}},
		{rule: "no permit when reserve runs: final", has: none, want: "asked +3s; a no permit; 0 left", do: func(s *system) { s.say("a") }},
		{rule: "a permit that came while it waited", has: none, want: "asked +3s; card 1 +3s; a delivered; 0 left", do: func(s *system) {
			s.say("a")
			s.run(time.Second)
			s.has(1)
		}},
		{rule: "no card is sent that would exceed the rate of one user", has: 4, then: 2 * time.Hour,
			want: "asked +3s; card 1 +3s; asked +1m3s; too_many +1m3s; asked +1h0m3s; card 1 +1h0m3s; a b delivered; 2 left",
			do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.UserSendsPerHour = 1; r.DigestSteps = []time.Duration{time.Minute} })
				s.say("a")
				s.run(30 * time.Second)
				s.say("b")
			}},
	}
}

func outcomeRows() []row {
	rows := []row{
		{rule: "0: delivered, spent; the sent event confirms", then: time.Hour, want: "asked +3s; card 1 +3s; a delivered; 0 left",
			do: func(s *system) { s.say("a") }},
		{rule: "0: the sent event corrects", then: time.Hour, want: "asked +3s; card 1 +3s; a delivered, then refused (reported); 0 left",
			do: func(s *system) {
				s.wx.FailSent("o-tom", "1", "failed")
				s.say("a")
			}},
		{rule: "40001: a new token, and once more", has: 3, want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a b delivered; 1 left",
			do: func(s *system) {
				s.told("a")
				s.wx.InvalidateToken()
				s.say("b")
				s.run(time.Hour)
				if n := s.sim.Record.Count("/cgi-bin/stable_token"); n != 2 {
					s.t.Errorf("%d tokens were fetched, want 2", n)
				}
			}},
		{rule: "42001: the same", has: 3, then: time.Hour, want: "asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a b delivered; 1 left",
			do: func(s *system) {
				s.told("a")
				s.wx.ExpireToken()
				s.say("b")
			}},
		{rule: "45011: from the next minute on", grain: 10 * time.Second, then: time.Hour,
			want: "asked +0s; card 1: 45011 +0s; asked +1m; card 1 +1m; a delivered; 0 left", do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(45011))
				s.say("a")
			}},
		{rule: "45009: the queue is kept until the next quota day (Beijing)", grain: 10 * time.Minute, then: 5 * time.Hour,
			want: "asked +0s; card 1: 45009 +0s; quota_day +0s; asked +4h; card 2 +4h; a b delivered; 0 left", do: func(s *system) {
				s.wx.SetQuota(pathSend, simulator.Quota{Daily: 1})
				s.sim.Faults.Next(pathSend, 1, simulator.Code(45009))
				s.say("a")
				s.run(10 * time.Minute)
				s.say("b")
			}},
		{rule: "45009, and no quota for as long as it lived: quota", grain: time.Hour, then: 6 * time.Hour,
			want: "asked +0s; card 1: 45009 +0s; quota_day +0s; asked +1h; a quota (quota_day); 1 left", do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.TTL = time.Hour })
				s.sim.Faults.Next(pathSend, 1, simulator.Code(45009))
				s.say("a")
			}},
		{rule: "40003: zeroed, and unusable until the next login",
			want: "asked +3s; card 1: 40003 +3s; asked +1m3s +2m3s; card 1 +2m3s; a b refused (gone); c delivered; 0 left",
			do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(40003))
				s.told("a")
				s.wx.MainSwitch("o-tom", false) // WeChat has nothing either
				s.wx.MainSwitch("o-tom", true)
				s.told("b")
				s.bind(tom)
				s.has(1)
				s.say("c")
			}},
		{rule: "45168: once more with neutral text", want: "asked +3s; card 1: 45168 +3s; asked +3s; card 1 +3s; a delivered; 0 left",
			do: func(s *system) {
				s.wx.SetSensitiveWords("Anna")
				s.say("a")
			}},
		{rule: "and only that card is neutral", has: 3,
			want: "asked +3s; card 1: 45168 +3s; asked +3s; card 1 +3s; asked +5m3s; card 1 +5m3s; a b delivered; 1 left",
			do: func(s *system) {
				s.wx.SetSensitiveWords("Anna")
				s.told("a")
				s.wx.SetSensitiveWords()
				s.say("b")
				s.run(time.Hour)
				if last := s.cards[len(s.cards)-1].Data["thing1"]; last != "Anna" {
					s.t.Errorf("the next card says %q", last)
				}
			}},
		{rule: "a dead letter that an operator replays reserves a permit anew",
			want: "asked +3s; card 1: 47001 +3s; asked +1h; card 1 +1h; a dead, then delivered; 0 left; alert (defect)", do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(47001))
				s.say("a")
				s.run(time.Hour)
				letters, err := s.store.DeadLetters(s.t.Context(), 10)
				s.t.Must(err)
				for _, l := range letters {
					_, err := s.store.Replay(s.t.Context(), l.User, l.ID)
					s.t.Must(err)
				}
			}},
		{rule: "45168 twice: dead letter",
			want: "asked +3s; card 1: 45168 +3s; asked +3s; card 1: 45168 +3s; a dead (attempts); letter (wording); 1 left",
			do: func(s *system) {
				s.sim.Faults.Always(pathSend, simulator.Code(45168))
				s.say("a")
			}},
		{rule: "47003: dead letter, with the keyword named", has: none,
			want: "asked +3s; card 1: 47003 +3s; a dead; letter (defect); 1 left; alert (defect)", do: func(s *system) {
				s.t.Must(s.wx.AddTemplate(simulator.Template{ID: "message", Title: "t-message", Content: "条数:{{number3.DATA}}\n时间:{{time9.DATA}}"}))
				s.use(map[fact.Kind]card.TemplateSpec{fact.KindMessage: {ID: "message", Data: map[string]string{"number3": "{{.Count}}"}}})
				s.has(1)
				s.told("a")
				letters, err := s.store.DeadLetters(s.t.Context(), 1)
				s.t.Must(err)
				if len(letters) != 1 || !strings.Contains(letters[0].Cause, "time9") {
					s.t.Errorf("letters %+v, want one that names time9", letters)
				}
			}},
		{rule: "47001: dead letter",
			want: "asked +3s; card 1: 47001 +3s; asked +1m3s; card 1: 47001 +1m3s; a b dead; letter (defect); 1 left; alert (defect)",
			do: func(s *system) {
				s.sim.Faults.Always(pathSend, simulator.Code(47001))
				s.told("a")
				s.told("b")
			}},
		{rule: "timeout, reset: unknown, no second send; the sent event settles it",
			want: "asked +3s; card 1: unknown +3s; a delivered (reported); 0 left",
			do:   answers(simulator.DropAfterSuccess())},
		{rule: "an empty 200: the same", want: "asked +3s; card 1: unknown +3s; a delivered (reported); 0 left", do: answers(simulator.EmptyBody())},
		{rule: "an unreadable 200: the same",
			want: "asked +3s; card 1: unknown +3s; a delivered (reported); 0 left", do: answers(simulator.Garbage())},
		{rule: "half an answer: the same",
			want: "asked +3s; card 1: unknown +3s; a delivered (reported); 0 left", do: answers(simulator.HalfAnswer())},
		{rule: "unknown, and the sent event says that it failed", want: "asked +3s; card 1: unknown +3s; a refused (reported); 0 left",
			do: func(s *system) {
				s.wx.FailSent("o-tom", "1", "failed")
				answers(simulator.DropAfterSuccess())(s)
			}},
		{rule: "5xx, and no sent event: after unknown_after it counts as spent",
			want: "asked +3s; card 1: unknown +3s; a unknown (no_report); 0 left, WeChat has 1",
			do:   answers(simulator.HTTPStatus(502))},
		{rule: "cannot connect: refunded, backoff", grain: -1,
			want: "asked; card 1: unreached; asked; card 1: unreached; asked; card 1; a delivered; 0 left", do: func(s *system) {
				s.sim.Faults.Next(pathSend, 2, simulator.Refuse())
				s.say("a")
			}},
		{rule: "any other code: bounded retry, then dead letter", grain: -1,
			want: strings.Repeat("asked; card 1: 99999; ", 8) + "a dead (attempts); letter (unlisted); 1 left", do: sends(99999)},
		{rule: "-1 for ever: bounded retry, then dead letter", grain: -1,
			want: strings.Repeat("asked; card 1: -1; ", 8) + "a dead (attempts); letter (retry); 1 left", do: sends(-1)},
		{rule: "retry inside the time to live", grain: -1, want: "asked; card 1: -1; asked; a expired; 1 left", do: func(s *system) {
			s.rules(func(r *notify.Rules) { r.TTL, r.Retry.First = time.Minute, 2*time.Minute })
			sends(-1)(s)
		}},
	}
	rows = append(rows, circuitRows()...)
	for _, code := range []int{40014, 41001} {
		rows = append(rows, row{rule: fmt.Sprintf("%d: the same", code), want: "asked +3s; card 1 +3s; a delivered; 0 left", do: func(s *system) {
			s.sim.Faults.Next(pathSend, 1, simulator.Code(code))
			s.told("a")
			if sends, tokens := s.sim.Record.Count(pathSend), s.sim.Record.Count("/cgi-bin/stable_token"); sends != 2 || tokens != 2 {
				s.t.Errorf("%d sends and %d tokens, want 2 and 2", sends, tokens)
			}
		}})
	}
	for _, code := range []int{-1, 43108} {
		rows = append(rows, row{rule: fmt.Sprintf("%d: refunded, backoff", code), grain: -1,
			want: fmt.Sprintf("asked; card 1: %d; asked; card 1: %d; asked; card 1; a delivered; 0 left", code, code), do: func(s *system) {
				s.sim.Faults.Next(pathSend, 2, simulator.Code(code))
				s.say("a")
			}})
	}
	for _, code := range []int{40013, 40037, 41030, 43107, 48001, 40164, 40243, 89503} {
		class := "operator"
		if code == 40037 || code == 41030 || code == 43107 {
			class = "template"
		}
		rows = append(rows, row{rule: fmt.Sprintf("%d: that template or the app stops; an alert names the cure", code), has: 2,
			want: fmt.Sprintf("asked +3s; card 1: %d +3s; operator +3s; asked +10m3s; card 2 +10m3s; a b delivered; 1 left; alert (%s)", code, class),
			do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(code))
				s.told("a")
				s.say("b")
				s.run(time.Hour)
				for _, a := range s.alerts {
					if !strings.Contains(a, ": ") || strings.HasSuffix(a, "see the error") {
						s.t.Errorf("alert %q names no cure", a)
					}
				}
			}})
	}
	return rows
}

// circuitRows are about what is not tried for a while, and what is tried again.
func circuitRows() []row {
	ownCalls := func(s *system) {
		s.templates(fact.KindMessage, fact.KindCall)
		s.t.Must(s.wx.Subscribe("o-tom", "call", 1))
	}
	return []row{
		{rule: "a template that WeChat refuses stops no other",
			want: "asked +3s; card 1: 43107 +3s; operator +3s; asked +1m; call card 1 +1m; a waits; call delivered; 1 left; 0 call left; alert (template)",
			do: func(s *system) {
				ownCalls(s)
				s.t.Must(s.wx.BanTemplate("message", true))
				s.told("a")
				s.ring("call", false)
			}},
		{rule: "but an app that it refuses stops all",
			want: "asked +3s; card 1: 40013 +3s; operator +3s; asked +1m; operator +1m; a waits; call ended (timed_out); 1 left; 1 call left; alert (operator)",
			do: func(s *system) {
				ownCalls(s)
				s.sim.Faults.Always(pathSend, simulator.Code(40013))
				s.told("a")
				s.ring("call", false)
			}},
		{rule: "and so does a quota that is used up",
			want: "asked +3s; card 1: 45009 +3s; quota_day +3s; asked +1m; quota_day +1m; a waits; call ended (timed_out); 1 left",
			do: func(s *system) {
				s.sim.Faults.Always(pathSend, simulator.Code(45009))
				s.told("a")
				s.ring("call", false)
			}},
		{rule: "what is refused is tried again each retry.max, also if that is less than a minute", then: 23 * time.Second, grain: -1,
			want: strings.Repeat("asked; card 1: 40013; operator; ", 4) + "a waits; 1 left; alert (operator)",
			do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.Retry.Max = 5 * time.Second })
				s.sim.Faults.Always(pathSend, simulator.Code(40013))
				s.say("a")
			}},
		{rule: "by one of all instances", then: 10 * time.Minute, grain: time.Minute,
			want: "asked +0s; card 1: 40013 +0s; operator +0s; asked +10m; operator +10m; asked +11m; operator +11m; asked +15m; card 1 +15m; " +
				"a delivered; 0 left; alert (operator)",
			do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(40013))
				s.told("a")
				s.run(8 * time.Minute)
				s.whenAsked(func() { // another does just then
					_, err := s.store.TryCircuit(s.t.Context(), notify.CircuitApp, 5*time.Minute)
					s.t.Must(err)
				})
			}},
		{rule: "a card that fell back shows nothing of its own template", has: 5,
			want: "asked +0s; call card 1: 43107 +0s; operator +0s; asked +11m; card 1 +11m; asked +11m10s; operator +11m10s; " +
				"first ended (timed_out); second delivered; third ended (timed_out); 4 left; 0 call left, WeChat has 1; alert (template)", do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.Calls = notify.CallsAlways })
				ownCalls(s)
				s.t.Must(s.wx.BanTemplate("call", true))
				s.ring("first", false)
				s.run(11 * time.Minute)
				s.wx.SwitchOff("o-tom", "call")
				s.ring("second", false)
				s.run(10 * time.Second)
				s.t.Must(s.wx.BanTemplate("call", false))
				s.wx.SwitchOn("o-tom", "call")
				s.t.Must(s.wx.Subscribe("o-tom", "call", 1))
				s.ring("third", false)
			}},
		{rule: "waiting for an operator uses up no attempt", then: time.Hour, grain: -1,
			want: strings.Repeat("asked; card 1: 40013; operator; ", 3) + "asked; card 1: -1; asked; operator; asked; card 1; a delivered; 0 left; alert (operator)",
			do: func(s *system) {
				s.rules(func(r *notify.Rules) { r.Retry.Attempts = 2 })
				s.sim.Faults.Next(pathSend, 3, simulator.Code(40013))
				s.sim.Faults.Next(pathSend, 1, simulator.Code(-1))
				s.say("a")
			}},
		{rule: "a text that WeChat has refused is not sent again, whatever happens in between",
			want: "asked; card 1: 45168; asked; card 1: -1; asked; card 1; a delivered; 0 left", grain: -1, do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(45168))
				s.sim.Faults.Next(pathSend, 1, simulator.Code(-1))
				s.told("a")
				for _, c := range s.cards[1:] {
					if c.Data["thing1"] == "Anna" {
						s.t.Errorf("the card says %v", c.Data)
					}
				}
			}},
		{rule: "IM's silence is waited out once, not before each attempt",
			want: "asked 25x; card 1: -1; asked; card 1: -1; asked; card 1: -1; asked; card 1; a delivered; 0 left", grain: -1, then: 4 * time.Minute,
			do: func(s *system) {
				s.silent = true
				s.sim.Faults.Next(pathSend, 3, simulator.Code(-1))
				s.say("a")
			}},
		{rule: "a run that ends while its card is on the way: never sent again",
			want: "asked +3s; a unknown (stranded); 0 left, WeChat has 1; alert (panic)", then: 5 * time.Minute,
			do: func(s *system) { s.strands("a") }},
		{rule: "and the sent event settles it",
			want: "asked +3s; a delivered (reported); 0 left, WeChat has 1; alert (panic)", then: 5 * time.Minute, do: func(s *system) {
				s.strands("a")
				s.accept(fact.Fact{Sent: &fact.Sent{OpenID: "o-tom", MsgID: 1, Template: "message", At: s.clock.Now()}})
			}},
	}
}

// strands lets anna write to tom, and a run end while the card is on its way.
func (s *system) strands(name string) {
	s.t.Helper()
	s.say(name)
	ends := true
	s.intercept(func(call, _ string) error {
		if ends && call == "send" {
			panic("it ends here")
		}
		return nil
	})
	s.run(4 * time.Second)
	ends = false
}

// sends has WeChat refuse every card with a code.
func sends(code int) func(s *system) {
	return func(s *system) {
		s.sim.Faults.Always(pathSend, simulator.Code(code))
		s.say("a")
		s.run(3 * time.Hour)
	}
}

// answers has the answer to the first card be spoilt.
func answers(fault simulator.Fault) func(s *system) {
	return func(s *system) {
		s.sim.Faults.Next(pathSend, 1, fault)
		s.say("a")
		s.run(time.Hour)
	}
}
