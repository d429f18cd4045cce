package server_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/server"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/scf"
	kit "wxnotify/trust/fixture"
)

// A callback wakes deliver, which sends a card; what nobody wakes it for the timer finds. Functions answer at
// their names, and what else is asked learns nothing.
func TestServer(t *testing.T) {
	f := newFixture(t)
	s := f.start()
	user, openID := f.user()
	s.callback(user, 1)
	f.awaitCard(openID)
	f.log.Await(t, `"function":"imcallback"`, `"path":"/"`, `"status":200`, `"request_id"`)

	header, body := kit.Announcement(f.now(), "a1", string(user), "shipped")
	for name, c := range map[string]struct {
		method, path, body string
		header             http.Header
		status             int
		says               string
	}{
		"up":                   {"GET", "/healthz", "", nil, 200, `"up"`},
		"ready":                {"GET", "/readyz", "", nil, 200, `"ready"`},
		"announce":             {"POST", "/announce/below?a=b", string(body), header, 200, `"accepted"`},
		"permits of a caller":  {"GET", "/permits", "", nil, 401, ""},
		"verification":         {"GET", "/wechatpush?signature=x&timestamp=1&nonce=2&echostr=3", "", nil, 403, ""},
		"deliver has no URL":   {"POST", "/deliver", "{}", nil, 404, "not_found"},
		"nothing":              {"GET", "/", "", nil, 404, "not_found"},
		"a body that is large": {"POST", "/imcallback", strings.Repeat("x", scf.MaxBody+1), nil, 413, "body_too_large"},
		"a body that fits":     {"POST", "/session", strings.Repeat("x", scf.MaxBody), nil, 413, "above 16 KiB"}, // says the function
		"a broken query":       {"POST", "/imcallback?a=%zz", "", nil, 400, "bad_request"},
	} {
		if status, says := s.ask(c.method, c.path, c.body, c.header); status != c.status || !strings.Contains(says, c.says) {
			t.Errorf("%s: %d %s", name, status, says)
		}
	}
	s.stop()
	if lines := f.log.Lines(`"level":"ERROR"`); len(lines) > 0 {
		t.Errorf("%s", lines)
	}

	delete(f.settings, "ANNOUNCE_KEY") // is optional
	other, otherOpenID := f.user()
	s = f.start(func(c *server.Config) { c.Period = 50 * time.Millisecond })
	f.log.Await(t, "announce is not served")
	if status, _ := s.ask("POST", "/announce", string(body), header); status != http.StatusNotFound {
		t.Errorf("announce without a key: %d", status)
	}
	f.record(fact.Fact{Message: &fact.Message{ID: "m1", From: "bob", To: other, SentAt: f.now().Truncate(time.Second), Seq: 1}})
	f.awaitCard(otherOpenID)
}

// Guesses are counted by the address of who guesses: behind a proxy, by what it saw.
func TestTrustProxy(t *testing.T) {
	f := newFixture(t)
	for _, trusts := range []bool{true, false} {
		s := f.start(func(c *server.Config) { c.TrustProxy = trusts })
		// Who guesses often is refused, whatever they put in front of what the proxy adds.
		guess := func(from string) (status int) {
			for i := range 40 {
				forged := string(rune('a'+i%26)) + ", " + from
				status, _ = s.ask("GET", "/permits", "", http.Header{"X-Forwarded-For": {forged}, "Authorization": {"Bearer user1:guess"}})
			}
			return status
		}
		if status := guess("203.0.113.7"); status != http.StatusTooManyRequests {
			t.Errorf("trusting %v: the 40th guess is answered %d", trusts, status)
		}
		status, _ := s.ask("GET", "/permits", "", http.Header{"X-Forwarded-For": {"203.0.113.8"}, "Authorization": {"Bearer user1:guess"}})
		if limited := status == http.StatusTooManyRequests; limited == trusts {
			t.Errorf("trusting %v: another address is answered %d", trusts, status)
		}
		s.stop()
	}
}

