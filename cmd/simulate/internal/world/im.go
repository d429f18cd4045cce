package world

import (
	"context"
	"fmt"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// IM answers for Tencent IM. It implements deliver.Asker and deliver.Directory. It always
// answers, and calls a user online until it has noticed that they left.
type IM struct {
	History *history.History
	Clock   *Clock
}

// Presence implements deliver.Asker.
func (im IM) Presence(_ context.Context, users []fact.UserID) (map[fact.UserID]notify.Status, error) {
	now := im.Clock.Second()
	out := make(map[fact.UserID]notify.Status, len(users))
	for _, id := range users {
		out[id] = notify.StatusOffline
		if u := history.UserOf(id); u >= 0 && im.History.Online(u, now) {
			out[id] = notify.StatusOnline
		}
	}
	return out, nil
}

// Unread implements deliver.Asker.
func (im IM) Unread(_ context.Context, user fact.UserID, peers []fact.UserID) (int, map[fact.UserID]int, error) {
	u, now := history.UserOf(user), im.Clock.Second()
	if u < 0 {
		return 0, nil, fmt.Errorf("im: Unread: no user %s", user)
	}
	all := map[fact.UserID]int{}
	total := 0
	for _, i := range im.History.Of[u] {
		it := im.History.Items[i]
		if it.At > now {
			break
		}
		if it.Kind == history.Chat && it.Read > now && it.Recalled > now {
			all[history.ContactID(u, it.Contact)]++
			total++
		}
	}
	by := make(map[fact.UserID]int, len(peers))
	for _, p := range peers {
		by[p] = all[p]
	}
	return total, by, nil
}

// Members implements deliver.Directory: a group fits on one page.
func (im IM) Members(_ context.Context, group fact.GroupID, _ fact.GroupType, _ string) ([]notify.Member, string, error) {
	g := history.GroupOf(group)
	if g < 0 || g >= im.History.Groups() {
		return nil, "", fmt.Errorf("im: Members: %s: %w", group, notify.ErrNoGroup)
	}
	members := []notify.Member{{User: history.HostID(g)}}
	for _, u := range im.History.Members(g) {
		members = append(members, notify.Member{User: history.UserID(u)})
	}
	return members, "", nil
}

// MembersAmong implements deliver.Directory.
func (im IM) MembersAmong(ctx context.Context, group fact.GroupID, users []fact.UserID) ([]notify.Member, error) {
	members, _, err := im.Members(ctx, group, "", "")
	if err != nil {
		return nil, err
	}
	asked := make(map[fact.UserID]bool, len(users))
	for _, u := range users {
		asked[u] = true
	}
	var out []notify.Member
	for _, m := range members {
		if asked[m.User] {
			out = append(out, m)
		}
	}
	return out, nil
}

// Names implements deliver.Directory: everybody is called by their id.
func (im IM) Names(_ context.Context, users []fact.UserID) (map[fact.UserID]string, error) {
	out := make(map[fact.UserID]string, len(users))
	for _, u := range users {
		out[u] = string(u)
	}
	return out, nil
}

// GroupNames implements deliver.Directory.
func (im IM) GroupNames(_ context.Context, groups []fact.GroupID) (map[fact.GroupID]string, error) {
	out := make(map[fact.GroupID]string, len(groups))
	for _, g := range groups {
		out[g] = string(g)
	}
	return out, nil
}
