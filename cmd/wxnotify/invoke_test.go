package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"wxnotify/cmd/internal/demo"
	"wxnotify/internal/testkit"
)

// invoke runs wxnotify invoke on the project of testdata.
func invoke(t *testing.T, lines, stdin string, args ...string) invocation {
	t.Helper()
	return wxnotify(t, nil, stdin, append(append([]string{"invoke"}, args...), flags(t, lines)...)...)
}

// An event file with placeholders, no settings at all: the demo settings sign it.
func TestInvokeFillsInTheEvent(t *testing.T) {
	before := time.Now().Unix()
	got := invoke(t, "", "", "echo", "--event=testdata/event.json")
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.err)
	}
	e := decode[struct {
		Body        string
		Headers     map[string]string
		QueryString map[string]string
	}](t, got.out)
	now := e.QueryString["RequestTime"]
	if n, err := strconv.ParseInt(now, 10, 64); err != nil || n < before || n > time.Now().Unix() {
		t.Errorf("RequestTime is %q", now)
	}
	env := demo.Settings()
	sum := sha256.Sum256([]byte(env["IM_CALLBACK_TOKEN"] + now))
	if e.QueryString["Sign"] != hex.EncodeToString(sum[:]) || e.Body != `{"MsgTime":`+now+`}` {
		t.Errorf("event is %s", got.out)
	}
	if len(e.QueryString["signature"]) != 40 {
		t.Errorf("signature is %q", e.QueryString["signature"])
	}
	id, _ := strconv.ParseUint(env["IM_SDKAPPID"], 10, 64)
	sig := strings.TrimPrefix(e.Headers["authorization"], "Bearer alice:")
	if err := tencentyun.VerifyUserSig(id, env["IM_SECRET_KEY"], "alice", sig, time.Now()); err != nil {
		t.Errorf("UserSig: %v", err)
	}
	if n := strings.Count(got.err, "demo settings"); n != 1 || !strings.Contains(got.err, "IM_CALLBACK_TOKEN") {
		t.Errorf("standard error names the demo settings %d times:\n%s", n, got.err)
	}
}

// what fn says of itself.
type state struct {
	PID int
	Env map[string]string
}

func TestInvokeSettings(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		env         map[string]string
		want        map[string]string
		demo        bool
	}{
		{"none", "", nil, map[string]string{
			"WECHAT_APPID": demo.Settings()["WECHAT_APPID"], "WECHAT_ENCODING_AES_KEY": "", "WECHAT_API_BASE": demo.Nowhere, "IM_API_BASE": demo.Nowhere,
		}, true},
		{"a file", "WECHAT_APPID=wx1 # mine\n", nil, map[string]string{"WECHAT_APPID": "wx1", "IM_CALLBACK_TOKEN": demo.Settings()["IM_CALLBACK_TOKEN"]}, true},
		{"the environment before the file", "WECHAT_APPID=wx1\n", map[string]string{"WECHAT_APPID": "wx2", "HOST_SECRET": "x"}, map[string]string{"WECHAT_APPID": "wx2", "HOST_SECRET": ""}, true},
		{"a store, and then nothing invented", "STORE_URL=redis://192.0.2.1/0\nWECHAT_APPID=wx1\nWECHAT_ENCODING_AES_KEY=\nIM_CALLBACK_TOKEN=t\n", nil,
			map[string]string{"STORE_URL": "redis://192.0.2.1/0", "WECHAT_APPID": "wx1", "IM_CALLBACK_TOKEN": "t", "WECHAT_API_BASE": ""}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wxnotify(t, c.env, "", append([]string{"invoke", "echo", "--event=" + writeFile(t, "e.json", `{"Op":"state"}`)}, flags(t, c.lines)...)...)
			if got.code != 0 {
				t.Fatalf("exit %d: %s", got.code, got.err)
			}
			s := decode[state](t, got.out)
			for name, want := range c.want {
				if s.Env[name] != want {
					t.Errorf("%s = %q, want %q", name, s.Env[name], want)
				}
			}
			if said := strings.Contains(got.err, "demo settings"); said != c.demo {
				t.Errorf("demo settings are announced: %v, want %v\n%s", said, c.demo, got.err)
			}
			if !strings.HasPrefix(s.Env["STORE_URL"], "redis://") {
				t.Errorf("STORE_URL = %q", s.Env["STORE_URL"])
			}
			if !testkit.Gone(s.PID) {
				t.Error("the function still runs")
			}
		})
	}
}

// NOTIFY_FILE, of the environment or of .env, is the functions' wherever they run.
func TestInvokeNotifyFile(t *testing.T) {
	file := writeFile(t, "rules.yml", "rules: {}\n")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, file)
	if err != nil {
		t.Fatal(err)
	}
	event := "--event=" + writeFile(t, "e.json", `{"Op":"state"}`)
	for name, c := range map[string]struct {
		env   map[string]string
		lines string
	}{
		"environment": {map[string]string{"NOTIFY_FILE": file}, "NOTIFY_FILE=/nonexistent.yml\n"},
		".env":        {nil, "NOTIFY_FILE=" + file + "\n"},
		"relative":    {map[string]string{"NOTIFY_FILE": relative}, ""},
	} {
		got := wxnotify(t, c.env, "", append([]string{"invoke", "echo", event}, flags(t, c.lines)...)...)
		if got.code != 0 {
			t.Fatalf("%s: exit %d: %s", name, got.code, got.err)
		}
		if s := decode[state](t, got.out); s.Env["NOTIFY_FILE"] != file {
			t.Errorf("%s: the function reads %q, want %q", name, s.Env["NOTIFY_FILE"], file)
		}
	}
	for _, command := range [][]string{{"invoke", "echo"}, {"local", "--addr=127.0.0.1:0"}} {
		got := wxnotify(t, map[string]string{"NOTIFY_FILE": "/nonexistent.yml"}, "", append(command, flags(t, settingsLines)...)...)
		if got.code != exitFailure || !strings.Contains(got.err, "NOTIFY_FILE: open /nonexistent.yml") {
			t.Errorf("%v: got %+v, want an error that names the file", command, got)
		}
	}
}

