// Package functest gives the tests of functions their surroundings: settings, a store
// behind a tap, a platform that records what is invoked, and events.
package functest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

// Template is the id of the template in the settings.
const Template = "T1"

// A World is what a function runs in.
type World struct {
	T        *testing.T
	Settings map[string]string
	Redis    *miniredis.Miniredis
	Tap      *Tap
	Store    *store.Store // past the tap
	Log      *Buffer

	mu      sync.Mutex
	invoked []string
	calls   int
}

// New returns a world with complete settings. WeChat and IM lead to a server that
// counts calls and knows nothing.
func New(t *testing.T) *World {
	t.Helper()
	w := &World{T: t, Redis: miniredis.RunT(t), Log: &Buffer{}}
	w.Tap = NewTap(t, w.Redis.Addr())
	var err error
	if w.Store, err = store.Open(store.Config{Now: time.Now, URL: secret.New("redis://" + w.Redis.Addr())}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Store.Close() })
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls++
	}))
	t.Cleanup(upstream.Close)
	platform := httptest.NewServer(http.HandlerFunc(w.invoke))
	t.Cleanup(platform.Close)

	file := filepath.Join(t.TempDir(), "notify.yml")
	w.Settings = map[string]string{
		"STORE_URL": "redis://" + w.Tap.Addr, "NOTIFY_FILE": file, "DELIVER_FUNCTION": "deliver", "TENCENT_API_BASE": platform.URL,
		"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_APPSECRET": "app-secret-app-secret", "WECHAT_TOKEN": "pushToken",
		"WECHAT_API_BASE": upstream.URL, "IM_API_BASE": upstream.URL,
		"IM_SDKAPPID": "1400123456", "IM_SECRET_KEY": "im-secret-key-im-secret-key", "IM_CALLBACK_TOKEN": "imToken2026",
		"USERID_KEY": strings.Repeat("u", 32), "TEMPLATE_MESSAGE": Template,
	}
	w.WriteNotify(`templates: {message: {id: "${TEMPLATE_MESSAGE}", data: {thing1: "{{.Sender}}"}}}` + "\nrules: {lead: 0s}\n")
	return w
}

// WriteNotify puts text into the world's notify.yml.
func (w *World) WriteNotify(text string) {
	w.T.Helper()
	if err := os.WriteFile(w.Settings["NOTIFY_FILE"], []byte(text), 0o600); err != nil {
		w.T.Fatal(err)
	}
}

// BrokenNotify are texts that no notify.yml may have, by what is wrong.
var BrokenNotify = map[string]string{
	"no YAML":               "templates: {",
	"not in UTF-8":          "templates: {message: {id: T1, data: {thing1: \"\xd0\xc2\"}}}",
	"no template":           "rules: {lead: 0s}",
	"the template":          "templates: {message: {id: \"${NO_SUCH}\", data: {thing1: \"{{.Sender}}\"}}}\nrules: {lead: 0s}",
	"a rule":                "templates: {message: {id: " + Template + ", data: {thing1: \"{{.Sender}}\"}}}\nrules: {lead: soon}",
	"an unset rule":         "templates: {message: {id: " + Template + ", data: {thing1: \"{{.Sender}}\"}}}\nrules: {lead: \"${NO_SUCH}\"}",
	"another template only": "templates: {digest: {id: T2, data: {thing1: \"{{.Sender}}\"}}}",
}

// invoke answers the platform's Invoke API.
func (w *World) invoke(rw http.ResponseWriter, r *http.Request) {
	var req struct{ ClientContext string }
	b, _ := io.ReadAll(r.Body)
	json.Unmarshal(b, &req)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.invoked = append(w.invoked, req.ClientContext)
	fmt.Fprint(rw, `{"Response":{"RequestId":"1","Result":{"FunctionRequestId":"2"}}}`)
}

// Invoked returns the events with which deliver was invoked.
func (w *World) Invoked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.invoked
}

// Upstream returns how many calls WeChat and IM got.
func (w *World) Upstream() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// Getenv returns a setting.
func (w *World) Getenv(name string) string { return w.Settings[name] }

// Build builds a function, which must succeed.
func (w *World) Build(build scf.Build) scf.Handler {
	w.T.Helper()
	h, err := build(w.T.Context(), w.Getenv, w.Logger())
	if err != nil {
		w.T.Fatal(err)
	}
	return h
}

