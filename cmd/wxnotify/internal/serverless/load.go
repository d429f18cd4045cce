package serverless

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// What the component and the platform assume when the file is silent.
// Source: https://cloud.tencent.com/document/product/1154/51080
const (
	defaultStage     = "dev"
	defaultRegion    = "ap-guangzhou"
	defaultNamespace = "default"
	defaultTimeout   = 3 // seconds
	defaultMemory    = 128
	defaultRuntime   = "Nodejs12.16"
)

// Load reads the file at path. lookup answers ${env:X}. The error lists everything
// that is wrong, each with its function and field.
func Load(path string, lookup func(string) (string, bool)) (*Project, error) {
	return LoadStage(path, "", lookup)
}

// LoadStage is Load for a stage; empty: that of the file, or else dev.
func LoadStage(path, stage string, lookup func(string) (string, bool)) (*Project, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := parse(data, stage, lookup)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return p, nil
}

// Parse is Load of a file's contents.
func Parse(data []byte, lookup func(string) (string, bool)) (*Project, error) {
	return parse(data, "", lookup)
}

func parse(data []byte, stage string, lookup func(string) (string, bool)) (*Project, error) {
	var f file
	if err := yaml.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	f.Stage = cmp.Or(stage, f.Stage)
	if f.Component != "multi-scf" {
		return nil, fmt.Errorf("component is %q; only multi-scf can be read", f.Component)
	}
	if f.Name == "" {
		return nil, errors.New("name is not set")
	}
	if len(f.Inputs.Functions) == 0 {
		return nil, errors.New("inputs.functions names no function")
	}
	r := reader{file: &f, expander: expander{lookup: lookup}}
	p := r.project()
	if err := errors.Join(r.errors()...); err != nil {
		return nil, err
	}
	return p, nil
}

// reader turns a file into a Project and collects what is wrong with it.
type reader struct {
	file *file
	expander
}

// Where a value stands that is no function's own.
const (
	top    = "serverless.yml"
	common = "inputs (common to all functions)"
)

func (r *reader) project() *Project {
	r.stage = r.text(top, "stage", cmp.Or(r.file.Stage, defaultStage))
	r.name = r.text(top, "name", r.file.Name)
	r.app = r.text(top, "app", cmp.Or(r.file.App, r.name))
	p := &Project{
		App: r.app, Stage: r.stage, Name: r.name,
		Region: r.text(top, "inputs.region", cmp.Or(r.file.Inputs.Region, defaultRegion)),
	}
	env := r.environment(common, r.file.Inputs.settings)
	for _, e := range r.file.Inputs.Functions {
		if r.leavesOut(e.key) {
			p.LeftOut = append(p.LeftOut, e.key)
			continue
		}
		p.Functions = append(p.Functions, r.function(e, env))
	}
	for _, t := range r.file.Inputs.Triggers {
		r.trigger(p, t)
	}
	return p
}

// optionalBy are functions that are left out while one of their settings is empty, or not set.
var optionalBy = map[string]string{"console": "CONSOLE_TOKEN"}

func (r *reader) leavesOut(function string) bool {
	setting, optional := optionalBy[function]
	if !optional {
		return false
	}
	value, _ := r.lookup(setting)
	return value == ""
}

