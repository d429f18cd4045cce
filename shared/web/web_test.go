package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"wxnotify/shared/web"
)

// A page elsewhere, in the same browser, can neither read nor do anything; nor can a name that leads here.
func TestGuard(t *testing.T) {
	h := web.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "in") }))
	const here, json = "127.0.0.1:9000", "application/json"
	for name, c := range map[string]struct {
		method, host string
		header       map[string]string
		status       int
	}{
		"a read":                      {"GET", here, nil, 200},
		"by another loopback name":    {"GET", "localhost:9000", nil, 200},
		"by a name of IPv6":           {"GET", "[::1]:9000", nil, 200},
		"by a name that leads here":   {"GET", "rebound.example:9000", nil, 403},
		"through a tunnel":            {"GET", here, map[string]string{"X-Forwarded-For": "203.0.113.9"}, 403},
		"the page itself":             {"POST", here, map[string]string{"Origin": "http://" + here, "Content-Type": json + "; charset=utf-8"}, 200},
		"as new browsers say it":      {"POST", here, map[string]string{"Origin": "http://" + here, "Content-Type": json, "Sec-Fetch-Site": "same-origin"}, 200},
		"another page":                {"POST", here, map[string]string{"Origin": "https://evil.example", "Content-Type": json}, 403},
		"another port of this host":   {"POST", here, map[string]string{"Origin": "http://127.0.0.1:8000", "Content-Type": json, "Sec-Fetch-Site": "same-site"}, 403},
		"nobody says who":             {"POST", here, map[string]string{"Content-Type": json}, 403},
		"a form, which asks nobody":   {"POST", here, map[string]string{"Origin": "http://" + here, "Content-Type": "text/plain"}, 403},
		"another that lies of Origin": {"POST", here, map[string]string{"Origin": "http://" + here, "Content-Type": json, "Sec-Fetch-Site": "cross-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "/x", strings.NewReader("{}"))
			r.Host = c.host
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || (w.Body.String() == "in") != (c.status == 200) {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.status)
			}
			if p := w.Header().Get("Content-Security-Policy"); strings.Contains(p, "unsafe") || !strings.Contains(p, "default-src 'none'") || !strings.Contains(p, "require-trusted-types-for") {
				t.Errorf("the policy is %q", p)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for body, says := range map[string]string{
		`{"a":1}`: "", `{"a":1} {"a":2}`: "one JSON value", `{"b":1}`: "unknown field", `{`: "EOF", `[]`: "cannot unmarshal",
		`{"s":"` + strings.Repeat("x", 65<<10) + `"}`: "too large",
	} {
		var v struct {
			A int
			S string
		}
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		err := web.Decode(httptest.NewRecorder(), r, &v)
		if says == "" && (err != nil || v.A != 1) || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.20s: %v, want %q", body, err, says)
		}
	}
}

func TestFiles(t *testing.T) {
	own := fstest.MapFS{"index.html": {Data: []byte("page")}, "a.js": {Data: []byte("own")}, "secret.txt": {Data: []byte("x")}}
	shared := fstest.MapFS{"a.js": {Data: []byte("shared")}, "b.css": {Data: []byte("css")}}
	h := web.Files(own, shared)
	get := func(method, path, tag string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	for path, want := range map[string]string{
		"/": "200 text/html; charset=utf-8 page", "/a.js": "200 text/javascript; charset=utf-8 own", "/b.css": "200 text/css; charset=utf-8 css",
		"/secret.txt": "404", "/../index.html": "404", "/c.js": "404",
	} {
		res := get("GET", path, "")
		b, err := io.ReadAll(res.Body)
		if got := fmt.Sprintf("%d %s %s", res.StatusCode, res.Header.Get("Content-Type"), b); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if tag := res.Header.Get("ETag"); tag != "" && get("GET", path, tag).StatusCode != http.StatusNotModified {
			t.Errorf("%s is sent again", path)
		}
	}
	if got := get("POST", "/a.js", "").StatusCode; got != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got)
	}
}
