package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/notify"
)

// rings is how long calls ring in most rules.
const rings = 30 * time.Second

// ring is a call from bob that begins to ring at alice now, as the signalling tells.
func (b *bench) ring(id notify.MessageID) notify.Ring {
	return notify.Ring{Call: id, Source: notify.CallSignal, Caller: bob, Users: []notify.UserID{alice}, At: b.Now(), For: rings}
}

// twin is r as the webhooks tell of it, under another name.
func twin(r notify.Ring) notify.Ring {
	r.Call, r.Source = "twin of "+r.Call, notify.CallWebhook
	return r
}

// endOf is the end of r, now.
func (b *bench) endOf(r notify.Ring, how notify.CallEnd) notify.RingEnd {
	return notify.RingEnd{Call: r.Call, Source: r.Source, Caller: r.Caller, Users: r.Users, How: how, At: b.Now()}
}

// ringing wants exactly one call to ring, at alice, and returns it as it was claimed.
func (b *bench) ringing() notify.Recipient {
	b.Helper()
	rec := b.only()
	equal(b, "lane", rec.Lane, notify.LaneCalls)
	equal(b, "calls", len(rec.Notices), 1)
	return rec
}

// aliceRinging brings alice, with a permit, to a claimed call that rings.
func (b *bench) aliceRinging(id notify.MessageID) (notify.Ring, notify.Recipient) {
	b.Helper()
	b.bind()
	b.grant(tmpl)
	r := b.ring(id)
	b.record(r)
	return r, b.ringing()
}

