package host

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"wxnotify/cmd/wxnotify/internal/functionurl"
)

// serve answers the Invoke API at "/" and the functions' URLs below it. It is no
// ServeMux because a function URL passes every path on as it came.
func (h *Host) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		h.serveAPI(w, r)
		return
	}
	key, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	f := h.cfg.Project.Function(key)
	if f == nil || f.Key != key || f.URL == nil {
		h.writeFailure(w, http.StatusNotFound, &InvokeError{
			Status:  http.StatusNotFound,
			Message: "there is no function URL /" + key + "; there is " + strings.Join(h.urls(), ", "),
		})
		return
	}
	event, err := functionurl.Event(r, "/"+rest, MaxEvent)
	if err != nil {
		h.writeInvokeError(w, unreadable(err))
		return
	}
	result, err := h.Invoke(r.Context(), key, event)
	if err != nil {
		h.writeInvokeError(w, err)
		return
	}
	reply, err := functionurl.ReplyOf(result.Payload)
	if err != nil {
		e := &InvokeError{Function: key, RequestID: result.RequestID, Status: statusBadReply, Message: err.Error()}
		h.logFailure(e)
		h.writeInvokeError(w, e)
		return
	}
	reply.Write(w)
}

// unreadable is the answer to a request of which no event can be made.
func unreadable(err error) *InvokeError {
	if errors.Is(err, functionurl.ErrTooLarge) {
		return &InvokeError{Status: StatusEventTooLarge, err: ErrTooLarge,
			Message: err.Error() + "; the platform accepts events of at most " + strconv.Itoa(MaxEvent) + " bytes"}
	}
	return &InvokeError{Status: StatusBadEvent, Message: err.Error()}
}

// urls lists the paths of the functions that have a URL.
func (h *Host) urls() []string {
	var paths []string
	for _, f := range h.cfg.Project.Functions {
		if f.URL != nil {
			paths = append(paths, "/"+f.Key)
		}
	}
	return paths
}

// writeInvokeError answers for a function that did not.
func (h *Host) writeInvokeError(w http.ResponseWriter, err error) {
	var e *InvokeError
	if !errors.As(err, &e) { // the host closes, or the caller has gone
		h.writeFailure(w, http.StatusServiceUnavailable, &InvokeError{Status: http.StatusServiceUnavailable, Message: err.Error()})
		return
	}
	status := http.StatusInternalServerError
	switch e.Status {
	case StatusBadEvent:
		status = http.StatusBadRequest
	case StatusEventTooLarge:
		status = http.StatusRequestEntityTooLarge
	case StatusThrottled:
		status = http.StatusTooManyRequests
	case StatusReplyTooLarge, statusBadReply:
		status = http.StatusBadGateway
	}
	h.writeFailure(w, status, e)
}

// writeFailure writes the platform's error JSON, without the stack that it would show.
func (h *Host) writeFailure(w http.ResponseWriter, status int, e *InvokeError) {
	writeJSON(w, status, struct {
		ErrorCode    int    `json:"errorCode"`
		ErrorMessage string `json:"errorMessage"`
		RequestID    string `json:"requestId"`
		StatusCode   int    `json:"statusCode"`
	}{e.errorCode(), e.Message, e.RequestID, e.Status})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // fails only if the caller has gone
}
