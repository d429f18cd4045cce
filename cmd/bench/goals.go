package main

import (
	"fmt"
	"math"

	"wxnotify/cmd/internal/table"
)

// A goal is a figure that is to be reached.
type goal struct {
	name  string
	bound float64
	least bool   // bound is what it is to be at least; otherwise at most
	unit  string // follows a figure
	seen  func(figures) float64
}

var goals = []goal{
	{"cold start of receivers, to the no-op's", 1.8, false, "x", worst(receivers, func(f function) float64 { return f.ColdRatio })},
	{"events/s of receivers, to the no-op's", 0.5, true, "x", worst(receivers, func(f function) float64 { return -f.PerSecondRatio })},
	{"CPU of receivers per event, to the no-op's", 2, false, "x", worst(receivers, func(f function) float64 { return f.CPURatio })},
	{"Redis per callback", 12, false, " commands", dearest(func(c count) float64 { return c.Commands })},
	{"Redis per callback, time", 35, false, " µs", dearest(func(c count) float64 { return microseconds(c.Time) })},
	{"Redis per card", 25, false, " commands", func(f figures) float64 { return f.Cards.Card.Commands }},
	{"Redis per card, time", 120, false, " µs", func(f figures) float64 { return microseconds(f.Cards.Card.Time) }},
	{"a run woken for one card", 40, false, " commands", func(f figures) float64 { return f.Cards.Wake.Commands }},
	{"callback to send beyond the lead at 200/s, p50", 12, false, " ms", func(f figures) float64 { return milliseconds(quantile(f.Lead.Delays, 0.5)) }},
	{"a run of deliver, WeChat answering after 30 ms", 1500, true, " cards/s", func(f figures) float64 { return f.Backlog.PerSecond }},
	{"a run of deliver for full mailboxes, its memory", 128, false, " MB", func(f figures) float64 { return float64(f.Crowd.Peak) / 1e6 }},
	{"deliver billed at 500 callbacks/s, to the time that it takes", 1, false, "x", func(f figures) float64 { return f.Load.billed() }},
	{"cards sent of 500 callbacks/s, WeChat answering after 30 ms", 100, true, " %", func(f figures) float64 { return f.Load.sentShare() }},
	{"Redis per message an hour after its card", 900, false, " bytes", func(f figures) float64 { return f.Backlog.PerMessage }},
}

// reached reports whether a figure is good enough.
func (g goal) reached(v float64) bool {
	if g.least {
		return v >= g.bound
	}
	return v <= g.bound
}

func (g goal) text(v float64) string {
	if math.Abs(v) >= 100 {
		return table.Number(int(math.Round(v))) + g.unit
	}
	return fmt.Sprintf("%.3g%s", v, g.unit)
}

// aim says what the goal is.
func (g goal) aim() string {
	if g.least {
		return "≥ " + g.text(g.bound)
	}
	return "≤ " + g.text(g.bound)
}

// goalTable shows what was seen beside the goals, and beside an earlier run if there is one.
func goalTable(f figures, before record) table.Table {
	t := table.New("", "goal", "before", "now", "reached")
	for _, g := range goals {
		was := "–"
		if v, ok := before.Seen[g.name]; ok {
			was = g.text(v)
		}
		v, reached := g.seen(f), "yes"
		if !g.reached(v) {
			reached = "**missed**"
		}
		t.Add(g.name, g.aim(), was, g.text(v), reached)
	}
	return t
}

// served are the functions without the no-op.
func served() []string { return functions[1:] }

// worst returns the greatest figure of some functions, without its sign.
func worst(of []string, figure func(function) float64) func(figures) float64 {
	return func(f figures) float64 {
		most := math.Inf(-1)
		for _, name := range of {
			most = max(most, figure(f.Functions[name]))
		}
		return math.Abs(most)
	}
}

// dearest returns the greatest figure of all kinds of callbacks.
func dearest(figure func(count) float64) func(figures) float64 {
	return func(f figures) float64 {
		most := 0.0
		for _, name := range callbacks {
			most = max(most, figure(f.Callbacks[name]))
		}
		return most
	}
}

// sentShare is the share of callbacks whose card was sent, in percent.
func (o loaded) sentShare() float64 {
	return 100 * float64(len(o.Sent)) / float64(max(len(o.Told), 1))
}
