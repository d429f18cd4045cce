package store

import (
	"cmp"
	"context"
	"errors"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// mostRounds is how often an erasure looks again because something came in while it looked.
const mostRounds = 5

// forgetSender takes the name of a user who is being erased, and what they wrote, out of what
// waits for others, and has it not come in again for a day. It looks at everybody for whom something
// waits, some at a time: erasures are rare. What the user sent is announced all the same.
//
// First the name is kept out: a message whose decision was made before that is decided again, by
// the version that goes with it. So nobody who is looked at later gets the name again.
func (s *Store) forgetSender(ctx context.Context, user fact.UserID) error {
	if err := s.keepOut(ctx, user); err != nil {
		return err
	}
	for shard := range s.shards {
		k := s.shardKeys(shard)
		for _, queue := range []string{k.queue(), k.callsQueue(), k.dead()} {
			if err := s.forgetIn(ctx, queue, user); err != nil {
				return err
			}
		}
		if err := s.forgetInFanOuts(ctx, k, user); err != nil {
			return err
		}
	}
	return nil
}

// keepOut has user not named in what comes in, for a day.
func (s *Store) keepOut(ctx context.Context, user fact.UserID) error {
	changes := make([]*change, s.shards)
	for i := range changes {
		key := s.shardKeys(i).erasedUsers()
		c := &change{record: key, reads: []command{do("HGETALL", key)}}
		c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
			writes := []command{do("HSET", key, "v", next, fact.HashOf(string(user)), now.Add(dayLong).UnixMilli()), do("PEXPIRE", key, dayLong.Milliseconds())}
			for name, until := range pairs(replies[1]) {
				if name != "v" && !millis(until).After(now) {
					writes = append(writes, do("HDEL", key, name))
				}
			}
			return writes, nil
		}
		changes[i] = c
	}
	return s.commit(ctx, changes)
}

// forgetIn takes user out of the mailboxes and dead letters of those in a sorted set.
func (s *Store) forgetIn(ctx context.Context, set string, user fact.UserID) error {
	return s.eachIn(ctx, "ZSCAN", set, func(recipients []string) error {
		visits := make([]*visit, len(recipients))
		for i, r := range recipients {
			visits[i] = visitTo(fact.UserID(r), func(b *notify.Mailbox) { b.Forget(user) })
			visits[i].allLetters = true
		}
		// What this version cannot read stays, for one that can.
		if err := s.visit(ctx, visits...); err != nil && !errors.Is(err, notify.ErrUnreadable) {
			return err
		}
		return nil
	})
}

// eachIn goes through what a sorted set (ZSCAN) or a hash (HSCAN) has, some at a time: the members, or
// the fields.
func (s *Store) eachIn(ctx context.Context, scan, key string, then func([]string) error) error {
	for cursor := ""; cursor != "0"; {
		answer, err := s.one(ctx, do(scan, key, cmp.Or(cursor, "0"), "COUNT", readAtOnce))
		if err != nil {
			return err
		}
		part, _ := answer.([]any)
		if len(part) != 2 {
			return errReply
		}
		var names []string
		list := texts(part[1])
		for i := 0; i < len(list); i += 2 { // each with its score or value
			names = append(names, list[i])
		}
		if err := then(names); err != nil {
			return err
		}
		cursor = text(part[0])
	}
	return nil
}

// nameAgain lets a user be named who has come back after an erasure.
func (s *Store) nameAgain(ctx context.Context, user fact.UserID) error {
	_, err := s.all(ctx, s.ofEachShard(func(k keys) command { return do("HDEL", k.erasedUsers(), fact.HashOf(string(user))) })...)
	return err
}
