package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxnotify/cmd/internal/cli"
)

// tiny is enough to see that everything is measured.
var tiny = size{
	people: 40, colds: 1, fleet: 2, turns: 1, events: 20, callbacks: 20, cards: 10, wakes: 1,
	backlog: 30, load: 200 * time.Millisecond, loadRate: 100, lead: 200 * time.Millisecond, leadRate: 100,
	users: []int{30, 60},
}

// built builds the functions, and the no-op, with a lead that is soon over.
func built(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-ldflags=-s -w", "-o", dir + "/", "./noop"}
	for _, f := range served() {
		args = append(args, "../../functions/"+f)
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	b, err := os.ReadFile("../../notify.yml")
	if err != nil {
		t.Fatal(err)
	}
	b = regexp.MustCompile(`(?m)^( *lead:) \w+`).ReplaceAll(b, []byte("$1 100ms"))
	if err := os.WriteFile(filepath.Join(dir, "notify.yml"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A run measures all that has a goal, and the next one shows it as what was before.
func TestRun(t *testing.T) {
	build, out := built(t), t.TempDir()
	f, err := tiny.measure(t.Context(), build, cli.NewProgress(t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	f.Date = "2031-05-01"
	for _, g := range goals {
		small := strings.HasPrefix(g.name, "CPU") || strings.HasPrefix(g.name, "Redis per message") // differences of what varies more
		if v := g.seen(f); !(v > 0) && !small {
			t.Errorf("%s: %v", g.name, v)
		}
	}
	if r := f.Functions[noop]; r.ColdRatio != 1 || r.PerSecondRatio != 1 {
		t.Errorf("the no-op differs from itself: %+v", r)
	}
	if f.Backlog.Cards != tiny.backlog || len(f.UnpacedLoad.Sent) != 20 || f.UnpacedLoad.Bill.Wakes == 0 || f.UnpacedLoad.Bill.Time == 0 {
		t.Errorf("backlog %+v, load: %d sent, %+v", f.Backlog, len(f.UnpacedLoad.Sent), f.UnpacedLoad.Bill)
	}
	if err := f.record().write(out); err != nil {
		t.Fatal(err)
	}
	before, err := recorded(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := (report{f, before}).write(out); err != nil {
		t.Fatal(err)
	}
	checkPage(t, out)
}

// checkPage checks that the page names each goal with what was before, and each plot that is there.
func checkPage(t *testing.T, dir string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(dir, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goals {
		if row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(g.name) + ` \|.*`).FindString(string(page)); row == "" || strings.Contains(row, "–") {
			t.Errorf("%s has the row %q", g.name, row)
		}
	}
	if !strings.Contains(string(page), "*Before* is the run of 2031-05-01") || strings.Contains(string(page), "%!") {
		t.Errorf("the page is\n%s", page)
	}
	chinese, err := os.ReadFile(filepath.Join(dir, "performance.zh-CN.md"))
	if word := regexp.MustCompile(`\| [a-zA-Z]+,? [a-zA-Z]+|[0-9] [a-z]+ \|`).Find(chinese); err != nil || word != nil {
		t.Errorf("%q has no word in Chinese: %v", word, err)
	}
	for _, name := range []string{functionsFile, delayFile, loadFile} {
		svg, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Contains(page, []byte("("+name+")")) || wellFormed(svg) != nil || bytes.Contains(svg, []byte("NaN")) {
			t.Errorf("%s: %v, %v", name, err, wellFormed(svg))
		}
	}
}

func wellFormed(b []byte) error {
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// A goal that is missed is shown as missed.
func TestGoals(t *testing.T) {
	for _, c := range []struct {
		g    goal
		v    float64
		want bool
		aim  string
	}{
		{goal{bound: 12, unit: " commands"}, 12, true, "≤ 12 commands"},
		{goal{bound: 12, unit: " commands"}, 12.1, false, "≤ 12 commands"},
		{goal{bound: 1500, least: true, unit: " cards/s"}, 1499, false, "≥ 1,500 cards/s"},
		{goal{bound: 1500, least: true, unit: " cards/s"}, 1500, true, "≥ 1,500 cards/s"},
	} {
		if got := c.g.reached(c.v); got != c.want || c.g.aim() != c.aim {
			t.Errorf("%v of %s: reached %v, want %v; aim %q", c.v, c.aim, got, c.want, c.g.aim())
		}
	}
	text := goalTable(figures{Backlog: drain{PerSecond: 2000, PerMessage: 5000}}, record{}).Text()
	for _, want := range []string{`30 ms .* 2,000 cards/s +yes\n`, `after its card .* – +5,000 bytes +missed\n`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

func TestWithoutBinaries(t *testing.T) {
	var errs bytes.Buffer
	if status := run(t.Context(), []string{"--build=" + t.TempDir(), "--out=" + t.TempDir()}, io.Discard, &errs); status != cli.ExitFailure || !strings.Contains(errs.String(), "make bench") {
		t.Errorf("status %d, %q; want the cure", status, &errs)
	}
}