// One run watches for what falls due. The others do what is due, and leave.
func TestOneRunWatches(t *testing.T) {
	f := newFixture(t)
	f.notifyFile("1s")
	s := f.start(func(c *server.Config) { c.Period = 20 * time.Millisecond })
	user, openID := f.user()
	s.callback(user, 1)
	f.log.Reset()
	f.awaitCard(openID) // a second later
	if n := len(f.log.Lines(`"msg":"event"`, `"function":"deliver"`)); n < 10 {
		t.Errorf("of the runs that began meanwhile %d have ended", n)
	}
}

// A stop waits for the card that is on its way, writes down how it ended, and begins no other.
func TestStopDuringASend(t *testing.T) {
	f := newFixture(t)
	sending, goOn := make(chan struct{}, 1), make(chan struct{})
	f.upstream = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/subscribe/send") {
			sending <- struct{}{}
			<-goOn
		}
	}
	s := f.start()
	user, openID := f.user()
	later, laterOpenID := f.user()
	s.callback(user, 1)
	testkit.Receive(t, "a send", sending)
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	testkit.Eventually(t, "no new connections", func() bool {
		res, err := http.Get("http://" + s.Addr() + "/readyz")
		if err == nil {
			res.Body.Close()
		}
		return err != nil
	})
	f.record(fact.Fact{Message: &fact.Message{ID: "m1", From: "bob", To: later, SentAt: f.now().Truncate(time.Second), Seq: 1}})
	close(goOn)
	testkit.Receive(t, "the end of the server", stopped)
	f.awaitCard(openID)
	ends := f.ends(user)
	if len(ends) != 1 || len(f.ends(later)) != 0 || len(f.sim.WeChat.Cards(laterOpenID)) != 0 {
		t.Errorf("ended: %v, and of the other %v", ends, f.ends(later))
	}
	for id, states := range ends {
		if len(states) != 1 || states[0] != fact.StateDelivered {
			t.Errorf("%s: %v", id, states)
		}
	}
	f.start() // goes on with the other
	testkit.Receive(t, "the other send", sending)
	f.awaitCard(laterOpenID)
}

// While the store is away callbacks are answered and kept on the disk, over a restart too, and are recorded
// when it is back.
func TestStoreAway(t *testing.T) {
	f := newFixture(t)
	user, openID := f.user()
	other, otherOpenID := f.user()
	s := f.start()
	f.log.Await(t, `"msg":"event","function":"deliver"`) // a run that dies has others believe for 5 s that it watches
	f.redis.Kill()
	s.callback(user, 1)
	if status, says := s.ask("GET", "/readyz", "", nil); status != http.StatusServiceUnavailable || says != "{\"status\":\"not ready\",\"store\":\"away\"}\n" {
		t.Errorf("%d %s", status, says)
	}
	if n := len(f.spooled()); n != 1 {
		t.Errorf("%d files", n)
	}
	s.stop()
	f.log.Await(t, `"msg":"stopped"`, `"spilled":1`)
	testkit.Must(t, os.WriteFile(filepath.Join(f.state, "123.tmp"), []byte("half a"), 0o600)) // of a power cut

	s = f.start()
	f.log.Await(t, "the store is away", `"alert":"store"`)
	if status, _ := s.ask("GET", "/healthz", "", nil); status != http.StatusOK {
		t.Errorf("up: %d", status)
	}
	s.callback(other, 2)
	if n := len(f.spooled()); n != 2 {
		t.Errorf("%d files: %q", n, f.spooled())
	}
	f.redis.Begin("Ready to accept connections")
	f.awaitCard(openID)
	f.awaitCard(otherOpenID)
	testkit.Eventually(t, "an empty folder", func() bool { return len(f.spooled()) == 0 })
	testkit.Eventually(t, "ready", func() bool {
		status, _ := s.ask("GET", "/readyz", "", nil)
		return status == http.StatusOK
	})
}

