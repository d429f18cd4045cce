package host_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/host"
)

// do sends a request and returns the answer with its body read.
func do(t *testing.T, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func request(t *testing.T, method, url string, body []byte) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// Every sample event of a function URL is what the host makes of the request behind it.
func TestEventsAreThoseOfFunctionURLs(t *testing.T) {
	f := start(t, host.Config{})
	files, err := filepath.Glob("testdata/url-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			type urlEvent struct {
				Body            *string
				Headers         map[string]string
				HTTPMethod      string
				IsBase64Encoded bool
				Path            string
				QueryString     map[string]any
			}
			want := decode[urlEvent](t, sample(t, filepath.Base(file)))
			var query []string
			for k, v := range want.QueryString {
				switch v := v.(type) {
				case string:
					query = append(query, url.QueryEscape(k)+"="+url.QueryEscape(v))
				case bool:
					query = append(query, k)
				case []any:
					for _, one := range v {
						query = append(query, k+"="+url.QueryEscape(one.(string)))
					}
				}
			}
			var body []byte
			if want.Body != nil {
				body = []byte(*want.Body)
				want.Headers["content-length"] = strconv.Itoa(len(body)) // some samples count characters
			}
			req := request(t, want.HTTPMethod, f.URL()+"/f"+want.Path+"?"+strings.Join(query, "&"), body)
			for k, v := range want.Headers {
				req.Header.Set(k, v)
			}
			req.Host = want.Headers["host"]
			want.Headers["x-scf-remote-addr"] = "127.0.0.1" // whatever the client claims
			resp, answer := do(t, req)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", resp.Status, answer)
			}
			if d := cmp.Diff(want, decode[urlEvent](t, answer)); d != "" {
				t.Errorf("event (-want +got):\n%s", d)
			}
		})
	}
}

