package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"wxnotify/cmd/internal/table"
	"wxnotify/cmd/simulate/internal/measure"
	"wxnotify/shared/fact"
)

// A comparison is a table with columns for each rate.
type comparison struct{ table.Table }

// both adds a row with a cell for each rule at each rate.
func (t *comparison) both(rates []Rate, name string, cell func(*measure.Figures) string) {
	var cells []string
	for _, r := range rates {
		cells = append(cells, cell(r.Wxnotify), cell(r.Naive))
	}
	t.Add(name, cells...)
}

// ours adds a row with a cell for wxnotify at each rate.
func (t *comparison) ours(rates []Rate, name string, cell func(*measure.Figures) string) {
	var cells []string
	for _, r := range rates {
		cells = append(cells, cell(r.Wxnotify))
	}
	t.Add(name, cells...)
}

// figures is the table of everything that both rules have in common.
func (r Report) figures() comparison {
	t := comparison{table.New("permits a user and day")}
	for _, x := range r.Rates {
		t.Head = append(t.Head, fmt.Sprintf("%g: wxnotify", x.PerDay), fmt.Sprintf("%g: naive", x.PerDay))
	}
	count := func(name string, n func(*measure.Figures) int) {
		t.both(r.Rates, name, func(f *measure.Figures) string { return table.Number(n(f)) })
	}
	ratio := func(name string, x func(*measure.Figures) float64) {
		t.both(r.Rates, name, func(f *measure.Figures) string { return fmt.Sprintf("%.2f", x(f)) })
	}
	count("messages and calls", func(f *measure.Figures) int { return f.Messages })
	count("announced", func(f *measure.Figures) int { return f.Announced })
	count("announced twice", func(f *measure.Figures) int { return f.Doubled })
	count("permits granted", func(f *measure.Figures) int { return f.Granted })
	count("permits spent", func(f *measure.Figures) int { return f.Spent })
	count("cards", func(f *measure.Figures) int { return f.Cards })
	count("first cards of an absence", func(f *measure.Figures) int { return f.First })
	count("digests", func(f *measure.Figures) int { return f.Digests })
	count("cards of calls", func(f *measure.Figures) int { return f.Calls })
	count("times a card was kept back", func(f *measure.Figures) int { return f.KeptBack })
	count("sends refused (43101)", func(f *measure.Figures) int { return f.Refused })
	count("sends without an answer", func(f *measure.Figures) int { return f.Unknown })
	count("absences with messages", func(f *measure.Figures) int { return f.Absences })
	ratio("bound: permits / absences", (*measure.Figures).Bound)
	ratio("reachable with foresight", (*measure.Figures).BestShare)
	t.both(r.Rates, "**absences covered**", func(f *measure.Figures) string { return fmt.Sprintf("**%.2f**", f.Share()) })
	ratio("covered / bound", (*measure.Figures).OfBound)
	for _, k := range measure.Knowledges {
		t.both(r.Rates, "delay, "+string(k)+": p50, p95", func(f *measure.Figures) string {
			return fmt.Sprintf("%s, %s", quantile(f.Delays[k], 0.50), quantile(f.Delays[k], 0.95))
		})
	}
	count("**useless cards**", func(f *measure.Figures) int { return f.Useless })
	count("**missed**", func(f *measure.Figures) int { return len(f.Missed) })
	return t
}

// Table is the table of figures for a terminal.
func (r Report) Table() string { return r.figures().Text() }

// states is how messages ended.
func (r Report) states(of func(Rate) *measure.Figures) comparison {
	t := comparison{table.New("final state")}
	all := map[fact.State]bool{}
	for _, x := range r.Rates {
		t.Head = append(t.Head, fmt.Sprintf("%g a day", x.PerDay))
		for s := range of(x).States {
			all[s] = true
		}
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b fact.State) int {
		last := of(r.Rates[len(r.Rates)-1]).States
		return cmp.Or(cmp.Compare(last[b], last[a]), cmp.Compare(a, b))
	})
	for _, s := range names {
		var cells []string
		for _, x := range r.Rates {
			cells = append(cells, table.Number(int(of(x).States[s])))
		}
		t.Add(string(s), cells...)
	}
	return t
}

// uses is what permits were good for, and why absences were not covered.
func (r Report) uses() comparison {
	t := comparison{table.New("what became of the permits")}
	for _, x := range r.Rates {
		t.Head = append(t.Head, fmt.Sprintf("%g a day", x.PerDay))
	}
	for _, u := range measure.Uses {
		t.ours(r.Rates, string(u), func(f *measure.Figures) string { return percent(f.Uses[u], f.Granted) })
	}
	return t
}

func (r Report) causes() comparison {
	t := comparison{table.New("why an absence was not covered")}
	for _, x := range r.Rates {
		t.Head = append(t.Head, fmt.Sprintf("%g a day", x.PerDay))
	}
	for _, c := range measure.Causes {
		t.ours(r.Rates, string(c), func(f *measure.Figures) string { return table.Number(f.Uncovered[c]) })
	}
	return t
}

func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// quantile returns the q-quantile of sorted durations, in seconds.
func quantile(sorted []time.Duration, q float64) string {
	if len(sorted) == 0 {
		return "–"
	}
	d := sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
	return fmt.Sprintf("%g s", d.Round(time.Second/10).Seconds())
}
