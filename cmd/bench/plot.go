package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"wxnotify/cmd/internal/plot"
	"wxnotify/cmd/internal/table"
)

// Files of the plots.
const (
	functionsFile = "performance-functions.svg"
	delayFile     = "performance-delay.svg"
	loadFile      = "performance-load.svg"
)

// functionsPlot draws what a function costs, in times of what the no-op costs.
func functionsPlot(f figures) string {
	p := plot.New("What a function costs beside one that does nothing", "times of the no-op, in the same run; less is better",
		"Cold start, time per event and processor time per event of each function, as multiples of the no-op's.")
	bars := []struct {
		class, text string
		of          func(function) float64
	}{
		{"a", "cold start", func(x function) float64 { return x.ColdRatio }},
		{"b", "time per event", func(x function) float64 { return 1 / x.PerSecondRatio }},
		{"c", "CPU per event", func(x function) float64 { return x.CPURatio }},
	}
	most := 1.0
	for _, name := range served() {
		for _, b := range bars {
			most = max(most, b.of(f.Functions[name]))
		}
	}
	most = math.Ceil(most/5) * 5
	p.Scale(most, 5, func(v float64) string { return fmt.Sprintf("%.0fx", v) })
	wide := (plot.Right - plot.Left) / float64(len(served()))
	const bar = 22.0
	for i, name := range served() {
		middle := plot.Left + (float64(i)+0.5)*wide
		for k, b := range bars {
			v := b.of(f.Functions[name])
			x := middle + (float64(k)-1.5)*bar
			p.Bar(b.class, x+1, bar-2, v/most)
			p.Text(b.class+" middle", x+bar/2, plot.Height(v/most)-4, fmt.Sprintf("%.2g", v))
		}
		p.Text("middle", middle, plot.Bottom+22, name)
	}
	p.Line("best", plot.Left, plot.Height(1/most), plot.Right, plot.Height(1/most))
	labels := []plot.Label{{Class: "best", Y: plot.Height(1 / most), Text: "the no-op"}}
	for k, b := range bars {
		labels = append(labels, plot.Label{Class: b.class + " value", Y: plot.Top + 20 + 20*float64(k), Text: b.text})
	}
	p.Labels(labels)
	return p.Done()
}

// delayPlot draws how soon after its lead a card goes out.
func delayPlot(f figures) string {
	sorted := slices.Sorted(slices.Values(f.Lead.Delays))
	longest := math.Ceil(max(milliseconds(quantile(sorted, 0.99)), 20)/20) * 20
	p := plot.New("From a callback to its card, beyond the lead", fmt.Sprintf("share of cards that have gone out; %s messages at 200 a second", table.Number(len(sorted))),
		"How long after its lead a message's card goes out.")
	p.Shares()
	p.Ticks(longest, 4, func(v float64) string { return fmt.Sprintf("%g ms", v) }, "after the lead")
	across := func(ms float64) float64 { return plot.Left + min(max(ms, 0), longest)/longest*(plot.Right-plot.Left) }
	curve := []plot.Point{plot.At(plot.Left, plot.Bottom)}
	for i, d := range sorted {
		if ms := milliseconds(d); ms <= longest {
			curve = append(curve, plot.At(across(ms), plot.Height(float64(i+1)/float64(len(sorted)))))
		}
	}
	p.Curve("a", thin(curve))
	for _, q := range []float64{0.5, 0.95} {
		ms := milliseconds(quantile(sorted, q))
		p.Dot("a", across(ms), plot.Height(q))
		p.Text("a number", across(ms)+10, plot.Height(q)+16, fmt.Sprintf("p%.0f %.1f ms", 100*q, ms))
	}
	return p.Done()
}

// loadPlot draws callbacks and their cards as they come.
func loadPlot(f figures) string {
	most := math.Ceil(float64(len(f.Load.Told))/1000) * 1000
	longest := math.Ceil(max(f.Load.Took, f.UnpacedLoad.Took).Seconds()/5) * 5
	p := plot.New("A steady load", "callbacks, each for somebody else, and cards so far; WeChat answers after 30 ms",
		"Callbacks and cards over time, with notify.yml as it is shipped and with a higher pace.")
	p.Scale(most, 4, func(v float64) string { return table.Number(int(v)) })
	p.Ticks(longest, 5, func(v float64) string { return fmt.Sprintf("%g s", v) }, "since the first callback")
	var labels []plot.Label
	for _, c := range []struct {
		class, text string
		times       []time.Duration
	}{{"bound", "callbacks", f.Load.Told}, {"a", "cards, as shipped", f.Load.Sent}, {"b", "cards, unpaced", f.UnpacedLoad.Sent}} {
		curve := []plot.Point{plot.At(plot.Left, plot.Bottom)}
		for i, t := range slices.Sorted(slices.Values(c.times)) {
			curve = append(curve, plot.At(plot.Left+t.Seconds()/longest*(plot.Right-plot.Left), plot.Height(float64(i+1)/most)))
		}
		p.Curve(c.class, thin(curve))
		labels = append(labels, plot.Label{Class: c.class + " value", Y: curve[len(curve)-1].Y, Text: c.text})
	}
	p.Labels(labels)
	return p.Done()
}

// thin leaves out points that nobody can tell apart.
func thin(curve []plot.Point) []plot.Point {
	out := curve[:1]
	for i, q := range curve {
		last := out[len(out)-1]
		if math.Abs(q.X-last.X) >= 1.5 || math.Abs(q.Y-last.Y) >= 1.5 || i == len(curve)-1 {
			out = append(out, q)
		}
	}
	return out
}
