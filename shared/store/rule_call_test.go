package store_test

import (
	"fmt"
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
		equal(b, "wake", b.record(r), true)
		b.counted(map[fact.State]int64{fact.StateNotBound: 1})
		r.Users = r.Users[:2]
		b.unchanged(func() { b.record(r, r) })
		b.record(b.endOf(fact.Ring{Call: "call", Source: fact.CallSignal, Users: []fact.UserID{carol}}, fact.CallRejected))
		b.endedOf(carol, "call", fact.StateEnded, fact.ReasonRejected)
		equal(b, "who is left", b.ringing().User, alice)
	}},
	{"calls are handed out before messages, and by themselves", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(b.rules.Lead)
		b.record(b.ring("call"))
		queues := func(batch notify.Batch) (out []card.Queue) {
			for _, rec := range batch.Recipients {
				out = append(out, rec.Queue)
			}
			return out
		}
		equal(b, "queues", queues(b.claim()), []card.Queue{card.QueueCalls, card.QueueMessages})
		b.Advance(permit.Lease)
		equal(b, "calls", queues(must(b.Store.ClaimCalls(b.Context(), 1000))(b)), []card.Queue{card.QueueCalls})
		equal(b, "the rest", queues(b.claim()), []card.Queue{card.QueueMessages})
	}},
	{"a recipient in both queues has two leases, so that their cards are told apart", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(b.rules.Lead)
		b.record(b.ring("call"))
		recs := b.claim().Recipients
		equal(b, "recipients", len(recs), 2)
		equal(b, "both have one lease", recs[0].Lease == recs[1].Lease, false)
		for i, id := range []fact.MessageID{"call", "m1"} {
			c := b.begin(recs[i])
			b.finish(notify.Finish{User: alice, Queue: recs[i].Queue, Lease: recs[i].Lease, Card: c.Card, Final: b.final(fact.StateDelivered, id)})
			b.ended(id, fact.StateDelivered, fact.ReasonNone)
		}
	}},
	{"a call that both sources tell of is one, and ends under either name, once", func(b *bench) {
		for i := range 2 {
			b.bind()
			b.Advance(time.Minute)
			first := b.ring(fact.MessageID(fmt.Sprint("call", i)))
			second := twin(first)
			b.record(first)
			equal(b, "wake", b.record(second), false)
			equal(b, "name", b.ringing().Notices[0].ID, first.Identity())
			end := b.endOf([]fact.Ring{first, second}[i], fact.CallAnswered)
			b.record(end)
			b.ended(first.Call, fact.StateAnswered, fact.ReasonNone)
			b.unchanged(func() {
				b.record(end, b.endOf(first, fact.CallCancelled), b.endOf(second, fact.CallTimedOut), first, second)
			})
		}
	}},
	{"the end of a call that overtakes its beginning is remembered of who is bound", func(b *bench) {
		r := b.ring("call")
		b.unchanged(func() { b.record(b.endOf(r, fact.CallCancelled)) })
		b.bind()
		b.record(b.endOf(r, fact.CallRejected))
		b.record(r)
		b.ended("call", fact.StateEnded, fact.ReasonRejected)
	}},
}
