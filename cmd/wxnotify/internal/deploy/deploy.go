// Package deploy puts the functions of serverless.yml into Tencent Cloud, through its API.
//
// What is wanted is compared with what is there, and only what differs is changed. Each change can be
// broken off and made again: whatever was done is found, and the rest follows. Nothing that the file does
// not name is touched.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sdk "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/stopwatch"
)

// A Deployer deploys one project. Nil fields but Pause are required.
type Deployer struct {
	Client  *scf.Client
	Project *serverless.Project
	// Build is the folder of the binaries, for Linux. Empty: code is not compared, and a plan is to be read, not applied.
	Build string
	// Ending is that of the names of binaries, where they are for a simulated cloud on this machine.
	Ending string
	// Pause waits; nil: by the machine's clock.
	Pause func(ctx context.Context, d time.Duration) error
	// Log is told of each step as it begins.
	Log func(text string)
}

// A Step is one change.
type Step struct {
	Of   string // a function, by its name on the platform; or "log set" or "log topic" and its name
	What string // for people
	do   func(ctx context.Context) error
}

// Text says what is done to what.
func (s Step) Text() string { return s.Of + ": " + s.What }

// Plan returns what has to be changed, in order; nothing if all is as it is wanted.
func (d *Deployer) Plan(ctx context.Context) ([]Step, error) {
	steps, topics, err := d.planLogs(ctx)
	if err != nil {
		return nil, err
	}
	for i := range d.Project.Functions {
		f := &d.Project.Functions[i]
		of, err := d.planFunction(ctx, f, topics[f.Key])
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", f.Name, explained(err))
		}
		steps = append(steps, of...)
	}
	return steps, nil
}

// Apply makes the changes of a plan. After an error what came before is done, and a new plan has the rest.
func (d *Deployer) Apply(ctx context.Context, steps []Step) error {
	for i, s := range steps {
		d.Log(fmt.Sprintf("%d/%d %s", i+1, len(steps), s.Text()))
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.Text(), explained(err))
		}
	}
	return nil
}

// Strangers returns the functions that are there and named as those of this deployment, but are not in the
// file. They stay as they are.
func (d *Deployer) Strangers(ctx context.Context) ([]string, error) {
	prefix := d.Project.Name + "-" + d.Project.Stage + "-"
	var names []string
	for offset := int64(0); ; offset += 20 {
		r := scf.NewListFunctionsRequest()
		r.SearchKey, r.Offset, r.Limit = &prefix, &offset, new(int64(20))
		var out *scf.ListFunctionsResponse
		err := d.call(ctx, func() (err error) { out, err = d.Client.ListFunctionsWithContext(ctx, r); return err })
		if err != nil {
			return nil, explained(err)
		}
		for _, f := range out.Response.Functions {
			if name := value(f.FunctionName); strings.HasPrefix(name, prefix) && d.Project.Function(name) == nil {
				names = append(names, name)
			}
		}
		if len(out.Response.Functions) < 20 {
			return names, nil
		}
	}
}

// tries is how often a call is made that the API would not take just now.
const tries = 6

// call makes a call, and again, ever more slowly, if the API says that it is asked too often, or that the
// function is being changed.
func (d *Deployer) call(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		if err == nil || n == tries || !passes(err) {
			return err
		}
		if err := d.pause(ctx, time.Second<<(n-1)); err != nil {
			return err
		}
	}
}

// passes reports whether an error may be over soon.
func passes(err error) bool {
	code := codeOf(err)
	return strings.HasPrefix(code, "RequestLimitExceeded") || strings.HasPrefix(code, "InternalError") ||
		code == scf.FAILEDOPERATION_FUNCTIONSTATUSERROR
}

func (d *Deployer) pause(ctx context.Context, t time.Duration) error {
	if d.Pause != nil {
		return d.Pause(ctx, t)
	}
	if !stopwatch.Sleep(ctx, t) {
		return ctx.Err()
	}
	return nil
}

// codeOf returns the code of an error of the API; "" of another.
func codeOf(err error) string {
	if e, ok := errors.AsType[*sdk.TencentCloudSDKError](err); ok {
		return e.Code
	}
	return ""
}

// cures are what a person can do about errors of the API, by the beginning of their code.
var cures = []struct{ code, cure string }{
	{"AuthFailure", "check TENCENT_SECRET_ID and TENCENT_SECRET_KEY, and this machine's clock"},
	{"UnauthorizedOperation.CAM", "give the sub-account QcloudSCFFullAccess and QcloudCLSFullAccess, or a policy of your own"},
	{"UnauthorizedOperation.Role", "give the sub-account cam:PassRole for the role of serverless.yml"},
	{"UnauthorizedOperation", "give the sub-account the right to do this in the CAM console: QcloudSCFFullAccess, and QcloudCLSFullAccess for log topics"},
	{"InvalidParameterValue.Role", "create the role of serverless.yml in the CAM console, carrier scf.qcloud.com"},
	{"ResourceNotFound.Role", "create the role of serverless.yml in the CAM console, carrier scf.qcloud.com"},
	{"ResourceNotFound.Vpc", "VPC_ID and VPC_SUBNET_ID must be in the region of serverless.yml"},
	{"InvalidParameterValue.VpcConfig", "VPC_ID and VPC_SUBNET_ID must be in the region of serverless.yml"},
	{"LimitExceeded.Function", "delete functions that you do not need, or ask for a higher quota"},
	{"OperationDenied.Account", "open CLS in its console, and see that the account is not in arrears"},
	{"LimitExceeded.Logset", "delete log sets that you do not need in the CLS console"},
	{"LimitExceeded.Topic", "delete log topics that you do not need in the CLS console"},
	{"ResourceUnavailable", "open SCF in its console, and see that the account is not in arrears"},
	{"RequestLimitExceeded", "wait a minute, and run it again"},
	{"InvalidParameterValue.EnvironmentSystemProtect", "a variable has a name that the platform keeps for itself"},
	{"FailedOperation.FunctionStatusError", "the function is being changed by somebody else: wait, and run it again"},
}

// An Error is one of the API that somebody can do something about.
type Error struct {
	Err  error
	Cure string
}

func (e *Error) Error() string { return e.Err.Error() + ": " + e.Cure }

// Unwrap returns what the API said.
func (e *Error) Unwrap() error { return e.Err }

// explained adds the cure to an error of the API.
func explained(err error) error {
	code := codeOf(err)
	for _, c := range cures {
		if code != "" && strings.HasPrefix(code, c.code) {
			return &Error{err, c.cure}
		}
	}
	if strings.HasPrefix(code, "ClientError") {
		return &Error{err, "run it again, it goes on where it was broken off"}
	}
	return err
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
