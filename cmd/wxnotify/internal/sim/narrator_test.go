package sim

import (
	"testing"
	"time"

	"wxnotify/shared/notify"
)

func newTestNarrator() *narrator {
	r := notify.DefaultRules()
	r.Lead, r.BlindWindow, r.Grace = time.Second, 8*time.Second, 2*time.Second
	n := newNarrator(r)
	n.learn(notify.Fact{Ring: &notify.Ring{Call: "c1", Caller: "user1", Users: []notify.UserID{"user2"}}})
	n.learn(notify.Fact{Ring: &notify.Ring{Call: "c2", Users: []notify.UserID{"user2"}}})
	for id, text := range map[notify.MessageID]string{"m1": "hi", "m2": "ho", "m3": ""} {
		n.learn(notify.Fact{Message: &notify.Message{ID: id, From: "user1", To: "user2", Summary: text}})
	}
	return n
}

func TestFacts(t *testing.T) {
	n := newTestNarrator()
	name := func(o notify.OpenID) string { return "user of " + string(o) }
	message := func(m notify.Message) notify.Fact {
		m.From, m.To = "user1", "user2"
		return notify.Fact{Message: &m}
	}
	group := func(m notify.GroupMessage) notify.Fact {
		m.Group, m.From = "g", "user1"
		return notify.Fact{GroupMessage: &m}
	}
	ended := func(how notify.CallEnd) notify.Fact {
		return notify.Fact{RingEnd: &notify.RingEnd{Caller: "user1", Users: []notify.UserID{"user2"}, How: how}}
	}
	for _, c := range []struct {
		fact  notify.Fact
		actor string
		text  string
	}{
		{message(notify.Message{Summary: "hi"}), "user1", `writes to user2: "hi"`},
		{message(notify.Message{Summary: "hi", FailedCode: 80001}), "user1", "writes to user2, but IM does not deliver it (code 80001)"},
		{message(notify.Message{Silent: true}), "user1", "sends user2 a signal, with nothing in it to read"},
		{notify.Fact{Read: &notify.Read{Reader: "user2", Peer: "user1"}}, "user2", "has read what user1 wrote"},
		{notify.Fact{Recall: &notify.Recall{ID: "m1", From: "user1", To: "user2"}}, "user1", `takes back "hi"`},
		{notify.Fact{Recall: &notify.Recall{ID: "m9", From: "user1", To: "user2"}}, "user1", "takes back a message"},
		{notify.Fact{Presence: &notify.Presence{User: "user2", Online: true}}, "user2", "comes online"},
		{notify.Fact{Presence: &notify.Presence{User: "user2"}}, "user2", "leaves, and IM has noticed"},
		{notify.Fact{Grant: &notify.Grant{OpenID: "o"}}, "user of o", `taps "Allow": one more permit`},
		{notify.Fact{Revoke: &notify.Revoke{OpenID: "o"}}, "user of o", "switches these cards off: no permit is left"},
		{notify.Fact{Sent: &notify.Sent{OpenID: "o"}}, "WeChat", "reports that the card for user of o has arrived"},
		{notify.Fact{Sent: &notify.Sent{OpenID: "o", Failed: "7"}}, "WeChat", "reports that the card for user of o has not arrived (7)"},
		{group(notify.GroupMessage{Summary: "hi"}), "user1", `writes to the group g: "hi"`},
		{group(notify.GroupMessage{At: []notify.UserID{"user2", "user3"}}), "user1", "writes to the group g: a message, and mentions user2, user3"},
		{group(notify.GroupMessage{AtAll: true, Summary: "hi"}), "user1", `writes to the group g: "hi", and mentions everybody`},
		{group(notify.GroupMessage{Silent: true}), "user1", "sends the group g a signal, with nothing in it to read"},
		{group(notify.GroupMessage{FailedCode: 10007}), "user1", "writes to the group g, but IM does not deliver it (code 10007)"},
		{notify.Fact{GroupRecall: &notify.GroupRecall{Group: "g", Seqs: []uint32{1, 2}}}, "IM", "tells that the group g has lost 2 messages: taken back"},
		{notify.Fact{Ring: &notify.Ring{Caller: "user1", Users: []notify.UserID{"user2"}, For: time.Minute}}, "user1", "calls user2: it rings for 60s"},
		{notify.Fact{Ring: &notify.Ring{Users: []notify.UserID{"user2", "user3"}, For: time.Second}}, "somebody", "calls user2, user3: it rings for 1s"},
		{ended(notify.CallAnswered), "user2", "answers the call"},
		{ended(notify.CallRejected), "user2", "declines the call"},
		{ended(notify.CallBusy), "user2", "is in another call"},
		{ended(notify.CallCancelled), "user1", "gives up calling user2"},
		{ended(notify.CallTimedOut), "IM", "tells that the call to user2 rang in vain"},
		{ended(notify.CallHungUp), "IM", "tells that the call to user2 is over"},
		{notify.Fact{Erase: &notify.Erase{OpenID: "o"}}, "user of o", "wants to be forgotten: binding, permits and history are erased"},
	} {
		if l := n.fact(c.fact, name); l.actor != c.actor || l.text != c.text {
			t.Errorf("got  %s: %s\nwant %s: %s", l.actor, l.text, c.actor, c.text)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		step notify.Step
		mood mood
		text string // empty: no line
	}{
		{notify.Step{Kind: notify.StepLeft}, plain, "looks again in 2s: user2 may come back"},
		{notify.Step{Kind: notify.StepReturned}, plain, "looks again in 8s, the blind window"},
		{notify.Step{Kind: notify.StepAsked, Detail: "online"}, plain, "asks IM whether user2 is there: online"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonWindow}, plain, "looks again at the end of the blind window: user2 may just have left"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonIMSilent}, plain, "asks again soon: IM did not answer"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonBusy}, plain, "waits: another card to user2 is on its way"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonNeverSent}, plain, "starts over: the card that was begun was never sent"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonBackoff}, plain, "tries again soon: WeChat did not take the card just now"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonOperator}, plain, "waits until somebody has mended what the log tells of"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonWording}, plain, "tries again in words of its own: WeChat refused the text"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonQuotaDay}, plain, "waits for tomorrow: today's quota of WeChat is used up"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonDigest}, plain, "keeps it for a digest: user2 was told already, and has not been back"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonKept}, plain, "keeps the digest back: user2's last permits are for coming absences"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonQuietHours}, plain, "waits for the end of the quiet hours"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonRinging}, plain, "asks again soon: it rings, and user2 seems to be there"},
		{notify.Step{Kind: notify.StepPutOff, Reason: notify.ReasonTooMany}, plain, "waits: user2 got as many cards this hour as the rules allow"},
		{notify.Step{Kind: notify.StepPutOff}, plain, "tries again later"},
		{notify.Step{Kind: notify.StepBegun}, plain, ""},
		{notify.Step{Kind: notify.StepReserved}, plain, "takes one of user2's permits and sends a card"},
		{notify.Step{Kind: notify.StepSent}, plain, ""},
		{notify.Step{Kind: notify.StepSent, Detail: "refused"}, bad, "WeChat does not take the card"},
		{notify.Step{Kind: notify.StepSent, Detail: "unknown"}, bad, "WeChat did not answer: nobody knows whether the card is there"},
		{notify.Step{Kind: notify.StepSettled, Detail: "spent"}, plain, ""},
		{notify.Step{Kind: notify.StepSettled, Detail: "held"}, plain, "holds the permit: WeChat has 2m to report"},
		{notify.Step{Kind: notify.StepSettled, Detail: "refunded"}, plain, "puts the permit back"},
		{notify.Step{Kind: notify.StepSettled, Detail: "zeroed"}, plain, "crosses out user2's permits: WeChat knows of none"},
	} {
		l, ok := newTestNarrator().step("user2", c.step, nil)
		if ok != (c.text != "") || ok && (l.text != c.text || l.mood != c.mood || l.actor != us) {
			t.Errorf("%+v: got %+v, %v; want %q", c.step, l, ok, c.text)
		}
	}
}

