package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// spoil writes what cannot be read at a key of alice's shard, or of that of their openid: into the
// field of a hash, or if that is "" as the whole. It returns the key, and what mends it. The record tells of letters.
func (b *bench) spoil(name, field, value string) (key string, mend func()) {
	b.Helper()
	ctx, tag := b.Context(), b.shardOf(alice)
	if strings.HasSuffix(name, string(aliceOpenID)) {
		tag = strings.TrimSuffix(b.key(":s:"+string(aliceOpenID)), ":s:"+string(aliceOpenID))
	}
	key = tag + ":" + name
	if name == "dl:"+string(alice) {
		_, silent := b.spoil("r:"+string(alice), "l", "1")
		defer func() {
			spoken := mend
			mend = func() { spoken(); silent() }
		}()
	}
	if field != "" {
		was, absent := b.Raw.HGet(ctx, key, field).Result()
		b.must(b.Raw.HSet(ctx, key, field, value).Err())
		return key, func() {
			b.must(b.Raw.HSet(ctx, key, field, was).Err())
			if absent != nil {
				b.must(b.Raw.HDel(ctx, key, field).Err())
			}
		}
	}
	existed := b.Raw.Exists(ctx, key).Val() == 1
	if existed {
		b.must(b.Raw.Rename(ctx, key, key+" aside").Err())
	}
	b.must(b.Raw.Set(ctx, key, value, 0).Err())
	return key, func() {
		b.must(b.Raw.Del(ctx, key).Err())
		if existed {
			b.must(b.Raw.Rename(ctx, key+" aside", key).Err())
		}
	}
}

// unreadable wants an error to be of what cannot be read, and to name its key.
func (b *bench) unreadable(what string, err error, key string) {
	b.Helper()
	if !errors.Is(err, notify.ErrUnreadable) || !strings.Contains(err.Error(), key) {
		b.Errorf("%s: %v; want an error of what cannot be read, with its key", what, err)
	}
}

