package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// named is our scripts' own word, behind which they name the key, and the field of it.
const named = "UNREADABLE "

// faultsOfDocuments is how a script's error begins to say that what it found in a key is to blame,
// and not the server: our scripts' own word, a key of another type, a value of another shape, JSON
// that cannot be decoded. Redis wraps these texts, and each version does it in another way. Any
// other error may be one of an outage.
var faultsOfDocuments = []string{named, "WRONGTYPE Operation", "attempt to ", "Expected "}

// unreadable returns a notify.ErrUnreadable that names the keys, if that is why a script failed,
// else nil.
func unreadable(cmd *redis.Cmd) error {
	err, answered := errors.AsType[redis.Error](cmd.Err())
	if !answered {
		return nil
	}
	for _, fault := range faultsOfDocuments {
		_, what, is := strings.Cut(err.Error(), fault)
		switch {
		case !is:
		case fault == named:
			what, _, _ = strings.Cut(what, " script: ") // which Redis appends
			return fmt.Errorf("store: %w: %s", notify.ErrUnreadable, what)
		default:
			return fmt.Errorf("store: %w: %s%s (one of the keys %s)", notify.ErrUnreadable, fault, what, strings.Join(keysIn(cmd), " "))
		}
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
