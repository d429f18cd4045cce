package store

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

var scriptForgetSender = script("forget_sender")

// mostRounds is how often an erasure looks again because something came in while it looked.
const mostRounds = 5

type forgetSenderArgs struct {
	User    notify.UserID   `json:"user"`
	Letters []notify.UserID `json:"letters"`
}

// forgetSender takes the name of a user who is being erased, and what he wrote, out of what
// waits for others, and has it not come in again for a day. It reads everything that waits:
// erasures are rare. What he sent is announced all the same.
func (s *Store) forgetSender(ctx context.Context, user notify.UserID) error {
	shards := make([]int, s.shards)
	for i := range shards {
		shards[i] = i
	}
	for range mostRounds {
		calls, err := s.forgetCalls(ctx, shards, user)
		if err != nil {
			return err
		}
		replies, err := s.run(ctx, calls...)
		if err != nil {
			return err
		}
		var again []int
		for i, r := range replies {
			if number(r.Val()) == 0 {
				again = append(again, shards[i])
			}
		}
		if shards = again; len(shards) == 0 {
			return nil
		}
	}
	return errors.New("store: dead letters come in faster than they can be looked through; erase again")
}

// forgetCalls returns what has to be done in shards.
func (s *Store) forgetCalls(ctx context.Context, shards []int, user notify.UserID) ([]call, error) {
	pipe := s.db.Pipeline()
	letters := make([]*redis.StringSliceCmd, len(shards))
	for i, shard := range shards {
		letters[i] = pipe.ZRange(ctx, s.shardKeys(shard).dead(), 0, -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	calls := make([]call, len(shards))
	for i, shard := range shards {
		k := s.shardKeys(shard)
		keys, args := []string{k.waiting(), k.callsWaiting(), k.spreads(), k.erasedUsers(), k.dead()}, forgetSenderArgs{User: user, Letters: []notify.UserID{}}
		for _, u := range letters[i].Val() {
			keys, args.Letters = append(keys, k.letters(notify.UserID(u))), append(args.Letters, notify.UserID(u))
		}
		calls[i] = call{scriptForgetSender, keys, args}
	}
	return calls, nil
}

// nameAgain lets a user be named who has come back after he was erased.
func (s *Store) nameAgain(ctx context.Context, user notify.UserID) error {
	pipe := s.db.Pipeline()
	for shard := range s.shards {
		pipe.HDel(ctx, s.shardKeys(shard).erasedUsers(), hashed(user))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// hashed is what lua/lib calls by the same name.
func hashed(user notify.UserID) string {
	sum := sha1.Sum([]byte(user))
	return hex.EncodeToString(sum[:8])
}
