package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"wxnotify/cmd/internal/table"
	"wxnotify/trust"
)

// A suite is the tests of one package, or all the fuzz targets.
type suite struct {
	name   string
	counts map[string]int
	tests  int
	failed []string
}

// broken are the figures that must be 0. They have a column each.
var broken = []string{trust.Violated, trust.Lost, trust.Doubled}

// tried are the others, in the order in which a table has them.
var tried = []string{trust.Histories, trust.CrashPoints, trust.Faults, trust.Races, trust.Attacks, trust.Scanned, fuzzInputs}

// fuzzInputs is what fuzzing counts.
const fuzzInputs = "inputs"

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

// follow reads the events of go test and writes a line for each package that has ended, and
// what failing tests print.
func follow(events io.Reader, out io.Writer) (suites []suite, err error) {
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
			if what, ours := strings.CutPrefix(e.Key, "trust."); ours {
				n, _ := strconv.Atoi(e.Value)
				s.counts[what] += n
			}
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
	return strings.TrimPrefix(strings.TrimSuffix(path, "_test"), "wxnotify/")
}

// end notes that a test, or the package, has ended. One that was skipped is a failure here.
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

func total(suites []suite, what string) (sum int) {
	for _, s := range suites {
		sum += s.counts[what]
	}
	return sum
}

func failures(suites []suite) (out []string) {
	for _, s := range suites {
		for _, test := range s.failed {
			out = append(out, s.name+" "+test)
		}
	}
	return out
}

// tableOf returns a Markdown table of suites. It does not depend on the order in which they ended.
func tableOf(suites []suite) string {
	rows := []string{"Tests | how many | tried | violated | lost | doubled", "--- | ---: | --- | ---: | ---: | ---:"}
	sum := suite{name: "**all**", counts: map[string]int{}}
	for _, s := range slices.SortedFunc(slices.Values(suites), func(a, b suite) int { return cmp.Compare(a.name, b.name) }) {
		rows = append(rows, s.row())
		sum.tests += s.tests
		for what, n := range s.counts {
			sum.counts[what] += n
		}
	}
	return "| " + strings.Join(append(rows, sum.row()), " |\n| ") + " |\n"
}

func (s suite) row() string {
	cells := []string{s.name, table.Number(s.tests), triedBy(s)}
	for _, what := range broken {
		cells = append(cells, table.Number(s.counts[what]))
	}
	return strings.Join(cells, " | ")
}

// triedBy lists what a suite counted; what tried does not know comes last.
func triedBy(s suite) string {
	order := slices.Clone(tried)
	for _, what := range slices.Sorted(maps.Keys(s.counts)) {
		if !slices.Contains(order, what) && !slices.Contains(broken, what) {
			order = append(order, what)
		}
	}
	var parts []string
	for _, what := range order {
		if n := s.counts[what]; n > 0 {
			parts = append(parts, table.Number(n)+" "+strings.ReplaceAll(what, "-", " "))
		}
	}
	return strings.Join(parts, ", ")
}

// lastLine sums a run up.
func lastLine(suites []suite) string {
	return fmt.Sprintf("trust: histories %d, crash points %d, faults %d, fuzzed %d, violated %d, lost %d, doubled %d",
		total(suites, trust.Histories), total(suites, trust.CrashPoints), total(suites, trust.Faults), total(suites, fuzzInputs),
		total(suites, trust.Violated), total(suites, trust.Lost), total(suites, trust.Doubled))
}
