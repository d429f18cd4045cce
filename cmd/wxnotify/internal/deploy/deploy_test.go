package deploy_test

import (
	stdcmp "cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/cloud"
	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/cmd/wxnotify/internal/serverless"
)

var functions = []string{"imcallback", "wechatpush", "session", "permits", "announce", "deliver"}

// settings are those of a deployment, empty ones among them.
var settings = map[string]string{
	"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_APPSECRET": "secret-of-wechat", "WECHAT_TOKEN": "token", "IM_SDKAPPID": "1400000001", "IM_SECRET_KEY": "secret-of-im",
	"IM_CALLBACK_TOKEN": "callback", "STORE_URL": "redis://10.0.0.5:6379", "USERID_KEY": "key-of-users", "TEMPLATE_MESSAGE": "template", "VPC_ID": "vpc-1", "VPC_SUBNET_ID": "subnet-1",
}

// A stage is the project, an account, and a build folder.
type stage struct {
	*testing.T
	cloud   *cloud.Cloud
	fault   atomic.Pointer[func(call int, action string) cloud.Fault]
	project *serverless.Project
	build   string
	id      string
	waited  time.Duration
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, build: t.TempDir(), id: "AKIDtest"}
	p, err := serverless.Load(filepath.Join("..", "..", "..", "..", "serverless.yml"), func(name string) (string, bool) { return settings[name], true })
	if err != nil {
		t.Fatal(err)
	}
	s.project = p
	for _, name := range append([]string{"notify.yml"}, functions...) {
		s.write(name, "the file "+name)
	}
	fault := func(n int, action string) cloud.Fault {
		if of := s.fault.Load(); of != nil {
			return (*of)(n, action)
		}
		return cloud.None
	}
	s.cloud = cloud.New(cloud.Config{SecretID: "AKIDtest", Roles: []string{"SCF_ExecuteRole"}, VPCs: map[string]string{"vpc-1": "subnet-1"}, Fault: fault})
	t.Cleanup(s.cloud.Close)
	return s
}

// fails has calls fail from now on.
func (s *stage) fails(how func(call int, action string) cloud.Fault) { s.fault.Store(&how) }

func (s *stage) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.build, name), []byte(text), 0o600); err != nil { // modes of this machine do not count
		s.Fatal(err)
	}
}

func (s *stage) deployer() *deploy.Deployer {
	s.Helper()
	u, err := url.Parse(s.cloud.URL)
	if err != nil {
		s.Fatal(err)
	}
	p := profile.NewClientProfile()
	p.HttpProfile.Scheme, p.HttpProfile.Endpoint = u.Scheme, u.Host
	client, err := scf.NewClient(common.NewCredential(s.id, "key"), s.project.Region, p)
	if err != nil {
		s.Fatal(err)
	}
	pause := func(ctx context.Context, d time.Duration) error { s.waited += d; return ctx.Err() }
	return &deploy.Deployer{Client: client, Project: s.project, Build: s.build, Pause: pause, Log: func(string) {}}
}

// deploy plans and applies, and returns what was planned.
func (s *stage) deploy() (planned []string, err error) {
	s.Helper()
	d := s.deployer()
	steps, err := d.Plan(s.Context())
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		planned = append(planned, step.Text())
	}
	return planned, d.Apply(s.Context(), steps)
}

// deployed deploys, and wants it to succeed.
func (s *stage) deployed() []string {
	s.Helper()
	planned, err := s.deploy()
	if err != nil {
		s.Fatal(err)
	}
	return planned
}

