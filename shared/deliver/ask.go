package deliver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/guard"
	"wxnotify/shared/notify"
)

// nameTTL is how long a name is kept before it is looked up again.
const nameTTL = 6 * time.Hour

// nameBudget bounds the look-up of names; a card without them says "a friend".
const nameBudget = 1500 * time.Millisecond

// callBudget bounds the question where those are who are called: it rings for 30 s, and
// the last fact decides if IM says nothing.
const callBudget = 1500 * time.Millisecond

// ask asks IM where recs are and, beside that, for the names that their cards may show
// and who of a group's call is in the group. Users of whom IM says nothing are
// StatusUnknown. Calls do not wait for names, and for IM callBudget at most.
func (p *pass) ask(ctx context.Context, recs []notify.Recipient) (map[fact.UserID]notify.Status, card.Names, map[fact.UserID]map[fact.GroupID]bool) {
	nameCtx, stop := context.WithTimeout(ctx, nameBudget)
	defer stop()
	named := guard.Begin(ctx, p.Log, func() card.Names { return p.lookUp(nameCtx, recs) })
	if recs[0].Queue == card.QueueMessages {
		return p.presence(ctx, recs), <-named, nil
	}

	ctx, cancel := context.WithTimeout(ctx, callBudget)
	defer cancel()
	foreign := guard.Begin(ctx, p.Log, func() map[fact.UserID]map[fact.GroupID]bool { return p.nonMembers(ctx, recs) })
	status, strangers := p.presence(ctx, recs), <-foreign
	select {
	case names := <-named:
		return status, names, strangers
	case <-time.After(100 * time.Millisecond):
		return status, nil, strangers
	}
}

func (p *pass) presence(ctx context.Context, recs []notify.Recipient) map[fact.UserID]notify.Status {
	users := make([]fact.UserID, len(recs))
	for i, rec := range recs {
		users[i] = rec.User
	}
	status, err := p.IM.Presence(ctx, users)
	if cure, known := cureOf(err); known {
		p.Log.ErrorContext(ctx, "IM does not say who is online until this is mended: "+cure, "alert", "im", "error", err)
	} else if err != nil {
		p.Log.WarnContext(ctx, "IM did not say who is online", "asked", len(users), "answered", len(status), "error", err)
	}
	return status
}

// lookUp returns the names of who wrote last to each of recs, and of the groups: from
// the store if they are kept there, else from IM. What cannot be found out by the time
// ctx ends is missing.
func (p *pass) lookUp(ctx context.Context, recs []notify.Recipient) card.Names {
	if p.Rules.Preview == card.PreviewNone {
		return nil
	}
	want := shown(recs)
	if len(want) == 0 {
		return nil
	}
	names, err := p.Store.CachedNames(ctx, slices.Collect(maps.Keys(want)))
	if err != nil {
		p.Log.WarnContext(ctx, "kept names not read", "error", err)
	}
	var users []fact.UserID
	var groups []fact.GroupID
	for key, n := range want {
		if _, known := names[key]; known {
			continue
		}
		if n.group != "" {
			groups = append(groups, n.group)
		} else {
			users = append(users, n.user)
		}
	}
	if len(users)+len(groups) == 0 {
		return names
	}
	found := p.fetchNames(ctx, users, groups)
	if names == nil {
		names = make(card.Names, len(found))
	}
	maps.Copy(names, found)
	if err := p.Store.KeepNames(ctx, found, nameTTL); err != nil {
		p.Log.WarnContext(ctx, "names not kept", "error", err)
	}
	return names
}

// fetchNames asks IM for names. Those that do not exist are in the result, empty.
func (p *pass) fetchNames(ctx context.Context, users []fact.UserID, groups []fact.GroupID) card.Names {
	found := card.Names{}
	var ofUsers, ofGroups error
	if len(users) > 0 {
		var names map[fact.UserID]string
		names, ofUsers = p.Directory.Names(ctx, users)
		for _, u := range users {
			if name, ok := names[u]; ok || ofUsers == nil {
				found[string(u)] = name
			}
		}
	}
	if len(groups) > 0 {
		var names map[fact.GroupID]string
		names, ofGroups = p.Directory.GroupNames(ctx, groups)
		for _, g := range groups {
			if name, ok := names[g]; ok || ofGroups == nil {
				found[fact.GroupPeer(g)] = name
			}
		}
	}
	if err := errors.Join(ofUsers, ofGroups); err != nil {
		p.Log.WarnContext(ctx, "names not looked up, cards do without", "error", err)
	}
	return found
}

// A shownName is a user's or a group's.
type shownName struct {
	user  fact.UserID
	group fact.GroupID
}

// shown returns whose names the next cards to recs may show, by their key in Names: a
// card shows who wrote last, and where.
func shown(recs []notify.Recipient) map[string]shownName {
	out := map[string]shownName{}
	for _, rec := range recs {
		last := rec.Latest()
		if last.From != "" {
			out[string(last.From)] = shownName{user: last.From}
		}
		if last.Group != "" {
			out[fact.GroupPeer(last.Group)] = shownName{group: last.Group}
		}
	}
	return out
}
