package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/notify"
)

var messageRules = []rule{
	{"an unbound recipient is only counted and nothing is stored", func(b *bench) {
		wake := b.record(b.message("m1"), b.left(), notify.Read{Reader: alice, Peer: bob, UpTo: b.Now()},
			notify.Recall{ID: "m2", From: bob, To: alice})
		equal(b, "wake", wake, false)
		b.counted(map[notify.State]int64{notify.StateNotBound: 1})
		for key, value := range b.dump() {
			if value != "1" && !strings.Contains(key, ":at:") { // a word by which a repeat is known
				b.Errorf("stored: %s = %s", key, value)
			}
		}
		b.nothingNames(string(alice), string(bob))
	}},
	{"a message for somebody of whom nothing is known is due after lead", func(b *bench) {
		b.bind()
		m := b.message("m1")
		m.Summary = "你好 <b> \"x\" / \x00"
		b.record(m)
		window := b.Now().Add(b.rules.BlindWindow)
		rec := b.after(b.rules.Lead)
		lease := rec.Lease
		rec.Lease = ""
		equal(b, "recipient", rec, notify.Recipient{User: alice, Lane: notify.LaneMessages, OpenID: aliceOpenID, Known: notify.StatusUnknown,
			Notices: []notify.Notice{{ID: m.Identity(), Kind: notify.KindMessage, From: bob, SentAt: m.SentAt, Seq: m.Seq, Summary: m.Summary,
				WindowEnd: window, Expires: m.SentAt.Add(b.rules.TTL)}}})
		if lease == "" {
			b.Error("no lease")
		}
	}},
	{"a message for somebody last known offline is due after lead", func(b *bench) {
		b.bind()
		b.record(b.left())
		b.record(b.message("m1"))
		equal(b, "known", b.after(b.rules.Lead).Known, notify.StatusOffline)
	}},
	{"a message for somebody last known online is due after the blind window", func(b *bench) {
		b.bind()
		b.record(b.returned())
		b.record(b.message("m1"))
		equal(b, "known", b.after(b.rules.BlindWindow).Known, notify.StatusOnline)
	}},
	{"a burst has one due time", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(time.Second)
		b.record(b.message("m2"), b.message("m3"))
		rec := b.after(b.rules.Lead - time.Second)
		equal(b, "notices", idsOf(rec), []notify.MessageID{"m1", "m2", "m3"})
	}},
	{"a message repeated five times is one notice", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(m)
		b.unchanged(func() {
			for range 4 {
				equal(b, "wake", b.record(m), false)
			}
		})
		b.record(m, m)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m1"})
	}},
	{"Before and After of a message are one notice", func(b *bench) {
		b.bind()
		before := b.message("m1")
		after := before
		after.SentAt, after.Summary = before.SentAt.Add(time.Second), "text"
		b.record(before)
		b.record(after)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m1"})
	}},
	{"messages of two senders may share an id", func(b *bench) {
		b.bind()
		fromCarol := b.message("m1")
		fromCarol.From = carol
		b.record(b.message("m1"), fromCarol)
		b.record(notify.Recall{ID: "m1", From: carol, To: alice})
		rec := b.after(b.rules.Lead)
		equal(b, "notices", len(rec.Notices), 1)
		equal(b, "sender", rec.Notices[0].From, bob)
	}},
	{"an After that failed withdraws the notice", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(m, b.message("m2"))
		m.FailedCode = 20012
		b.record(m)
		b.record(m)
		b.ended("m1", notify.StateFailedIM, notify.ReasonNone)
		b.counted(map[notify.State]int64{notify.StateFailedIM: 1})
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"m2"})
	}},
	{"an After that failed counts also when it comes first", func(b *bench) {
		b.bind()
		m := b.message("m1")
		failed := m
		failed.FailedCode = 20012
		b.record(failed)
		b.record(m, failed, m)
		b.ended("m1", notify.StateFailedIM, notify.ReasonNone)
		b.counted(map[notify.State]int64{notify.StateFailedIM: 1})
		steps := b.timeline(alice)
		equal(b, "detail", steps[0].Detail, "20012")
		b.Advance(time.Hour)
		b.nothingDue()
	}},
	{"a failed message leaves other peers' messages alone", func(b *bench) {
		b.bind()
		fromCarol := b.message("m1")
		fromCarol.From = carol
		b.record(b.message("m1"), fromCarol)
		fromCarol.FailedCode = 20012
		b.record(fromCarol)
		rec := b.after(b.rules.Lead)
		equal(b, "notices", len(rec.Notices), 1)
		equal(b, "sender", rec.Notices[0].From, bob)
	}},
	uncounted("what our own administrator sends", notify.ReasonAdmin),
	uncounted("what one sends to oneself", notify.ReasonSelf),
	uncounted("what carries nothing to read", notify.ReasonSilent),
	{"a message older than its time to live is expired", func(b *bench) {
		b.bind()
		young, old := b.message("young"), b.message("old")
		now := b.Now()
		young.SentAt = now.Add(-b.rules.TTL + time.Second).Truncate(time.Second)
		old.SentAt = now.Add(-b.rules.TTL).Truncate(time.Second)
		b.record(old, young)
		b.ended("old", notify.StateExpired, notify.ReasonNone)
		equal(b, "notices", idsOf(b.after(b.rules.Lead)), []notify.MessageID{"young"})
	}},
	{"no more than 160 messages wait for one recipient, and no more than 200 notices", func(b *bench) {
		b.bind()
		b.record(b.message("m0"))
		b.multiply(159)
		b.record(b.message("last"))
		b.record(b.message("one too many"))
		b.ended("one too many", notify.StateNotCounted, notify.ReasonCrowded)
		for i := range 40 {
			b.announce(b.announcement(notify.MessageID(fmt.Sprint("a", i))))
		}
		equal(b, "accepted", b.announce(b.announcement("late"))[0].Reason, notify.ReasonCrowded)
		equal(b, "notices", len(b.only().Notices), 200)
	}},
	{"half of the places for messages are one sender's at most", func(b *bench) {
		b.bind()
		for i := range 81 {
			b.record(b.message(notify.MessageID(fmt.Sprint("m", i))))
		}
		b.ended("m80", notify.StateNotCounted, notify.ReasonCrowded)
		other := b.message("other")
		other.From = carol
		b.record(other)
		equal(b, "notices", len(b.after(b.rules.Lead).Notices), 81)
	}},
	{"of what has no room each is counted once, and one a minute told", func(b *bench) {
		b.bind()
		b.record(b.message("m0"))
		b.multiply(160)
		for i := range 3 {
			m := b.message(notify.MessageID(fmt.Sprint("crowded", i)))
			b.record(m)
			b.record(m)
		}
		b.counted(map[notify.State]int64{notify.StateNotCounted: 3})
		told := func() (n int) {
			for _, s := range b.timeline(alice) {
				if s.Reason == notify.ReasonCrowded {
					n++
				}
			}
			return n
		}
		equal(b, "told", told(), 1)
		b.Advance(time.Minute)
		b.record(b.message("later"))
		b.ended("later", notify.StateNotCounted, notify.ReasonCrowded)
		equal(b, "told", told(), 2)
	}},
	{"a time with fourteen digits survives", func(b *bench) {
		b.bind()
		far := time.Date(2310, 12, 31, 23, 59, 59, 999e6, time.UTC)
		b.Advance(far.Sub(b.Now()))
		m := b.message("m1")
		b.record(m, b.left())
		rec := b.after(b.rules.Lead)
		equal(b, "sent", rec.Notices[0].SentAt, far.Truncate(time.Second))
		equal(b, "window", rec.Notices[0].WindowEnd, far.Add(b.rules.BlindWindow))
		equal(b, "timeline", b.timeline(alice)[0].At, far)
		b.finish(notify.Finish{User: alice, Lease: rec.Lease, Again: b.Now().Add(1234567 * time.Millisecond), Carried: notify.Carried{AskedSince: far}})
		equal(b, "asked since", b.after(1234567*time.Millisecond).AskedSince, far)
	}},
	{"a timeline keeps the last 100 steps, oldest first", func(b *bench) {
		b.bind()
		for i := range 101 {
			m := b.message(notify.MessageID(fmt.Sprint("m", i)))
			m.From = notify.UserID(fmt.Sprint("peer", i))
			b.record(m)
			b.Advance(time.Millisecond)
		}
		steps := b.timeline(alice)
		equal(b, "steps", len(steps), 100)
		equal(b, "first", steps[0].Messages, b.identities("m1"))
		equal(b, "last", steps[99].Messages, b.identities("m100"))
		if !slices.IsSortedFunc(steps, func(x, y notify.Step) int { return x.At.Compare(y.At) }) {
			b.Error("not in order")
		}
	}},
	{"what fails because a document cannot be read is recorded when it is mended", func(b *bench) {
		b.bind()
		m, r := b.message("m1"), b.ring("call")
		b.record(b.message("m0"), notify.Ring{Call: "other", Source: notify.CallSignal, Caller: carol, Users: []notify.UserID{alice}, At: b.Now(), For: rings})
		tap, read := b.popup(b.Now()), notify.Read{Reader: alice, Peer: bob, UpTo: b.Now().Add(-time.Minute)}
		b.grant(tmpl)
		whole := b.dump()
		for entry := range whole {
			key, field, _ := strings.Cut(entry, " ")
			switch _, kind, _ := strings.Cut(key, "}:"); kind {
			case "r:" + string(alice):
				if field == "m" || field == "c" {
					b.must(b.Raw.HSet(b.Context(), key, field, "{garbage").Err())
				}
			case "s:" + string(aliceOpenID):
				if field == "d" {
					b.must(b.Raw.HSet(b.Context(), key, field, "{garbage").Err())
				}
			}
		}
		b.unchanged(func() {
			for _, fact := range []any{m, r, tap, read} {
				if _, err := b.Store.Record(b.Context(), b.rules, factsOf([]any{fact})); !errors.Is(err, notify.ErrUnreadable) || !namesOne(whole, err) {
					b.Errorf("%T: %v; want an error of what cannot be read, with its key", fact, err)
				}
			}
		})
		for entry, value := range whole {
			key, field, _ := strings.Cut(entry, " ")
			switch _, kind, _ := strings.Cut(key, "}:"); kind {
			case "r:" + string(alice):
				if field == "m" || field == "c" {
					b.must(b.Raw.HSet(b.Context(), key, field, value).Err())
				}
			case "s:" + string(aliceOpenID):
				if field == "d" {
					b.must(b.Raw.HSet(b.Context(), key, field, value).Err())
				}
			}
		}
		b.record(m, r, tap, read)
		equal(b, "permits", b.balance(tmpl), 2)
		b.Advance(b.rules.BlindWindow)
		var ids []notify.MessageID
		for _, rec := range b.claim().Recipients {
			ids = append(ids, idsOf(rec)...)
		}
		equal(b, "notices", ids, []notify.MessageID{"other", "call", "m0", "m1"})
	}},
	{"something unreadable keeps no other recipient's message from being recorded", func(b *bench) {
		for what, spoil := range map[string]func(key string) error{
			"no JSON":        func(key string) error { return b.Raw.HSet(b.Context(), key, "m", "{garbage").Err() },
			"no object":      func(key string) error { return b.Raw.HSet(b.Context(), key, "m", "7").Err() },
			"another shape":  func(key string) error { return b.Raw.HSet(b.Context(), key, "m", "{}").Err() },
			"wrong elements": func(key string) error { return b.Raw.HSet(b.Context(), key, "m", `{"n":[7],"ab":7}`).Err() },
		} {
			b.must(b.Raw.FlushDB(b.Context()).Err())
			b.bind()
			b.bindTo(bob, otherOpenID)
			b.record(b.message("m0"))
			whole := b.dump()
			for entry := range whole {
				if key, _, _ := strings.Cut(entry, " "); strings.HasSuffix(key, ":r:"+string(alice)) {
					b.must(spoil(key))
				}
			}
			read := notify.Read{Reader: alice, Peer: bob, UpTo: b.Now()}
			_, err := b.Store.Record(b.Context(), b.rules, factsOf([]any{read, b.messageTo(bob, "m1")}))
			if !errors.Is(err, notify.ErrUnreadable) || !namesOne(whole, err) {
				b.Errorf("%s: %v; want an error of what cannot be read, with its key", what, err)
			}
			steps := b.timeline(bob)
			equal(b, what+": the last step of bob", steps[len(steps)-1].Messages, []notify.Identity{b.messageTo(bob, "m1").Identity()})
		}
	}},
	{"a store that refuses is not one that holds something unreadable", func(b *bench) {
		b.bind()
		b.record(b.message("m0"))
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		if _, err := b.Store.Record(ctx, b.rules, factsOf([]any{b.message("m1")})); err == nil || errors.Is(err, notify.ErrUnreadable) {
			b.Errorf("a store that does not answer: %v", err)
		}
	}},
}

