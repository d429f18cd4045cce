package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

// cloudName is where findings of the account stand.
const cloudName = "Tencent Cloud"

// lookAtFunctions compares the functions with serverless.yml, and returns the URLs of those that are as they are wanted, by
// their keys.
func (d *doctor) lookAtFunctions(ctx context.Context, p *part) map[string]string {
	urls := map[string]string{}
	switch {
	case d.project == nil:
		p.skip("the functions in the cloud", "serverless.yml cannot be read")
	case d.Cloud == nil:
		p.skip("the functions in the cloud", "there is no TENCENT_SECRET_ID with a TENCENT_SECRET_KEY")
	default:
		urls = d.lookAtCloud(ctx, p)
	}
	maps.Copy(urls, d.URLs)
	if len(d.differs) > 0 {
		p.skip("what URLs answer of "+strings.Join(d.differs, ", "), "these functions are not as serverless.yml says")
	}
	return urls
}

// lookAtCloud compares the functions with serverless.yml, and returns their URLs.
func (d *doctor) lookAtCloud(ctx context.Context, p *part) map[string]string {
	client, err := d.Cloud(d.project.Region)
	if err != nil {
		p.fault(cloudName, err.Error(), "")
		return map[string]string{}
	}
	deployed := &deploy.Deployer{Client: client, Project: d.project, Log: func(string) {}}
	steps, err := deployed.Plan(ctx)
	var urls map[string]string
	if err == nil {
		urls, err = deployed.URLs(ctx)
	}
	var strangers, addresses []string
	if err == nil {
		strangers, err = deployed.Strangers(ctx)
	}
	if err == nil {
		addresses, err = deployed.Addresses(ctx)
	}
	if err != nil {
		what, cure := err.Error(), ""
		e, known := errors.AsType[*deploy.Error](err)
		switch {
		case ctx.Err() != nil:
			what, cure = "its API did not tell of the functions in time", "run this again"
		case known:
			what, cure = e.Err.Error(), e.Cure
		}
		p.fault(cloudName, what, cure)
		p.skip("the functions in the cloud", "the API does not tell of them")
		return map[string]string{}
	}
	d.tellDifferences(p, steps)
	for _, name := range strangers {
		p.warn("function "+name, "is not in serverless.yml any more, and stays", "delete it in the SCF console")
	}
	if len(addresses) > 0 {
		p.see("the functions call WeChat and IM from %s: what belongs into their IP lists, if these are on", strings.Join(addresses, ", "))
	}
	maps.DeleteFunc(urls, func(key, _ string) bool { return slices.Contains(d.differs, key) })
	return urls
}

// tellDifferences adds what a deployment would change, a finding for each function, log set and topic.
func (d *doctor) tellDifferences(p *part, steps []deploy.Step) {
	var names []string
	wrong := map[string][]string{}
	for _, s := range steps {
		if wrong[s.Of] == nil {
			names = append(names, s.Of)
		}
		wrong[s.Of] = append(wrong[s.Of], s.What)
	}
	for _, name := range names {
		where := name
		if i := slices.IndexFunc(d.project.Functions, func(f serverless.Function) bool { return f.Name == name }); i >= 0 {
			where = "function " + name
			d.differs = append(d.differs, d.project.Functions[i].Key)
		}
		p.fault(where, fmt.Sprintf("is not as serverless.yml says: a deployment would %s", strings.Join(wrong[name], ", and ")), "make deploy")
	}
}
