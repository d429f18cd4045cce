package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"wxnotify/cmd/internal/cli"
	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// removeCmd deletes what was deployed.
type removeCmd struct {
	Stage  string `placeholder:"STAGE" help:"Another stage than that of serverless.yml, or dev."`
	Yes    bool   `help:"Ask nothing."`
	Config string `default:"serverless.yml" placeholder:"FILE" help:"What is deployed (${default})."`
	envFlag
}

func (c removeCmd) Run(ctx context.Context, con console) error {
	stage := stageFlags{Stage: c.Stage, projectFlags: projectFlags{envFlag: c.envFlag}}
	stage.ofStage()
	settings, err := stage.settings(con)
	if err != nil {
		return err
	}
	project, err := serverless.LoadStage(c.Config, c.Stage, func(name string) (string, bool) { return settings[name], true })
	if err != nil {
		return err
	}
	client, err := scfClient(settings, project.Region)
	if err != nil {
		return err
	}
	progress := cli.NewProgress(con.err)
	d := &deploy.Deployer{Client: client, Project: project, Pause: con.pause, Log: func(text string) { progress.Print("%s", text) }}
	steps, err := d.Removal(ctx)
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		fmt.Fprintf(con.out, "nothing of stage %s is there\n", project.Stage)
		return nil
	}
	for _, s := range steps {
		fmt.Fprintln(con.out, "to do:", s.Text)
	}
	fmt.Fprintln(con.out, "URLs are gone with the functions: IM and WeChat reach nobody then. What Redis holds stays.")
	if !c.Yes {
		in := &asker{bufio.NewReader(con.in), con.out}
		if answer, _ := in.line(fmt.Sprintf("Write the name of the stage, %s, to delete them: ", project.Stage)); answer != project.Stage {
			return errors.New("nothing was deleted")
		}
	}
	return d.Apply(ctx, steps)
}
