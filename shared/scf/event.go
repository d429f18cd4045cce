package scf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"wxnotify/shared/stopwatch"
)

// Event returns a Handler that decodes each event into an In, ignoring fields that In
// does not have, and encodes the Out. A timer's event ({"Type":"Timer",...}) is thus
// an empty In, unless In has fields of those names.
//
// The text of an error that f returns reaches the platform's log and whoever invoked
// the function: it must hold no secret. On an error the platform repeats asynchronous
// events, twice by default. A panic is logged with its stack and answered by an error
// that says nothing.
func Event[In, Out any](log *slog.Logger, f func(ctx context.Context, in In) (Out, error)) Handler {
	return eventHandler[In, Out]{log, f}
}

type eventHandler[In, Out any] struct {
	log *slog.Logger
	f   func(context.Context, In) (Out, error)
}

func (h eventHandler[In, Out]) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	watch := stopwatch.Start()
	out, err := guarded(ctx, h.log, func() ([]byte, error) { return h.call(ctx, event) })
	switch {
	case err == nil:
		h.log.InfoContext(ctx, "event", "duration_ms", milliseconds(watch.Elapsed()))
	case err != errInternal: // the panic has its line already
		h.log.ErrorContext(ctx, "event failed", "duration_ms", milliseconds(watch.Elapsed()), "error", oneLine(err))
	}
	return out, err
}

func (h eventHandler[In, Out]) call(ctx context.Context, event []byte) ([]byte, error) {
	var in In
	if err := json.Unmarshal(event, &in); err != nil {
		return nil, malformed(err)
	}
	out, err := h.f(ctx, in)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("scf: encode the result: %w", err)
	}
	return encoded, nil
}

// malformed says what is wrong with an event and repeats nothing of it: encoding/json
// quotes times and numbers, and an event may hold anybody's words in their place.
func malformed(err error) error {
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && te.Field != "" {
		return fmt.Errorf("scf: event: %s has the wrong type", te.Field)
	}
	return errors.New("scf: event: it is not JSON of the shape that this function takes")
}

// milliseconds keeps three decimals: most callbacks take about one.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
