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
	"wxnotify/internal/testkit"
	"wxnotify/shared/version"
)

// How a run ends.
const (
	exitFailure = cli.ExitFailure
	exitUsage   = cli.ExitUsage
)

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
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", functionsDir()+string(filepath.Separator), "../../functions/...")
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

// invocation is one run of the program in this process.
type invocation struct {
	code     int
	out, err string
}

func wxnotify(t *testing.T, env map[string]string, stdin string, args ...string) invocation {
	t.Helper()
	var out, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
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

// A session is a command that runs until it is interrupted.
type session struct {
	t        *testing.T
	out, err testkit.Output
	stop     context.CancelFunc
	code     chan int
}

// begin runs the program in the background.
func begin(t *testing.T, stdin string, args ...string) *session {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	s := &session{t: t, stop: cancel, code: make(chan int, 1)}
	go func() {
		s.code <- run(ctx, args, console{now: time.Now, in: strings.NewReader(stdin), out: &s.out, err: &s.err})
	}()
	return s
}

// interrupted stops the program, as Ctrl-C does, and wants an exit status and what it says of it.
func (s *session) interrupted(code int, says string) {
	s.t.Helper()
	s.stop()
	got := testkit.Receive(s.t, "the end of the program", s.code)
	if got != code || !strings.Contains(s.err.String(), says) || says == "" && s.err.String() != "" {
		s.t.Errorf("exit %d: %s", got, &s.err)
	}
}

// A process is the program itself.
type process struct {
	*exec.Cmd
	out   testkit.Output
	ended chan error
}

func startProcess(t *testing.T, env string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), ended: make(chan error, 1)}
	p.Env = []string{mainProcess + "=1", "PATH=" + os.Getenv("PATH"), env}
	p.Stdout, p.Stderr = &p.out, &p.out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	go func() { p.ended <- p.Wait() }()
	return p
}

// signalled sends a signal and wants an exit status.
func (p *process) signalled(t *testing.T, signal os.Signal, code int) {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "the end of the program", p.ended)
	if got := p.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d, want %d:\n%s", got, code, &p.out)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		out  []string
		err  string
	}{
		{"version", []string{"--version"}, 0, []string{version.String() + "\n"}, ""},
		{"help", []string{"--help"}, 0, []string{"local", "invoke", "trigger", "explain", "dead list", "dead show", "dead replay"}, ""},
		{"help of a command", []string{"invoke", "--help"}, 0, []string{"${im.sign}", "--event", "<function>"}, ""},
		{"nothing", nil, exitUsage, nil, "expected one of"},
		{"an unknown command", []string{"destroy"}, exitUsage, nil, "unexpected argument destroy"},
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
