package scf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tencentyun/scf-go-lib/functioncontext"

	"wxnotify/shared/scf"
)

const requestID = "b615b896-d197-47d7-8919-000000000001"

// inEvent is the context that the library makes for an event.
func inEvent(ctx context.Context) context.Context {
	return functioncontext.NewContext(ctx, &functioncontext.FunctionContext{RequestID: requestID})
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A seen request is what an http.Handler was given.
type seen struct {
	Method, Path, RawPath, RawQuery, Host, RemoteAddr, Body string
	Length                                                  int64
	Header                                                  http.Header
}

// receive gives event to a Handler and returns the request that came out of it.
func receive(t testing.TB, event []byte) (got seen, calls int, res response, err error) {
	t.Helper()
	h := scf.HTTP(slog.New(slog.DiscardHandler), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the body: %v", err)
		}
		got = seen{r.Method, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.Host, r.RemoteAddr, string(body), r.ContentLength, r.Header}
	}))
	out, err := h.Invoke(inEvent(t.Context()), event)
	if err == nil {
		res = decode(t, out)
	}
	return got, calls, res, err
}

// A response is an integrated response.
type response struct {
	IsBase64Encoded bool
	StatusCode      int
	Headers         map[string]any
	Body            string
}

func decode(t testing.TB, out []byte) (r response) {
	t.Helper()
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("response %q: %v", out, err)
	}
	return r
}

// answer invokes f with a small request and returns its response.
func answer(t testing.TB, log *slog.Logger, f http.HandlerFunc) []byte {
	t.Helper()
	out, err := scf.HTTP(log, f).Invoke(inEvent(t.Context()), []byte(`{"httpMethod":"GET","path":"/x"}`))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func code(t testing.TB, r response) string {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(r.Body), &e); err != nil {
		t.Fatalf("error body %q: %v", r.Body, err)
	}
	if e.Error.Message == "" {
		t.Errorf("error body %q has no message", r.Body)
	}
	return e.Error.Code
}

// lines is a log under test. It is safe for concurrent use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) all(t testing.TB) (all []map[string]any) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewBufferString(l.text())); ; {
		var line map[string]any
		err := d.Decode(&line)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("log is not JSON lines: %v\n%s", err, l.text())
		}
		all = append(all, line)
	}
}

// only returns the one line with msg.
func (l *lines) only(t testing.TB, msg string) map[string]any {
	t.Helper()
	var found []map[string]any
	for _, line := range l.all(t) {
		if line["msg"] == msg {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d lines %q, want 1\n%s", len(found), msg, l.text())
	}
	return found[0]
}
