package store_test

import (
	"fmt"
	"maps"
	"regexp"
	"time"

	"wxnotify/shared/notify"
)

// ringLog matches what is remembered of a call.
var ringLog = regexp.MustCompile(`\}:cl:|:r:\S+ v$`)

// onlyLogged wants do to change nothing but what is remembered of calls.
func (b *bench) onlyLogged(do func()) {
	b.Helper()
	isLog := func(entry, _ string) bool { return ringLog.MatchString(entry) }
	before := b.dumpWithoutWatch()
	do()
	after := b.dumpWithoutWatch()
	maps.DeleteFunc(before, isLog)
	maps.DeleteFunc(after, isLog)
	equal(b, "what changed", after, before)
}

// callEnds are all the ways in which ringing can end.
var callEnds = []notify.CallEnd{notify.CallAnswered, notify.CallRejected, notify.CallCancelled, notify.CallTimedOut, notify.CallBusy, notify.CallHungUp}

// missed wants alice to be told of the call r, which began then, as missed: d from now, in
// the lane of messages.
func (b *bench) missed(r notify.Ring, d time.Duration) {
	b.Helper()
	heard := b.Now()
	rec := b.after(d)
	equal(b, "lane", rec.Lane, notify.LaneMessages)
	sent := r.At.Truncate(time.Second).UTC()
	equal(b, "notices", rec.Notices, []notify.Notice{{ID: r.Identity(), Kind: notify.KindMissedCall, From: r.Caller, Group: r.Group, SentAt: sent,
		WindowEnd: heard.Add(b.rules.BlindWindow).Truncate(time.Millisecond), Expires: sent.Add(b.rules.TTL)}})
	b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Final: b.final(notify.StateDelivered, r.Call)})
	b.ended(r.Call, notify.StateDelivered, notify.ReasonNone)
}

// endsCall is the rule that a call of which the facts that make returns tell in turn ends
// as it should, for every way to end and whether missed calls are told or not. tell
// records them; when is how long after the first the call is known to have been missed.
func endsCall(name string, tell func(b *bench, r notify.Ring, how notify.CallEnd)) rule {
	return rule{name, func(b *bench) {
		b.bind()
		for i, how := range callEnds {
			for _, b.rules.MissedCalls = range []bool{false, true} {
				b.Advance(time.Minute)
				r := b.ring(notify.MessageID(fmt.Sprint(how, b.rules.MissedCalls, i)))
				tell(b, r, how)
				if b.rules.MissedCalls && how.Missed() {
					b.missed(r, b.rules.Lead)
				} else {
					state, why := how.State()
					b.ended(r.Call, state, why)
				}
				b.nothingDue()
			}
		}
		want := map[notify.State]int64{notify.StateAnswered: 2, notify.StateEnded: 7, notify.StateDelivered: 3}
		b.counted(want)
	}}
}