func TestEventDetails(t *testing.T) {
	f := start(t, host.Config{})
	binary := []byte{0xff, 0xfe, 0, 1}
	xml := strings.Repeat("<a>&", 1000)
	for _, c := range []struct {
		name, method, target string
		body                 []byte
		header               http.Header
		check                func(e map[string]any) (got, want any)
	}{
		{"no path", "GET", "/f", nil, nil, func(e map[string]any) (any, any) { return e["path"], "/" }},
		{"a path with escapes and doubled slashes", "GET", "/f/a%2Fb//c/", nil, nil, func(e map[string]any) (any, any) { return e["path"], "/a%2Fb//c/" }},
		{"no body for GET", "GET", "/f", nil, nil, func(e map[string]any) (any, any) { return e["body"], nil }},
		{"an empty body for PUT", "PUT", "/f", nil, nil, func(e map[string]any) (any, any) { return e["body"], "" }},
		{"a body for DELETE", "DELETE", "/f", []byte("x"), nil, func(e map[string]any) (any, any) { return e["body"], "x" }},
		{"a body that is not text", "POST", "/f", binary, nil, func(e map[string]any) (any, any) {
			return []any{e["body"], e["isBase64Encoded"]}, []any{base64.StdEncoding.EncodeToString(binary), true}
		}},
		{"text is not marked", "POST", "/f", []byte(xml), nil, func(e map[string]any) (any, any) {
			return []any{e["body"], e["isBase64Encoded"]}, []any{xml, nil}
		}},
		{"mixed query", "GET", "/f?a&a=2&b=&c=x%20y+z&&=n", nil, nil, func(e map[string]any) (any, any) {
			return e["queryString"], map[string]any{"a": []any{"", "2"}, "b": "", "c": "x y z", "": "n"}
		}},
		{"repeated headers", "GET", "/f", nil, http.Header{"X-One": {"a", "b"}, "Cookie": {"c=1", "d=2"}}, func(e map[string]any) (any, any) {
			hs := e["headers"].(map[string]any)
			return []any{hs["x-one"], hs["cookie"]}, []any{"a, b", "c=1; d=2"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request(t, c.method, f.URL()+c.target, c.body)
			for k, v := range c.header {
				req.Header[k] = v
			}
			resp, answer := do(t, req)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", resp.Status, answer)
			}
			got, want := c.check(decode[map[string]any](t, answer))
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// answer has the function return payload, through its URL.
func (f *fixture) answer(payload string) (*http.Response, []byte) {
	f.t.Helper()
	return do(f.t, request(f.t, "POST", f.URL()+"/f", op{Op: "text", Text: payload}.event()))
}

func TestReplies(t *testing.T) {
	f := start(t, host.Config{})
	const js = "application/json"
	for _, c := range []struct {
		name, payload string
		status        int
		contentType   string
		body          string
	}{
		{"integrated", string(sample(t, "response-integrated.json")), 200, js, `{"ok":true}`},
		{"echostr", string(sample(t, "response-wechat-echostr.json")), 200, "text/plain; charset=utf-8", "1372623149153871234"},
		{"Base64", `{"statusCode":201,"isBase64Encoded":true,"body":"//4AAQ=="}`, 201, js, "\xff\xfe\x00\x01"},
		{"no body", `{"statusCode":204}`, 204, js, ""},
		{"numbers in headers", `{"statusCode":200,"headers":{"X-N":5,"content-type":"a/b"},"body":"x"}`, 200, "a/b", "x"},
		{"an object without statusCode", `{"errcode":0, "StatusCode": 500}`, 200, js, `{"errcode":0, "StatusCode": 500}`},
		{"a string", `"Hello"`, 200, js, `"Hello"`},
		{"null", `null`, 200, js, `null`},
		{"an array", `[1]`, 200, js, `[1]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := f.answer(c.payload)
			if resp.StatusCode != c.status || resp.Header.Get("Content-Type") != c.contentType || string(body) != c.body {
				t.Errorf("got %d, %q, %q; want %d, %q, %q", resp.StatusCode, resp.Header.Get("Content-Type"), body, c.status, c.contentType, c.body)
			}
		})
	}
	resp, _ := f.answer(string(sample(t, "response-integrated-multi-header.json")))
	if d := cmp.Diff([]string{"a=1", "b=2"}, resp.Header["Set-Cookie"]); d != "" {
		t.Errorf("Set-Cookie (-want +got):\n%s", d)
	}
	resp, body := f.answer(`{"statusCode":200,"headers":{"Content-Length":"1","Connection":"close"},"body":"four"}`)
	if string(body) != "four" || resp.Close {
		t.Errorf("the function's Content-Length or Connection went through: %q", body)
	}
}

type failure struct {
	ErrorCode    int
	ErrorMessage string
	RequestID    string
	StatusCode   int
}

func TestBadReplies(t *testing.T) {
	f := start(t, host.Config{})
	for _, payload := range []string{
		``, `plain`, `{"statusCode":"200"}`, `{"statusCode":99}`, `{"statusCode":200,"body":{}}`, `{"statusCode":200,"headers":[]}`,
		`{"statusCode":200,"headers":{"a":{}}}`, `{"statusCode":200,"isBase64Encoded":true,"body":"?"}`, `{"statusCode":200,"isBase64Encoded":"true"}`,
	} {
		resp, body := f.answer(payload)
		if resp.StatusCode != http.StatusBadGateway || !strings.Contains(decode[failure](t, body).ErrorMessage, "invalid scf response format") {
			t.Errorf("payload %q: got %d, %s", payload, resp.StatusCode, body)
		}
	}
}

func TestHTTPFailures(t *testing.T) {
	slow, private := fn("slow"), fn("private")
	slow.Timeout, private.URL = 200*time.Millisecond, nil
	f := start(t, host.Config{Project: project(fn("f"), slow, private), Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Wrapped", r.URL.Path)
			next.ServeHTTP(w, r)
		})
	}})
	for _, c := range []struct {
		name, target string
		body         []byte
		status       int
		failure      failure
		says         string
	}{
		{"an error", "/f", op{Op: "error", Text: "no luck"}.event(), 500, failure{ErrorCode: 1, StatusCode: 430}, "no luck"},
		{"a panic", "/f", op{Op: "panic", Text: "oh no"}.event(), 500, failure{ErrorCode: 1, StatusCode: 430}, "oh no"},
		{"a timeout", "/slow", op{Op: "hang"}.event(), 500, failure{ErrorCode: -1, StatusCode: 433}, "timed out after 0.2 seconds"},
		{"too large a reply", "/f", op{Op: "big", Count: host.MaxReply}.event(), 502, failure{ErrorCode: -1, StatusCode: 407}, "at most 6291456"},
		{"too large a body", "/f", bytes.Repeat([]byte("x"), host.MaxEvent+1), 413, failure{ErrorCode: -1, StatusCode: 406}, "6291456"},
		{"too large an event", "/f", bytes.Repeat([]byte("x"), host.MaxEvent-10), 413, failure{ErrorCode: -1, StatusCode: 406}, "6291456"},
		{"a bad query", "/f?a=%zz", nil, 400, failure{ErrorCode: -1, StatusCode: 400}, "query string"},
		{"an unknown function", "/g/x", nil, 404, failure{ErrorCode: -1, StatusCode: 404}, "no function URL /g; there is /f, /slow"},
		{"a full name", "/demo-dev-app-f", nil, 404, failure{ErrorCode: -1, StatusCode: 404}, "no function URL"},
		{"a function without a URL", "/private", nil, 404, failure{ErrorCode: -1, StatusCode: 404}, "no function URL /private"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := do(t, request(t, "POST", f.URL()+c.target, c.body))
			got := decode[failure](t, body)
			if resp.StatusCode != c.status || got.ErrorCode != c.failure.ErrorCode || got.StatusCode != c.failure.StatusCode ||
				!strings.Contains(got.ErrorMessage, c.says) {
				t.Errorf("got %d: %s\nwant %d, %+v, %q", resp.StatusCode, body, c.status, c.failure, c.says)
			}
			if strings.Contains(string(body), "main.go") {
				t.Errorf("the stack shows: %s", body)
			}
			if c.status == 500 && len(got.RequestID) != 36 {
				t.Errorf("request id is %q", got.RequestID)
			}
			if path, _, _ := strings.Cut(c.target, "?"); resp.Header.Get("X-Wrapped") != path {
				t.Errorf("Wrap saw %q", resp.Header.Get("X-Wrapped"))
			}
		})
	}
}
