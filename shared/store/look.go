package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// Timeline returns what happened to user's notices, oldest first: the last 100 steps
// of the last 7 days.
func (s *Store) Timeline(ctx context.Context, user notify.UserID) ([]notify.Step, error) {
	entries, err := s.db.LRange(ctx, s.keysOf(string(user)).timeline(user), 0, -1).Result()
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
	slices.SortStableFunc(steps, func(a, b notify.Step) int { return a.At.Compare(b.At) })
	return steps, nil
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
		l := sub.Ledgers[t]
		out[t] = max(l.Balance-l.Held, 0)
	}
	return out, nil
}

// subscriber is what is read of an openid's record, as lib.lua describes it.
type subscriber struct {
	User    notify.UserID `json:"u"`
	Ledgers map[notify.TemplateID]struct {
		Balance int `json:"b"`
		Held    int `json:"h"`
	} `json:"l"`
}

// subscriber returns the record of openID; of one never heard of it is empty.
func (s *Store) subscriber(ctx context.Context, openID notify.OpenID) (subscriber, error) {
	var sub subscriber
	b, err := s.db.Get(ctx, s.keysOf(string(openID)).subscriber(openID)).Bytes()
	if errors.Is(err, redis.Nil) {
		return sub, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &sub)
	}
	if err != nil {
		return sub, fmt.Errorf("store: record of a subscriber: %w", err)
	}
	return sub, nil
}

// Counts returns how many messages reached each final state, since ever.
func (s *Store) Counts(ctx context.Context) (map[notify.State]int64, error) {
	pipe := s.db.Pipeline()
	parts := make([]*redis.MapStringStringCmd, s.shards)
	for i := range parts {
		parts[i] = pipe.HGetAll(ctx, shardKeys(i).counts())
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
