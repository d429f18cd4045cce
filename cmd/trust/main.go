// Command trust runs all the tests that hold wxnotify to its promises, and prints one table of
// what they tried and found.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	exitFailure = 1 // of a test, or of a promise
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the command line.
type options struct {
	Trust string `env:"TRUST" default:"full" enum:"short,full" placeholder:"short|full" help:"How much is tried (${default})."`
	Fuzz  string `placeholder:"20000x|1m" help:"How long each fuzz target runs; default: 200x in the short run, 5000x in the full one."`
	Write string `placeholder:"FILE" help:"Put the table into this page too, between its markers."`
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var o options
	helped := false
	parser, err := kong.New(&o, kong.Name("trust"), kong.Description("Runs the tests that hold wxnotify to its promises."),
		kong.Writers(out, errs), kong.Exit(func(int) { helped = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the struct above is wrong
	}
	_, err = parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(errs, "trust: %v\nTry trust --help.\n", err)
		return exitUsage
	}
	if err := o.run(ctx, out); err != nil {
		fmt.Fprintf(errs, "trust: %v\n", err)
		return exitFailure
	}
	return 0
}

func (o options) run(ctx context.Context, out io.Writer) error {
	if o.Fuzz == "" {
		o.Fuzz = map[string]string{"short": "200x", "full": "5000x"}[o.Trust]
	}
	suites, err := both(ctx, &lines{w: out}, o.Trust, o.Fuzz)
	if err != nil {
		return err
	}
	table := tableOf(suites)
	fmt.Fprintf(out, "\n%s\n%s\n", table, lastLine(suites))
	if failed := failures(suites); len(failed) > 0 {
		return fmt.Errorf("failed: %v", failed)
	}
	if total(suites, "violated")+total(suites, "lost")+total(suites, "doubled") > 0 {
		return errors.New("a promise was broken")
	}
	if o.Write != "" {
		return write(o.Write, table)
	}
	return nil
}

// both runs the tests, and beside them, since they often wait, the fuzz targets.
func both(ctx context.Context, out io.Writer, level, each string) ([]suite, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var fuzz suite
	var fuzzErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		if fuzz, fuzzErr = fuzzed(ctx, out, each); fuzzErr != nil {
			cancel()
		}
	})
	suites, err := goTests(ctx, out, level)
	if err != nil {
		cancel()
	}
	wg.Wait()
	return append(suites, fuzz), errors.Join(err, fuzzErr)
}

// lines lets two write whole lines side by side.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
