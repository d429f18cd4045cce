package scf_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/scf"
)

func TestLogger(t *testing.T) {
	in := inEvent(t.Context())
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want map[string]any
	}{
		{"in an event", func(l *slog.Logger) { l.InfoContext(in, "m", "a", 1) },
			map[string]any{"request_id": requestID, "a": 1.0}},
		{"outside", func(l *slog.Logger) { l.Info("m") }, map[string]any{}},
		{"with attributes", func(l *slog.Logger) { l.With("a", 1).With("b", 2).InfoContext(in, "m", "c", 3) },
			map[string]any{"request_id": requestID, "a": 1.0, "b": 2.0, "c": 3.0}},
		{"in groups", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("").WithGroup("h").InfoContext(in, "m", "c", 3)
		}, map[string]any{"request_id": requestID, "a": 1.0, "g": map[string]any{"b": 2.0, "h": map[string]any{"c": 3.0}}}},
		{"in a group outside", func(l *slog.Logger) { l.WithGroup("g").Info("m", "c", 3) },
			map[string]any{"g": map[string]any{"c": 3.0}}},
		{"many attributes", func(l *slog.Logger) { l.InfoContext(in, "m", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6) },
			map[string]any{"request_id": requestID, "a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": 5.0, "f": 6.0}},
	} {
		var log lines
		c.log(scf.NewLogger(&log, "deliver", slog.LevelInfo))
		got := log.only(t, "m")
		for _, k := range []string{"time", "level", "msg"} {
			if got[k] == nil {
				t.Errorf("%s: no %s", c.name, k)
			}
			delete(got, k)
		}
		c.want["function"] = "deliver"
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Loggers made from one in a group do not disturb one another.
func TestLoggerBranches(t *testing.T) {
	var log lines
	group := scf.NewLogger(&log, "f", slog.LevelInfo).WithGroup("g").With("x", 0)
	if h := group.Handler(); h.WithGroup("") != h { // as slog asks of a Handler
		t.Error("an empty group is another handler")
	}
	a, b := group.With("a", 1), group.With("b", 2)
	ctx := inEvent(context.Background())
	a.InfoContext(ctx, "from a")
	b.InfoContext(ctx, "from b")
	if diff := cmp.Diff(map[string]any{"x": 0.0, "a": 1.0}, log.only(t, "from a")["g"]); diff != "" {
		t.Errorf("a (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"x": 0.0, "b": 2.0}, log.only(t, "from b")["g"]); diff != "" {
		t.Errorf("b (-want +got):\n%s", diff)
	}
}