// A file that is no overflow is tried a few times, set aside with an alert, and keeps nothing else waiting.
func TestBrokenSpool(t *testing.T) {
	f := newFixture(t)
	user, openID := f.user()
	testkit.Must(t, os.MkdirAll(f.state, 0o700))
	for name, text := range map[string]string{"0000000000000001-A.jsonl": "{]\n", "0000000000000002-B.jsonl": "", "notes.txt": "mine"} {
		testkit.Must(t, os.WriteFile(filepath.Join(f.state, name), []byte(text), 0o600))
	}
	s := f.start(func(c *server.Config) { c.Period = 40 * time.Millisecond })
	f.log.Await(t, `"alert":"spill"`, "0000000000000001-A.jsonl.failed")
	testkit.Eventually(t, "the file aside", func() bool {
		return strings.Join(f.spooled(), " ") == "0000000000000001-A.jsonl.failed notes.txt"
	})
	s.callback(user, 1)
	f.awaitCard(openID)
}

// A folder that is full takes no more, and what finds no room is told as lost. A server that starts beside it
// stops at once, and keeps all of it.
func TestFullSpool(t *testing.T) {
	f := newFixture(t)
	f.redis.Kill()
	testkit.Must(t, os.MkdirAll(f.state, 0o700))
	line := `{"spill":{"facts":[{"presence":{"user":"user1"}}]}}` + "\n"
	testkit.Must(t, os.WriteFile(filepath.Join(f.state, "00000000000000ff-A.jsonl"), []byte(strings.Repeat(line, 100_000)), 0o600))
	s := f.start()
	s.callback("user1", 1) // IM is answered OK in any case
	f.log.Await(t, `"alert":"lost"`, "takes no more")
	s.stop()
	f.log.Await(t, `"msg":"stopped"`, `"spilled":100000`)
	if files := f.spooled(); len(files) != 1 {
		t.Errorf("%q", files)
	}
}

// What was set aside takes up room until somebody has looked at it.
func TestSpoolFullOfWhatWasSetAside(t *testing.T) {
	f := newFixture(t)
	f.redis.Kill()
	testkit.Must(t, os.MkdirAll(f.state, 0o700))
	aside := filepath.Join(f.state, "0000000000000001-A.jsonl.failed")
	testkit.Must(t, os.WriteFile(aside, nil, 0o600))
	testkit.Must(t, os.Truncate(aside, 1<<30))
	s := f.start()
	s.callback("user1", 1)
	f.log.Await(t, `"alert":"lost"`, "takes no more")
}

// What comes together is written together, and everybody hears that theirs is on the disk.
func TestManyCallbacksWhileTheStoreIsAway(t *testing.T) {
	f := newFixture(t)
	s := f.start()
	f.redis.Kill()
	const many = 200
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() { s.callback("user1", i) })
	}
	wg.Wait()
	s.stop()
	f.log.Await(t, `"msg":"stopped"`, fmt.Sprintf(`"spilled":%d`, many))
	lines := 0
	for _, name := range f.spooled() {
		b, err := os.ReadFile(filepath.Join(f.state, name))
		testkit.Must(t, err)
		lines += strings.Count(string(b), "\n")
	}
	if lines != many || len(f.spooled()) > many/2 {
		t.Errorf("%d events in %d files", lines, len(f.spooled()))
	}
}

// Whoever sends slowly takes places from others for a few seconds, and memory from nobody: others are told to come
// again, and the server says that it is up.
func TestSlowCallers(t *testing.T) {
	f := newFixture(t)
	s := f.start()
	for range 128 {
		c, err := net.Dial("tcp", s.Addr())
		testkit.Must(t, err)
		defer c.Close()
		_, err = c.Write([]byte("POST /imcallback HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"))
		testkit.Must(t, err)
	}
	testkit.Eventually(t, "a refusal", func() bool {
		status, says := s.ask("GET", "/permits", "", nil)
		return status == http.StatusServiceUnavailable && strings.Contains(says, "busy")
	})
	if status, _ := s.ask("GET", "/healthz", "", nil); status != http.StatusOK {
		t.Errorf("up: %d", status)
	}
	testkit.Eventually(t, "a place", func() bool {
		status, _ := s.ask("GET", "/permits", "", nil)
		return status == http.StatusUnauthorized
	})
}

