package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

var scriptPace = script("pace")

// maxPace is the longest wait that is reserved.
const maxPace = time.Minute

// pace is where it stands until when a rate is used up:
//
//	wxn{n}:pace:<digest>  the time, ms; a space; the last call   string
func (k keys) pace(name string) string { return k.tag + "pace:" + digest(name) }

// Pace takes n from what all together may do perSecond under name, and returns for how
// long to wait before doing it. A wait of more than a minute is returned and not reserved:
// its caller should give up, and ask again later.
func (s *Store) Pace(ctx context.Context, name string, perSecond, n int) (time.Duration, error) {
	wait, _, err := s.PaceWithin(ctx, name, perSecond, n, maxPace)
	return wait, err
}

// PaceWithin implements deliver.Queue. Who was idle may do a second's worth at once. No wait
// of more than a minute is reserved, whatever atMost is. The names are stored as digests.
func (s *Store) PaceWithin(ctx context.Context, name string, perSecond, n int, atMost time.Duration) (wait time.Duration, reserved bool, err error) {
	if perSecond < 1 {
		return 0, false, fmt.Errorf("store: Pace: %d a second: use 1 or more", perSecond)
	}
	if n < 1 {
		return 0, true, nil
	}
	cost := min(1000*float64(n)/float64(perSecond), 100*float64(maxPace.Milliseconds())) // far too long anyway
	answer, err := s.evalOne(ctx, eval{scriptPace, []string{s.keysOf(name).pace(name)}, []any{s.clock(), rand.Text()[:16],
		cost, time.Second.Milliseconds(), min(atMost, maxPace).Milliseconds(), maxPace.Milliseconds()}})
	if err != nil {
		return 0, false, err
	}
	told, _ := answer.([]any)
	if len(told) != 2 {
		return 0, false, errReply
	}
	return time.Duration(number(told[0])) * time.Microsecond, number(told[1]) == 1, nil
}
