package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// Timeline returns what happened to user's notices, oldest first: the last 100 steps
// of the last 7 days.
func (s *Store) Timeline(ctx context.Context, user notify.UserID) ([]notify.Step, error) {
	entries, err := s.db.LRange(ctx, s.keysOf(string(user)).timeline(user), 0, timelineKept-1).Result()
	if err != nil {
		return nil, fmt.Errorf("store: Timeline: %w", err)
	}
	steps := make([]notify.Step, len(entries))
	for i, e := range entries {
		if err := json.Unmarshal([]byte(e), &steps[len(entries)-1-i]); err != nil {
			return nil, fmt.Errorf("store: Timeline: %w", err)
		}
	}
	// A run's steps arrive together, after what others noted meanwhile.
	sort.SliceStable(steps, func(i, j int) bool { return steps[i].Before(steps[j]) })
	return steps, nil
}

// FindMessage returns for whom the message id was, as far as that is known: for one to
// two days, and for bound users. Several messages may have one id, with different
// recipients.
func (s *Store) FindMessage(ctx context.Context, id notify.MessageID) ([]notify.UserID, error) {
	pipe := s.db.Pipeline()
	now := quarter(s.now())
	field := fieldOf(id)
	var cmds []*redis.StringSliceCmd
	for i := range s.shards {
		for q := now - 3*4; q <= now+2*4; q++ {
			cmds = append(cmds, pipe.ZRangeByLex(ctx, s.shardKeys(i).index(q), &redis.ZRangeBy{Min: "[" + field, Max: "(" + field + "\xff"}))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("store: FindMessage: %w", err)
	}
	var out []notify.UserID
	for _, c := range cmds {
		for _, member := range c.Val() {
			if u := notify.UserID(member[len(field):]); !slices.Contains(out, u) {
				out = append(out, u)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Accounts returns the accounts of openID's permits, by template.
func Accounts(ctx context.Context, s *Store, openID notify.OpenID) (map[notify.TemplateID]notify.Account, error) {
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return nil, err
	}
	out := make(map[notify.TemplateID]notify.Account, len(sub.Ledgers))
	for t, l := range sub.Ledgers {
		out[t] = l.Account()
	}
	return out, nil
}

// Drift returns how often WeChat had no permit where our ledgers had one, since ever.
func Drift(ctx context.Context, s *Store) (int64, error) {
	pipe := s.db.Pipeline()
	parts := make([]*redis.StringCmd, s.shards)
	for i := range parts {
		parts[i] = pipe.HGet(ctx, s.shardKeys(i).meters(), "drift")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("store: Drift: %w", err)
	}
	var sum int64
	for _, p := range parts {
		if n, err := p.Int64(); err == nil {
			sum += n
		}
	}
	return sum, nil
}

// Balances returns how many permits of each of templates openID has left to spend.
func (s *Store) Balances(ctx context.Context, openID notify.OpenID, templates []notify.TemplateID) (map[notify.TemplateID]int, error) {
	if len(templates) == 0 {
		return nil, nil
	}
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return nil, err
	}
	out := make(map[notify.TemplateID]int, len(templates))
	for _, t := range templates {
		out[t] = 0
		if l := sub.Ledgers[t]; l != nil {
			out[t] = l.Free()
		}
	}
	return out, nil
}

// subscriber returns the record of openID, without the cards; that of one never heard of is blank.
func (s *Store) subscriber(ctx context.Context, openID notify.OpenID) (notify.SubscriberRecord, error) {
	key := s.keysOf(string(openID)).subscriber(openID)
	reply := s.db.Do(ctx, "HGET", key, "d")
	if err := reply.Err(); err != nil && !errors.Is(err, redis.Nil) {
		if strings.Contains(err.Error(), wrongType) {
			return notify.SubscriberRecord{}, unreadableAt(errShape, key)
		}
		return notify.SubscriberRecord{}, fmt.Errorf("store: record of a subscriber: %w", err)
	}
	return decodeSubscriber(key, reply.Val())
}

// Counts returns how many messages reached each final state, since ever.
func (s *Store) Counts(ctx context.Context) (map[notify.State]int64, error) {
	pipe := s.db.Pipeline()
	parts := make([]*redis.MapStringStringCmd, s.shards)
	for i := range parts {
		parts[i] = pipe.HGetAll(ctx, s.shardKeys(i).counts())
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("store: Counts: %w", err)
	}
	out := map[notify.State]int64{}
	for _, p := range parts {
		for state, n := range maps.All(p.Val()) {
			var i int64
			if _, err := fmt.Sscan(n, &i); err != nil {
				return nil, fmt.Errorf("store: Counts: %w", err)
			}
			out[notify.State(state)] += i
		}
	}
	return out, nil
}
