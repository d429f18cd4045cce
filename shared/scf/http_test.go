package scf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/scf"
)

var discard = slog.New(slog.DiscardHandler)

func TestResponseSamples(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"response-integrated.json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"ok":true}`)
		},
		"response-integrated-multi-header.json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
			io.WriteString(w, "<h1>hi</h1>")
		},
		"response-wechat-echostr.json": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "1372623149153871234")
		},
	} {
		var want bytes.Buffer
		if err := json.Compact(&want, sample(t, name)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(answer(t, discard, f))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestResponseWriter(t *testing.T) {
	const plain = `"headers":{"Content-Type":"text/plain; charset=utf-8"}`
	for _, c := range []struct {
		name string
		f    http.HandlerFunc
		want string
	}{
		{"nothing", func(w http.ResponseWriter, _ *http.Request) {},
			`{"isBase64Encoded":false,"statusCode":200,` + plain + `,"body":""}`},
		{"first status wins", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			w.WriteHeader(500)
		}, `{"isBase64Encoded":false,"statusCode":404,` + plain + `,"body":""}`},
		{"status after a write", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "a")
			w.WriteHeader(500)
		}, `{"isBase64Encoded":false,"statusCode":200,` + plain + `,"body":"a"}`},
		{"informational status", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(201)
		}, `{"isBase64Encoded":false,"statusCode":201,` + plain + `,"body":""}`},
		{"header after the status", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "1")
			w.WriteHeader(200)
			w.Header().Set("X-A", "2")
			w.Header().Set("X-B", "3")
		}, `{"isBase64Encoded":false,"statusCode":200,"headers":{"Content-Type":"text/plain; charset=utf-8","X-A":"1"},"body":""}`},
		{"http.Error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no \"such\" thing", 404) },
			`{"isBase64Encoded":false,"statusCode":404,"headers":{"Content-Type":"text/plain; charset=utf-8","X-Content-Type-Options":"nosniff"},"body":"no \"such\" thing\n"}`},
		{"sniffed", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html>") },
			`{"isBase64Encoded":false,"statusCode":200,"headers":{"Content-Type":"text/html; charset=utf-8"},"body":"<!doctype html>"}`},
		{"binary", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("\x89PNG\r\n\x1a\n\xff")) },
			`{"isBase64Encoded":true,"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"iVBORw0KGgr/"}`},
		{"framing headers", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Connection", "close")
			w.Header().Set("Transfer-Encoding", "chunked")
			w.Header()["X-None"] = nil
		}, `{"isBase64Encoded":false,"statusCode":200,` + plain + `,"body":""}`},
		{"header injection", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/a\r\nSet-Cookie: b") },
			`{"isBase64Encoded":false,"statusCode":200,"headers":{"Content-Type":"text/plain; charset=utf-8","Location":"/a  Set-Cookie: b"},"body":""}`},
		{"no content", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(204)
			if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("write after 204: %v", err)
			}
		}, `{"isBase64Encoded":false,"statusCode":204,` + plain + `,"body":""}`},
	} {
		if diff := cmp.Diff(c.want, string(answer(t, discard, c.f))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	h := scf.HTTP(discard, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		written, err := w.Write([]byte("abc"))
		more, err2 := io.WriteString(w, "abc")
		if written != 3 || more != 3 || err != nil || err2 != nil {
			t.Errorf("wrote %d and %d, %v, %v", written, more, err, err2)
		}
	}))
	out, err := h.Invoke(t.Context(), []byte(`{"httpMethod":"HEAD"}`))
	if err != nil || decode(t, out).Body != "" {
		t.Errorf("got %s, err %v", out, err)
	}
}

func TestResponseTooLarge(t *testing.T) {
	const limit = 6 << 20
	envelope := len(answer(t, discard, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a") })) - 1
	for name, c := range map[string]struct {
		text  string
		times int
		fails bool // to write
		ok    bool
	}{
		"just fits":          {strings.Repeat("a", limit-envelope), 1, false, true},
		"one byte above":     {strings.Repeat("a", limit-envelope+1), 1, false, false},
		"above with escapes": {strings.Repeat(`"`, limit/2), 1, false, false},
		"base64":             {strings.Repeat("\xff", limit/4*3), 1, false, false},
		"many writes":        {strings.Repeat("a", 1<<20), 7, true, false},
	} {
		var log lines
		var werr error
		out := answer(t, scf.NewLogger(&log, "f", slog.LevelInfo), func(w http.ResponseWriter, _ *http.Request) {
			for n := 0; n < c.times && werr == nil; n++ {
				_, werr = io.WriteString(w, c.text)
			}
		})
		res := decode(t, out)
		if (werr != nil) != c.fails {
			t.Errorf("%s: write error %v", name, werr)
		}
		if c.ok {
			if res.StatusCode != 200 || len(out) != limit {
				t.Errorf("%s: status %d, %d bytes", name, res.StatusCode, len(out))
			}
			continue
		}
		if res.StatusCode != 500 || code(t, res) != "internal" {
			t.Errorf("%s: status %d, %.100s", name, res.StatusCode, res.Body)
		}
		if line := log.only(t, "response refused"); line["alert"] != "response_too_large" || line["level"] != "ERROR" {
			t.Errorf("%s: logged %v", name, line)
		}
		if line := log.only(t, "request"); line["status"] != 500.0 {
			t.Errorf("%s: logged %v", name, line)
		}
	}
}

// What a panic of a handler holds goes neither into the answer nor into the log.
func TestPanic(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"at once": func(http.ResponseWriter, *http.Request) { panic("open sesame") },
		"after a write": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			io.WriteString(w, "open sesame")
			panic(http.ErrAbortHandler)
		},
		"status 1": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1) },
	} {
		var log lines
		out := answer(t, scf.NewLogger(&log, "f", slog.LevelInfo), f)
		if res := decode(t, out); res.StatusCode != 500 || code(t, res) != "internal" {
			t.Errorf("%s: response %s", name, out)
		}
		line := log.only(t, "panic")
		if stack, _ := line["stack"].(string); !strings.Contains(stack, "http_test.go") || line["level"] != "ERROR" || line["request_id"] != requestID {
			t.Errorf("%s: logged %v", name, line)
		}
		if all := log.text() + string(out); strings.Contains(all, "sesame") {
			t.Errorf("%s: the panic's value got out: %s", name, all)
		}
	}
}

// The line of a request tells nothing that may be a secret, and no more of a long path than its beginning.
func TestAccessLine(t *testing.T) {
	var log lines
	h := scf.HTTP(scf.NewLogger(&log, "imcallback", slog.LevelInfo), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/changed"
		w.WriteHeader(202)
	}))
	path := "/" + strings.Repeat("茶", 1000)
	event := `{"httpMethod":"POST","path":"` + path + `","queryString":{"sign":"sesame"},"headers":{"authorization":"sesame"},"body":"sesame"}`
	if _, err := h.Invoke(inEvent(t.Context()), []byte(event)); err != nil {
		t.Fatal(err)
	}
	line := log.only(t, "request")
	if ms, ok := line["duration_ms"].(float64); !ok || ms < 0 {
		t.Errorf("duration_ms is %v", line["duration_ms"])
	}
	delete(line, "duration_ms")
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "request", "function": "imcallback", "request_id": requestID,
		"method": "POST", "path": "/" + strings.Repeat("茶", 85), "status": 202.0,
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
	if strings.Contains(log.text(), "sesame") {
		t.Errorf("the log tells too much: %s", log.text())
	}
}
