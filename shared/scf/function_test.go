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
	"testing"
	"testing/synctest"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"wxnotify/shared/scf"
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
	out, err := h.Invoke(inEvent(t.Context()), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, out)
}

func TestWiredAtStart(t *testing.T) {
	var log lines
	calls := 0
	e := env{"GREETING": "hello", "NAME": "world"}
	h, start := scf.NewFunction("greet", greeter(&calls), e.get, &log)
	start()
	if calls != 1 {
		t.Fatalf("build ran %d times at start, want 1", calls)
	}
	// What is read when used follows the environment, what was wired does not.
	e["GREETING"], e["NAME"] = "bye", "moon"
	for range 3 {
		if res := invoke(t, h, getEvent); res.StatusCode != 200 || res.Body != "hello moon" {
			t.Errorf("got %+v", res)
		}
	}
	if calls != 1 {
		t.Errorf("build ran %d times, want 1", calls)
	}
}

func TestWiredAtTheFirstEvent(t *testing.T) {
	var log lines
	calls := 0
	e := env{}
	h, start := scf.NewFunction("greet", greeter(&calls), e.get, &log)
	start()
	line := log.only(t, "not wired at start; the first event tries again")
	if line["level"] != "INFO" || line["error"] != "GREETING is not set; NAME is not set" || line["function"] != "greet" {
		t.Errorf("logged %v", line)
	}
	e["GREETING"], e["NAME"], e["LOG_LEVEL"] = "hello", "world", "debug"
	for range 3 {
		if res := invoke(t, h, getEvent); res.Body != "hello world" {
			t.Errorf("got %+v", res)
		}
	}
	if calls != 2 {
		t.Errorf("build ran %d times, want 2", calls)
	}
	if n := strings.Count(log.text(), `"msg":"greeting"`); n != 3 {
		t.Errorf("%d debug lines, want 3: LOG_LEVEL came with the event\n%s", n, log.text())
	}
}

func TestMisconfiguredThenCorrected(t *testing.T) {
	var log lines
	calls := 0
	e := env{"NAME": "world"}
	h, start := scf.NewFunction("greet", greeter(&calls), e.get, &log)
	start()
	for i := range 2 {
		res := invoke(t, h, getEvent)
		if res.StatusCode != 500 || code(t, res) != "misconfigured" || strings.Contains(res.Body, "GREETING") {
			t.Errorf("got %+v", res)
		}
		if calls != i+2 {
			t.Errorf("build ran %d times, want %d", calls, i+2)
		}
	}
	failed := 0
	for _, line := range log.all(t) {
		if line["alert"] == "misconfigured" {
			failed++
			if line["level"] != "ERROR" || line["error"] != "GREETING is not set" || line["request_id"] != requestID {
				t.Errorf("logged %v", line)
			}
		}
	}
	if failed != 2 {
		t.Errorf("%d errors logged, want 2\n%s", failed, log.text())
	}
	e["GREETING"] = "hello"
	if res := invoke(t, h, getEvent); res.StatusCode != 200 || res.Body != "hello world" {
		t.Errorf("got %+v", res)
	}
}

func TestMisconfiguredWithAnEvent(t *testing.T) {
	calls := 0
	h, _ := scf.NewFunction("deliver", greeter(&calls), env{}.get, io.Discard)
	for _, event := range []string{`{}`, `{"Type":"Timer"}`, `{"spill":{}}`} {
		out, err := h.Invoke(inEvent(t.Context()), []byte(event))
		if err == nil || !strings.Contains(err.Error(), "not configured") || strings.Contains(err.Error(), "GREETING") || out != nil {
			t.Errorf("%s: got %s, err %v", event, out, err)
		}
	}
}

// A function may answer in its own protocol while it cannot be wired.
func TestOwnFallback(t *testing.T) {
	var log lines
	e := env{}
	calls := 0
	build := func(ctx context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
		h, err := greeter(&calls)(ctx, getenv, log)
		if err != nil {
			h = scf.HTTP(log, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, `{"ActionStatus":"OK","ErrorCode":0}`)
			}))
		}
		return h, err
	}
	h, start := scf.NewFunction("imcallback", build, e.get, &log)
	start()
	if res := invoke(t, h, getEvent); res.StatusCode != 200 || res.Body != `{"ActionStatus":"OK","ErrorCode":0}` {
		t.Errorf("got %+v", res)
	}
	if !strings.Contains(log.text(), `"alert":"misconfigured"`) {
		t.Errorf("not logged: %s", log.text())
	}
	e["GREETING"], e["NAME"] = "hello", "world"
	if res := invoke(t, h, getEvent); res.Body != "hello world" {
		t.Errorf("got %+v", res)
	}
}

func TestBadBuilds(t *testing.T) {
	for name, build := range map[string]scf.Build{
		"panics": func(context.Context, func(string) string, *slog.Logger) (scf.Handler, error) { panic("open sesame") },
		"returns nothing": func(context.Context, func(string) string, *slog.Logger) (scf.Handler, error) {
			return nil, nil
		},
	} {
		var log lines
		h, start := scf.NewFunction("f", build, env{}.get, &log)
		start()
		if res := invoke(t, h, getEvent); res.StatusCode != 500 || code(t, res) != "misconfigured" {
			t.Errorf("%s: got %+v", name, res)
		}
		if strings.Contains(log.text(), "sesame") {
			t.Errorf("%s: the panic's value is in the log: %s", name, log.text())
		}
	}
}

type panicking struct{}

func (panicking) Invoke(context.Context, []byte) ([]byte, error) { panic("open sesame") }

// A Handler that is not from this package cannot hand a panic to the library, which
// would answer with its value.
func TestOwnHandlerPanics(t *testing.T) {
	var log lines
	h, _ := scf.NewFunction("f", func(context.Context, func(string) string, *slog.Logger) (scf.Handler, error) {
		return panicking{}, nil
	}, env{}.get, &log)
	if _, err := h.Invoke(inEvent(t.Context()), []byte(`{}`)); err == nil || err.Error() != "scf: internal error" {
		t.Errorf("got %v", err)
	}
	log.only(t, "panic")
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

func TestConcurrentEventsWireOnce(t *testing.T) {
	calls := 0
	h, _ := scf.NewFunction("greet", greeter(&calls), env{"GREETING": "hello", "NAME": "world"}.get, io.Discard)
	done := make(chan error)
	const n = 8
	for range n {
		go func() {
			_, err := h.Invoke(inEvent(context.Background()), []byte(getEvent))
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if calls != 1 {
		t.Errorf("build ran %d times, want 1", calls)
	}
}

func TestBadLogLevel(t *testing.T) {
	var log lines
	calls := 0
	e := env{"GREETING": "hello", "NAME": "world", "LOG_LEVEL": "loud"}
	h, start := scf.NewFunction("greet", greeter(&calls), e.get, &log)
	start()
	if res := invoke(t, h, getEvent); res.StatusCode != 200 {
		t.Errorf("got %+v", res)
	}
	if !strings.Contains(log.text(), "LOG_LEVEL is not one of debug, info, warn, error; using info") {
		t.Errorf("not logged: %s", log.text())
	}
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
	if got, want := debug.SetMemoryLimit(-1), int64(102<<20); got < want || got > want+1<<20 {
		t.Errorf("the limit is %d, want about %d", got, want)
	}
}
