package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/cmd/internal/cli"
)

// How a run ends.
const (
	exitFailure = cli.ExitFailure
	exitUsage   = cli.ExitUsage
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// build is a folder with the function fn.
var build string

// mainProcess makes this test binary the program itself.
const mainProcess = "WXNOTIFY_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainProcess) != "" {
		main()
	}
	var err error
	if build, err = os.MkdirTemp("", "wxnotify-cmd-"); err == nil {
		cmd := exec.Command("go", "build", "-o", build, "./internal/host/testdata/fn")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		err = cmd.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build fn:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(build)
	os.RemoveAll(functionsDir())
	os.Exit(code)
}

// functionsDir is where the functions of this project are built when a test needs them.
var functionsDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "wxnotify-functions-")
	if err != nil {
		panic(err)
	}
	return dir
})

var buildFunctions = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "build", "-o", functionsDir()+string(filepath.Separator), "../../functions/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build functions: %w\n%s", err, output)
	}
	return functionsDir(), nil
})

// functions returns a folder with the functions of this project.
func functions(t *testing.T) string {
	t.Helper()
	dir, err := buildFunctions()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// output is written by a command and read by a test.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
	over    chan struct{} // closed when nothing more is written
}

func newOutput() *output {
	return &output{changed: make(chan struct{}), over: make(chan struct{})}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await returns the first line that holds s.
func (o *output) await(t *testing.T, s string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		o.mu.Lock()
		text, changed := o.text.String(), o.changed
		o.mu.Unlock()
		for line := range strings.Lines(text) {
			if strings.Contains(line, s) && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line)
			}
		}
		select {
		case <-changed:
			continue
		case <-o.over:
			if o.String() != text {
				continue
			}
		case <-deadline:
		}
		t.Fatalf("waited in vain for %q in\n%s", s, text)
	}
}

// invocation is one run of the program in this process.
type invocation struct {
	code     int
	out, err string
}

func wxnotify(t *testing.T, env map[string]string, stdin string, args ...string) invocation {
	t.Helper()
	var out, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code := run(ctx, args, console{now: time.Now, in: strings.NewReader(stdin), out: &out, err: &stderr, env: env})
	return invocation{code, out.String(), stderr.String()}
}

// flags name the project of testdata, and an env file with the given lines.
func flags(t *testing.T, lines string) []string {
	t.Helper()
	return []string{"--config=testdata/serverless.yml", "--build=" + build, "--env-file=" + writeFile(t, ".env", lines)}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func decode[T any](t *testing.T, js string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(js), &v); err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

// gone reports whether pid runs no more.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, state, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')'):]), " ")
	return strings.HasPrefix(state, "Z")
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		out  []string
		err  string
	}{
		{"help", []string{"--help"}, 0, []string{"local", "invoke", "trigger", "explain", "dead list", "dead show", "dead replay"}, ""},
		{"help of a command", []string{"invoke", "--help"}, 0, []string{"${im.sign}", "--event", "<function>"}, ""},
		{"nothing", nil, exitUsage, nil, "expected one of"},
		{"an unknown command", []string{"deploy"}, exitUsage, nil, "unexpected argument deploy"},
		{"an unknown flag", []string{"local", "--port=1"}, exitUsage, nil, "--port"},
		{"a missing argument", []string{"invoke"}, exitUsage, nil, "<function>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wxnotify(t, nil, "", c.args...)
			if got.code != c.code || !strings.Contains(got.err, c.err) || c.err == "" && got.err != "" {
				t.Errorf("got %d, %q; want %d, %q", got.code, got.err, c.code, c.err)
			}
			for _, s := range c.out {
				if !strings.Contains(got.out, s) {
					t.Errorf("%q is not in\n%s", s, got.out)
				}
			}
		})
	}
}