// A message that is the signal of a call has no end worth a line; the call has.
func TestSignals(t *testing.T) {
	n := newTestNarrator()
	n.signals("s1")
	for id, told := range map[notify.Identity]bool{"s1": false, "m1": true} {
		step := notify.Step{Kind: notify.StepFinal, State: notify.StateNotCounted, Reason: notify.ReasonSilent, Messages: []notify.Identity{id}}
		if l, ok := n.step("user2", step, nil); ok != told {
			t.Errorf("%s: %+v, told %v, want %v", id, l, ok, told)
		}
	}
}

// Every final state is told, with its own name beside it.
func TestFinals(t *testing.T) {
	hi := []notify.Identity{"m1"}
	for _, c := range []struct {
		state    notify.State
		reason   notify.Reason
		messages []notify.Identity
		mood     mood
		text     string
	}{
		{notify.StateDelivered, "", hi, good, `one card told user2 of "hi"; 4 permits left`},
		{notify.StateDelivered, "", []notify.Identity{"m1", "m2"}, good, "one card told user2 of 2 messages; 4 permits left"},
		{notify.StateDelivered, "", []notify.Identity{"m3"}, good, "one card told user2 of a message; 4 permits left"},
		{notify.StateRead, notify.ReasonReadReport, hi, none, `no card: user2 has read "hi"`},
		{notify.StateRead, notify.ReasonOwnReply, hi, none, `no card: user2 has answered "hi"`},
		{notify.StateRecalled, "", hi, none, `no card: "hi" was taken back`},
		{notify.StateCameOnline, notify.ReasonOnline, hi, none, `no card: user2 is there, and IM itself showed "hi"`},
		{notify.StateCameOnline, notify.ReasonPushOnline, hi, none, `no card: user2's phone rings for "hi" by itself`},
		{notify.StateNotCounted, notify.ReasonSilent, hi, none, "no card: there is nothing in it to read"},
		{notify.StateNotCounted, notify.ReasonAdmin, hi, none, "no card: the administrator's messages are not announced"},
		{notify.StateNotCounted, notify.ReasonSelf, hi, none, "no card: user2 wrote to nobody else"},
		{notify.StateNotCounted, notify.ReasonCrowded, hi, none, "no card: too many messages wait for user2 already"},
		{notify.StateNotCounted, "", hi, none, "no card: messages of its kind are not announced"},
		{notify.StateUnbound, notify.ReasonNewerBinding, hi, none, "no card: user2 belongs to another login now"},
		{notify.StateNoPermit, "", hi, none, `no card: user2 has no permit for "hi": a tap on "Allow" gives one`},
		{notify.StateRefused, "", hi, none, "no card: WeChat does not let us write to user2"},
		{notify.StateExpired, "", hi, none, `no card: "hi" is too old`},
		{notify.StateFailedIM, "", hi, none, `no card: IM did not deliver "hi"`},
		{notify.StateErased, "", hi, none, "no card: user2 asked to be forgotten"},
		{notify.StateUnknown, "", hi, bad, `nobody can say whether a card told user2 of "hi"; no second one is sent`},
		{notify.StateDead, "", hi, bad, `gave up "hi": it is a dead letter now`},
		{notify.StateRead, notify.ReasonUnreadNone, hi, none, `no card: IM counts nothing unread for user2, so "hi" was read`},
		{notify.StateAnswered, "", []notify.Identity{"c1"}, none, "no card: user2 has answered the call of user1"},
		{notify.StateEnded, notify.ReasonCancelled, []notify.Identity{"c1"}, none, "no card: the call of user1 rings no longer"},
		{notify.StateEnded, notify.ReasonCancelled, []notify.Identity{"c2"}, none, "no card: a call rings no longer"},
		{notify.StateMuted, notify.ReasonMutedAll, hi, none, "no card: user2 has switched cards off"},
		{notify.StateMuted, notify.ReasonMutedPeer, hi, none, `no card: user2 has muted where "hi" is from`},
		{notify.StateQuota, notify.ReasonQuotaDay, hi, none, `no card: WeChat's quota was used up for as long as "hi" lived`},
		{notify.StateDelivered, "", []notify.Identity{"c1"}, good, "one card told user2 of the call of user1; 4 permits left"},
	} {
		step := notify.Step{Kind: notify.StepFinal, State: c.state, Reason: c.reason, Messages: c.messages}
		l, ok := newTestNarrator().step("user2", step, func() int { return 4 })
		if !ok || l.text != c.text || l.mood != c.mood || l.note != string(c.state) {
			t.Errorf("%s, %s: got %+v, %v; want %q", c.state, c.reason, l, ok, c.text)
		}
	}
}

