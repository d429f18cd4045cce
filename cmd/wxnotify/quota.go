package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"
)

// quotaCmd sets how much memory the instances of functions may have together. serverless.yml has
// no field for it. A quota is a function's own, and the most that it gets.
// Source: https://cloud.tencent.com/document/product/583/39464
type quotaCmd struct {
	Region string            `required:"" help:"Region of the functions, such as ap-guangzhou."`
	Quotas map[string]uint64 `arg:"" help:"Full names of functions and their quotas, in MB: wxnotify-dev-deliver=2560."`
}

func (c quotaCmd) Run(ctx context.Context, con console) error {
	client, err := scfClient(con.env, c.Region)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Quotas)) {
		r := scf.NewPutReservedConcurrencyConfigRequest()
		r.FunctionName, r.ReservedConcurrencyMem = common.StringPtr(name), common.Uint64Ptr(c.Quotas[name])
		if _, err := client.PutReservedConcurrencyConfigWithContext(ctx, r); err != nil {
			return fmt.Errorf("quota of %s: %w", name, err)
		}
		fmt.Fprintf(con.out, "%s has a quota of %d MB\n", name, c.Quotas[name])
	}
	return nil
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
