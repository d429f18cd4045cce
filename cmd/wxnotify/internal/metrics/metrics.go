// Package metrics tells Prometheus how a deployment stands: what its store keeps, read when it is asked, in one trip. The names
// are in docs/console.md and in deploy/grafana.
package metrics

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxnotify/shared/fact"
	"wxnotify/shared/store"
)

// readWithin bounds a look at the store: Prometheus gives up after ten seconds.
const readWithin = 5 * time.Second

// A desc is a metric, without its labels' values.
type desc struct {
	*prometheus.Desc
	kind prometheus.ValueType
}

func metric(kind prometheus.ValueType, name, help string, labels ...string) desc {
	return desc{prometheus.NewDesc("wxnotify_"+name, help, labels, nil), kind}
}

// A collector asks the store for all metrics of a deployment.
type collector struct {
	read func(context.Context) (store.Overview, error)

	up, in, ended, cards, delay, errors, permits, waiting, overdue, letters, circuit, token, watched desc
}

// Handler serves the metrics of a deployment, and those of this process. read looks at the store; while it fails only wxnotify_up is
// told of the deployment.
func Handler(read func(context.Context) (store.Overview, error)) http.Handler {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	c := &collector{read: read,
		up:      metric(gauge, "up", "1 if the store answers."),
		in:      metric(counter, "messages_in_total", "Messages for bound users, as they came."),
		ended:   metric(gauge, "messages_ended", "Messages since ever, by the final state in which they stand. A correction takes one from another.", "state"),
		cards:   metric(counter, "cards_total", "Cards, by the first state in which their send ended.", "state"),
		delay:   metric(0, "card_delay_seconds", "From when the oldest message on a card was sent until WeChat had accepted the card."),
		errors:  metric(counter, "send_errors_total", "Sends that failed, by the class of the error.", "class"),
		permits: metric(counter, "permits_total", "Permits, by what became of them: granted, spent, or taken by the user or WeChat.", "what"),
		waiting: metric(gauge, "waiting", "Recipients with messages or calls that wait, and cards without an answer.", "queue"),
		overdue: metric(gauge, "overdue_seconds", "For how long the first in a queue has been due; 0 if it is not yet.", "queue"),
		letters: metric(gauge, "dead_letter_users", "Users with dead letters."),
		circuit: metric(gauge, "circuit_open", "1 for each circuit that is open: cards wait until it closes.", "name", "class"),
		token:   metric(gauge, "access_token_seconds", "For how long the shared access token is good."),
		watched: metric(gauge, "deliver_watches", "1 while a run of deliver waits for what falls due."),
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 2 * readWithin})
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []desc{c.up, c.in, c.ended, c.cards, c.delay, c.errors, c.permits, c.waiting, c.overdue, c.letters, c.circuit, c.token, c.watched} {
		out <- d.Desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	tell := func(d desc, value float64, labels ...string) {
		for i, l := range labels {
			labels[i] = strings.ToValidUTF8(l, "?")
		}
		out <- prometheus.MustNewConstMetric(d.Desc, d.kind, value, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	o, err := c.read(ctx)
	if err != nil && o.At.IsZero() {
		tell(c.up, 0)
		return
	}
	tell(c.up, 1)
	for state, n := range o.Counts {
		tell(c.ended, float64(n), string(state))
	}
	cards, delays := map[string]int64{}, map[time.Duration]int64{}
	for m, n := range o.Totals {
		if state, within, is := m.Card(); is {
			cards[state] += n
			delays[within] += n
		}
		kind, of, _ := strings.Cut(string(m), ":")
		switch kind {
		case "in":
			tell(c.in, float64(n))
		case "error":
			tell(c.errors, float64(n), of)
		case "permit":
			tell(c.permits, float64(n), of)
		}
	}
	for state, n := range cards {
		tell(c.cards, float64(n), state)
	}
	out <- histogram(c.delay, delays, o.Totals[fact.MetricDelays])
	for queue, b := range map[string]store.Backlog{"messages": o.Messages, "calls": o.Calls, "unknown_cards": o.Unknown} {
		late := 0.0
		if !b.First.IsZero() {
			late = max(o.At.Sub(b.First).Seconds(), 0)
		}
		tell(c.waiting, float64(b.Length), queue)
		tell(c.overdue, late, queue)
	}
	tell(c.letters, float64(o.Letters))
	for _, open := range o.Circuits {
		if open.Until.After(o.At) {
			tell(c.circuit, 1, open.Name, open.Detail)
		}
	}
	left, watched := 0.0, 0.0
	if o.TokenEnds.After(o.At) {
		left = o.TokenEnds.Sub(o.At).Seconds()
	}
	if !o.WatchedUntil.IsZero() {
		watched = 1
	}
	tell(c.token, left)
	tell(c.watched, watched)
}

// histogram is of cards by the bounds of their delays, and the sum of all delays in seconds.
func histogram(d desc, delays map[time.Duration]int64, seconds int64) prometheus.Metric {
	buckets, count := map[float64]uint64{}, uint64(0)
	for _, bound := range fact.CardDelays {
		count += uint64(max(delays[bound], 0))
		buckets[bound.Seconds()] = count
	}
	return prometheus.MustNewConstHistogram(d.Desc, count+uint64(max(delays[-1], 0)), float64(seconds), buckets)
}
