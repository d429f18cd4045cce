package notify

import (
	"errors"
	"fmt"

	"wxnotify/shared/fact"
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

// mutes says why p does not want a notice; "" if it does.
func (p Preferences) mutes(n *WaitingNotice) fact.Reason {
	if p.Muted {
		return fact.ReasonMutedAll
	}
	for _, peer := range p.MutedPeers {
		if n.isFrom(peer) || n.Group != "" && string(n.Group) == peer {
			return fact.ReasonMutedPeer
		}
	}
	return fact.ReasonNone
}

// Prefer sets what the recipient wants to be told of. What waits and is muted now ends, and what
// waits for the end of quiet hours that are others now is due at once. It reports false if they are
// bound to nobody.
func (b *Mailbox) Prefer(p Preferences) bool {
	if !b.Bound() {
		return false
	}
	quiet := b.Prefers.QuietHours
	b.Prefers = p
	for _, w := range b.queues() {
		for _, why := range []fact.Reason{fact.ReasonMutedAll, fact.ReasonMutedPeer} {
			b.endWaiting(w, Step{State: fact.StateMuted, Reason: why}, func(n *WaitingNotice) bool { return p.mutes(n) == why })
		}
		if quiet != (QuietHours("")) && quiet != p.QuietHours && len(w.Notices) > 0 {
			w.schedule(b.Now, b.Now)
		}
	}
	return true
}
