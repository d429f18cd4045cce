package store

import (
	"context"
	"strconv"
	"time"

	"wxnotify/shared/notify"
)

// Reserve implements deliver.Cards. It also fails when a replica is there that does not hear of
// it in time: the request that comes next cannot be taken back. So a reservation that was made
// before is written again.
func (s *Store) Reserve(ctx context.Context, r notify.Reserve) (out notify.Reserved, err error) {
	c := subscriberChange{keys: s.keysOf(string(r.OpenID)), openID: r.OpenID}
	c.decide = func(sub *notify.SubscriberRecord, now time.Time, _ []any) ([]command, error) {
		if out, err = sub.Reserve(r, now); err != nil || out.Status != notify.ReserveOK {
			return nil, err
		}
		return []command{}, nil
	}
	if err := s.commitSurely(ctx, c.change()); err != nil {
		return notify.Reserved{}, err
	}
	return out, nil
}

// Settle implements deliver.Cards.
func (s *Store) Settle(ctx context.Context, t notify.Settle) (state notify.CardState, err error) {
	c := subscriberChange{keys: s.keysOf(string(t.OpenID)), openID: t.OpenID}
	if t.Drift {
		c.reads = []command{do("HGET", c.meters(), "drift")}
	}
	c.decide = func(sub *notify.SubscriberRecord, now time.Time, replies []any) (writes []command, err error) {
		var news bool
		state, news, err = sub.Settle(t, now)
		if news && t.Drift && isCount(text(replies[0])) {
			writes = []command{do("HINCRBY", c.meters(), "drift", 1)}
		}
		return writes, err
	}
	if err := s.commitOne(ctx, c.change()); err != nil {
		return "", err
	}
	return state, nil
}

// isCount reports whether a meter can go on: one that is no number stops nothing.
func isCount(meter string) bool {
	_, err := strconv.ParseInt(meter, 10, 64)
	return meter == "" || err == nil
}

// Resolve implements deliver.Cards.
func (s *Store) Resolve(ctx context.Context, o notify.OpenCard) (out notify.Resolved, err error) {
	err = s.commitOne(ctx, s.ofSubscriber(o.OpenID, func(sub *notify.SubscriberRecord, now time.Time) (err error) {
		out, err = sub.Resolve(o, now)
		return err
	}))
	if err != nil {
		return notify.Resolved{}, err
	}
	return out, nil
}
