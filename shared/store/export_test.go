package store

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// What a hook sees.
type (
	Trip    = trip
	Command = command
	Reply   = reply
)

// Args returns the arguments of a command, its key among them.
func (c Command) Name() string { return c.name }

func (c Command) Args() []any { return c.args }

// AddHook lets a test see the trips of s.
func (s *Store) AddHook(hook func(Trip) Trip) { s.trip = hook(s.trip) }

// ScriptHashes returns the name under which the server knows each script, by file.
func ScriptHashes() map[string]string {
	files, err := fs.Glob(sources, "*.lua")
	if err != nil {
		panic(err)
	}
	out := map[string]string{}
	for _, f := range files {
		out[f] = script(strings.TrimSuffix(f, ".lua"))().sha1
	}
	return out
}

// CheckRecents returns how many recent records s keeps, and an error if one is not as the store has it,
// though nobody has written it since.
func CheckRecents(ctx context.Context, s *Store) (n int, err error) {
	for record, kept := range s.recents.of {
		fields, of := mailboxFields, kept.found
		if len(of) > 1 {
			fields = []string{"d"}
		}
		there, err := s.all(ctx, do("HMGET", record, append([]any{"v"}, anys(fields)...)...), do("HGETALL", strings.Replace(record, "}:s:", "}:c:", 1)))
		if err != nil {
			return 0, err
		}
		is, recent := texts(there[0]), texts(of[0])
		if is[0] != recent[0] {
			continue
		}
		if !slices.Equal(is, recent) || len(of) > 1 && !maps.Equal(pairs(there[1]), pairs(of[2])) {
			return 0, fmt.Errorf("%s: has %q, and not %q", record, there, of)
		}
		n++
	}
	return n, nil
}
