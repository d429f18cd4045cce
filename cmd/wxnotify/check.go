package main

import (
	"context"
	"fmt"
	"os"

	"wxnotify/cmd/internal/cli"
	"wxnotify/cmd/wxnotify/internal/check"
)

// exitWarnings is the exit status of a check that finds nothing worse than warnings.
const exitWarnings = 3

// checkCmd looks at a deployment before it is made.
type checkCmd struct {
	Stage  string `placeholder:"STAGE" help:"Look at .env.STAGE, if it is there, as make deploy STAGE=... does."`
	Notify string `default:"notify.yml" placeholder:"FILE" help:"What is sent, and when (${default})."`
	projectFlags
}

func (c checkCmd) Run(ctx context.Context, con console) error {
	env := c.EnvFile
	if own := env + "." + c.Stage; c.Stage != "" {
		if _, err := os.Stat(own); err == nil {
			env = own
		}
	}
	found := check.Run(ctx, check.Input{Env: env, Environment: con.env, Config: c.Config, Notify: c.Notify, Build: c.Build})
	errors := 0
	for _, f := range found {
		fmt.Fprintln(con.out, f)
		if !f.Warning {
			errors++
		}
	}
	switch {
	case errors > 0:
		return fmt.Errorf("%d to mend, %d to look at", errors, len(found)-errors)
	case len(found) > 0:
		return cli.Status(exitWarnings)
	}
	fmt.Fprintln(con.out, "nothing is wrong, as far as can be seen from here")
	return nil
}
