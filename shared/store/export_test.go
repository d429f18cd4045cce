package store

import (
	"io/fs"
	"strings"

	"github.com/redis/go-redis/v9"
)

// AddHook lets a test see the round trips of s.
func (s *Store) AddHook(h redis.Hook) { s.db.AddHook(h) }

// ScriptHashes returns the name under which the server knows each script, by file.
func ScriptHashes() map[string]string {
	files, err := fs.Glob(sources, "*.lua")
	if err != nil {
		panic(err)
	}
	out := map[string]string{}
	for _, f := range files {
		out[f] = script(strings.TrimSuffix(f, ".lua"))().Hash()
	}
	return out
}
