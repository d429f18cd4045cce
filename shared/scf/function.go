package scf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"wxnotify/shared/guard"
	"wxnotify/shared/stopwatch"
	"wxnotify/shared/version"
)

// errInternal is all that a caller learns of a panic: its value may hold a secret.
var errInternal = errors.New("scf: internal error")

// errMisconfigured is all that a caller learns of a function that cannot be wired.
var errMisconfigured = errors.New("the function is not configured; its log says what is missing")

// A function is a Build on its way to a Handler.
type function struct {
	build  Build
	getenv func(string) string
	level  *slog.LevelVar
	log    *slog.Logger

	fitted sync.Once

	mu    sync.Mutex
	wired Handler // nil until build has succeeded; never changes after that
}

func newFunction(name string, build Build, getenv func(string) string, out io.Writer) *function {
	level := new(slog.LevelVar)
	return &function{build: build, getenv: getenv, level: level, log: NewLogger(out, name, level)}
}

// start says which version this is, whatever LOG_LEVEL says, and wires if the settings are there already.
// Otherwise the first event will.
func (f *function) start() {
	f.log.Info("the function starts", "version", version.String())
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if _, err := f.wire(ctx); err != nil {
		f.log.Info("not wired at start; the first event tries again", "error", oneLine(err))
	}
}

// Invoke implements cloudfunction.Handler.
func (f *function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	f.fitted.Do(func() { fit(ctx) })
	ctx, cancel := timed(ctx)
	defer cancel()
	h := f.handler(ctx)
	return guarded(ctx, f.log, func() ([]byte, error) { return h.Invoke(ctx, event) })
}

// fit has garbage collected as the function's memory allows: seldom, since an event leaves some 50 KB, and
// often when two thirds of it are in use: the rest is the program, stacks, and what is to be collected.
func fit(ctx context.Context) {
	const garbage = 400 // percent of what is in use
	if fc, ok := functioncontext.FromContext(ctx); ok && fc.MemoryLimitInMb > 0 {
		debug.SetGCPercent(garbage)
		debug.SetMemoryLimit(int64(fc.MemoryLimitInMb) << 20 / 3 * 2)
	}
}

// guarded calls f; a panic becomes a log line and errInternal. The library under us
// would hand the panic's value to the caller.
func guarded(ctx context.Context, log *slog.Logger, f func() ([]byte, error)) (out []byte, err error) {
	if !guard.Do(ctx, log, func() { out, err = f() }) {
		return nil, errInternal
	}
	return out, err
}

// timed returns ctx with the time that the platform gives the event, counted from now by the
// monotonic clock. The library under us compares the platform's absolute deadline with this
// machine's clock: one that is ahead by the function's timeout would end the event before it
// begins. Without a limit the library's deadline stays.
// Source: https://github.com/tencentyun/scf-go-lib, cloudfunction/function.go
func timed(ctx context.Context) (context.Context, context.CancelFunc) {
	fc, ok := functioncontext.FromContext(ctx)
	if !ok || fc.TimeLimitInMs <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), time.Duration(fc.TimeLimitInMs)*time.Millisecond)
}

// handler returns the wired Handler, or what answers in its place.
func (f *function) handler(ctx context.Context) Handler {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wired != nil {
		return f.wired
	}
	wireCtx, cancel := context.WithTimeout(ctx, wireTime(ctx))
	defer cancel()
	h, err := f.wire(wireCtx)
	if err == nil {
		return h
	}
	f.log.ErrorContext(ctx, "the function is not configured: correct what error names, and deploy again",
		"alert", "misconfigured", "error", oneLine(err))
	if h != nil {
		return h
	}
	return unwired{f.log}
}

// wireTime leaves half of the event's time for the answer.
func wireTime(ctx context.Context) time.Duration {
	left, bounded := stopwatch.Left(ctx)
	if !bounded {
		return startTimeout
	}
	return left / 2
}

// wire calls build and keeps what it returns without an error. f.mu is held, or
// nobody else knows f yet.
func (f *function) wire(ctx context.Context) (h Handler, err error) {
	defer func() {
		if v := recover(); v != nil {
			guard.Log(ctx, f.log, v)
			h, err = nil, errors.New("panic while wiring")
		}
	}()
	f.setLevel(ctx)
	h, err = f.build(ctx, f.getenv, f.log)
	if err == nil && h == nil {
		err = errors.New("build returned neither a handler nor an error")
	}
	if err != nil {
		return h, err
	}
	f.wired = h
	return h, nil
}

func (f *function) setLevel(ctx context.Context) {
	text := f.getenv("LOG_LEVEL")
	if text == "" {
		return
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		level = slog.LevelInfo
		f.log.WarnContext(ctx, "LOG_LEVEL is not one of debug, info, warn, error; using info")
	}
	f.level.Set(level)
}

// oneLine prints a joined error as one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// unwired answers for a function that has no Handler of its own yet.
type unwired struct{ log *slog.Logger }

func (u unwired) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	out, err := HTTP(u.log, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusInternalServerError, "misconfigured", errMisconfigured.Error())
	})).Invoke(ctx, event)
	if err != nil {
		return nil, fmt.Errorf("scf: %w", errMisconfigured)
	}
	return out, nil
}
