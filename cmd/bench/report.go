package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"wxnotify/cmd/internal/table"
)

// A report shows a run beside an earlier one.
type report struct {
	figures
	before record
}

// write writes the page, in each language, and its plots into a folder.
func (r report) write(dir string) error {
	files := map[string]string{functionsFile: functionsPlot(r.figures), delayFile: delayPlot(r.figures), loadFile: loadPlot(r.figures)}
	for _, l := range languages {
		page, err := r.page(l)
		if err != nil {
			return err
		}
		files[l.file] = page
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

var (
	//go:embed page.md
	pageText string
	//go:embed page.zh-CN.md
	chinesePageText string
)

func (r report) page(l language) (string, error) {
	t, err := template.New("page").Parse(l.text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"Date": r.Date, "Machine": r.Machine, "Before": r.before, "Fleet": r.Fleet, "Recipients": table.Number(r.Backlog.Cards),
		"GoalTable": l.in(goalTable(r.figures, r.before)), "FunctionTable": l.in(r.functionTable()),
		"RedisTable": l.in(r.redisTable()), "GrowthTable": l.in(r.growthTable()), "DeliverTable": l.in(r.deliverTable()),
		"PerMessage": table.Number(int(r.Backlog.PerMessage)), "LoadRate": r.Load.Rate,
		"P50": r.delay(0.5), "P95": r.delay(0.95), "Cards": table.Number(len(r.Lead.Delays)),
		"FunctionsFile": functionsFile, "LoadFile": loadFile, "DelayFile": delayFile,
	})
	return b.String(), err
}

// delay returns a quantile of how soon after their lead cards went out, in ms.
func (r report) delay(q float64) string {
	return fmt.Sprintf("%.1f", milliseconds(quantile(r.Lead.Delays, q)))
}

func (r report) functionTable() table.Table {
	t := table.New("function", "MB", "cold start", "to the no-op", "events/s", "to the no-op", "CPU per event", "to the no-op")
	for _, name := range functions {
		f := r.Functions[name]
		t.Add(name, fmt.Sprintf("%.1f", float64(f.Size)/1e6),
			fmt.Sprintf("%.1f ms", milliseconds(f.Cold)), fmt.Sprintf("%.2fx", f.ColdRatio),
			table.Number(int(f.PerSecond)), fmt.Sprintf("%.2fx", f.PerSecondRatio),
			fmt.Sprintf("%.0f µs", microseconds(f.CPU)), fmt.Sprintf("%.2fx", f.CPURatio))
	}
	return t
}

func (r report) redisTable() table.Table {
	t := table.New("", "commands", "scripts", "time")
	row := func(name string, c count) {
		t.Add(name, fmt.Sprintf("%.1f", c.Commands), fmt.Sprintf("%.1f", c.Scripts), fmt.Sprintf("%.1f µs", microseconds(c.Time)))
	}
	for _, name := range callbacks {
		row(name, r.Callbacks[name])
	}
	row("a card", r.Cards.Card)
	row("a run of deliver that is woken for one card", r.Cards.Wake)
	return t
}

func (r report) growthTable() table.Table {
	t := table.New("users", "commands of the next callback", "time", "bytes a user")
	for _, s := range r.Growth {
		t.Add(table.Number(s.Users), fmt.Sprintf("%.1f", s.Callback.Commands), fmt.Sprintf("%.1f µs", microseconds(s.Callback.Time)),
			table.Number(int(s.Bytes)))
	}
	return t
}

func (r report) deliverTable() table.Table {
	t := table.New("", "as shipped", "unpaced")
	t.Add("one run works off the backlog: cards/s", fmt.Sprintf("%.0f", r.Backlog.PerSecond), fmt.Sprintf("%.0f", r.Unpaced.PerSecond))
	t.Add("billed", billed(r.Backlog.Billed), billed(r.Unpaced.Billed))
	t.Add("one run for as many full mailboxes: cards/s", fmt.Sprintf("%.0f", r.Crowd.PerSecond), "–")
	t.Add("its memory, at most", fmt.Sprintf("%.0f MB", float64(r.Crowd.Peak)/1e6), "–")
	a, b := r.Load, r.UnpacedLoad
	row := func(name string, of func(loaded) string) { t.Add(name, of(a), of(b)) }
	row("load: callbacks", func(l loaded) string { return table.Number(len(l.Told)) })
	row("cards", func(l loaded) string { return table.Number(len(l.Sent)) })
	row("until the last of them, or broken off", func(l loaded) string { return billed(l.Took) })
	row("wakes, the timer's included", func(l loaded) string { return table.Number(l.Bill.Wakes) })
	row("runs at a time, at most", func(l loaded) string { return table.Number(l.Bill.Most) })
	row("billed, of all runs", func(l loaded) string { return billed(l.Bill.Time) })
	return t
}

func billed(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
