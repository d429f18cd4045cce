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
	sort.SliceStable(steps, func(i, j int) bool { return steps[i].Before(steps[j]) })
	return steps, nil
}

// FindMessage returns for whom the message id was, as far as that is known: for one to
// two days, and for bound users. Several messages may have one id, with different
// recipients.
func (s *Store) FindMessage(ctx context.Context, id notify.MessageID) ([]notify.UserID, error) {
	pipe := s.db.Pipeline()
	today := day(s.now())
	var cmds []*redis.StringCmd
	for i := range s.shards {
		for d := today - 2; d <= today+1; d++ {
			cmds = append(cmds, pipe.HGet(ctx, s.shardKeys(i).index(d), fieldOf(id)))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("store: FindMessage: %w", err)
	}
	var out []notify.UserID
	for _, c := range cmds {
		for user := range strings.SplitSeq(c.Val(), "\n") {
			if u := notify.UserID(user); u != "" && !slices.Contains(out, u) {
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
		a := notify.Account{Balance: l.Balance, Held: l.Held, Opening: l.Opening, Expected: l.Expected, Wanted: l.Wanted, Drift: l.Drift}
		for _, e := range l.Entries {
			a.Entries = append(a.Entries, e.entry())
		}
		out[t] = a
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
		l := sub.Ledgers[t]
		out[t] = max(l.Balance-l.Held, 0)
	}
	return out, nil
}

// subscriber is what is read of an openid's record, as lua/lib describes it.
type subscriber struct {
	User    notify.UserID `json:"u"`
	Since   int64         `json:"us"` // ms; 0: not known
	Ledgers map[notify.TemplateID]struct {
		Balance  int     `json:"b"`
		Held     int     `json:"h"`
		Opening  int     `json:"o"`
		Entries  []entry `json:"e"`
		Wanted   int     `json:"ab"`
		Expected float64 `json:"ea"`
		Drift    int     `json:"dr"`
	} `json:"l"`
}

// entry is {ms, kind, change of the balance, 1 if paired}.
type entry []any

func (e entry) entry() notify.AccountEntry {
	if len(e) < 3 {
		return notify.AccountEntry{}
	}
	at, _ := e[0].(float64)
	kind, _ := e[1].(string)
	change, _ := e[2].(float64)
	return notify.AccountEntry{At: millisOf(int64(at)), Kind: kind, Change: int(change), Paired: len(e) > 3}
}

// subscriber returns the record of openID; of one never heard of it is empty.
func (s *Store) subscriber(ctx context.Context, openID notify.OpenID) (subscriber, error) {
	var sub subscriber
	key := s.keysOf(string(openID)).subscriber(openID)
	b, err := s.db.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return sub, nil
	}
	spoilt := err != nil && strings.Contains(err.Error(), wrongType)
	if err == nil {
		err = json.Unmarshal(b, &sub)
		spoilt = err != nil
	}
	if spoilt {
		err = fmt.Errorf("%w: %s: %w", notify.ErrUnreadable, key, err)
	}
	if err != nil {
		return subscriber{}, fmt.Errorf("store: record of a subscriber: %w", err)
	}
	return sub, nil
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
