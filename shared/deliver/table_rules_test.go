package deliver_test

import (
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

const (
	beforeC2C   = "C2C.CallbackBeforeSendMsg"
	afterC2C    = "C2C.CallbackAfterSendMsg"
	beforeGroup = "Group.CallbackBeforeSendMsg"
	afterGroup  = "Group.CallbackAfterSendMsg"
	stateChange = "State.StateChange"
	readReport  = "C2C.CallbackAfterMsgReport"
)

func countingRows() []row {
	const one = "asked +3s; card 1 +3s; a delivered; 0 left"
	return []row{
		{rule: "C2C After counts", want: one, do: func(s *system) { s.say("a") }},
		{rule: "C2C Before counts too", want: one, do: func(s *system) {
			s.im.Switch(beforeC2C, true)
			s.im.Switch(afterC2C, false)
			s.say("a")
		}},
		{rule: "Before and After share MsgKey: one message", want: one, do: func(s *system) {
			s.im.Switch(beforeC2C, true)
			s.say("a")
		}},
		{rule: "a callback that IM repeats is one message", want: one, do: func(s *system) {
			s.sim.Faults.Always("callback:"+afterC2C, simulator.Duplicate())
			s.say("a")
		}},
		{rule: "an After that reports a failed send withdraws the notice", want: "a failed in IM; 1 left", do: func(s *system) {
			s.im.Switch(beforeC2C, true)
			s.fails("a")
		}},
		{rule: "a failed send does not count", want: "a failed in IM; 1 left", do: func(s *system) { s.fails("a") }},
		{rule: "Group Before has no identity: not counted", want: "a has left no trace; 1 left", do: func(s *system) {
			s.im.Switch(beforeGroup, true)
			s.im.Switch(afterGroup, false)
			s.group(simulator.GroupWork, "a", tom)
		}},
		{rule: "OnlineOnlyFlag does not count", want: "a has left no trace; 1 left",
			do: func(s *system) {
				s.send("a", simulator.C2CMessage{From: "anna", To: tom, OnlineOnly: true, Body: []simulator.Elem{simulator.Text("hi")}})
			}},
		{rule: "silent custom messages do not count", want: "a not counted (silent); 1 left",
			do: func(s *system) {
				s.send("a", simulator.C2CMessage{From: "anna", To: tom, Body: []simulator.Elem{simulator.Custom(`{"x":1}`, "")}})
			}},
		{rule: "typing does not count", want: "a not counted (silent); 1 left",
			do: func(s *system) {
				s.send("a", simulator.C2CMessage{From: "anna", To: tom, Body: []simulator.Elem{simulator.Typing()}})
			}},
		{rule: "our own admin's messages do not count",
			want: "a not counted (admin); 1 left", do: func(s *system) { s.sayFrom("administrator", "a") }},
		{rule: "what the recipient sends to themselves does not count",
			want: "a not counted (self); 1 left", do: func(s *system) { s.sayFrom(tom, "a") }},
		{rule: "AVChatRoom does not count", want: "a has left no trace; 1 left", do: func(s *system) { s.group(simulator.GroupLive, "a", tom) }},
		{rule: "nothing is stored for an unbound recipient, who is only counted", has: none, want: "a has left no trace; 1 not bound; 0 left",
			do: func(s *system) {
				s.im.Import("zoe", "Zoe")
				sent, err := s.im.SendC2C("anna", "zoe", simulator.Text("hi"))
				s.t.Must(err)
				s.named(fact.MessageID(sent.MsgKey), "a")
			}},
	}
}

func timingRows() []row {
	return []row{
		{rule: "a message for a user last known offline is due after lead",
			want: "asked +13s; card 1 +13s; a delivered; 0 left", do: func(s *system) {
				s.in()
				s.run(time.Second)
				s.im.Kill(tom)
				s.run(9 * time.Second)
				s.say("a")
			}},
		{rule: "so that a burst becomes one card", has: 4, want: "asked +3s; card 4 +3s; a b c d delivered; 3 left", do: func(s *system) {
			s.say("a", "b")
			s.run(time.Second)
			s.say("c", "d")
		}},
		{rule: "a message for a user last known online is due after blind_window", then: 2 * time.Minute,
			want: "asked +1m5s; a came online (online); 1 left", do: func(s *system) {
				s.in()
				s.say("a")
			}},
		{rule: "online, then the network is lost: IM notices after 60 s, within the window", then: 2 * time.Minute,
			want: "asked +1m5s; card 1 +1m5s; a delivered; 0 left", do: func(s *system) {
				s.in()
				s.im.LoseNetwork(tom)
				s.say("a")
			}},
		{rule: "Disconnect: what waits is due after grace", then: 2 * time.Minute, want: "asked +35s; card 1 +35s; a delivered; 0 left",
			do: func(s *system) {
				s.in()
				s.say("a")
				s.run(30 * time.Second)
				s.im.Kill(tom)
			}},
		{rule: "Logout likewise", then: 2 * time.Minute, want: "asked +35s; card 1 +35s; a delivered; 0 left", do: func(s *system) {
			s.in()
			s.say("a")
			s.run(30 * time.Second)
			s.im.Logout(tom)
		}},
		{rule: "Disconnect, and back within grace", then: 2 * time.Minute, want: "asked +1m37s; a came online (online); 1 left", do: func(s *system) {
			s.in()
			s.say("a")
			s.run(30 * time.Second)
			s.im.Kill(tom)
			s.run(2 * time.Second)
			s.in()
		}},
		{rule: "Login: what waits goes back into the blind window", then: 2 * time.Minute, want: "asked +1m7s; a came online (online); 1 left",
			do: func(s *system) {
				s.say("a")
				s.run(2 * time.Second)
				s.in()
			}},
		{rule: "Login, and gone again without having read", then: 2 * time.Minute, want: "asked +45s; card 1 +45s; a delivered; 0 left",
			do: func(s *system) {
				s.say("a")
				s.run(2 * time.Second)
				s.in()
				s.run(38 * time.Second)
				s.im.Kill(tom)
			}},
		{rule: "due, and IM does not know the account (70107): send", want: "asked +3s; card 1 +3s; a delivered; 0 left", do: func(s *system) {
			s.sim.Faults.Next(pathAsk, 1, simulator.Code(70107))
			s.say("a")
		}},
		{rule: "PushOnline, push_online: skip", want: "asked +8s; a came online (push_online); 1 left", do: func(s *system) {
			s.im.SignIn(tom, simulator.IPhone)
			s.run(time.Second)
			s.im.Kill(tom)
			s.run(4 * time.Second)
			s.say("a")
		}},
		{rule: "PushOnline, push_online: send", want: "asked +8s; card 1 +8s; a delivered; 0 left", do: func(s *system) {
			s.rules(func(r *notify.Rules) { r.PushOnline = notify.PushOnlineSend })
			s.im.SignIn(tom, simulator.IPhone)
			s.run(time.Second)
			s.im.Kill(tom)
			s.run(4 * time.Second)
			s.say("a")
		}},
		{rule: "IM cannot answer for 2 min, and no fact is known: send", then: 5 * time.Minute,
			want: "asked 25x +3s to +2m3s; card 1 +2m3s; a delivered; 0 left", do: func(s *system) {
				s.silent = true
				s.say("a")
			}},
		{rule: "IM cannot answer for 2 min, and they were last known offline: send", then: 5 * time.Minute,
			want: "asked 25x +13s to +2m13s; card 1 +2m13s; a delivered; 0 left", do: func(s *system) {
				s.in()
				s.run(time.Second)
				s.im.Kill(tom)
				s.run(9 * time.Second)
				s.silent = true
				s.say("a")
			}},
		{rule: "IM cannot answer for 2 min, and they were last known online: not sent", then: 5 * time.Minute,
			want: "asked 25x +1m5s to +3m5s; a came online (online); 1 left", do: func(s *system) {
				s.in()
				s.silent = true
				s.say("a")
			}},
		{rule: "IM answers again after a minute", then: 5 * time.Minute, want: "asked 13x +3s to +1m3s; card 1 +1m3s; a delivered; 0 left",
			do: func(s *system) {
				s.silent = true
				s.told("a")
				s.silent = false
			}},
		{rule: "without State.StateChange: stays, so the query at lead and the one at the end of the window decide", then: 5 * time.Minute,
			want: "asked +3s +1m5s; a came online (online); 1 left", do: func(s *system) {
				s.im.Switch(stateChange, false)
				s.in()
				s.say("a")
			}},
		{rule: "without State.StateChange: had left unseen", then: 5 * time.Minute, want: "asked +3s +1m5s; card 1 +1m5s; a delivered; 0 left",
			do: func(s *system) {
				s.im.Switch(stateChange, false)
				s.in()
				s.im.LoseNetwork(tom)
				s.say("a")
			}},
		{rule: "without State.StateChange: away", then: 5 * time.Minute, want: "asked +3s; card 1 +3s; a delivered; 0 left", do: func(s *system) {
			s.im.Switch(stateChange, false)
			s.say("a")
		}},
	}
}

func cancelRows() []row {
	return []row{
		{rule: "read report", want: "a read (read_report); 1 left", do: func(s *system) {
			s.say("a")
			s.im.Read(tom, "anna")
		}},
		{rule: "read report of another conversation", want: "asked +3s; card 1 +3s; a delivered; b read (read_report); 0 left", do: func(s *system) {
			s.say("a")
			s.sayFrom("bert", "b")
			s.im.Read(tom, "bert")
		}},
		{rule: "what the recipient sends into the conversation counts as having read it", want: "a read (own_reply); 1 left", do: func(s *system) {
			s.say("a")
			s.run(time.Second)
			_, err := s.im.SendC2C(tom, "anna", simulator.Text("hello"))
			s.t.Must(err)
		}},
		{rule: "but not what REST sends in their name", want: "asked +3s; card 1 +3s; a delivered; 0 left", do: func(s *system) {
			s.say("a")
			s.run(time.Second)
			s.accept(fact.Fact{Message: &fact.Message{ID: "1_1_1", From: tom, To: "anna", SentAt: s.clock.Now(), ByREST: true}})
		}},
		{rule: "recall", want: "a recalled; 1 left", do: func(s *system) {
			s.say("a")
			s.im.Recall("anna", tom, string(s.order[0]))
		}},
		{rule: "a recall that overtakes its message", want: "a recalled; 1 left", do: func(s *system) {
			s.sim.Faults.Next("callback:"+afterC2C, 1, simulator.Delay(time.Second))
			s.say("a")
			s.im.Recall("anna", tom, string(s.order[0]))
		}},
		{rule: "read while IM was being asked", want: "asked +3s; a read (read_report); 1 left", do: func(s *system) {
			s.say("a")
			s.whenAsked(func() { s.im.Read(tom, "anna") })
		}},
		{rule: "came back while IM was being asked", then: 2 * time.Minute, want: "asked +3s +1m8s; a came online (online); 1 left",
			do: func(s *system) {
				s.say("a")
				s.whenAsked(s.in)
			}},
		{rule: "read while its card was on the way: it was sent", want: "asked +3s; card 1 +3s; a delivered; 0 left", do: func(s *system) {
			s.say("a")
			s.during = func() { s.im.Read(tom, "anna") }
		}},
		{rule: "read while its card was on the way, and the card was not sent", want: "asked +3s; card 1: -1 +3s; a read (read_report); 1 left",
			do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(-1))
				s.say("a")
				s.during = func() { s.im.Read(tom, "anna") }
			}},
		{rule: "recalled while its card was on the way, and the card was not sent", want: "asked +3s; card 1: -1 +3s; a recalled; 1 left",
			do: func(s *system) {
				s.sim.Faults.Next(pathSend, 1, simulator.Code(-1))
				s.say("a")
				s.during = func() { s.t.Must(s.im.Recall("anna", tom, string(s.order[0]))) }
			}},
		{rule: "a later login of another account takes the binding over", want: "a unbound (newer_binding); 1 left", do: func(s *system) {
			s.say("a")
			s.t.Must(s.store.Bind(s.t.Context(), "zoe", "o-tom"))
		}},
		{rule: "the user cancels the authorization: everything of theirs goes", want: "a has left no trace; 1 erased; 0 left", do: func(s *system) {
			s.say("a")
			s.wx.CancelAuthorization("o-tom")
		}},
	}
}