// The console is deployed for those who set its token, with a URL and a log topic of its own, and stays when they take the token away.
func TestConsoleIsOptional(t *testing.T) {
	s := newStage(t)
	s.deployed()
	if s.cloud.Function("wxnotify-dev-console") != nil || s.cloud.Topic("wxnotify-dev-console") != nil {
		t.Error("there is a console that nobody wants")
	}
	without, token := s.project, strings.Repeat("c", 32)
	var err error
	s.project, err = serverless.Load(filepath.Join("..", "..", "..", "..", "serverless.yml"), func(name string) (string, bool) {
		return stdcmp.Or(settings[name], map[string]string{"CONSOLE_TOKEN": token}[name]), true
	})
	if err != nil {
		t.Fatal(err)
	}
	s.write("console", "the file console")
	if planned := s.deployed(); len(planned) != 4 {
		t.Errorf("planned %q", planned)
	}
	f := s.cloud.Function("wxnotify-dev-console")
	if f == nil || f.Variables()["CONSOLE_TOKEN"] != token || !slices.ContainsFunc(f.Triggers, func(t cloud.Trigger) bool { return t.Type == "http" }) {
		t.Fatalf("%+v", f)
	}
	for _, name := range []string{"IM_SECRET_KEY", "WECHAT_APPSECRET", "USERID_KEY"} {
		if f.Variables()[name] != "" {
			t.Errorf("it has %s", name)
		}
	}
	s.project = without
	if planned := s.deployed(); len(planned) != 0 || s.cloud.Function("wxnotify-dev-console") == nil {
		t.Errorf("planned %q", planned)
	}
}

// writes are the calls that change something.
func writes(calls []string) []string {
	return slices.DeleteFunc(slices.Clone(calls), func(c string) bool {
		return strings.HasPrefix(c, "Get") || strings.HasPrefix(c, "List") || strings.HasPrefix(c, "Describe")
	})
}