var callRules = []rule{
	{"a call rings at once, until its time is over", func(b *bench) {
		b.bind()
		r := b.ring("call")
		r.Group = team
		b.record(r)
		rec := b.ringing()
		over := b.Now().Add(rings).Truncate(time.Millisecond)
		equal(b, "notice", rec.Notices[0], notify.Notice{ID: r.Identity(), Kind: notify.KindCall, From: bob, Group: team,
			SentAt: b.Now().Truncate(time.Second), WindowEnd: over, Expires: over})
		equal(b, "openid", rec.OpenID, aliceOpenID)
	}},
	{"a call rings once at each invitee", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		r := b.ring("call")
		r.Users = []notify.UserID{alice, carol, "nobody"}
		b.record(r)
		b.counted(map[notify.State]int64{notify.StateNotBound: 1})
		r.Users = r.Users[:2]
		b.unchanged(func() { equal(b, "wake", b.record(r, r), false) })
		b.record(b.endOf(notify.Ring{Call: "call", Source: notify.CallSignal, Users: []notify.UserID{carol}}, notify.CallRejected))
		b.endedOf(carol, "call", notify.StateEnded, notify.ReasonRejected)
		equal(b, "who is left", b.ringing().User, alice)
	}},
	{"of one caller ten calls a minute ring, and the others are counted", func(b *bench) {
		b.bind()
		for i := range 30 {
			r := b.ring(notify.MessageID(fmt.Sprint("call", i)))
			b.record(r)
			b.record(r)
			if i >= 10 {
				b.onlyLogged(func() { b.record(b.endOf(r, notify.CallCancelled)) })
			}
		}
		b.counted(map[notify.State]int64{notify.StateNotCounted: 20})
		other := b.ring("other")
		other.Caller = carol
		b.record(other)
		equal(b, "rings", len(b.only().Notices), 11)
		b.record(b.endOf(b.ring("call3"), notify.CallRejected))
		b.ended("call3", notify.StateEnded, notify.ReasonRejected)
		b.Advance(time.Minute)
		b.record(b.ring("later"))
		b.record(b.endOf(b.ring("later"), notify.CallRejected))
		b.ended("later", notify.StateEnded, notify.ReasonRejected)
	}},
	{"a call that is not remembered any more does not ring again, and ends", func(b *bench) {
		b.bind()
		first := b.ring("first")
		b.record(first)
		for i := range 20 {
			r := b.ring(notify.MessageID(fmt.Sprint("call", i)))
			r.Caller, r.At = notify.UserID(fmt.Sprint("caller", i)), b.Now().Add(time.Millisecond)
			b.Advance(time.Millisecond)
			b.record(r)
		}
		b.unchanged(func() { b.record(first) })
		b.record(b.endOf(first, notify.CallRejected))
		b.ended("first", notify.StateEnded, notify.ReasonRejected)
		equal(b, "rings", len(b.only().Notices), 20)
	}},
	{"ends of calls that nobody has heard of push out no call that rings", func(b *bench) {
		b.bind()
		r := b.ring("call")
		b.record(r)
		for i := range 30 {
			b.Advance(time.Millisecond)
			b.record(b.endOf(b.ring(notify.MessageID(fmt.Sprint("none", i))), notify.CallCancelled))
		}
		b.unchanged(func() { b.record(b.endOf(b.ring("one more"), notify.CallCancelled)) })
		b.record(twin(r))
		equal(b, "rings", len(b.only().Notices), 1)
	}},
	{"a call wakes", func(b *bench) {
		b.bind()
		equal(b, "wake", b.record(b.ring("call")), true)
	}},
	{"calls are handed out before messages, and by themselves", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(b.rules.Lead)
		b.record(b.ring("call"))
		var lanes []notify.Lane
		for _, rec := range b.claim().Recipients {
			lanes = append(lanes, rec.Lane)
		}
		equal(b, "lanes", lanes, []notify.Lane{notify.LaneCalls, notify.LaneMessages})
		b.Advance(notify.Lease)
		batch, err := b.Store.ClaimCalls(b.Context(), 1000)
		b.must(err)
		equal(b, "calls", len(batch.Recipients), 1)
		equal(b, "lane", batch.Recipients[0].Lane, notify.LaneCalls)
		equal(b, "lane of the rest", b.only().Lane, notify.LaneMessages)
	}},
	{"a recipient in both lanes has two leases, so that his cards are told apart", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(b.rules.Lead)
		b.record(b.ring("call"))
		recs := b.claim().Recipients
		equal(b, "recipients", len(recs), 2)
		if recs[0].Lease == recs[1].Lease {
			b.Fatalf("both have the lease %s", recs[0].Lease)
		}
		for i, id := range []notify.MessageID{"call", "m1"} {
			card := b.begin(recs[i])
			b.finish(notify.Finish{User: alice, Lane: recs[i].Lane, Lease: recs[i].Lease, Card: card.Card, Final: b.final(notify.StateDelivered, id)})
			b.ended(id, notify.StateDelivered, notify.ReasonNone)
		}
	}},
	{"a call that both sources tell of is one, and ends under either name", func(b *bench) {
		for i := range 4 {
			b.Advance(time.Minute)
			first := b.ring(notify.MessageID(fmt.Sprint("call", i)))
			second := twin(first)
			if i%2 == 1 {
				first, second = second, first
			}
			b.bind()
			b.record(first)
			b.Advance(10 * time.Second)
			second.At = b.Now()
			equal(b, "wake", b.record(second), false)
			b.record(second, first)
			equal(b, "name", b.ringing().Notices[0].ID, first.Identity())
			end := b.endOf([]notify.Ring{first, second}[i/2], notify.CallAnswered)
			b.record(end)
			b.ended(first.Call, notify.StateAnswered, notify.ReasonNone)
			b.unchanged(func() {
				b.record(end, b.endOf(first, notify.CallCancelled), b.endOf(second, notify.CallTimedOut), first, second)
			})
		}
		b.counted(map[notify.State]int64{notify.StateAnswered: 4})
	}},
	{"two calls, one soon after the other, are two of each source", func(b *bench) {
		b.bind()
		first := b.ring("first")
		b.record(first)
		b.Advance(3 * time.Second)
		second := b.ring("second")
		b.record(second)
		b.Advance(time.Second)
		later := twin(second)
		later.At = b.Now()
		earlier := twin(first)
		earlier.At = first.At.Add(time.Second)
		b.record(later, earlier)
		equal(b, "calls", idsOf(b.only()), []notify.MessageID{"first", "second"})
		b.record(b.endOf(earlier, notify.CallRejected))
		b.ended("first", notify.StateEnded, notify.ReasonRejected)
		b.record(b.endOf(later, notify.CallAnswered))
		b.ended("second", notify.StateAnswered, notify.ReasonNone)
	}},
	{"one source does not always say who calls in a group", func(b *bench) {
		b.bind()
		first := b.ring("call")
		first.Group = team
		second := twin(first)
		second.Caller = ""
		b.record(second, first)
		equal(b, "name", b.ringing().Notices[0].ID, second.Identity())
	}},
	twoCalls("of which one does not say who calls", func(second *notify.Ring) { second.Caller = "" }),
	twoCalls("of which one does not say who calls in another group", func(second *notify.Ring) { second.Caller, second.Group = "", team }),
	twoCalls("of one source", func(second *notify.Ring) { second.Source = notify.CallSignal }),
	twoCalls("of two callers", func(second *notify.Ring) { second.Caller = carol }),
	twoCalls("more than ten seconds apart", func(second *notify.Ring) { second.At = second.At.Add(-10*time.Second - time.Millisecond) }),
	{"a call of which we hear too late is over", func(b *bench) {
		b.bind()
		r := b.ring("call")
		r.At = b.Now().Add(-rings)
		equal(b, "wake", b.record(r), false)
		b.ended("call", notify.StateEnded, notify.ReasonTimedOut)
		b.nothingDue()
		b.onlyLogged(func() { b.record(r, b.endOf(r, notify.CallTimedOut)) })
	}},
	{"a call of the future, or of no time, rings from now on", func(b *bench) {
		b.bind()
		for i, at := range []time.Time{b.Now().Add(1000 * time.Hour), {}, time.UnixMilli(0)} {
			r := b.ring(notify.MessageID(fmt.Sprint("call", i)))
			r.At = at
			b.record(r)
			rec := b.ringing()
			equal(b, "until", rec.Notices[0].Expires, b.Now().Add(rings).Truncate(time.Millisecond))
			b.record(b.endOf(r, notify.CallHungUp))
			b.ended(r.Call, notify.StateEnded, notify.ReasonHungUp)
		}
	}},
	{"coming back takes the lease from a run that only looked at a call, which is looked at in five seconds", func(b *bench) {
		_, rec := b.aliceRinging("call")
		b.record(b.returned())
		equal(b, "begun", b.begins(beginOf(rec)), nil)
		b.unchanged(func() {
			b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Final: b.final(notify.StateCameOnline, "call")})
		})
		next := b.after(5 * time.Second)
		equal(b, "known", next.Known, notify.StatusOnline)
		equal(b, "lane", next.Lane, notify.LaneCalls)
	}},
	{"coming back does not take the lease from a call's card", func(b *bench) {
		_, rec := b.aliceRinging("call")
		card := b.begin(rec)
		b.record(b.returned())
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Card: card.Card, Final: b.final(notify.StateDelivered, "call")})
		b.ended("call", notify.StateDelivered, notify.ReasonNone)
	}},
	{"leaving makes a call due at once", func(b *bench) {
		_, rec := b.aliceRinging("call")
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Again: b.Now().Add(5 * time.Second)})
		b.nothingDue()
		b.record(b.left())
		equal(b, "known", b.ringing().Known, notify.StatusOffline)
	}},
	{"leaving while a run looks makes a call due when it has looked", func(b *bench) {
		_, rec := b.aliceRinging("call")
		b.record(b.left())
		b.nothingDue()
		b.finish(notify.Finish{User: alice, Lane: rec.Lane, Lease: rec.Lease, Again: b.Now().Add(5 * time.Second)})
		b.ringing()
	}},
	{"what rings is not muted by reading", func(b *bench) {
		b.bind()
		b.record(b.ring("call"), notify.Read{Reader: alice, Peer: bob, UpTo: b.Now().Add(time.Minute)})
		b.ringing()
	}},
	{"calls are remembered for an hour at least, and bounded", func(b *bench) {
		b.bind()
		old := b.ring("old call")
		b.record(old, b.endOf(old, notify.CallRejected))
		b.Advance(time.Hour)
		b.unchanged(func() { b.record(old) })
		for i := range 60 {
			b.Advance(10 * time.Minute)
			r := b.ring(notify.MessageID(fmt.Sprint("call", i)))
			b.record(r, b.endOf(r, notify.CallRejected))
		}
		kept := 0
		for entry, value := range b.dump() {
			if strings.Contains(entry, "}:cl:") {
				var log map[notify.Identity]any
				b.must(json.Unmarshal([]byte(value), &log))
				kept = len(log)
			}
		}
		if kept == 0 || kept > 51 {
			b.Errorf("%d calls are remembered", kept)
		}
	}},
	{"the calls of a user who is bound to nobody any more end", func(b *bench) {
		b.bind()
		b.record(b.ring("call"))
		b.bindTo(carol, aliceOpenID)
		b.ended("call", notify.StateUnbound, notify.ReasonNewerBinding)
		b.nothingDue()
	}},
	{"a call goes to the openid of the latest login", func(b *bench) {
		_, rec := b.aliceRinging("call")
		b.bindTo(alice, otherOpenID)
		equal(b, "begun", b.begins(beginOf(rec)), nil)
		equal(b, "openid", b.ringing().OpenID, otherOpenID)
	}},
}

// twoCalls is the rule that two calls are not taken for one: change makes the second from
// what its other source would tell of the first.
func twoCalls(what string, change func(second *notify.Ring)) rule {
	return rule{"calls " + what + " are two", func(b *bench) {
		b.bind()
		second := twin(b.ring("call"))
		change(&second)
		b.record(b.ring("call"), second)
		equal(b, "calls", idsOf(b.only()), []notify.MessageID{"call", second.Call})
	}}
}
