package store

import (
	"context"
	"time"

	"wxnotify/shared/fact"
)

// name is where the name of a user, or of "@" and a group, is kept:
//
//	wxn{n}:nm:<id>  name, "" if there is none   string
//
// A user's is in the slot of their other keys.
func (k keys) name(id string) string { return k.tag + "nm:" + id }

// CachedNames implements deliver.NameCache. With an error it returns those names that
// could be read.
func (s *Store) CachedNames(ctx context.Context, ids []string) (map[string]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	reads := make([]command, len(ids))
	for i, id := range ids {
		reads[i] = do("GET", s.keysOf(id).name(id))
	}
	kept, err := s.all(ctx, reads...)
	out := map[string]string{}
	for i, name := range kept {
		if name != nil {
			out[ids[i]] = text(name)
		}
	}
	return out, err
}

// KeepNames implements deliver.NameCache. A ttl below a millisecond keeps nothing.
func (s *Store) KeepNames(ctx context.Context, names map[string]string, ttl time.Duration) error {
	if len(names) == 0 || ttl < time.Millisecond {
		return nil
	}
	ids := map[keys][]fact.UserID{}
	for id := range names {
		ids[s.keysOf(id)] = append(ids[s.keysOf(id)], fact.UserID(id))
	}
	var changes []*change
	for k, ids := range ids {
		changes = append(changes, keepNames(k, ids, names, ttl))
	}
	return s.commit(ctx, changes)
}

// keepNames keeps the names of one shard, but for those of users who were erased since they were
// looked up: the change is of the hash that names these, and writes none of its fields.
func keepNames(k keys, ids []fact.UserID, names map[string]string, ttl time.Duration) *change {
	c := &change{record: k.erasedUsers(), fields: hashesOf(ids)}
	c.decide = func(now time.Time, replies []any, _ string) (writes []command, _ error) {
		forgotten := forgottenIn(ids, replies[0], now)
		for _, id := range ids {
			if !forgotten(id) {
				writes = append(writes, do("SET", k.name(string(id)), names[string(id)], "PX", ttl.Milliseconds()))
			}
		}
		return writes, nil
	}
	return c
}
