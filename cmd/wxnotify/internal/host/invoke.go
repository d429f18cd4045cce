package host

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/stopwatch"
)

// A Result is what a function answered.
type Result struct {
	RequestID string
	Payload   []byte
	Duration  time.Duration // of the function, without the wait for an instance
}

// Invoke runs one event and waits for the answer. function is a key or a full name.
//
// ctx bounds the wait for an instance; an event that a function has begun runs to its
// end, as on the platform. Errors: an *InvokeError, which may wrap ErrThrottled,
// ErrTooLarge or ErrBadEvent; ErrUnknownFunction, ErrClosed, or ctx's.
func (h *Host) Invoke(ctx context.Context, function string, event []byte) (Result, error) {
	f, err := h.function(function)
	if err != nil {
		return Result{}, err
	}
	return h.run(ctx, f, newRequestID(), event)
}

// InvokeAsync queues one event of at most MaxAsyncEvent bytes and returns its request
// id, which stays the same over all retries. Errors: as Invoke, and ErrQueueFull.
func (h *Host) InvokeAsync(function string, event []byte) (string, error) {
	f, err := h.function(function)
	if err != nil {
		return "", err
	}
	id := newRequestID()
	if err := checkEvent(f, id, event, MaxAsyncEvent); err != nil {
		return "", err
	}
	if err := h.queue.add(f, id, event); err != nil {
		return "", fmt.Errorf("host: %s: %w", f.Key, err)
	}
	return id, nil
}

func (h *Host) function(name string) (*serverless.Function, error) {
	if f := h.cfg.Project.Function(name); f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("host: %w: %q", ErrUnknownFunction, name)
}

// run has one instance handle the event, and logs a failure.
func (h *Host) run(ctx context.Context, f *serverless.Function, id string, event []byte) (Result, error) {
	if err := checkEvent(f, id, event, MaxEvent); err != nil {
		return Result{}, err
	}
	p := h.pools[f.Key]
	i, err := p.acquire(ctx)
	if err != nil {
		return Result{}, h.notRun(f, id, err)
	}
	watch := stopwatch.Start()
	req := newInvokeRequest(f, h.cfg.Project.Region, id, h.environments[f.Key].event, event)
	payload, reusable, failure := i.handle(req)
	p.release(i, reusable)
	took := watch.Elapsed()
	if failure == nil && len(payload) > MaxReply {
		failure = i.fail(StatusReplyTooLarge, fmt.Sprintf("the response is %d bytes; the platform passes on at most %d", len(payload), MaxReply))
	}
	if failure != nil {
		return Result{}, h.failed(failure, id)
	}
	return Result{RequestID: id, Payload: payload, Duration: took}, nil
}

func checkEvent(f *serverless.Function, id string, event []byte, limit int) error {
	e := &InvokeError{Function: f.Key, RequestID: id}
	switch {
	case len(event) > limit:
		e.Status, e.err = StatusEventTooLarge, ErrTooLarge
		e.Message = fmt.Sprintf("the event is %d bytes; the platform accepts at most %d", len(event), limit)
	case !json.Valid(event):
		e.Status, e.err, e.Message = StatusBadEvent, ErrBadEvent, ErrBadEvent.Error()
	default:
		return nil
	}
	return e
}

// notRun is the error of an event that found no instance.
func (h *Host) notRun(f *serverless.Function, id string, err error) error {
	var e *InvokeError
	switch {
	case errors.As(err, &e): // an instance did not start
		return h.failed(e, id)
	case errors.Is(err, ErrThrottled):
		return &InvokeError{Function: f.Key, RequestID: id, Status: StatusThrottled, Message: err.Error(), err: err}
	}
	return fmt.Errorf("host: %s: %w", f.Key, err)
}

// failed logs e, unless it is only that Close has killed the process.
func (h *Host) failed(e *InvokeError, id string) error {
	if e.Status == StatusExited && h.closing.Load() {
		return fmt.Errorf("host: %s: %w", e.Function, ErrClosed)
	}
	e.RequestID = id
	h.logFailure(e)
	return e
}

func (h *Host) logFailure(e *InvokeError) {
	attrs := []any{"function", e.Function, "request_id", e.RequestID, "status", e.Status, "error", e.Message}
	if len(e.Stack) > 0 {
		attrs = append(attrs, "stack", e.Stack)
	}
	h.cfg.Log.Error("function failed", attrs...)
}

// newRequestID returns a random UUID.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
