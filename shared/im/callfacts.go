package im

import (
	"slices"
	"time"

	"wxnotify/shared/fact"
)

// maxCalled bounds whom one step of a call may name. Calls end at 9 people.
// Source: https://trtc.io/document/59838
const maxCalled = 100

// Bounds of how long a call rings. Callers may say what they like, up to 600 s; what rings goes through
// quiet hours and is asked about every few seconds, so that it is not believed for long.
// Source: https://github.com/Tencent-RTC/docs (zh/callkit/faq/web.md)
const (
	minRing = time.Second
	maxRing = 60 * time.Second
)

// signalFacts returns what a message signals of a call. One for those who are online
// only rings at nobody else, not even at who comes in time. One that failed in IM rings
// at nobody at all; as its Before may have said that it does, it is taken for an end.
func (c Callback) signalFacts(in fact.Conversation, failedCode int, onlineOnly bool) []fact.Fact {
	calls := slices.Clone(c.Calls)
	for i := range calls {
		if calls[i].Phase == CallRinging && failedCode != 0 {
			calls[i].Phase = CallEnded
		}
	}
	if onlineOnly {
		calls = slices.DeleteFunc(calls, func(call Call) bool { return call.Phase == CallRinging })
	}
	c.Calls = calls
	return c.callFacts(fact.CallSignal, in)
}

func (c Callback) callFacts(source fact.CallSource, in fact.Conversation) []fact.Fact {
	var facts []fact.Fact
	for _, call := range c.Calls {
		if call.At.IsZero() {
			call.At = c.EventTime
		}
		if f := call.fact(source, in); f != (fact.Fact{}) {
			facts = append(facts, f)
		}
	}
	return facts
}

// fact is empty if the step is about nobody who can be told.
func (c Call) fact(source fact.CallSource, in fact.Conversation) fact.Fact {
	users := people(c.Users)
	if c.Phase == CallRinging {
		users = slices.DeleteFunc(users, func(user fact.UserID) bool { return user == c.Caller })
	}
	if len(users) == 0 {
		return fact.Fact{}
	}
	users = users[:min(len(users), maxCalled)]
	if c.Phase != CallRinging {
		return fact.Fact{RingEnd: &fact.RingEnd{
			Call: fact.MessageID(c.ID), Source: source, Conversation: in, Caller: c.Caller, Users: users, How: c.Phase.end(), At: c.At,
		}}
	}
	return fact.Fact{Ring: &fact.Ring{
		Call: fact.MessageID(c.ID), Source: source, Conversation: in, Caller: c.Caller, Group: fact.GroupID(c.GroupID),
		Users: users, At: c.At, For: min(max(c.Ring, minRing), maxRing),
	}}
}

// end is what the domain calls a phase in which it rings no longer.
func (p CallPhase) end() fact.CallEnd {
	switch p {
	case CallAnswered:
		return fact.CallAnswered
	case CallRejected:
		return fact.CallRejected
	case CallCancelled:
		return fact.CallCancelled
	case CallBusy:
		return fact.CallBusy
	case CallTimedOut:
		return fact.CallTimedOut
	}
	return fact.CallHungUp
}
