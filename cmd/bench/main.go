// Command bench measures the functions as they are shipped, on a real Redis, and writes
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

	"wxnotify/cmd/internal/cli"
	"wxnotify/simulator"
)

func main() {
	os.Exit(run(cli.Context(), os.Args[1:], os.Stdout, os.Stderr))
}

// options are the command line.
type options struct {
	Bench  string `env:"BENCH" default:"full" enum:"short,full" placeholder:"short|full" help:"How much is measured (${default})."`
	Build  string `default:"build-local" placeholder:"DIR" help:"Folder of the functions, and of the no-op beside them (${default})."`
	Out    string `default:"docs" placeholder:"DIR" help:"Folder for performance.md and its plots (${default}); empty: none are written."`
	Before bool   `help:"Record this run as the one that later ones are shown beside."`
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var o options
	return cli.Run("bench", "Measures the functions as they are shipped.", &o, args, out, errs,
		func(*kong.Context) error { return o.run(ctx, out, errs) })
}

func (o options) run(ctx context.Context, out, errs io.Writer) error {
	s := map[string]size{"short": short, "full": full}[o.Bench]
	f, err := s.measure(ctx, o.Build, cli.NewProgress(errs))
	if err != nil {
		return err
	}
	f.Date = simulator.RealClock{}.Now().UTC().Format(time.DateOnly)
	before, err := recorded(o.Out)
	if err != nil {
		return err
	}
	if o.Before {
		before = f.record()
	}
	fmt.Fprint(out, goalTable(f, before).Text())
	if o.Out == "" {
		return nil
	}
	if o.Before {
		err = before.write(o.Out)
	}
	return errors.Join(err, report{f, before}.write(o.Out))
}

// measure measures everything, one thing after the other.
func (s size) measure(ctx context.Context, build string, log *cli.Progress) (f figures, err error) {
	if build, err = filepath.Abs(build); err != nil {
		return f, err
	}
	for _, step := range []func() error{
		func() (err error) { f.Machine, err = lookAround(ctx); return },
		func() (err error) { f.Functions, f.Fleet, err = measureFunctions(ctx, build, s, log); return },
		func() (err error) { f.Callbacks, err = measureCallbacks(ctx, build, s, log); return },
		func() (err error) { f.Cards, err = measureCards(ctx, build, s, log); return },
		func() (err error) { f.Backlog, err = measureBacklog(ctx, build, s.backlog, true, log); return },
		func() (err error) { f.Unpaced, err = measureBacklog(ctx, build, s.backlog, false, log); return },
		func() (err error) { f.Crowd, err = measureCrowd(ctx, build, s.backlog, log); return },
		func() (err error) {
			log.Print("load: %d callbacks a second for %v, paced by notify.yml", s.loadRate, s.load)
			f.Load, err = load{rate: s.loadRate, time: s.load, slow: true, paced: true}.measure(ctx, build)
			return
		},
		func() (err error) {
			log.Print("load: %d callbacks a second for %v, unpaced", s.loadRate, s.load)
			f.UnpacedLoad, err = load{rate: s.loadRate, time: s.load, slow: true}.measure(ctx, build)
			return
		},
		func() (err error) {
			log.Print("delay: %d callbacks a second for %v", s.leadRate, s.lead)
			f.Lead, err = load{rate: s.leadRate, time: s.lead}.measure(ctx, build)
			return
		},
		func() (err error) { f.Growth, err = measureGrowth(ctx, build, s, log); return },
	} {
		if err := step(); err != nil {
			return f, err
		}
	}
	log.Print("done")
	return f, nil
}
