package store

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
)

// A Resolution is how finely metrics are told apart by time.
type Resolution struct {
	Step time.Duration // a minute, or an hour
	// piece is how long the span of one key is, and kept for how long that is kept: metrics die in pieces. A piece of
	// 20 minutes, or of a day, has some 300 fields, as which Redis keeps a hash compact.
	piece, kept time.Duration
	name        string
}

// The resolutions. Metrics of minutes are kept for 3 hours, those of hours for 31 days.
var (
	ByMinute = Resolution{Step: time.Minute, piece: 20 * time.Minute, kept: 3 * time.Hour, name: "mm:"}
	ByHour   = Resolution{Step: time.Hour, piece: dayLong, kept: 31 * dayLong, name: "mh:"}
)

func (k keys) metrics(r Resolution, t time.Time) string {
	return k.tag + r.name + strconv.FormatInt(t.Unix()/int64(r.piece/time.Second), 10)
}

func (k keys) metricTotals() string { return k.tag + "mt" }

// metricWrites counts what happened at a time: three commands for each metric; of an end two, whose total
// is in the counts; of a sum one.
func (k keys) metricWrites(counted map[fact.Metric]int, at time.Time) (out []command) {
	if len(counted) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(counted))
	for _, r := range []Resolution{ByMinute, ByHour} {
		key, step := k.metrics(r, at), strconv.FormatInt(at.Unix()%int64(r.piece/time.Second)/int64(r.Step/time.Second), 10)
		for _, m := range names {
			if m == fact.MetricDelays {
				continue
			}
			out = append(out, do("HINCRBY", key, step+":"+string(m), counted[m]))
		}
		out = append(out, keep(key, r.piece+r.kept))
	}
	for _, m := range names {
		if !m.IsEnd() {
			out = append(out, do("HINCRBY", k.metricTotals(), string(m), counted[m]))
		}
	}
	return out
}

// Metrics returns what was counted from a time until another, by the steps of r, each by when it begins. It takes one trip. A
// step that begins before from, or at until, is left out; so is what is no number.
func Metrics(ctx context.Context, s *Store, r Resolution, from, until time.Time) (map[time.Time]map[fact.Metric]int64, error) {
	var reads []command
	var begins []time.Time
	for t := from.Truncate(r.piece); t.Before(until); t = t.Add(r.piece) {
		reads = append(reads, s.ofEachShard(func(k keys) command { return do("HGETALL", k.metrics(r, t)) })...)
		begins = append(begins, t)
	}
	found, err := s.all(ctx, reads...)
	if err != nil {
		return nil, err
	}
	out := map[time.Time]map[fact.Metric]int64{}
	for i, hash := range found {
		for field, v := range pairs(hash) {
			step, m, _ := strings.Cut(field, ":")
			nth, err1 := strconv.Atoi(step)
			n, err2 := strconv.ParseInt(v, 10, 64)
			t := begins[i/s.shards].Add(time.Duration(nth) * r.Step)
			if err1 != nil || err2 != nil || t.Before(from) || !t.Before(until) {
				continue
			}
			if out[t] == nil {
				out[t] = map[fact.Metric]int64{}
			}
			out[t][fact.Metric(m)] += n
		}
	}
	return out, nil
}