func TestDeploy(t *testing.T) {
	s := newStage(t)
	planned := s.deployed()
	if len(planned) != 1+6+6+6+5+1+3+1 { // a log set, topics, indexes, functions, URLs, a timer, quotas, events
		t.Errorf("planned %q", planned)
	}
	for _, name := range functions {
		f := s.cloud.Function("wxnotify-dev-" + name)
		if f == nil {
			t.Fatalf("there is no %s", name)
		}
		want := maps.Clone(s.project.Function(name).Environment)
		maps.DeleteFunc(want, func(_, v string) bool { return v == "" })
		if d := cmp.Diff(want, f.Variables()); d != "" || len(want) == 0 {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		topic, days := s.cloud.Topic("wxnotify-dev-"+name), 30
		if name == "session" { // it returns UserSigs
			days = 1
		}
		if topic == nil || !topic.Index || topic.Period != days || string(f.Config["ClsTopicId"]) != fmt.Sprintf("%q", topic.TopicId) || string(f.Config["ClsLogsetId"]) != fmt.Sprintf("%q", topic.LogsetId) {
			t.Errorf("logs of %s: %+v; they go to %s", name, topic, f.Config["ClsTopicId"])
		}
		if (name == "deliver") == slices.ContainsFunc(f.Triggers, func(t cloud.Trigger) bool { return t.Type == "http" }) {
			t.Errorf("%s has triggers %v", name, f.Triggers)
		}
	}
	deliver := s.cloud.Function("wxnotify-dev-deliver")
	if deliver.Quota != 2560 || string(deliver.Events) != `{"RetryConfig":[{"RetryNum":2}],"MsgTTL":21600}` || len(deliver.Triggers) != 1 || !strings.Contains(deliver.Triggers[0].TriggerDesc, "0 * * * * * *") {
		t.Errorf("deliver: quota %d, events %s, triggers %v", deliver.Quota, deliver.Events, deliver.Triggers)
	}
	urls, err := s.deployer().URLs(t.Context())
	if err != nil || len(urls) != 5 || !strings.HasPrefix(urls["imcallback"], s.cloud.URL) {
		t.Errorf("%v, %v", urls, err)
	}
	if ips, err := s.deployer().Addresses(t.Context()); err != nil || !slices.Equal(ips, []string{cloud.Egress}) {
		t.Errorf("they call from %q, %v", ips, err)
	}
	unbuilt := s.deployer()
	unbuilt.Build = ""
	if steps, err := unbuilt.Plan(t.Context()); err != nil || len(steps) > 0 {
		t.Errorf("without the code: %v, %v", steps, err)
	}
	s.cloud.Calls()
	if again := s.deployed(); len(again) > 0 {
		t.Errorf("a second run wants %q", again)
	}
	if calls := writes(s.cloud.Calls()); len(calls) > 0 {
		t.Errorf("a second run calls %q", calls)
	}
}

// Whatever call is cut off, before or after it has an effect, a second run completes, and a third changes
// nothing.
func TestDeployBrokenOff(t *testing.T) {
	whole := newStage(t)
	whole.deployed()
	calls := len(whole.cloud.Calls())
	want := whole.state()
	broken := 0
	for _, fault := range []cloud.Fault{cloud.CutBefore, cloud.CutAfter} {
		for n := 1; n <= calls; n++ {
			s := newStage(t)
			s.fails(func(call int, _ string) cloud.Fault {
				if call == n {
					return fault
				}
				return cloud.None
			})
			_, err := s.deploy()
			if err != nil {
				broken++
				if !strings.Contains(err.Error(), "run it again") {
					t.Errorf("call %d: %v", n, err)
				}
			}
			s.fault.Store(nil)
			s.deployed()
			if d := cmp.Diff(want, s.state()); d != "" {
				t.Fatalf("call %d, fault %d (-want +got):\n%s", n, fault, d)
			}
			s.cloud.Calls()
			if again := s.deployed(); len(again) > 0 || len(writes(s.cloud.Calls())) > 0 {
				t.Fatalf("call %d, fault %d: a third run wants %q", n, fault, again)
			}
		}
	}
	if broken < calls {
		t.Errorf("%d of %d runs were broken off", broken, 2*calls)
	}
	t.Logf("%d runs broken off, at each of %d calls", broken, calls)
}

// state is what is deployed, without addresses.
func (s *stage) state() map[string]string {
	state := map[string]string{}
	for _, name := range functions {
		f := s.cloud.Function("wxnotify-dev-" + name)
		if f == nil {
			continue
		}
		var triggers []string
		for _, t := range f.Triggers {
			triggers = append(triggers, fmt.Sprint(t.Type, t.Qualifier, t.TriggerName, t.Enable))
		}
		state[name] = fmt.Sprint(f.Variables(), len(f.Zip), string(f.Config["Description"]), triggers, f.Quota, string(f.Events), string(f.Config["ClsTopicId"]), s.cloud.Topic("wxnotify-dev-"+name))
	}
	state["log sets"] = fmt.Sprint(s.cloud.Logsets())
	return state
}

// What differs is changed, and nothing else; values of variables are not told.
func TestWhatChanges(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(s *stage)
		want []string // planned
		call []string
	}{
		"memory": {func(s *stage) { s.project.Function("permits").MemoryMB = 256 }, []string{"wxnotify-dev-permits: change memorySize from 128 to 256"}, []string{"UpdateFunctionConfiguration"}},
		"a secret": {func(s *stage) { s.project.Function("wechatpush").Environment["WECHAT_TOKEN"] = "rotated" },
			[]string{"wxnotify-dev-wechatpush: change variables (WECHAT_TOKEN)"}, []string{"UpdateFunctionConfiguration"}},
		"a variable less": {func(s *stage) { delete(s.project.Function("permits").Environment, "IM_SDKAPPID") }, []string{"wxnotify-dev-permits: change variables (no IM_SDKAPPID)"}, []string{"UpdateFunctionConfiguration"}},
		"no VPC": {func(s *stage) { f := s.project.Function("permits"); f.VPC, f.Subnet = "", "" },
			[]string{"wxnotify-dev-permits: change vpc from vpc-1/subnet-1 to /"}, []string{"UpdateFunctionConfiguration"}},
		"the code": {func(s *stage) { s.write("session", "another") }, []string{"wxnotify-dev-session: upload its code, 0.0 MB", "wxnotify-dev-session: change its description"},
			[]string{"UpdateFunctionCode", "UpdateFunctionConfiguration"}},
		"the timer": {func(s *stage) { s.project.Timers[0].Cron = "30 * * * * * *" }, []string{"wxnotify-dev-deliver: change its timer to 30 * * * * * *"}, []string{"UpdateTrigger"}},
		"a URL":     {func(s *stage) { s.project.Function("session").URL.Public = false }, []string{"wxnotify-dev-session: change who may call its URL"}, []string{"UpdateTrigger"}},
		"a log topic of one's own": {func(s *stage) {
			f := s.project.Function("session")
			f.Logset, f.Topic = "x", s.cloud.AddTopic("mine", "mine").TopicId
		},
			[]string{"wxnotify-dev-session: change log topic from topic-wxnotify-dev-session to topic-mine"}, []string{"UpdateFunctionConfiguration"}},
		"a topic that keeps as long as somebody wants": {func(s *stage) { s.cloud.Topic("wxnotify-dev-permits").Period = 7 }, nil, nil},
		"a quota of somebody's own":                    {func(s *stage) { s.cloud.Function("wxnotify-dev-deliver").Quota = 128 }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.deployed()
			s.cloud.Calls()
			c.do(s)
			if d := cmp.Diff(c.want, s.deployed()); d != "" {
				t.Errorf("planned (-want +got):\n%s", d)
			}
			if calls := writes(s.cloud.Calls()); !slices.Equal(calls, c.call) {
				t.Errorf("called %q, want %q", calls, c.call)
			}
			if again := s.deployed(); len(again) > 0 {
				t.Errorf("again %q", again)
			}
		})
	}
}

