package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/cmd/simulate/internal/measure"
	"wxnotify/cmd/simulate/internal/report"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

func figures(granted, covered int) *measure.Figures {
	return &measure.Figures{
		Messages: 1234567, States: map[fact.State]int64{fact.StateDelivered: 7, fact.StateNoPermit: 9},
		Granted: granted, Absences: 1000, Covered: covered, Best: covered + 10,
		Uncovered: map[measure.Cause]int{measure.CauseNoPermit: 1000 - covered}, Uses: map[measure.Use]int{measure.UseCovers: covered},
		Delays: map[measure.Knowledge][]time.Duration{measure.KnownAway: {3 * time.Second, 3 * time.Second, 4 * time.Second},
			measure.SeenLate: {20 * time.Second, 65 * time.Second}},
	}
}

// three is a report of three rates at which all went well.
func three() report.Report {
	return report.Report{
		History: &history.History{Params: history.Params{Users: 1000, Days: 14, Seed: 9}},
		Rules:   notify.DefaultRules(),
		Rates: []report.Rate{
			{PerDay: 0.5, Store: "redis", Users: 20, Followed: 100, Wxnotify: figures(100, 95), Naive: figures(100, 50)},
			{PerDay: 2, Store: "redis", Users: 20, Followed: 100, Wxnotify: figures(420, 390), Naive: figures(420, 160)},
			{PerDay: 6, Store: "redis", Users: 20, Followed: 100, Wxnotify: figures(1300, 862), Naive: figures(1300, 400)},
		},
	}
}

func TestSummary(t *testing.T) {
	r := three()
	want := "covered at 2 a day 0.39 of 0.42, naive 0.16; at 6 a day 0.86 of 1.00, naive 0.40; missed 0, useless 0"
	if got := r.Summary(); got != want {
		t.Errorf("summary\n%s, want\n%s", got, want)
	}
	r.Rates[0].Wxnotify.Missed = []measure.Miss{{}, {}}
	r.Rates[1].Wxnotify.Useless = 3
	if got := r.Summary(); !strings.HasSuffix(got, "; missed 2, useless 3") {
		t.Errorf("summary %q, want what any rate missed", got)
	}
	r.Rates = r.Rates[:1]
	if got := r.Summary(); !strings.HasPrefix(got, "covered at 0.5 a day 0.10 of 0.10, naive 0.05; missed 2") {
		t.Errorf("summary of one rate: %q", got)
	}
}

func TestFaults(t *testing.T) {
	if got := three().Faults(); len(got) != 0 {
		t.Errorf("faults where there are none: %q", got)
	}
	for want, breaks := range map[string]func(*report.Rate){
		"1 missed: user7":                      func(x *report.Rate) { x.Wxnotify.Missed = []measure.Miss{{User: 7}} },
		"4 useless cards":                      func(x *report.Rate) { x.Wxnotify.Useless = 4 },
		"2 messages on two cards":              func(x *report.Rate) { x.Wxnotify.Doubled = 2 },
		"3 sends that WeChat refused":          func(x *report.Rate) { x.Wxnotify.Refused = 3 },
		"5 more messages than final states":    func(x *report.Rate) { x.Wxnotify.Waiting = 5 },
		"1 messages without exactly one final": func(x *report.Rate) { x.Unended = []string{"m1"} },
		"1 ledgers that do not add up: user3":  func(x *report.Rate) { x.Wxnotify.Unaccounted = []string{"user3"} },
	} {
		r := three()
		breaks(&r.Rates[1])
		if got := r.Faults(); len(got) != 1 || !strings.HasPrefix(got[0], "at 2 a day: "+want) {
			t.Errorf("faults %q, want that at 2 a day there were %q", got, want)
		}
	}
}

// On a machine that stalls, cards are late through no fault of the rules.
func TestFaultsOfABusyMachine(t *testing.T) {
	r := three()
	r.Rates[0].Stalls = 2
	if got := r.Faults(); len(got) != 0 {
		t.Errorf("faults %q, though nothing was late", got)
	}
	r.Rates[2].Wxnotify.Missed = []measure.Miss{{}}
	if got := r.Faults(); len(got) != 2 || !strings.Contains(got[1], "stalled 2 times") {
		t.Errorf("faults %q, want a word about the stalls", got)
	}
}

func TestWrite(t *testing.T) {
	dir, r := t.TempDir(), three()
	r.Rates[1].Wxnotify.Covered = 300 // is told as missed
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	md := read(t, dir, "simulation.md")
	for _, want := range []string{
		"> " + r.Summary(), "14 days of 1,000 users are made up from seed 9", "| messages and calls | 1,234,567 | 1,234,567 |",
		"| **absences covered** | **0.10** | **0.05** | **0.30** | **0.16** | **0.86** | **0.40** |",
		"| 2 permits a day: covered at least 0.90 of the bound | 0.714 of it; with foresight 0.95 | **no** |",
		"| delay, known to be offline: p50, p95 | 3 s, 4 s |", "| 6 permits a day: covered at least 0.85 of the bound | 0.862 of it",
		"--users 1000 --days 14 --seed 9 --rates 0.5,2,6", "(simulation-covered.svg)", "(simulation-delay.svg)",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("simulation.md does not say %q", want)
		}
	}
	if strings.Contains(md, "%!") {
		t.Error("simulation.md has a format that does not fit")
	}
	for name, want := range map[string]string{"simulation-covered.svg": ">0.30<", "simulation-delay.svg": "p50 3 s, p95 4 s"} {
		svg := read(t, dir, name)
		if !strings.Contains(svg, want) || !strings.Contains(svg, "prefers-color-scheme: dark") {
			t.Errorf("%s lacks %q, or its colours for dark pages", name, want)
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s has a coordinate that is no number", name)
		}
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
