package fact

import "strings"

// A Metric names something that is counted over time: in all, by the hour, and by the minute. Its words are
// parted by colons; of states, reasons and classes the names here are those of their own lists.
type Metric string

// The metrics that are one each.
const (
	MetricIn             Metric = "in"             // messages for bound users, as they came; each once
	MetricPermitsGranted Metric = "permit:granted" // by taps
	MetricPermitsSpent   Metric = "permit:spent"   // for cards
	MetricPermitsTaken   Metric = "permit:taken"   // switched off, or unknown to WeChat
)

// MetricEnd counts messages that ended so.
func MetricEnd(state State, reason Reason) Metric {
	return Metric("end:" + string(state) + ":" + string(reason))
}

// IsEnd reports whether m is a MetricEnd.
func (m Metric) IsEnd() bool { return strings.HasPrefix(string(m), "end:") }

// End returns how the messages ended that m counts, if it is a MetricEnd.
func (m Metric) End() (state State, reason Reason, ok bool) {
	parts := strings.SplitN(string(m), ":", 3)
	if !m.IsEnd() || len(parts) != 3 {
		return "", "", false
	}
	return State(parts[1]), Reason(parts[2]), true
}

// MetricCard counts cards by the first state in which their send ended.
func MetricCard(state string) Metric { return Metric("card:" + state) }

// MetricError counts sends that failed, by the class of the error.
func MetricError(class string) Metric { return Metric("error:" + class) }
