package host_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/internal/testkit"
)

func TestInvokeAnswers(t *testing.T) {
	f := start(t, host.Config{})
	for _, c := range []struct{ name, event, want string }{
		{"an object", `{"Op":"value","Value":{"b": 1, "a": [null]}}`, `{"b": 1, "a": [null]}`},
		{"a string", `{"Op":"value","Value":"<&>\n"}`, `"<&>\n"`},
		{"what is not JSON", `{"Op":"text","Text":"plain"}`, `plain`},
		{"nothing", `{"Op":"text"}`, ``},
	} {
		o := f.ended(f.begin(t.Context(), "f", []byte(c.event)))
		if string(o.Payload) != c.want || len(o.RequestID) != 36 || o.Duration <= 0 {
			t.Errorf("%s: Invoke(%s) = %s, want %s; request id %q, duration %v", c.name, c.event, o.Payload, c.want, o.RequestID, o.Duration)
		}
	}
}

func TestInvokeFailures(t *testing.T) {
	f := start(t, host.Config{})
	for _, c := range []struct {
		name          string
		op            op
		status        int
		kind, message string
		recycled      bool
	}{
		{"an error", op{Op: "error", Text: "no luck"}, host.StatusUserCode, "errorString", "no luck", false},
		{"a panic", op{Op: "panic", Text: "oh no"}, host.StatusUserCode, "string", "oh no", true},
		{"an exit", op{Op: "exit"}, host.StatusExited, "", "exit status 3", true},
		{"too large a reply", op{Op: "big", Count: host.MaxReply}, host.StatusReplyTooLarge, "", "at most 6291456", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := f.state("f")
			_, err := f.Invoke(t.Context(), "f", c.op.event())
			e := invokeError(t, err, c.status)
			if e.Function != "f" || e.Type != c.kind || !strings.Contains(e.Message, c.message) {
				t.Errorf("got %+v, want type %q and message %q", e, c.kind, c.message)
			}
			if len(e.RequestID) != 36 || f.log.Line("function failed", e.RequestID, fmt.Sprint("status=", c.status)) == "" {
				t.Errorf("request %q is not logged", e.RequestID)
			}
			if c.name == "a panic" && !slices.ContainsFunc(e.Stack, func(s string) bool { return strings.Contains(s, "fn/main.go:") }) {
				t.Errorf("stack is %q, want the function's file in it", e.Stack)
			}
			if c.recycled && !testkit.Gone(before.PID) {
				t.Error("the process still runs")
			}
			if recycled := f.state("f").PID != before.PID; recycled != c.recycled {
				t.Errorf("a new process: %v, want %v", recycled, c.recycled)
			}
		})
	}
}

func TestInvokeRefusals(t *testing.T) {
	f := start(t, host.Config{})
	_, err := f.Invoke(t.Context(), "g", []byte("{}"))
	if !errors.Is(err, host.ErrUnknownFunction) || !strings.Contains(err.Error(), `"g"`) {
		t.Errorf("unknown function: got %v", err)
	}
	for _, js := range []string{"", "{", "<xml/>"} {
		_, err := f.Invoke(t.Context(), "f", []byte(js))
		if invokeError(t, err, host.StatusBadEvent); !errors.Is(err, host.ErrBadEvent) {
			t.Errorf("event %q: got %v", js, err)
		}
	}
	_, err = f.Invoke(t.Context(), "f", []byte(`"`+strings.Repeat("x", host.MaxEvent-1)+`"`))
	if invokeError(t, err, host.StatusEventTooLarge); !errors.Is(err, host.ErrTooLarge) {
		t.Errorf("large event: got %v", err)
	}
	largest := []byte(`{"Op":"value","Value":"` + strings.Repeat("x", host.MaxEvent-25) + `"}`)
	if o := f.ended(f.begin(t.Context(), "f", largest)); len(largest) != host.MaxEvent || len(o.Payload) != host.MaxEvent-23 {
		t.Errorf("event of %d bytes: answer of %d", len(largest), len(o.Payload))
	}
}