var unreadableRules = []rule{
	{"what is of another shape is unreadable at each try, leaves nothing half done, and is no more when it is mended", func(b *bench) {
		const a, o = string(alice), string(aliceOpenID)
		const otherType = "of another type"
		waits, call := b.message("m1"), b.ring("call")
		failed := waits
		failed.FailedCode = 1
		inGroup := b.message("m2")
		inGroup.Group = team
		message, ring, ended := b.message("new"), b.ring("another"), b.endOf(call, fact.CallAnswered)
		ownReply := fact.GroupMessage{Group: team, From: alice, SentAt: b.Now()}
		grant, erase := b.popup(b.Now().Add(time.Hour)), fact.Erase{OpenID: aliceOpenID}
		revoke := fact.Revoke{ID: "revoke", OpenID: aliceOpenID, At: b.Now(), Templates: []fact.TemplateID{tmpl}}
		sent := b.sentNow(msgID)
		for _, c := range []struct {
			key, field, value string
			fact              any
		}{
			{"r:" + a, "m", `{"n":[7]}`, message},
			{"r:" + a, "m", `{"n":[{"i":7}]}`, message},
			{"r:" + a, "m", `{"n":[{"i":"m1"}],"le":"x"}`, message},
			{"r:" + a, "m", `{"n":[],"h":1}`, message},
			{"r:" + a, "c", `{}`, ended},
			{"r:" + a, "m", `{}`, ended},
			{"r:" + a, "on", `1 x`, message},
			{"r:" + a, "ab", `7`, message},
			{"r:" + a, "ab", `{"n":1}`, message},
			{"r:" + a, "ab", `{}`, b.left()},
			{"r:" + a, "p", `{"p":7}`, message},
			{"r:" + a, "p", `{"p":[7]}`, ring},
			{"dl:" + a, "letter", `{}`, ended},
			{"dl:" + a, "letter", `{}`, ownReply},
			{"dl:" + a, "letter", `{"n":7}`, failed},
			{"dl:" + a, "letter", `{"n":[{}]}`, fact.Recall{ID: "old", From: bob, To: alice}},
			{"cl:" + a, "", `{"other":{"same":7,"at":1}}`, ring},
			{"cl:" + a, "", `7`, ended},
			{"s:" + o, "d", `{"ev":7}`, sent},
			{"s:" + o, "d", `{"ev":[{}]}`, sent},
			{"s:" + o, "d", `{"l":{"` + string(tmpl) + `":7}}`, grant},
			{"s:" + o, "d", `{"l":{"` + string(tmpl) + `":{"b":1,"h":0,"o":0,"e":[[1]]}}}`, revoke},
			{"s:" + o, "d", `7`, erase},
			{"s:" + o, "d", `{"a":[7]}`, erase},
			{"c:" + o, "card", `{"s":"unknown"}`, erase},
			{fmt.Sprint("i:", b.Now().Unix()/(86400/4)), "", otherType, message},
			{"s:" + o, "", otherType, grant},
		} {
			b.must(b.Raw.FlushDB(b.Context()).Err())
			b.bind()
			b.grant(tmpl)
			b.record(waits, inGroup, call)
			what := fmt.Sprintf("%s %s %s, %T", c.key, c.field, c.value, c.fact)
			key, mend := b.spoil(c.key, c.field, c.value)
			before := b.dumpWithoutWatch()
			for range 3 {
				b.unreadable(what, b.recordBy(b.Store, c.fact), key)
			}
			if c.fact != erase && c.value != otherType {
				equal(b, what+": what changed", b.dumpWithoutWatch(), before)
			}
			mend()
			before = b.dumpWithoutWatch()
			b.record(c.fact)
			if maps.Equal(b.dumpWithoutWatch(), before) {
				b.Errorf("%s: nothing is recorded when it is mended", what)
			}
		}
	}},
	{"something unreadable keeps no other recipient's message from being recorded", func(b *bench) {
		b.bind()
		b.bindTo(bob, otherOpenID)
		for _, doc := range []string{"{garbage", "7", "{}", `{"n":[7]}`} {
			key, mend := b.spoil("r:"+string(alice), "m", doc)
			other := b.messageTo(bob, fact.MessageID(b.fresh("m")))
			b.unreadable(doc, b.recordBy(b.Store, fact.Read{Reader: alice, Peer: bob, UpTo: b.Now()}, other), key)
			steps := b.timeline(bob)
			equal(b, doc+": the last step of bob", steps[len(steps)-1].Messages, []fact.Identity{other.Identity()})
			mend()
		}
	}},
	{"a store that refuses is not one that holds something unreadable", func(b *bench) {
		b.bind()
		b.record(b.message("m0"))
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		if _, err := b.Store.Record(ctx, b.rules, factsOf(b.message("m1"))); err == nil || errors.Is(err, notify.ErrUnreadable) {
			b.Errorf("a store that does not answer: %v", err)
		}
	}},
	{"a message of a group that could not be kept is spread when it comes again", func(b *bench) {
		b.record(b.groupMessage(6))
		m, queue := b.groupMessage(7), b.key("}:sq")
		b.finishSpread(b.spread())
		b.must(b.Raw.Set(b.Context(), queue, "of another type", 0).Err())
		b.unreadable("the message", b.recordBy(b.Store, m), queue)
		b.must(b.Raw.Del(b.Context(), queue).Err())
		b.record(m)
		equal(b, "message", b.spread().Message.Seq, m.Seq)
	}},
	{"what cannot be read of one recipient of an announcement is told of them, and keeps it from no other", func(b *bench) {
		b.bind()
		b.bindTo(bob, otherOpenID)
		one := b.announcement("a1")
		two := one
		two.To = bob
		key, mend := b.spoil("r:"+string(alice), "m", "{}")
		results, wake, err := b.Store.Announce(b.Context(), b.rules, []fact.Message{one, two})
		b.must(err)
		b.unreadable("alice", results[0].Err, key)
		equal(b, "bob", results[1], notify.Accepted{})
		equal(b, "wake", wake, true)
		mend()
		equal(b, "again", b.announce(one, two), []notify.Accepted{{}, {}})
		equal(b, "waiting", len(b.claim().Recipients), 2)
	}},
	{"a count that is no number stops nothing", func(b *bench) {
		b.bind()
		m := b.message("m1")
		b.record(m)
		_, mend := b.spoil("mc", fmt.Sprintf("%d:end:recalled:", b.Now().Unix()/60%(24*60)), "many")
		b.record(fact.Recall{ID: m.ID, From: m.From, To: m.To})
		b.ended("m1", fact.StateRecalled, fact.ReasonNone)
		b.nothingDue()
		mend()
		_, mend = b.spoil("counts", string(fact.StateRecalled), "many")
		b.Advance(time.Minute)
		equal(b, "skipped", b.claimFromAll().Skipped, nil)
		equal(b, "in", b.metrics()[fact.MetricIn], int64(1))
		mend()
	}},
	{"a binding is not moved half when something of either user cannot be read", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		key, mend := b.spoil("r:"+string(alice), "m", "{}")
		b.unreadable("a login as another openid", b.Store.Bind(b.Context(), alice, otherOpenID), key)
		equal(b, "recipient", b.Raw.HGet(b.Context(), key, "o").Val(), string(aliceOpenID))
		mend()
		b.must(b.Store.Bind(b.Context(), alice, otherOpenID))
		b.must(b.Store.Bind(b.Context(), alice, aliceOpenID))
		_, mend = b.spoil("r:"+string(alice), "m", "{}")
		b.must(b.Store.Bind(b.Context(), bob, aliceOpenID)) // whom alice's fault does not concern
		mend()
	}},
}
