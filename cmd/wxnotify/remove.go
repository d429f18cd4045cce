package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
)

// removeCmd deletes what was deployed.
type removeCmd struct {
	Stage  string `placeholder:"STAGE" help:"Another stage than that of serverless.yml, or dev."`
	Yes    bool   `help:"Ask nothing."`
	Config string `default:"serverless.yml" placeholder:"FILE" help:"What is deployed (${default})."`
	envFlag
}

func (c removeCmd) Run(ctx context.Context, con console) error {
	stage := stageFlags{Stage: c.Stage, projectFlags: projectFlags{Config: c.Config, envFlag: c.envFlag}}
	stage.ofStage()
	settings, err := stage.settings(con)
	if err != nil {
		return err
	}
	d, err := stage.deployer(con, settings)
	if err != nil {
		return err
	}
	steps, err := d.Removal(ctx)
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		fmt.Fprintf(con.out, "nothing of stage %s is there\n", d.Project.Stage)
		return nil
	}
	for _, s := range steps {
		fmt.Fprintln(con.out, "to do:", s.Text())
	}
	fmt.Fprintln(con.out, "URLs are gone with the functions: IM and WeChat reach nobody then. What Redis holds stays.")
	if !c.Yes {
		in := &asker{bufio.NewReader(con.in), con.out}
		if answer, _ := in.line(fmt.Sprintf("Write the name of the stage, %s, to delete them: ", d.Project.Stage)); answer != d.Project.Stage {
			return errors.New("nothing was deleted")
		}
	}
	return d.Apply(ctx, steps)
}
