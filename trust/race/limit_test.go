package race_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/trust"
)

var limitRaces = []race{
	{"no more is done at once than a rate allows", pace},
	{"no more is allowed than the limit", allow},
	{"a circuit stays open for as long as the longest wants", trip},
	{"each user whom WeChat does not know counts once", goneInRow},
}

// Of what everybody takes at one moment the first second's worth goes at once, and then one
// after the other at the rate, without a gap; what would wait too long takes nothing.
func pace(s *stage) {
	for range s.rounds() {
		const rate, each = 7, 3
		most := 2 * time.Second
		name := s.fresh("pace")
		var mu sync.Mutex
		var waits []time.Duration
		s.meet(func(_ int, st *store.Store) error {
			for range each {
				wait, reserved, err := st.PaceWithin(s.Context(), name, rate, 1, most)
				if err != nil {
					return err
				}
				if reserved {
					mu.Lock()
					waits = append(waits, wait)
					mu.Unlock()
				}
			}
			return nil
		})
		slices.Sort(waits)
		if want := min(each*len(s.instances), 3*rate); len(waits) != want { // a second's worth, and two more
			s.broken(trust.Violated, "%d may go within %v, want %d", len(waits), most, want)
		}
		for i, wait := range waits {
			want := max(0, time.Duration(i+1)*time.Second/rate-time.Second)
			if d := wait - want; d < -time.Millisecond || d > time.Millisecond {
				s.broken(trust.Violated, "number %d waits %v, want %v", i, wait, want)
			}
		}
	}
}

func allow(s *stage) {
	for range s.rounds() {
		const limit, each = 11, 4
		name := s.fresh("limit")
		var allowed atomic.Int32
		s.meet(func(_ int, st *store.Store) error {
			for range each {
				ok, err := st.Allow(s.Context(), name, limit, time.Minute)
				if err != nil {
					return err
				}
				if ok {
					allowed.Add(1)
				}
			}
			return nil
		})
		if n, want := int(allowed.Load()), min(limit, each*len(s.instances)); n != want {
			s.broken(trust.Violated, "%d were allowed, want %d", n, want)
		}
	}
}

func trip(s *stage) {
	for range s.rounds() {
		name := s.fresh("circuit")
		longest := s.clock().Add(time.Duration(len(s.instances)) * time.Second)
		s.meet(func(i int, st *store.Store) error {
			return st.Trip(s.Context(), notify.Circuit{Name: name, Until: s.clock().Add(time.Duration(i+1) * time.Second), Detail: "app"})
		})
		batch, err := s.one().Claim(s.Context(), 1)
		s.must(err)
		i := slices.IndexFunc(batch.Circuits, func(c notify.Circuit) bool { return c.Name == name })
		if i < 0 || !batch.Circuits[i].Until.Equal(longest) {
			s.broken(trust.Violated, "circuits %+v, want %s open until %v", batch.Circuits, name, longest)
		}
	}
}

func goneInRow(s *stage) {
	for range s.rounds() {
		counts := make([]int, len(s.instances))
		s.meet(func(i int, st *store.Store) (err error) {
			counts[i], err = st.CountGone(s.Context(), notify.OpenID([]string{"a", "b", "c", "d", "e"}[i%5]))
			return err
		})
		if got, want := slices.Max(counts), min(5, len(s.instances)); got != want {
			s.broken(trust.Violated, "%d users in a row, want %d", got, want)
		}
		_, err := s.one().CountGone(s.Context(), "")
		s.must(err)
	}
}
