package deliver_test

import (
	"time"

	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

func callRows() []row {
	return []row{
		{rule: "a call rings, offline: send now", want: "asked +0s; card 1 +0s; call delivered; 0 left", play: func(s *stage) {
			s.has(1)
			s.ring("call", false)
			s.run(time.Minute)
		}},
		{rule: "the same, told by the Call product", want: "asked +0s; card 1 +0s; call delivered; 0 left", play: func(s *stage) {
			s.has(1)
			s.ring("call", true)
			s.run(time.Minute)
		}},
		{rule: "online: asked every 5 s until the ring time is over", want: "asked 6x +0s to +25s; call ended (timed_out); 1 left", play: func(s *stage) {
			s.has(1)
			s.in()
			s.ring("call", false)
			s.run(2 * time.Minute)
		}},
		{rule: "online, and on Disconnect", want: "asked +0s +5s +7s; card 1 +7s; call delivered; 0 left", play: func(s *stage) {
			s.has(1)
			s.in()
			s.ring("call", false)
			s.run(7 * time.Second)
			s.im.Kill(tom)
			s.run(time.Minute)
		}},
		{rule: "online, answered", want: "asked +0s +5s; call answered; 1 left", play: func(s *stage) {
			s.has(1)
			s.in()
			id := s.ring("call", false)
			s.run(7 * time.Second)
			s.must(s.im.Answer(id, tom))
			s.im.Kill(tom)
			s.run(time.Minute)
		}},
		{rule: "the same, told by the Call product", want: "asked +0s +5s; call answered; 1 left", play: func(s *stage) {
			s.has(1)
			s.in()
			id := s.ring("call", true)
			s.run(7 * time.Second)
			s.must(s.im.Answer(id, tom))
			s.im.Kill(tom)
			s.run(time.Minute)
		}},
		{rule: "online, rejected", want: "asked +0s +5s; call ended (rejected); 1 left", play: func(s *stage) { s.endsCall(simulator.CallRejected) }},
		{rule: "online, cancelled by the caller", want: "asked +0s +5s; call ended (cancelled); 1 left", play: func(s *stage) { s.endsCall(simulator.CallCancelled) }},
		{rule: "online, in another call", want: "asked +0s +5s; call ended (line_busy); 1 left", play: func(s *stage) { s.endsCall(simulator.CallBusy) }},
		{rule: "IM does not answer, nothing known: send now", want: "asked +0s; card 1 +0s; call delivered; 0 left", play: func(s *stage) {
			s.has(1)
			s.silent = true
			s.ring("call", false)
			s.run(time.Minute)
		}},
		{rule: "over, and a template for missed calls: told once he has gone",
			want: "asked 6x +0s to +25s; asked +45s; missed_call card 1 +45s; call delivered; 1 left; 0 missed_call left", play: func(s *stage) {
				s.templates(notify.KindMessage, notify.KindMissedCall)
				s.has(1)
				s.must(s.wx.Subscribe("o-tom", "missed_call", 1))
				s.in()
				s.ring("call", false)
				s.run(40 * time.Second)
				s.im.Kill(tom)
				s.run(2 * time.Minute)
			}},
		{rule: "over, a template for missed calls, and he stays: he has seen it",
			want: "asked 6x +0s to +25s; asked +1m35s; call came online (online); 1 left; 1 missed_call left", play: func(s *stage) {
				s.templates(notify.KindMessage, notify.KindMissedCall)
				s.has(1)
				s.must(s.wx.Subscribe("o-tom", "missed_call", 1))
				s.in()
				s.ring("call", false)
				s.run(5 * time.Minute)
			}},
		{rule: "announced while it rang: not told as missed as well", want: "asked +0s; card 1 +0s; call delivered; 0 left; 1 missed_call left", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindMissedCall)
			s.has(1)
			s.must(s.wx.Subscribe("o-tom", "missed_call", 1))
			s.ring("call", false)
			s.run(5 * time.Minute)
		}},
		{rule: "a call has its own template, if there is one", want: "asked +0s; call card 1 +0s; call delivered; 1 left; 0 call left", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindCall)
			s.has(1)
			s.must(s.wx.Subscribe("o-tom", "call", 1))
			s.ring("call", false)
			s.run(time.Minute)
		}},
		{rule: "PushOnline: his phone app rings", want: "asked +1s; call came online (push_online); 1 left", play: func(s *stage) {
			s.has(1)
			s.im.SignIn(tom, simulator.IPhone)
			s.run(time.Second)
			s.im.Kill(tom)
			s.ring("call", false)
			s.run(time.Minute)
		}},
	}
}