// namesOne reports whether an error names one of the keys of a dump.
func namesOne(dump map[string]string, err error) bool {
	for entry := range dump {
		key, _, _ := strings.Cut(entry, " ")
		if strings.Contains(err.Error(), key) {
			return true
		}
	}
	return false
}

// multiply makes the one notice of alice n, of as many senders, behind the store's back: n messages would
// take seconds under miniredis.
func (b *bench) multiply(n int) {
	b.Helper()
	for entry, value := range b.dump() {
		key, member, _ := strings.Cut(entry, " ")
		if !strings.HasSuffix(key, ":r:"+string(alice)) || member != "m" {
			continue
		}
		var doc map[string]any
		b.must(json.Unmarshal([]byte(value), &doc))
		notices := doc["n"].([]any)
		for i := 1; i < n; i++ {
			notice := maps.Clone(notices[0].(map[string]any))
			notice["i"], notice["p"] = fmt.Sprint("m", i), fmt.Sprint("peer", i)
			notices = append(notices, notice)
		}
		doc["n"] = notices
		crowded, err := json.Marshal(doc)
		b.must(err)
		b.must(b.Raw.HSet(b.Context(), key, member, crowded).Err())
		return
	}
	b.Fatal("nothing waits for alice")
}

// uncounted is the rule that messages with Uncounted set end at once, visibly.
func uncounted(what string, why notify.Reason) rule {
	return rule{what + " is not counted and the timeline says why", func(b *bench) {
		b.bind()
		m := b.message("m1")
		m.Uncounted = why
		equal(b, "wake", b.record(m), false)
		b.record(m)
		b.ended("m1", notify.StateNotCounted, why)
		b.counted(map[notify.State]int64{notify.StateNotCounted: 1})
		b.Advance(time.Hour)
		b.nothingDue()
	}}
}
