package scf

import (
	"context"
	"errors"
	"time"

	"wxnotify/shared/fact"
)

// A DeliverEvent is what the function deliver is invoked with: empty from its timer
// or from somebody who wakes it, with an Overflow from a receiver whose store is away.
type DeliverEvent struct {
	Overflow *Overflow `json:"spill,omitempty"`
	// Time is when the timer made the event, as text: one that cannot be read stops no run.
	Time string `json:"Time,omitempty"`
}

// lateAfter is more than a timer's event waits while there are instances for it.
const lateAfter = 2 * time.Minute

// Late reports whether a timer made e so long before now that younger ones have followed: it
// found all instances busy, for example with overflows.
func (e DeliverEvent) Late(now time.Time) bool {
	made, err := time.Parse(time.RFC3339, e.Time)
	return err == nil && now.Sub(made) > lateAfter
}

// An Overflow carries facts that the store could not take.
type Overflow struct {
	Facts []fact.Fact `json:"facts"`
	Since time.Time   `json:"since,omitzero"` // when they were first spilled
}

// ErrNoDeliver says that nobody is there to take what was spilled.
var ErrNoDeliver = errors.New("no function to deliver: set DELIVER_FUNCTION to its name")

// Wake starts a run of deliver. Without a Function it does nothing: the timer does.
func (v *Invoker) Wake(ctx context.Context) error {
	if v.function == "" {
		return nil
	}
	return v.Invoke(ctx, DeliverEvent{})
}

// Overflow hands facts to deliver, in several events if one would be too large. With an
// error some of them may have been handed over all the same: recording a fact twice
// is harmless, so the caller may spill them all again. It wraps ErrNoDeliver without a
// Function, and ErrEventTooLarge if a single fact is too large.
func (v *Invoker) Overflow(ctx context.Context, facts []fact.Fact, since time.Time) error {
	if len(facts) == 0 {
		return nil
	}
	err := v.Invoke(ctx, DeliverEvent{Overflow: &Overflow{Facts: facts, Since: since}})
	if !errors.Is(err, ErrEventTooLarge) || len(facts) == 1 {
		return err
	}
	half := len(facts) / 2
	return errors.Join(v.Overflow(ctx, facts[:half], since), v.Overflow(ctx, facts[half:], since))
}
