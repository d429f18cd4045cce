package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// What may be sent, in bytes. A client's requests are a few hundred bytes; an announcement
// names up to 500 users.
const (
	maxBody         = 16 << 10
	maxAnnouncement = 256 << 10
)

// retryAfter is in how many seconds to come back when the store is away. It is more than
// one, so that a signature made then is another one.
const retryAfter = "5"

// A fault is an answer that is not a success.
type fault struct {
	status  int
	code    string
	message string
	cause   error // for the log only; nil if the message says it all
	// guess marks what somebody who tries things out would run into: it counts against
	// their address.
	guess bool
}

func (f *fault) Error() string { return f.code + ": " + f.message }
func (f *fault) Unwrap() error { return f.cause }

func badRequest(code, message string) error {
	return &fault{status: http.StatusBadRequest, code: code, message: message}
}

func unauthorized(cause error) error {
	return &fault{status: http.StatusUnauthorized, code: "unauthorized", cause: cause,
		message: "the signature is missing, wrong or expired; log in again, or sign again"}
}

// forged is unauthorized for a signature that is there and does not fit.
func forged(cause error) error {
	f := unauthorized(cause).(*fault)
	f.guess = true
	return f
}

func unavailable(cause error) error {
	return &fault{status: http.StatusServiceUnavailable, code: "unavailable", message: "try again in a moment", cause: cause}
}

// handle turns a function that answers or fails into a handler. A failure that is
// not a fault is answered as "unavailable"; causes are logged, never answered.
func handle(log *slog.Logger, f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		ft, ok := errors.AsType[*fault](err)
		if !ok {
			ft = unavailable(err).(*fault)
		}
		if ft.status >= 500 {
			log.ErrorContext(r.Context(), "request failed", "code", ft.code, "error", ft.cause)
		} else {
			log.WarnContext(r.Context(), "request refused", "code", ft.code, "status", ft.status, "error", ft.cause)
		}
		var body struct {
			Error struct {
				Code    string `json:"code"`
				Message string `json:"message"`
			} `json:"error"`
		}
		body.Error.Code, body.Error.Message = ft.code, ft.message
		w.Header().Set("Content-Type", "application/json")
		if ft.status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(ft.status)
		json.NewEncoder(w).Encode(body)
	}
}

func methodNotAllowed(w http.ResponseWriter, allow string) error {
	w.Header().Set("Allow", allow)
	return &fault{status: http.StatusMethodNotAllowed, code: "method_not_allowed", message: "use " + allow}
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(v)
}

// readBody returns the whole body, of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &fault{status: http.StatusRequestEntityTooLarge, code: "too_large",
			message: fmt.Sprintf("the body is above %d KiB", limit>>10)}
	}
	if err != nil {
		return nil, badRequest("body_lost", "the body did not arrive")
	}
	return b, nil
}

// decode reads one JSON object into v and refuses fields that v does not have.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badRequest("bad_json", "the body is not the JSON object that is expected here: "+jsonFault(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return badRequest("bad_json", "the body goes on after the JSON object")
	}
	return nil
}
