package store

import (
	"slices"
	"sync"
	"time"
)

// keep has a key live for a time, of which many records write: it is enough if each process says so
// once, because the key lives long enough from its first moment on.
func keep(key string, life time.Duration) command {
	c := do("PEXPIRE", key, life.Milliseconds())
	c.once = true
	return c
}

// lives are the keys of which this process has said how long they live. They are safe for concurrent use.
type lives struct {
	mu   sync.Mutex
	said map[string]bool
}

// livesKept bounds how many keys are remembered: there are a few for each shard and quarter of a day.
const livesKept = 4096

// without leaves out of writes what need not be said again, or twice.
func (l *lives) without(writes []command) (out []command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range writes {
		if !w.once || !l.said[w.key] && !slices.ContainsFunc(out, func(o command) bool { return o.once && o.key == w.key }) {
			out = append(out, w)
		}
	}
	return out
}

// learn remembers what was written.
func (l *lives) learn(writes []command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range writes {
		if !w.once {
			continue
		}
		if l.said == nil || len(l.said) >= livesKept {
			l.said = map[string]bool{}
		}
		l.said[w.key] = true
	}
}
