package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

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

func total(suites []suite, what string) int {
	sum := 0
	for _, s := range suites {
		sum += s.counts[what]
	}
	return sum
}

func failures(suites []suite) []string {
	var out []string
	for _, s := range suites {
		for _, test := range s.failed {
			out = append(out, s.name+" "+test)
		}
	}
	return out
}

// tableOf returns a Markdown table of suites. It does not depend on the order in which they ended.
func tableOf(suites []suite) string {
	rows := [][]string{{"Tests", "how many", "tried", "violated", "lost", "doubled"}, {"---", "---:", "---", "---:", "---:", "---:"}}
	ordered := slices.SortedFunc(slices.Values(suites), func(a, b suite) int { return cmp.Compare(a.name, b.name) })
	sum := suite{name: "**all**", counts: map[string]int{}}
	for _, s := range ordered {
		rows = append(rows, rowOf(s))
		sum.tests += s.tests
		for what, n := range s.counts {
			sum.counts[what] += n
		}
	}
	rows = append(rows, rowOf(sum))
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

func rowOf(s suite) []string {
	row := []string{s.name, grouped(s.tests), triedBy(s)}
	for _, what := range broken {
		row = append(row, grouped(s.counts[what]))
	}
	return row
}

// triedBy lists what a suite counted; what tried does not know comes last.
func triedBy(s suite) string {
	order := append([]string(nil), tried...)
	for _, what := range slices.Sorted(maps.Keys(s.counts)) {
		if !slices.Contains(order, what) && !slices.Contains(broken, what) {
			order = append(order, what)
		}
	}
	var parts []string
	for _, what := range order {
		if n := s.counts[what]; n > 0 {
			parts = append(parts, grouped(n)+" "+strings.ReplaceAll(what, "-", " "))
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

// grouped writes 1234567 as 1,234,567.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
