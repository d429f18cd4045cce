package scf

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"wxnotify/shared/guard"
	"wxnotify/shared/stopwatch"
)

// answerTime is kept back of an event's time: what h waits for ends before the platform ends
// the function, so that h can still say that it failed.
const answerTime = 500 * time.Millisecond

// HTTP returns a Handler that gives h the requests of a function URL or of API
// Gateway, and the platform what h answers, in the integrated response format.
//
// A request's context ends half a second before the event's time is up.
//
// Bodies above MaxBody are answered with 413 before h sees them. An event that is not
// HTTP is an error that names what came. A panic of h is logged with its stack and
// answered with 500. Each request writes one line, without its query.
//
// Requests have no RequestURI; RemoteAddr is as in net/http, with port 0 if none is
// known. A response is handed over when h returns; there is no Flusher or Hijacker.
func HTTP(log *slog.Logger, h http.Handler) Handler { return httpHandler{log, h} }

type httpHandler struct {
	log *slog.Logger
	h   http.Handler
}

func (a httpHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	watch := stopwatch.Start()
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	e, err := decodeEnvelope(event)
	if err != nil {
		return nil, err
	}
	r, err := e.request(ctx)
	path := r.URL.Path // h may change it
	var res *response
	if err != nil {
		res = refusal(err)
	} else {
		res = a.serve(r)
	}
	out, err := res.encode()
	if err != nil {
		a.log.ErrorContext(ctx, "response refused", "alert", "response_too_large", "error", err)
		res = errorResponse(http.StatusInternalServerError, "internal", "internal error")
		if out, err = res.encode(); err != nil {
			return nil, err
		}
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, "request",
		slog.String("method", clip(e.method)), slog.String("path", clip(path)),
		slog.Int("status", res.status), slog.Float64("duration_ms", milliseconds(watch.Elapsed())))
	return out, nil
}

func (a httpHandler) serve(r *http.Request) (res *response) {
	defer func() {
		if v := recover(); v != nil {
			guard.Log(r.Context(), a.log, v)
			res = errorResponse(http.StatusInternalServerError, "internal", "internal error")
		}
	}()
	res = newResponse(r.Method)
	a.h.ServeHTTP(res, r)
	return res
}

// request turns e into what a server of net/http would pass on. With an error the
// request has no body.
func (e *envelope) request(ctx context.Context) (*http.Request, error) {
	r := (&http.Request{
		Method: e.method, URL: e.url(), Header: e.header, RemoteAddr: e.remoteAddr(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}).WithContext(ctx)
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Host = r.Header.Get("Host")
	delete(r.Header, "Host")
	body, err := e.content()
	if err != nil {
		return r, err
	}
	if body != "" {
		r.Body = io.NopCloser(strings.NewReader(body))
		r.ContentLength = int64(len(body))
	}
	return r, nil
}

func refusal(err error) *response {
	if errors.Is(err, errBodyTooLarge) {
		return errorResponse(http.StatusRequestEntityTooLarge, "body_too_large", err.Error())
	}
	return errorResponse(http.StatusBadRequest, "bad_body", err.Error())
}

func errorResponse(status int, code, message string) *response {
	w := newResponse("")
	writeError(w, status, code, message)
	return w
}

// writeError answers in the form of all our HTTP APIs.
func writeError(w http.ResponseWriter, status int, code, message string) {
	type detail struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Neither strings nor our own response can fail here.
	_ = json.NewEncoder(w).Encode(struct {
		Error detail `json:"error"`
	}{detail{code, message}})
}

// clip bounds what a client can make us log.
func clip(text string) string {
	const most = 256
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
}
