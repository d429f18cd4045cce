package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/console"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
)

// visit makes a request as the page of a public console does.
func visit(c *console.Console, method, path, body, cookie string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "console.example.com"
	r.Header.Set("Origin", "https://console.example.com")
	r.Header.Set("Content-Type", "application/json")
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "wxnotify-console", Value: cookie})
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

// A public console is several instances: whoever has signed in to one is signed in to all that have the token.
func TestPublic(t *testing.T) {
	f := newFixture(t)
	wrong, most := 0, 3
	instance := func(token string) *console.Console {
		return console.New(console.Config{Store: f.store, AppID: "wx1", Now: f.clock, Conf: config.Notify{Rules: notify.DefaultRules()}, Public: &console.Public{
			Token: secret.New(token), MayGuess: func(_ *http.Request, bad bool) (bool, error) {
				if bad {
					wrong++
				}
				return wrong <= most, nil
			}}})
	}
	const token = "0123456789abcdef0123456789abcdef"
	one, other, changed := instance(token), instance(token), instance("another "+token)
	signIn := func(token string, change func(*http.Request)) *httptest.ResponseRecorder {
		return visit(one, "POST", "/api/session", fmt.Sprintf(`{"token":%q}`, token), "", change)
	}
	if w := visit(one, "GET", "/", "", "", nil); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("the page: %d %v", w.Code, w.Header())
	}
	w := signIn(token, nil)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusOK || len(cookies) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if c := cookies[0]; !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("the cookie is %+v", c)
	}
	cookie := cookies[0].Value
	overview := func(c *console.Console, cookie string) int {
		return visit(c, "GET", "/api/overview", "", cookie, nil).Code
	}
	if a, b := overview(one, cookie), overview(other, cookie); a != http.StatusOK || b != http.StatusOK {
		t.Errorf("signed in: %d, and at another instance %d", a, b)
	}
	until, rest, _ := strings.Cut(cookie, ".")
	for name, bad := range map[string]string{"none": "", "another time": until + "0." + rest, "a cut signature": cookie[:len(cookie)-1], "no signature": until + ".x", "a word": "x", "nothing to sign": ".",
		"another's": "9" + cookie} {
		if code := overview(one, bad); code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code := overview(changed, cookie); code != http.StatusUnauthorized {
		t.Errorf("with another token in the settings: %d", code)
	}
	for name, change := range map[string]func(*http.Request){
		"another site":         func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"the site without TLS": func(r *http.Request) { r.Header.Set("Origin", "http://console.example.com") },
		"a form":               func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
	} {
		if w := signIn(token, change); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	for i, want := range []int{401, 401, 401, 429, 429} {
		if w := signIn("guess", nil); w.Code != want {
			t.Errorf("guess %d: %d", i+1, w.Code)
		}
	}
	if w := signIn(token, nil); w.Code != http.StatusTooManyRequests {
		t.Errorf("the right token after too many guesses: %d", w.Code)
	}
	f.advance(8*time.Hour - time.Second)
	if code := overview(one, cookie); code != http.StatusOK {
		t.Errorf("in its time: %d", code)
	}
	f.advance(time.Second)
	if w := visit(one, "GET", "/api/overview", "", cookie, nil); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "expired") {
		t.Errorf("after its time: %d %s", w.Code, w.Body)
	}
}