// What waits, and for how long, depends on what was heard of the recipient before.
func TestAccepted(t *testing.T) {
	n := newTestNarrator()
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	// They come in any order.
	n.learn(notify.Fact{Presence: &notify.Presence{User: "user2", At: at(20)}})
	n.learn(notify.Fact{Presence: &notify.Presence{User: "user2", At: at(10), Online: true}})
	const lead, blind = "waits 1s: more may follow, and one card is enough", "user2 seems to be there: looks in 8s, the blind window"
	accepted := func(s int, id notify.Identity, want string) {
		t.Helper()
		step := notify.Step{At: at(s), Kind: notify.StepAccepted, Messages: []notify.Identity{id}}
		if l, ok := n.step("user2", step, nil); !ok || l.text != want {
			t.Errorf("%s at %d s: got %q, want %q", id, s, l.text, want)
		}
	}
	ended := func(id notify.Identity) {
		n.step("user2", notify.Step{Kind: notify.StepFinal, State: notify.StateRead, Messages: []notify.Identity{id}}, nil)
	}
	accepted(5, "m1", lead)
	accepted(6, "m2", "adds it to what waits for user2")
	ended("m1")
	ended("m2")
	accepted(10, "m3", blind)
	ended("m3")
	accepted(20, "m4", lead)
	ended("m4")

	// Whoever was told waits for a digest, until he is seen again.
	delivered := func(ids ...notify.Identity) {
		n.step("user2", notify.Step{Kind: notify.StepFinal, State: notify.StateDelivered, Messages: ids}, func() int { return 1 })
	}
	const digest = "keeps it for a digest: user2 was told already, and has not been back"
	delivered("m4")
	accepted(21, "m5", digest)
	ended("m5")
	n.learn(notify.Fact{Read: &notify.Read{Reader: "user2"}})
	accepted(22, "m6", lead)
	delivered("m6")
	n.learn(notify.Fact{Message: &notify.Message{ID: "r1", From: "user2", ByREST: true}})
	accepted(23, "m7", digest)
	ended("m7")
	n.learn(notify.Fact{Message: &notify.Message{ID: "r2", From: "user2"}})
	accepted(24, "m8", lead)
	delivered("m8")
	n.learn(notify.Fact{Presence: &notify.Presence{User: "user2", At: at(25), Online: true}})
	n.learn(notify.Fact{Presence: &notify.Presence{User: "user2", At: at(26)}})
	accepted(27, "m9", lead)
	ended("m9")

	// Calls do not wait, and count as no card.
	accepted(28, "c1", "does not wait: it rings at user2 now")
	delivered("c1")
	accepted(29, "m10", lead)
	for why, want := range map[notify.Reason]string{
		notify.ReasonMissedCall: "nobody answered: user2 will be told of a missed call",
		notify.ReasonReplayed:   "has it wait for user2 again: somebody replayed what was given up",
	} {
		step := notify.Step{At: at(30), Kind: notify.StepAccepted, Reason: why, Messages: []notify.Identity{"c1"}}
		if l, ok := n.step("user2", step, nil); !ok || l.text != want {
			t.Errorf("%s: got %q, want %q", why, l.text, want)
		}
	}
}
