package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/functionurl"
	"wxnotify/shared/guard"
	"wxnotify/shared/scf"
	"wxnotify/shared/stopwatch"
)

const (
	// maxConnections is how many callers are connected at a time, and maxRequests how many of them are read and worked
	// for. A body has 1 MiB at most, and its event six times that if all of it has to be escaped.
	maxConnections = 4096
	maxRequests    = 128
	// maxWait is how long a request waits for its turn.
	maxWait = 2 * time.Second
	// lookHolds is for how long the answer of a look at the store is given again.
	lookHolds = time.Second
)

// ServeHTTP implements http.Handler: functions at their names and below, as behind their URLs, and the health of the server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !guard.Do(r.Context(), s.log, func() { s.answer(w, r) }) {
		writeError(w, http.StatusInternalServerError, "internal", "internal error")
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		writeJSON(w, http.StatusOK, map[string]string{"status": "up"})
		return
	case "/readyz":
		s.answerReady(w)
		return
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if s.functions[name] == nil {
		writeError(w, http.StatusNotFound, "not_found", "there is no such function")
		return
	}
	if !s.enter(r.Context()) {
		w.Header().Set("Retry-After", "1")
		writeError(w, http.StatusServiceUnavailable, "busy", "too many requests at a time")
		return
	}
	defer func() { <-s.places }()
	if s.cfg.TrustProxy {
		r.RemoteAddr = behindProxy(r)
	}
	event, err := functionurl.Event(r, "/"+rest, scf.MaxBody)
	switch {
	case errors.Is(err, functionurl.ErrTooLarge):
		w.Header().Set("Connection", "close")
		writeError(w, http.StatusRequestEntityTooLarge, "body_too_large", "the body is larger than 1 MiB")
	case err != nil:
		writeError(w, http.StatusBadRequest, "bad_request", err.Error())
	default:
		s.serve(w, r, name, event)
	}
}

// enter waits for a place among the requests at work.
func (s *Server) enter(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case s.places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// serve has a function answer. A caller that leaves does not end it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, name string, event []byte) {
	ctx := context.WithoutCancel(r.Context())
	var reply *functionurl.Reply
	payload, err := s.call(ctx, name, s.functions[name], event)
	if err == nil {
		reply, err = functionurl.ReplyOf(payload)
	}
	if err != nil {
		s.log.ErrorContext(ctx, "no answer", "of", name, "error", err)
		writeError(w, http.StatusInternalServerError, "internal", "internal error")
		return
	}
	reply.Write(w)
}

// behindProxy returns the address that the proxy in front saw, in the form of net/http: the last that is told, because
// callers may send others themselves.
func behindProxy(r *http.Request) string {
	told := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	last := strings.TrimSpace(told[strings.LastIndexByte(told, ',')+1:])
	if ip, err := netip.ParseAddr(last); err == nil {
		return netip.AddrPortFrom(ip, 0).String()
	}
	if both, err := netip.ParseAddrPort(last); err == nil {
		return both.String()
	}
	return r.RemoteAddr
}

// A look is what the last one at the store showed.
type look struct {
	mu    sync.Mutex
	since stopwatch.Watch
	err   error
}

// answerReady says whether the store answers. Its log line, and no answer, has why not.
func (s *Server) answerReady(w http.ResponseWriter) {
	if s.stopAt.Load() != nil {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "stopping"})
		return
	}
	l := &s.looked
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.Elapsed() > lookHolds {
		ctx, cancel := context.WithTimeout(s.ctx, lookBudget)
		defer cancel()
		l.err = s.stores[0].Ping(ctx)
		l.since = stopwatch.Start()
		if l.err != nil {
			s.log.Warn("not ready: the store does not answer", "error", l.err)
		}
	}
	if l.err != nil {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "store": "away"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready", "store": "there"})
}

// writeError answers in the form of all our HTTP APIs.
func writeError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // fails only if the caller has gone
}

// A boundedListener has at most so many connections at a time as there are places.
type boundedListener struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	close  func() error
}

func bounded(l net.Listener, most int) net.Listener {
	b := &boundedListener{Listener: l, places: make(chan struct{}, most), closed: make(chan struct{})}
	b.close = sync.OnceValue(func() error { close(b.closed); return l.Close() })
	return b
}

func (l *boundedListener) Close() error { return l.close() }

func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

type boundedConn struct {
	net.Conn
	leave func()
}

func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
