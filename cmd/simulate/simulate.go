package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"wxnotify/cmd/internal/cli"
	"wxnotify/cmd/internal/redis"
	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/measure"
	"wxnotify/cmd/simulate/internal/play"
	"wxnotify/cmd/simulate/internal/report"
	"wxnotify/shared/notify"
)

// follow is how many users' messages are followed one by one to their final state.
const follow = 20

// A simulation plays one history at several rates of permits, all at once.
type simulation struct {
	history *history.History
	rates   []float64
	rules   notify.Rules
	store   string // the kind of store
	log     io.Writer
}

// run returns what came of each rate.
func (s simulation) run(ctx context.Context) ([]report.Rate, error) { return s.held(ctx, s.rules) }

// held is run, held to other rules than those that are played.
func (s simulation) held(ctx context.Context, rules notify.Rules) ([]report.Rate, error) {
	out, errs := make([]report.Rate, len(s.rates)), make([]error, len(s.rates))
	log := cli.NewProgress(s.log)
	places := make(chan struct{}, runtime.NumCPU()+1)
	var wg sync.WaitGroup
	for i, rate := range s.rates {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			out[i], errs[i] = s.rate(ctx, rate, rules, log)
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// rate plays the history at one rate, to both rules.
func (s simulation) rate(ctx context.Context, rate float64, held notify.Rules, log *cli.Progress) (report.Rate, error) {
	r := report.Rate{PerDay: rate, Grants: s.history.Grants(rate)}
	naive, err := play.Naive(ctx, s.history, r.Grants)
	if err != nil {
		return r, err
	}
	r.Naive = measure.Measure(s.history, r.Grants, naive, held)
	server, err := redis.Start(ctx, s.store)
	if err != nil {
		return r, err
	}
	r.Store = server.Kind
	ours, err := play.Wxnotify(ctx, play.Config{
		History: s.history, Grants: r.Grants, StoreURL: server.URL, Rules: s.rules, Follow: follow,
		Progress: func(p play.Progress) {
			log.Print("%g a day: day %d of %d, %d callbacks, %d cards", rate, p.Day, s.history.Days, p.Facts, p.Cards)
		},
	})
	if err := errors.Join(err, server.Close()); err != nil {
		return r, fmt.Errorf("at %g permits a day: %w", rate, err)
	}
	r.Users = min(follow, s.history.Users)
	r.Facts, r.Followed, r.Unended, r.Stalls = ours.Facts, ours.Followed, ours.Unended, ours.Stalls
	r.Wxnotify = measure.Measure(s.history, r.Grants, ours, held)
	return r, nil
}
