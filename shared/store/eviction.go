package store

import (
	"context"
	"fmt"
)

// eviction returns an error if the server throws keys away when its memory is full: permits and
// bindings would be gone, and marks that keep a message from being told twice. It looks once in
// the life of an instance. A server that does not tell its policy is not complained of.
func (s *Store) eviction(ctx context.Context) error {
	if s.policy.Swap(true) {
		return nil
	}
	info, _ := s.one(ctx, do("INFO", "", "memory"))
	policy := policyOf(fieldsOf(text(info)), nil)
	if policy == "" { // of an older server
		config, _ := s.one(ctx, do("CONFIG", "", "GET", "maxmemory-policy"))
		policy = policyOf(nil, config)
	}
	if policy == "" || policy == "noeviction" {
		return nil
	}
	return fmt.Errorf("maxmemory-policy is %s, by which Redis throws permits and bindings away: set it to noeviction", policy)
}
