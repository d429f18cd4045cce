package report

import (
	"fmt"
	"slices"
	"time"

	"wxnotify/cmd/simulate/internal/measure"
)

// delayPlot draws how long the first message of a covered absence waited for its card: the
// share of cards that had gone out over time.
func (r Report) delayPlot() string {
	window := r.Rules.BlindWindow.Seconds()
	longest := window + 10
	across := func(s float64) float64 { return left + min(s, longest)/longest*(right-left) }
	delays := map[measure.Knowledge][]time.Duration{}
	for _, x := range r.Rates {
		for k, d := range x.Wxnotify.Delays {
			delays[k] = append(delays[k], d...)
		}
	}
	p := newPlot("From the first message of an absence to its card",
		"share of the first cards of wxnotify that have gone out, by what IM had told; all rates together",
		"How long the first message of an absence waits for its card.")
	p.shares()
	for s := 0.0; s <= longest; s += 15 {
		p.line("axis", across(s), bottom, across(s), bottom+5)
		p.text("middle", across(s), bottom+22, fmt.Sprintf("%g s", s))
	}
	p.text("middle", (left+right)/2, bottom+46, "seconds since the message")
	p.line("best", across(window), top, across(window), bottom)
	p.text("best middle", across(window), top-6, fmt.Sprintf("blind window: %g s", window))
	var labels []label
	for i, k := range measure.Knowledges {
		sorted := delays[k]
		if len(sorted) == 0 {
			continue
		}
		slices.Sort(sorted)
		class := string("abc"[i])
		p.curve(class, steps(sorted, longest, across))
		middle := sorted[len(sorted)/2].Seconds()
		p.dot(class, across(middle), height(0.5))
		p.text(class+" number", across(middle)+10, height(0.5)+18+float64(i)*18-18, fmt.Sprintf("p50 %s, p95 %s", quantile(sorted, 0.50), quantile(sorted, 0.95)))
		labels = append(labels, label{class + " value", top + 40 + 40*float64(i), string(k)})
	}
	for _, l := range labels {
		p.text(l.class, right+10, l.y, shorten(l.text))
	}
	return p.done()
}

// shorten makes a label fit beside the axes.
func shorten(s string) string {
	if s == string(measure.ReportLost) {
		return "callback lost"
	}
	return s
}

// steps is the share of sorted durations that are over at each time.
func steps(sorted []time.Duration, longest float64, across func(float64) float64) []point {
	out := []point{{across(0), height(0)}}
	for i := 0; i < len(sorted); {
		s := sorted[i].Seconds()
		before := float64(i) / float64(len(sorted))
		for i < len(sorted) && sorted[i].Seconds() == s {
			i++
		}
		if s > longest {
			break
		}
		out = append(out, point{across(s), height(before)}, point{across(s), height(float64(i) / float64(len(sorted)))})
	}
	return append(out, point{across(longest), out[len(out)-1].y})
}
