package store

import (
	"cmp"
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

// fresh is what was counted of late, by the minute of the day: so whatever happens costs one command for a metric. Now and
// then a run of deliver takes counts from there to where they are kept. A count is in one place at any moment, and a sum over
// both is right if both are read at one.
func (k keys) fresh() string { return k.tag + "mc" }

// minutesOfDay bounds what waits in fresh, should no run come.
const minutesOfDay = int64(dayLong / time.Minute)

// metricWrites counts what happened at a time.
func (k keys) metricWrites(counted map[fact.Metric]int, at time.Time) (out []command) {
	minute := strconv.FormatInt(at.Unix()/60%minutesOfDay, 10)
	for _, m := range slices.Sorted(maps.Keys(counted)) {
		out = append(out, do("HINCRBY", k.fresh(), minute+":"+string(m), counted[m]))
	}
	return out
}

// A freshCount is a count that waits in fresh.
type freshCount struct {
	field  string
	minute time.Time
	metric fact.Metric
	n      int64
}

// freshCounts reads what waits in fresh, the oldest first, given the server's time. A minute is the last of its name, or one
// that the clock of another node has reached before. What is no count is left out.
func freshCounts(reply any, now time.Time) (counts []freshCount) {
	last := now.Add(time.Hour).Unix() / 60
	for field, v := range pairs(reply) {
		minute, metric, is := strings.Cut(field, ":")
		m, err1 := strconv.ParseInt(minute, 10, 64)
		n, err2 := strconv.ParseInt(v, 10, 64)
		if !is || err1 != nil || err2 != nil || m < 0 || m >= minutesOfDay {
			continue
		}
		ago := (last - m) % minutesOfDay
		counts = append(counts, freshCount{field, time.Unix((last-ago)*60, 0).UTC(), fact.Metric(metric), n})
	}
	slices.SortFunc(counts, func(a, b freshCount) int { return cmp.Or(a.minute.Compare(b.minute), cmp.Compare(a.metric, b.metric)) })
	return counts
}

// keptAtOnce bounds how many counts a script takes from fresh.
const keptAtOnce = 100

// keepMetrics takes what was counted of late, in minutes that are over, to where it is kept. It takes two trips.
func (s *Store) keepMetrics(ctx context.Context) error {
	changes := make([]*change, s.shards)
	for i := range changes {
		k := s.shardKeys(i)
		changes[i] = &change{record: k.fresh(),
			reads: []command{do("HGETALL", k.fresh()), do("HLEN", k.counts()), do("HLEN", k.metricTotals())}, // the others are hashes
			decide: func(now time.Time, replies []any, next string) ([]command, error) {
				return k.keptMetrics(freshCounts(replies[1], now), now, next), nil
			}}
	}
	return s.commit(ctx, changes)
}

// keptMetrics returns what takes counts to where they are kept: how many messages ended in a state is in the counts, all else
// that happened since ever in the totals; everything but delays by hours and by minutes too.
func (k keys) keptMetrics(counts []freshCount, now time.Time, next string) []command {
	var kept, taken, spans []command
	for _, c := range counts {
		if c.n == 0 || !c.minute.Before(now.Truncate(time.Minute)) || len(taken) == keptAtOnce {
			continue
		}
		if state, _, is := c.metric.End(); is {
			kept = append(kept, do("HINCRBY", k.counts(), string(state), c.n))
		} else {
			kept = append(kept, do("HINCRBY", k.metricTotals(), string(c.metric), c.n))
		}
		taken = append(taken, do("HINCRBY", k.fresh(), c.field, -c.n))
		if c.metric == fact.MetricDelays {
			continue
		}
		for _, r := range []Resolution{ByMinute, ByHour} {
			key := k.metrics(r, c.minute)
			step := c.minute.Unix() % int64(r.piece/time.Second) / int64(r.Step/time.Second)
			spans = append(spans, do("HINCRBY", key, strconv.FormatInt(step, 10)+":"+string(c.metric), c.n), keep(key, r.piece+r.kept))
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return slices.Concat(kept, taken, spans, []command{do("HSET", k.fresh(), "v", next)})
}

// lookAtMetrics reads, of each shard, how many messages ended in each state, the totals, and what was counted of late.
func (s *Store) lookAtMetrics() []eval {
	return s.lookAtEachShard(func(k keys) []command {
		return []command{do("HGETALL", k.counts()), do("HGETALL", k.metricTotals()), do("HGETALL", k.fresh())}
	})
}

// lookAtEachShard reads several keys of each shard, those of one at one moment.
func (s *Store) lookAtEachShard(reads func(keys) []command) []eval {
	out := make([]eval, s.shards)
	for i := range out {
		out[i] = evalOf(scriptLook, nil, []any{s.clock()}, reads(s.shardKeys(i)))
	}
	return out
}

// sums adds what lookAtMetrics reads of a shard to what was counted since ever: messages by the state in which they ended, and all else.
func sums(reply any, ends map[fact.State]int64, others map[fact.Metric]int64) error {
	found, _ := reply.([]any)
	if len(found) != 4 {
		return errReply
	}
	sum(ends, pairs(found[1]))
	sum(others, pairs(found[2]))
	for _, c := range freshCounts(found[3], millis(text(found[0]))) {
		if state, _, is := c.metric.End(); is {
			ends[state] += c.n
		} else {
			others[c.metric] += c.n
		}
	}
	maps.DeleteFunc(ends, func(_ fact.State, n int64) bool { return n == 0 }) // taken back
	return nil
}

// Metrics returns what was counted from a time until another, by the steps of r, each by when it begins. It takes one trip. A
// step that begins before from, or at until, is left out; so is what is no number.
func Metrics(ctx context.Context, s *Store, r Resolution, from, until time.Time) (map[time.Time]map[fact.Metric]int64, error) {
	shards, err := s.evalsOrError(ctx, s.lookAtEachShard(func(k keys) []command {
		reads := []command{do("HGETALL", k.fresh())}
		for t := from.Truncate(r.piece); t.Before(until); t = t.Add(r.piece) {
			reads = append(reads, do("HGETALL", k.metrics(r, t)))
		}
		return reads
	}))
	if err != nil {
		return nil, err
	}
	out := map[time.Time]map[fact.Metric]int64{}
	add := func(t time.Time, m fact.Metric, n int64) {
		if t.Before(from) || !t.Before(until) || m == fact.MetricDelays {
			return
		}
		if out[t] == nil {
			out[t] = map[fact.Metric]int64{}
		}
		out[t][m] += n
	}
	for _, reply := range shards {
		found, _ := reply.([]any)
		if len(found) < 2 {
			return nil, errReply
		}
		for _, c := range freshCounts(found[1], millis(text(found[0]))) {
			add(c.minute.Truncate(r.Step), c.metric, c.n)
		}
		begins := from.Truncate(r.piece)
		for _, hash := range found[2:] {
			for field, v := range pairs(hash) {
				step, m, _ := strings.Cut(field, ":")
				nth, err1 := strconv.Atoi(step)
				n, err2 := strconv.ParseInt(v, 10, 64)
				if err1 == nil && err2 == nil {
					add(begins.Add(time.Duration(nth)*r.Step), fact.Metric(m), n)
				}
			}
			begins = begins.Add(r.piece)
		}
	}
	return out, nil
}
