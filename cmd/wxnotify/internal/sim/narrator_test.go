package sim

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

func newTestNarrator() *narrator {
	r := notify.DefaultRules()
	r.Lead, r.BlindWindow, r.Grace = time.Second, 8*time.Second, 2*time.Second
	n := newNarrator(r)
	n.learn(fact.Fact{Ring: &fact.Ring{Call: "c1", Caller: "user1", Users: []fact.UserID{"user2"}}})
	n.learn(fact.Fact{Ring: &fact.Ring{Call: "c2", Users: []fact.UserID{"user2"}}})
	for id, text := range map[fact.MessageID]string{"m1": "hi", "m2": "ho", "m3": ""} {
		n.learn(fact.Fact{Message: &fact.Message{ID: id, From: "user1", To: "user2", Summary: text}})
	}
	return n
}

// inChinese reports whether w is said in Chinese too, with the same names and numbers in it.
func inChinese(w Words) bool {
	han := strings.ContainsFunc(w.Chinese, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	return han && !strings.Contains(w.Chinese, "%!")
}

// unsaid notes what was said.
type unsaid map[string]bool

// say wants w to be said for the first time, in both languages.
func (u unsaid) say(t *testing.T, w Words) {
	t.Helper()
	if u[w.English] || u[w.Chinese] || !inChinese(w) {
		t.Errorf("%+v: said of something else too, or not in Chinese", w)
	}
	u[w.English], u[w.Chinese] = true, true
}

func TestFacts(t *testing.T) {
	n := newTestNarrator()
	name := func(o fact.OpenID) string { return "user of " + string(o) }
	message := func(m fact.Message) fact.Fact {
		m.From, m.To = "user1", "user2"
		return fact.Fact{Message: &m}
	}
	group := func(m fact.GroupMessage) fact.Fact {
		m.Group, m.From = "g", "user1"
		return fact.Fact{GroupMessage: &m}
	}
	ended := func(how fact.CallEnd) fact.Fact {
		return fact.Fact{RingEnd: &fact.RingEnd{Caller: "user1", Users: []fact.UserID{"user2"}, How: how}}
	}
	for _, c := range []struct {
		fact fact.Fact
		want string
	}{
		{message(fact.Message{Summary: "hi"}), `user1 writes to user2: "hi"`},
		{message(fact.Message{Summary: "hi", FailedCode: 80001}), "user1 writes to user2, but IM does not deliver it (code 80001)"},
		{message(fact.Message{Silent: true}), "user1 sends user2 a signal, with nothing in it to read"},
		{fact.Fact{Recall: &fact.Recall{ID: "m1", From: "user1", To: "user2"}}, `user1 takes back "hi"`},
		{fact.Fact{Recall: &fact.Recall{ID: "m9", From: "user1", To: "user2"}}, "user1 takes back a message"},
		{fact.Fact{Sent: &fact.Sent{OpenID: "o", Failed: "7"}}, "WeChat reports that the card for user of o has not arrived (7)"},
		{group(fact.GroupMessage{Summary: "hi"}), `user1 writes to the group g: "hi"`},
		{group(fact.GroupMessage{At: []fact.UserID{"user2", "user3"}}), "user1 writes to the group g: a message, and mentions user2, user3"},
		{group(fact.GroupMessage{AtAll: true, Summary: "hi"}), `user1 writes to the group g: "hi", and mentions everybody`},
		{group(fact.GroupMessage{Silent: true}), "user1 sends the group g a signal, with nothing in it to read"},
		{group(fact.GroupMessage{FailedCode: 10007}), "user1 writes to the group g, but IM does not deliver it (code 10007)"},
		{fact.Fact{Ring: &fact.Ring{Users: []fact.UserID{"user2", "user3"}, For: time.Second}}, "somebody calls user2, user3: it rings for 1s"},
		{ended(fact.CallBusy), "user2 is in another call"},
		{ended(fact.CallHungUp), "IM tells that the call to user2 is over"},
	} {
		if l := n.fact(c.fact, name); l.actor+" "+l.text.English != c.want || !inChinese(l.text) {
			t.Errorf("got  %s: %s\nwant %s", l.actor, l.text, c.want)
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
		if ok != (c.text != "") || ok && (l.text.English != c.text || !inChinese(l.text) || l.mood != c.mood || l.actor != us) {
			t.Errorf("%+v: got %+v, %v; want %q", c.step, l, ok, c.text)
		}
	}
}

// Each reason to wait has words of its own.
func TestReasonsToWait(t *testing.T) {
	seen := unsaid{}
	seen.say(t, putOff("user2", notify.Step{}))
	for _, r := range []fact.Reason{fact.ReasonWindow, fact.ReasonIMSilent, fact.ReasonBusy, fact.ReasonNeverSent, fact.ReasonBackoff,
		fact.ReasonOperator, fact.ReasonWording, fact.ReasonQuotaDay, fact.ReasonDigest, fact.ReasonKept, fact.ReasonQuietHours,
		fact.ReasonRinging, fact.ReasonTooMany} {
		seen.say(t, putOff("user2", notify.Step{Reason: r}))
	}
}

// A message that is the signal of a call has no end worth a line; the call has.
func TestSignals(t *testing.T) {
	n := newTestNarrator()
	n.signals("s1")
	for id, told := range map[fact.Identity]bool{"s1": false, "m1": true} {
		step := notify.Step{Kind: notify.StepFinal, State: fact.StateNotCounted, Reason: fact.ReasonSilent, Messages: []fact.Identity{id}}
		if l, ok := n.step("user2", step, nil); ok != told {
			t.Errorf("%s: %+v, told %v, want %v", id, l, ok, told)
		}
	}
}

// Every final state is told in words of its own, with its name beside them.
func TestFinals(t *testing.T) {
	whatever := []fact.Reason{""}
	seen := unsaid{}
	for state, reasons := range map[fact.State][]fact.Reason{
		fact.StateDelivered: whatever, fact.StateRecalled: whatever, fact.StateUnbound: whatever, fact.StateNoPermit: whatever, fact.StateRefused: whatever,
		fact.StateExpired: whatever, fact.StateFailedIM: whatever, fact.StateErased: whatever, fact.StateUnknown: whatever, fact.StateDead: whatever,
		fact.StateEnded: whatever, fact.StateQuota: whatever,
		fact.StateRead:       {fact.ReasonReadReport, fact.ReasonOwnReply, fact.ReasonUnreadNone},
		fact.StateCameOnline: {fact.ReasonOnline, fact.ReasonPushOnline},
		fact.StateNotCounted: {fact.ReasonSilent, fact.ReasonAdmin, fact.ReasonSelf, fact.ReasonCrowded, ""},
		fact.StateMuted:      {fact.ReasonMutedAll, fact.ReasonMutedPeer},
	} {
		for _, reason := range reasons {
			l := final(t, state, reason, "m1")
			if l.note != string(state) || strings.HasPrefix(l.text.English, "no card: "+string(state)+" of") {
				t.Errorf("%s, %s: got %+v", state, reason, l)
			}
			seen.say(t, l.text)
		}
	}
	for _, c := range []struct {
		state    fact.State
		messages []fact.Identity
		mood     mood
		text     string
	}{
		{fact.StateDelivered, []fact.Identity{"m1"}, good, `one card told user2 of "hi"; 4 permits left`},
		{fact.StateDelivered, []fact.Identity{"m1", "m2"}, good, "one card told user2 of 2 messages; 4 permits left"},
		{fact.StateDelivered, []fact.Identity{"m3"}, good, "one card told user2 of a message; 4 permits left"},
		{fact.StateDelivered, []fact.Identity{"c1"}, good, "one card told user2 of the call of user1; 4 permits left"},
		{fact.StateRead, []fact.Identity{"m1"}, none, `no card: user2 has read "hi"`},
		{fact.StateUnknown, []fact.Identity{"m1"}, bad, `nobody can say whether a card told user2 of "hi"; no second one is sent`},
		{fact.StateDead, []fact.Identity{"m1"}, bad, `gave up "hi": it is a dead letter now`},
		{fact.StateAnswered, []fact.Identity{"c1"}, none, "no card: user2 has answered the call of user1"},
		{fact.StateEnded, []fact.Identity{"c2"}, none, "no card: a call rings no longer"},
	} {
		if l := final(t, c.state, "", c.messages...); l.text.English != c.text || l.mood != c.mood {
			t.Errorf("%s of %v: got %+v; want %q", c.state, c.messages, l, c.text)
		}
	}
}

func final(t *testing.T, state fact.State, reason fact.Reason, messages ...fact.Identity) line {
	t.Helper()
	step := notify.Step{Kind: notify.StepFinal, State: state, Reason: reason, Messages: messages}
	l, ok := newTestNarrator().step("user2", step, func() int { return 4 })
	if !ok {
		t.Errorf("%s, %s: no line", state, reason)
	}
	return l
}

// What waits, and for how long, depends on what was heard of the recipient before.
func TestAccepted(t *testing.T) {
	n := newTestNarrator()
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	// They come in any order.
	n.learn(fact.Fact{Presence: &fact.Presence{User: "user2", At: at(20)}})
	n.learn(fact.Fact{Presence: &fact.Presence{User: "user2", At: at(10), Online: true}})
	const lead, blind = "waits 1s: more may follow, and one card is enough", "user2 seems to be there: looks in 8s, the blind window"
	accepted := func(s int, id fact.Identity, want string) {
		t.Helper()
		step := notify.Step{At: at(s), Kind: notify.StepAccepted, Messages: []fact.Identity{id}}
		if l, ok := n.step("user2", step, nil); !ok || l.text.English != want || !inChinese(l.text) {
			t.Errorf("%s at %d s: got %q, want %q", id, s, l.text, want)
		}
	}
	ended := func(id fact.Identity) {
		n.step("user2", notify.Step{Kind: notify.StepFinal, State: fact.StateRead, Messages: []fact.Identity{id}}, nil)
	}
	accepted(5, "m1", lead)
	accepted(6, "m2", "adds it to what waits for user2")
	ended("m1")
	ended("m2")
	accepted(10, "m3", blind)
	ended("m3")
	accepted(20, "m4", lead)
	ended("m4")

	// Whoever was told waits for a digest, until they are seen again.
	delivered := func(ids ...fact.Identity) {
		n.step("user2", notify.Step{Kind: notify.StepFinal, State: fact.StateDelivered, Messages: ids}, func() int { return 1 })
	}
	const digest = "keeps it for a digest: user2 was told already, and has not been back"
	delivered("m4")
	accepted(21, "m5", digest)
	ended("m5")
	n.learn(fact.Fact{Read: &fact.Read{Reader: "user2"}})
	accepted(22, "m6", lead)
	delivered("m6")
	n.learn(fact.Fact{Message: &fact.Message{ID: "r1", From: "user2", ByREST: true}})
	accepted(23, "m7", digest)
	ended("m7")
	n.learn(fact.Fact{Message: &fact.Message{ID: "r2", From: "user2"}})
	accepted(24, "m8", lead)
	delivered("m8")
	n.learn(fact.Fact{Presence: &fact.Presence{User: "user2", At: at(25), Online: true}})
	n.learn(fact.Fact{Presence: &fact.Presence{User: "user2", At: at(26)}})
	accepted(27, "m9", lead)
	ended("m9")

	// Calls do not wait, and count as no card.
	accepted(28, "c1", "does not wait: it rings at user2 now")
	delivered("c1")
	accepted(29, "m10", lead)
	for why, want := range map[fact.Reason]string{
		fact.ReasonMissedCall: "nobody answered: user2 will be told of a missed call",
		fact.ReasonReplayed:   "has it wait for user2 again: somebody replayed what was given up",
	} {
		step := notify.Step{At: at(30), Kind: notify.StepAccepted, Reason: why, Messages: []fact.Identity{"c1"}}
		if l, ok := n.step("user2", step, nil); !ok || l.text.English != want || !inChinese(l.text) {
			t.Errorf("%s: got %q, want %q", why, l.text, want)
		}
	}
}