func groupRows() []row {
	const one = "asked +3s; card 1 +3s; a delivered; 0 left"
	all := func(rule notify.GroupRule) func(s *stage) {
		return func(s *stage) {
			s.rules(func(r *notify.Rules) { r.Groups = map[notify.GroupType]notify.GroupRule{notify.GroupPrivate: rule} })
			s.has(1)
			s.group(simulator.GroupWork, "a")
			s.run(time.Minute)
		}
	}
	flagged := func(flag string) func(s *stage) {
		return func(s *stage) {
			s.has(1)
			s.crowd(simulator.GroupWork)
			s.must(s.im.SetMsgFlag("g1", tom, flag))
			s.groupSay("a", simulator.GroupMessage{At: []string{tom}})
			s.run(time.Minute)
		}
	}
	return []row{
		{rule: "mentions only, by default: mentioned", want: one, play: func(s *stage) {
			s.has(1)
			s.group(simulator.GroupWork, "a", tom)
			s.run(time.Minute)
		}},
		{rule: "mentions only, by default: another is mentioned", want: "a has left no trace; 1 not bound; 1 left", play: func(s *stage) {
			s.has(1)
			s.group(simulator.GroupWork, "a", "bert")
			s.run(time.Minute)
		}},
		{rule: "mentions only, by default: nobody is mentioned", want: "a has left no trace; 1 left", play: func(s *stage) {
			s.has(1)
			s.group(simulator.GroupWork, "a")
			s.run(time.Minute)
		}},
		{rule: "mentions only, by default: @all", want: "asked +3s; card 1 +3s; a delivered; 0 left", play: func(s *stage) {
			s.has(1)
			s.crowd(simulator.GroupWork)
			s.groupSay("a", simulator.GroupMessage{AtAll: true})
			s.run(time.Minute)
		}},
		{rule: "all", want: "asked +3s; card 1 +3s; a delivered; 0 left", play: all(notify.GroupAll)},
		{rule: "off", want: "a has left no trace; 1 left", play: all(notify.GroupOff)},
		{rule: "a mention has its own template, if there is one", want: "asked +3s; mention card 1 +3s; a delivered; 1 left; 0 mention left", play: func(s *stage) {
			s.templates(notify.KindMessage, notify.KindMention)
			s.has(1)
			s.must(s.wx.Subscribe("o-tom", "mention", 1))
			s.group(simulator.GroupWork, "a", tom)
			s.run(time.Minute)
		}},
		{rule: "muted members (AcceptNotNotify) are left out", want: "a has left no trace; 1 left", play: flagged("AcceptNotNotify")},
		{rule: "members who discard (Discard) are left out", want: "a has left no trace; 1 left", play: flagged("Discard")},
		{rule: "members who accept nothing but mentions (AcceptNotNotifyExceptAt): mentioned", want: one, play: flagged("AcceptNotNotifyExceptAt")},
		{rule: "members who accept nothing but mentions (NotReceiveMsgExceptAt), told of all: not mentioned", want: "a has left no trace; 1 not bound; 1 left",
			play: func(s *stage) {
				s.rules(func(r *notify.Rules) {
					r.Groups = map[notify.GroupType]notify.GroupRule{notify.GroupPrivate: notify.GroupAll}
				})
				s.has(1)
				s.crowd(simulator.GroupWork)
				s.must(s.im.SetMsgFlag("g1", tom, "NotReceiveMsgExceptAt"))
				s.groupSay("a", simulator.GroupMessage{At: []string{"bert"}})
				s.run(time.Minute)
			}},
		{rule: "the sender is left out", want: "a has left no trace; 2 not bound; 1 left", play: func(s *stage) {
			s.has(1)
			s.crowd(simulator.GroupWork)
			s.groupSay("a", simulator.GroupMessage{From: tom, AtAll: true})
			s.run(time.Minute)
		}},
		{rule: "what the recipient sends into a group counts as having read it", want: "a read (own_reply); 1 left", play: func(s *stage) {
			s.has(1)
			s.group(simulator.GroupWork, "a", tom)
			s.run(time.Second)
			s.groupSay("", simulator.GroupMessage{From: tom})
			s.run(time.Minute)
		}},
		{rule: "recalled while it waits", want: "asked +3s; a recalled; 1 left", play: func(s *stage) {
			s.has(1)
			seq := s.group(simulator.GroupWork, "a", tom)
			s.run(time.Second)
			s.must(s.im.RecallGroup("g1", "anna", seq))
			s.run(time.Minute)
		}},
		{rule: "recalled before it is spread", want: "a has left no trace; 1 left", play: func(s *stage) {
			s.has(1)
			seq := s.group(simulator.GroupWork, "a", tom)
			s.must(s.im.RecallGroup("g1", "anna", seq))
			s.run(time.Minute)
		}},
		{rule: "a group call rings at its invitees only", want: "asked +0s; card 1 +0s; call delivered; 0 left", play: func(s *stage) {
			s.bind("bert")
			s.has(1)
			s.crowd(simulator.GroupWork)
			id, err := s.im.Ring(simulator.Call{From: "anna", To: []string{tom}, Group: "g1"})
			s.must(err)
			s.named(notify.MessageID(id), "call")
			s.run(time.Minute)
			if steps, err := s.store.Timeline(s.t.Context(), "bert"); err != nil || len(steps) > 0 {
				s.t.Errorf("bert, who was not invited, has %v, %v", steps, err)
			}
		}},
	}
}
