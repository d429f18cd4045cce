package testkit

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A T is a test with fewer lines about errors.
type T struct{ *testing.T }

// Must is [Must] of the test.
func (t T) Must(err error) {
	t.Helper()
	Must(t, err)
}

// Must ends a test with an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// HTTPEvent is a request as a function URL makes an event of it.
// Source: https://cloud.tencent.com/document/product/583/96099
func HTTPEvent(method string, query url.Values, header http.Header, body string) []byte {
	q, h := map[string]string{}, map[string]string{"x-scf-remote-addr": "203.0.113.7"}
	for k := range query {
		q[k] = query.Get(k)
	}
	for k := range header {
		h[strings.ToLower(k)] = header.Get(k)
	}
	b, _ := json.Marshal(map[string]any{"httpMethod": method, "path": "/", "queryString": q, "headers": h, "body": body}) // of strings: no error
	return b
}

// Serve has serve take each connection to an address of its own, until the test ends.
func Serve(t testing.TB, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go Accept(l, serve)
	return l.Addr().String()
}

// Accept has serve take each connection, until the listener is closed.
func Accept(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go serve(c)
	}
}
