package deliver_test

import (
	"fmt"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

func callRows() []row {
	return []row{
		{rule: "a call rings, offline: send now",
			want: "asked +0s; card 1 +0s; call delivered; 0 left", do: func(s *system) { s.ring("call", false) }},
		{rule: "the same, told by the Call product",
			want: "asked +0s; card 1 +0s; call delivered; 0 left", do: func(s *system) { s.ring("call", true) }},
		{rule: "online: asked every 5 s until the ring time is over", then: 2 * time.Minute,
			want: "asked 6x +0s to +25s; call ended (timed_out); 1 left", do: func(s *system) {
				s.in()
				s.ring("call", false)
			}},
		{rule: "online, and on Disconnect", want: "asked +0s +5s +7s; card 1 +7s; call delivered; 0 left", do: func(s *system) {
			s.in()
			s.ring("call", false)
			s.run(7 * time.Second)
			s.im.Kill(tom)
		}},
		{rule: "online, answered", want: "asked +0s +5s; call answered; 1 left", do: func(s *system) {
			s.in()
			id := s.ring("call", false)
			s.run(7 * time.Second)
			s.t.Must(s.im.Answer(id, tom))
			s.im.Kill(tom)
		}},
		{rule: "the same, told by the Call product", want: "asked +0s +5s; call answered; 1 left", do: func(s *system) {
			s.in()
			id := s.ring("call", true)
			s.run(7 * time.Second)
			s.t.Must(s.im.Answer(id, tom))
			s.im.Kill(tom)
		}},
		{rule: "online, rejected", want: "asked +0s +5s; call ended (rejected); 1 left", do: func(s *system) { s.endsCall(simulator.CallRejected) }},
		{rule: "online, cancelled by the caller", want: "asked +0s +5s; call ended (cancelled); 1 left",
			do: func(s *system) { s.endsCall(simulator.CallCancelled) }},
		{rule: "online, in another call",
			want: "asked +0s +5s; call ended (line_busy); 1 left", do: func(s *system) { s.endsCall(simulator.CallBusy) }},
		{rule: "IM does not answer, nothing known: send now", want: "asked +0s; card 1 +0s; call delivered; 0 left", do: func(s *system) {
			s.silent = true
			s.ring("call", false)
		}},
		{rule: "over, and a template for missed calls: told once they have gone", then: 2 * time.Minute,
			want: "asked 6x +0s to +25s; asked +45s; missed_call card 1 +45s; call delivered; 1 left; 0 missed_call left",
			do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindMissedCall)
				s.t.Must(s.wx.Subscribe("o-tom", "missed_call", 1))
				s.in()
				s.ring("call", false)
				s.run(40 * time.Second)
				s.im.Kill(tom)
			}},
		{rule: "over, a template for missed calls, and they stay: they have seen it", then: 5 * time.Minute,
			want: "asked 6x +0s to +25s; asked +1m35s; call came online (online); 1 left; 1 missed_call left", do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindMissedCall)
				s.t.Must(s.wx.Subscribe("o-tom", "missed_call", 1))
				s.in()
				s.ring("call", false)
			}},
		{rule: "heard of when it has stopped ringing", want: "call ended (timed_out); 1 left", do: func(s *system) {
			r := ringAt(s, "")
			r.Ring.At = s.clock.Now().Add(-40 * time.Second)
			s.accept(r)
			s.named("call-", "call")
		}},
		{rule: "online, and nobody tells of its end: over when the ring time is",
			want: "asked 7x +0s to +30s; call ended (timed_out); 1 left", do: func(s *system) {
				s.in()
				s.accept(ringAt(s, ""))
				s.named("call-", "call")
			}},
		{rule: "announced while it rang: not told as missed as well", then: 5 * time.Minute,
			want: "asked +0s; card 1 +0s; call delivered; 0 left; 1 missed_call left", do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindMissedCall)
				s.t.Must(s.wx.Subscribe("o-tom", "missed_call", 1))
				s.ring("call", false)
			}},
		{rule: "a call has its own template, if there is one", want: "asked +0s; call card 1 +0s; call delivered; 1 left; 0 call left",
			do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindCall)
				s.t.Must(s.wx.Subscribe("o-tom", "call", 1))
				s.ring("call", false)
			}},
		{rule: "PushOnline: their phone app rings", want: "asked +1s; call came online (push_online); 1 left", do: func(s *system) {
			s.im.SignIn(tom, simulator.IPhone)
			s.run(time.Second)
			s.im.Kill(tom)
			s.ring("call", false)
		}},
	}
}

