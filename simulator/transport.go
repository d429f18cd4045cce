package simulator

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"syscall"
)

// Transport returns an http.RoundTripper that reaches the World without a network,
// whatever host a URL names. It suits testing/synctest. Faults look as they do on a
// network: Refuse is a dial error, a dropped answer is io.EOF, a half answer ends in
// io.ErrUnexpectedEOF. Client traces see GotConn and WroteRequest.
func (w *World) Transport() http.RoundTripper { return transport{w} }

type transport struct{ w *World }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in := r.Clone(ctx)
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	in.Body = &tracedBody{Reader: bytes.NewReader(body), trace: httptrace.ContextClientTrace(ctx)}
	out := &memoryWriter{header: http.Header{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer out.recoverAbort()
		t.w.ServeHTTP(out, in)
	}()
	select {
	case <-done:
		return out.response(r)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tracedBody tells the client's trace that the request was written once the server
// has read all of it.
type tracedBody struct {
	*bytes.Reader
	trace *httptrace.ClientTrace
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF && b.trace != nil {
		if f := b.trace.GotConn; f != nil {
			f(httptrace.GotConnInfo{})
		}
		if f := b.trace.WroteRequest; f != nil {
			f(httptrace.WroteRequestInfo{})
		}
		b.trace = nil
	}
	return n, err
}

func (b *tracedBody) Close() error { return nil }

// memoryWriter collects an answer.
type memoryWriter struct {
	header           http.Header
	status           int
	body             bytes.Buffer
	refused, aborted bool
}

func (m *memoryWriter) Header() http.Header { return m.header }
func (m *memoryWriter) refuse()             { m.refused = true }
func (m *memoryWriter) Flush()              {}

func (m *memoryWriter) WriteHeader(status int) {
	if m.status == 0 {
		m.status = status
	}
}

func (m *memoryWriter) Write(p []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.body.Write(p)
}

func (m *memoryWriter) recoverAbort() {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		m.aborted = true
	default:
		panic(v)
	}
}

func (m *memoryWriter) response(r *http.Request) (*http.Response, error) {
	switch {
	case m.refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case m.status == 0 && m.aborted:
		return nil, io.EOF
	case m.status == 0:
		return nil, errors.New("simulator: no answer")
	}
	var body io.Reader = &m.body
	if m.aborted {
		body = io.MultiReader(&m.body, brokenOff{})
	}
	return &http.Response{
		Status:     strconv.Itoa(m.status) + " " + http.StatusText(m.status),
		StatusCode: m.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        m.header,
		Body:          io.NopCloser(body),
		ContentLength: -1,
		Request:       r,
	}, nil
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