var callEndRules = []rule{
	endsCall("a call ends as it was ended, and one in vain is told as missed if the rules say so", func(b *bench, r notify.Ring, how notify.CallEnd) {
		b.record(r)
		b.record(b.endOf(r, how))
		b.record(b.endOf(r, how), r)
	}),
	endsCall("a call ends so while a run looks at it", func(b *bench, r notify.Ring, how notify.CallEnd) {
		b.record(r)
		rec := b.ringing()
		b.record(b.endOf(r, how))
		equal(b, "begun", b.begins(beginOf(rec)), nil)
		b.unchanged(func() {
			b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Missed: b.identities(r.Call)})
		})
	}),
	endsCall("an end that overtakes its beginning ends the call", func(b *bench, r notify.Ring, how notify.CallEnd) {
		b.record(b.endOf(r, how))
		b.nothingDue()
		b.record(r)
		b.record(r, b.endOf(r, how))
	}),
	endsCall("an end of one source that overtakes its beginning ends the call of the other", func(b *bench, r notify.Ring, how notify.CallEnd) {
		b.record(r)
		b.record(b.endOf(twin(r), how))
		b.record(twin(r))
		b.record(b.endOf(r, how), twin(r))
	}),
	endsCall("ends that overtake both beginnings end the call once", func(b *bench, r notify.Ring, how notify.CallEnd) {
		b.record(b.endOf(r, how), b.endOf(twin(r), how))
		b.record(r)
		b.record(twin(r))
	}),
	endsCall("a call that ends while its card travels ends so if the card does not go out", func(b *bench, r notify.Ring, how notify.CallEnd) {
		b.record(r)
		rec := b.ringing()
		card := b.begin(rec)
		b.record(b.endOf(r, how))
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: card.Card, Again: b.Now()})
	}),
	{"a call that ends while its card travels is delivered if the card goes out", func(b *bench) {
		b.rules.MissedCalls = true
		for i, how := range callEnds {
			b.Advance(time.Minute)
			r, rec := b.aliceRinging(notify.MessageID(fmt.Sprint("call", i)))
			card := b.begin(rec)
			b.record(b.endOf(r, how))
			b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, r.Call)})
			b.ended(r.Call, notify.StateDelivered, notify.ReasonNone)
			b.Advance(b.rules.Lead)
			b.nothingDue()
		}
	}},
	{"a missed call is one of the messages of somebody last known online", func(b *bench) {
		b.rules.MissedCalls = true
		b.bind()
		b.record(b.returned())
		r := b.ring("call")
		b.record(r)
		equal(b, "wake", b.record(b.endOf(r, notify.CallCancelled)), false)
		b.missed(r, b.rules.BlindWindow)
	}},
	{"a missed call of a group says so", func(b *bench) {
		b.rules.MissedCalls = true
		b.bind()
		r := b.ring("call")
		r.Group = team
		b.record(r, b.endOf(r, notify.CallTimedOut))
		b.missed(r, b.rules.Lead)
	}},
	{"a missed call of which we hear too late is told", func(b *bench) {
		b.rules.MissedCalls = true
		b.bind()
		r := b.ring("call")
		r.At = b.Now().Add(-rings)
		equal(b, "wake", b.record(r), true)
		b.missed(r, b.rules.Lead)
		b.onlyLogged(func() { b.record(b.endOf(r, notify.CallTimedOut), r) })
	}},
	{"a call that a run saw ring in vain is told as missed, if the rules say so", func(b *bench) {
		for _, b.rules.MissedCalls = range []bool{false, true} {
			b.Advance(time.Minute)
			r, _ := b.aliceRinging(notify.MessageID(fmt.Sprint("call", b.rules.MissedCalls)))
			b.Advance(notify.Lease)
			rec := b.ringing()
			ends := b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Missed: b.identities(r.Call)})
			if b.rules.MissedCalls {
				equal(b, "ended", ends, [][]notify.Ended{nil})
				b.unchanged(func() { b.record(r) })
				b.record(b.endOf(r, notify.CallTimedOut)) // as the run knew
				b.missed(r, b.rules.Lead)
			} else {
				equal(b, "ended", ends, [][]notify.Ended{{{State: notify.StateEnded, Reason: notify.ReasonTimedOut, Messages: 1}}})
				b.ended(r.Call, notify.StateEnded, notify.ReasonTimedOut)
			}
		}
	}},
	{"of several calls that end, each ends as it did", func(b *bench) {
		b.bind()
		first, second := b.ring("first"), b.ring("second")
		b.record(first, second)
		b.record(b.endOf(first, notify.CallRejected))
		equal(b, "ringing", idsOf(b.only()), []notify.MessageID{"second"})
		b.record(b.endOf(second, notify.CallAnswered))
		b.ended("first", notify.StateEnded, notify.ReasonRejected)
		b.ended("second", notify.StateAnswered, notify.ReasonNone)
	}},
	{"an end of which nothing rings is only remembered", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.onlyLogged(func() { b.record(b.endOf(b.ring("call"), notify.CallCancelled)) })
	}},
	{"an end at somebody who is not bound stores nothing", func(b *bench) {
		b.unchanged(func() { b.record(b.endOf(b.ring("call"), notify.CallCancelled)) })
	}},
	{"a missed call of somebody who is bound to nobody any more ends", func(b *bench) {
		b.rules.MissedCalls = true
		r, rec := b.aliceRinging("call")
		card := b.begin(rec)
		b.record(b.endOf(r, notify.CallCancelled))
		b.bindTo(carol, aliceOpenID)
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateUnbound, "call")})
		b.ended("call", notify.StateUnbound, notify.ReasonNone)
		b.nothingDue()
	}},
	{"a missed call has one of the 40 places that messages have not", func(b *bench) {
		b.rules.MissedCalls = true
		b.bind()
		b.record(b.message("m0"))
		b.multiply(160)
		for i := range 39 {
			b.announce(b.announcement(notify.MessageID(fmt.Sprint("a", i))))
		}
		first, second := b.ring("first"), b.ring("second")
		b.record(first, b.endOf(first, notify.CallCancelled), second, b.endOf(second, notify.CallCancelled))
		b.ended("second", notify.StateNotCounted, notify.ReasonCrowded)
		equal(b, "notices", len(b.only().Notices), 200)
	}},
	{"half of the places for missed calls are one caller's at most", func(b *bench) {
		b.rules.MissedCalls = true
		b.bind()
		for i := range 21 {
			r := b.ring(notify.MessageID(fmt.Sprint("call", i)))
			b.record(r, b.endOf(r, notify.CallCancelled))
			b.Advance(30 * time.Second)
		}
		b.ended("call20", notify.StateNotCounted, notify.ReasonCrowded)
	}},
	{"a call that was taken for missed ends as it did, if we hear of that while it waits", func(b *bench) {
		b.rules.MissedCalls = true
		for i, how := range callEnds {
			if how.Missed() {
				continue
			}
			b.Advance(time.Minute)
			r, _ := b.aliceRinging(notify.MessageID(fmt.Sprint("call", i)))
			b.Advance(notify.Lease)
			rec := b.ringing()
			b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Missed: b.identities(r.Call)})
			b.record(b.endOf(r, how))
			state, why := how.State()
			b.ended(r.Call, state, why)
			b.Advance(b.rules.Lead)
			b.nothingDue()
		}
	}},
}
