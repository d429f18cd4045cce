package simulator

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"wxnotify/shared/stopwatch"
)

// maxBody bounds what is read of a request.
const maxBody = 1 << 20

// A request is an API call, read to its end.
type request struct {
	method string
	query  url.Values
	body   []byte
	ended  []func()
}

// atEnd runs f once the answer is about to leave, after all delays.
func (r *request) atEnd(f func()) { r.ended = append(r.ended, f) }

func (r *request) end() {
	for _, f := range r.ended {
		f()
	}
	r.ended = nil
}

// An answer is what an API call says.
type answer struct {
	status      int // 0: 200
	contentType string
	body        []byte
	code        int // errcode or ErrorCode
}

// An api is one platform's endpoints.
type api struct {
	platform string
	// endpoint returns what answers calls of path, or nil.
	endpoint func(path string) func(*request) answer
	// fault answers with a code.
	fault func(code int) answer
	// unknown answers a path without an endpoint.
	unknown func() answer
}

// serve answers one API call, with the faults that strike it.
func (w *World) serve(rw http.ResponseWriter, r *http.Request, a api) {
	if w.ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	w.calls.add()
	defer w.calls.done()

	name := r.URL.Path
	do := a.endpoint(name)
	if do == nil {
		name = "/unknown"
		do = func(*request) answer { return a.unknown() }
	}
	e := w.Faults.take(name)
	x := Exchange{At: w.now(), Name: name, Fault: e.name}
	watch := stopwatch.Start()
	report := func() {
		x.Latency = watch.Elapsed()
		w.Record.add(x)
		w.tell(Event{Platform: a.platform, Kind: EventRequest, Name: name, Code: x.Code,
			Latency: x.Latency, Err: x.Err, Fault: x.Fault})
	}
	if e.refuse {
		x.Err = "refused"
		report()
		refuse(rw)
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		x.Err = "request not read to its end"
		report()
		panic(http.ErrAbortHandler)
	}
	if e.lose {
		x.Err = "lost"
		report()
		w.await(r.Context(), nil)
		panic(http.ErrAbortHandler)
	}
	if e.hold {
		w.waitTurn(r.Context(), e.pattern)
	}
	defer w.Faults.passed(name)

	ans, end := w.act(r, body, do, a, e)
	if !w.pause(r.Context(), e.delay) {
		x.Err = "client gave up"
	}
	end()
	x.Status, x.Code = http.StatusOK, ans.code
	if ans.status != 0 {
		x.Status = ans.status
	}
	if e.drop {
		x.Status, x.Err = 0, "dropped after success"
	}
	report()
	rw.Header().Set("Date", w.now().UTC().Format(http.TimeFormat))
	write(rw, ans, e)
}

// act lets the call take effect, as far as the faults allow.
func (w *World) act(r *http.Request, body []byte, do func(*request) answer, a api, e effect) (ans answer, end func()) {
	switch {
	case e.coded:
		return a.fault(e.code), func() {}
	case e.status != 0:
		return gateway(e.status), func() {}
	}
	again := func() *request {
		return &request{method: r.Method, query: r.URL.Query(), body: body}
	}
	req := again()
	ans = do(req)
	if e.duplicate {
		req.end()
		req = again()
		do(req)
	}
	return ans, req.end
}

func (w *World) waitTurn(ctx context.Context, pattern string) {
	turn := make(chan struct{})
	w.Faults.hold(pattern, func() { close(turn) })
	w.await(ctx, turn)
}

// gateway answers as a proxy in front of the platform does.
func gateway(status int) answer {
	text := "<html>\r\n<head><title>" + http.StatusText(status) + "</title></head>\r\n</html>\r\n"
	return answer{status: status, contentType: "text/html", body: []byte(text)}
}

func write(rw http.ResponseWriter, ans answer, e effect) {
	if e.drop {
		panic(http.ErrAbortHandler)
	}
	body := ans.body
	switch {
	case e.garbage:
		body = []byte("<!DOCTYPE html><p>service maintenance")
	case e.empty:
		body = nil
	}
	h := rw.Header()
	h.Set("Content-Type", ans.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if ans.status == 0 {
		ans.status = http.StatusOK
	}
	rw.WriteHeader(ans.status)
	if !e.half {
		rw.Write(body) // a client that has gone needs no answer
		return
	}
	rw.Write(body[:len(body)/2])
	http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}

// refuser is a ResponseWriter that can make a request fail as if there were no server.
type refuser interface{ refuse() }

// refuse resets the connection. The caller panics with http.ErrAbortHandler next, for
// connections that cannot be taken over.
func refuse(rw http.ResponseWriter) {
	if m, ok := rw.(refuser); ok {
		m.refuse()
		return
	}
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