// What the API refuses is told with its cure, and a second run goes on once it is mended.
func TestWhatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		do, mend func(s *stage)
		says     string
	}{
		"no right to logs": {func(s *stage) {
			s.fails(func(_ int, action string) cloud.Fault {
				if action == "CreateTopic" {
					return cloud.Deny
				}
				return cloud.None
			})
		}, func(s *stage) { s.fault.Store(nil) }, "QcloudCLSFullAccess for log topics"},
		"a wrong key": {func(s *stage) { s.id = "AKIDother" }, func(s *stage) { s.id = "AKIDtest" }, "check TENCENT_SECRET_ID and TENCENT_SECRET_KEY"},
		"no role": {func(s *stage) { s.project.Function("session").Role = "None" }, func(s *stage) { s.project.Function("session").Role = "SCF_ExecuteRole" },
			"create the role of serverless.yml in the CAM console"},
		"a VPC of another region": {func(s *stage) { s.project.Function("session").VPC = "vpc-2" }, func(s *stage) { s.project.Function("session").VPC = "vpc-1" }, "must be in the region of serverless.yml"},
		"nothing was built":       {func(s *stage) { os.Remove(filepath.Join(s.build, "session")) }, func(s *stage) { s.write("session", "the file session") }, "make build"},
		"always busy":             {func(s *stage) { s.fails(func(int, string) cloud.Fault { return cloud.Throttle }) }, func(s *stage) { s.fault.Store(nil) }, "wait a minute, and run it again"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			c.do(s)
			if _, err := s.deploy(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret-of") {
				t.Errorf("%v, want %q", err, c.says)
			}
			c.mend(s)
			s.deployed()
			if again := s.deployed(); len(again) > 0 {
				t.Errorf("again %q", again)
			}
		})
	}
}

func TestPatience(t *testing.T) {
	s := newStage(t)
	throttled := 0
	s.fails(func(n int, action string) cloud.Fault {
		if action == "CreateFunction" && throttled < 3 {
			throttled++
			return cloud.Throttle
		}
		return cloud.None
	})
	s.deployed()
	if s.waited < 1+2+4*time.Second {
		t.Errorf("waited %v", s.waited)
	}
	// A function that could not be created stays, and says why.
	s.cloud.Function("wxnotify-dev-session").Break("the subnet has no address left")
	if _, err := s.deploy(); err == nil || !strings.Contains(err.Error(), "it is CreateFailed (the subnet has no address left") || !strings.Contains(err.Error(), "delete it in the SCF console") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.deployer().Plan(ctx); !errors.Is(err, context.Canceled) && err == nil {
		t.Errorf("%v", err)
	}
}

