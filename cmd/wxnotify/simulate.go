package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/play"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/cmd/wxnotify/internal/sim"
)

// simulate is Run with --sim: the play page is served beside the functions.
func (c *localCmd) simulate(ctx context.Context, con console, settings map[string]string) error {
	page := play.New(con.now)
	return c.play(ctx, con, settings, page, func(project *serverless.Project, s *sim.Sim) (string, func() error, error) {
		override := s.Settings()
		wrap, closeStore, err := metricsBefore(con, override)
		if err != nil {
			return "", nil, err
		}
		delete(override, "DELIVER_FUNCTION") // serverless.yml knows its name
		h, err := startHost(host.Config{
			Project: project, Build: c.Build, Addr: c.Addr, Override: override,
			Sink: s.Line, Log: s.Log(),
			Wrap: func(functions http.Handler) http.Handler { return page.Serve(s, wrap(s.Wrap(functions))) },
		})
		if err != nil {
			page.Close()
			closeStore()
			return "", nil, err
		}
		s.Attach(h)
		if c.Open && opensBrowser(con) {
			openBrowser(h.URL() + "/")
		}
		return h.URL(), func() error {
			defer closeStore()
			page.Close() // or its connections would hold up the end of the server
			return closeHost(h)
		}, nil
	})
}

// play starts a simulated WeChat and IM, and the functions, and plays the opening; then it waits. start
// returns where the functions are. page is that beside them; nil: there is none.
func (c *localCmd) play(ctx context.Context, con console, settings map[string]string, page *play.Page,
	start func(*serverless.Project, *sim.Sim) (base string, end func() error, err error)) (err error) {
	defer func() {
		if err == nil {
			fmt.Fprintln(con.out, "\n"+sim.Ended.In(sim.LangOf(con.env)))
		}
	}()
	if settings[notifyFileEnv] != "" {
		fmt.Fprintf(con.err, "wxnotify: %s is not used: a simulation has rules of its own; without --sim it is\n", notifyFileEnv)
	}
	env := sim.Environment(settings)
	own, stopStore, err := ensureStore(env)
	if err != nil {
		return err
	}
	defer stopStore()
	cfg := sim.Config{
		Settings:  env,
		Out:       con.out,
		Now:       con.now,
		Colour:    con.colour(con.out),
		Lang:      sim.LangOf(con.env),
		StoreAway: storeAway(own),
		Verbose:   c.Verbose || strings.EqualFold(settings["LOG_LEVEL"], "debug"),
	}
	if page != nil {
		cfg.Hear = page.Hear
	}
	s, err := sim.New(cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	maps.Copy(settings, s.Settings())
	project, err := c.project(settings)
	if err != nil {
		return err
	}
	base, end, err := start(project, s)
	if err != nil {
		return err
	}
	commands := c.commands(base, env[storeURL], cfg.Lang)
	if page != nil {
		commands.Page = base + "/"
	}
	if err = s.Play(ctx, base, commands); err == nil {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		err = nil // Ctrl-C, whatever it broke off
		s.Ending()
	}
	return errors.Join(err, end())
}

// program is how the program is started in the folder of the project.
const program = "go run ./cmd/wxnotify"

// commands are how to send something to the functions at base, and how to ask what became
// of it, from another terminal.
func (c *localCmd) commands(base, store string, lang sim.Lang) sim.Commands {
	trigger := program + " trigger"
	if addr := strings.TrimPrefix(base, "http://"); addr != defaultAddr {
		trigger += " --addr " + addr
	}
	if c.EnvFile != defaultEnvFile {
		trigger += fmt.Sprintf(" --env-file %q", c.EnvFile)
	}
	return sim.Commands{Trigger: trigger, Explain: fmt.Sprintf("%s=%s %s explain --lang %s", storeURL, store, program, lang)}
}
