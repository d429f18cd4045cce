package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// wrongType is how Redis says that a key is of another type.
const wrongType = "WRONGTYPE Operation"

// unreadable returns a notify.ErrUnreadable that names the keys, if what a script found in one is why
// it failed, and not the server; else nil. Redis wraps these texts, and each version does it in
// another way. Any other error may be one of an outage, and one of Lua may be a bug of a version,
// which is no fault of what is stored.
func unreadable(cmd *redis.Cmd) error {
	err, answered := errors.AsType[redis.Error](cmd.Err())
	if answered && strings.Contains(err.Error(), wrongType) {
		return fmt.Errorf("store: %w: one of the keys %s: %w", notify.ErrUnreadable, strings.Join(keysIn(cmd), " "), err)
	}
	return nil
}

// keysIn returns the keys that a run of a script names.
func keysIn(cmd *redis.Cmd) (keys []string) {
	args := cmd.Args() // EVALSHA, its name, how many keys, the keys
	if len(args) < 3 {
		return nil
	}
	n, _ := args[2].(int)
	for _, key := range args[3:min(3+n, len(args))] {
		keys = append(keys, fmt.Sprint(key))
	}
	return keys
}
