// Package guard keeps a panic to the piece of work in which it happens, and its text out of the
// log. Deployed code starts goroutines through it alone: a panic that nobody recovers ends the
// process, with all that it was about to do, and prints its value.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
)

// Log writes down that v was recovered. It must be called by the deferred function that
// recovered it, so that the stack still shows where it came from. Of v only the type is
// logged, unless it is the runtime's own, which holds no data.
func Log(ctx context.Context, log *slog.Logger, v any) {
	what := fmt.Sprintf("%T", v)
	var rt runtime.Error
	if err, ok := v.(error); ok && errors.As(err, &rt) {
		what = rt.Error()
	}
	log.ErrorContext(ctx, "panic", "alert", "panic", "panic", what, "stack", string(debug.Stack()))
}

// Do calls f, and reports whether it returned. A panic in it is logged.
func Do(ctx context.Context, log *slog.Logger, f func()) (returned bool) {
	defer func() {
		if v := recover(); v != nil {
			Log(ctx, log, v)
		}
	}()
	f()
	return true
}

// Go calls f as Do does, in a goroutine that wg waits for.
func Go(ctx context.Context, log *slog.Logger, wg *sync.WaitGroup, f func()) {
	wg.Go(func() { Do(ctx, log, f) })
}

// Begin calls f as Do does, in a goroutine, and returns where its result will be: the zero T
// after a panic.
func Begin[T any](ctx context.Context, log *slog.Logger, f func() T) <-chan T {
	out := make(chan T, 1)
	go func() {
		var v T
		Do(ctx, log, func() { v = f() })
		out <- v
	}()
	return out
}
