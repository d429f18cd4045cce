package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// aliceEverywhere leaves alice in every kind of record: bound, with permits, preferences
// and a kept name; calls that ended, ring and were told twice; a dead letter; cards that
// are unknown, reported, settled, being sent and begun; a report of none; an absence;
// notices, reads, presence, the index and marks of three days, and a timeline.
func (b *bench) aliceEverywhere() {
	b.Helper()
	b.bind()
	for range 3 {
		b.grant(tmpl, tmpl2)
	}
	b.prefer(notify.Preferences{QuietHours: "01:00-02:00", MutedPeers: []string{"somebody"}})
	b.keepNames(map[string]string{string(alice): "a name"})
	b.record(b.left(), b.message("m0"))
	b.Advance(12 * time.Hour)
	b.record(fact.Recall{ID: "m0", From: bob, To: alice}, b.message("read"))
	b.Advance(12 * time.Hour)
	b.record(fact.Read{Reader: alice, Peer: bob, UpTo: b.Now()})
	b.Advance(time.Second)
	b.aliceDead("dead")
	b.aliceUnknown("unknown")
	b.Advance(10 * time.Second)
	b.aliceUnknown("reported")
	about := b.sentNow(msgID)
	b.record(about)
	about.Template = tmpl2
	b.record(about)
	b.told()
	b.record(b.message("m1"))
	b.reserved(reserveOf(card.ID("settled-"+alice)), permit.ReserveOK)
	b.settle(card.ID("settled-"+alice), permit.CardDelivered, permit.Spent, fact.StateDelivered)
	c := b.begin(b.after(b.rules.DigestSteps[0]))
	b.reserved(reserveOf(c.Card), permit.ReserveOK)
	b.record(b.message("m2"))
	ended, ringing := b.ring("ended"), b.ring("ringing")
	b.record(ended, b.endOf(ended, fact.CallRejected))
	b.Advance(11 * time.Second)
	ringing.At = b.Now()
	b.record(ringing, twin(ringing))
}

// An erasure tells first what is known of a card that WeChat has reported: one message of alice
// is delivered. waitingEverywhere is how many others have not ended then.
const waitingEverywhere = 4

// erasure is a rule that holds for both ways to erase alice.
func erasure(name string, check func(b *bench, erase func(*store.Store) error)) []rule {
	return []rule{
		{name + ", by user", func(b *bench) {
			check(b, func(s *store.Store) error { return s.EraseUser(b.Context(), alice) })
		}},
		{name + ", by openid", func(b *bench) {
			check(b, func(s *store.Store) error { return s.EraseOpenID(b.Context(), aliceOpenID) })
		}},
	}
}

