// Command mutate breaks the code on purpose, one way after the other in a copy, and wants a
// test to fail each time. Usage: mutate FOLDER [NAME-PART ...], or, to break it at random places of
// folders: mutate -random N [-seed N] [-tests "ARGUMENTS OF GO TEST"] FOLDER DIR ....
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	n := flag.Int("random", 0, "how many random places to break in the folders")
	seed := flag.Uint64("seed", 1, "which places")
	tests := flag.String("tests", "", "arguments of go test; those of the broken package if none are given")
	flag.Parse()
	if flag.NArg() < 1 {
		fmt.Fprintln(os.Stderr, "usage: mutate [-random N] FOLDER [NAME-PART ... | DIR ...]")
		os.Exit(2)
	}
	root, rest := flag.Arg(0), flag.Args()[1:]
	act := func() error { return run(ctx, root, rest, os.Stdout) }
	if *n > 0 {
		act = func() error { return random(ctx, root, rest, *n, *seed, *tests, os.Stdout) }
	}
	if err := act(); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// workers is how many copies are tested side by side.
const workers = 2

// run tries the mutations that parts name, or all, and prints a line for each.
func run(ctx context.Context, root string, parts []string, out io.Writer) error {
	chosen := choose(parts)
	if len(chosen) == 0 {
		return fmt.Errorf("no mutation has a name with any of %q in it", parts)
	}
	jobs, results := make(chan mutation), make(chan result)
	var wg sync.WaitGroup
	dirs, remove, err := copies(ctx, root)
	defer remove()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		wg.Go(func() {
			for m := range jobs {
				results <- m.try(ctx, dir)
			}
		})
	}
	go func() {
		defer close(results)
		defer wg.Wait()
		defer close(jobs)
		for _, m := range chosen {
			jobs <- m
		}
	}()
	unnoticed := 0
	var errs []error
	for r := range results {
		switch {
		case r.err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", r.name, r.err))
		case r.by == "":
			fmt.Fprintf(out, "UNNOTICED %s\n", r.name)
			unnoticed++
		default:
			fmt.Fprintf(out, "noticed   %s: %s\n", r.name, r.by)
		}
	}
	fmt.Fprintf(out, "mutations %d, unnoticed %d\n", len(chosen), unnoticed)
	if unnoticed > 0 {
		errs = append(errs, errors.New("a mutation was noticed by no test"))
	}
	return errors.Join(errs...)
}

func choose(parts []string) []mutation {
	if len(parts) == 0 {
		return mutations
	}
	var out []mutation
	for _, m := range mutations {
		for _, part := range parts {
			if strings.Contains(m.name, part) {
				out = append(out, m)
				break
			}
		}
	}
	return out
}

// copies returns a folder for each worker, and what removes them.
func copies(ctx context.Context, root string) (dirs []string, remove func(), err error) {
	remove = func() {
		for _, dir := range dirs {
			os.RemoveAll(dir)
		}
	}
	for range workers {
		dir, err := copyOf(ctx, root)
		if err != nil {
			return dirs, remove, err
		}
		dirs = append(dirs, dir)
	}
	return dirs, remove, nil
}

// copyOf copies what git knows of, or would add, into a folder of its own.
func copyOf(ctx context.Context, root string) (string, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("git ls-files: %w", err)
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, info.Mode().Perm())
}

// An edit replaces a text that occurs once in a file.
type edit struct{ file, old, new string }

// A mutation breaks the code.
type mutation struct {
	name  string
	edits []edit
	tests string // arguments of go test, separated by spaces
}

// A result says which test noticed a mutation; none if by is empty.
type result struct {
	name, by string
	err      error
}

// ranTests finds a package of which a test ran.
var ranTests = regexp.MustCompile(`(?m)^ok  \t\S+\t[\d.]+s$`)

// failedTest finds the first test that failed, innermost first.
var failedTest = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// try breaks the copy in dir, tests it, and mends it again.
func (m mutation) try(ctx context.Context, dir string) result {
	r := result{name: m.name}
	for _, e := range m.edits {
		mend, err := e.apply(dir)
		if err != nil {
			r.err = err
			return r
		}
		defer mend()
	}
	by, compiles, err := goTest(ctx, dir, m.tests)
	if r.by, r.err = by, err; err == nil && !compiles {
		r.err = errors.New("it does not compile")
	}
	return r
}

// goTest runs tests in a copy, and returns the one that failed, or "" if all passed, and whether the
// code compiles.
func goTest(ctx context.Context, dir, tests string) (by string, compiles bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-count=1", "-failfast", "-timeout=5m"}, strings.Fields(tests)...)...)
	cmd.Dir = dir
	printed, failure := cmd.CombinedOutput()
	text := string(printed)
	failed := failedTest.FindAllStringSubmatch(text, -1)
	switch {
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case failure == nil && !ranTests.MatchString(text):
		return "", true, fmt.Errorf("go test %s runs no test", tests)
	case failure == nil:
		return "", true, nil
	case len(failed) > 0:
		return failed[len(failed)-1][1], true, nil
	case strings.Contains(text, "panic: test timed out"):
		return "a test that does not end", true, nil
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return "", false, nil
	case strings.Contains(text, "panic: ") || strings.Contains(text, "fatal error: "):
		return "a panic", true, nil
	case strings.Contains(text, "signal: killed"):
		return "a test that takes all memory", true, nil
	}
	return "", false, fmt.Errorf("go test %s: %w\n%s", tests, failure, text)
}

// apply makes the edit and returns what takes it back.
func (e edit) apply(dir string) (mend func(), err error) {
	file := filepath.Join(dir, e.file)
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(b), e.old); n != 1 {
		return nil, fmt.Errorf("%s has the text to replace %d times, not once: %q", e.file, n, e.old)
	}
	mend = func() { os.WriteFile(file, b, 0o644) }
	return mend, os.WriteFile(file, []byte(strings.Replace(string(b), e.old, e.new, 1)), 0o644)
}
