// Package report writes what a simulation found: docs/simulation.md, its plots, and the
// line that sums it up.
package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/measure"
	"wxnotify/shared/notify"
)

// A Rate is what came of a history at one rate of permits.
type Rate struct {
	PerDay   float64
	Grants   *history.Grants
	Store    string // the kind of store
	Facts    int    // callbacks and pushes played
	Users    int    // whose messages were followed one by one
	Followed int    // how many those were
	Unended  []string
	Stalls   int // how often the machine was too busy for a second or more
	Wxnotify *measure.Figures
	Naive    *measure.Figures
}

// A Report is what there is to tell.
type Report struct {
	History *history.History
	Rules   notify.Rules
	Rates   []Rate
}

// Summary is the line that sums it up: the last two rates, and the promises of all.
func (r Report) Summary() string {
	var parts []string
	for i, x := range r.Rates[max(0, len(r.Rates)-2):] {
		verb := "at"
		if i == 0 {
			verb = "covered at"
		}
		parts = append(parts, fmt.Sprintf("%s %g a day %.2f of %.2f, naive %.2f", verb, x.PerDay, x.Wxnotify.Share(), x.Wxnotify.Bound(), x.Naive.Share()))
	}
	missed, useless := 0, 0
	for _, x := range r.Rates {
		missed += len(x.Wxnotify.Missed)
		useless += x.Wxnotify.Useless
	}
	return strings.Join(append(parts, fmt.Sprintf("missed %d, useless %d", missed, useless)), "; ")
}

// Faults are the promises that wxnotify did not keep.
func (r Report) Faults() []string {
	var out []string
	stalls := 0
	for _, x := range r.Rates {
		f := x.Wxnotify
		stalls += x.Stalls
		fault := func(n int, format string, args ...any) {
			if n > 0 {
				out = append(out, fmt.Sprintf("at %g a day: ", x.PerDay)+fmt.Sprintf(format, args...))
			}
		}
		first := func(s []string) string { return strings.Join(s[:min(len(s), 3)], "; ") }
		var missed []string
		for _, m := range f.Missed {
			missed = append(missed, m.String())
		}
		fault(len(missed), "%d missed: %s", len(missed), first(missed))
		fault(f.Useless, "%d useless cards", f.Useless)
		fault(f.Doubled, "%d messages on two cards", f.Doubled)
		fault(f.Refused, "%d sends that WeChat refused for want of a permit", f.Refused)
		fault(int(max(f.Waiting, -f.Waiting)), "%d more messages than final states", f.Waiting)
		fault(len(x.Unended), "%d messages without exactly one final state: %s", len(x.Unended), first(x.Unended))
		fault(len(f.Unaccounted), "%d ledgers that do not add up: %s", len(f.Unaccounted), first(f.Unaccounted))
	}
	if len(out) > 0 && stalls > 0 {
		out = append(out, fmt.Sprintf("the machine stalled %d times for a second or more, which may be why: simulate again when it is less busy", stalls))
	}
	return out
}

// Write writes the report and its plots into a folder.
func (r Report) Write(dir string) error {
	for name, text := range map[string]string{
		"simulation.md":          r.Markdown(),
		"simulation-covered.svg": r.coveredPlot(),
		"simulation-delay.svg":   r.delayPlot(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}
