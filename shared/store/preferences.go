package store

import (
	"context"
	"encoding/json"
	"fmt"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// preferences are a user's as they are kept.
type preferences struct {
	Muted bool              `json:"m,omitempty"`
	Quiet notify.QuietHours `json:"q,omitempty"`
	Peers []string          `json:"p,omitempty"`
}

// SetPreferences keeps what user wants to be told of. What waits for them and is muted by
// it ends; what waits for the end of quiet hours that p changes is due at once. ErrNotBound if
// they are bound to nobody: nothing is kept of such users.
func (s *Store) SetPreferences(ctx context.Context, user fact.UserID, p notify.Preferences) error {
	bound := false
	if err := s.visit(ctx, visitTo(user, func(b *notify.Mailbox) { bound = b.Prefer(p) })); err != nil {
		return err
	}
	if !bound {
		return ErrNotBound
	}
	return nil
}

// Preferences returns what user wants to be told of; the zero Preferences, which mute
// nothing, if they have not said.
func (s *Store) Preferences(ctx context.Context, user fact.UserID) (notify.Preferences, error) {
	v, err := s.one(ctx, do("HGET", s.keysOf(string(user)).recipient(user), fieldPrefers))
	out := notify.Preferences{MutedPeers: []string{}}
	if err != nil || v == nil {
		return out, err
	}
	var kept preferences
	if err := json.Unmarshal([]byte(text(v)), &kept); err != nil {
		return out, fmt.Errorf("store: Preferences: %w", err)
	}
	return notify.Preferences{Muted: kept.Muted, QuietHours: kept.Quiet, MutedPeers: append(out.MutedPeers, kept.Peers...)}, nil
}
