package serverless_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/store"
)

// from looks variables up in m.
func from(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := m[name]
		return v, ok
	}
}

func TestLoad(t *testing.T) {
	got, err := serverless.Load("testdata/serverless.yml", from(map[string]string{
		"STORE_URL": "redis://127.0.0.1:6379/0", "WECHAT_APPSECRET": "", "STORE_SHARDS": "16", "VPC_ID": "vpc-1",
	}))
	if err != nil {
		t.Fatal(err)
	}
	common := map[string]string{
		"STORE_URL": "redis://127.0.0.1:6379/0", "STORE_SHARDS": "16", "DELIVER_FUNCTION": "wxnotify-dev-chatapp-deliver",
	}
	const role = "SCF_ExecuteRole"
	url := &serverless.URL{Qualifier: "$DEFAULT", Auth: "NONE", Public: true}
	want := &serverless.Project{
		App: "chatapp", Stage: "dev", Name: "wxnotify", Region: "ap-shanghai",
		Functions: []serverless.Function{
			{
				Key: "imcallback", Name: "wxnotify-dev-chatapp-imcallback", Namespace: "default", Handler: "imcallback",
				Timeout: 3 * time.Second, MemoryMB: 256, Role: role, URL: url, PublicAccess: true, FixedIP: true, VPC: "vpc-1", Environment: common,
			},
			{
				Key: "session", Name: "chat-session", Namespace: "default", Handler: "session",
				Timeout: 10 * time.Second, MemoryMB: 128, Role: role, URL: &serverless.URL{}, PublicAccess: true, FixedIP: true, VPC: "vpc-1",
				Environment: map[string]string{"WECHAT_APPSECRET": "", "LABEL": "secret of chatapp: !"},
			},
			{
				Key: "permits", Name: "wxnotify-dev-chatapp-permits", Namespace: "default", Handler: "permits",
				Timeout: 10 * time.Second, MemoryMB: 256, Role: role, PublicAccess: true, FixedIP: true, VPC: "vpc-1",
				Environment: map[string]string{"LOG_LEVEL": "debug"},
			},
			{
				Key: "deliver", Name: "wxnotify-dev-chatapp-deliver", Namespace: "default", Handler: "deliver",
				Timeout: 900 * time.Second, MemoryMB: 256, Role: role, PublicAccess: true, FixedIP: true, VPC: "vpc-1",
				Environment: map[string]string{},
			},
		},
		Timers: []serverless.Timer{
			{Function: "deliver", Name: "every-minute", Cron: "0 * * * * * *", Argument: `{"shards":"16"}`},
		},
		Unserved: []string{"timer for function deliver (enable: true is not set)", "cos for function deliver"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, name := range []string{"session", "chat-session"} {
		if f := got.Function(name); f == nil || f.Key != "session" {
			t.Errorf("Function(%q) = %v", name, f)
		}
	}
	if f := got.Function("wxnotify-dev-chatapp-session"); f != nil {
		t.Errorf("a function with a name of its own is found by the default one: %v", f)
	}
}

func TestDefaults(t *testing.T) {
	p, err := serverless.Parse([]byte("component: multi-scf\nname: n\ninputs: {runtime: Go1, functions: {f: {handler: fn}}}"), from(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := serverless.Function{
		Key: "f", Name: "n-dev-n-f", Namespace: "default", Handler: "fn", Timeout: 3 * time.Second, MemoryMB: 128, PublicAccess: true,
		Environment: map[string]string{},
	}
	if d := cmp.Diff([]serverless.Function{want}, p.Functions); d != "" || p.App != "n" || p.Stage != "dev" || p.Region != "ap-guangzhou" {
		t.Errorf("%+v (-want +got):\n%s", p, d)
	}
}

func TestErrors(t *testing.T) {
	const head = "component: multi-scf\nname: n\ninputs:\n  runtime: Go1\n"
	for _, c := range []struct {
		name, yaml string
		says       []string
	}{
		{"not YAML", "a: [", []string{"yaml: line 1"}},
		{"another component", "component: scf\nname: n", []string{`component is "scf"`}},
		{"no name", "component: multi-scf", []string{"name is not set"}},
		{"no functions", head, []string{"names no function"}},
		{"a list of functions", head + "  functions:\n    - name: f", []string{"line 6", "must be a map"}},
		{"a function twice", head + "  functions:\n    f: {handler: fn}\n    f: {handler: fn}", []string{"f"}},
		{"a timeout in words", head + "  functions: {f: {handler: fn, timeout: soon}}", []string{"function f", "soon"}},
		{"unset variables, all at once", head + "  environments: [{key: A, value: '${env:ONE}'}]\n  functions: {f: {handler: fn, environments: [{key: B, value: '${env:TWO}${env:THREE}'}]}}",
			[]string{"inputs (common to all functions) needs variables that are not set: ONE: put them into .env", "function f needs variables that are not set: TWO, THREE: put"}},
		{"a reference of another kind", head + "  functions: {f: {handler: fn, name: '${output:dev:app:x.y}'}}", []string{"function f: name: ${output:dev:app:x.y} cannot be resolved"}},
		{"a reserved variable", head + "  functions: {f: {handler: fn, environments: [{key: SCF_X, value: 1}]}}", []string{"function f: environment SCF_X", "reserves"}},
		{"a bad key", head + "  functions: {f: {handler: fn, environments: [{key: 1-x, value: 1}]}}", []string{`function f: environment key "1-x"`}},
		{"no handler", head + "  functions: {f: {}}", []string{`function f: handler is ""`}},
		{"a path as handler", head + "  functions: {f: {handler: ../sh}}", []string{`function f: handler is "../sh"`}},
		{"a handler that ends in a digit", head + "  functions: {f: {handler: fn1}}", []string{"a letter first and last"}},
		{"a web function", head + "  functions: {f: {handler: fn, type: web}}", []string{`function f: type is "web"`}},
		{"no runtime", "component: multi-scf\nname: n\ninputs: {functions: {f: {handler: fn}}}", []string{"function f: runtime is Nodejs12.16; set runtime: Go1"}},
		{"too long a timeout", head + "  functions: {f: {handler: fn, timeout: 901}}", []string{"function f: timeout is 901"}},
		{"no timeout", head + "  functions: {f: {handler: fn, timeout: 0}}", []string{"function f: timeout is 0"}},
		{"a trigger of nothing", head + "  functions: {f: {handler: fn}, g: {handler: fn}}\n  triggers: [{type: http, function: h}]", []string{`trigger http: there is no function "h"; functions are f, g`}},
		{"a nameless timer", head + "  functions: {f: {handler: fn}}\n  triggers: [{type: timer, function: f, parameters: {enable: true, cronExpression: '0 * * * * * *'}}]", []string{"trigger timer of function f: parameters.name is not set"}},
		{"a timer of six fields", head + "  functions: {f: {handler: fn}}\n  triggers: [{type: timer, function: f, parameters: {name: x, enable: true, cronExpression: '* * * * * *'}}]", []string{"trigger timer of function f: cronExpression", "has 6 fields, want 7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := serverless.Parse([]byte(c.yaml), from(nil))
			if err == nil {
				t.Fatalf("got %+v, want an error", p)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error does not say %q:\n%v", s, err)
				}
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := serverless.Load("testdata/none.yml", from(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "serverless.yml")
	if err := os.WriteFile(path, []byte("name: n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serverless.Load(path, from(nil)); err == nil || !strings.HasPrefix(err.Error(), "serverless.yml: ") {
		t.Errorf("got %v, want the file's name in front", err)
	}
}

func TestSchedule(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ expr, after, next string }{
		{"0 * * * * * *", "2026-11-22T01:59:30Z", "2026-11-22T02:00:00Z"},
		{"0 * * * * * *", "2026-11-22T02:00:00Z", "2026-11-22T02:01:00Z"},
		{"*/15 * * * * * *", "2026-11-22T01:59:30Z", "2026-11-22T01:59:45Z"},
		{"0 0 3 * * * *", "2026-11-22T01:00:00Z", "2026-11-22T19:00:00Z"},        // 3 o'clock in Beijing
		{"0 30 9 * * MON-FRI *", "2026-11-21T00:00:00Z", "2026-11-23T01:30:00Z"}, // Monday
		{"0 0 0 1 1 * *", "2026-11-22T00:00:00Z", "2026-12-31T16:00:00Z"},
	} {
		s, err := serverless.ParseCron(c.expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Next(at(c.after)); !got.Equal(at(c.next)) || got.Location() != time.UTC {
			t.Errorf("%q after %s: %v, want %s", c.expr, c.after, got, c.next)
		}
	}
}

func TestCronErrors(t *testing.T) {
	for expr, says := range map[string]string{
		"":                            "0 fields",
		"* * * * *":                   "5 fields",
		"0 0 0 * * * 2027":            "only * is supported",
		"0 0 0 * * 1 *":               "MON to SUN",
		"0 0 0 * * MON-5 *":           "MON to SUN",
		"0 0 0 ? * * *":               "instead of ?",
		"61 0 0 * * * *":              "61",
		"TZ=UTC 0 0 0 * * *":          "", // not a way round the zone
		"0 0 0 30 2 * *":              "no day matches",
		"0 0 0 * * FUNDAY *":          "FUNDAY",
		"@daily * * * * * *":          "",
		"0 0 0 * * */2 * ; rm -rf / ": "fields",
	} {
		if s, err := serverless.ParseCron(expr); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseCron(%q) = %v, %v; want an error that says %q", expr, s, err, says)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/serverless.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("component: multi-scf\nname: n\ninputs: {runtime: Go1, functions: {f: {handler: fn}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := serverless.Parse(data, func(name string) (string, bool) { return "x", true })
		if err != nil {
			return
		}
		for _, fn := range p.Functions {
			if strings.ContainsAny(fn.Handler, "/\\.") || fn.Timeout < time.Second || p.Function(fn.Key) == nil {
				t.Errorf("function %+v", fn)
			}
		}
		for _, tm := range p.Timers {
			if p.Function(tm.Function) == nil {
				t.Errorf("timer %+v has no function", tm)
			}
		}
	})
}

// Each stage of the project's own file has a part of Redis to itself, and that of the first is the
// one that functions and tools take without being told.
func TestStagesShareNoKeys(t *testing.T) {
	data, err := os.ReadFile("../../../../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	for stage, want := range map[string]string{"": store.DefaultPrefix, "stage: prod\n": "wxnotify-prod"} {
		path := filepath.Join(t.TempDir(), "serverless.yml")
		if err := os.WriteFile(path, append(data, stage...), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := serverless.Load(path, func(string) (string, bool) { return "", true })
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Functions {
			if got := f.Environment["STORE_PREFIX"]; got != want {
				t.Errorf("%q, %s: STORE_PREFIX is %q, want %q", stage, f.Key, got, want)
			}
		}
	}
}
