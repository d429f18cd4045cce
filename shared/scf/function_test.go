package scf_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"wxnotify/shared/scf"
	"wxnotify/shared/version"
)

const getEvent = `{"httpMethod":"GET","path":"/"}`

// settings names what is missing of the settings that the functions here need.
func settings(getenv func(string) string) error {
	var errs []error
	for _, name := range []string{"GREETING", "NAME"} {
		if getenv(name) == "" {
			errs = append(errs, fmt.Errorf("%s is not set", name))
		}
	}
	return errors.Join(errs...)
}

// greeter is a Build of an HTTP function with two settings. It counts its calls.
func greeter(calls *int) scf.Build {
	return func(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
		*calls++
		if err := settings(getenv); err != nil {
			return nil, err
		}
		greeting := getenv("GREETING")
		return scf.HTTP(log, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			log.DebugContext(r.Context(), "greeting")
			io.WriteString(w, greeting+" "+getenv("NAME"))
		})), nil
	}
}

func invoke(t *testing.T, h scf.Handler, event string) response {
	t.Helper()
	return invokeIn(inEvent(t.Context()), t, h, event)
}

func invokeIn(ctx context.Context, t *testing.T, h scf.Handler, event string) response {
	t.Helper()
	out, err := h.Invoke(ctx, []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, out)
}

func TestWiredAtStart(t *testing.T) {
	calls := 0
	e := env{"GREETING": "hello", "NAME": "world"}
	h, start := scf.NewFunction("greet", greeter(&calls), e.get, io.Discard)
	start()
	if calls != 1 {
		t.Fatalf("build ran %d times at start, want 1", calls)
	}
	// What is read when used follows the environment, what was wired does not.
	e["GREETING"], e["NAME"] = "bye", "moon"
	for range 2 {
		if res := invoke(t, h, getEvent); res.StatusCode != 200 || res.Body != "hello moon" || calls != 1 {
			t.Errorf("got %+v, built %d times", res, calls)
		}
	}
}

// What comes with events is there for the first that has it all.
func TestWiredByAnEvent(t *testing.T) {
	var log lines
	calls := 0
	e := env{}
	h, start := scf.NewFunction("greet", greeter(&calls), e.get, &log)
	start()
	if first := log.all(t)[0]; first["msg"] != "the function starts" || first["version"] != version.String() {
		t.Errorf("first logged %v", first)
	}
	line := log.only(t, "not wired at start; the first event tries again")
	if line["level"] != "INFO" || line["error"] != "GREETING is not set; NAME is not set" {
		t.Errorf("logged %v", line)
	}
	e["NAME"] = "world"
	for i := range 2 {
		res := invoke(t, h, getEvent)
		if res.StatusCode != 500 || code(t, res) != "misconfigured" || strings.Contains(res.Body, "GREETING") || calls != i+2 {
			t.Errorf("got %+v, built %d times", res, calls)
		}
	}
	failed := 0
	for _, line := range log.all(t) {
		if line["alert"] == "misconfigured" && line["level"] == "ERROR" && line["error"] == "GREETING is not set" && line["request_id"] == requestID {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d errors logged, want 2\n%s", failed, log.text())
	}
	e["GREETING"], e["LOG_LEVEL"] = "hello", "debug"
	for range 3 {
		if res := invoke(t, h, getEvent); res.StatusCode != 200 || res.Body != "hello world" || calls != 4 {
			t.Errorf("got %+v, built %d times", res, calls)
		}
	}
	if n := strings.Count(log.text(), `"msg":"greeting"`); n != 3 {
		t.Errorf("%d debug lines, want 3: LOG_LEVEL came with the event\n%s", n, log.text())
	}
}

// A function may answer in its own protocol while it cannot be wired.
func TestOwnFallback(t *testing.T) {
	e, calls := env{}, 0
	build := func(ctx context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
		h, err := greeter(&calls)(ctx, getenv, log)
		if err != nil {
			h = scf.HTTP(log, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "OK") }))
		}
		return h, err
	}
	h, _ := scf.NewFunction("imcallback", build, e.get, io.Discard)
	if res := invoke(t, h, getEvent); res.StatusCode != 200 || res.Body != "OK" {
		t.Errorf("got %+v", res)
	}
	e["GREETING"], e["NAME"] = "hello", "world"
	if res := invoke(t, h, getEvent); res.Body != "hello world" {
		t.Errorf("got %+v", res)
	}
}

type panicking struct{}

func (panicking) Invoke(context.Context, []byte) ([]byte, error) { panic("open sesame") }

