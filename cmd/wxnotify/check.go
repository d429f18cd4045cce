package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"wxnotify/cmd/internal/cli"
	"wxnotify/cmd/wxnotify/internal/check"
	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// exitWarnings is the exit status of a check that finds nothing worse than warnings.
const exitWarnings = 3

// stageFlags say what is deployed.
type stageFlags struct {
	Stage  string `placeholder:"STAGE" help:"Another stage than that of serverless.yml, or dev: its settings are in .env.STAGE, if that is there."`
	Notify string `default:"notify.yml" placeholder:"FILE" help:"What is sent, and when (${default})."`
	projectFlags
}

// ofStage has the settings be those of the stage's own file, if it has one. Files are never merged.
func (s *stageFlags) ofStage() {
	if own := s.EnvFile + "." + s.Stage; s.Stage != "" {
		if _, err := os.Stat(own); err == nil {
			s.EnvFile = own
		}
	}
}

// deployer returns what deploys the project as settings say.
func (s stageFlags) deployer(con console, settings map[string]string) (*deploy.Deployer, error) {
	project, err := serverless.LoadStage(s.Config, s.Stage, func(name string) (string, bool) { return settings[name], true })
	if err != nil {
		return nil, err
	}
	client, err := scfClient(settings, project.Region)
	if err != nil {
		return nil, err
	}
	progress := cli.NewProgress(con.err)
	return &deploy.Deployer{Client: client, Project: project, Build: s.Build, Pause: con.pause, Log: func(text string) { progress.Print("%s", text) }}, nil
}

// checkCmd looks at a deployment before it is made.
type checkCmd struct {
	stageFlags
}

func (c checkCmd) Run(ctx context.Context, con console) error {
	c.ofStage()
	_, found := c.check(ctx, con)
	return judged(con.out, found)
}

// judged ends a command by the worst that it has found, and says on out if there is nothing.
func judged(out io.Writer, found []check.Finding) error {
	errors := faults(found)
	switch {
	case errors > 0:
		return fmt.Errorf("%d to mend, %d to look at", errors, len(found)-errors)
	case len(found) > 0:
		return cli.Status(exitWarnings)
	}
	fmt.Fprintln(out, "nothing is wrong, as far as can be seen from here")
	return nil
}

// faults returns how many are worse than warnings.
func faults(found []check.Finding) (n int) {
	for _, f := range found {
		if !f.Warning {
			n++
		}
	}
	return n
}

// check prints what is wrong with the settings, which it returns too, and with the rest, a line each.
func (s stageFlags) check(ctx context.Context, con console) (settings map[string]string, found []check.Finding) {
	found, settings = check.Run(ctx, check.Input{Env: s.EnvFile, Environment: con.env, Config: s.Config, Stage: s.Stage, Notify: s.Notify, Build: s.Build})
	for _, f := range found {
		fmt.Fprintln(con.out, f)
	}
	return settings, found
}
