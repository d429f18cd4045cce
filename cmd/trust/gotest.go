package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// packages are those whose tests are for the promises.
var packages = []string{"./trust/...", "./functions"}

// An event is a line of go test -json.
// Source: https://pkg.go.dev/cmd/test2json
type event struct {
	Action     string
	Package    string
	ImportPath string // of what cannot be built
	Test       string
	Output     string
	Elapsed    float64 // seconds
	Key, Value string  // of an attribute
}

// goTests runs packages and returns what each of them counted. Failing tests are no error.
func goTests(ctx context.Context, out io.Writer, level string) ([]suite, error) {
	args := append([]string{"test", "-json", "-count=1", "-timeout=20m"}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "TRUST="+level)
	cmd.Stderr = out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go test ends its tests then
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	suites, err := follow(stdout, out)
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	if err := cmd.Wait(); err != nil && len(failures(suites)) == 0 {
		return nil, fmt.Errorf("go test: %w", cmp.Or(ctx.Err(), err))
	}
	return suites, nil
}

// follow reads the events of go test and writes a line for each package that has ended, and
// what failing tests print.
func follow(events io.Reader, out io.Writer) ([]suite, error) {
	running := map[string]*suite{}
	said := map[[2]string][]string{} // package and test -> its output
	var order []*suite
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("go test -json printed %q", lines.Text())
		}
		path := cmp.Or(e.Package, e.ImportPath)
		s := running[path]
		if s == nil {
			s = &suite{name: nameOf(path), counts: map[string]int{}}
			running[path] = s
			order = append(order, s)
		}
		test := [2]string{path, e.Test}
		switch e.Action {
		case "attr":
			s.count(e.Key, e.Value)
		case "output":
			said[test] = append(said[test], e.Output)
		case "build-output":
			fmt.Fprint(out, e.Output)
		case "pass", "fail", "skip":
			s.end(e)
			if e.Action == "fail" {
				fmt.Fprint(out, strings.Join(said[test], ""))
			}
			delete(said, test)
			if e.Test == "" && (s.tests > 0 || len(s.failed) > 0) {
				fmt.Fprintf(out, "%-4s  %-18s %4.0f s   %s\n", e.Action, s.name, e.Elapsed, triedBy(*s))
			}
		}
	}
	var suites []suite
	for _, s := range order {
		if s.tests > 0 || len(s.failed) > 0 {
			suites = append(suites, *s)
		}
	}
	return suites, lines.Err()
}

// nameOf is a package's path without what all of them have.
func nameOf(path string) string {
	path, _, _ = strings.Cut(path, " ") // "pkg [pkg.test]"
	path = strings.TrimSuffix(path, "_test")
	return strings.TrimPrefix(path, "wxnotify/")
}

// count notes an attribute, if it is one of package trust.
func (s *suite) count(key, value string) {
	what, ours := strings.CutPrefix(key, "trust.")
	if n, err := strconv.Atoi(value); ours && err == nil {
		s.counts[what] += n
	}
}

// end notes that a test, or the package, has ended. A test that ran is told apart from one that
// only has others in it by nothing: both count. One that was skipped is a failure here.
func (s *suite) end(e event) {
	if e.Test != "" {
		s.tests++
	}
	name := cmp.Or(e.Test, "package")
	failed := e.Action == "fail" || e.Action == "skip" && e.Test != ""
	if failed && (e.Test != "" || len(s.failed) == 0) && !slices.Contains(s.failed, name) {
		s.failed = append(s.failed, name)
	}
}
