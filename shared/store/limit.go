package store

import (
	"context"
	"crypto/rand"
	"time"
)

var scriptAllow = script("allow")

// Allow counts one more of name and reports whether there were at most limit since
// the first of them, window ago at most. The names are stored as digests. A limit is some
// hundred at most: what counts is kept one by one.
func (s *Store) Allow(ctx context.Context, name string, limit int, window time.Duration) (bool, error) {
	_, ok, err := s.Try(ctx, name, limit, window)
	return ok, err
}

// Try is Allow for an attempt that may be taken back with Forgive.
func (s *Store) Try(ctx context.Context, name string, limit int, window time.Duration) (attempt string, ok bool, err error) {
	attempt = rand.Text()
	ok, err = s.allow(ctx, name, "try", attempt, limit, window.Milliseconds())
	return attempt, ok, err
}

// Forgive takes an attempt back that Try has counted. Doing it again changes nothing.
func (s *Store) Forgive(ctx context.Context, name, attempt string) error {
	_, err := s.allow(ctx, name, "forgive", attempt)
	return err
}

// Allowed reports whether another Allow would be within limit, without counting.
func (s *Store) Allowed(ctx context.Context, name string, limit int) (bool, error) {
	return s.allow(ctx, name, "look", "", limit)
}

func (s *Store) allow(ctx context.Context, name string, args ...any) (bool, error) {
	reply, err := s.evalOne(ctx, eval{scriptAllow, []string{s.keysOf(name).limit(name)}, args})
	if err != nil {
		return false, err
	}
	return number(reply) == 1, nil
}
