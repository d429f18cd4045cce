package notify

import (
	"maps"
	"slices"

	"wxnotify/shared/fact"
)

// Metrics counts what the Effects are. A message that was counted as ended before, and ends otherwise now, counts
// again: metrics tell what happened, and when.
func (e *Effects) Metrics() map[fact.Metric]int {
	counted, told := map[fact.Metric]int{}, map[fact.State]int{}
	count := func(m fact.Metric, n int) {
		if n > 0 {
			counted[m] += n
		}
	}
	for _, s := range e.Steps {
		if s.Kind == StepFinal {
			count(fact.MetricEnd(s.State, s.Reason), len(s.Messages))
			told[s.State] += len(s.Messages)
		}
	}
	for state, n := range e.Ended { // of what the timeline does not tell
		count(fact.MetricEnd(state, fact.ReasonNone), n-told[state])
	}
	count(fact.MetricEnd(fact.StateNotBound, fact.ReasonNone), e.NotBound)
	count(fact.MetricIn, len(e.Indexed)+max(e.Ended[fact.StateNotCounted]-told[fact.StateNotCounted], 0))
	return counted
}

// EndsIn returns the ends among what was counted, in the order of their names, but for those of messages for
// somebody who is not bound.
func EndsIn(counted map[fact.Metric]int) (ends []Ended) {
	for _, m := range slices.Sorted(maps.Keys(counted)) {
		if state, reason, is := m.End(); is && state != fact.StateNotBound {
			ends = append(ends, Ended{state, reason, counted[m]})
		}
	}
	return ends
}
