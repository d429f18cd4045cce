package store

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
)

const (
	// heardFor is for how long a grant or a revoke that comes again is known.
	heardFor = 24 * time.Hour
	// marksAtMost is how many of these are known; the oldest are forgotten.
	marksAtMost = 64
)

func (s *Store) grant(g fact.Grant) *change {
	g.At = g.At.Truncate(time.Millisecond)
	return s.once(g.OpenID, digest(string(g.Source), g.ID), func(sub *permit.Subscriber, now time.Time) bool { return sub.Grant(g, now) })
}

func (s *Store) revoke(r fact.Revoke) *change {
	r.At = r.At.Truncate(time.Millisecond)
	return s.once(r.OpenID, digest("revoke", r.ID), func(sub *permit.Subscriber, now time.Time) bool { return sub.Revoke(r, now) })
}

func (s *Store) refusal(r fact.Refusal) *change {
	r.At = r.At.Truncate(time.Millisecond)
	return s.once(r.OpenID, digest("refusal", r.ID), func(sub *permit.Subscriber, now time.Time) bool { return sub.Refuse(r, now) })
}

func (s *Store) sent(r fact.Sent) *change {
	openID := r.OpenID
	r.OpenID, r.At = "", r.At.Truncate(time.Millisecond) // as it is kept
	return s.ofSubscriber(openID, func(sub *permit.Subscriber, now time.Time) error {
		sub.Report(r, now)
		return nil
	})
}

// once is a change that is made by the first that comes under an id, unless it has no effect.
func (s *Store) once(openID fact.OpenID, id string, effect func(sub *permit.Subscriber, now time.Time) bool) *change {
	c := subscriberChange{keys: s.keysOf(string(openID)), openID: openID}
	marks := c.grants(openID)
	c.reads = []command{do("HGETALL", marks)}
	c.decide = func(sub *permit.Subscriber, now time.Time, replies []any) ([]command, error) {
		heard := pairs(replies[0])
		if _, again := heard[id]; again || !effect(sub, now) {
			return nil, nil
		}
		return append(forgotten(marks, heard, now), do("HSET", marks, id, now.UnixMilli()),
			do("PEXPIRE", marks, heardFor.Milliseconds())), nil
	}
	return c.change()
}

// forgotten makes room for one more mark, if there are too many. What cannot be read is the oldest.
func forgotten(marks string, heard map[string]string, now time.Time) []command {
	if len(heard) < marksAtMost {
		return nil
	}
	byTime := slices.SortedFunc(maps.Keys(heard), func(x, y string) int {
		return cmp.Or(millis(heard[x]).Compare(millis(heard[y])), cmp.Compare(x, y))
	})
	old := len(heard) - marksAtMost + 1
	for old < len(byTime) && !millis(heard[byTime[old]]).After(now.Add(-heardFor)) {
		old++
	}
	return []command{do("HDEL", marks, anys(byTime[:old])...)}
}
