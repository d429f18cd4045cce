package scf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// errInternal is all that a caller learns of a panic: its value may hold a secret.
var errInternal = errors.New("scf: internal error")

// guarded calls f; a panic becomes a log line and errInternal. The library under us
// would hand the panic's value to the caller.
func guarded(ctx context.Context, log *slog.Logger, f func() ([]byte, error)) (out []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(ctx, log, v)
			out, err = nil, errInternal
		}
	}()
	return f()
}

// logPanic must be called by the deferred function that recovered v, so that the stack
// still shows where it came from. Of v only the type is logged, unless it is the
// runtime's own, which holds no data.
func logPanic(ctx context.Context, log *slog.Logger, v any) {
	what := fmt.Sprintf("%T", v)
	var rt runtime.Error
	if err, ok := v.(error); ok && errors.As(err, &rt) {
		what = rt.Error()
	}
	log.ErrorContext(ctx, "panic", "alert", "panic", "panic", what, "stack", string(debug.Stack()))
}
