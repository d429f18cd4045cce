package fact

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Metric names something that is counted over time: in all, by the hour, and by the minute. Its words are
// parted by colons; of states, reasons and classes the names here are those of their own lists.
type Metric string

// The metrics that are one each.
const (
	MetricIn             Metric = "in"             // messages for bound users, as they came; each once
	MetricPermitsGranted Metric = "permit:granted" // by taps
	MetricPermitsSpent   Metric = "permit:spent"   // for cards
	MetricPermitsTaken   Metric = "permit:taken"   // switched off, or unknown to WeChat
	// MetricDelays is the sum of the delays of cards, in seconds. It is counted in all only.
	MetricDelays Metric = "delays"
)

// CardDelays are bounds of the delays of cards: from when the oldest message on a card was sent until WeChat
// had accepted the card. What is longer than the last has none.
var CardDelays = []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, 90 * time.Second, 2 * time.Minute, 5 * time.Minute,
	15 * time.Minute, time.Hour, 6 * time.Hour}

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

// MetricCard counts cards by the first state in which their send ended, and by the first of CardDelays that
// their delay is within; a delay of zero is not known.
func MetricCard(state string, delay time.Duration) Metric {
	if delay <= 0 {
		return Metric("card:" + state)
	}
	within := "more"
	for _, d := range slices.Backward(CardDelays) {
		if delay <= d {
			within = strconv.Itoa(int(d.Seconds()))
		}
	}
	return Metric("card:" + state + ":" + within)
}

// Card returns the state of the cards that m counts, if it is a MetricCard, and the bound of their delay: 0 if
// that is not known, less if it is beyond all.
func (m Metric) Card() (state string, within time.Duration, ok bool) {
	rest, ok := strings.CutPrefix(string(m), "card:")
	state, bound, known := strings.Cut(rest, ":")
	if seconds, err := strconv.Atoi(bound); err == nil {
		within = time.Duration(seconds) * time.Second
	} else if known {
		within = -1
	}
	return state, within, ok
}

// MetricError counts sends that failed, by the class of the error.
func MetricError(class string) Metric { return Metric("error:" + class) }
