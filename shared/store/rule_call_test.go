package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// rings is how long calls ring in most rules.
const rings = 30 * time.Second

// ring is a call from bob that begins to ring at alice now, as the signalling tells.
func (b *bench) ring(id fact.MessageID) fact.Ring {
	return fact.Ring{Call: id, Source: fact.CallSignal, Caller: bob, Users: []fact.UserID{alice}, At: b.Now(), For: rings}
}

// twin is r as the webhooks tell of it, under another name.
func twin(r fact.Ring) fact.Ring {
	r.Call, r.Source = "twin of "+r.Call, fact.CallWebhook
	return r
}

// endOf is the end of r, now.
func (b *bench) endOf(r fact.Ring, how fact.CallEnd) fact.RingEnd {
	return fact.RingEnd{Call: r.Call, Source: r.Source, Caller: r.Caller, Users: r.Users, How: how, At: b.Now()}
}

// ringing wants exactly one call to ring, at alice, and returns it as it was claimed.
func (b *bench) ringing() notify.Recipient {
	b.Helper()
	rec := b.only()
	equal(b, "queue", rec.Queue, card.QueueCalls)
	equal(b, "calls", len(rec.Notices), 1)
	return rec
}

var callRules = []rule{
	{"a call rings once at each invitee", func(b *bench) {
		b.bind()
		b.bindTo(carol, carolOpenID)
		r := b.ring("call")
		r.Users = []fact.UserID{alice, carol, "nobody"}
		b.record(r)
		b.counted(map[fact.State]int64{fact.StateNotBound: 1})
		r.Users = r.Users[:2]
		b.unchanged(func() { equal(b, "wake", b.record(r, r), false) })
		b.record(b.endOf(fact.Ring{Call: "call", Source: fact.CallSignal, Users: []fact.UserID{carol}}, fact.CallRejected))
		b.endedOf(carol, "call", fact.StateEnded, fact.ReasonRejected)
		equal(b, "who is left", b.ringing().User, alice)
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
		var queues []card.Queue
		for _, rec := range b.claim().Recipients {
			queues = append(queues, rec.Queue)
		}
		equal(b, "queues", queues, []card.Queue{card.QueueCalls, card.QueueMessages})
		b.Advance(permit.Lease)
		batch, err := b.Store.ClaimCalls(b.Context(), 1000)
		b.must(err)
		equal(b, "calls", len(batch.Recipients), 1)
		equal(b, "queue", batch.Recipients[0].Queue, card.QueueCalls)
		equal(b, "queue of the rest", b.only().Queue, card.QueueMessages)
	}},
	{"a recipient in both queues has two leases, so that their cards are told apart", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(b.rules.Lead)
		b.record(b.ring("call"))
		recs := b.claim().Recipients
		equal(b, "recipients", len(recs), 2)
		if recs[0].Lease == recs[1].Lease {
			b.Fatalf("both have the lease %s", recs[0].Lease)
		}
		for i, id := range []fact.MessageID{"call", "m1"} {
			c := b.begin(recs[i])
			b.finish(notify.Finish{User: alice, Queue: recs[i].Queue, Lease: recs[i].Lease, Card: c.Card, Final: b.final(fact.StateDelivered, id)})
			b.ended(id, fact.StateDelivered, fact.ReasonNone)
		}
	}},
	{"a call that both sources tell of is one, and ends under either name", func(b *bench) {
		for i := range 4 {
			b.Advance(time.Minute)
			first := b.ring(fact.MessageID(fmt.Sprint("call", i)))
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
			end := b.endOf([]fact.Ring{first, second}[i/2], fact.CallAnswered)
			b.record(end)
			b.ended(first.Call, fact.StateAnswered, fact.ReasonNone)
			b.unchanged(func() {
				b.record(end, b.endOf(first, fact.CallCancelled), b.endOf(second, fact.CallTimedOut), first, second)
			})
		}
		b.counted(map[fact.State]int64{fact.StateAnswered: 4})
	}},
	{"the last 20 calls are remembered, for an hour at least", func(b *bench) {
		b.bind()
		old := b.ring("old call")
		b.record(old, b.endOf(old, fact.CallRejected))
		b.Advance(time.Hour)
		b.unchanged(func() { b.record(old) })
		for i := range 60 {
			b.Advance(10 * time.Minute)
			r := b.ring(fact.MessageID(fmt.Sprint("call", i)))
			b.record(r, b.endOf(r, fact.CallRejected))
		}
		kept := 0
		for entry, value := range b.dump() {
			if strings.Contains(entry, "}:cl:") {
				var log map[fact.Identity]any
				b.must(json.Unmarshal([]byte(value), &log))
				kept = len(log)
			}
		}
		if kept != 20 {
			b.Errorf("%d calls are remembered", kept)
		}
	}},
	{"the end of a call that overtakes its beginning is remembered", func(b *bench) {
		b.bind()
		r := b.ring("call")
		b.record(b.endOf(r, fact.CallRejected))
		b.record(r, b.endOf(r, fact.CallAnswered))
		b.ended("call", fact.StateEnded, fact.ReasonRejected)
		b.nothingDue()
	}},
	{"the end of a call at somebody who is not bound stores nothing", func(b *bench) {
		b.unchanged(func() { b.record(b.endOf(b.ring("call"), fact.CallCancelled)) })
	}},
}
