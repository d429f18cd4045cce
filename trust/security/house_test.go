package security_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/internal/testkit"
	"wxnotify/shared/api"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/trust"
)

const (
	sdkAppID   = 1400000001
	appID      = "wxba5fad812f8e6fb9"
	imToken    = "callback-token-2026"
	pushToken  = "push-token-4711"
	aesKey     = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	imKey      = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	templateID = "T1"
)

var (
	userKey     = secret.New(strings.Repeat("u", 32))
	sessionKey  = secret.New(strings.Repeat("s", 32))
	announceKey = secret.New(strings.Repeat("a", 32))
)

// A house is every door of wxnotify before one store.
type house struct {
	t     *testing.T
	now   time.Time
	redis *miniredis.Miniredis
	store *store.Store
	log   bytes.Buffer
	sigs  *im.Signer
	inbox *inbox.Inbox
	from  string // the address that requests come from

	callbacks, announce http.Handler
	session, permits    http.Handler
}

// people says who a login code belongs to: "code-x" to the openid "o-x".
type people struct{}

func (people) Code2Session(_ context.Context, code string) (notify.OpenID, error) {
	if who, ok := strings.CutPrefix(code, "code-"); ok {
		return notify.OpenID("o-" + who), nil
	}
	return "", wechat.ErrLoginCode
}

type nobodyElse struct{}

func (nobodyElse) Wake(context.Context) error { return nil }
func (nobodyElse) Spill(context.Context, []notify.Fact, time.Time) error {
	return errors.New("nowhere to spill")
}

