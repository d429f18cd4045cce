// Command simulate plays made-up days of an app to wxnotify and to the naive rule, and
// writes docs/simulation.md: how many absences each covers with the same permits.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"wxnotify/cmd/internal/cli"
	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/report"
	"wxnotify/shared/notify"
)

func main() {
	debug.SetGCPercent(400) // a run is all short-lived garbage, and has the machine to itself
	os.Exit(run(cli.Context(), os.Args[1:], os.Stdout, os.Stderr))
}

// options are the command line.
type options struct {
	Users int       `default:"1000" help:"How many users."`
	Days  int       `default:"14" help:"How many days."`
	Seed  uint64    `default:"1" help:"Of the history. Equal seeds make equal histories."`
	Rates []float64 `default:"0.5,2,6" help:"Permits a user and day, each simulated by itself."`
	Store string    `default:"auto" enum:"auto,redis,miniredis" help:"Where wxnotify keeps its state: redis-server (redis), in-process and slow (miniredis), or what is installed (auto)."`
	Out   string    `default:"docs" help:"Folder for simulation.md and its plots; empty: none are written."`
	Tune  bool      `help:"Compare settings of the digest's rules, 150 users unless said, and write nothing."`

	KeepForFirst int             `default:"${keep_for_first}" help:"As in notify.yml."`
	KeepLearning bool            `default:"${keep_learning}" negatable:"" help:"As in notify.yml."`
	Calls        notify.Calls    `default:"${calls}" help:"As in notify.yml."`
	DigestSteps  []time.Duration `default:"${digest_steps}" help:"As in notify.yml."`
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var o options
	return cli.Run("simulate", "Plays made-up days of an app to wxnotify and to the naive rule.", &o, args, out, errs,
		func(*kong.Context) error {
			if o.Tune {
				return tune(ctx, o, out, errs)
			}
			return simulateAll(ctx, o, out, errs)
		}, defaults())
}

// defaults are those of the rules.
func defaults() kong.Vars {
	r := notify.DefaultRules()
	steps := ""
	for i, d := range r.DigestSteps {
		if i > 0 {
			steps += ","
		}
		steps += d.String()
	}
	return kong.Vars{"keep_for_first": fmt.Sprint(r.KeepForFirst), "keep_learning": fmt.Sprint(r.KeepLearning), "calls": string(r.Calls), "digest_steps": steps}
}

func (o options) params() history.Params {
	return history.Params{Users: o.Users, Days: o.Days, Seed: o.Seed}
}

// rules are the default rules but for what the command line says.
func (o options) rules() notify.Rules {
	r := notify.DefaultRules()
	r.KeepForFirst, r.KeepLearning, r.Calls, r.DigestSteps = o.KeepForFirst, o.KeepLearning, o.Calls, o.DigestSteps
	return r
}

// Validate is called by kong.
func (o options) Validate() error {
	if err := o.params().Check(); err != nil {
		return err
	}
	for _, rate := range o.Rates {
		if !(rate > 0 && rate <= history.MostRate) {
			return fmt.Errorf("rates: %g: use more than 0 and at most %g", rate, history.MostRate)
		}
	}
	if err := o.rules().Check(); err != nil {
		return err
	}
	return nil
}

// simulateAll plays the history at each rate, writes the report and prints the figures.
func simulateAll(ctx context.Context, o options, out, log io.Writer) error {
	fmt.Fprintf(out, "seed %d: %d users, %d days; the permits of each rate are drawn from the same seed\n", o.Seed, o.Users, o.Days)
	h := history.New(o.params())
	s := simulation{history: h, rates: o.Rates, rules: o.rules(), store: o.Store, log: log}
	rates, err := s.run(ctx)
	if err != nil {
		return err
	}
	r := report.Report{History: h, Rules: o.rules(), Rates: rates}
	if o.Out != "" {
		if err := r.Write(o.Out); err != nil {
			return err
		}
	}
	fmt.Fprint(out, r.Table())
	for _, fault := range r.Faults() {
		fmt.Fprintln(out, "BROKEN:", fault)
	}
	fmt.Fprintln(out, r.Summary())
	if len(r.Faults()) > 0 {
		return errors.New("promises were broken, see above")
	}
	return nil
}
