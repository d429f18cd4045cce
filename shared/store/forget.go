package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/stopwatch"
)

// mostRounds is how often an erasure looks again because something came in while it looked.
const mostRounds = 5

// The name of a user who is being erased is taken out of what waits for others, place by place. Where that goes on is noted before it
// begins, so that a run of deliver does what its caller had no time for, or was stopped in:
//
//	wxn{0}:fg   user -> place; a space; cursor of the scan there   hash
func (k keys) forgetting() string { return k.tag + "fg" }

const (
	// forgetWithin is for how long one call goes on with it: erasures are rare, and what waits may be very much.
	forgetWithin = 2 * time.Second
	// forgetWrapUp is how much of the time of a call is kept back.
	forgetWrapUp = 200 * time.Millisecond
	// placesOfShard is how many places there are in each shard: who waits in the queues, who has dead letters, and messages of groups.
	placesOfShard = 4
)

// beginForgetting notes that user is to be forgotten elsewhere, and has them not named in what comes in. It comes first: a message
// whose decision was made before that is decided again, by the version that goes with it, so nobody who is looked at later gets the
// name again.
func (s *Store) beginForgetting(ctx context.Context, user fact.UserID) error {
	if err := s.forgottenUpTo(ctx, user, 0, "0"); err != nil {
		return err
	}
	return s.keepOut(ctx, user)
}

func (s *Store) forgottenUpTo(ctx context.Context, user fact.UserID, place int, cursor string) error {
	_, err := s.one(ctx, do("HSET", s.shardKeys(0).forgetting(), string(user), strconv.Itoa(place)+" "+cursor))
	return err
}

// Forget implements deliver.Queue.
func (s *Store) Forget(ctx context.Context) error {
	noted, err := s.one(ctx, do("HGETALL", s.shardKeys(0).forgetting()))
	if err != nil {
		return err
	}
	since := stopwatch.Start()
	for user, upTo := range pairs(noted) {
		place, cursor := 0, "0"
		fmt.Sscanf(upTo, "%d %s", &place, &cursor)
		if place == 0 { // who began may not have come further than to note it
			if err := s.keepOut(ctx, fact.UserID(user)); err != nil {
				return err
			}
		}
		if err := s.forgetFrom(ctx, since, fact.UserID(user), place, cursor); err != nil {
			return err
		}
	}
	return nil
}

// forgetSender takes the name of a user who is being erased, and what they wrote, out of what waits for others, as far as the time
// allows. What the user sent is announced all the same.
func (s *Store) forgetSender(ctx context.Context, user fact.UserID) error {
	return s.forgetFrom(ctx, stopwatch.Start(), user, 0, "0")
}

// forgetFrom is forgetSender from a place on.
func (s *Store) forgetFrom(ctx context.Context, since stopwatch.Watch, user fact.UserID, place int, cursor string) error {
	for place < placesOfShard*s.shards {
		if since.Elapsed() > forgetWithin || stopwatch.Short(ctx, forgetWrapUp) {
			return s.forgottenUpTo(ctx, user, place, cursor)
		}
		var err error
		if cursor, err = s.forgetSome(ctx, user, place, cursor); err != nil {
			return err
		}
		if cursor == "0" {
			place++
		}
	}
	_, err := s.one(ctx, do("HDEL", s.shardKeys(0).forgetting(), string(user)))
	return err
}

// forgetSome takes user out of some of those in a place, and returns the cursor to go on with, "0" after the last.
func (s *Store) forgetSome(ctx context.Context, user fact.UserID, place int, cursor string) (string, error) {
	k := s.shardKeys(place / placesOfShard)
	set := [placesOfShard]string{k.queue(), k.callsQueue(), k.dead(), k.fanOutQueue()}[place%placesOfShard]
	members, next, err := s.someOf(ctx, "ZSCAN", set, cursor)
	switch {
	case err != nil:
		return "", err
	case set == k.fanOutQueue():
		return next, s.forgetInFanOuts(ctx, k, members, user)
	default:
		return next, s.forgetIn(ctx, members, user)
	}
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

// forgetIn takes user out of the mailboxes and dead letters of recipients.
func (s *Store) forgetIn(ctx context.Context, recipients []string, user fact.UserID) error {
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
}

// eachIn goes through what a sorted set (ZSCAN) or a hash (HSCAN) has, some at a time: the members, or
// the fields.
func (s *Store) eachIn(ctx context.Context, scan, key string, then func([]string) error) error {
	for cursor := ""; cursor != "0"; {
		names, next, err := s.someOf(ctx, scan, key, cmp.Or(cursor, "0"))
		if err == nil {
			err = then(names)
		}
		if err != nil {
			return err
		}
		cursor = next
	}
	return nil
}

// someOf returns some of what a sorted set or a hash has, and the cursor to go on with, "0" after the last.
func (s *Store) someOf(ctx context.Context, scan, key, cursor string) (names []string, next string, err error) {
	answer, err := s.one(ctx, do(scan, key, cursor, "COUNT", readAtOnce))
	if err != nil {
		return nil, "", err
	}
	part, _ := answer.([]any)
	if len(part) != 2 {
		return nil, "", errReply
	}
	list := texts(part[1])
	for i := 0; i < len(list); i += 2 { // each with its score or value
		names = append(names, list[i])
	}
	return names, text(part[0]), nil
}

// nameAgain lets a user be named who has come back after an erasure.
func (s *Store) nameAgain(ctx context.Context, user fact.UserID) error {
	_, err := s.all(ctx, s.ofEachShard(func(k keys) command { return do("HDEL", k.erasedUsers(), fact.HashOf(string(user))) })...)
	return err
}
