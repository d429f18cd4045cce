package notify

import (
	"errors"
	"fmt"
)

// Preferences are what a user wants to be told of.
type Preferences struct {
	// Muted: of nothing at all.
	Muted bool `json:"muted"`
	// QuietHours are the user's own, beside those of the rules, in the rules' zone.
	QuietHours QuietHours `json:"quietHours"`
	// MutedPeers are users and groups whose messages are not told.
	MutedPeers []string `json:"mutedPeers"`
}

// maxMutedPeers bounds what is stored for one user.
const maxMutedPeers = 100

// Check returns the faults of p, joined, each naming its field; of many bad peers it names
// the first.
func (p Preferences) Check() error {
	var errs []error
	if err := p.QuietHours.Check(); err != nil {
		errs = append(errs, fmt.Errorf("preferences.quietHours: %w", err))
	}
	if len(p.MutedPeers) > maxMutedPeers {
		errs = append(errs, fmt.Errorf("preferences.mutedPeers: %d are too many: send at most %d", len(p.MutedPeers), maxMutedPeers))
	}
	for i, peer := range p.MutedPeers {
		if peer == "" || len(peer) > 64 {
			errs = append(errs, fmt.Errorf("preferences.mutedPeers[%d]: send a userId or a group id of 1 to 64 bytes", i))
			break
		}
	}
	return errors.Join(errs...)
}
