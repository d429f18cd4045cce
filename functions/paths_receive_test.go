package functions_test

import (
	"time"

	"wxnotify/shared/fact"
	"wxnotify/simulator"
)

// callbackPaths are what IM tells: of what takes the same calls, one. A callback that was not acknowledged is repeated; on
// the paths that say so it is not, and then the message may be missing.
var callbackPaths = []path{
	{name: "imcallback message", function: "imcallback", prepare: messageCallback},
	{name: "imcallback message, never repeated", function: "imcallback", prepare: unrepeated(messageCallback)},
	{name: "imcallback group message", function: "imcallback", rules: ", groups: {Public: all}", prepare: groupCallback},
	{name: "imcallback group message, never repeated", function: "imcallback", rules: ", groups: {Public: all}", prepare: unrepeated(groupCallback)},
	{name: "imcallback read", function: "imcallback", prepare: readCallback},
	{name: "imcallback call", function: "imcallback", prepare: callCallback},
	{name: "imcallback call, never repeated", function: "imcallback", prepare: unrepeated(callCallback)},
}

// pushPaths are what WeChat tells, likewise.
var pushPaths = []path{
	{name: "wechatpush permit", function: "wechatpush", prepare: permitPush, check: balance(2)},
	{name: "wechatpush report of a card", function: "wechatpush", unclear: true, prepare: reportPush},
	{name: "wechatpush authorization cancelled", function: "wechatpush", prepare: cancelledPush, check: erased(3, true)},
}

// unrepeated is a path on which nobody repeats what was not acknowledged.
func unrepeated(prepare func(*system) []happening) func(*system) []happening {
	return func(s *system) []happening {
		hs := prepare(s)
		for i := range hs {
			hs[i].once, hs[i].loses = true, true
		}
		return hs
	}
}

func messageCallback(s *system) []happening {
	s.user("user2", 3)
	return s.told(func() {
		sent, err := s.sim.IM.SendC2C("bob", "user2", simulator.Text("lunch?"))
		s.t.Must(err)
		s.expects("user2", fact.MessageID(sent.MsgKey), fact.StateDelivered)
	})
}

func groupCallback(s *system) []happening {
	s.user("user2", 3)
	s.group([]string{"bob", "user2", "stranger"})
	return s.told(func() {
		sent, err := s.sim.IM.SendGroup(simulator.GroupMessage{Group: "G1", From: "bob", Body: []simulator.Elem{simulator.Text("lunch?")}})
		s.t.Must(err)
		s.expects("user2", fact.GroupMessageID("G1", uint32(sent.MsgSeq)), fact.StateDelivered)
	})
}

func readCallback(s *system) []happening {
	s.user("user2", 1)
	s.writes("user2", fact.StateRead)
	s.writes("user2", fact.StateRead)
	return s.told(func() { s.sim.IM.Read("user2", "bob") })
}

func callCallback(s *system) []happening {
	p := s.user("user2", 2)
	s.permit(p.openID, templateMC, 2)
	return s.told(func() {
		id, err := s.sim.IM.Ring(simulator.Call{From: "bob", To: []string{"user2"}})
		s.t.Must(err)
		s.expects("user2", fact.MessageID(id), fact.StateDelivered)
	})
}

func permitPush(s *system) []happening {
	p := s.user("user2", 1)
	return s.told(func() {
		s.sim.WeChat.TapDialog(string(p.openID), map[string]simulator.Answer{template: simulator.Accept})
	})
}

// balance checks how many permits a user has left.
func balance(want int) func(*system) {
	return func(s *system) {
		b, err := s.store.Balances(s.t.Context(), s.people["user2"].openID, []fact.TemplateID{template})
		s.t.Must(err)
		if b[template] != want {
			s.t.Errorf("%d permits are left, want %d", b[template], want)
		}
	}
}

// reportPush is WeChat's report of a card of which the answer was lost.
func reportPush(s *system) []happening {
	s.user("user2", 1)
	s.writes("user2", fact.StateDelivered)
	s.sim.Faults.Next(apiSend, 1, simulator.DropAfterSuccess())
	return s.told(func() {
		s.deliver("{}")
		s.platform.Advance(2 * time.Second)
	})
}

// cancelledPush is a user who wants to be forgotten: a message waits for them, another is
// on an unknown card, of which WeChat reports before, and a call rings.
func cancelledPush(s *system) []happening {
	p := s.muchOf("user2")
	return s.told(func() { s.sim.WeChat.CancelAuthorization(string(p.openID)) })
}

// erased checks that so many messages are counted as ended: all as erased, but for the one on
// the unknown card if WeChat's report of it came before.
func erased(messages int64, reported bool) func(*system) {
	return func(s *system) {
		counts, err := s.store.Counts(s.t.Context())
		s.t.Must(err)
		var sum int64
		for _, n := range counts {
			sum += n
		}
		delivered := counts[fact.StateDelivered]
		if sum != messages || delivered+counts[fact.StateErased] != sum || delivered > 1 || delivered == 1 && !reported {
			s.t.Errorf("messages by state: %v, want %d erased, or one of them delivered: %v", counts, messages, reported)
		}
	}
}

// muchOf makes a user of whom the store knows much, and who is to be forgotten.
func (s *system) muchOf(user fact.UserID) *person {
	s.t.Helper()
	p := s.user(user, 3)
	p.erased = true
	s.writes(user, fact.StateErased)
	s.sim.Faults.Next(apiSend, 1, simulator.DropAfterSuccess())
	s.deliver("{}")
	s.writes(user, fact.StateErased)
	r := ringAt(s, user)
	s.record(fact.Fact{Ring: &r}, fact.Fact{Read: &fact.Read{Reader: user, Peer: "anna", UpTo: s.now()}})
	s.sim.IM.Import(string(user), "Mary")
	s.t.Must(s.store.KeepNames(s.t.Context(), map[string]string{string(user): "Mary"}, time.Hour))
	return p
}
