package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"wxnotify/shared/notify"
)

type overdueArgs struct {
	Limit int   `json:"limit"`
	Lease int64 `json:"lease"`
}

type concludeArgs struct {
	OpenID notify.OpenID `json:"openid"`
	Card   notify.CardID `json:"card"`
}

type tellArgs struct {
	User     notify.UserID `json:"user"`
	Card     notify.CardID `json:"card"`
	State    notify.State  `json:"state"`
	Reason   notify.Reason `json:"reason"`
	Was      notify.State  `json:"was"`
	Messages []string      `json:"messages"`
}

type toldArgs struct {
	OpenID notify.OpenID `json:"openid"`
	Card   notify.CardID `json:"card"`
	State  notify.State  `json:"state"`
}

// Reconcile implements notify.Store. It goes from the subscribers' side to the
// recipients' and back, a round trip each; every step may be repeated, and what stops
// half way is handed out again when its lease ends.
func (s *Store) Reconcile(ctx context.Context, limit int) ([]notify.Ended, error) {
	cards, err := s.overdueCards(ctx, limit)
	if len(cards) == 0 {
		return nil, err
	}
	ends, err2 := s.conclude(ctx, cards)
	told, err3 := s.tell(ctx, ends)
	return told, errors.Join(err, err2, err3)
}

// An end is what a recipient is to be told of a card.
type end struct {
	tellArgs
	openID notify.OpenID
}

func (s *Store) overdueCards(ctx context.Context, limit int) ([]concludeArgs, error) {
	args := overdueArgs{max(1, limit/s.shards), notify.Lease.Milliseconds()}
	token := rand.Text()[:16]
	calls := make([]call, s.shards)
	for i := range calls {
		calls[i] = call{scriptOverdue, []string{s.shardKeys(i).overdue(), s.shardKeys(i).lease(token)}, args}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return nil, err
	}
	var out []concludeArgs
	for _, r := range replies {
		members, _ := r.StringSlice() // its error is told below
		for _, m := range members {
			openID, card, _ := strings.Cut(m, "\n")
			out = append(out, concludeArgs{notify.OpenID(openID), notify.CardID(card)})
		}
	}
	return out, failures(replies)
}

func (s *Store) conclude(ctx context.Context, cards []concludeArgs) ([]end, error) {
	calls := make([]call, len(cards))
	for i, c := range cards {
		k := s.keysOf(string(c.OpenID))
		calls[i] = call{scriptConclude, []string{k.subscriber(c.OpenID), k.cards(c.OpenID), k.overdue()}, c}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return nil, err
	}
	var out []end
	for i, r := range replies {
		part, _ := r.StringSlice()
		if len(part) < 4 {
			continue
		}
		out = append(out, end{openID: cards[i].OpenID, tellArgs: tellArgs{
			User: notify.UserID(part[0]), Card: cards[i].Card, State: notify.State(part[1]), Reason: notify.Reason(part[2]),
			Was: notify.State(part[3]), Messages: list(part[4:])}})
	}
	return out, failures(replies)
}

func (s *Store) tell(ctx context.Context, ends []end) ([]notify.Ended, error) {
	if len(ends) == 0 {
		return nil, nil
	}
	tells, dones := make([]call, len(ends)), []call{}
	for i, e := range ends {
		k := s.keysOf(string(e.User))
		tells[i] = call{scriptTell, []string{k.recipient(e.User), k.timeline(e.User), k.counts(), k.told(e.Card, e.State),
			k.waiting(), k.queue(), k.callsWaiting(), k.callsQueue()}, e.tellArgs}
	}
	replies, err := s.each(ctx, tells)
	if err != nil {
		return nil, err
	}
	var out []notify.Ended
	for i, r := range replies {
		n, err := r.Int()
		if err != nil {
			continue // told below
		}
		e := ends[i]
		if n > 0 {
			out = append(out, notify.Ended{State: e.State, Reason: e.Reason, Messages: n})
		}
		k := s.keysOf(string(e.openID))
		dones = append(dones, call{scriptTold, []string{k.cards(e.openID), k.overdue()}, toldArgs{e.openID, e.Card, e.State}})
	}
	if len(dones) == 0 {
		return out, failures(replies)
	}
	_, err = s.run(ctx, dones...)
	return out, errors.Join(failures(replies), err)
}
