package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// quotaError is WeChat's answer when the day's quota is used up.
type quotaError struct{}

func (quotaError) Error() string     { return "quota" }
func (quotaError) Class() card.Class { return card.ClassQuota }

// Who waits for a new quota comes in the ten minutes after midnight in Beijing, not all at once.
func TestQuotaDay(t *testing.T) {
	midnight := time.Date(2031, 5, 2, 0, 0, 0, 0, fact.Beijing)
	for _, at := range []time.Time{midnight.Add(-24 * time.Hour), midnight.Add(-time.Nanosecond).UTC()} {
		first, last := 24*time.Hour, -24*time.Hour
		for i := range 5000 {
			a := notify.Attempt{Rules: notify.DefaultRules(), Card: card.ID(fmt.Sprint("card", i))}
			after := a.Opens(notify.ResultOf(0, quotaError{}, at), false).Until.Sub(midnight)
			first, last = min(first, after), max(last, after)
		}
		if first < 0 || first > 5*time.Second || last < 10*time.Minute-5*time.Second || last >= 10*time.Minute {
			t.Errorf("used up at %v: from %v to %v after midnight", at, first, last)
		}
	}
}

// A rule may be what its cure names, and neither more nor less.
func TestRulesHaveBounds(t *testing.T) {
	type bound[V int | time.Duration] struct {
		name        string
		of          func(*notify.Rules) *V
		least, most V
	}
	const week = 7 * 24 * time.Hour
	check := func(name string, set func(*notify.Rules), valid bool) {
		r := notify.DefaultRules()
		set(&r)
		err := r.Check()
		if valid && err != nil || !valid && (err == nil || !strings.HasPrefix(err.Error(), name+": ")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, b := range []bound[time.Duration]{
		{"rules.lead", func(r *notify.Rules) *time.Duration { return &r.Lead }, 0, time.Minute},
		{"rules.blind_window", func(r *notify.Rules) *time.Duration { return &r.BlindWindow }, 0, 10 * time.Minute},
		{"rules.grace", func(r *notify.Rules) *time.Duration { return &r.Grace }, 0, time.Minute},
		{"rules.digest_steps[1]", func(r *notify.Rules) *time.Duration {
			r.DigestSteps = []time.Duration{time.Minute, 0}
			return &r.DigestSteps[1]
		}, time.Second, week},
		{"rules.unknown_after", func(r *notify.Rules) *time.Duration { return &r.UnknownAfter }, 0, time.Hour},
		{"rules.ttl", func(r *notify.Rules) *time.Duration { return &r.TTL }, time.Minute, week},
		{"rules.retry.max", func(r *notify.Rules) *time.Duration { return &r.Retry.Max }, notify.DefaultRules().Retry.First, 6 * time.Hour},
		{"rules.retry.first", func(r *notify.Rules) *time.Duration { return &r.Retry.First }, 1, notify.DefaultRules().Retry.Max},
	} {
		at := func(v time.Duration) func(*notify.Rules) { return func(r *notify.Rules) { *b.of(r) = v } }
		check(b.name, at(b.least), true)
		check(b.name, at(b.most), true)
		check(b.name, at(b.most+1), false)
		if b.name != "rules.retry.max" { // below first, first is wrong
			check(b.name, at(b.least-1), false)
		}
	}
	for _, b := range []bound[int]{
		{"rules.keep_for_first", func(r *notify.Rules) *int { return &r.KeepForFirst }, 0, 1000},
		{"rules.digest_max", func(r *notify.Rules) *int { return &r.DigestMax }, 1, 1000},
		{"rules.retry.attempts", func(r *notify.Rules) *int { return &r.Retry.Attempts }, 1, 100},
		{"limits.workers", func(r *notify.Rules) *int { return &r.Workers }, 1, 256},
		{"limits.sends_per_second", func(r *notify.Rules) *int { return &r.SendsPerSecond }, 1, 10000},
		{"limits.user_sends_per_hour", func(r *notify.Rules) *int { return &r.UserSendsPerHour }, 1, 1000},
	} {
		at := func(v int) func(*notify.Rules) { return func(r *notify.Rules) { *b.of(r) = v } }
		check(b.name, at(b.least-1), false)
		check(b.name, at(b.least), true)
		check(b.name, at(b.most), true)
		check(b.name, at(b.most+1), false)
	}
	for factor, valid := range map[float64]bool{0.99: false, 1: true, 10: true, 10.01: false} {
		check("rules.retry.factor", func(r *notify.Rules) { r.Retry.Factor = factor }, valid)
	}
	check("rules.digest_steps", func(r *notify.Rules) { r.DigestSteps = make([]time.Duration, 0) }, false)
}
