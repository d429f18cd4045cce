// Command bench measures the functions as they are shipped, on a real Redis, and writes
// docs/performance.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"wxnotify/shared/stopwatch"
	"wxnotify/simulator"
)

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
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
	helped := false
	parser, err := kong.New(&o, kong.Name("bench"), kong.Description("Measures the functions as they are shipped."),
		kong.Writers(out, errs), kong.Exit(func(int) { helped = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the struct above is wrong
	}
	_, err = parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(errs, "bench: %v\nTry bench --help.\n", err)
		return exitUsage
	}
	if err := o.run(ctx, out, errs); err != nil {
		fmt.Fprintf(errs, "bench: %v\n", err)
		return exitFailure
	}
	return 0
}

func (o options) run(ctx context.Context, out, errs io.Writer) error {
	s := map[string]size{"short": short, "full": full}[o.Bench]
	f, err := s.measure(ctx, o.Build, &progress{w: errs, watch: stopwatch.Start()})
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
func (s size) measure(ctx context.Context, build string, log *progress) (f figures, err error) {
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
		func() (err error) {
			log.print("load: %d callbacks a second for %v, paced by notify.yml", s.loadRate, s.load)
			f.Load, err = load{rate: s.loadRate, time: s.load, slow: true, paced: true}.measure(ctx, build)
			return
		},
		func() (err error) {
			log.print("load: %d callbacks a second for %v, unpaced", s.loadRate, s.load)
			f.UnpacedLoad, err = load{rate: s.loadRate, time: s.load, slow: true}.measure(ctx, build)
			return
		},
		func() (err error) {
			log.print("delay: %d callbacks a second for %v", s.leadRate, s.lead)
			f.Lead, err = load{rate: s.leadRate, time: s.lead}.measure(ctx, build)
			return
		},
		func() (err error) { f.Growth, err = measureGrowth(ctx, build, s, log); return },
	} {
		if err := step(); err != nil {
			return f, err
		}
	}
	log.print("done")
	return f, nil
}

// progress prints lines with the time that has passed.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	watch stopwatch.Watch
}

func (p *progress) print(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "%6s  %s\n", p.watch.Elapsed().Round(time.Second), fmt.Sprintf(format, args...))
}
