package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxnotify/cmd/internal/cli"
	"wxnotify/cmd/internal/redis"
	"wxnotify/cmd/simulate/internal/history"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// A few days of a few users: every promise is kept, and more is covered than under the
// naive rule.
func TestShortSimulation(t *testing.T) {
	s := simulation{history: history.New(history.Params{Users: 24, Days: 2, Seed: 1}), rates: []float64{3}, rules: notify.DefaultRules(),
		store: redis.Real, log: t.Output()}
	rates, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x := rates[0]
	f, naive := x.Wxnotify, x.Naive
	if len(f.Missed) != 0 || f.Useless != 0 {
		t.Errorf("missed %v, useless %d; want none", f.Missed, f.Useless)
	}
	if f.Waiting != 0 || len(x.Unended) != 0 || x.Followed < 1000 {
		t.Errorf("%d more messages than final states; of %d followed, these have not exactly one: %q", f.Waiting, x.Followed, x.Unended)
	}
	if f.Doubled != 0 || f.Refused != 0 {
		t.Errorf("%d messages on two cards, %d sends refused for want of a permit; want none", f.Doubled, f.Refused)
	}
	if len(f.Unaccounted) != 0 || f.Granted == 0 {
		t.Errorf("of %d permits granted: the ledgers of %v do not add up", f.Granted, f.Unaccounted)
	}
	if f.Share() <= 1.3*naive.Share() || f.Share() > f.BestShare() || f.BestShare() > f.Bound() {
		t.Errorf("covered %.2f, naive %.2f, reachable %.2f, bound %.2f: want clearly more than naive, and that order", f.Share(), naive.Share(), f.BestShare(), f.Bound())
	}
	if naive.Share() == 0 || len(naive.Missed) == 0 {
		t.Errorf("the naive rule covers %.2f and misses %d: the measures do not see what it does", naive.Share(), len(naive.Missed))
	}
	if want := int64(f.States[fact.StateDelivered] + f.States[fact.StateUnknown]); int64(f.Announced) > want {
		t.Errorf("%d messages were announced, %d ended delivered or unknown", f.Announced, want)
	}
}

// Rules that are slower than those that it is held to are found out.
func TestSlowRulesAreMissed(t *testing.T) {
	s := simulation{history: history.New(history.Params{Users: 10, Days: 1, Seed: 1}), rates: []float64{24}, rules: notify.DefaultRules(),
		store: redis.Real, log: t.Output()}
	held := s.rules
	s.rules.Lead = 20e9
	rates, err := s.held(t.Context(), held)
	if err != nil {
		t.Fatal(err)
	}
	if len(rates[0].Wxnotify.Missed) == 0 {
		t.Error("cards that went 17 s too late are not missed")
	}
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{"--users=5", "--days=1", "--rates=24", "--seed=4", "--store=redis", "--out=" + dir}, &out, &errs)
	if status != 0 {
		t.Fatalf("status %d\n%s%s", status, &out, &errs)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if first := lines[0]; !strings.HasPrefix(first, "seed 4: 5 users, 1 days") {
		t.Errorf("the first line is %q, want the seed", first)
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "covered at 24 a day 0.") || !strings.HasSuffix(last, "; missed 0, useless 0") {
		t.Errorf("the last line is %q", last)
	}
	if !strings.Contains(errs.String(), "24 a day: day 1 of 1") {
		t.Errorf("no progress is told: %q", &errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "simulation.md")); err != nil {
		t.Error(err)
	}
}

func TestTune(t *testing.T) {
	var out, errs bytes.Buffer
	if status := run(t.Context(), []string{"--tune", "--users=1", "--days=1", "--rates=6", "--store=redis"}, &out, &errs); status != 0 {
		t.Fatalf("status %d\n%s%s", status, &out, &errs)
	}
	if n := strings.Count(out.String(), "learning "); n != 12 {
		t.Errorf("%d settings were compared, want 12:\n%s", n, &out)
	}
}

func TestBadOptions(t *testing.T) {
	for want, args := range map[string][]string{
		"users: 0":             {"--users=0"},
		"users: 100001":        {"--users=100001"},
		"days: 0":              {"--days=0"},
		"days: 61":             {"--days=61"},
		"rates: 25":            {"--rates=2,25"},
		"rates: -1":            {"--rates=-1"},
		"--store":              {"--store=memcached"},
		"rules.keep_for_first": {"--keep-for-first=-1"},
		"rules.calls":          {"--calls=never"},
		"rules.digest_steps":   {"--digest-steps=1ms"},
		"unexpected argument":  {"docs"},
	} {
		var out, errs bytes.Buffer
		if status := run(t.Context(), args, &out, &errs); status != cli.ExitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%v: status %d, %q, want 2 and a word about %s", args, status, &errs, want)
		}
	}
}
