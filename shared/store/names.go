package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var scriptKeepName = script("keep_name")

// name is where the name of a user, or of "@" and a group, is kept:
//
//	wxn{n}:nm:<id>  name, "" if there is none   string
//
// A user's is in the slot of his other keys.
func (k keys) name(id string) string { return k.tag + "nm:" + id }

// CachedNames implements notify.NameCache. With an error it returns those names that
// could be read.
func (s *Store) CachedNames(ctx context.Context, ids []string) (map[string]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	pipe := s.db.Pipeline()
	kept := make([]*redis.StringCmd, len(ids))
	for i, id := range ids {
		kept[i] = pipe.Get(ctx, s.keysOf(id).name(id))
	}
	_, failed := pipe.Exec(ctx)
	if errors.Is(failed, redis.Nil) {
		failed = nil
	}
	out := map[string]string{}
	for i, id := range ids {
		name, err := kept[i].Result()
		switch {
		case err == nil:
			out[id] = name
		case !errors.Is(err, redis.Nil):
			failed = err
		}
	}
	if failed != nil {
		failed = fmt.Errorf("store: CachedNames: %w", failed)
	}
	return out, failed
}

type keepNameArgs struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	TTL  int64  `json:"ttl"`
}

// KeepNames implements notify.NameCache. A ttl below a millisecond keeps nothing.
func (s *Store) KeepNames(ctx context.Context, names map[string]string, ttl time.Duration) error {
	if len(names) == 0 || ttl < time.Millisecond {
		return nil
	}
	var calls []call
	for id, name := range names {
		k := s.keysOf(id)
		calls = append(calls, call{scriptKeepName, []string{k.name(id), k.erasedUsers()}, keepNameArgs{id, name, ttl.Milliseconds()}})
	}
	_, err := s.run(ctx, calls...)
	return err
}
