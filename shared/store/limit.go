package store

import (
	"context"
	"time"
)

type allowArgs struct {
	Add    int   `json:"add"`
	Limit  int   `json:"limit"`
	Window int64 `json:"window"`
}

// Allow counts one more of name and reports whether there were at most limit since
// the first of them, window ago at most. The names are stored as digests.
func (s *Store) Allow(ctx context.Context, name string, limit int, window time.Duration) (bool, error) {
	return s.allow(ctx, name, allowArgs{1, limit, window.Milliseconds()})
}

// Allowed reports whether another Allow would be within limit, without counting.
func (s *Store) Allowed(ctx context.Context, name string, limit int) (bool, error) {
	return s.allow(ctx, name, allowArgs{Limit: limit})
}

func (s *Store) allow(ctx context.Context, name string, args allowArgs) (bool, error) {
	replies, err := s.run(ctx, call{scriptAllow, []string{s.keysOf(name).limit(name)}, args})
	if err != nil {
		return false, err
	}
	n, err := replies[0].Int()
	return n == 1, err
}