var eraseRules = slices.Concat(
	erasure("erasing leaves no key and no value that names the user or the openid", func(b *bench, erase func(*store.Store) error) {
		b.aliceEverywhere()
		before := b.counts()
		b.must(erase(b.Store))
		b.nothingNames(string(alice), string(aliceOpenID))
		before[fact.StateErased] += waitingEverywhere
		before[fact.StateDelivered]++
		b.counted(before)
		b.boundTo(alice, "")
	}),
	erasure("erasing may be repeated", func(b *bench, erase func(*store.Store) error) {
		b.aliceEverywhere()
		b.must(erase(b.Store))
		b.unchanged(func() { b.must(ignoreNotBound(erase(b.Store))) })
	}),
	erasure("erasing that stopped half way is completed", func(b *bench, erase func(*store.Store) error) {
		b.aliceEverywhere()
		// EraseUser begins with the subscriber, EraseOpenID with the recipient; whatever
		// either has left leads to the rest.
		user := string(alice)
		b.forget(func(key string) bool { return strings.HasSuffix(key, string(aliceOpenID)) })
		b.must(b.Store.EraseUser(b.Context(), alice))
		b.nothingNames(user, string(aliceOpenID))

		b.aliceEverywhere()
		b.forget(func(key string) bool { return strings.Contains(key, user) })
		b.must(b.Store.EraseOpenID(b.Context(), aliceOpenID))
		b.nothingNames(user, string(aliceOpenID))
		b.must(ignoreNotBound(erase(b.Store)))
	}),
	erasure("whatever comes in before any round trip of an erasure, nothing names the user then", func(b *bench, erase func(*store.Store) error) {
		came := true
		for n := 0; came; n++ {
			b.aliceEverywhere()
			b.bindTo(carol, otherOpenID)
			came = false
			b.must(ignoreNotBound(erase(b.Between(n, func() {
				came = true
				m, ring := b.message(fact.MessageID(fmt.Sprint("late", n))), b.ring(fact.MessageID(fmt.Sprint("rings", n)))
				b.record(m, ring, b.left(), fact.Read{Reader: alice, Peer: carol, UpTo: b.Now()},
					fact.Recall{ID: fact.MessageID(fmt.Sprint("recalled", n)), From: bob, To: alice}, b.endOf(ring, fact.CallRejected),
					fact.Message{ID: fact.MessageID(fmt.Sprint("sent", n)), From: alice, To: carol, SentAt: b.Now(), Summary: "words"})
				b.grant(tmpl)
			}))))
			if came {
				b.nothingNames(string(alice), string(aliceOpenID))
				b.must(b.Store.EraseUser(b.Context(), carol))
			} else {
				equal(b, "an erasure takes several round trips", n > 5, true)
			}
		}
	}),
	erasure("late facts about an erased user store nothing", func(b *bench, erase func(*store.Store) error) {
		b.aliceEverywhere()
		b.Advance(permit.Lease)
		recs := b.claim().Recipients
		equal(b, "recipients", len(recs), 2)
		call, rec := recs[0], recs[1]
		letters := b.letters(10)
		b.must(erase(b.Store))
		b.Advance(24*time.Hour - time.Millisecond)
		late := b.ring("late")
		inGroup := b.groupMessage(1)
		inGroup.From, inGroup.For = alice, fact.GroupOff
		b.record(b.popup(b.Now()), b.report(b.Now()), b.left(), b.message("m3"), late, b.endOf(late, fact.CallTimedOut),
			b.sentNow(msgID), b.sentNow(0), inGroup,
			fact.Revoke{ID: "off", OpenID: aliceOpenID, At: b.Now(), Templates: []fact.TemplateID{tmpl}},
			fact.Read{Reader: alice, Peer: bob, UpTo: b.Now()}, fact.Recall{ID: "m3", From: bob, To: alice})
		equal(b, "announced", b.announce(b.announcement("a1")), []notify.Accepted{{State: fact.StateNotBound}})
		b.replayed(letters[0].ID, notify.Replayed{})
		equal(b, "begun", b.begins(beginOf(call)), nil)
		equal(b, "begun", b.begins(beginOf(rec)), nil)
		b.reserved(reserveOf(rec.Open.ID), permit.ReserveErased)
		settled := settleOf(rec.Open.ID, permit.CardDelivered, permit.Spent, fact.StateDelivered)
		equal(b, "settled", b.settles(settled), "")
		equal(b, "resolved", b.resolve("c9"), permit.Resolved{State: permit.CardRefused, Final: fact.StateErased})
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Card: rec.Open.ID, Final: b.final(fact.StateDead, "m1"),
			Absence: notify.AbsenceTold, Dead: &letters[0], Steps: []notify.Step{{At: b.Now(), Kind: notify.StepSent}}})
		b.finish(notify.Finish{User: alice, Queue: call.Queue, Lease: call.Lease, Unanswered: identitiesOf(call)})
		b.reconciled()
		b.nothingNames(string(alice), string(aliceOpenID))
	}),
	erasure("an unknown card at an openid that was the user's before ends once, erased, and is paid for", func(b *bench, erase func(*store.Store) error) {
		b.bindTo(alice, otherOpenID)
		b.record(fact.Grant{ID: "tap", OpenID: otherOpenID, Source: fact.GrantPopup, At: b.Now(), Templates: []fact.TemplateID{tmpl}}, b.message("m1"))
		begun := b.begin(b.after(b.rules.Lead))
		r := reserveOf(begun.Card)
		r.OpenID, r.Messages = otherOpenID, begun.Messages
		b.reserved(r, permit.ReserveOK)
		s := settleOf(begun.Card, permit.CardUnknown, permit.Held, "")
		s.OpenID, s.Messages = otherOpenID, begun.Messages
		b.settles(s)
		b.bindTo(alice, aliceOpenID)
		b.must(erase(b.Store))
		b.counted(map[fact.State]int64{fact.StateErased: 1})
		b.Advance(time.Hour)
		b.reconciled()
		b.counted(map[fact.State]int64{fact.StateErased: 1})
		b.nothingNames(string(alice), string(aliceOpenID))
	}),
	[]rule{
		{"a new login lifts the tombstone", func(b *bench) {
			b.aliceEverywhere()
			b.must(b.Store.EraseUser(b.Context(), alice))
			b.bind()
			b.grant(tmpl)
			equal(b, "permits", b.balance(tmpl), 1)
			b.reserved(reserveOf("c1"), permit.ReserveOK)
			b.prefers(noPreferences)
			b.record(b.message("m9"))
			equal(b, "absence", b.after(b.rules.Lead).Absence, notify.Absence{})
		}},
		{"a fact may ask for erasure", func(b *bench) {
			b.aliceEverywhere()
			b.record(fact.Erase{OpenID: aliceOpenID}, fact.Erase{OpenID: aliceOpenID}, fact.Erase{OpenID: "never heard of"})
			b.nothingNames(string(alice), string(aliceOpenID))
		}},
		{"an erasure that is older than the binding is ignored", func(b *bench) {
			b.aliceEverywhere()
			b.Advance(b.Now().Truncate(time.Second).Add(1700 * time.Millisecond).Sub(b.Now())) // into a second
			b.must(b.Store.EraseUser(b.Context(), alice))
			b.bind()
			b.grant(tmpl)
			bound, asked := b.Now(), fact.Erase{OpenID: aliceOpenID}
			b.Advance(30 * 24 * time.Hour)
			b.bind() // a later login does not make the binding younger
			asked.At = bound.Truncate(time.Second).Add(-time.Second)
			b.unchanged(func() { b.record(asked) })
			b.boundTo(alice, aliceOpenID)
			asked.At = bound.Truncate(time.Second) // WeChat tells whole seconds
			b.record(asked)
			b.nothingNames(string(alice), string(aliceOpenID))
		}},
		{"erasing who is not bound takes what is left of them, and says so of a user", func(b *bench) {
			b.grant(tmpl)
			b.must(b.Store.EraseOpenID(b.Context(), aliceOpenID))
			b.nothingNames(string(aliceOpenID))
			b.aliceEverywhere()
			b.bindTo(carol, aliceOpenID)
			equal(b, "says so", errors.Is(b.Store.EraseUser(b.Context(), alice), store.ErrNotBound), true)
			b.nothingNames(string(alice))
			b.boundTo(carol, aliceOpenID)
		}},
		{"erasing takes a user's name off the cards of an openid that was theirs, and leaves them paid for", func(b *bench) {
			b.aliceEverywhere()
			b.Advance(permit.InFlight) // the card that is being sent is no more
			sending := reserveOf("sending")
			sending.Template = tmpl2
			b.reserved(sending, permit.ReserveOK)
			permits, before := b.balance(tmpl2), b.counts() // without the one that is held for it
			b.bindTo(alice, otherOpenID)
			b.bindTo(carol, aliceOpenID)
			b.must(b.Store.EraseUser(b.Context(), alice))
			b.nothingNames(string(alice), string(otherOpenID))
			before[fact.StateErased] += waitingEverywhere
			before[fact.StateDelivered]++
			b.counted(before)
			settled := settleOf("sending", permit.CardUnknown, permit.Held, "")
			settled.Template = tmpl2
			equal(b, "settled", b.settles(settled), "")
			equal(b, "permits", b.balance(tmpl2), permits)
			b.Advance(time.Hour)
			b.reconciled()
			b.nothingNames(string(alice))
			b.boundTo(carol, aliceOpenID)
		}},
		{"the cards of an openid's former user are found while they are kept", func(b *bench) {
			b.aliceEverywhere()
			b.bindTo(carol, aliceOpenID)
			for range 3 {
				b.Advance(7 * 24 * time.Hour)
				b.grant(tmpl)
				r := reserveOf(card.ID(b.fresh("of carol")))
				r.User = carol
				b.reserved(r, permit.ReserveOK)
			}
			b.must(ignoreNotBound(b.Store.EraseUser(b.Context(), alice)))
			cards := must(b.Raw.HGetAll(b.Context(), b.key(":c:"+string(aliceOpenID))).Result())(b)
			equal(b, "still named", strings.Contains(fmt.Sprint(cards), string(alice)), false)
			b.must(b.Store.EraseOpenID(b.Context(), aliceOpenID))
			b.nothingNames(string(carol), string(aliceOpenID))
		}},
		{"erasing an openid takes nothing from a user who logs in with another meanwhile", func(b *bench) {
			b.bind()
			b.record(b.message("m1"))
			b.must(b.Between(1, func() { b.bindTo(alice, otherOpenID) }).EraseOpenID(b.Context(), aliceOpenID))
			b.boundTo(alice, otherOpenID)
			b.found("m1", alice)
		}},
		{"erasing one leaves others alone", func(b *bench) {
			b.bindTo(carol, otherOpenID)
			b.record(b.messageTo(carol, "m1"))
			before := b.dumpWithoutWatch()
			b.bind()
			b.must(b.Store.EraseUser(b.Context(), alice))
			after := b.dumpWithoutWatch()
			maps.DeleteFunc(after, func(key, _ string) bool { return before[key] == "" })
			equal(b, "of others", after, before)
			b.boundTo(carol, otherOpenID)
		}},
	},
)

// forget deletes what match says of keys, of members of the shared ones, of the openids of
// overdue cards and of who is in the index.
func (b *bench) forget(match func(name string) bool) {
	b.Helper()
	for entry := range b.dump() {
		key, member, _ := strings.Cut(entry, " ")
		_, kind, _ := strings.Cut(key, "}:")
		openID, _, _ := strings.Cut(member, "\n")
		shared := !strings.Contains(kind, ":") || strings.HasPrefix(kind, "i:")
		switch {
		case match(key):
			b.must(b.Raw.Del(b.Context(), key).Err())
		case !shared || !match(openID):
		case b.Raw.Type(b.Context(), key).Val() == "zset":
			b.must(b.Raw.ZRem(b.Context(), key, member).Err())
		default:
			b.must(b.Raw.HDel(b.Context(), key, member).Err())
		}
	}
}

func ignoreNotBound(err error) error {
	if errors.Is(err, store.ErrNotBound) {
		return nil
	}
	return err
}
