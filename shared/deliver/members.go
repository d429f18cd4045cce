package deliver

import (
	"context"
	"errors"
	"sync"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/guard"
	"wxnotify/shared/notify"
)

// inviteeBudget bounds the question who is a member; a call that is not answered for
// rings.
const inviteeBudget = 800 * time.Millisecond

// nonMembers returns which calls of groups ring at users who are no members: who is
// called is the caller's claim, and must not be a way to write to anybody.
func (p *pass) nonMembers(ctx context.Context, recs []notify.Recipient) map[fact.UserID]map[fact.GroupID]bool {
	called := map[fact.GroupID][]fact.UserID{}
	for _, rec := range recs {
		for _, n := range rec.Notices {
			if n.Group != "" {
				called[n.Group] = append(called[n.Group], rec.User)
			}
		}
	}
	if len(called) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, inviteeBudget)
	defer cancel()
	out := map[fact.UserID]map[fact.GroupID]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for group, users := range called {
		guard.Go(ctx, p.Log, &wg, func() {
			members, err := p.Directory.MembersAmong(ctx, group, users)
			if err != nil && !errors.Is(err, notify.ErrNoGroup) { // of a group that is not there nobody is a member
				p.Log.WarnContext(ctx, "IM did not say who of a call is in its group", "group", group, "error", err)
				return
			}
			in := map[fact.UserID]bool{}
			for _, m := range members {
				in[m.User] = true
			}
			mu.Lock()
			defer mu.Unlock()
			for _, u := range users {
				if !in[u] {
					if out[u] == nil {
						out[u] = map[fact.GroupID]bool{}
					}
					out[u][group] = true
				}
			}
		})
	}
	wg.Wait()
	return out
}
