package store

import (
	"fmt"
	"strings"

	"wxnotify/shared/notify"
)

// wrongType is how Redis says that a key is of another type.
const wrongType = "WRONGTYPE Operation"

// unreadable returns a notify.ErrUnreadable that names the keys, if what a script found in one is why
// it failed, and not the server; else nil. Redis wraps these texts, and each version does it in
// another way. Any other error may be one of an outage, and one of Lua may be a bug of a version,
// which is no fault of what is stored.
func unreadable(r reply) error {
	if r.err == nil || !strings.Contains(r.err.Error(), wrongType) {
		return nil
	}
	return fmt.Errorf("store: %w: one of the keys %s: %w", notify.ErrUnreadable, strings.Join(r.of.keys(), " "), r.err)
}

// keys returns those that a command names.
func (c command) keys() (keys []string) {
	if c.key != "" {
		return []string{c.key}
	}
	if len(c.args) < 2 { // of a script: its name, how many keys, the keys
		return nil
	}
	n, _ := c.args[1].(int)
	for _, key := range c.args[2:min(2+n, len(c.args))] {
		keys = append(keys, fmt.Sprint(key))
	}
	return keys
}
