package scf

import (
	"context"
	"io"
	"log/slog"

	"github.com/tencentyun/scf-go-lib/functioncontext"
)

// RequestID returns the id of the invocation that ctx belongs to, as the platform
// prints it in its own log lines. It stays the same when an asynchronous event is
// retried. It is empty outside of an invocation.
func RequestID(ctx context.Context) string {
	if fc, ok := functioncontext.FromContext(ctx); ok {
		return fc.RequestID
	}
	return ""
}

// NewLogger returns a logger of JSON lines. Each carries function, and request_id if
// it is logged with the context of an invocation.
//
// SCF's log service splits a line's first level into fields and adds its own, whose
// names begin with SCF_. Source: https://cloud.tencent.com/document/product/583/52644
func NewLogger(w io.Writer, function string, level slog.Leveler) *slog.Logger {
	var h slog.Handler = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	h = h.WithAttrs([]slog.Attr{slog.String("function", function)})
	return slog.New(&requestHandler{Handler: h, root: h})
}

// A requestHandler adds request_id to each record, on the first level even if the
// logger has a group open.
type requestHandler struct {
	slog.Handler              // root with what follows the first group
	root         slog.Handler // has no open group
	since        []func(slog.Handler) slog.Handler
}

func (h *requestHandler) Handle(ctx context.Context, r slog.Record) error {
	id := RequestID(ctx)
	if id == "" {
		return h.Handler.Handle(ctx, r)
	}
	attr := slog.String("request_id", id)
	if len(h.since) == 0 {
		r = r.Clone()
		r.AddAttrs(attr)
		return h.Handler.Handle(ctx, r)
	}
	out := h.root.WithAttrs([]slog.Attr{attr})
	for _, again := range h.since {
		out = again(out)
	}
	return out.Handle(ctx, r)
}

func (h *requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.since) == 0 {
		root := h.root.WithAttrs(attrs)
		return &requestHandler{Handler: root, root: root}
	}
	return h.then(func(s slog.Handler) slog.Handler { return s.WithAttrs(attrs) })
}

func (h *requestHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.then(func(s slog.Handler) slog.Handler { return s.WithGroup(name) })
}

func (h *requestHandler) then(step func(slog.Handler) slog.Handler) slog.Handler {
	since := append(h.since[:len(h.since):len(h.since)], step)
	return &requestHandler{Handler: step(h.Handler), root: h.root, since: since}
}
