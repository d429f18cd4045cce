package wire_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxnotify/internal/testkit"
)

// The console answers behind a function URL: whoever has the token sees what was recorded, and guesses are counted in the store.
func TestConsoleFunction(t *testing.T) {
	f := newFixture(t)
	const host = "1250000000-abcdefghij.ap-guangzhou.tencentscf.com"
	header := http.Header{"Host": {host}, "Origin": {"https://" + host}, "Content-Type": {"application/json"}}
	ask := func(method, path, body string, query url.Values) response {
		t.Helper()
		event := strings.Replace(string(testkit.HTTPEvent(method, query, header, body)), `"path":"/"`, fmt.Sprintf(`"path":%q`, path), 1)
		answer, err := f.invoke("console", json.RawMessage(event), 5*time.Second)
		f.t.Must(err)
		var res response
		f.t.Must(json.Unmarshal(answer, &res))
		return res
	}
	if res := ask("GET", "/", "", nil); res.StatusCode != 200 || !strings.Contains(res.Body, "<title>") || !strings.Contains(fmt.Sprint(res.Headers), "script-src 'self'") {
		t.Errorf("the page: %d %v %.200s", res.StatusCode, res.Headers, res.Body)
	}
	if res := ask("GET", "/app.js", "", nil); res.StatusCode != 200 || !strings.Contains(fmt.Sprint(res.Headers), "text/javascript") {
		t.Errorf("its script: %d %v", res.StatusCode, res.Headers)
	}
	if res := ask("GET", "/api/overview", "", nil); res.StatusCode != 401 {
		t.Errorf("a stranger: %d %s", res.StatusCode, res.Body)
	}
	res := ask("POST", "/api/session", fmt.Sprintf(`{"token":%q}`, f.settings["CONSOLE_TOKEN"]), nil)
	cookie, _, _ := strings.Cut(fmt.Sprint(res.Headers["Set-Cookie"]), ";")
	if res.StatusCode != 200 || !strings.HasPrefix(cookie, "wxnotify-console=") {
		t.Fatalf("signing in: %d %v %s", res.StatusCode, res.Headers, res.Body)
	}
	header.Set("Cookie", cookie)
	user, _ := f.user()
	f.record(f.message("m1", user))
	for path, query := range map[string]url.Values{"/api/overview": nil, "/api/queue": nil, "/api/dead": nil, "/api/settings": nil, "/api/charts": {"span": {"hour"}}, "/api/explain": {"by": {"user"}, "id": {string(user)}}} {
		res := ask("GET", path, "", query)
		if res.StatusCode != 200 || path == "/api/explain" && !strings.Contains(res.Body, string(user)) {
			t.Errorf("%s: %d %.300s", path, res.StatusCode, res.Body)
		}
		if strings.Contains(res.Body, f.settings["CONSOLE_TOKEN"]) || strings.Contains(res.Body, "redis://") {
			t.Errorf("%s tells a secret", path)
		}
	}
	for i := range 31 {
		want := 401
		if i == 30 {
			want = 429
		}
		if res := ask("POST", "/api/session", `{"token":"guess"}`, nil); res.StatusCode != want {
			t.Fatalf("guess %d: %d %s", i+1, res.StatusCode, res.Body)
		}
	}
}
