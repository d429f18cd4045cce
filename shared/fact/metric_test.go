package fact_test

import (
	"testing"
	"time"

	"wxnotify/shared/fact"
)

// A card is counted by the first bound that its delay is within, and read as it was counted.
func TestMetricCard(t *testing.T) {
	for _, c := range []struct {
		delay  time.Duration
		want   fact.Metric
		within time.Duration
	}{
		{-time.Second, "card:delivered", 0}, // IM's clock is ahead
		{0, "card:delivered", 0},
		{time.Millisecond, "card:delivered:5", 5 * time.Second},
		{5 * time.Second, "card:delivered:5", 5 * time.Second},
		{5*time.Second + 1, "card:delivered:10", 10 * time.Second},
		{time.Hour, "card:delivered:3600", time.Hour},
		{6 * time.Hour, "card:delivered:21600", 6 * time.Hour},
		{6*time.Hour + 1, "card:delivered:more", -1},
	} {
		m := fact.MetricCard("delivered", c.delay)
		if state, within, is := m.Card(); m != c.want || state != "delivered" || within != c.within || !is {
			t.Errorf("%v: %s, read as %s within %v (%v)", c.delay, m, state, within, is)
		}
	}
	if _, _, is := fact.MetricIn.Card(); is {
		t.Error("messages are counted as cards")
	}
}
