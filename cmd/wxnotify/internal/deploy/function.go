package deploy

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/serverless"
)

// A configuration is what a function has beside its code and triggers.
type configuration struct {
	Handler, Description, Role string
	Memory, Timeout            int64 // MB, s
	VPC, Subnet                string
	Public, FixedIP            bool
	Logs                       *topic
	Environment                map[string]string
}

// The code is known by a digest that stands at the end of the description, written after the code: so
// whatever was broken off, a digest that is there is that of the code that is there, or of an older one.
const codeMark = " · code "

func (d *Deployer) planFunction(ctx context.Context, f *serverless.Function, made *topic) ([]Step, error) {
	var code []byte
	var err error
	if d.Build != "" {
		if code, err = zipped(d.Build, f.Handler, d.Ending); err != nil {
			return nil, err
		}
	}
	sum := sha256.Sum256(code)
	want := wanted(f, hex.EncodeToString(sum[:6]))
	if made != nil {
		want.Logs = made
	}
	have, err := d.settled(ctx, f.Name)
	var steps []Step
	add := func(do func(context.Context) error, format string, args ...any) {
		steps = append(steps, Step{f.Name, fmt.Sprintf(format, args...), do})
	}
	switch {
	case notThere(err):
		add(func(ctx context.Context) error { return d.create(ctx, f.Name, want, code) }, "create it, %.1f MB", float64(len(code))/(1<<20))
		have = nil
	case err != nil:
		return nil, err
	default:
		if d.Build == "" {
			want.Description = value(have.Description)
		}
		if had := configurationOf(have); had.Description != want.Description {
			add(func(ctx context.Context) error { return d.updateCode(ctx, f.Name, want.Handler, code) }, "upload its code, %.1f MB", float64(len(code))/(1<<20))
		}
		if differs := want.against(configurationOf(have)); len(differs) > 0 {
			add(func(ctx context.Context) error { return d.configure(ctx, f.Name, want) }, "change %s", strings.Join(differs, ", "))
		}
	}
	more, err := d.planAround(ctx, f, have != nil)
	return append(steps, more...), err
}

// wanted is what serverless.yml says.
func wanted(f *serverless.Function, digest string) configuration {
	return configuration{Handler: f.Handler, Description: f.Description + codeMark + digest, Role: f.Role,
		Memory: int64(f.MemoryMB), Timeout: int64(f.Timeout / time.Second), VPC: f.VPC, Subnet: f.Subnet,
		Public: f.PublicAccess, FixedIP: f.FixedIP, Logs: &topic{logset: f.Logset, id: f.Topic},
		// A variable without a value is left out: the API does not take it.
		Environment: filledOf(f.Environment)}
}

func filledOf(all map[string]string) map[string]string {
	out := map[string]string{}
	for key, v := range all {
		if v != "" {
			out[key] = v
		}
	}
	return out
}

func configurationOf(r *scf.GetFunctionResponseParams) configuration {
	c := configuration{Handler: value(r.Handler), Description: value(r.Description), Role: value(r.Role), Memory: value(r.MemorySize),
		Timeout: value(r.Timeout), Logs: &topic{logset: value(r.ClsLogsetId), id: value(r.ClsTopicId)}, Environment: map[string]string{}}
	if v := r.VpcConfig; v != nil {
		c.VPC, c.Subnet = value(v.VpcId), value(v.SubnetId)
	}
	if p := r.PublicNetConfig; p != nil {
		c.Public = value(p.PublicNetStatus) == "ENABLE"
		c.FixedIP = p.EipConfig != nil && value(p.EipConfig.EipStatus) == "ENABLE"
	}
	if r.Environment != nil {
		for _, v := range r.Environment.Variables {
			c.Environment[value(v.Key)] = value(v.Value)
		}
	}
	return c
}

