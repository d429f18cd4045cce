package store_test

import (
	"fmt"
	"strings"
	"time"
)

func (b *bench) keepNames(names map[string]string) {
	b.Helper()
	b.must(b.Store.KeepNames(b.Context(), names, time.Hour))
}

// names wants exactly these of ids to be kept.
func (b *bench) names(want map[string]string, ids ...string) {
	b.Helper()
	got, err := b.Store.CachedNames(b.Context(), ids)
	b.must(err)
	equal(b, "names", got, want)
}

var nameRules = []rule{
	{"names are kept, also that there is none", func(b *bench) {
		want := map[string]string{string(alice): "爱丽丝 \"x\" \x00", string(bob): "", "@" + string(team): "Team", string(team): "a user of that name"}
		b.keepNames(want)
		b.names(want, string(alice), string(bob), string(carol), "@"+string(team), string(team), string(alice))
	}},
	{"a newer name takes the place of the old", func(b *bench) {
		b.keepNames(map[string]string{string(alice): "old", string(bob): "Bob"})
		b.keepNames(map[string]string{string(alice): "new"})
		b.names(map[string]string{string(alice): "new", string(bob): "Bob"}, string(alice), string(bob))
	}},
	{"names of all shards are read at once", func(b *bench) {
		want, ids := map[string]string{}, []string{}
		for i := range 100 {
			ids = append(ids, fmt.Sprint("user", i))
			want[ids[i]] = fmt.Sprint("User ", i)
		}
		b.keepNames(want)
		b.names(want, ids...)
	}},
	{"nothing is kept of nothing, or for no time", func(b *bench) {
		got, err := b.Store.CachedNames(b.Context(), nil)
		b.must(err)
		equal(b, "names", len(got), 0)
		b.unchanged(func() {
			b.keepNames(nil)
			b.must(b.Store.KeepNames(b.Context(), map[string]string{string(alice): "Alice"}, 0))
			b.must(b.Store.KeepNames(b.Context(), map[string]string{string(alice): "Alice"}, -time.Hour))
		})
		b.names(map[string]string{}, string(alice))
	}},
	{"names are kept for as long as is said", func(b *bench) {
		b.keepNames(map[string]string{string(alice): "Alice", string(bob): "Bob"})
		keys := b.keys()
		equal(b, "keys", len(keys), 2)
		for _, key := range keys {
			ttl, err := b.Raw.PTTL(b.Context(), key).Result()
			b.must(err)
			if ttl <= 59*time.Minute || ttl > time.Hour {
				b.Errorf("%s lives for %v, want an hour", key, ttl)
			}
		}
	}},
	{"a name that cannot be read hides no other", func(b *bench) {
		b.keepNames(map[string]string{string(alice): "Alice", string(bob): "Bob"})
		for key := range b.dump() {
			if strings.HasSuffix(key, ":"+string(alice)) {
				b.must(b.Raw.Del(b.Context(), key).Err())
				b.must(b.Raw.HSet(b.Context(), key, "not", "a string").Err())
			}
		}
		got, err := b.Store.CachedNames(b.Context(), []string{string(carol), string(alice), string(bob)})
		if err == nil {
			b.Error("no error")
		}
		equal(b, "names", got, map[string]string{string(bob): "Bob"})
	}},
}
