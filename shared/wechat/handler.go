package wechat

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"wxnotify/shared/fact"
)

// acceptTime is what Accept may take. WeChat cuts the connection after 5 s and sends
// again, three times in all.
// Source: https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/message-push.html
const acceptTime = 4 * time.Second

// A Handler answers WeChat at the URL of the message push settings.
//
// GET is the verification of the URL. POST is a push: its facts are handed to Accept,
// and WeChat is told success once Accept has returned nil. A push without facts, of
// whatever kind, is told success at once, since WeChat sends every event of the
// account to one URL; so is one that cannot be read, and the log says so. If Accept
// fails the answer is 500 and WeChat sends the push again. A refused request is answered
// 400, 403 or 413, with nothing stored.
//
// Answers say nothing of the reason; the log does.
type Handler struct {
	Receiver *Receiver
	// Accept records facts durably. Its ctx ends 4 s after the push came in. It sees
	// the same facts again when WeChat repeats a push.
	Accept func(context.Context, []fact.Fact) error
	Log    *slog.Logger
	Now    func() time.Time
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		h.verify(w, r)
	case http.MethodPost:
		h.push(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		h.Log.WarnContext(r.Context(), "push refused", "reason", "method")
		answer(w, http.StatusMethodNotAllowed, "method not allowed")
	}
}

func (h *Handler) verify(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		h.refuse(w, r, ErrQuery)
		return
	}
	echostr, err := h.Receiver.VerifyURL(query, h.Now())
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Log.InfoContext(r.Context(), "push url verified")
	answer(w, http.StatusOK, echostr)
}

func (h *Handler) push(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), acceptTime)
	defer cancel()
	p, err := h.open(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if e, ok := p.Event.(Unreadable); ok {
		h.Log.WarnContext(ctx, "push cannot be read and was not recorded", "signed", p.Signed, "reason", Reason(e.Cause), "err", e.Cause)
		answer(w, http.StatusOK, "success")
		return
	}
	facts := p.Facts()
	if len(facts) > 0 {
		if err := h.Accept(ctx, facts); err != nil {
			h.Log.ErrorContext(ctx, "push not accepted", "kind", p.Event.Kind(), "err", err)
			answer(w, http.StatusInternalServerError, "try again")
			return
		}
	}
	h.Log.InfoContext(ctx, "push accepted", "kind", p.Event.Kind(), "signed", p.Signed, "facts", len(facts))
	if words := UnknownAnswers(p.answers()); len(words) > 0 {
		h.Log.WarnContext(ctx, "push has words that are not known, which count as no answer", "kind", p.Event.Kind(), "words", words)
	}
	h.alert(ctx, p)
	answer(w, http.StatusOK, "success")
}

func (h *Handler) open(w http.ResponseWriter, r *http.Request) (Push, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return Push{}, ErrTooLarge
		}
		return Push{}, ErrMalformed // the sender went away half-way
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil && !isProbe(body) {
		return Push{}, ErrQuery
	}
	return h.Receiver.Open(query, body, h.Now())
}

// alert tells a person what only a person can act on.
func (h *Handler) alert(ctx context.Context, p Push) {
	if p.penalty() {
		h.Log.ErrorContext(ctx, "WeChat announces a penalty for this mini program: read the notice in the console; subscribe messages may be suspended next",
			"alert", "wechat_penalty")
	}
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusForbidden
	if ref, ok := errors.AsType[*refusal](err); ok {
		status = ref.status
	}
	h.Log.WarnContext(r.Context(), "push refused", "reason", Reason(err), "err", err)
	answer(w, status, "refused")
}

// answer writes text and nothing else: WeChat compares it byte by byte.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, text) // the sender may be gone; it will ask again
}