// against says what is to be changed of what there is, without values of variables.
func (c configuration) against(had configuration) (differs []string) {
	for _, x := range []struct {
		name      string
		from, to  any
		different bool
	}{
		{"handler", had.Handler, c.Handler, had.Handler != c.Handler},
		{"role", had.Role, c.Role, had.Role != c.Role},
		{"memorySize", had.Memory, c.Memory, had.Memory != c.Memory},
		{"timeout", had.Timeout, c.Timeout, had.Timeout != c.Timeout},
		{"vpc", had.VPC + "/" + had.Subnet, c.VPC + "/" + c.Subnet, had.VPC != c.VPC || had.Subnet != c.Subnet},
		{"publicAccess", had.Public, c.Public, had.Public != c.Public},
		{"eip", had.FixedIP, c.FixedIP, had.FixedIP != c.FixedIP},
		{"log topic", had.Logs.shown(), c.Logs.shown(), had.Logs.id != c.Logs.id || c.Logs.id == ""},
	} {
		if x.different {
			differs = append(differs, fmt.Sprintf("%s from %v to %v", x.name, x.from, x.to))
		}
	}
	var variables []string
	for _, key := range slices.Sorted(maps.Keys(c.Environment)) {
		if had.Environment[key] != c.Environment[key] {
			variables = append(variables, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(had.Environment)) {
		if _, kept := c.Environment[key]; !kept {
			variables = append(variables, "no "+key)
		}
	}
	if len(variables) > 0 {
		differs = append(differs, "variables ("+strings.Join(variables, ", ")+")")
	}
	if len(differs) == 0 && had.Description != c.Description {
		differs = append(differs, "its description")
	}
	return differs
}

// zipped returns what is uploaded for a function: its own binary, and notify.yml, whatever modes the files
// have here.
func zipped(build, handler, ending string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	// A tenth larger than the smallest, in half the time.
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, file := range []struct {
		name, from string
		mode       os.FileMode
	}{{handler, handler + ending, 0o755}, {"notify.yml", "notify.yml", 0o644}} {
		content, err := os.ReadFile(filepath.Join(build, file.from))
		if err != nil {
			return nil, fmt.Errorf("%w: make build", err)
		}
		h := &zip.FileHeader{Name: file.name, Method: zip.Deflate} // without a time, so that the same files make the same zip
		h.SetMode(file.mode)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// settled returns a function once nothing changes it any more.
func (d *Deployer) settled(ctx context.Context, name string) (*scf.GetFunctionResponseParams, error) {
	for range 120 {
		r := scf.NewGetFunctionRequest()
		r.FunctionName = &name
		var out *scf.GetFunctionResponse
		if err := d.call(ctx, func() (err error) { out, err = d.Client.GetFunctionWithContext(ctx, r); return err }); err != nil {
			return nil, err
		}
		switch status := value(out.Response.Status); status {
		case "Active":
			return out.Response, nil
		case "Creating", "Updating", "Publishing":
		default:
			var why []string
			for _, reason := range out.Response.StatusReasons {
				why = append(why, value(reason.ErrorMessage))
			}
			return nil, fmt.Errorf("it is %s (%s): delete it in the SCF console, and run this again", status, strings.Join(append(why, value(out.Response.StatusDesc)), " "))
		}
		if err := d.pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("it has not become active in two minutes: look at it in the SCF console, and run this again")
}

func (d *Deployer) create(ctx context.Context, name string, c configuration, code []byte) error {
	r := scf.NewCreateFunctionRequest()
	r.FunctionName, r.Runtime, r.Type, r.Handler, r.Description = &name, new("Go1"), new("Event"), &c.Handler, &c.Description
	r.MemorySize, r.Timeout, r.Role = &c.Memory, &c.Timeout, &c.Role
	r.Environment, r.PublicNetConfig, r.VpcConfig = c.environment(), c.network(), c.vpc()
	r.ClsLogsetId, r.ClsTopicId = &c.Logs.logset, &c.Logs.id
	r.Code = &scf.Code{ZipFile: new(base64.StdEncoding.EncodeToString(code))}
	err := d.call(ctx, func() error { _, err := d.Client.CreateFunctionWithContext(ctx, r); return err })
	if err != nil && codeOf(err) != scf.RESOURCEINUSE_FUNCTION { // it is there: an answer was lost
		return err
	}
	_, err = d.settled(ctx, name)
	return err
}

func (d *Deployer) updateCode(ctx context.Context, name, handler string, code []byte) error {
	r := scf.NewUpdateFunctionCodeRequest()
	r.FunctionName, r.Handler, r.ZipFile = &name, &handler, new(base64.StdEncoding.EncodeToString(code))
	if err := d.call(ctx, func() error { _, err := d.Client.UpdateFunctionCodeWithContext(ctx, r); return err }); err != nil {
		return err
	}
	_, err := d.settled(ctx, name)
	return err
}

func (d *Deployer) configure(ctx context.Context, name string, c configuration) error {
	r := scf.NewUpdateFunctionConfigurationRequest()
	r.FunctionName, r.Description, r.MemorySize, r.Timeout, r.Role = &name, &c.Description, &c.Memory, &c.Timeout, &c.Role
	r.Environment, r.PublicNetConfig, r.VpcConfig = c.environment(), c.network(), c.vpc()
	r.ClsLogsetId, r.ClsTopicId = &c.Logs.logset, &c.Logs.id
	if err := d.call(ctx, func() error { _, err := d.Client.UpdateFunctionConfigurationWithContext(ctx, r); return err }); err != nil {
		return err
	}
	_, err := d.settled(ctx, name)
	return err
}

func (c configuration) environment() *scf.Environment {
	e := &scf.Environment{}
	for _, key := range slices.Sorted(maps.Keys(c.Environment)) {
		e.Variables = append(e.Variables, &scf.Variable{Key: new(key), Value: new(c.Environment[key])})
	}
	return e
}

func (c configuration) network() *scf.PublicNetConfigIn {
	return &scf.PublicNetConfigIn{PublicNetStatus: status(c.Public), EipConfig: &scf.EipConfigIn{EipStatus: status(c.FixedIP)}}
}

func (c configuration) vpc() *scf.VpcConfig {
	return &scf.VpcConfig{VpcId: new(c.VPC), SubnetId: new(c.Subnet)}
}

func status(on bool) *string {
	if on {
		return new("ENABLE")
	}
	return new("DISABLE")
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
