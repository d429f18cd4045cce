package functions_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An upstream sits between a function and the platforms that it calls over HTTP. The name of a
// request is the action that it is for, or the end of its path.
type upstream struct {
	calls
	url  string
	next http.Handler
}

// newUpstream returns one before next. It ends with the test.
func newUpstream(t *testing.T, next http.Handler) *upstream {
	t.Helper()
	u := &upstream{next: next}
	srv := httptest.NewServer(u)
	t.Cleanup(srv.Close)
	u.url = srv.URL
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	name := r.Header.Get("X-TC-Action")
	if name == "" {
		name = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	h := u.ask(name, 1)
	if h == nil {
		u.next.ServeHTTP(w, r)
		return
	}
	if h.after > 0 {
		u.unheard(r)
	}
	h.done()
	panic(http.ErrAbortHandler) // which closes the connection
}

// unheard has a request take effect whose answer nobody hears.
func (u *upstream) unheard(r *http.Request) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	u.next.ServeHTTP(httptest.NewRecorder(), r)
}