func TestInvokeReadsStandardInput(t *testing.T) {
	got := invoke(t, "", `{"Op":"value","Value":{"b":1, "a":[2]}}`, "quiet", "--event=-")
	if got.code != 0 || got.out != `{"b":1, "a":[2]}`+"\n" {
		t.Errorf("got %+v, want the response as it came", got)
	}
	got = invoke(t, "", "", "demo-dev-demo-quiet")
	if got.code != 0 || got.out != "{}\n" {
		t.Errorf("without an event: got %+v", got)
	}
	// The log goes to standard error.
	line := `{"time":"2026-11-22T02:00:00Z","level":"INFO","msg":"hello","n":1}`
	got = invoke(t, "", `{"Op":"print","Text":`+strconv.Quote(line+"\n")+`}`, "quiet", "--event=-")
	if got.code != 0 || got.out != "null\n" {
		t.Errorf("got %+v", got)
	}
	for _, s := range []string{" quiet      info  hello n=1\n", " quiet      | on stderr\n"} {
		if !strings.Contains(got.err, s) {
			t.Errorf("%q is not in\n%s", s, got.err)
		}
	}
}

// The events that a function sends are accepted, so that it does not fail, and not run.
func TestInvokeDoesNotRunWhatTheFunctionWakes(t *testing.T) {
	got := invoke(t, "", `{"Op":"invoke","Function":"quiet","Text":"Event","Value":{"Op":"print","Text":"woken"}}`, "echo", "--event=-")
	if got.code != 0 || !strings.Contains(got.out, "FunctionRequestId") {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got.err, "accepted, and not run function=quiet") || strings.Contains(got.err, "| woken") {
		t.Errorf("standard error:\n%s", got.err)
	}
}

func TestInvokeFailures(t *testing.T) {
	store := writeFile(t, ".env", "STORE_URL=redis://192.0.2.1/0\nWECHAT_APPID=wx1\n")
	bad := writeFile(t, ".env", "A=1\nsecret-without-a-key\n")
	for _, c := range []struct {
		name, stdin string
		args        []string
		says        string
	}{
		{"an error of the function", `{"Op":"error","Text":"no luck"}`, []string{"echo", "--event=-"}, "echo: 430: no luck"},
		{"an unknown function", "", []string{"nobody"}, `there is no function "nobody"; functions are echo, quiet`},
		{"a missing event file", "", []string{"echo", "--event=testdata/none.json"}, "none.json"},
		{"an event that is not JSON", "{", []string{"echo", "--event=-"}, "event: line 1"},
		{"an unknown placeholder", `{"a":"${nwo}"}`, []string{"echo", "--event=-"}, "${nwo}"},
		{"a missing config", "", []string{"echo", "--config=testdata/none.yml"}, "none.yml"},
		{"a missing binary", "", []string{"echo", "--build=testdata"}, "438"},
		{"a missing env file", "", []string{"echo", "--env-file=testdata/none.env"}, "none.env"},
		{"unset variables", "", []string{"echo", "--env-file=" + store}, "WECHAT_ENCODING_AES_KEY, IM_CALLBACK_TOKEN"},
		{"a bad env file", "", []string{"echo", "--env-file=" + bad}, ".env: line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append(append([]string{"invoke"}, flags(t, "")...), c.args...) // the last flag counts
			got := wxnotify(t, nil, c.stdin, args...)
			if got.code != exitFailure || got.out != "" || !strings.Contains(got.err, c.says) || strings.Contains(got.err, "secret-without") {
				t.Errorf("got %+v, want exit 1 and %q", got, c.says)
			}
		})
	}
}

// Ctrl-C does not wait for the function.
func TestInvokeInterrupted(t *testing.T) {
	invoked := begin(t, `{"Op":"hang"}`, append([]string{"invoke", "echo", "--event=-"}, flags(t, "")...)...)
	invoked.err.Await(t, "| hanging")
	invoked.interrupted(exitFailure, "the host is closing")
}

// The default env file may be missing.
func TestNoEnvFile(t *testing.T) {
	config, err := os.ReadFile("testdata/serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, "serverless.yml", string(config))
	t.Chdir(t.TempDir())
	got := wxnotify(t, nil, "", "invoke", "quiet", "--config="+path, "--build="+build)
	if got.code != 0 || got.out != "{}\n" {
		t.Errorf("got %+v", got)
	}
}

func TestEnsureStore(t *testing.T) {
	settings := map[string]string{}
	own, stop, err := ensureStore(settings)
	if err != nil || own == nil {
		t.Fatalf("got %v, %v", own, err)
	}
	defer stop()
	opt, err := redis.ParseURL(settings["STORE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opt)
	defer c.Close()
	if err := c.Set(t.Context(), "k", "v", time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "a key ends with its time", func() bool { return c.Exists(t.Context(), "k").Val() == 0 })
	own, _, err = ensureStore(settings)
	if err != nil || own != nil {
		t.Errorf("a store that is named: got %v, %v", own, err)
	}
}
