package main

import (
	"context"
	"errors"
	"maps"
	"time"

	"wxnotify/cmd/wxnotify/internal/cloud"
	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/cmd/wxnotify/internal/sim"
	"wxnotify/shared/stopwatch"
)

// simulate is Run with --sim: the functions are built for this machine, deployed through the API of a
// simulated cloud, and called at the URLs that it gives them.
func (c deployCmd) simulate(ctx context.Context, con console) error {
	if c.Build == defaultBuild {
		c.Build = "build-local"
		if err := buildHere(ctx, c.Build, con.err); err != nil {
			return err
		}
	}
	local := localCmd{Sim: true, projectFlags: c.projectFlags}
	settings, err := c.settings(con)
	if err != nil {
		return err
	}
	return local.play(ctx, con, settings, nil, func(project *serverless.Project, s *sim.Sim) (string, func() error, error) {
		const id = "AKIDsimulated"
		account := cloud.New(cloud.Config{SecretID: id, Roles: []string{project.Functions[0].Role}, Host: func(cfg *host.Config) {
			cfg.Override = map[string]string{notifyFileEnv: s.Settings()[notifyFileEnv]} // shorter rules than those that are deployed
			cfg.Sink, cfg.Log, cfg.Wrap = s.Line, s.Log(), s.Wrap
		}})
		end := func() error { account.Close(); return nil }
		maps.Copy(settings, map[string]string{"TENCENT_SECRET_ID": id, "TENCENT_SECRET_KEY": "simulated", "TENCENT_API_BASE": account.URL})
		d, err := c.deployer(con, settings)
		if err == nil {
			d.Ending = host.Executable
			d.Pause = func(ctx context.Context, t time.Duration) error {
				if !stopwatch.Sleep(ctx, t/20) { // nothing takes long here
					return ctx.Err()
				}
				return nil
			}
			err = c.make(ctx, con, d)
		}
		if err == nil {
			var urls map[string]string
			urls, err = d.URLs(ctx)
			printURLs(con, urls)
		}
		if err != nil {
			return "", nil, errors.Join(err, end())
		}
		return account.URL + "/url", end, nil
	})
}
