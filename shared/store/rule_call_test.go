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
	equal(b, "queue", rec.Queue, notify.QueueCalls)
	equal(b, "calls", len(rec.Notices), 1)
	return rec
}

var callRules = []rule{
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
	{"a call wakes", func(b *bench) {
		b.bind()
		equal(b, "wake", b.record(b.ring("call")), true)
	}},
	{"calls are handed out before messages, and by themselves", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(b.rules.Lead)
		b.record(b.ring("call"))
		var queues []notify.Queue
		for _, rec := range b.claim().Recipients {
			queues = append(queues, rec.Queue)
		}
		equal(b, "queues", queues, []notify.Queue{notify.QueueCalls, notify.QueueMessages})
		b.Advance(notify.Lease)
		batch, err := b.Store.ClaimCalls(b.Context(), 1000)
		b.must(err)
		equal(b, "calls", len(batch.Recipients), 1)
		equal(b, "queue", batch.Recipients[0].Queue, notify.QueueCalls)
		equal(b, "queue of the rest", b.only().Queue, notify.QueueMessages)
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
		for i, id := range []notify.MessageID{"call", "m1"} {
			card := b.begin(recs[i])
			b.finish(notify.Finish{User: alice, Queue: recs[i].Queue, Lease: recs[i].Lease, Card: card.Card, Final: b.final(notify.StateDelivered, id)})
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
	{"the last 20 calls are remembered, for an hour at least", func(b *bench) {
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
		if kept != 20 {
			b.Errorf("%d calls are remembered", kept)
		}
	}},
	{"the end of a call that overtakes its beginning is remembered", func(b *bench) {
		b.bind()
		r := b.ring("call")
		b.record(b.endOf(r, notify.CallRejected))
		b.record(r, b.endOf(r, notify.CallAnswered))
		b.ended("call", notify.StateEnded, notify.ReasonRejected)
		b.nothingDue()
	}},
	{"the end of a call at somebody who is not bound stores nothing", func(b *bench) {
		b.unchanged(func() { b.record(b.endOf(b.ring("call"), notify.CallCancelled)) })
	}},
}
