package store

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/notify"
)

var scriptWatch = script("watch")

// watching is for how long after each look a run counts as watching: a little longer
// than a waiting run sleeps.
const watching = 5 * time.Second

// soon is how far ahead a due time is worth a wake: what is due later is seen by the
// timer's next run.
const soon = 60 * time.Second

// soonDue reports whether any of visits has made something due before the timer's next run sees it.
func soonDue(visits []*visit) bool {
	return slices.ContainsFunc(visits, func(v *visit) bool { return !v.wake.IsZero() && !v.wake.After(v.before.Now.Add(soon)) })
}

// The keys of the watch are in shard 0:
//
//	wxn{0}:watch      until when a run watches, ms; a space; its word     string
//	wxn{0}:soon       shard -> when something of its is due, ms          sorted set
//	wxn{0}:lk:<word>  what a look was told                               string
func (k keys) watch() string             { return k.tag + "watch" }
func (k keys) soon() string              { return k.tag + "soon" }
func (k keys) looked(word string) string { return k.tag + "lk:" + word }

// watch returns a run of watch.lua at a time; "" is the server's own.
func (s *Store) watch(at, word, what string, more ...any) eval {
	k := s.shardKeys(0)
	keys := []string{k.watch(), k.soon()}
	if what == "look" {
		keys, word = append(keys, k.looked(word)), s.self
	}
	return eval{scriptWatch, keys, append([]any{at, word, what, watching.Milliseconds()}, more...)}
}

// allEvery is how often all shards are looked at, whether or not something is noted of them. It is
// less than the period of the timer.
const allEvery = 50 * time.Second

// dues are the shards of which something has become due, each by the time.
type dues map[string]time.Time

// add notes when something is due in the shard of a key.
func (d dues) add(key string, at time.Time) {
	shard := key[strings.IndexByte(key, '{')+1 : strings.IndexByte(key, '}')]
	if was, known := d[shard]; !known || at.Before(was) {
		d[shard] = at
	}
}

// args returns dues as watch.lua takes them.
func (d dues) args() (out []any) {
	for shard, at := range d {
		out = append(out, shard, at.UnixMilli())
	}
	return out
}

// A lookAround is what a run is told when it looks around.
type lookAround struct {
	now     time.Time
	watched bool      // another run watches
	next    time.Time // when the next shard is due, beside shards; zero if none is
	shards  []int     // that are due, and in this run's hands now
}

// lookAround notes that this run watches, unless another does, and returns the shards that it is to look at.
func (s *Store) lookAround(ctx context.Context) (l lookAround, err error) {
	reply, err := s.evalOne(ctx, s.watch(s.clock(), crand.Text()[:10], "look", allEvery.Milliseconds()))
	if err != nil {
		return l, err
	}
	told := texts(reply)
	if len(told) < 3 {
		return l, errReply
	}
	l = lookAround{now: millis(told[0]), watched: told[1] != "", next: millis(told[2])}
	if told = told[3:]; slices.Contains(told, "all") {
		for i := range s.shards {
			l.shards = append(l.shards, i)
		}
		return l, nil
	}
	for _, shard := range told {
		n, err := strconv.Atoi(shard)
		if err != nil {
			return l, fmt.Errorf("store: %w: the shards that are due: %w", notify.ErrUnreadable, err)
		}
		l.shards = append(l.shards, n)
	}
	return l, nil
}

// Rest implements deliver.Queue.
func (s *Store) Rest(ctx context.Context, until time.Time) (time.Time, error) {
	reply, err := s.evalOne(ctx, s.watch(s.clock(), s.self, "rest", until.UnixMilli()))
	if err != nil {
		return time.Time{}, err
	}
	return millis(text(reply)), nil
}
