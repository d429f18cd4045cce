package im

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"wxnotify/shared/fact"
)

// okJSON is the answer that lets everything pass: to an After it is a receipt, to a
// Before it means "deliver".
// Source: https://cloud.tencent.com/document/product/269/1522
const okJSON = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`

// DefaultBudget leaves a quarter of IM's 2 s for the way there and back.
const DefaultBudget = 1500 * time.Millisecond

// Acknowledge answers every request with IM's OK and does nothing else. It takes the
// place of a Handler that could not be made, so that nobody's chat is blocked.
type Acknowledge struct{}

func (Acknowledge) ServeHTTP(w http.ResponseWriter, _ *http.Request) { writeOK(w) }

// A Handler receives IM's callbacks.
//
// Whatever is authentic and readable is answered 200 with IM's OK, whatever becomes
// of it behind: a failing Accept is our loss, never the sender's. Refused are what is
// not authentic (403), other methods than GET, HEAD and POST (405), bodies above
// MaxBody (413), and what cannot be understood without guessing (400). A callback
// that IM makes before it lets something happen is never refused once it is
// authentic: the refusal is logged, and IM's OK lets it happen.
//
// A request that carries nothing to record is a probe, as the console's verify button
// sends before authentication can be on, and is answered 200 with IM's OK: GET, HEAD,
// and a POST without a signature, without a command, and with {} or nothing as its body.
type Handler struct {
	Receiver *Receiver
	// Accept records the facts of one callback. It has until its context's deadline
	// and is not called for callbacks without facts.
	Accept func(context.Context, []fact.Fact) error
	Log    *slog.Logger // nil: no log
	Now    func() time.Time
	Budget time.Duration // for Accept; 0: DefaultBudget
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		h.receive(w, r)
	case http.MethodGet, http.MethodHead:
		h.probed(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		writeError(w, http.StatusMethodNotAllowed, "method_not_allowed", "callbacks are sent with POST")
	}
}

func (h *Handler) receive(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		h.refuse(w, r, http.StatusForbidden, "", ErrBadQuery)
		return
	}
	if err := h.Receiver.Verify(query, h.Now()); err != nil {
		if bare(query) && carriesNothing(r.Body) {
			h.probed(w, r)
			return
		}
		h.refuse(w, r, http.StatusForbidden, claimedCommand(query), err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		h.refuseBody(w, r, commandOf(query), err)
		return
	}
	cb, err := Decode(query, body)
	if field, ok := errors.AsType[*FieldError](err); ok {
		h.log().WarnContext(r.Context(), "im callback is incomplete and was not recorded",
			"reason", Reason(err), "command", loggable(cb.Command), "field", field.Field)
		writeOK(w)
		return
	}
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, cb.Command, err)
		return
	}
	if cb.Kind == KindProbe {
		h.probed(w, r)
		return
	}
	h.accept(r.Context(), cb)
	writeOK(w)
}

func (h *Handler) probed(w http.ResponseWriter, r *http.Request) {
	h.log().InfoContext(r.Context(), "im callback URL was probed", "kind", string(KindProbe), "method", r.Method)
	writeOK(w)
}

// maxProbe is how much of a body is read before its sender is known.
const maxProbe = 64

// bare reports whether query has neither a signature nor a command.
func bare(query url.Values) bool {
	for name, values := range query {
		switch asciiLower(name) {
		case "sign", "requesttime", "callbackcommand", "command":
			if strings.Join(values, "") != "" {
				return false
			}
		}
	}
	return true
}

func carriesNothing(body io.Reader) bool {
	b, err := io.ReadAll(io.LimitReader(body, maxProbe+1))
	if err != nil || len(b) > maxProbe {
		return false
	}
	o, err := parseBody(b)
	return err == nil && len(o) == 0
}

// accept hands the facts over and logs what became of them.
func (h *Handler) accept(ctx context.Context, cb Callback) {
	facts := cb.Facts()
	log := h.log().With("command", loggable(cb.Command), "kind", string(cb.Kind))
	if cb.Kind == KindUnknown {
		log.InfoContext(ctx, "im callback has an unknown command", "reason", "unknown_command")
	}
	if len(facts) == 0 {
		return
	}
	budget := h.Budget
	if budget <= 0 {
		budget = DefaultBudget
	}
	bounded, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	if err := h.guarded(bounded, facts); err != nil {
		log.ErrorContext(ctx, "im callback was not recorded: neither the store nor deliver takes anything", "alert", "lost", "reason", "not_recorded", "error", err)
		return
	}
	log.DebugContext(ctx, "im callback recorded", "facts", len(facts))
}

// guarded turns a panic into an error: a 500 could block the sender's message. The
// panic's value may hold anything, so only its type is told.
func (h *Handler) guarded(ctx context.Context, facts []fact.Fact) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("im: Accept panicked with a %T\n%s", v, debug.Stack())
		}
	}()
	return h.Accept(ctx, facts)
}

func (h *Handler) refuseBody(w http.ResponseWriter, r *http.Request, command string, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		h.refuse(w, r, http.StatusRequestEntityTooLarge, command, ErrTooLarge)
		return
	}
	h.refuse(w, r, http.StatusBadRequest, command, errBodyLost)
}

var errBodyLost error = &refusal{"body_lost", "callback: the body did not arrive"}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, command string, err error) {
	reason := Reason(err)
	h.log().WarnContext(r.Context(), "im callback refused", "reason", reason, "command", loggable(command))
	if status != http.StatusForbidden && beforehand(command) {
		writeOK(w)
		return
	}
	// Rejected callers get no reason.
	message := "not accepted"
	if status != http.StatusForbidden {
		message = err.Error()
	} else {
		reason = "forbidden"
	}
	writeError(w, status, reason, message)
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

// beforehand reports whether IM waits for our answer to command before it lets something
// happen. There are more of them than we decode.
// Source: https://cloud.tencent.com/document/product/269/1523
func beforehand(command string) bool {
	return strings.Contains(command, ".CallbackBefore") || strings.Contains(command, ".CallbackPrev")
}

// claimedCommand returns the command that query names, if it is one of those we know:
// nothing else of a query that nobody vouches for reaches the log.
func claimedCommand(query url.Values) string {
	command := query.Get("CallbackCommand")
	if decoders[command] == nil {
		return "other"
	}
	return command
}

// commandOf returns the command that query names; "" if it names more than one.
func commandOf(query url.Values) string {
	p, _ := parameters(query)
	return p["callbackcommand"]
}

// loggable keeps a command out of the log that does not look like one.
func loggable(command string) string {
	if len(command) > 64 {
		return "other"
	}
	for _, c := range []byte(command) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_') {
			return "other"
		}
	}
	return command
}

func writeOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, okJSON)
}

// writeError answers in our own form, not in IM's: there an ErrorCode could be read
// as a decision about a message.
func writeError(w http.ResponseWriter, status int, code, message string) {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = code, message
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
