package inbox

import (
	"context"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Recorder stores facts.
//
// Implementations are safe for concurrent use, honour ctx and are idempotent: a
// fact that was recorded before changes nothing.
type Recorder interface {
	// Record stores facts in one round trip, those about an openid in two more and an Erase apart,
	// each in one atomic step per recipient.
	// On an error any part of facts may have been stored; recording all of them again
	// is safe. It wraps ErrUnreadable if nothing but that is wrong: then all steps of other
	// recipients are done, an Erase apart.
	Record(ctx context.Context, rules notify.Rules, facts []fact.Fact) (notify.Recorded, error)
}

// Invoker reaches deliver without the store.
type Invoker interface {
	// Wake starts a run of deliver soon. It does not wait for it.
	Wake(ctx context.Context) error
	// Overflow hands facts that could not be recorded to deliver, which records them
	// when the store is back. When it returns nil, they are safe. since is when they
	// were first spilled.
	Overflow(ctx context.Context, facts []fact.Fact, since time.Time) error
}