// in lets tom open the mini program.
func (s *system) in() { s.im.SignIn(tom, simulator.MiniProgram) }

// fails lets a message of anna fail: tom does not want to hear her.
func (s *system) fails(name string) {
	s.t.Helper()
	s.im.Block(tom, "anna", true)
	sent, err := s.im.SendC2C("anna", tom, simulator.Text("hi"))
	if err == nil {
		s.t.Fatal("the message did not fail")
	}
	s.named(fact.MessageID(sent.MsgKey), name)
}

func (s *system) send(name string, m simulator.C2CMessage) {
	s.t.Helper()
	sent, err := s.im.Send(m)
	s.t.Must(err)
	s.named(fact.MessageID(sent.MsgKey), name)
}

// crowd makes the group g1 of anna, bert and tom.
func (s *system) crowd(kind string) {
	s.t.Helper()
	s.t.Must(s.im.CreateGroup(simulator.Group{ID: "g1", Type: kind, Name: "Crowd", Members: []string{"anna", "bert", tom}}))
}

// group makes a group and lets anna mention somebody in it.
func (s *system) group(kind, name string, at ...string) (seq int) {
	s.t.Helper()
	s.crowd(kind)
	return s.groupSay(name, simulator.GroupMessage{At: at})
}

func (s *system) groupSay(name string, m simulator.GroupMessage) (seq int) {
	s.t.Helper()
	m.Group, m.Body = "g1", []simulator.Elem{simulator.Text("hi")}
	if m.From == "" {
		m.From = "anna"
	}
	sent, err := s.im.SendGroup(m)
	s.t.Must(err)
	if name != "" {
		s.named(fact.GroupMessageID("g1", uint32(sent.MsgSeq)), name)
	}
	return sent.MsgSeq
}

// endsCall lets a call ring at tom, who is there, and end.
func (s *system) endsCall(how simulator.CallEnd) {
	s.t.Helper()
	s.in()
	id := s.ring("call", false)
	s.run(7 * time.Second)
	s.t.Must(s.im.EndCall(id, how))
	s.im.Kill(tom)
}

// whenAsked lets something happen once while IM is being asked who is there.
func (s *system) whenAsked(happens func()) {
	stop := func() {}
	stop = s.sim.OnEvent(func(e simulator.Event) {
		if e.Kind == simulator.EventRequest && e.Name == pathAsk {
			stop()
			happens()
		}
	})
}
