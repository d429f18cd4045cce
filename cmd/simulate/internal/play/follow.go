package play

import (
	"context"
	"fmt"
	"sync"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// A follower reads the timelines of some users whenever something has happened to them,
// and so sees the final states of each of their messages.
type follower struct {
	history *history.History
	store   *store.Store
	users   int32
	ends    []map[int32]int // by user: how often an item ended
	seen    []map[string]int
	faults  []string

	mu      sync.Mutex
	touched map[int32]bool
}

func newFollower(h *history.History, st *store.Store, users int) *follower {
	f := &follower{history: h, store: st, users: int32(min(users, h.Users)), touched: map[int32]bool{}}
	for range f.users {
		f.ends = append(f.ends, map[int32]int{})
		f.seen = append(f.seen, map[string]int{})
	}
	return f
}

// touch says that something happened to a user.
func (f *follower) touch(user int32) {
	if user < 0 || user >= f.users {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touched[user] = true
}

// look reads what is new. A timeline keeps its last 100 steps: more than one moment brings.
func (f *follower) look(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for user := range f.touched {
		delete(f.touched, user)
		steps, err := f.store.Timeline(ctx, history.UserID(user))
		if err != nil {
			return err
		}
		f.note(user, steps)
	}
	return nil
}

// note counts the ends among steps that were not there when it last looked.
func (f *follower) note(user int32, steps []notify.Step) {
	now := map[string]int{}
	for _, s := range steps {
		if s.Kind != notify.StepFinal {
			continue
		}
		key := fmt.Sprint(s.At.UnixMilli(), s.State, s.Reason, s.Messages)
		if now[key]++; now[key] <= f.seen[user][key] {
			continue
		}
		for _, id := range s.Messages {
			item, err := f.history.ItemOf(user, id.ID())
			if err != nil {
				f.faults = append(f.faults, err.Error())
				continue
			}
			f.ends[user][item]++
		}
	}
	f.seen[user] = now
}

// all says that something may have happened to everybody.
func (f *follower) all() {
	for user := range f.users {
		f.touch(user)
	}
}

// result returns how many messages were followed, and those that did not end once.
func (f *follower) result() (followed int, unended []string) {
	unended = f.faults
	for user := range f.users {
		for _, item := range f.history.Of[user] {
			followed++
			if n := f.ends[user][item]; n != 1 {
				unended = append(unended, fmt.Sprintf("%s of %s has %d final states", f.history.MessageID(item), history.UserID(user), n))
			}
		}
	}
	return followed, unended
}
