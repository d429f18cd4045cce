package store_test

import (
	"time"

	"wxnotify/shared/fact"
)

func (b *bench) keepNames(names map[string]string) {
	b.Helper()
	b.must(b.Store.KeepNames(b.Context(), names, time.Hour))
}

// names wants exactly these of ids to be kept.
func (b *bench) names(want map[string]string, ids ...string) {
	b.Helper()
	equal(b, "names", must(b.Store.CachedNames(b.Context(), ids))(b), want)
}

var nameRules = []rule{
	{"names are kept, also that there is none", func(b *bench) {
		want := map[string]string{string(alice): "爱丽丝 \"x\" \x00", string(bob): "", "@" + string(team): "Team", string(team): "a user of that name"}
		b.keepNames(want)
		b.names(want, string(alice), string(bob), string(carol), "@"+string(team), string(team), string(alice))
		b.keepNames(map[string]string{string(alice): "new"})
		b.names(map[string]string{string(alice): "new", string(bob): ""}, string(alice), string(bob))
	}},
	{"nothing is kept of nothing, or for no time", func(b *bench) {
		equal(b, "names", len(must(b.Store.CachedNames(b.Context(), nil))(b)), 0)
		b.unchanged(func() {
			b.keepNames(nil)
			b.must(b.Store.KeepNames(b.Context(), map[string]string{string(alice): "Alice"}, 0))
			b.must(b.Store.KeepNames(b.Context(), map[string]string{string(alice): "Alice"}, -time.Hour))
		})
		b.names(map[string]string{}, string(alice))
	}},
	{"names are kept for as long as is said", func(b *bench) {
		b.keepNames(map[string]string{string(alice): "Alice", string(bob): "Bob"})
		for _, user := range []fact.UserID{alice, bob} {
			b.lives(b.key(":"+string(user)), 59*time.Minute, time.Hour)
		}
	}},
	{"a name that cannot be read hides no other", func(b *bench) {
		b.keepNames(map[string]string{string(alice): "Alice", string(bob): "Bob"})
		key := b.key(":" + string(alice))
		b.must(b.Raw.Del(b.Context(), key).Err())
		b.must(b.Raw.HSet(b.Context(), key, "not", "a string").Err())
		got, err := b.Store.CachedNames(b.Context(), []string{string(carol), string(alice), string(bob)})
		equal(b, "an error", err != nil, true)
		equal(b, "names", got, map[string]string{string(bob): "Bob"})
	}},
}
