package main

import (
	"context"
	"fmt"
	"io"

	"wxnotify/cmd/simulate/internal/history"
)

// tuneUsers is how many users are enough to compare settings.
const tuneUsers = 150

// tune plays a small history under several settings of what digests keep back.
func tune(ctx context.Context, o options, out, log io.Writer) error {
	p := o.params()
	if p.Users == 1000 {
		p.Users = tuneUsers
	}
	h := history.New(p)
	fmt.Fprintf(out, "seed %d: %d users, %d days\n", p.Seed, p.Users, p.Days)
	fmt.Fprintf(out, "%-22s %6s %7s %7s %7s %7s %7s %7s %7s %7s\n", "keep", "rate", "bound", "best", "covered", "naive", "first", "digests", "calls", "left")
	for _, learning := range []bool{true, false} {
		for _, keep := range []int{0, 1, 2, 3, 5, 1000} {
			r := o.rules()
			r.KeepForFirst, r.KeepLearning = keep, learning
			s := simulation{history: h, rates: o.Rates, rules: r, store: o.Store, log: log}
			rates, err := s.run(ctx)
			if err != nil {
				return err
			}
			for _, x := range rates {
				f := x.Wxnotify
				fmt.Fprintf(out, "%-22s %6g %7.3f %7.3f %7.3f %7.3f %7d %7d %7d %7d\n", fmt.Sprintf("%d, learning %v", keep, learning),
					x.PerDay, f.Bound(), f.BestShare(), f.Share(), x.Naive.Share(), f.First, f.Digests, f.Calls, f.Left())
			}
		}
	}
	return nil
}