// Who invokes a function that fails learns no setting's name, and no value of a panic, which the
// library under us would tell.
func TestBadBuildsAndHandlers(t *testing.T) {
	const notConfigured = "scf: the function is not configured"
	for name, c := range map[string]struct {
		build scf.Build
		want  string
	}{
		"build fails":         {greeter(new(int)), notConfigured},
		"build panics":        {func(context.Context, func(string) string, *slog.Logger) (scf.Handler, error) { panic("open sesame") }, notConfigured},
		"build makes nothing": {func(context.Context, func(string) string, *slog.Logger) (scf.Handler, error) { return nil, nil }, notConfigured},
		"the handler panics":  {func(context.Context, func(string) string, *slog.Logger) (scf.Handler, error) { return panicking{}, nil }, "scf: internal error"},
	} {
		var log lines
		h, start := scf.NewFunction("f", c.build, env{}.get, &log)
		start()
		if _, err := h.Invoke(inEvent(t.Context()), []byte(`{}`)); err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "GREETING") {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if log.text() == "" || strings.Contains(log.text(), "sesame") {
			t.Errorf("%s: the log is silent, or has the panic's value: %s", name, log.text())
		}
	}
}

// While a slow wiring fails, half of the event's time is left to answer in.
func TestWiringLeavesTimeToAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, _ func(string) string, _ *slog.Logger) (scf.Handler, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		h, start := scf.NewFunction("f", slow, env{}.get, io.Discard)
		began := time.Now()
		start()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("the start took %v, want 10s", took)
		}
		ctx, cancel := context.WithTimeout(inEvent(t.Context()), 3*time.Second)
		defer cancel()
		began = time.Now()
		out, err := h.Invoke(ctx, []byte(getEvent))
		if took := time.Since(began); took != 1500*time.Millisecond || ctx.Err() != nil {
			t.Errorf("answered after %v", took)
		}
		if err != nil || decode(t, out).StatusCode != 500 {
			t.Errorf("got %s, err %v", out, err)
		}
	})
}

// An event has the time that the platform gives it, however far its clock and the machine's are apart:
// the library's deadline may be over before the event begins. Without a limit that deadline stays.
func TestTimeOfAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			limit         int32
			library, want time.Duration
			ended         error
		}{
			{60_000, time.Minute, 59500 * time.Millisecond, nil},
			{60_000, -50 * time.Second, 59500 * time.Millisecond, nil},
			{60_000, 20 * 365 * 24 * time.Hour, 59500 * time.Millisecond, nil},
			{0, time.Minute, 59500 * time.Millisecond, nil},
			{0, -time.Minute, -60500 * time.Millisecond, context.DeadlineExceeded},
		} {
			h, _ := scf.NewFunction("f", func(_ context.Context, _ func(string) string, log *slog.Logger) (scf.Handler, error) {
				return scf.HTTP(log, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					deadline, _ := r.Context().Deadline()
					if left := time.Until(deadline); left != c.want || r.Context().Err() != c.ended {
						t.Errorf("%+v: %v are left, %v", c, left, r.Context().Err())
					}
				})), nil
			}, env{}.get, io.Discard)
			ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(c.library))
			defer cancel()
			ctx = functioncontext.NewContext(ctx, &functioncontext.FunctionContext{RequestID: requestID, TimeLimitInMs: c.limit})
			invokeIn(ctx, t, h, getEvent)
		}
	})
}

func TestConcurrentEventsWireOnce(t *testing.T) {
	calls := 0
	h, _ := scf.NewFunction("greet", greeter(&calls), env{"GREETING": "hello", "NAME": "world"}.get, io.Discard)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := h.Invoke(inEvent(context.Background()), []byte(getEvent)); err != nil {
				t.Error(err)
			}
		})
	}
	if wg.Wait(); calls != 1 {
		t.Errorf("build ran %d times, want 1", calls)
	}
}

func TestBadLogLevel(t *testing.T) {
	var log lines
	calls := 0
	e := env{"GREETING": "hello", "NAME": "world", "LOG_LEVEL": "loud"}
	h, _ := scf.NewFunction("greet", greeter(&calls), e.get, &log)
	if res := invoke(t, h, getEvent); res.StatusCode != 200 {
		t.Errorf("got %+v", res)
	}
	log.only(t, "LOG_LEVEL is not one of debug, info, warn, error; using info")
	log.only(t, "request") // at level info
}

// Garbage is collected by the memory that the platform gives the function, as the first event says.
func TestMemoryFitsTheFunction(t *testing.T) {
	memory, garbage := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	defer debug.SetMemoryLimit(memory)
	defer debug.SetGCPercent(garbage)
	h, _ := scf.NewFunction("greet", func(context.Context, func(string) string, *slog.Logger) (scf.Handler, error) {
		return nil, errors.New("not wired")
	}, os.Getenv, io.Discard)
	_, _ = h.Invoke(functioncontext.NewContext(t.Context(), &functioncontext.FunctionContext{MemoryLimitInMb: 128}), nil)
	if got, want := debug.SetMemoryLimit(-1), int64(85<<20); got < want || got > want+1<<20 {
		t.Errorf("the limit is %d, want about %d", got, want)
	}
}
