package deploy

import (
	"context"
	"encoding/json"
	"fmt"

	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/serverless"
)

// quotas are the concurrency quotas of functions by their keys, in MB: at once their own and the most that they get.
// deliver's bounds what an outage of the store costs (10 instances), and those of the receivers (300 and 50) are theirs whatever else runs.
// A region has 128,000 or 64,000 MB, of which all quotas may take all but 12,800.
// Source: https://cloud.tencent.com/document/product/583/39464
var quotas = map[string]uint64{"deliver": 2560, "imcallback": 38400, "wechatpush": 6400}

// Quotas returns the concurrency quotas of a project's functions by their full names, in MB.
func Quotas(p *serverless.Project) map[string]uint64 {
	of := map[string]uint64{}
	for _, f := range p.Functions {
		if q := quotas[f.Key]; q > 0 {
			of[f.Name] = q
		}
	}
	return of
}

// What becomes of an asynchronous event that cannot run: deliver's overflows count on it.
// Source: https://cloud.tencent.com/document/product/583/39851
const (
	eventRetries = 2
	eventTTL     = 6 * 60 * 60 // s
)

// A urlDesc is the TriggerDesc of a function URL.
type urlDesc struct {
	AuthType  string
	NetConfig struct {
		EnableIntranet, EnableExtranet bool
		ExtranetUrl                    string `json:",omitempty"` // told, not set
	}
}

// planAround plans what a function has around it: its URL, its timers, its quota, and what becomes of its events.
func (d *Deployer) planAround(ctx context.Context, f *serverless.Function, there bool) (steps []Step, err error) {
	var triggers []*scf.TriggerInfo
	if there {
		if triggers, err = d.triggers(ctx, f.Name); err != nil {
			return nil, err
		}
	}
	add := func(do func(context.Context) error, format string, args ...any) {
		steps = append(steps, Step{f.Name, fmt.Sprintf(format, args...), do})
	}
	if f.URL != nil {
		var want urlDesc
		want.AuthType, want.NetConfig.EnableExtranet = f.URL.Auth, f.URL.Public
		text, _ := json.Marshal(want)
		t := trigger{f.Name, "url", "http", f.URL.Qualifier, string(text), ""}
		switch old := find(triggers, "http", f.URL.Qualifier, ""); {
		case old == nil:
			add(func(ctx context.Context) error { return d.createTrigger(ctx, t) }, "give it a URL")
		case !want.is(old):
			t.name = value(old.TriggerName)
			add(func(ctx context.Context) error { return d.updateTrigger(ctx, t) }, "change who may call its URL")
		}
	}
	for _, timer := range d.Project.Timers {
		if timer.Function != f.Key {
			continue
		}
		t := trigger{f.Name, timer.Name, "timer", "$DEFAULT", timer.Cron, timer.Argument}
		switch old := find(triggers, "timer", "", timer.Name); {
		case old == nil:
			add(func(ctx context.Context) error { return d.createTrigger(ctx, t) }, "set its timer to %s", timer.Cron)
		case cronOf(value(old.TriggerDesc)) != timer.Cron || value(old.CustomArgument) != timer.Argument || value(old.Enable) != 1:
			add(func(ctx context.Context) error { return d.updateTrigger(ctx, t) }, "change its timer to %s", timer.Cron)
		}
	}
	more, err := d.planQuota(ctx, f, there)
	steps = append(steps, more...)
	if err != nil || f.Key != "deliver" {
		return steps, err
	}
	retries, ttl := int64(-1), int64(0)
	if there {
		if retries, ttl, err = d.eventConfig(ctx, f.Name); err != nil {
			return nil, err
		}
	}
	if retries != eventRetries || ttl != eventTTL {
		add(func(ctx context.Context) error { return d.configureEvents(ctx, f.Name) }, "keep its events for six hours, and try each twice more")
	}
	return steps, nil
}

// find returns the trigger of a type that has a qualifier, or a name; empty: any.
func find(triggers []*scf.TriggerInfo, typ, qualifier, name string) *scf.TriggerInfo {
	for _, t := range triggers {
		if value(t.Type) == typ && (qualifier == "" || value(t.Qualifier) == qualifier) && (name == "" || value(t.TriggerName) == name) {
			return t
		}
	}
	return nil
}

// is reports whether a trigger is as wanted, but for what the platform tells of it.
func (u urlDesc) is(t *scf.TriggerInfo) bool {
	var had urlDesc
	if json.Unmarshal([]byte(value(t.TriggerDesc)), &had) != nil {
		return false
	}
	had.NetConfig.ExtranetUrl = ""
	return had == u && value(t.Enable) == 1
}

// cronOf returns the schedule of a timer, which is listed otherwise than it is set.
func cronOf(desc string) string {
	var listed struct {
		Cron string `json:"cron"`
	}
	if json.Unmarshal([]byte(desc), &listed) == nil {
		return listed.Cron
	}
	return desc
}

type trigger struct{ function, name, typ, qualifier, desc, argument string }

func (d *Deployer) triggers(ctx context.Context, function string) ([]*scf.TriggerInfo, error) {
	r := scf.NewListTriggersRequest()
	r.FunctionName, r.Limit = &function, new(uint64(100))
	var out *scf.ListTriggersResponse
	if err := d.call(ctx, func() (err error) { out, err = d.Client.ListTriggersWithContext(ctx, r); return err }); err != nil {
		return nil, err
	}
	return out.Response.Triggers, nil
}

