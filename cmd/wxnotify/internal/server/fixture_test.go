package server_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/server"
	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/shared/wire"
	"wxnotify/simulator"
	kit "wxnotify/trust/fixture"
)

const template = "T1"

// A fixture is what a server stands in: a real Redis that keeps what it was told over a restart, a simulated WeChat
// and IM, and settings.
type fixture struct {
	t        testkit.T
	redis    *redistest.Server
	sim      *simulator.World
	store    *store.Store
	settings map[string]string
	state    string
	began    time.Time
	log      testkit.Output
	users    int
	upstream func(*http.Request) // sees what the server asks WeChat and IM, if it is set
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	f := &fixture{t: testkit.T{T: t}, began: time.Now(), state: filepath.Join(t.TempDir(), "state"), upstream: func(*http.Request) {}}
	f.redis = redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	f.sim = kit.World(t, simulator.Config{Clock: simulator.NewManualClock(testkit.Future), IM: simulator.IMConfig{CallbackToken: kit.CallbackToken}})
	f.t.Must(f.sim.WeChat.AddTemplate(kit.Template(template, "New message")))
	f.store = kit.Store(t, f.redis.Addr, 0, f.now)
	f.settings = kit.Settings(f.sim.Config(), f.redis.Addr, filepath.Join(t.TempDir(), "notify.yml"), "http://127.0.0.1:1") // the seams lead elsewhere
	f.settings["TEMPLATE_MESSAGE"] = template
	f.notifyFile("0s")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", &f.log)
		}
	})
	return f
}

// notifyFile writes the rules: lead is when a message is looked at first.
func (f *fixture) notifyFile(lead string) {
	f.t.Helper()
	f.t.Must(os.WriteFile(f.settings["NOTIFY_FILE"], []byte(kit.NotifyTemplates+"rules: {lead: "+lead+"}\n"), 0o600))
}

func (f *fixture) now() time.Time { return testkit.Future.Add(time.Since(f.began)) }

// A seen transport tells of each request before it goes to the simulator.
type seen struct{ f *fixture }

func (s seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.f.upstream(r)
	return s.f.sim.Transport().RoundTrip(r)
}

// config is a server of the fixture.
func (f *fixture) config() server.Config {
	settings := maps.Clone(f.settings)
	return server.Config{Listen: "127.0.0.1:0", State: f.state, Getenv: func(name string) string { return settings[name] }, Out: &f.log, Level: slog.LevelInfo,
		Seams: wire.Seams{Upstream: seen{f}, Now: f.now, StoreNow: f.now}}
}

// A running server can be stopped once; it stops with the test.
type running struct {
	*server.Server
	f       *fixture
	stopped atomic.Bool
}

func (f *fixture) start(change ...func(*server.Config)) *running {
	f.t.Helper()
	cfg := f.config()
	for _, c := range change {
		c(&cfg)
	}
	s, err := server.Start(cfg)
	f.t.Must(err)
	r := &running{Server: s, f: f}
	f.t.Cleanup(func() { r.stop() })
	return r
}

func (r *running) stop() {
	if r.stopped.CompareAndSwap(false, true) {
		http.DefaultClient.CloseIdleConnections() // a server waits 5 s for connections on which nothing was asked yet
		if err := r.Stop(); err != nil {
			r.f.t.Error(err)
		}
	}
}

// ask sends a request, and returns the status and the body of the answer.
func (r *running) ask(method, path, body string, header http.Header) (status int, answer string) {
	r.f.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.Addr()+path, bytes.NewReader([]byte(body)))
	r.f.t.Must(err)
	maps.Copy(req.Header, header)
	res, err := http.DefaultClient.Do(req)
	r.f.t.Must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	r.f.t.Must(err)
	return res.StatusCode, string(b)
}

// callback has IM tell of a message to a user, and wants it accepted.
func (r *running) callback(to fact.UserID, seq int) {
	r.f.t.Helper()
	q, body := kit.Callback(r.f.sim.Config().IM.SDKAppID, kit.CallbackToken, string(to), seq, "lunch?", r.f.now())
	if status, answer := r.ask(http.MethodPost, "/imcallback?"+q.Encode(), body, nil); status != http.StatusOK || !strings.Contains(answer, `"ActionStatus":"OK"`) {
		r.f.t.Errorf("IM is answered %d %s", status, answer)
	}
}

// user returns somebody new of both platforms who is bound and has a permit.
func (f *fixture) user() (fact.UserID, string) {
	f.t.Helper()
	f.users++
	user, openID := fact.UserID(fmt.Sprint("user", f.users)), f.sim.WeChat.NewUser()
	f.sim.IM.Import(string(user), "")
	f.t.Must(f.sim.WeChat.Subscribe(openID, template, 1))
	f.t.Must(f.store.Bind(f.t.Context(), user, fact.OpenID(openID)))
	f.record(fact.Fact{Grant: &fact.Grant{ID: "tap", OpenID: fact.OpenID(openID), Source: fact.GrantPopup, At: f.now(), Templates: []fact.TemplateID{template}}})
	return user, openID
}

// record records past the server, so that nobody wakes it.
func (f *fixture) record(facts ...fact.Fact) {
	f.t.Helper()
	rules := notify.DefaultRules()
	rules.Lead = 0
	_, err := f.store.Record(f.t.Context(), rules, facts)
	f.t.Must(err)
}

// awaitCard waits for the one card of a user.
func (f *fixture) awaitCard(openID string) {
	f.t.Helper()
	testkit.Eventually(f.t, "a card", func() bool { return len(f.sim.WeChat.Cards(openID)) > 0 })
	if n := len(f.sim.WeChat.Cards(openID)); n != 1 {
		f.t.Errorf("%d cards", n)
	}
}

// ends returns how the messages of a user ended.
func (f *fixture) ends(user fact.UserID) map[fact.MessageID][]fact.State {
	f.t.Helper()
	steps, err := f.store.Timeline(f.t.Context(), user)
	f.t.Must(err)
	return kit.Ends(steps)
}

// spooled returns the names of the files in the folder of the spool.
func (f *fixture) spooled() (names []string) {
	f.t.Helper()
	entries, err := os.ReadDir(f.state)
	f.t.Must(err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
