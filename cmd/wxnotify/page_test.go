package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/notify"
)

// deployPages are one page in two languages.
var deployPages = [2]string{"deploy.md", "deploy.zh-CN.md"}

func page(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pageLines returns the lines of all shell blocks of docs/deploy.md, without comments. Those of the other language are the same.
func pageLines(t *testing.T) (lines []string) {
	t.Helper()
	var both [2][]string
	for i, name := range deployPages {
		for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(page(t, name), -1) {
			for line := range strings.Lines(block[1]) {
				line, _, _ = strings.Cut(line, " #")
				both[i] = append(both[i], strings.TrimSpace(line))
			}
		}
	}
	if d := cmp.Diff(both[0], both[1]); d != "" {
		t.Fatalf("- %s, + %s:\n%s", deployPages[0], deployPages[1], d)
	}
	return both[0]
}

const ourProgram = "go run ./cmd/wxnotify "

// A clone is a copy of the project in which commands of docs/deploy.md are run, with accounts that the cloud and the platforms know.
type clone struct {
	*testing.T
	root  string // of the project
	build string // where its functions were built
	typed string // what init is told
	con   console
	env   []byte // what init wrote
	said  bytes.Buffer
}

// run runs a line of the page by these rules:
//
//   - this program runs in this process; `deploy --sim` runs until Ctrl-C, and TestDeploySim runs that line;
//   - a target of make runs what `make -n` says that it would, with the functions that were built for this test;
//   - `git clone` copies the files that the commands read, `git pull` and `git checkout` leave them as they are;
//   - `go env` is of the machine that deploys, and is left out.
func (c *clone) run(line string) {
	c.Helper()
	words := strings.Fields(strings.ReplaceAll(os.Expand(line, func(name string) string { return c.con.env[name] }), `"`, ""))
	switch {
	case strings.Contains(line, " --sim") && strings.HasPrefix(line, ourProgram+"deploy "):
	case strings.HasPrefix(line, ourProgram):
		c.program(words[3:])
	case words[0] == "make":
		c.make(words[1:])
	case strings.HasPrefix(line, "git clone "):
		for _, name := range []string{"Makefile", "serverless.yml", notifyFile, ".env.example"} {
			b, err := os.ReadFile(filepath.Join(c.root, name))
			if err := errors.Join(err, os.MkdirAll(words[3], 0o755), os.WriteFile(filepath.Join(words[3], name), b, 0o644)); err != nil {
				c.Fatal(err)
			}
		}
	case words[0] == "cd":
		c.Chdir(words[1])
	case strings.HasPrefix(line, "git pull"), strings.HasPrefix(line, "git checkout "), strings.HasPrefix(line, "go env -w "):
	default:
		c.Fatalf("no rule says what to do with %q", line)
	}
}

func (c *clone) program(args []string) {
	c.Helper()
	typed := ""
	switch args[0] {
	case "init":
		typed = c.typed
	case "remove":
		typed = args[len(args)-1] + "\n"
	}
	if code := c.typing(typed, args...); code != 0 {
		c.Fatalf("%s: status %d:\n%s", strings.Join(args, " "), code, &c.said)
	}
}

// typing runs this program and returns its status.
func (c *clone) typing(typed string, args ...string) int {
	c.said.Reset()
	con := c.con
	con.in, con.out, con.err = strings.NewReader(typed), &c.said, &c.said
	return run(c.Context(), args, con)
}

func (c *clone) make(args []string) {
	c.Helper()
	out, err := exec.CommandContext(c.Context(), "make", append([]string{"-n"}, args...)...).CombinedOutput()
	if err != nil {
		c.Fatalf("make %v: %v: %s", args, err, out)
	}
	if strings.Contains(string(out), "go build ") {
		rules, err := os.ReadFile(notifyFile) // build has it too, as the clone has it
		if err := errors.Join(err, os.RemoveAll(defaultBuild), os.CopyFS(defaultBuild, os.DirFS(c.build)), os.RemoveAll(filepath.Join(defaultBuild, notifyFile)),
			os.WriteFile(filepath.Join(defaultBuild, notifyFile), rules, 0o644)); err != nil {
			c.Fatal(err)
		}
	}
	for line := range strings.Lines(string(out)) {
		if args, ours := strings.CutPrefix(line, ourProgram); ours {
			c.program(strings.Fields(args))
		}
	}
}

// The costs that docs/deploy.md tells are those of the rules and the sizes of functions as they are.
func TestCosts(t *testing.T) {
	project, err := serverless.Load(filepath.Join("..", "..", "serverless.yml"), func(string) (string, bool) { return "", true })
	if err != nil {
		t.Fatal(err)
	}
	const (
		day    = 86_400.0
		period = 60.0 // of the timer, "0 * * * * * *"
		event  = 0.01 // s: assumed, of a look that finds nothing and of a receiver's event
	)
	rules := notify.DefaultRules()
	if rules.BlindWindow.Seconds() <= period || rules.DigestSteps[0].Seconds() <= period {
		t.Fatal("what is due within the period of the timer wakes a run")
	}
	lead, timers := rules.Lead.Seconds(), day/period
	gigabytes := func(function string) float64 { return float64(project.Function(function).MemoryMB) / 1024 }
	deliver := func(messages, wait float64) int {
		return int(math.Round(gigabytes("deliver") * min(day, timers*event+messages*wait)))
	}
	for _, name := range deployPages {
		var got, want [][]int
		for _, row := range regexp.MustCompile(`(?m)^\| ([\d,]+) \| ([\d,]+) GB-s \| ([\d,]+) GB-s \| ([\d,]+) GB-s \| ([\d,]+) \|$`).FindAllStringSubmatch(page(t, name), -1) {
			var numbers []int
			for _, cell := range row[1:] {
				var n int
				fmt.Sscan(strings.ReplaceAll(cell, ",", ""), &n)
				numbers = append(numbers, n)
			}
			got = append(got, numbers)
		}
		for _, n := range []float64{0, 1_000, 100_000, 10_000_000} {
			calls := n + timers + min(n, day/lead) // a woken run waits for the lead, and nobody wakes another meanwhile
			want = append(want, []int{int(n), deliver(n, lead), deliver(n, period/2), int(math.Round(gigabytes("imcallback") * n * event)), int(calls)})
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (- computed, + told):\n%s", name, d)
		}
	}
}

// simLine returns the arguments of the line of docs/deploy.md that deploys to the simulated cloud.
func simLine(t *testing.T) []string {
	t.Helper()
	for _, line := range pageLines(t) {
		if args, ours := strings.CutPrefix(line, ourProgram); ours && strings.HasPrefix(args, "deploy --sim") {
			return strings.Fields(args)
		}
	}
	t.Fatal("docs/deploy.md does not deploy to the simulated cloud")
	return nil
}

// The quotas that docs/operations.md tells are those that a deployment sets.
func TestQuotasOfPages(t *testing.T) {
	project, err := serverless.Load(filepath.Join("..", "..", "serverless.yml"), func(string) (string, bool) { return "", true })
	if err != nil {
		t.Fatal(err)
	}
	want := deploy.Quotas(project)
	for _, name := range []string{"operations.md", "operations.zh-CN.md"} {
		got := map[string]uint64{}
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([\\d,]+) MB \\| (\\d+) \\D+(\\d+) MB \\|").FindAllStringSubmatch(page(t, name), -1) {
			var quota, instances, memory uint64
			fmt.Sscan(strings.ReplaceAll(row[2], ",", "")+" "+row[3]+" "+row[4], &quota, &instances, &memory)
			f := project.Function(row[1])
			if quota != instances*memory || memory != uint64(f.MemoryMB) {
				t.Errorf("%s: %s", name, row[0])
			}
			got[f.Name] = quota
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (- set, + told):\n%s", name, d)
		}
	}
}
