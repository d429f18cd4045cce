// Command trust runs all the tests that hold wxnotify to its promises, and prints one table of
// what they tried and found.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"wxnotify/cmd/internal/cli"
)

func main() { os.Exit(run(cli.Context(), os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	Trust string `env:"TRUST" default:"full" enum:"short,full" placeholder:"short|full" help:"How much is tried (${default})."`
	Fuzz  string `placeholder:"20000x|1m" help:"How long each fuzz target runs; default: 200x in the short run, 5000x in the full one."`
	Write string `placeholder:"FILE.md" help:"Put the table into this page and its Chinese twin too, between their markers."`
}

// run is main with its surroundings as arguments. It returns the exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var o options
	return cli.Run("trust", "Runs the tests that hold wxnotify to its promises.", &o, args, out, errs,
		func(*kong.Context) error { return o.run(ctx, out) })
}

func (o options) run(ctx context.Context, out io.Writer) error {
	fuzzed := cmp.Or(o.Fuzz, map[string]string{"short": "200x", "full": "5000x"}[o.Trust])
	suites, err := both(ctx, &lines{w: out}, o.Trust, fuzzed)
	if err != nil {
		return err
	}
	table := tableOf(suites)
	fmt.Fprintf(out, "\n%s\n%s\n", table, lastLine(suites))
	if failed := failures(suites); len(failed) > 0 {
		return fmt.Errorf("failed: %v", failed)
	}
	for _, what := range broken {
		if total(suites, what) > 0 {
			return errors.New("a promise was broken")
		}
	}
	if o.Write == "" {
		return nil
	}
	return errors.Join(put(table, o.Write), put(chinese.Replace(table), strings.TrimSuffix(o.Write, ".md")+".zh-CN.md"))
}

// put puts a table into a page.
func put(table, file string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	written, err := inserted(string(page), table)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(written), 0o644)
}

// chinese has the words of the table in Chinese.
var chinese = strings.NewReplacer("| Tests | how many | tried | violated | lost | doubled |", "| 测试 | 个数 | 试了 | 违反 | 丢失 | 重复 |",
	"fuzz targets", "模糊测试", "**all**", "**合计**", " histories", " 个操作序列", " crash points", " 个崩溃点", " faults", " 次故障", " races", " 次竞争",
	" attacks", " 次攻击", " scanned", " 个键值经过扫描", " inputs", " 个输入", ", ", "、")

// both runs the tests, and beside them, since they often wait, the fuzz targets.
func both(ctx context.Context, out io.Writer, level, each string) ([]suite, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var suites []suite
	fuzz := suite{name: "fuzz targets", counts: map[string]int{}}
	var testErr, fuzzErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		if fuzzErr = fuzz.fuzz(ctx, out, each); fuzzErr != nil {
			cancel()
		}
	})
	test := command(ctx, out, "go", "test", "-json", "-count=1", "-timeout=20m", "./trust/...", "./functions")
	test.Env = append(os.Environ(), "TRUST="+level)
	testErr = reading(test, func(r io.Reader) (err error) { suites, err = follow(r, out); return err })
	if ctx.Err() != nil {
		testErr = ctx.Err()
	} else if len(failures(suites)) > 0 {
		testErr = nil // failing tests are no error, they are in the table
	}
	if testErr != nil {
		cancel()
	}
	wg.Wait()
	return append(suites, fuzz), errors.Join(testErr, fuzzErr)
}

// command is one that is interrupted, not killed, when ctx ends.
func command(ctx context.Context, out io.Writer, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// reading runs cmd and has read read what it prints.
func reading(cmd *exec.Cmd, read func(io.Reader) error) error {
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := read(stdout); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd.Wait()
}

// fuzzSummary is the last line of tools/fuzz.sh.
var fuzzSummary = regexp.MustCompile(`^fuzz: (\d+) targets, (\d+) inputs$`)

// fuzz runs each fuzz target for so long. A failing target is no error.
func (s *suite) fuzz(ctx context.Context, out io.Writer, each string) error {
	err := reading(command(ctx, out, "tools/fuzz.sh", each), func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			fmt.Fprintln(out, lines.Text())
			if m := fuzzSummary.FindStringSubmatch(lines.Text()); m != nil {
				s.tests, _ = strconv.Atoi(m[1])
				s.counts[fuzzInputs], _ = strconv.Atoi(m[2])
			}
		}
		return lines.Err()
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || s.tests == 0 {
		s.failed = append(s.failed, fmt.Sprintf("see above (%v)", err))
	}
	return nil
}

// lines lets two write whole lines side by side.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// What is between these lines of a page is written by this program.
const (
	begins = "<!-- make trust writes from here -->\n"
	ends   = "<!-- to here -->\n"
)

// inserted puts a table into a page, in the place of the one there.
func inserted(page, table string) (string, error) {
	head, rest, found := strings.Cut(page, begins)
	_, tail, closed := strings.Cut(rest, ends)
	if !found || !closed {
		return "", fmt.Errorf("the page has no lines %q and %q for the table to go between", strings.TrimSpace(begins), strings.TrimSpace(ends))
	}
	return head + begins + "\n" + table + "\n" + ends + tail, nil
}
