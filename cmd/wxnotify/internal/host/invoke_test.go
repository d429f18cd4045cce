package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/host"
)

func TestInvokeAnswers(t *testing.T) {
	h := start(t, host.Config{Project: project(fn("echo"))})
	for _, c := range []struct{ name, event, want string }{
		{"an object", `{"Op":"value","Value":{"b": 1, "a": [null]}}`, `{"b": 1, "a": [null]}`},
		{"a string", `{"Op":"value","Value":"<&>\n"}`, `"<&>\n"`},
		{"null", `{"Op":"value","Value":null}`, `null`},
		{"what is not JSON", `{"Op":"text","Text":"plain"}`, `plain`},
		{"nothing", `{"Op":"text"}`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := h.Invoke(t.Context(), "echo", []byte(c.event))
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Payload) != c.want {
				t.Errorf("Invoke(%s) = %s, want %s", c.event, r.Payload, c.want)
			}
			if len(r.RequestID) != 36 || r.Duration <= 0 {
				t.Errorf("request id %q, duration %v", r.RequestID, r.Duration)
			}
		})
	}
	full, err := h.Invoke(t.Context(), "demo-dev-app-echo", event(t, op{Op: "value", Value: 1}))
	if err != nil || string(full.Payload) != "1" {
		t.Errorf("by its full name: %s, %v", full.Payload, err)
	}
}

func TestInvokeFailures(t *testing.T) {
	log, lines := newLog()
	h := start(t, host.Config{Project: project(fn("f")), Log: log})
	for _, c := range []struct {
		name          string
		event         []byte
		status        int
		kind, message string
		recycled      bool
	}{
		{"an error", event(t, op{Op: "error", Text: "no luck"}), host.StatusUserCode, "errorString", "no luck", false},
		{"a panic", event(t, op{Op: "panic", Text: "oh no"}), host.StatusUserCode, "string", "oh no", true},
		{"an exit", event(t, op{Op: "exit"}), host.StatusExited, "", "exit status 3", true},
		{"too large a reply", event(t, op{Op: "big", Count: host.MaxReply}), host.StatusReplyTooLarge, "", "at most 6291456", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := stateOf(t, h, "f")
			_, err := h.Invoke(t.Context(), "f", c.event)
			e := invokeError(t, err, c.status)
			if e.Function != "f" || e.Type != c.kind || !strings.Contains(e.Message, c.message) {
				t.Errorf("got %+v, want type %q and message %q", e, c.kind, c.message)
			}
			if len(e.RequestID) != 36 || lines.find("function failed", e.RequestID, fmt.Sprint("status=", c.status)) == "" {
				t.Errorf("request %q is not logged", e.RequestID)
			}
			if c.name == "a panic" && !slices.ContainsFunc(e.Stack, func(s string) bool { return strings.Contains(s, "fn/main.go:") }) {
				t.Errorf("stack is %q, want the function's file in it", e.Stack)
			}
			if c.recycled && !gone(before.PID) {
				t.Error("the process still runs")
			}
			after := stateOf(t, h, "f")
			if recycled := after.PID != before.PID; recycled != c.recycled {
				t.Errorf("a new process: %v, want %v", recycled, c.recycled)
			}
		})
	}
}

func TestInvokeRefusals(t *testing.T) {
	h := start(t, host.Config{Project: project(fn("f"))})
	_, err := h.Invoke(t.Context(), "g", []byte("{}"))
	if !errors.Is(err, host.ErrUnknownFunction) || !strings.Contains(err.Error(), `"g"`) {
		t.Errorf("unknown function: got %v", err)
	}
	for _, js := range []string{"", "{", "<xml/>"} {
		_, err := h.Invoke(t.Context(), "f", []byte(js))
		if invokeError(t, err, host.StatusBadEvent); !errors.Is(err, host.ErrBadEvent) {
			t.Errorf("event %q: got %v", js, err)
		}
	}
	large := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), host.MaxEvent)...), '"')
	_, err = h.Invoke(t.Context(), "f", large)
	if invokeError(t, err, host.StatusEventTooLarge); !errors.Is(err, host.ErrTooLarge) {
		t.Errorf("large event: got %v", err)
	}
	largest := append(append([]byte(`{"Op":"value","Value":"`), bytes.Repeat([]byte("x"), host.MaxEvent-25)...), `"}`...)
	r, err := h.Invoke(t.Context(), "f", largest)
	if err != nil || len(largest) != host.MaxEvent || len(r.Payload) != host.MaxEvent-23 {
		t.Errorf("event of %d bytes: answer of %d, error %v", len(largest), len(r.Payload), err)
	}
}

// A function sees what SCF shows it, and nothing of the host's own environment.
func TestWhatAFunctionSees(t *testing.T) {
	t.Setenv("HOST_SECRET", "x")
	f := fn("f")
	f.MemoryMB = 256
	f.Environment = map[string]string{"OWN": "1 2=3", "STORE_URL": "own", "TENCENT_API_BASE": "own"}
	h := start(t, host.Config{Project: project(f), Override: map[string]string{"STORE_URL": "override"}})
	s := stateOf(t, h, "f")

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
		"OWN": "1 2=3", "STORE_URL": "override", "TENCENT_API_BASE": h.URL(),
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
	if s.Dir != build {
		t.Errorf("working directory is %s, want %s", s.Dir, build)
	}
	if s.Left <= 0 || s.Left > f.Timeout.Seconds() {
		t.Errorf("%v s are left until the deadline, want at most %v", s.Left, f.Timeout)
	}
	for name, want := range map[string]any{
		"FunctionName": "demo-dev-app-f", "FunctionVersion": "$LATEST", "Namespace": "default", "TencentcloudRegion": "ap-guangzhou",
		"TencentcloudAppID": "1250000000", "MemoryLimitInMb": 256.0, "TimeLimitInMs": float64(f.Timeout.Milliseconds()),
	} {
		if s.Context[name] != want {
			t.Errorf("context %s = %v, want %v", name, s.Context[name], want)
		}
	}
}

func TestSinkGetsLines(t *testing.T) {
	var got []string
	h := start(t, host.Config{Project: project(fn("a"), fn("b")), Sink: func(function string, line []byte) {
		got = append(got, function+": "+string(line))
	}})
	long := strings.Repeat("y", 70_000)
	for _, c := range []struct{ function, text string }{
		{"a", "one\r\n\ntwo\n"},
		{"b", "three "},
		{"a", long + "\n"},
	} {
		if _, err := h.Invoke(t.Context(), c.function, event(t, op{Op: "print", Text: c.text})); err != nil {
			t.Fatal(err)
		}
	}
	closeHost(t, h) // after which every line is there
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	want := []string{"a: one", "a: two", "a: on stderr"}
	if len(got) < 5 || !slices.Equal(got[:3], want) || got[len(got)-1] != "b: three on stderr" {
		t.Fatalf("got %.200q", got)
	}
	var y int
	for _, line := range got[3 : len(got)-2] {
		y += strings.Count(line, "y")
	}
	if y != len(long) || len(got) < 7 {
		t.Errorf("a line of %d bytes came as %d bytes in %d lines; want all of it, in pieces", len(long), y, len(got)-5)
	}
}