// What was made is deleted, whatever is broken off; what somebody else has made stays.
func TestRemoval(t *testing.T) {
	const calls = 6 + 2 + 5 + 5 // functions looked at, log set and topics, functions and topics deleted
	for n := range calls + 2 {
		s := newStage(t)
		mine := s.cloud.AddTopic("wxnotify-dev-functions", "mine")
		s.deployed()
		s.cloud.Function("wxnotify-dev-permits").Config["Description"] = []byte(`"mine"`)
		s.cloud.Calls()
		s.fails(func(call int, _ string) cloud.Fault {
			if call == n {
				return cloud.CutAfter
			}
			return cloud.None
		})
		remove := func() ([]deploy.Step, error) {
			d := s.deployer()
			steps, err := d.Removal(t.Context())
			if err != nil {
				return nil, err
			}
			return steps, d.Apply(t.Context(), steps)
		}
		steps, err := remove()
		if (err != nil) != (n > 0 && n <= calls) {
			t.Errorf("call %d: %v", n, err)
		}
		if n == 0 && len(steps) != 5+5 {
			t.Errorf("%v", steps)
		}
		s.fault.Store(nil)
		if _, err := remove(); err != nil {
			t.Error(err)
		}
		for _, name := range functions {
			full := "wxnotify-dev-" + name
			if there, logs := s.cloud.Function(full) != nil, s.cloud.Topic(full) != nil; there != (name == "permits") || logs != there {
				t.Errorf("call %d: %s is there: %t, its topic: %t", n, name, there, logs)
			}
		}
		if s.cloud.Topic("mine") != mine {
			t.Errorf("call %d: a topic that was made by hand is gone", n)
		}
	}
}

// A log set in which nothing is left is deleted too.
func TestRemovalOfLogs(t *testing.T) {
	s := newStage(t)
	s.cloud.AddTopic("wxnotify-dev-functions-of-others", "other")
	s.deployed()
	d := s.deployer()
	steps, err := d.Removal(t.Context())
	if err == nil {
		err = d.Apply(t.Context(), steps)
	}
	if sets := s.cloud.Logsets(); err != nil || !slices.Equal(sets, []string{"wxnotify-dev-functions-of-others"}) {
		t.Errorf("%v; log sets %q", err, sets)
	}
	if steps, err := d.Removal(t.Context()); err != nil || len(steps) > 0 {
		t.Errorf("again %v, %v", steps, err)
	}
}

// Functions that were taken out of the file are named.
func TestStrangers(t *testing.T) {
	s := newStage(t)
	s.deployed()
	s.project.Functions = s.project.Functions[1:]
	if got, err := s.deployer().Strangers(t.Context()); err != nil || !slices.Equal(got, []string{"wxnotify-dev-imcallback"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// Where names of programs have an ending, what is uploaded has none.
func TestEndingOfBinaries(t *testing.T) {
	s := newStage(t)
	s.deployed()
	for _, name := range functions {
		if err := os.Rename(filepath.Join(s.build, name), filepath.Join(s.build, name+".exe")); err != nil {
			t.Fatal(err)
		}
	}
	d := s.deployer()
	d.Ending = ".exe"
	if steps, err := d.Plan(t.Context()); err != nil || len(steps) > 0 {
		t.Errorf("%v; it is another zip: %v", err, steps)
	}
}

// A log topic that a deployment makes has an index of each field that queries of docs/operations.md name.
func TestFieldsOfQueries(t *testing.T) {
	s := newStage(t)
	s.deployed()
	indexed := s.cloud.Topic("wxnotify-dev-deliver").Fields
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile("(?m)^\\|[^|]*\\| `([^`]+)` \\|").FindAllStringSubmatch(strings.SplitAfter(string(page), "| you want | query |")[1], -1)
	if len(queries) < 15 {
		t.Fatalf("%d queries were found", len(queries))
	}
	named := regexp.MustCompile(`(\w+):|(?:SELECT|BY|sum\(|,) ?([a-z]+)\b`)
	for _, q := range queries {
		for _, m := range named.FindAllStringSubmatch(q[1], -1) {
			field := m[1] + m[2]
			if indexed[field] == "" && !slices.Contains([]string{"n", "sum", "count", "hour", "cards", "merged", "histogram", "interval"}, field) {
				t.Errorf("%s: there is no index of %s", q[1], field)
			}
		}
	}
	if indexed["messages"] != "long" {
		t.Errorf("messages is indexed as %s, and cannot be added up", indexed["messages"])
	}
}
