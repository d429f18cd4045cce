package scf_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/scf"
)

type counts struct {
	Sent int `json:"sent"`
}

func TestEvent(t *testing.T) {
	since := time.Date(2031, 5, 1, 2, 0, 0, 0, time.UTC)
	spill := &scf.Overflow{Facts: []fact.Fact{{Erase: &fact.Erase{OpenID: "o1"}}}, Since: since}
	for _, c := range []struct {
		name, event string
		want        *scf.Overflow
	}{
		{"wake", `{}`, nil},
		{"timer", string(sample(t, "timer.json")), nil},
		{"timer without a message", string(sample(t, "timer-empty-message.json")), nil},
		{"null", `null`, nil},
		{"spill", `{"spill":{"facts":[{"erase":{"openId":"o1"}}],"since":"2031-05-01T02:00:00Z","later":1},"newer":{}}`, spill},
	} {
		var log lines
		var got scf.DeliverEvent
		h := scf.Event(scf.NewLogger(&log, "deliver", slog.LevelInfo), func(ctx context.Context, e scf.DeliverEvent) (counts, error) {
			got = e
			if scf.RequestID(ctx) != requestID {
				t.Errorf("%s: request id %q", c.name, scf.RequestID(ctx))
			}
			return counts{Sent: 7}, nil
		})
		out, err := h.Invoke(inEvent(t.Context()), []byte(c.event))
		if err != nil || string(out) != `{"sent":7}` {
			t.Errorf("%s: got %s, err %v", c.name, out, err)
		}
		if diff := cmp.Diff(c.want, got.Overflow); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if line := log.only(t, "event"); line["request_id"] != requestID || line["level"] != "INFO" {
			t.Errorf("%s: logged %v", c.name, line)
		}
	}
}

func TestEventErrors(t *testing.T) {
	errAway := errors.New("store: away")
	for _, c := range []struct {
		name, event, want string
		f                 func() (any, error)
	}{
		{"not JSON", `{`, "scf: event: it is not JSON", nil},
		{"empty", ``, "scf: event: it is not JSON", nil},
		{"wrong type", `{"spill":1}`, "scf: event: spill has the wrong type", nil},
		{"no time", `{"spill":{"since":"a private word"}}`, "scf: event: it is not JSON of the shape", nil},
		{"function error", `{}`, "store: away", func() (any, error) { return nil, errAway }},
		{"result", `{}`, "scf: encode the result: ", func() (any, error) { return func() {}, nil }},
	} {
		var log lines
		h := scf.Event(scf.NewLogger(&log, "deliver", slog.LevelInfo), func(context.Context, scf.DeliverEvent) (any, error) { return c.f() })
		out, err := h.Invoke(inEvent(t.Context()), []byte(c.event))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || out != nil {
			t.Errorf("%s: got %s, err %v; want %q", c.name, out, err, c.want)
		}
		if c.name == "function error" && !errors.Is(err, errAway) {
			t.Errorf("%s: error %v is not the function's", c.name, err)
		}
		if line := log.only(t, "event failed"); line["error"] != err.Error() || line["level"] != "ERROR" || line["request_id"] != requestID {
			t.Errorf("%s: logged %v", c.name, line)
		}
	}
}

// A panic ends its own event, and the caller learns nothing of it.
func TestEventPanic(t *testing.T) {
	var log lines
	h := scf.Event(scf.NewLogger(&log, "deliver", slog.LevelInfo), func(context.Context, scf.DeliverEvent) (counts, error) { panic("open sesame") })
	out, err := h.Invoke(inEvent(t.Context()), []byte(`{}`))
	if err == nil || err.Error() != "scf: internal error" || out != nil {
		t.Errorf("got %s, err %v", out, err)
	}
	if line := log.only(t, "panic"); line["request_id"] != requestID || len(log.all(t)) != 1 || strings.Contains(log.text(), "sesame") {
		t.Errorf("logged %s", log.text())
	}
}
