package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// letter is a dead letter as it is kept: with the notices from which it can be
// announced again.
type letter struct {
	ID       string            `json:"id"`
	OpenID   notify.OpenID     `json:"o"`
	Card     notify.CardID     `json:"c"`
	Kind     notify.Kind       `json:"k"`
	Template notify.TemplateID `json:"tm"`
	At       float64           `json:"at"` // ms
	Class    string            `json:"cl"`
	Cause    string            `json:"ca"`
	Notices  []notice          `json:"n,omitempty"` // written by the script
}

func letterOf(d notify.DeadLetter) letter {
	return letter{ID: d.ID, OpenID: d.OpenID, Card: d.Card, Kind: d.Kind, Template: d.Template, At: float64(unixMilli(d.At)),
		Class: d.Class, Cause: d.Cause}
}

// DeadLetters returns up to limit of the cards that were given up, newest first. They
// are kept for 30 days; of a user who has more than 100, for a week.
func (s *Store) DeadLetters(ctx context.Context, limit int) ([]notify.DeadLetter, error) {
	pipe := s.db.Pipeline()
	who := make([]*redis.StringSliceCmd, s.shards)
	for i := range who {
		who[i] = pipe.ZRevRange(ctx, s.shardKeys(i).dead(), 0, int64(limit)-1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("store: DeadLetters: %w", err)
	}
	pipe = s.db.Pipeline()
	kept := map[notify.UserID]*redis.MapStringStringCmd{}
	for _, w := range who {
		for _, user := range w.Val() {
			u := notify.UserID(user)
			kept[u] = pipe.HGetAll(ctx, s.keysOf(user).letters(u))
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("store: DeadLetters: %w", err)
	}
	var out []notify.DeadLetter
	for user, letters := range kept {
		for _, v := range letters.Val() {
			d, err := decodeLetter(user, v)
			if err != nil {
				return nil, fmt.Errorf("store: DeadLetters: %w", err)
			}
			out = append(out, d)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) < 0
	})
	return out[:min(len(out), limit)], nil
}

func decodeLetter(user notify.UserID, v string) (notify.DeadLetter, error) {
	var l letter
	if err := json.Unmarshal([]byte(v), &l); err != nil {
		return notify.DeadLetter{}, err
	}
	d := notify.DeadLetter{ID: l.ID, User: user, OpenID: l.OpenID, Card: l.Card, Kind: l.Kind, Template: l.Template,
		At: millisOf(int64(l.At)), Class: l.Class, Cause: l.Cause}
	for _, n := range l.Notices {
		d.Messages = append(d.Messages, n.ID)
		if n.From != "" && !slices.Contains(d.From, n.From) {
			d.From = append(d.From, n.From)
		}
	}
	return d, nil
}

type replayArgs struct {
	User notify.UserID `json:"user"`
	ID   string        `json:"id"`
	TTL  int64         `json:"ttl"`
	Most int           `json:"most"`
	Soon int64         `json:"soon"`
}

// replayFor is for how long the notices of a replayed letter may be announced.
const replayFor = 24 * time.Hour

// Replay has the notices of a dead letter wait again, as if they had just come in; a
// card of theirs needs a permit like any other. Those that were read or muted since end so.
// The letter is gone then, but for notices for which there is no room beside what waits. ErrNotBound if the user is bound to nobody
// now.
func (s *Store) Replay(ctx context.Context, user notify.UserID, id string) (notify.Replayed, error) {
	k := s.keysOf(string(user))
	replies, err := s.run(ctx, call{scriptReplay,
		[]string{k.recipient(user), k.waiting(), k.queue(), k.timeline(user), k.letters(user), k.dead(), k.watch(), k.counts(),
			k.reads(user)},
		replayArgs{user, id, replayFor.Milliseconds(), maxWaiting, soon.Milliseconds()}})
	if err != nil {
		return notify.Replayed{}, err
	}
	part, err := replies[0].Int64Slice()
	switch {
	case err != nil || len(part) != 2:
		return notify.Replayed{}, fmt.Errorf("store: Replay: unexpected reply: %w", err)
	case part[0] < 0:
		return notify.Replayed{}, ErrNotBound
	}
	return notify.Replayed{Messages: int(part[0]), Wake: part[1] == 1}, nil
}
