package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Who is not signed in learns nothing, and what is not of the page changes nothing.
func TestSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.cookie
	ask := func(cookie, want string) {
		t.Helper()
		f.cookie = cookie
		w := f.do("GET", "/api/queue", "")
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) {
			t.Errorf("with %q: %s, want %s", cookie, got, want)
		}
	}
	ask("", `401 {"code":"sign_in"`)
	ask(good+"A", `401 {"code":"sign_in"`)
	ask(strings.ToLower(good), `401 {"code":"sign_in"`)
	ask(good, "200")
	f.advance(8*time.Hour - time.Second)
	ask(good, "200")
	f.advance(time.Second)
	ask(good, `401 {"code":"expired"`)
	ask(good, `401 {"code":"sign_in"`)

	ticket := f.console.Ticket()
	for _, c := range []struct {
		token  string
		status int
	}{{"", 401}, {"wrong", 401}, {strings.ToLower(ticket), 401}, {ticket, 200}, {ticket, 401}, {f.console.Token(), 200}, {f.console.Token(), 200}} {
		if got := f.signIn(c.token); got != c.status {
			t.Errorf("token %q: %d, want %d", c.token, got, c.status)
		}
	}
	late := f.console.Ticket()
	f.advance(5 * time.Minute)
	if got := f.signIn(late); got != 401 {
		t.Errorf("a ticket of five minutes ago: %d", got)
	}
	mine := f.cookie
	if w := f.do("DELETE", "/api/session", ""); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	ask(mine, `401`)
	f.cookie = ""
	for range 32 { // who guesses is held up, for a minute
		f.signIn("wrong")
	}
	if got := f.signIn(f.console.Token()); got != http.StatusTooManyRequests {
		t.Errorf("after many wrong tokens: %d", got)
	}
	f.advance(time.Minute)
	for range 40 { // sessions are bounded: the oldest goes
		f.signIn(f.console.Token())
		f.advance(time.Second)
		if mine == "" || mine == good {
			mine = f.cookie
		}
	}
	if f.do("GET", "/api/session", "").Code != 200 {
		t.Error("the last session does not hold")
	}
	for name, change := range map[string]func(*http.Request){
		"another page":     func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"a name of it":     func(r *http.Request) { r.Host = "evil.example" },
		"a form":           func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"a page on a port": func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
	} {
		r := httptest.NewRequest("POST", "/api/dead/replay", strings.NewReader(`{"user":"bob","id":"x"}`))
		r.Host = host
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Content-Type", "application/json")
		r.AddCookie(&http.Cookie{Name: "wxnotify-console", Value: f.cookie})
		change(r)
		w := httptest.NewRecorder()
		if f.console.ServeHTTP(w, r); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	long := strings.Repeat("x", 600)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/api/explain", "", `400 {"code":"bad_input","error":{"en":"by: use user, message, card, openid"`},
		{"GET", "/api/explain?by=user", "", `400 {"code":"bad_input","error":{"en":"id: is missing"`},
		{"GET", "/api/explain?by=user&id=" + long, "", `400 {"code":"bad_input","error":{"en":"id: is longer than 512 bytes"`},
		{"GET", "/api/explain?by=user&id=a%00b", "", `400 {"code":"bad_input","error":{"en":"id: has characters`},
		{"GET", "/api/explain?by=user&id=%ff", "", `400 {"code":"bad_input","error":{"en":"id: has characters`},
		{"GET", "/api/explain?by=user&id=a&id=b", "", `400 {"code":"bad_input","error":{"en":"id: give it once"`},
		{"GET", "/api/explain?by=card&id=c1", "", `400 {"code":"bad_input","error":{"en":"id: the id of a card`},
		{"GET", "/api/explain?by=user&id=%3Cscript%3E", "", `200 {"recipients":[{"user":"\u003cscript\u003e"`},
		{"GET", "/api/explain?by=openid&id=o", "", `404 {"code":"no_user"`},
		{"GET", "/api/ledger?by=user&id=nobody", "", `404 {"code":"not_bound"`},
		{"GET", "/api/ledger?by=card&id=nobody", "", `400 {"code":"bad_input","error":{"en":"by: use user, openid"`},
		{"GET", "/api/queue?limit=100000000", "", `400 {"code":"bad_input","error":{"en":"limit: use 1 to 200"`},
		{"GET", "/api/queue?limit=0", "", `400`},
		{"GET", "/api/dead?limit=1e9", "", `400 {"code":"bad_input","error":{"en":"limit: use 1 to 100"`},
		{"GET", "/api/dead?colour=red", "", `400 {"code":"bad_input","error":{"en":"\"colour\": is no parameter here: use limit"`},
		{"GET", "/api/overview?x=%zz", "", `400`},
		{"GET", "/api/charts?span=year", "", `400 {"code":"bad_input","error":{"en":"span: use hour, day, week, month"`},
		{"GET", "/api/dead/trial?user=bob&id=x", "", `409 {"code":"no_letter"`},
		{"POST", "/api/dead/replay", `{"user":"bob","id":"x"}`, `409 {"code":"no_letter"`},
		{"POST", "/api/dead/replay", `{"user":"bob"}`, `400 {"code":"bad_input","error":{"en":"id: is missing"`},
		{"POST", "/api/dead/replay", `{"user":"bob","id":"x","all":true}`, `400 {"code":"bad_input","error":{"en":"body: json: unknown field`},
		{"POST", "/api/dead/replay", `[`, `400`},
		{"POST", "/api/overview", `{}`, `404 {"code":"not_found"`},
		{"GET", "/api/users", "", `404 {"code":"not_found"`},
	} {
		w := f.do(c.method, c.path, c.body)
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %.60s %s: %.160s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
}

// A store that is away is said by the panel; the page, and what needs no store, stay.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	get[explained](f, "/api/explain?by=user&id=bob") // it is connected
	if err := f.raw.Do(t.Context(), "CLIENT", "PAUSE", 60_000, "ALL").Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // sooner than the console itself gives up
	defer cancel()
	f.ctx = ctx
	if w := f.do("GET", "/api/queue", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "too slow") {
		t.Errorf("a store that is slow: %d %s", w.Code, w.Body)
	}
	f.ctx = nil
	f.server.Kill()
	for path, want := range map[string]string{
		"/api/overview": `503 {"code":"store_away","error":{"en":"the store does not answer`, "/api/explain?by=user&id=bob": "503", "/api/settings": "200", "/": "200 <!doctype html>",
	} {
		w := f.do("GET", path, "")
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) || strings.Contains(got, f.server.Addr) && path != "/" {
			t.Errorf("%s: %.200s, want %s", path, got, want)
		}
	}
	if w := f.do("POST", "/api/dead/replay", `{"user":"bob","id":"x"}`); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
