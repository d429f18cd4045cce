package deploy

import (
	"context"
	"fmt"
	"strings"

	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"
)

// Removal plans to delete the functions of the project that a deployment has made, with their URLs and timers, and their logs.
// Those that are not there, or that somebody else has made, are left out.
func (d *Deployer) Removal(ctx context.Context) ([]Step, error) {
	var steps []Step
	var stay []string
	for i := range d.Project.Functions {
		name := d.Project.Functions[i].Name
		r := scf.NewGetFunctionRequest()
		r.FunctionName = &name
		var out *scf.GetFunctionResponse
		err := d.call(ctx, func() (err error) { out, err = d.Client.GetFunctionWithContext(ctx, r); return err })
		switch {
		case notThere(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("function %s: %w", name, explained(err))
		case !strings.Contains(value(out.Response.Description), codeMark):
			d.Log(name + " was not made by this program: it stays")
			stay = append(stay, name)
			continue
		}
		steps = append(steps, Step{name, "delete it", func(ctx context.Context) error {
			r := scf.NewDeleteFunctionRequest()
			r.FunctionName = &name
			err := d.call(ctx, func() error { _, err := d.Client.DeleteFunctionWithContext(ctx, r); return err })
			if notThere(err) { // an answer was lost
				return nil
			}
			return err
		}})
	}
	more, err := d.planLogRemoval(ctx, stay)
	return append(steps, more...), err
}

func notThere(err error) bool {
	code := codeOf(err)
	return code == scf.RESOURCENOTFOUND_FUNCTION || code == scf.RESOURCENOTFOUND_FUNCTIONNAME
}
