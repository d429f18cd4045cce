package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxnotify/internal/port"
	"wxnotify/internal/testkit"
)

// The command tells an address that signs in once, shows no secret, and ends with its context.
func TestConsole(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	d.login("bob", 1)
	d.env["ANNOUNCE_KEY"], d.env["WECHAT_APPID"] = "a-secret-of-thirty-two-characters", ""
	out := &testkit.Output{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"console", "--addr=127.0.0.1:0"}, console{in: strings.NewReader(""), out: out, err: out, env: d.env, now: time.Now})
	}()
	defer func() {
		cancel()
		if code := testkit.Receive(t, "the end", ended); code != 0 {
			t.Errorf("status %d: %s", code, out)
		}
	}()
	var at []string
	testkit.Eventually(t, "it says where it is", func() bool {
		at = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/#(\w+)`).FindStringSubmatch(out.String())
		return at != nil && strings.Contains(out.String(), "Ctrl-C")
	})
	send := func(method, path, body, cookie string) (int, string, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, at[1]+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", at[1])
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", cookie)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		cookie, _, _ = strings.Cut(res.Header.Get("Set-Cookie"), ";")
		return res.StatusCode, string(b), cookie
	}
	code, _, cookie := send("POST", "/api/session", fmt.Sprintf(`{"token":%q}`, at[2]), "")
	if code != 200 {
		t.Fatalf("the address does not sign in: %d", code)
	}
	if code, body, _ := send("GET", "/api/ledger?by=user&id=bob", "", cookie); code != 200 || !strings.Contains(body, `"balance":1`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body, _ := send("GET", "/api/settings", "", cookie); code != 200 || strings.Contains(body, "a-secret") || !strings.Contains(body, `{"name":"ANNOUNCE_KEY","value":"(set)"}`) {
		t.Errorf("%d %s", code, body)
	}
}

func TestConsoleRefuses(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:9010", ":9010", "example.com:80", "9010"} {
		var out bytes.Buffer
		if code := run(t.Context(), []string{"console", "--addr=" + addr}, console{out: &out, err: &out, now: time.Now}); code == 0 || !strings.Contains(out.String(), "use a loopback address") {
			t.Errorf("%s: %d %s", addr, code, &out)
		}
	}
	for url, shown := range map[string]string{"redis://user:hunter2@host:6379/1": "redis://host:6379/1", "ssm:a": "ssm:a", "hunter2": "(set)", "redis://:%zz@h": "(set)"} {
		if got := withoutUser(url); got != shown {
			t.Errorf("%s is shown as %s, want %s", url, got, shown)
		}
	}
}

// Prometheus is told at an address of its own.
func TestServeMetrics(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	d.login("bob", 1)
	var out bytes.Buffer
	con := console{out: &out, err: &out, now: time.Now}
	stop, err := serveMetrics(con, d.env, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	url := regexp.MustCompile(`http://\S+`).FindString(out.String())
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), "\nwxnotify_permits_total{what=\"granted\"} 1\n") {
		t.Errorf("%v: %s", err, b)
	}
	if _, err := serveMetrics(con, d.env, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/metrics")); err == nil || !strings.Contains(err.Error(), "--metrics") {
		t.Errorf("an address that is taken: %v", err)
	}
	d.env[storeURL] = "redis://" + port.Addr(t)
	stop, err = serveMetrics(con, d.env, "127.0.0.1:0")
	if err != nil {
		t.Fatalf("a store that is away keeps it from starting: %v", err)
	}
	stop()
}
