package store_test

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/shared/fact"
)

// found wants the message id to be found for exactly these users.
func (b *bench) found(id fact.MessageID, want ...fact.UserID) {
	b.Helper()
	slices.Sort(want)
	equal(b, "recipients of "+string(id), must(b.Store.FindMessage(b.Context(), id))(b), want)
}

var indexRules = []rule{
	{"a message is found in all shards", func(b *bench) {
		users := b.inTwoShards()
		b.record(b.messageTo(users[0], "m1"), b.messageTo(users[1], "m1"), b.messageTo(users[0], "m2"))
		b.found("m1", users[0], users[1])
		b.found("m2", users[0])
		b.found("m3")
	}},
	{"a group's message is found for many", func(b *bench) {
		var users []fact.UserID
		for i := range 40 {
			user := fact.UserID(fmt.Sprint("user", i))
			users = append(users, user)
			b.bindTo(user, fact.OpenID("o-"+user))
			m := b.messageTo(user, fact.GroupMessageID(team, 7))
			m.Group = team
			b.record(m, m)
		}
		b.found(fact.GroupMessageID(team, 7), users...)
		for _, user := range users[:20] {
			b.must(b.Store.EraseUser(b.Context(), user))
		}
		b.found(fact.GroupMessageID(team, 7), users[20:]...)
	}},
	{"a message is found on the next day, and by instances that disagree on the day", func(b *bench) {
		b.bind()
		b.record(b.message("m1"))
		b.Advance(time.Second) // it is the next day now
		b.record(b.message("m2"))
		for _, d := range []time.Duration{-2 * time.Hour, 0, 23 * time.Hour} {
			other := b.Open(func() time.Time { return b.Now().Add(d) })
			for _, id := range []fact.MessageID{"m1", "m2"} {
				equal(b, string(id), must(other.FindMessage(b.Context(), id))(b), []fact.UserID{alice})
			}
		}
	}},
	{"the index of a day ends before the marks of what is in it", func(b *bench) {
		b.bind()
		b.record(b.message("m1"), b.ring("call"))
		at := fmt.Sprint(b.Now().Unix() / 86400)
		marks := b.Raw.PTTL(b.Context(), b.key(":d:"+string(alice)+":"+at)).Val()
		b.lives(b.key(fmt.Sprint(":i:", b.Now().Unix()/(86400/4))), 47*time.Hour, marks+time.Minute)
	}},
	{"after an erasure nothing of the user is found, and of others all", func(b *bench) {
		b.bind()
		other := b.sameShard(alice)
		call := b.ring("call")
		call.Users = append(call.Users, other)
		b.record(b.message("m1"), b.messageTo(other, "m1"), call)
		b.Advance(23 * time.Hour)
		b.record(b.message("m2"), b.messageTo(other, "m2"))
		b.must(b.Store.EraseUser(b.Context(), alice))
		for _, id := range []fact.MessageID{"m1", "m2", "call"} {
			b.found(id, other)
		}
		b.nothingNames(string(alice))
	}},
}
