package main

import (
	"context"
	"errors"
	"time"

	"wxnotify/cmd/internal/cli"
	"wxnotify/shared/fact"
)

// A stage is what the next callback costs with so many users.
type stage struct {
	Users    int
	Callback count
	Bytes    float64 // of Redis for each user: bound, with a permit, away, and written to once
}

// measureGrowth lets the number of users grow and counts the callbacks of messages to some.
func measureGrowth(ctx context.Context, build string, s size, log *cli.Progress) (seen []stage, err error) {
	w, err := newWorld(ctx, build)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	i, err := w.instance(ctx, "imcallback")
	if err != nil {
		return nil, err
	}
	defer i.end()
	empty, err := w.used(ctx)
	if err != nil {
		return nil, err
	}
	for _, users := range s.users {
		log.Print("growth: to %d users", users)
		written := len(w.people)
		if err := w.populate(ctx, users); err != nil {
			return nil, err
		}
		// Those of whom callbacks are counted were not written to before, as in each stage.
		next := w.people[users-s.callbacks:]
		if err := w.greet(ctx, w.people[written:users-s.callbacks]); err != nil {
			return nil, err
		}
		if _, err := w.tell(ctx, i, next[:1], w.message); err != nil {
			return nil, err
		}
		c, err := w.tell(ctx, i, next[1:], w.message)
		if err != nil {
			return nil, err
		}
		bytes, err := w.used(ctx)
		if err != nil {
			return nil, err
		}
		seen = append(seen, stage{users, c, float64(bytes-empty) / float64(users)})
	}
	return seen, nil
}

// greet has people written to, without a callback for each.
func (w *world) greet(ctx context.Context, people []person) error {
	const atOnce = 200
	for len(people) > 0 {
		batch := people[:min(atOnce, len(people))]
		people = people[len(batch):]
		var facts []fact.Fact
		for n, p := range batch {
			facts = append(facts, fact.Fact{Message: &fact.Message{ID: fact.MessageID("greeting_" + string(p.user)), From: fact.UserID(writer(n)),
				To: p.user, SentAt: w.now().Truncate(time.Second)}})
		}
		if _, err := w.store.Record(ctx, w.rules, facts); err != nil {
			return err
		}
	}
	return nil
}
