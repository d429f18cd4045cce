package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"time"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/logview"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// closeTimeout is how long the functions get to be gone.
const closeTimeout = 10 * time.Second

type localCmd struct {
	projectFlags
	Addr    string `default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Loopback address to serve on (${default})."`
	Sim     bool   `help:"Add a simulated WeChat and IM, and shorter rules, and show what happens. Needs no settings."`
	Verbose bool   `help:"With --sim, show all log lines of the functions. So does LOG_LEVEL=debug."`
	Open    bool   `default:"true" negatable:"" help:"With --sim, open the play page in the browser, if this is a terminal with a display."`
}

// Run serves until ctx ends. Everything that it started has ended when it returns.
func (c *localCmd) Run(ctx context.Context, con console) error {
	settings, err := c.settings(con)
	if err != nil {
		return err
	}
	if c.Sim {
		return c.simulate(ctx, con, settings)
	}
	ownStore, stopStore, err := ensureStore(settings)
	if err != nil {
		return err
	}
	defer stopStore()
	project, err := c.project(settings)
	if err != nil {
		return err
	}
	override, err := overrides(settings)
	if err != nil {
		return err
	}
	view := logview.New(con.out, con.colour(con.out), con.now)
	wrap, closeStore, err := metricsBefore(con, settings)
	if err != nil {
		return err
	}
	defer closeStore()
	h, err := startHost(host.Config{
		Wrap:     wrap,
		Project:  project,
		Build:    c.Build,
		Addr:     c.Addr,
		Override: override,
		Sink:     view.Line,
		Log:      view.Logger("wxnotify", slog.LevelInfo),
	})
	if err != nil {
		return err
	}
	announce(con.out, h, project)
	if ownStore != nil {
		fmt.Fprintf(con.out, "  %-12s in this process, empty, gone at the end (STORE_URL is not set); for wxnotify explain and dead: %s=%s\n",
			"store", storeURL, settings[storeURL])
	}
	fmt.Fprintln(con.out, "Ctrl-C ends it.")

	<-ctx.Done()
	return closeHost(h)
}

// startHost is host.Start with a cure for an address that is taken.
func startHost(cfg host.Config) (*host.Host, error) {
	h, err := host.Start(cfg)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: end what runs there, or choose another address with --addr", err)
	}
	return h, err
}

// announce lists where each function is to be had.
func announce(w io.Writer, h *host.Host, p *serverless.Project) {
	fmt.Fprintf(w, "wxnotify: %d functions on %s\n", len(p.Functions), h.URL())
	for _, f := range p.Functions {
		if f.URL != nil {
			fmt.Fprintf(w, "  %-12s %s/%s\n", f.Key, h.URL(), f.Key)
		} else {
			fmt.Fprintf(w, "  %-12s by Invoke, as %s\n", f.Key, f.Name)
		}
	}
	for _, t := range p.Timers {
		fmt.Fprintf(w, "  %-12s timer %s: %s\n", t.Function, t.Name, t.Cron)
	}
	for _, u := range p.Unserved {
		fmt.Fprintf(w, "  not served here: %s\n", u)
	}
}

// closeHost ends the functions. It does not wait for the context that ended the command.
func closeHost(h *host.Host) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return h.Close(ctx)
}
