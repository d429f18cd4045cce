package store

import (
	"context"
	"time"

	"wxnotify/shared/permit"
)

// Reserve implements deliver.Cards. It also fails when a replica is there that does not hear of
// it in time: the request that comes next cannot be taken back. So a reservation that was made
// before is written again.
func (s *Store) Reserve(ctx context.Context, r permit.Reserve) (out permit.Reserved, err error) {
	c := subscriberChange{keys: s.keysOf(string(r.OpenID)), openID: r.OpenID, goesOn: true}
	c.decide = func(sub *permit.Subscriber, now time.Time, _ []any) ([]command, error) {
		if out, err = sub.Reserve(r, now); err != nil || out.Status != permit.ReserveOK {
			return nil, err
		}
		return []command{}, nil
	}
	if err := s.commitSurely(ctx, c.change()); err != nil {
		return permit.Reserved{}, err
	}
	return out, nil
}

// Settle implements deliver.Cards.
func (s *Store) Settle(ctx context.Context, t permit.Settle) (state permit.CardState, err error) {
	err = s.commitOne(ctx, s.ofSubscriber(t.OpenID, func(sub *permit.Subscriber, now time.Time) (err error) {
		state, err = sub.Settle(t, now)
		return err
	}))
	if err != nil {
		return "", err
	}
	return state, nil
}

// Resolve implements deliver.Cards.
func (s *Store) Resolve(ctx context.Context, o permit.OpenCard) (out permit.Resolved, err error) {
	err = s.commitOne(ctx, s.ofSubscriber(o.OpenID, func(sub *permit.Subscriber, now time.Time) (err error) {
		out, err = sub.Resolve(o, now)
		return err
	}))
	if err != nil {
		return permit.Resolved{}, err
	}
	return out, nil
}
