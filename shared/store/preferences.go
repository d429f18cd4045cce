package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// preferences are a user's, as lua/lib describes them.
type preferences struct {
	Muted int               `json:"m,omitempty"`
	Quiet notify.QuietHours `json:"q,omitempty"`
	Peers []string          `json:"p,omitempty"`
}

type preferencesArgs struct {
	User  notify.UserID `json:"user"`
	Value string        `json:"value"`
}

// SetPreferences keeps what user wants to be told of. What waits for him and is muted by
// it ends; what waits for the end of quiet hours that p changes is due at once. ErrNotBound if they are bound to nobody: nothing is kept of such users.
func (s *Store) SetPreferences(ctx context.Context, user notify.UserID, p notify.Preferences) error {
	kept := preferences{Quiet: p.QuietHours, Peers: p.MutedPeers}
	if p.Muted {
		kept.Muted = 1
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("store: SetPreferences: %w", err)
	}
	k := s.keysOf(string(user))
	replies, err := s.run(ctx, call{scriptPreferences,
		[]string{k.recipient(user), k.waiting(), k.queue(), k.callsWaiting(), k.callsQueue(), k.timeline(user), k.counts()},
		preferencesArgs{user, string(b)}})
	if err != nil {
		return err
	}
	if n, _ := replies[0].Int(); n == 0 {
		return ErrNotBound
	}
	return nil
}

// Preferences returns what user wants to be told of; the zero Preferences, which mute
// nothing, if he has not said.
func (s *Store) Preferences(ctx context.Context, user notify.UserID) (notify.Preferences, error) {
	v, err := s.db.HGet(ctx, s.keysOf(string(user)).recipient(user), "p").Bytes()
	out := notify.Preferences{MutedPeers: []string{}}
	if errors.Is(err, redis.Nil) {
		return out, nil
	}
	var kept preferences
	if err == nil {
		err = json.Unmarshal(v, &kept)
	}
	if err != nil {
		return out, fmt.Errorf("store: Preferences: %w", err)
	}
	return notify.Preferences{Muted: kept.Muted == 1, QuietHours: kept.Quiet, MutedPeers: list(kept.Peers)}, nil
}
