package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

const (
	appSecret = "app-secret-5bd2850f"
	sendPath  = "/cgi-bin/message/subscribe/send"
	tokenPath = "/cgi-bin/stable_token"
)

// tokenRequest never forces a token. WeChat tells normal mode by nothing else.
const tokenRequest = `{"grant_type":"client_credential","appid":"` + appID + `","secret":"` + appSecret + `","force_refresh":false}`

// A fakeAPI answers as WeChat's API does in the parts that a test is about.
type fakeAPI struct {
	mu       sync.Mutex
	issued   int           // the token in force is token-<issued>
	remains  int           // expires_in
	slow     time.Duration // of stable_token
	refuse   string        // what stable_token answers instead, if set
	deaf     bool          // every token is refused at send
	scripted map[string][]string
	seen     []seen
}

type seen struct {
	path, query string
	body        []byte
}

func newAPI() *fakeAPI {
	return &fakeAPI{issued: 1, remains: 7200, scripted: map[string][]string{}}
}

// answer makes the next request to path get body.
func (a *fakeAPI) answer(path string, body ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scripted[path] = append(a.scripted[path], body...)
}

// expire makes the token in force invalid.
func (a *fakeAPI) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.issued++
}

func (a *fakeAPI) count(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, s := range a.seen {
		if s.path == path {
			n++
		}
	}
	return n
}

func (a *fakeAPI) token() string { return fmt.Sprintf("token-%d", a.issued) }

func (a *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	a.mu.Lock()
	a.seen = append(a.seen, seen{r.URL.Path, r.URL.RawQuery, body})
	slow := a.slow
	a.mu.Unlock()
	if slow > 0 && r.URL.Path == tokenPath {
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, a.reply(r, body))
}

func (a *fakeAPI) reply(r *http.Request, body []byte) string {
	if q := a.scripted[r.URL.Path]; len(q) > 0 {
		a.scripted[r.URL.Path] = q[1:]
		return q[0]
	}
	switch {
	case r.URL.Path == tokenPath && (strings.TrimSpace(string(body)) != tokenRequest || r.URL.RawQuery != ""):
		return `{"errcode":47001,"errmsg":"data format error"}`
	case r.URL.Path == tokenPath && a.refuse != "":
		return a.refuse
	case r.URL.Path == tokenPath:
		return fmt.Sprintf(`{"access_token":%q,"expires_in":%d}`, a.token(), a.remains)
	case a.deaf || r.URL.Query().Get("access_token") != a.token():
		return `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 1-2-3"}`
	}
	return `{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}`
}

// memory serves requests without a network, for tests under synctest. It knows
// nothing of httptrace.
type memory struct{ http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func failing(err error) http.RoundTripper {
	return roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })
}

func inMemory(api http.Handler) wechat.ClientConfig {
	return wechat.ClientConfig{
		AppID: appID, AppSecret: secret.New(appSecret),
		HTTPClient: &http.Client{Transport: memory{api}},
	}
}

func client(t testing.TB, cfg wechat.ClientConfig) *wechat.Client {
	t.Helper()
	if cfg.AppID == "" {
		cfg.AppID, cfg.AppSecret = appID, secret.New(appSecret)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now // the bubble's, in one
	}
	c, err := wechat.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// online returns a Client of a fake behind a real socket.
func online(t testing.TB, api http.Handler) *wechat.Client {
	t.Helper()
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	return client(t, wechat.ClientConfig{BaseURL: srv.URL})
}

// answered returns a Client to which path answers so, and the fake behind it.
func answered(t testing.TB, path string, answers ...string) (*wechat.Client, *fakeAPI) {
	api := newAPI()
	api.answer(path, answers...)
	return online(t, api), api
}

var message = wechat.SubscribeMessage{
	To: "oUser", Template: "T1", Page: "pages/chat/index?peer=u2&x=<1>",
	Data: map[string]string{"thing1": "Anna & Bob", "number3": "2"}, MiniProgramState: "formal", Lang: "zh_CN",
}

// A sharedCache is a TokenCache for several Clients, as its contract has it.
type sharedCache struct {
	mu      sync.Mutex
	token   string
	expires time.Time
	lease   time.Time
	window  time.Duration // renew that long before the end
	away    bool
	hangs   bool
	asked   int
	dropped int // tokens really dropped
}

// reach locks c, unless it is away.
func (c *sharedCache) reach(ctx context.Context) error {
	if c.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	c.mu.Lock()
	c.asked++
	if c.away {
		c.mu.Unlock()
		return errors.New("store away")
	}
	return nil
}

func (c *sharedCache) Token(ctx context.Context, _ string) (string, time.Time, bool, error) {
	if err := c.reach(ctx); err != nil {
		return "", time.Time{}, false, err
	}
	defer c.mu.Unlock()
	at := time.Now()
	if !at.Before(c.expires) {
		c.token, c.expires = "", time.Time{}
	}
	refresh := (c.token == "" || !at.Before(c.expires.Add(-c.window))) && !at.Before(c.lease)
	if refresh {
		c.lease = at.Add(10 * time.Second)
	}
	return c.token, c.expires, refresh, nil
}

func (c *sharedCache) PutToken(ctx context.Context, _, token string, expires time.Time) error {
	if err := c.reach(ctx); err != nil {
		return err
	}
	defer c.mu.Unlock()
	c.token, c.expires, c.lease = token, expires, time.Time{}
	return nil
}

func (c *sharedCache) DropToken(ctx context.Context, _, token string) error {
	if err := c.reach(ctx); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if c.token == token && token != "" {
		c.token, c.expires = "", time.Time{}
		c.dropped++
	}
	return nil
}

func wantClass(t *testing.T, err error, want card.Class) {
	t.Helper()
	if err == nil || card.ClassOf(err) != want {
		t.Errorf("class %v of %v, want %v", card.ClassOf(err), err, want)
	}
}

// private lists what must never show in an error or a log.
var private = []string{appSecret, "token-1", "token-2", "access_token=", "secret=", "js_code", "login-code", "?", "Anna", "session-key"}

func wantNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, p := range private {
		if strings.Contains(text, p) {
			t.Errorf("%q shows in %s", p, text)
		}
	}
}

func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