func newHouse(t *testing.T, trusted bool) *house {
	t.Helper()
	h := &house{t: t, now: testkit.Past, redis: miniredis.RunT(t), from: "203.0.113.7:0"}
	clock := func() time.Time { return h.now }
	var err error
	if h.store, err = store.Open(store.Config{URL: secret.New("redis://" + h.redis.Addr()), Shards: 2, Now: clock, ServerTime: clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	if h.sigs, err = im.NewSigner(im.SignerConfig{SDKAppID: sdkAppID, SecretKey: secret.New(imKey)}); err != nil {
		t.Fatal(err)
	}
	templates, err := notify.NewTemplates(map[notify.Kind]notify.TemplateSpec{"message": {ID: templateID, Data: map[string]string{"thing1": "{{.Sender}}"}}})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.inbox = &inbox.Inbox{
		Store: h.store, Courier: nobodyElse{}, Log: log, Now: clock,
		Filter: notify.Filter{Rules: notify.DefaultRules(), Admin: im.DefaultAdmin, Templates: templates.IDs()},
	}
	receiver, err := im.NewReceiver(im.ReceiverConfig{SDKAppID: sdkAppID, Token: secret.New(imToken)})
	if err != nil {
		t.Fatal(err)
	}
	h.callbacks = &im.Handler{Receiver: receiver, Accept: h.inbox.Accept, Log: log, Now: clock}
	permits := &api.Permits{Sigs: h.sigs, Ledger: h.store, Preferences: h.store, Limits: h.store, Accept: h.inbox.Accept,
		Templates: templates, Log: log, Now: clock}
	session := &api.Session{WeChat: people{}, Sigs: h.sigs, Bindings: h.store, Limits: h.store, Permits: *permits, AppID: appID,
		SDKAppID: sdkAppID, UserKey: userKey, Admin: im.DefaultAdmin, Log: log, Now: clock}
	if trusted {
		session.UserKey, session.SessionKey = secret.String{}, sessionKey
	}
	h.permits, h.session = permits, session
	h.announce = &api.Announce{Key: announceKey, Store: h.store, Limits: h.store, Courier: nobodyElse{}, Rules: notify.DefaultRules(), Templates: templates, Log: log, Now: clock}
	return h
}

// pushes returns the door for WeChat's pushes, with a key or without.
func (h *house) pushes(encodingKey string) http.Handler {
	h.t.Helper()
	r, err := wechat.New(wechat.Config{AppID: appID, Token: secret.New(pushToken), EncodingAESKey: secret.New(encodingKey)})
	if err != nil {
		h.t.Fatal(err)
	}
	return &wechat.Handler{Receiver: r, Accept: h.inbox.Accept, Now: func() time.Time { return h.now },
		Log: slog.New(slog.NewJSONHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

// A request is what somebody sends.
type request struct {
	method string // empty: POST
	query  url.Values
	raw    string // the query, if not as url.Values has it
	header http.Header
	body   string
}

func (h *house) do(door http.Handler, q request) *httptest.ResponseRecorder {
	h.t.Helper()
	if q.method == "" {
		q.method = http.MethodPost
	}
	if q.raw == "" {
		q.raw = q.query.Encode()
	}
	r := httptest.NewRequest(q.method, "/", strings.NewReader(q.body))
	r.URL.RawQuery, r.RemoteAddr = q.raw, h.from
	if q.header != nil {
		r.Header = q.header
	}
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	return w
}

// limits are counters of who guessed, the one thing that a refused request may leave, beside the
// store's own record of whose it is.
var limits = regexp.MustCompile(`(?m)^- \S+\{\d+\}:(?:lim:|id$).*\n(   .*\n)*`)

func (h *house) kept() string { return limits.ReplaceAllString(h.redis.Dump(), "") }

// watch says that a run of deliver looks, or was woken. What is told again may wake one: whoever told
// of it first may not have come to that.
var watch = regexp.MustCompile(`(?m)^- \S+\{0\}:watch$.*\n(   .*\n)*`)

// keptButWatch is what a repetition must not change.
func (h *house) keptButWatch() string { return watch.ReplaceAllString(h.kept(), "") }

// refused checks that a request is answered with one of statuses, changes nothing that is
// stored, and is told why it was refused in the log alone.
func (h *house) refused(name string, door http.Handler, q request, statuses ...int) *httptest.ResponseRecorder {
	h.t.Helper()
	before := h.kept()
	w := h.do(door, q)
	trust.Count(h.t, trust.Attacks, 1)
	if !slices.Contains(statuses, w.Code) {
		trust.Count(h.t, trust.Violated, 1)
		h.t.Errorf("%s: answered %d %s, want one of %v", name, w.Code, w.Body, statuses)
	}
	if after := h.kept(); after != before {
		trust.Count(h.t, trust.Violated, 1)
		h.t.Errorf("%s: was refused and changed the store from\n%s\nto\n%s", name, before, after)
	}
	if strings.Contains(w.Body.String(), `"ActionStatus":"OK"`) || w.Body.Len() > 500 {
		h.t.Errorf("%s: answered %s", name, w.Body)
	}
	return w
}

// unread checks that a request whose sender is authentic is answered success, changes
// nothing that is stored, and is told why in the log alone.
func (h *house) unread(name string, door http.Handler, q request, reason string) {
	h.t.Helper()
	logged := h.log.Len()
	w := h.refused(name, door, q, http.StatusOK)
	if log := h.log.String()[logged:]; w.Body.String() != "success" || !strings.Contains(log, `"reason":"`+reason+`"`) {
		h.t.Errorf("%s: answered %q, want success; log: %s", name, w.Body, log)
	}
}

// passes checks that a request gets through: without it the refusals would show nothing.
func (h *house) passes(name string, door http.Handler, q request) *httptest.ResponseRecorder {
	h.t.Helper()
	w := h.do(door, q)
	if w.Code != http.StatusOK && w.Code != http.StatusNoContent {
		h.t.Fatalf("%s: answered %d %s, and should pass", name, w.Code, w.Body)
	}
	return w
}

// login returns a user who is bound, with his UserSig.
func (h *house) login(who string) (user, usersig string) {
	h.t.Helper()
	w := h.passes("login", h.session, request{body: `{"code":"code-` + who + `"}`})
	var got struct{ UserID, UserSig string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		h.t.Fatal(err)
	}
	return got.UserID, got.UserSig
}

func bearer(user, usersig string) http.Header {
	return http.Header{"Authorization": {"Bearer " + user + ":" + usersig}}
}

// balance returns what a user is shown of his permits.
func (h *house) balance(user, usersig string) int {
	h.t.Helper()
	w := h.passes("permits", h.permits, request{method: http.MethodGet, header: bearer(user, usersig)})
	var got struct{ Templates []struct{ Balance int } }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Templates) != 1 {
		h.t.Fatalf("answered %s, %v", w.Body, err)
	}
	return got.Templates[0].Balance
}

func clone(q url.Values) url.Values {
	out := make(url.Values, len(q))
	for k, v := range q {
		out[k] = slices.Clone(v)
	}
	return out
}
