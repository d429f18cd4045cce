package api

import (
	"context"
	"strings"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Preferences keeps what users want to be told of, and what not.
type Preferences interface {
	// Preferences returns the zero value for a user who never said anything.
	Preferences(ctx context.Context, user fact.UserID) (notify.Preferences, error)
	SetPreferences(ctx context.Context, user fact.UserID, p notify.Preferences) error
}

// wishes are the preferences that a mini program sends. What it leaves out stays as it is.
type wishes struct {
	Muted      *bool              `json:"muted"`
	QuietHours *notify.QuietHours `json:"quietHours"`
	MutedPeers *[]string          `json:"mutedPeers"`
}

// wanted returns what the user's preferences are with w.
func (p *Permits) wanted(ctx context.Context, user fact.UserID, w wishes) (notify.Preferences, error) {
	prefs, err := p.Preferences.Preferences(ctx, user)
	if err != nil {
		return prefs, unavailable(err)
	}
	if w.Muted != nil {
		prefs.Muted = *w.Muted
	}
	if w.QuietHours != nil {
		prefs.QuietHours = *w.QuietHours
	}
	if w.MutedPeers != nil {
		prefs.MutedPeers = *w.MutedPeers
	}
	if err := prefs.Check(); err != nil {
		return prefs, badRequest("preferences", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return prefs, nil
}