func groupRows() []row {
	const one = "asked +3s; card 1 +3s; a delivered; 0 left"
	all := func(rule fact.GroupRule) func(s *system) {
		return func(s *system) {
			s.rules(func(r *notify.Rules) { r.Groups = map[fact.GroupType]fact.GroupRule{fact.GroupPrivate: rule} })
			s.group(simulator.GroupWork, "a")
		}
	}
	flagged := func(flag string) func(s *system) {
		return func(s *system) {
			s.crowd(simulator.GroupWork)
			s.t.Must(s.im.SetMsgFlag("g1", tom, flag))
			s.groupSay("a", simulator.GroupMessage{At: []string{tom}})
		}
	}
	return []row{
		{rule: "mentions only, by default: mentioned", want: one, do: func(s *system) { s.group(simulator.GroupWork, "a", tom) }},
		{rule: "mentions only, by default: another is mentioned", want: "a has left no trace; 1 not bound; 1 left",
			do: func(s *system) { s.group(simulator.GroupWork, "a", "bert") }},
		{rule: "mentions only, by default: nobody is mentioned", want: "a has left no trace; 1 left",
			do: func(s *system) { s.group(simulator.GroupWork, "a") }},
		{rule: "mentions only, by default: @all", want: "asked +3s; card 1 +3s; a delivered; 0 left", do: func(s *system) {
			s.crowd(simulator.GroupWork)
			s.groupSay("a", simulator.GroupMessage{AtAll: true})
		}},
		{rule: "all", want: "asked +3s; card 1 +3s; a delivered; 0 left", do: all(fact.GroupAll)},
		{rule: "off", want: "a has left no trace; 1 left", do: all(fact.GroupOff)},
		{rule: "a mention has its own template, if there is one", want: "asked +3s; mention card 1 +3s; a delivered; 1 left; 0 mention left",
			do: func(s *system) {
				s.templates(fact.KindMessage, fact.KindMention)
				s.t.Must(s.wx.Subscribe("o-tom", "mention", 1))
				s.group(simulator.GroupWork, "a", tom)
			}},
		{rule: "muted members (AcceptNotNotify) are left out", want: "a has left no trace; 1 left", do: flagged("AcceptNotNotify")},
		{rule: "members who discard (Discard) are left out", want: "a has left no trace; 1 left", do: flagged("Discard")},
		{rule: "members who accept nothing but mentions (AcceptNotNotifyExceptAt): mentioned", want: one, do: flagged("AcceptNotNotifyExceptAt")},
		{rule: "members who accept nothing but mentions (NotReceiveMsgExceptAt), told of all: not mentioned", has: none,
			want: "a has left no trace; 1 not bound; 1 left", do: func(s *system) {
				s.rules(func(r *notify.Rules) {
					r.Groups = map[fact.GroupType]fact.GroupRule{fact.GroupPrivate: fact.GroupAll}
				})
				s.has(1)
				s.crowd(simulator.GroupWork)
				s.t.Must(s.im.SetMsgFlag("g1", tom, "NotReceiveMsgExceptAt"))
				s.groupSay("a", simulator.GroupMessage{At: []string{"bert"}})
			}},
		{rule: "the sender is left out", want: "a has left no trace; 2 not bound; 1 left", do: func(s *system) {
			s.crowd(simulator.GroupWork)
			s.groupSay("a", simulator.GroupMessage{From: tom, AtAll: true})
		}},
		{rule: "what the recipient sends into a group counts as having read it", want: "a read (own_reply); 1 left", do: func(s *system) {
			s.group(simulator.GroupWork, "a", tom)
			s.run(time.Second)
			s.groupSay("", simulator.GroupMessage{From: tom})
		}},
		{rule: "recalled while it waits", want: "asked +3s; a recalled; 1 left", do: func(s *system) {
			seq := s.group(simulator.GroupWork, "a", tom)
			s.run(time.Second)
			s.t.Must(s.im.RecallGroup("g1", "anna", seq))
		}},
		{rule: "recalled before it is spread", want: "a has left no trace; 1 left", do: func(s *system) {
			seq := s.group(simulator.GroupWork, "a", tom)
			s.t.Must(s.im.RecallGroup("g1", "anna", seq))
		}},
		{rule: "a group call rings at its invitees only", has: none, want: "asked +0s; card 1 +0s; call delivered; 0 left", do: func(s *system) {
			s.bind("bert")
			s.has(1)
			s.crowd(simulator.GroupWork)
			id, err := s.im.Ring(simulator.Call{From: "anna", To: []string{tom}, Group: "g1"})
			s.t.Must(err)
			s.named(fact.MessageID(id), "call")
			s.run(time.Minute)
			if steps, err := s.store.Timeline(s.t.Context(), "bert"); err != nil || len(steps) > 0 {
				s.t.Errorf("bert, who was not invited, has %v, %v", steps, err)
			}
		}},
		{rule: "but not at who is no member: who is called is the caller's claim",
			want: "asked +0s; card 1 +0s; call delivered; call of a stranger not counted (not_member); 0 left", do: func(s *system) {
				s.crowd(simulator.GroupWork)
				s.t.Must(s.im.CreateGroup(simulator.Group{ID: "g2", Type: simulator.GroupWork, Members: []string{"anna", "bert"}}))
				s.accept(ringAt(s, "g1"), ringAt(s, "g2"))
				s.named("call-g1", "call")
				s.named("call-g2", "call of a stranger")
			}},
		{rule: "nor in the name of a group that is not there",
			want: "asked +0s; call of nobody not counted (not_member); 1 left", do: func(s *system) {
				s.accept(ringAt(s, "no-such-group"))
				s.named("call-no-such-group", "call of nobody")
			}},
		{rule: "unless IM does not say who is", want: "asked +0s; card 1 +0s; call delivered; 0 left", do: func(s *system) {
			s.sim.Faults.Always("/v4/group_open_http_svc/get_specified_group_member_info", simulator.Code(10007))
			s.accept(ringAt(s, "g9"))
			s.named("call-g9", "call")
		}},
		{rule: "a card of a group's message says where it was said, and that it is a mention",
			want: "asked +3s; card ? +3s; a delivered; 0 left", do: func(s *system) {
				s.t.Must(s.wx.AddTemplate(simulator.Template{ID: "message", Title: "t", Content: "发送人:{{thing1.DATA}}\n内容:{{thing2.DATA}}\n群:{{thing4.DATA}}"}))
				s.use(map[fact.Kind]card.TemplateSpec{fact.KindMessage: {ID: "message", Page: "p?peer={{.Peer}}",
					Data: map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "thing4": "{{.Group}}"}}})
				s.group(simulator.GroupWork, "a", tom)
				s.run(time.Minute)
				c := s.cards[0]
				if got := fmt.Sprint(c.Data["thing1"], c.Data["thing2"], c.Data["thing4"], c.Page); got != "Anna在群里@了您Crowdp?peer=g1" {
					s.t.Errorf("the card is %q", got)
				}
			}},
	}
}

// ringAt is a call of a group that rings at tom.
func ringAt(s *system, group fact.GroupID) fact.Fact {
	return fact.Fact{Ring: &fact.Ring{Call: fact.MessageID("call-" + group), Source: fact.CallSignal, Caller: "anna", Group: group,
		Users: []fact.UserID{tom}, At: s.clock.Now(), For: 30 * time.Second}}
}
