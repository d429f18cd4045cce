package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/metrics"
	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

func scrape(t *testing.T, o store.Overview, err error) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(func(context.Context) (store.Overview, error) { return o, err }).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func overview() store.Overview {
	now := testkit.Future
	return store.Overview{At: now, Counts: map[fact.State]int64{fact.StateNoPermit: 3},
		Totals: map[fact.Metric]int64{fact.MetricIn: 9, fact.MetricCard("delivered", 0): 1, fact.MetricCard("delivered", 4*time.Second): 2,
			fact.MetricCard("delivered", 24*time.Hour): 1, fact.MetricDelays: 86408, fact.MetricError("refused"): 2, fact.MetricPermitsSpent: 4},
		Messages: store.Backlog{Length: 5, First: now.Add(-90 * time.Second)}, Calls: store.Backlog{Length: 1, First: now.Add(time.Minute)},
		Letters:   7,
		Circuits:  []notify.Circuit{{Name: "app", Until: now.Add(time.Minute), Detail: "operator"}, {Name: "T\xff", Until: now.Add(-time.Minute)}},
		TokenEnds: now.Add(time.Hour), WatchedUntil: now.Add(time.Second)}
}

func TestHandler(t *testing.T) {
	got := scrape(t, overview(), nil)
	for _, line := range []string{"wxnotify_up 1", "wxnotify_messages_in_total 9", `wxnotify_messages_ended{state="no permit"} 3`, `wxnotify_cards_total{state="delivered"} 4`,
		`wxnotify_send_errors_total{class="refused"} 2`, `wxnotify_permits_total{what="spent"} 4`, `wxnotify_waiting{queue="messages"} 5`,
		`wxnotify_overdue_seconds{queue="messages"} 90`, `wxnotify_overdue_seconds{queue="calls"} 0`, `wxnotify_waiting{queue="unknown_cards"} 0`, "wxnotify_dead_letter_users 7",
		`wxnotify_card_delay_seconds_bucket{le="5"} 2`, `wxnotify_card_delay_seconds_bucket{le="21600"} 2`, `wxnotify_card_delay_seconds_bucket{le="+Inf"} 3`,
		"wxnotify_card_delay_seconds_sum 86408", "wxnotify_card_delay_seconds_count 3",
		`wxnotify_circuit_open{class="operator",name="app"} 1`, "wxnotify_access_token_seconds 3600", "wxnotify_deliver_watches 1"} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
	if n := strings.Count(got, "\nwxnotify_circuit_open{"); n != 1 {
		t.Errorf("%d circuits are open", n)
	}
	if got := scrape(t, store.Overview{}, errors.New("away")); !strings.Contains(got, "\nwxnotify_up 0\n") || strings.Contains(got, "wxnotify_waiting") {
		t.Errorf("while the store is away: %s", got)
	}
}

var name = regexp.MustCompile(`wxnotify_[a-z_]+`)

// The dashboard and the documents name metrics that there are, and the dashboard each of them.
func TestDashboard(t *testing.T) {
	there := map[string]bool{}
	for _, m := range name.FindAllString(scrape(t, overview(), nil), -1) {
		there[m] = true
	}
	shown := map[string]bool{}
	for _, file := range []string{"../../../../deploy/grafana/wxnotify.json", "../../../../docs/console.md"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllString(string(b), -1) {
			if shown[m] = true; !there[m] {
				t.Errorf("%s names %s, which there is not", file, m)
			}
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(b) {
			t.Errorf("%s is no JSON", file)
		}
	}
	for m := range there {
		if !shown[m] {
			t.Errorf("no dashboard shows %s", m)
		}
	}
}
