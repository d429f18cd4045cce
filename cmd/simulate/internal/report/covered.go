package report

import (
	"fmt"
	"math"
	"slices"

	"wxnotify/cmd/simulate/internal/measure"
)

// coveredPlot draws the share of absences covered over the rate of permits: the bound, and
// both rules.
func (r Report) coveredPlot() string {
	userDays := float64(r.History.Users * r.History.Days)
	granted := func(x Rate) float64 { return float64(max(x.Wxnotify.Granted, 1)) / userDays } // near PerDay: it is drawn
	lo, hi := granted(r.Rates[0]), granted(r.Rates[0])
	for _, x := range r.Rates {
		lo, hi = min(lo, granted(x)), max(hi, granted(x))
	}
	lo, hi = lo/1.6, hi*1.25
	across := func(rate float64) float64 { return left + math.Log(rate/lo)/math.Log(hi/lo)*(right-left) }

	f := r.Rates[0].Wxnotify
	perDay := float64(f.Absences) / userDays
	p := newPlot("Absences covered by the same permits",
		fmt.Sprintf("%s users, %d days, %.1f absences with messages a user and day", number(r.History.Users), r.History.Days, perDay),
		"Share of absences covered over permits granted a user and day: "+r.Summary())
	p.shares()
	var bound []point
	for i := range 121 {
		rate := lo * math.Pow(hi/lo, float64(i)/120)
		bound = append(bound, point{across(rate), height(min(1, rate/perDay))})
	}
	line := func(of func(Rate) float64) []point {
		var out []point
		for _, x := range r.Rates {
			out = append(out, point{across(granted(x)), height(of(x))})
		}
		slices.SortFunc(out, func(a, b point) int { return int(a.x - b.x) })
		return out
	}
	ours := line(func(x Rate) float64 { return x.Wxnotify.Share() })
	naive := line(func(x Rate) float64 { return x.Naive.Share() })
	best := line(func(x Rate) float64 { return x.Wxnotify.BestShare() })
	backwards := slices.Clone(naive)
	slices.Reverse(backwards)
	p.area("gap", append(slices.Clone(ours), backwards...))
	p.curve("bound", bound)
	p.curve("best", best)
	p.curve("a", ours)
	p.curve("b", naive)
	for _, x := range r.Rates {
		at := across(granted(x))
		p.line("axis", at, bottom, at, bottom+5)
		p.text("middle", at, bottom+22, fmt.Sprintf("%.2g", granted(x)))
		mark := func(class string, f *measure.Figures, dx, dy float64) {
			p.dot(class, at, height(f.Share()))
			p.text(class+" number", at+dx, height(f.Share())+dy, fmt.Sprintf("%.2f", f.Share()))
		}
		mark("a", x.Wxnotify, -38, -6)
		mark("b", x.Naive, 9, 15)
	}
	p.text("middle", (left+right)/2, bottom+46, "permits granted a user and day (logarithmic)")
	labels := []label{
		{"bound", bound[len(bound)-1].y, "permits / absences"},
		{"best", best[len(best)-1].y, "with foresight"},
		{"a value", ours[len(ours)-1].y, "wxnotify"},
		{"b value", naive[len(naive)-1].y, "naive rule"},
	}
	p.labels(labels)
	return p.done()
}

// A label names a curve at its right end.
type label struct {
	class string
	y     float64
	text  string
}

// labels writes labels beside the axes, none over another.
func (p *plot) labels(ls []label) {
	slices.SortStableFunc(ls, func(a, b label) int { return int(a.y - b.y) })
	y := 0.0
	for _, l := range ls {
		y = max(y+18, l.y+4.5)
		p.text(l.class, right+10, y, l.text)
	}
}