func (d *Deployer) createTrigger(ctx context.Context, t trigger) error {
	r := scf.NewCreateTriggerRequest()
	r.FunctionName, r.TriggerName, r.Type, r.Qualifier, r.TriggerDesc, r.Enable = &t.function, &t.name, &t.typ, &t.qualifier, &t.desc, new("OPEN")
	r.CustomArgument = orNil(t.argument)
	return d.call(ctx, func() error { _, err := d.Client.CreateTriggerWithContext(ctx, r); return err })
}

func (d *Deployer) updateTrigger(ctx context.Context, t trigger) error {
	r := scf.NewUpdateTriggerRequest()
	r.FunctionName, r.TriggerName, r.Type, r.Qualifier, r.TriggerDesc, r.Enable = &t.function, &t.name, &t.typ, &t.qualifier, &t.desc, new("OPEN")
	r.CustomArgument = orNil(t.argument)
	return d.call(ctx, func() error { _, err := d.Client.UpdateTriggerWithContext(ctx, r); return err })
}

func (d *Deployer) planQuota(ctx context.Context, f *serverless.Function, there bool) ([]Step, error) {
	want, had := quotas[f.Key], uint64(0)
	if want == 0 {
		return nil, nil
	}
	if there {
		r := scf.NewGetReservedConcurrencyConfigRequest()
		r.FunctionName = &f.Name
		var out *scf.GetReservedConcurrencyConfigResponse
		err := d.call(ctx, func() (err error) { out, err = d.Client.GetReservedConcurrencyConfigWithContext(ctx, r); return err })
		if err != nil {
			return nil, err
		}
		had = value(out.Response.ReservedMem)
	}
	if had != 0 { // somebody's own choice, or ours of before
		return nil, nil
	}
	return []Step{{f.Name, fmt.Sprintf("give it a concurrency quota of %d MB", want), func(ctx context.Context) error {
		r := scf.NewPutReservedConcurrencyConfigRequest()
		r.FunctionName, r.ReservedConcurrencyMem = &f.Name, &want
		return d.call(ctx, func() error { _, err := d.Client.PutReservedConcurrencyConfigWithContext(ctx, r); return err })
	}}}, nil
}

func (d *Deployer) eventConfig(ctx context.Context, function string) (retries, ttl int64, err error) {
	r := scf.NewGetFunctionEventInvokeConfigRequest()
	r.FunctionName = &function
	var out *scf.GetFunctionEventInvokeConfigResponse
	if err := d.call(ctx, func() (err error) { out, err = d.Client.GetFunctionEventInvokeConfigWithContext(ctx, r); return err }); err != nil {
		return 0, 0, err
	}
	c := out.Response.AsyncTriggerConfig
	if c == nil || len(c.RetryConfig) == 0 {
		return -1, 0, nil
	}
	return value(c.RetryConfig[0].RetryNum), value(c.MsgTTL), nil
}

func (d *Deployer) configureEvents(ctx context.Context, function string) error {
	r := scf.NewUpdateFunctionEventInvokeConfigRequest()
	r.FunctionName = &function
	r.AsyncTriggerConfig = &scf.AsyncTriggerConfig{RetryConfig: []*scf.RetryConfig{{RetryNum: new(int64(eventRetries))}}, MsgTTL: new(int64(eventTTL))}
	return d.call(ctx, func() error {
		_, err := d.Client.UpdateFunctionEventInvokeConfigWithContext(ctx, r)
		return err
	})
}

// URLs returns the address of each function that has one, by its key.
func (d *Deployer) URLs(ctx context.Context) (map[string]string, error) {
	urls := map[string]string{}
	for i := range d.Project.Functions {
		f := &d.Project.Functions[i]
		if f.URL == nil {
			continue
		}
		triggers, err := d.triggers(ctx, f.Name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, explained(err))
		}
		var desc urlDesc
		if t := find(triggers, "http", f.URL.Qualifier, ""); t != nil && json.Unmarshal([]byte(value(t.TriggerDesc)), &desc) == nil {
			urls[f.Key] = desc.NetConfig.ExtranetUrl
		}
	}
	return urls, nil
}

// Addresses returns the fixed addresses from which the functions call others, as the first of them tells that has any: what
// belongs into the IP lists of WeChat and IM.
func (d *Deployer) Addresses(ctx context.Context) (ips []string, err error) {
	for i := range d.Project.Functions {
		r := scf.NewGetFunctionRequest()
		r.FunctionName = &d.Project.Functions[i].Name
		var out *scf.GetFunctionResponse
		err := d.call(ctx, func() (err error) { out, err = d.Client.GetFunctionWithContext(ctx, r); return err })
		if err != nil && !notThere(err) {
			return nil, fmt.Errorf("%s: %w", *r.FunctionName, explained(err))
		}
		if err != nil || out.Response.EipConfig == nil {
			continue
		}
		for _, ip := range out.Response.EipConfig.Eips {
			ips = append(ips, value(ip))
		}
		if len(ips) > 0 {
			break
		}
	}
	return ips, nil
}
