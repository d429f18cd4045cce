package im

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// inBatches calls ask for up to size different ids at a time. It goes on after an error
// unless every further call would meet the same one.
func inBatches[T comparable](ids []T, size int, ask func([]T) error) error {
	var errs []error
	for batch := range slices.Chunk(distinct(ids), size) {
		if err := ask(batch); err != nil {
			errs = append(errs, err)
			if hopeless(err) {
				break
			}
		}
	}
	return errors.Join(errs...)
}

func hopeless(err error) bool {
	if _, ok := errors.AsType[itemError](err); ok {
		return false
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	api, ok := errors.AsType[*APIError](err)
	return ok && (api.Cure() != "" || api.NewUserSig() || api.Locked() || api.NoGroup())
}

// An itemError is about some of those who were asked about; IM told of the others.
type itemError struct{ error }

func (e itemError) Unwrap() error { return e.error }

// shortfall is nil if all of batch are told, and failed, or that they are missing,
// otherwise.
func shortfall[T comparable](batch []T, failed error, op string, told func(T) bool) error {
	missing := 0
	for _, id := range batch {
		if !told(id) {
			missing++
		}
	}
	if missing == 0 {
		return nil
	}
	if failed == nil {
		failed = fmt.Errorf("im: %s: not in the reply", op)
	}
	err := fmt.Errorf("%w (%d of %d)", failed, missing, len(batch))
	if missing < len(batch) {
		return itemError{err}
	}
	return err
}

func setOf[T comparable](ids []T) map[T]bool {
	set := make(map[T]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// distinct keeps the first of each, in order.
func distinct[T comparable](ids []T) []T {
	seen := make(map[T]bool, len(ids))
	var once []T
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}
	return once
}
