package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// quotaCmd sets how much memory the instances of functions may have together. serverless.yml has
// no field for it. A quota is a function's own, and the most that it gets.
// Source: https://cloud.tencent.com/document/product/583/39464
type quotaCmd struct {
	Stage  string            `placeholder:"STAGE" help:"Another stage than that of serverless.yml, or dev."`
	Config string            `default:"serverless.yml" placeholder:"FILE" help:"What is deployed (${default})."`
	Quotas map[string]uint64 `arg:"" optional:"" help:"Full names of functions and their quotas, in MB: wxnotify-dev-deliver=2560. Without them those that make deploy sets."`
}

func (c quotaCmd) Run(ctx context.Context, con console) error {
	project, err := serverless.LoadStage(c.Config, c.Stage, func(name string) (string, bool) { return con.env[name], true })
	if err != nil {
		return err
	}
	if len(c.Quotas) == 0 {
		c.Quotas = deploy.Quotas(project)
	}
	client, err := scfClient(con.env, project.Region)
	if err != nil {
		return fmt.Errorf("%w; %s", err, c.byHand())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Quotas)) {
		r := scf.NewPutReservedConcurrencyConfigRequest()
		r.FunctionName, r.ReservedConcurrencyMem = common.StringPtr(name), common.Uint64Ptr(c.Quotas[name])
		if _, err := client.PutReservedConcurrencyConfigWithContext(ctx, r); err != nil {
			return fmt.Errorf("quota of %s: %w; %s", name, err, c.byHand())
		}
		fmt.Fprintf(con.out, "%s has a quota of %d MB\n", name, c.Quotas[name])
	}
	return nil
}

// byHand says how the quotas are set in the console.
func (c quotaCmd) byHand() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c.Quotas)) {
		list = append(list, fmt.Sprintf("%s %d MB", name, c.Quotas[name]))
	}
	return "by hand: SCF console, 函数服务, for each function 并发配额, 最大独占配额, in English Reserved quota: " + strings.Join(list, ", ")
}

// scfClient returns a client with the credentials that `scf` deploys with.
func scfClient(settings map[string]string, region string) (*scf.Client, error) {
	id, key := settings["TENCENT_SECRET_ID"], settings["TENCENT_SECRET_KEY"]
	if id == "" || key == "" {
		return nil, errors.New("TENCENT_SECRET_ID and TENCENT_SECRET_KEY are not set")
	}
	p := profile.NewClientProfile()
	p.Language = "en-US"
	if base := settings["TENCENT_API_BASE"]; base != "" { // a stand-in for the real API
		u, err := url.Parse(base)
		if err != nil {
			return nil, errors.New("TENCENT_API_BASE is no URL")
		}
		p.HttpProfile.Scheme, p.HttpProfile.Endpoint = u.Scheme, u.Host
	}
	return scf.NewClient(common.NewTokenCredential(id, key, settings["TENCENT_TOKEN"]), region, p)
}
