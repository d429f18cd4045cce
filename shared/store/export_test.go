package store

import (
	"io/fs"
	"strings"
)

// What a hook sees.
type (
	Trip    = trip
	Command = command
	Reply   = reply
)

// Args returns the arguments of a command, its key among them.
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
