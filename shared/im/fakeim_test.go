package im_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

const testKey = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"

// fakeIM is the REST API: answer says what it replies to the nth request, from 1. It
// checks the outer form of every request itself.
type fakeIM struct {
	t      testing.TB
	answer func(n int, path string, request []byte) (status int, reply string)

	mu       sync.Mutex
	paths    []string
	requests [][]byte
	sigs     []string
	randoms  []string
}

func (f *fakeIM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	q := r.URL.Query()
	if r.Method != http.MethodPost || q.Get("sdkappid") != strconv.Itoa(testAppID) || q.Get("identifier") != "administrator" ||
		q.Get("contenttype") != "json" || len(q) != 5 {
		f.t.Errorf("%s with query %v", r.Method, q)
	}
	if _, err := strconv.ParseUint(q.Get("random"), 10, 32); err != nil {
		f.t.Errorf("random: %v", err)
	}
	if err := newSigner(f.t, testAppID, testKey).Verify("administrator", q.Get("usersig"), time.Now()); err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	f.paths, f.requests = append(f.paths, r.URL.Path), append(f.requests, body)
	f.sigs, f.randoms = append(f.sigs, q.Get("usersig")), append(f.randoms, q.Get("random"))
	n := len(f.paths)
	f.mu.Unlock()
	status, reply := f.answer(n, r.URL.Path, body)
	w.WriteHeader(status)
	io.WriteString(w, reply)
}

// calls returns how many requests came.
func (f *fakeIM) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.paths)
}

// RoundTrip lets a fakeIM be reached without a network, so that time can be faked.
func (f *fakeIM) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result(), nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newClient(t testing.TB, cfg im.ClientConfig) *im.Client {
	t.Helper()
	cfg.SDKAppID, cfg.SecretKey = testAppID, secret.New(testKey)
	if cfg.Now == nil {
		cfg.Now = time.Now // the bubble's, in one
	}
	c, err := im.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// direct returns a client that reaches f without a network.
func direct(t testing.TB, f *fakeIM) *im.Client {
	return newClient(t, im.ClientConfig{HTTPClient: &http.Client{Transport: f}})
}

// served returns a client that reaches f over loopback.
func served(t testing.TB, f *fakeIM) *im.Client {
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return newClient(t, im.ClientConfig{BaseURL: srv.URL, HTTPClient: srv.Client()})
}

// askOne asks for one user's presence.
func askOne(ctx context.Context, c *im.Client) error {
	_, err := c.Presence(ctx, []fact.UserID{"a"})
	return err
}

func always(code int, info string) func(int, string, []byte) (int, string) {
	return func(int, string, []byte) (int, string) {
		return 200, fmt.Sprintf(`{"ActionStatus":"FAIL","ErrorInfo":%q,"ErrorCode":%d}`, info, code)
	}
}

// allOffline answers a status query.
func allOffline(_ int, _ string, request []byte) (int, string) {
	return listAPIs["query_online_status"].answerAll(request)
}

// many returns the ids 0 to n-1.
func many[T ~string](n int) []T {
	var ids []T
	for i := range n {
		ids = append(ids, T(strconv.Itoa(i)))
	}
	return ids
}
