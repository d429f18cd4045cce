package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/internal/testkit"
	"wxnotify/shared/card"
	"wxnotify/shared/config"
	"wxnotify/shared/console"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	kit "wxnotify/trust/fixture"
)

const host = "127.0.0.1:9010"

// A fixture is a console of a store with a clock of its own, which several tests do not share.
type fixture struct {
	*testing.T
	store   *store.Store
	raw     *redis.Client
	server  *redistest.Server
	console *console.Console
	now     time.Time
	mu      sync.Mutex
	trips   atomic.Int64
	cookie  string
	ctx     context.Context // of requests; nil: that of the test
}

// counting counts what is written to a connection at once: the trips.
type counting struct {
	net.Conn
	trips *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	c.trips.Add(1)
	return c.Conn.Write(b)
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, server: redistest.StartServer(t), now: testkit.Future}
	f.raw = redis.NewClient(&redis.Options{Addr: f.server.Addr})
	t.Cleanup(func() { f.raw.Close() })
	st, err := store.Open(store.Config{URL: secret.New("redis://" + f.server.Addr), Now: f.clock, ServerTime: f.clock,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return counting{conn, &f.trips}, err
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	f.store = st
	f.console = console.New(console.Config{Store: st, AppID: "wx1", Now: f.clock, Settings: []console.Setting{{Name: "STORE_PREFIX", Value: "x"}},
		Conf: config.Notify{Rules: notify.DefaultRules(), Specs: map[fact.Kind]card.TemplateSpec{fact.KindMessage: {ID: "T1"}}}})
	f.signIn(f.console.Token())
	return f
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// do makes a request as the page does, with the cookie of whoever is signed in.
func (f *fixture) do(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if f.ctx != nil {
		r = r.WithContext(f.ctx)
	}
	r.Host = host
	r.Header.Set("Origin", "http://"+host)
	r.Header.Set("Content-Type", "application/json")
	if f.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "wxnotify-console", Value: f.cookie})
	}
	w := httptest.NewRecorder()
	f.console.ServeHTTP(w, r)
	return w
}

// signIn signs in, and returns the status.
func (f *fixture) signIn(token string) int {
	f.Helper()
	w := f.do("POST", "/api/session", fmt.Sprintf(`{"token":%q}`, token))
	for _, c := range w.Result().Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge <= 0 {
			f.Errorf("the cookie is %+v", c)
		}
		f.cookie = c.Value
	}
	return w.Code
}

// get wants an answer, and returns it.
func get[T any](f *fixture, path string) (v T) {
	f.Helper()
	w := f.do("GET", path, "")
	if w.Code != http.StatusOK {
		f.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		f.Fatal(err)
	}
	return v
}

func (f *fixture) login(user fact.UserID, permits int) {
	f.Helper()
	openID := "openid-of-" + fact.OpenID(user)
	if err := f.store.Bind(f.Context(), user, openID); err != nil {
		f.Fatal(err)
	}
	for i := range permits {
		f.record(fact.Fact{Grant: &fact.Grant{ID: fmt.Sprint(user, i), OpenID: openID, Source: fact.GrantPopup, At: f.now, Templates: []fact.TemplateID{"T1"}}})
	}
}

func (f *fixture) record(facts ...fact.Fact) {
	f.Helper()
	if _, err := f.store.Record(f.Context(), notify.DefaultRules(), facts); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) message(id fact.MessageID, to fact.UserID) fact.Fact {
	return fact.Fact{Message: &fact.Message{ID: id, Kind: fact.KindMessage, From: "anna", To: to, SentAt: f.now, Summary: "PRIVATE"}}
}

// deliver is a pass of deliver, two minutes later, while all are away and WeChat answers err.
func (f *fixture) deliver(err error) {
	f.Helper()
	f.advance(2 * time.Minute)
	kit.Pass(f.T, f.store, notify.DefaultRules(), err)
}

// A refusal of WeChat's.
type refusal card.Class

func (refusal) Error() string       { return "errcode 47003: <b>thing1</b> invalid" }
func (r refusal) Class() card.Class { return card.Class(r) }

type words struct{ EN, ZH string }

type recipient struct {
	User, OpenID, State, Reason, Presence string
	Bound                                 bool
	Sentence                              words
	Steps                                 []struct {
		Words    words
		Messages []string
	}
	MoreSteps, Waiting int
}

type explained struct {
	Recipients []recipient
	More       int
}

// key returns a key of the same shard as one that is there.
func (f *fixture) key(there, name string) string {
	f.Helper()
	keys, err := f.raw.Keys(f.Context(), "*:"+there).Result()
	if err != nil || len(keys) != 1 {
		f.Fatal(keys, err)
	}
	return strings.TrimSuffix(keys[0], there) + name
}
