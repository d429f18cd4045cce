package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wxnotify/cmd/wxnotify/internal/check"
	"wxnotify/cmd/wxnotify/internal/dotenv"
)

// answers are what somebody types who knows their consoles, a line each.
const answers = `wx0123456789abcdef
0123456789abcdef0123456789abcde0
abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE
1400000001
0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
10.0.0.5:6379
crs-x:pass word@1
vpc-1a2b3c4d
subnet-1a2b3c4d
`

// initialize runs the command for a file; it returns the status and all that was said.
func initialize(t *testing.T, file, typed string, more ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	args := append([]string{"init", "--env-file", file, "--example", filepath.Join("..", "..", ".env.example")}, more...)
	code := run(t.Context(), args, console{in: strings.NewReader(typed), out: &out, err: &out})
	return code, out.String()
}

// What is asked for and what is made is all that a deployment needs.
func TestInit(t *testing.T) {
	root := filepath.Join("..", "..")
	var before dotenv.File
	for _, name := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), name)
		code, says := initialize(t, path, answers)
		if code != 0 || !strings.Contains(says, path+" is written") {
			t.Fatalf("status %d: %s", code, says)
		}
		found, _ := check.Run(t.Context(), check.Input{Env: path, Config: filepath.Join(root, "serverless.yml"), Notify: filepath.Join(root, "notify.yml"), Build: t.TempDir()})
		for _, f := range found {
			if !strings.Contains(f.Cure, "make build") { // nothing was
				t.Errorf("%v", f)
			}
		}
		got, err := dotenv.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := "redis://:crs-x%3Apass%20word%401@10.0.0.5:6379/0"; got.Values["STORE_URL"] != want {
			t.Errorf("STORE_URL=%s, want %s", got.Values["STORE_URL"], want)
		}
		for setting, form := range map[string]string{"USERID_KEY": "^[0-9a-f]{64}$", "ANNOUNCE_KEY": "^[0-9a-f]{64}$", "WECHAT_TOKEN": "^[A-Za-z0-9]{32}$",
			"WECHAT_ENCODING_AES_KEY": "^[A-Za-z0-9]{43}$", "IM_CALLBACK_TOKEN": "^[A-Za-z0-9]{32}$"} {
			if v := got.Values[setting]; !regexp.MustCompile(form).MatchString(v) || v == before.Values[setting] || strings.Contains(says, v) {
				t.Errorf("%s=%s", setting, v)
			}
		}
		before = got
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v: only its owner is to read it", info.Mode(), err)
		}
		text, _ := os.ReadFile(path)
		if !strings.Contains(string(text), "# --- The mini program") || !strings.Contains(string(text), "IM_ADMIN=administrator") {
			t.Error("the comments and defaults of the example are gone")
		}
	}
}

func TestInitAnswers(t *testing.T) {
	const first, rest = "wx0123456789abcdef\n", "\n"
	for name, c := range map[string]struct {
		typed string
		args  []string
		says  []string
		done  bool
	}{
		"a wrong answer is asked for again": {"140000\n\n" + answers, nil, []string{"that is no AppID: wx and 16 of 0-9 and a-f; copy it from", "that must be there"}, true},
		"given beforehand":                  {strings.TrimPrefix(answers, first), []string{"--set", "WECHAT_APPID=wx0123456789abcdef"}, []string{"is written"}, true},
		"a whole URL of the store":          {strings.Replace(answers, "10.0.0.5:6379\ncrs-x:pass word@1\n", "rediss://:p@r.example.com:6380/1\n", 1), nil, []string{"is written"}, true},
		"secrets by reference":              {strings.Replace(strings.Replace(answers, "10.0.0.5:6379\ncrs-x:pass word@1\n", "ssm:store\n", 1), "0123456789abcdef0123456789abcde0\n", "ssm:app secret\nssm:app:v1\n", 1), nil, []string{"that is no reference to a secret", "is written"}, true},
		"no VPC, no subnet":                 {strings.Replace(answers, "vpc-1a2b3c4d\nsubnet-1a2b3c4d\n", rest, 1), nil, []string{"is written"}, true},
		"given wrongly":                     {answers, []string{"--set", "IM_SDKAPPID=14"}, []string{"--set IM_SDKAPPID: is no SDKAppID: ten digits: copy it"}, false},
		"the input ends":                    {first, nil, []string{"WECHAT_APPSECRET: no answer: give it with --set WECHAT_APPSECRET=VALUE"}, false},
		"never right":                       {strings.Repeat("x\n", 20), nil, []string{"WECHAT_APPID: no answer that would do"}, false},
		"no example":                        {answers, []string{"--example", "none"}, []string{"start it in the folder of the project"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "env")
			code, says := initialize(t, path, c.typed, c.args...)
			_, err := os.Stat(path)
			if (code == 0) != c.done || (err == nil) != c.done {
				t.Errorf("status %d, %v: %s", code, err, says)
			}
			for _, s := range c.says {
				if !strings.Contains(says, s) {
					t.Errorf("it does not say %q:\n%s", s, says)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".env-*")); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// Keys that are gone cannot be made again.
func TestInitWritesOverNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(path, []byte("USERID_KEY=mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	is := func(want bool) {
		t.Helper()
		if b, err := os.ReadFile(path); err != nil || (string(b) == "USERID_KEY=mine\n") != want {
			t.Errorf("%v: %s", err, b)
		}
	}
	for _, typed := range []string{"", "\n" + answers, "n\n" + answers} {
		if code, says := initialize(t, path, typed); code != exitFailure || !strings.Contains(says, "is left as it is") {
			t.Errorf("%q: status %d: %s", typed, code, says)
		}
		is(true)
	}
	if code, says := initialize(t, path, "y\n"+answers); code != 0 {
		t.Errorf("status %d: %s", code, says)
	}
	is(false)
	if code, says := initialize(t, path, answers, "--force"); code != 0 || strings.Contains(says, "there already") {
		t.Errorf("forced: status %d: %s", code, says)
	}
}
