package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/check"
	"wxnotify/cmd/wxnotify/internal/doctor"
	"wxnotify/shared/wire"
)

// doctorCmd looks at a deployment where it lives.
type doctorCmd struct {
	URLs map[string]string `name:"url" placeholder:"FUNCTION=URL" help:"URL of a function, such as imcallback=https://..., where no API key is set by which it is found."`
	JSON bool              `help:"Print what was found as JSON."`
	stageFlags
}

func (c doctorCmd) Run(ctx context.Context, con console) error {
	c.ofStage()
	settings, err := c.settings(con)
	if err != nil {
		settings = con.env // the check says what is wrong with the file
	}
	if _, err := os.Stat(c.Build); err != nil {
		c.Build = ""
	}
	in := doctor.Input{Settings: settings, URLs: c.URLs, Seams: wire.Seams{Now: con.now},
		Check: check.Input{Env: c.EnvFile, Environment: con.env, Config: c.Config, Stage: c.Stage, Notify: c.Notify, Build: c.Build}}
	if settings["TENCENT_SECRET_ID"] != "" && settings["TENCENT_SECRET_KEY"] != "" {
		in.Cloud = func(region string) (*scf.Client, error) { return scfClient(settings, region) }
	}
	r := doctor.Run(ctx, in)
	if c.JSON {
		return c.json(con, r)
	}
	for _, f := range r.Findings {
		fmt.Fprintln(con.out, f)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(con.out, "skipped: %s: %s\n", s.What, s.Because)
	}
	for _, text := range r.Seen {
		fmt.Fprintln(con.out, "seen:", text)
	}
	fmt.Fprintln(con.out, "\nNo API shows these; look yourself:")
	for _, text := range r.ByHand {
		fmt.Fprintln(con.out, "-", text)
	}
	fmt.Fprintln(con.out)
	return judged(con.out, r.Findings)
}

func (c doctorCmd) json(con console, r doctor.Report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s\n", b)
	return judged(con.err, r.Findings)
}
