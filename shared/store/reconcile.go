package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// A cardOf is a card of an openid.
type cardOf struct {
	openID fact.OpenID
	card   card.ID
}

// memberOf names a card in the queue of ends.
func memberOf(openID fact.OpenID, id card.ID) string {
	return string(openID) + "\n" + string(id)
}

// Reconcile implements deliver.Cards. It goes from the subscribers' side to the
// recipients' and back, a trip that reads and one that writes each; every step may be repeated, and what stops
// half way is handed out again when its lease ends.
func (s *Store) Reconcile(ctx context.Context, limit int) ([]notify.Ended, error) {
	cards, err := s.overdueCards(ctx, limit)
	if len(cards) == 0 {
		return nil, err
	}
	ends, err2 := s.outgoing(ctx, cards)
	told, err3 := s.applyEnds(ctx, ends)
	return told, errors.Join(err, err2, err3)
}

// An end is what a recipient is to be told of a card.
type end struct {
	permit.OutboxEntry
	cardOf
}

func (s *Store) overdueCards(ctx context.Context, limit int) ([]cardOf, error) {
	token, most := rand.Text()[:16], max(1, limit/s.shards)
	takes := make([]eval, s.shards)
	for i := range takes {
		k := s.shardKeys(i)
		takes[i] = s.take(k, token, []string{k.overdue()}, most)
	}
	replies, err := s.evalAll(ctx, takes)
	if err != nil {
		return nil, err
	}
	var out []cardOf
	for _, r := range replies {
		part, _ := r.value.([]any)
		if len(part) != 4 {
			continue // told below
		}
		for _, m := range texts(part[3]) {
			openID, id, _ := strings.Cut(m, "\n")
			out = append(out, cardOf{fact.OpenID(openID), card.ID(id)})
		}
	}
	return out, failures(replies)
}

// outgoing returns what recipients are to be told of cards.
func (s *Store) outgoing(ctx context.Context, cards []cardOf) ([]end, error) {
	changes, found := make([]*change, len(cards)), make([]*permit.OutboxEntry, len(cards))
	for i, c := range cards {
		changes[i] = s.ofSubscriber(c.openID, func(sub *permit.Subscriber, now time.Time) (err error) {
			found[i], err = sub.Outgoing(c.card, now)
			return err
		})
	}
	err := s.commit(ctx, changes)
	var out []end
	for i, e := range found {
		if e != nil && changes[i].err == nil {
			out = append(out, end{*e, cards[i]})
		}
	}
	return out, err
}

func (s *Store) applyEnds(ctx context.Context, ends []end) ([]notify.Ended, error) {
	if len(ends) == 0 {
		return nil, nil
	}
	visits, told := make([]*visit, len(ends)), make([]int, len(ends))
	for i, e := range ends {
		visits[i] = visitTo(e.User, func(b *notify.Mailbox) { told[i] = b.ApplyEnd(e.card, e.OutboxEntry) })
		visits[i].tellMark = s.keysOf(string(e.User)).told(e.card, e.State)
	}
	changes := s.visitChanges(visits)
	err := s.commit(ctx, changes)
	var out []notify.Ended
	var dones []*change
	for i, e := range ends {
		if changes[i].err != nil {
			continue
		}
		if told[i] > 0 && !visits[i].happened {
			out = append(out, notify.Ended{State: e.State, Reason: e.Reason, Messages: told[i]})
		}
		dones = append(dones, s.ofSubscriber(e.openID, func(sub *permit.Subscriber, now time.Time) error {
			return sub.Ack(e.card, e.State, now)
		}))
	}
	return out, errors.Join(err, s.commit(ctx, dones))
}