// A function sees what SCF shows it, and nothing of the host's own environment.
func TestWhatAFunctionSees(t *testing.T) {
	t.Setenv("HOST_SECRET", "x")
	function := fn("f")
	function.MemoryMB = 256
	function.Environment = map[string]string{"OWN": "1 2=3", "STORE_URL": "own", "TENCENT_API_BASE": "own"}
	f := start(t, host.Config{Project: project(function), Override: map[string]string{"STORE_URL": "override"}})
	s := f.state("f")

	atStart, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.PID))
	if err != nil {
		t.Fatal(err)
	}
	env := make(map[string]string)
	for kv := range strings.SplitSeq(strings.TrimSuffix(string(atStart), "\x00"), "\x00") {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	port := env["_LAMBDA_SERVER_PORT"]
	want := map[string]string{
		"OWN": "1 2=3", "STORE_URL": "override", "TENCENT_API_BASE": f.URL(),
		"TENCENTCLOUD_RUNENV": "SCF", "TENCENTCLOUD_REGION": "ap-guangzhou", "TENCENTCLOUD_APPID": "1250000000",
		"TENCENTCLOUD_UIN": "100000000001", "TENCENTCLOUD_TZ": "UTC", "TZ": "UTC",
		"SCF_RUNTIME": "Go1", "SCF_NAMESPACE": "default", "SCF_FUNCTIONNAME": "demo-dev-app-f", "SCF_FUNCTIONVERSION": "$LATEST",
		"USER_CODE_ROOT": build + "/", "PWD": build, "HOME": os.TempDir(), "LANG": "en_US.UTF8",
		"PATH": "/usr/local/bin:/usr/bin:/bin", "_LAMBDA_SERVER_PORT": port,
	}
	if d := cmp.Diff(want, env); d != "" || port == "" {
		t.Errorf("environment at the start (-want +got):\n%s", d)
	}
	for _, name := range []string{"TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"} {
		if s.Env[name] == "" {
			t.Errorf("%s did not come with the event", name)
		}
		delete(s.Env, name)
	}
	if d := cmp.Diff(want, s.Env); d != "" {
		t.Errorf("environment in the event (-want +got):\n%s", d)
	}
	if s.Dir != build || s.Left <= 0 || s.Left > function.Timeout.Seconds() {
		t.Errorf("it works in %s, %v s are left until its deadline; want %s, at most %v", s.Dir, s.Left, build, function.Timeout)
	}
	for name, want := range map[string]any{
		"FunctionName": "demo-dev-app-f", "FunctionVersion": "$LATEST", "Namespace": "default", "TencentcloudRegion": "ap-guangzhou",
		"TencentcloudAppID": "1250000000", "MemoryLimitInMb": 256.0, "TimeLimitInMs": float64(function.Timeout.Milliseconds()),
	} {
		if s.Context[name] != want {
			t.Errorf("context %s = %v, want %v", name, s.Context[name], want)
		}
	}
}

func TestSinkGetsLines(t *testing.T) {
	var got []string
	f := start(t, host.Config{Project: project(fn("a"), fn("b")), Sink: func(function string, line []byte) {
		got = append(got, function+": "+string(line))
	}})
	long := strings.Repeat("y", 70_000)
	for _, c := range []struct{ function, text string }{{"a", "one\r\n\ntwo\n"}, {"b", "three "}, {"a", long + "\n"}} {
		f.ended(f.begin(t.Context(), c.function, op{Op: "print", Text: c.text}.event()))
	}
	f.close() // after which every line is there
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	want := []string{"a: one", "a: two", "a: on stderr"}
	if len(got) < 7 || !slices.Equal(got[:3], want) || got[len(got)-1] != "b: three on stderr" {
		t.Fatalf("got %.200q", got)
	}
	if y := strings.Count(strings.Join(got[3:], ""), "y"); y != len(long) {
		t.Errorf("a line of %d bytes came as %d bytes in %d lines; want all of it, in pieces", len(long), y, len(got)-5)
	}
}
