package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// devCmd builds the functions and starts everything, on any system that has Go.
type devCmd struct {
	Build   string `default:"build-local" placeholder:"DIR" help:"Folder to build into (${default})."`
	Addr    string `default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Loopback address to serve on (${default})."`
	Verbose bool   `help:"Show all log lines of the functions."`
	Open    bool   `default:"true" negatable:"" help:"Open the play page in the browser, if this is a terminal with a display."`
}

func (c devCmd) Run(ctx context.Context, con console) error {
	if err := buildHere(ctx, c.Build, con.err); err != nil {
		return err
	}
	local := localCmd{Addr: c.Addr, Sim: true, Verbose: c.Verbose, Open: c.Open,
		projectFlags: projectFlags{Build: c.Build, Config: "serverless.yml", envFlag: envFlag{EnvFile: defaultEnvFile}}}
	return local.Run(ctx, con)
}

// buildHere builds the functions of the project in the working directory for this machine.
func buildHere(ctx context.Context, folder string, log io.Writer) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	notify, err := os.ReadFile(notifyFile)
	if err != nil {
		return fmt.Errorf("%w: start it in the folder of the project", err)
	}
	if err := os.WriteFile(filepath.Join(folder, notifyFile), notify, 0o644); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-tags=nethttpomithttp2", "-ldflags=-s -w", "-o", folder+string(filepath.Separator), "./functions/...")
	build.Stdout, build.Stderr = log, log
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}
