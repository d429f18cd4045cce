package report

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/cmd/internal/plot"
	"wxnotify/cmd/simulate/internal/measure"
)

// delayPlot draws how long the first message of a covered absence waited for its card: the
// share of cards that had gone out over time.
func (r Report) delayPlot() string {
	window := r.Rules.BlindWindow.Seconds()
	longest := window + 10
	across := func(s float64) float64 { return plot.Left + min(s, longest)/longest*(plot.Right-plot.Left) }
	delays := map[measure.Knowledge][]time.Duration{}
	for _, x := range r.Rates {
		for k, d := range x.Wxnotify.Delays {
			delays[k] = append(delays[k], d...)
		}
	}
	p := plot.New("From the first message of an absence to its card",
		"share of the first cards of wxnotify that have gone out, by what IM had told; all rates together",
		"How long the first message of an absence waits for its card.")
	p.Shares()
	for s := 0.0; s <= longest; s += 15 {
		p.Line("axis", across(s), plot.Bottom, across(s), plot.Bottom+5)
		p.Text("middle", across(s), plot.Bottom+22, fmt.Sprintf("%g s", s))
	}
	p.Text("middle", (plot.Left+plot.Right)/2, plot.Bottom+46, "seconds since the message")
	p.Line("best", across(window), plot.Top, across(window), plot.Bottom)
	p.Text("best middle", across(window), plot.Top-6, fmt.Sprintf("blind window: %g s", window))
	var labels []plot.Label
	for i, k := range measure.Knowledges {
		sorted := delays[k]
		if len(sorted) == 0 {
			continue
		}
		slices.Sort(sorted)
		class := string("abc"[i])
		p.Curve(class, steps(sorted, longest, across))
		middle := sorted[len(sorted)/2].Seconds()
		p.Dot(class, across(middle), plot.Height(0.5))
		p.Text(class+" number", across(middle)+10, plot.Height(0.5)+18+float64(i)*18-18, fmt.Sprintf("p50 %s, p95 %s", quantile(sorted, 0.50), quantile(sorted, 0.95)))
		labels = append(labels, plot.Label{Class: class + " value", Y: plot.Top + 40 + 40*float64(i), Text: string(k)})
	}
	for _, l := range labels {
		p.Text(l.Class, plot.Right+10, l.Y, shorten(l.Text))
	}
	return p.Done()
}

// shorten makes a label fit beside the axes.
func shorten(s string) string {
	if s == string(measure.ReportLost) {
		return "callback lost"
	}
	return s
}

// steps is the share of sorted durations that are over at each time.
func steps(sorted []time.Duration, longest float64, across func(float64) float64) []plot.Point {
	out := []plot.Point{plot.At(across(0), plot.Height(0))}
	for i := 0; i < len(sorted); {
		s := sorted[i].Seconds()
		before := float64(i) / float64(len(sorted))
		for i < len(sorted) && sorted[i].Seconds() == s {
			i++
		}
		if s > longest {
			break
		}
		out = append(out, plot.At(across(s), plot.Height(before)), plot.At(across(s), plot.Height(float64(i)/float64(len(sorted)))))
	}
	return append(out, plot.At(across(longest), out[len(out)-1].Y))
}