var (
	// A handler is a file name at the root of the package.
	// Source: https://cloud.tencent.com/document/product/583/18586
	handlerForm = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_-]{0,58}[A-Za-z])$`)
	// Source: https://cloud.tencent.com/document/product/583/30228
	variableForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	reserved     = []string{"SCF_", "QCLOUD_", "TENCENTCLOUD_"}
)

func (r *reader) function(e functionEntry, commonEnv map[string]string) Function {
	in := r.file.Inputs.settings
	where := "function " + e.key
	f := Function{
		Key:       e.key,
		Name:      r.text(where, "name", either(e.FullName, nil, fmt.Sprintf("%s-%s-%s-%s", r.name, r.stage, r.app, e.key))),
		Namespace: r.text(where, "namespace", either(e.Namespace, in.Namespace, defaultNamespace)),
		Handler:   r.text(where, "handler", either(e.Handler, in.Handler, "")),
		Timeout:   time.Duration(either(e.Timeout, in.Timeout, defaultTimeout)) * time.Second,
		MemoryMB:  either(e.MemorySize, in.MemorySize, defaultMemory),
		Role:      r.optional(where, "role", either(e.Role, in.Role, "")),

		Description: either(e.Description, in.Description, ""),

		PublicAccess: either(e.PublicAccess, in.PublicAccess, true),
		FixedIP:      either(e.EIP, in.EIP, false),
	}
	if cls := cmp.Or(e.CLS, in.CLS); cls != nil {
		f.Logset, f.Topic = r.optional(where, "cls.logsetId", cls.Logset), r.optional(where, "cls.topicId", cls.Topic)
	}
	if vpc := cmp.Or(e.VPC, in.VPC); vpc != nil {
		f.VPC, f.Subnet = r.optional(where, "vpc.vpcId", vpc.VPC), r.optional(where, "vpc.subnetId", vpc.Subnet)
	}
	if !handlerForm.MatchString(f.Handler) {
		r.fail("%s: handler is %q; it must be the file name of a binary in the build folder: "+
			"2 to 60 letters, digits, _ and -, a letter first and last", where, f.Handler)
	}
	if t := either(e.Type, in.Type, "event"); t != "event" {
		r.fail("%s: type is %q; only event functions can be hosted", where, t)
	}
	if rt := either(e.Runtime, in.Runtime, defaultRuntime); rt != "Go1" {
		r.fail("%s: runtime is %s; set runtime: Go1", where, rt)
	}
	// Source of the range: https://cloud.tencent.com/document/product/583/11637
	if f.Timeout < time.Second || f.Timeout > 900*time.Second {
		r.fail("%s: timeout is %d; it must be 1 to 900 seconds", where, f.Timeout/time.Second)
	}
	f.Environment = commonEnv
	if _, own := e.variables(); own {
		f.Environment = r.environment(where, e.settings)
	}
	f.Environment = maps.Clone(f.Environment)
	return f
}

// environment resolves the variables of s. A function's own list replaces the common
// one whole, as the component does it.
func (r *reader) environment(where string, s settings) map[string]string {
	vars, _ := s.variables()
	env := make(map[string]string, len(vars))
	for _, v := range vars {
		field := "environment " + v.Key
		switch {
		case !variableForm.MatchString(v.Key):
			r.fail("%s: environment key %q must be a letter, then letters, digits and _", where, v.Key)
		case slices.ContainsFunc(reserved, func(p string) bool { return strings.HasPrefix(v.Key, p) }):
			r.fail("%s: %s: the platform reserves the prefixes %s", where, field, strings.Join(reserved, ", "))
		default:
			env[v.Key] = r.text(where, field, v.Value)
		}
	}
	return env
}

func (r *reader) trigger(p *Project, t trigger) {
	where := fmt.Sprintf("trigger %s of function %s", t.Type, t.Function)
	if slices.Contains(p.LeftOut, t.Function) {
		return
	}
	i := slices.IndexFunc(p.Functions, func(f Function) bool { return f.Key == t.Function })
	if i < 0 {
		r.fail("trigger %s: there is no function %q; functions are %s", t.Type, t.Function, strings.Join(p.Keys(), ", "))
		return
	}
	switch t.Type {
	case "http": // enabled unless said otherwise
		if t.Parameters.Enable == nil || *t.Parameters.Enable {
			p.Functions[i].URL = &URL{t.Parameters.Qualifier, t.Parameters.AuthType, t.Parameters.NetConfig.Extranet}
		}
	case "timer": // disabled unless said otherwise
		if t.Parameters.Enable == nil || !*t.Parameters.Enable {
			p.Unserved = append(p.Unserved, fmt.Sprintf("timer for function %s (enable: true is not set)", t.Function))
			return
		}
		tm := Timer{
			Function: t.Function,
			Name:     r.text(where, "name", t.Parameters.Name),
			Cron:     r.text(where, "cronExpression", t.Parameters.CronExpression),
			Argument: r.text(where, "argument", t.Parameters.Argument),
		}
		if tm.Name == "" {
			r.fail("%s: parameters.name is not set", where)
		}
		if _, err := ParseCron(tm.Cron); err != nil {
			r.fail("%s: cronExpression: %w", where, err)
		}
		p.Timers = append(p.Timers, tm)
	default:
		p.Unserved = append(p.Unserved, fmt.Sprintf("%s for function %s", t.Type, t.Function))
	}
}

// either returns a function's own value, else the common one, else def.
func either[T any](own, common *T, def T) T {
	switch {
	case own != nil:
		return *own
	case common != nil:
		return *common
	}
	return def
}
