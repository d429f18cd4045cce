package deliver_test

import (
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// A card that is delivered is counted by how long its oldest message has waited: lead, for users who had
// gone; a digest, for longer.
func TestDelaysAreCounted(t *testing.T) {
	s := newSystem(t)
	user := s.away(1, 10)[0]
	s.tell(user)
	s.run(5 * time.Second)
	s.tell(user)
	s.run(10 * time.Minute)
	o, err := store.ReadOverview(t.Context(), s.store, "")
	s.t.Must(err)
	delivered := string(permit.CardDelivered)
	lead, digest := o.Totals[fact.MetricCard(delivered, 4*time.Second)], o.Totals[fact.MetricCard(delivered, 4*time.Minute)]
	if lead != 1 || digest != 1 {
		t.Errorf("metrics %v", o.Totals)
	}
	if sum := o.Totals[fact.MetricDelays]; sum < 120 || sum > 320 {
		t.Errorf("the sum of the delays is %d s", sum)
	}
}