// Logger returns a logger into Log.
func (w *World) Logger() *slog.Logger { return scf.NewLogger(w.Log, "test", slog.LevelDebug) }

// A Response is what a function answers to an HTTP event.
type Response struct {
	StatusCode int
	Headers    map[string]any
	Body       string
}

// Do sends a function URL event.
func (w *World) Do(h scf.Handler, method string, query url.Values, body []byte, header map[string]string) Response {
	w.T.Helper()
	q := map[string]string{}
	for k := range query {
		q[k] = query.Get(k)
	}
	headers := map[string]string{"x-scf-remote-addr": "203.0.113.7"}
	for k, v := range header {
		headers[strings.ToLower(k)] = v
	}
	event, err := json.Marshal(map[string]any{"httpMethod": method, "path": "/", "queryString": q, "headers": headers, "body": string(body)})
	if err != nil {
		w.T.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.T.Context(), 5*time.Second)
	defer cancel()
	out, err := h.Invoke(ctx, event)
	if err != nil {
		w.T.Fatal(err)
	}
	var res Response
	if err := json.Unmarshal(out, &res); err != nil {
		w.T.Fatal(err)
	}
	return res
}

// placeholders are what a setting holds that was never filled in.
var placeholders = []string{"undefined", " Undefined\n", "${env:NAME}", "<your value>", "redis://user:password@host:6379/0"}

// MustNameSettings checks that a function names each setting that it needs, and every one that
// holds a placeholder, needed or not: all at once, each once. It returns what answers for a function without any.
func (w *World) MustNameSettings(build scf.Build, names ...string) scf.Handler {
	w.T.Helper()
	h, err := build(w.T.Context(), func(string) string { return "" }, w.Logger())
	if err == nil {
		w.T.Fatal("it was built without settings")
	}
	for _, n := range names {
		if !strings.Contains(err.Error(), n) {
			w.T.Errorf("%s is not named in:\n%v", n, err)
		}
	}
	for _, n := range names {
		w.mustNameOnce(build, n, "")
	}
	for _, n := range w.settings(build) {
		for _, value := range placeholders {
			w.mustNameOnce(build, n, value)
		}
	}
	return h
}

// settings returns the names of all settings that a function takes.
func (w *World) settings(build scf.Build) (names []string) {
	w.T.Helper()
	if _, err := build(w.T.Context(), func(name string) string {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		return w.Settings[name]
	}, w.Logger()); err != nil {
		w.T.Fatal(err)
	}
	return names
}

// mustNameOnce checks that a function is not built with a value of one setting, and says so in
// one line that names it. Where only notify.yml fails by it, the line may be an alert instead:
// some functions go on without.
func (w *World) mustNameOnce(build scf.Build, name, value string) {
	w.T.Helper()
	var alerts Buffer
	_, err := build(w.T.Context(), func(n string) string {
		if n == name {
			return value
		}
		return w.Settings[n]
	}, slog.New(slog.NewJSONHandler(&alerts, nil)))
	told := strings.TrimSpace(alerts.String())
	switch {
	case err != nil:
		told = err.Error()
	case name != "NOTIFY_FILE" && name != "TEMPLATE_MESSAGE" || !strings.Contains(told, `"alert":"misconfigured"`):
		w.T.Errorf("it was built with %s=%q", name, value)
		return
	}
	if lines := strings.Split(told, "\n"); len(lines) != 1 || !strings.Contains(lines[0], name) || value != "" && strings.Contains(lines[0], value) {
		w.T.Errorf("%s=%q is to be told in one line, without its value:\n%s", name, value, told)
	}
}

// MustKeepSecrets checks that no secret of the settings is in the log or in a text.
func (w *World) MustKeepSecrets(texts ...string) {
	w.T.Helper()
	for _, name := range []string{"WECHAT_APPSECRET", "WECHAT_TOKEN", "IM_SECRET_KEY", "IM_CALLBACK_TOKEN", "USERID_KEY"} {
		for _, text := range append(texts, w.Log.String()) {
			if strings.Contains(text, w.Settings[name]) {
				w.T.Errorf("the value of %s shows in:\n%s", name, text)
			}
		}
	}
}

// A Buffer is a bytes.Buffer for several writers.
type Buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
