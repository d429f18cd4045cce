package functest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"
)

// An Upstream sits between a function and the platforms that it calls over HTTP.
type Upstream struct {
	URL   string
	next  http.Handler
	calls calls
}

// NewUpstream returns one before next. It ends with the test.
func NewUpstream(t *testing.T, next http.Handler) *Upstream {
	t.Helper()
	u := &Upstream{next: next}
	srv := httptest.NewServer(u)
	t.Cleanup(srv.Close)
	u.URL = srv.URL
	return u
}

// On has f asked about each request before it is passed on. Its name is the action that
// it is for, or the end of its path. Nil passes everything.
func (u *Upstream) On(f func(Request) *Cut) { u.calls.on(f) }

func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	name := r.Header.Get("X-TC-Action")
	if name == "" {
		name = path.Base(r.URL.Path)
	}
	cut := u.calls.ask(name, 1)
	if cut == nil {
		u.next.ServeHTTP(w, r)
		return
	}
	if cut.After > 0 {
		u.unheard(r)
	}
	cut.then()
	panic(http.ErrAbortHandler) // which closes the connection
}

// unheard has a request take effect whose answer nobody hears.
func (u *Upstream) unheard(r *http.Request) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	u.next.ServeHTTP(discard{http.Header{}}, r)
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
