package report

import (
	"fmt"
	"math"
	"slices"

	"wxnotify/cmd/internal/plot"
	"wxnotify/cmd/internal/table"
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
	across := func(rate float64) float64 {
		return plot.Left + math.Log(rate/lo)/math.Log(hi/lo)*(plot.Right-plot.Left)
	}

	f := r.Rates[0].Wxnotify
	perDay := float64(f.Absences) / userDays
	p := plot.New("Absences covered by the same permits",
		fmt.Sprintf("%s users, %d days, %.1f absences with messages a user and day", table.Number(r.History.Users), r.History.Days, perDay),
		"Share of absences covered over permits granted a user and day: "+r.Summary())
	p.Shares()
	var bound []plot.Point
	for i := range 121 {
		rate := lo * math.Pow(hi/lo, float64(i)/120)
		bound = append(bound, plot.At(across(rate), plot.Height(min(1, rate/perDay))))
	}
	line := func(of func(Rate) float64) []plot.Point {
		var out []plot.Point
		for _, x := range r.Rates {
			out = append(out, plot.At(across(granted(x)), plot.Height(of(x))))
		}
		slices.SortFunc(out, func(a, b plot.Point) int { return int(a.X - b.X) })
		return out
	}
	ours := line(func(x Rate) float64 { return x.Wxnotify.Share() })
	naive := line(func(x Rate) float64 { return x.Naive.Share() })
	best := line(func(x Rate) float64 { return x.Wxnotify.BestShare() })
	backwards := slices.Clone(naive)
	slices.Reverse(backwards)
	p.Area("gap", append(slices.Clone(ours), backwards...))
	p.Curve("bound", bound)
	p.Curve("best", best)
	p.Curve("a", ours)
	p.Curve("b", naive)
	for _, x := range r.Rates {
		at := across(granted(x))
		p.Line("axis", at, plot.Bottom, at, plot.Bottom+5)
		p.Text("middle", at, plot.Bottom+22, fmt.Sprintf("%.2g", granted(x)))
		mark := func(class string, f *measure.Figures, dx, dy float64) {
			p.Dot(class, at, plot.Height(f.Share()))
			p.Text(class+" number", at+dx, plot.Height(f.Share())+dy, fmt.Sprintf("%.2f", f.Share()))
		}
		mark("a", x.Wxnotify, -38, -6)
		mark("b", x.Naive, 9, 15)
	}
	p.Text("middle", (plot.Left+plot.Right)/2, plot.Bottom+46, "permits granted a user and day (logarithmic)")
	labels := []plot.Label{
		{Class: "bound", Y: bound[len(bound)-1].Y, Text: "permits / absences"},
		{Class: "best", Y: best[len(best)-1].Y, Text: "with foresight"},
		{Class: "a value", Y: ours[len(ours)-1].Y, Text: "wxnotify"},
		{Class: "b value", Y: naive[len(naive)-1].Y, Text: "naive rule"},
	}
	p.Labels(labels)
	return p.Done()
}
