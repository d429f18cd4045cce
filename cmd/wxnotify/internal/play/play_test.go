package play_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/cmd/wxnotify/internal/play"
	"wxnotify/cmd/wxnotify/internal/sim"
	"wxnotify/shared/web/webtest"
)

const host = "127.0.0.1:9000"

// newPage serves the page of a simulation in front of functions that say so.
func newPage(t *testing.T) http.Handler {
	t.Helper()
	env := sim.Environment(nil)
	env["STORE_URL"] = "redis://" + miniredis.RunT(t).Addr()
	page := play.New(time.Now)
	s, err := sim.New(sim.Config{Now: time.Now, Settings: env, Out: t.Output(), Hear: page.Hear})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Cleanup(page.Close)
	return page.Serve(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "functions") }))
}

func do(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = host
	r.Header.Set("Origin", "http://"+host)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The page is at / and below /play/; all else goes to the functions, as before.
func TestRoutes(t *testing.T) {
	h := newPage(t)
	for _, c := range []struct {
		method, path, body, want string
	}{
		{"GET", "/", "", "200 <!doctype html>"},
		{"HEAD", "/", "", "200 "},
		{"POST", "/", "{}", "200 functions"},
		{"GET", "/imcallback", "", "200 functions"},
		{"POST", "/imcallback", "{}", "200 functions"},
		{"GET", "/playground", "", "200 functions"},
		{"GET", "/play/app.js", "", "200 // The play page"},
		{"GET", "/play/base.css", "", "200 /* What all pages share"},
		{"GET", "/play/vendor/LICENSE.htm", "", "404"},
		{"GET", "/play/types.d.ts", "", "404"},
		{"GET", "/play/act", "", "404"},
		{"POST", "/play/app.js", "", "405"},
		{"POST", "/play/act", "[]", `400 {"error":{"en":"this is no act: `},
		{"POST", "/play/act", `{"do":"send","colour":"red"}`, `400 {"error":{"en":"this is no act: json: unknown field`},
		{"POST", "/play/act", `{"do":"open","user":"user1"}`, `409 {"error":{"en":"the opening exchange is not over yet`},
	} {
		w := do(h, c.method, c.path, c.body)
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %s: %.120s, want %s", c.method, c.path, got, c.want)
		}
	}
	r := httptest.NewRequest("POST", "/play/act", strings.NewReader(`{}`))
	r.Host = host
	r.Header.Set("Origin", "https://evil.example")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("another page is answered %d", w.Code)
	}
}

func TestWeight(t *testing.T) {
	h := newPage(t)
	webtest.Weigh(t, 200<<10, func(name string) *httptest.ResponseRecorder { return do(h, "GET", "/play/"+name, "") })
}
