package testkit

import (
	"context"
	"sync/atomic"
)

// A Rotation is a secret.Source of a secret that was changed where it is kept: it reads Old until it is renewed.
type Rotation struct {
	Old, New string
	renewed  atomic.Bool
}

// Value returns what is known.
func (r *Rotation) Value() string {
	if r.renewed.Load() {
		return r.New
	}
	return r.Old
}

// Renew makes New known.
func (r *Rotation) Renew(_ context.Context, used string) bool {
	r.renewed.Store(true)
	return used != r.New
}