// Settings that a function would refuse are refused before anything is served, all at once, and so is a store that refuses us.
func TestRefusals(t *testing.T) {
	f := newFixture(t)
	taken := f.start()
	for name, c := range map[string]struct {
		change func(*server.Config, map[string]string)
		says   []string
	}{
		"no store": {func(_ *server.Config, s map[string]string) { delete(s, "STORE_URL") }, []string{"STORE_URL: is not set"}},
		"several": {func(_ *server.Config, s map[string]string) {
			delete(s, "IM_SECRET_KEY")
			s["WECHAT_TOKEN"] = "undefined"
		}, []string{"IM_SECRET_KEY", "WECHAT_TOKEN: holds a placeholder"}},
		"a notify.yml": {func(c *server.Config, s map[string]string) {
			s["NOTIFY_FILE"] = filepath.Join(c.State, "notify.yml")
			testkit.Must(t, os.WriteFile(s["NOTIFY_FILE"], []byte(kit.NotifyTemplates+"rules: {lead: soon}\n"), 0o600))
			delete(s, "ANNOUNCE_KEY") // announce would say it
		}, []string{"notify.yml: line 3"}},
		"another's store":  {func(_ *server.Config, s map[string]string) { s["STORE_SHARDS"] = "8" }, []string{"STORE_SHARDS is 8, and the store was filled with 16"}},
		"a wrong password": {func(_ *server.Config, s map[string]string) { s["STORE_URL"] = "redis://:hunter22@" + f.redis.Addr }, []string{"STORE_URL: the server refuses"}},
		"an address taken": {func(c *server.Config, _ map[string]string) { c.Listen = taken.Addr() }, []string{"--listen: ", "choose another address"}},
		"no such folder": {func(c *server.Config, _ map[string]string) {
			c.State = filepath.Join(f.settings["NOTIFY_FILE"], "state")
		}, []string{"--state: "}},
		"no such key":        {func(c *server.Config, _ map[string]string) { c.CertFile, c.KeyFile = "none.pem", "none.key" }, []string{"--cert and --key: "}},
		"a key of ours":      {func(_ *server.Config, s map[string]string) { s["ANNOUNCE_KEY"] = "short" }, []string{"ANNOUNCE_KEY: has 5 bytes"}},
		"unsigned callbacks": {func(_ *server.Config, s map[string]string) { delete(s, "IM_CALLBACK_TOKEN") }, []string{"IM_CALLBACK_TOKEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, settings := f.config(), map[string]string{}
			for k, v := range f.settings {
				settings[k] = v
			}
			cfg.State, cfg.Getenv = t.TempDir(), func(name string) string { return settings[name] }
			c.change(&cfg, settings)
			s, err := server.Start(cfg)
			if err == nil {
				s.Stop()
				t.Fatal("it started")
			}
			for _, want := range c.says {
				if n := strings.Count(err.Error(), want); n != 1 {
					t.Errorf("%q stands %d times in: %v", want, n, err)
				}
			}
			if strings.Contains(err.Error(), "hunter22") {
				t.Error(err)
			}
		})
	}
}

// Functions have the time that they have on SCF.
func TestLimits(t *testing.T) {
	p, err := serverless.Load(filepath.Join("..", "..", "..", "..", "serverless.yml"), func(string) (string, bool) { return "1", true })
	testkit.Must(t, err)
	p.Functions = slices.DeleteFunc(p.Functions, func(f serverless.Function) bool { return f.Key == "console" }) // is not served
	for _, f := range p.Functions {
		if server.Limits[f.Key] != f.Timeout {
			t.Errorf("%s: %v, and in serverless.yml %v", f.Key, server.Limits[f.Key], f.Timeout)
		}
	}
	if len(p.Functions) != len(server.Limits) {
		t.Errorf("%d functions", len(server.Limits))
	}
}
