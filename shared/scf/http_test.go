package scf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		for _, write := range []func() (int, error){
			func() (int, error) { return w.Write([]byte("abc")) },
			func() (int, error) { return io.WriteString(w, "abc") },
		} {
			if n, err := write(); n != 3 || err != nil {
				t.Errorf("write: %d, %v", n, err)
			}
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
	for _, c := range []struct {
		name  string
		write func(io.Writer) error
		ok    bool
	}{
		{"just fits", func(w io.Writer) error { return write(w, strings.Repeat("a", limit-envelope)) }, true},
		{"one byte above", func(w io.Writer) error { return write(w, strings.Repeat("a", limit-envelope+1)) }, false},
		{"above with escapes", func(w io.Writer) error { return write(w, strings.Repeat(`"`, limit/2)) }, false},
		{"base64", func(w io.Writer) error { return write(w, strings.Repeat("\xff", limit/4*3)) }, false},
		{"many writes", func(w io.Writer) error {
			for range 7 {
				if err := write(w, strings.Repeat("a", 1<<20)); err != nil {
					return err
				}
			}
			return nil
		}, false},
	} {
		var log lines
		var werr error
		out := answer(t, scf.NewLogger(&log, "f", slog.LevelInfo), func(w http.ResponseWriter, _ *http.Request) { werr = c.write(w) })
		res := decode(t, out)
		if c.ok {
			if res.StatusCode != 200 || len(out) != limit {
				t.Errorf("%s: status %d, %d bytes", c.name, res.StatusCode, len(out))
			}
			continue
		}
		if res.StatusCode != 500 || code(t, res) != "internal" {
			t.Errorf("%s: status %d, %.100s", c.name, res.StatusCode, res.Body)
		}
		if line := log.only(t, "response refused"); line["alert"] != "response_too_large" || line["level"] != "ERROR" {
			t.Errorf("%s: logged %v", c.name, line)
		}
		if line := log.only(t, "request"); line["status"] != 500.0 {
			t.Errorf("%s: logged %v", c.name, line)
		}
		if (c.name == "many writes") != (werr != nil) {
			t.Errorf("%s: write error %v", c.name, werr)
		}
	}
}

func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

func TestPanic(t *testing.T) {
	const word = "open sesame"
	for name, c := range map[string]struct {
		f      http.HandlerFunc
		logged string
	}{
		"string": {func(http.ResponseWriter, *http.Request) { panic(word) }, "string"},
		"error":  {func(http.ResponseWriter, *http.Request) { panic(errors.New(word)) }, "*errors.errorString"},
		"nil map": {func(w http.ResponseWriter, r *http.Request) {
			m := map[bool]map[string]int{}
			m[true][word]++
		}, "assignment to entry in nil map"},
		"after a write": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			io.WriteString(w, word)
			panic(http.ErrAbortHandler)
		}, "*errors.errorString"},
		"status 1": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1) }, "string"},
	} {
		var log lines
		h := scf.HTTP(scf.NewLogger(&log, "f", slog.LevelInfo), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fine" {
				return
			}
			c.f(w, r)
		}))
		out, err := h.Invoke(inEvent(t.Context()), []byte(`{"httpMethod":"GET","path":"/bad"}`))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if res := decode(t, out); res.StatusCode != 500 || code(t, res) != "internal" {
			t.Errorf("%s: response %s", name, out)
		}
		line := log.only(t, "panic")
		if line["panic"] != c.logged || line["level"] != "ERROR" || line["request_id"] != requestID {
			t.Errorf("%s: logged %v", name, line)
		}
		if stack, _ := line["stack"].(string); !strings.Contains(stack, "http_test.go") {
			t.Errorf("%s: the stack does not show where: %s", name, stack)
		}
		if all := log.text() + string(out); strings.Contains(all, word) {
			t.Errorf("%s: the panic's value got out: %s", name, all)
		}
		out, err = h.Invoke(inEvent(t.Context()), []byte(`{"httpMethod":"GET","path":"/fine"}`))
		if err != nil || decode(t, out).StatusCode != 200 {
			t.Errorf("%s: the next event got %s, err %v", name, out, err)
		}
	}
}

func TestAccessLine(t *testing.T) {
	var log lines
	h := scf.HTTP(scf.NewLogger(&log, "imcallback", slog.LevelInfo), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/changed"
		w.WriteHeader(202)
	}))
	event := `{"httpMethod":"POST","path":"/cb","queryString":{"sign":"sesame"},"headers":{"authorization":"sesame"},"body":"sesame"}`
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
		"method": "POST", "path": "/cb", "status": 202.0,
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
	if strings.Contains(log.text(), "sesame") {
		t.Errorf("the log tells too much: %s", log.text())
	}
}

func TestAccessLineOfALongPath(t *testing.T) {
	var log lines
	h := scf.HTTP(scf.NewLogger(&log, "f", slog.LevelInfo), http.NotFoundHandler())
	if _, err := h.Invoke(t.Context(), []byte(`{"httpMethod":"GET","path":"/`+strings.Repeat("茶", 1000)+`"}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := log.only(t, "request")["path"], "/"+strings.Repeat("茶", 85); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRequestContext(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(inEvent(t.Context()), deadline)
	defer cancel()
	h := scf.HTTP(discard, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d, ok := r.Context().Deadline(); !ok || !d.Equal(deadline.Add(-500*time.Millisecond)) {
			t.Errorf("deadline %v, want %v", d, deadline)
		}
		if id := scf.RequestID(r.Context()); id != requestID {
			t.Errorf("request id %q, want %q", id, requestID)
		}
		w.WriteHeader(204)
	}))
	if out, err := h.Invoke(ctx, []byte(`{"httpMethod":"GET"}`)); err != nil || decode(t, out).StatusCode != 204 {
		t.Errorf("got %s, err %v", out, err)
	}
	if id := scf.RequestID(t.Context()); id != "" {
		t.Errorf("request id %q outside of an event", id)
	}
}

// What net/http's own parts need of a request and a response is there.
// A handler that waits for something outside hears of the end in time to answer.
func TestTimeForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		h := scf.HTTP(discard, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		out, err := h.Invoke(ctx, []byte(`{"httpMethod":"GET","path":"/"}`))
		if err != nil || decode(t, out).StatusCode != http.StatusServiceUnavailable {
			t.Errorf("answered %s, %v", out, err)
		}
		if took := time.Since(began); took != 9500*time.Millisecond {
			t.Errorf("answered after %v of 10 s", took)
		}
	})
}

func TestServeMux(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.PathValue("id"), r.FormValue("q"))
	})
	mux.HandleFunc("POST /pay/notify", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 100)
		fmt.Fprint(w, r.PostFormValue("out_trade_no"))
	})
	for name, want := range map[string]string{"url-get-query.json": "42 茶 叶", "url-post-form.json": "2026112200001"} {
		out, err := scf.HTTP(discard, mux).Invoke(t.Context(), sample(t, name))
		if err != nil || decode(t, out).Body != want {
			t.Errorf("%s: got %s, err %v; want %q", name, out, err, want)
		}
	}
	out, err := scf.HTTP(discard, mux).Invoke(t.Context(), sample(t, "url-post-json.json"))
	if err != nil || decode(t, out).StatusCode != 404 {
		t.Errorf("got %s, err %v; want status 404", out, err)
	}
}
