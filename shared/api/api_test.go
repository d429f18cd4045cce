package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/api"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

// logins plays WeChat: the code "code-x" belongs to the openid "o-x".
type logins struct{ err error }

func (l logins) Code2Session(_ context.Context, code string) (fact.OpenID, error) {
	if l.err != nil {
		return "", l.err
	}
	return fact.OpenID("o-" + strings.TrimPrefix(code, "code-")), nil
}

type noInvoker struct{}

func (noInvoker) Wake(context.Context) error                             { return nil }
func (noInvoker) Overflow(context.Context, []fact.Fact, time.Time) error { return errors.New("away") }

// A service is our APIs over a real store.
type service struct {
	t        *testing.T
	now      time.Time
	mini     *miniredis.Miniredis
	store    *store.Store
	session  *api.Session
	permits  *api.Permits
	announce *api.Announce
	woken    int
	wakeErr  error
	log      bytes.Buffer
	from     string // RemoteAddr
}

func (s *service) Wake(context.Context) error { s.woken++; return s.wakeErr }

var (
	userKey    = secret.New(strings.Repeat("u", 32))
	sessionKey = secret.New(strings.Repeat("s", 32))
	annKey     = secret.New(strings.Repeat("a", 32))
	imKey      = secret.New("5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e")
)

func newService(t *testing.T, trusted bool) *service {
	t.Helper()
	s := &service{t: t, now: time.Now(), mini: miniredis.RunT(t), from: "203.0.113.7:0"}
	clock := func() time.Time { return s.now }
	var err error
	s.store, err = store.Open(store.Config{URL: secret.New("redis://" + s.mini.Addr()), Shards: 2, Now: clock, ServerTime: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	sigs := signer(t, imKey, secret.String{})
	log := slog.New(slog.NewJSONHandler(&s.log, nil))
	inbox := &inbox.Inbox{
		Store: s.store, Invoker: noInvoker{}, Log: log, Now: clock,
		Filter: notify.Filter{Rules: notify.DefaultRules(), Templates: []fact.TemplateID{"T1"}},
	}
	s.permits = &api.Permits{Sigs: sigs, Ledger: s.store, Preferences: s.store, Limits: s.store, Accept: inbox.Accept,
		Templates: templates(t, map[fact.Kind]card.TemplateSpec{"message": {ID: "T1"}}), Asking: notify.DefaultRules().Ask, Log: log, Now: clock}
	s.announce = &api.Announce{Key: annKey, Store: s.store, Limits: s.store, Invoker: s, Rules: notify.DefaultRules(), Templates: s.permits.Templates, Log: log, Now: clock}
	s.session = &api.Session{WeChat: logins{}, Sigs: sigs, Bindings: s.store, Limits: s.store, Permits: *s.permits,
		AppID: "wx0123456789abcdef", SDKAppID: 1400000001, UserKey: userKey, Admin: "administrator", Log: log, Now: clock}
	if trusted {
		s.session.UserKey, s.session.SessionKey = secret.String{}, sessionKey
	}
	return s
}

// signer makes and checks UserSigs.
func signer(t testing.TB, key, previous secret.String) *im.Signer {
	t.Helper()
	sigs, err := im.NewSigner(im.SignerConfig{SDKAppID: 1400000001, SecretKey: key, PreviousKey: previous})
	if err != nil {
		t.Fatal(err)
	}
	return sigs
}

// templates compiles specs, whatever they show.
func templates(t testing.TB, specs map[fact.Kind]card.TemplateSpec) card.Templates {
	t.Helper()
	for kind, spec := range specs {
		spec.Data = map[string]string{"thing1": "{{.Sender}}"}
		specs[kind] = spec
	}
	ts, err := card.NewTemplates(specs)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

type reply struct {
	status    int
	header    http.Header
	UserID    string `json:"userId"`
	UserSig   string `json:"userSig"`
	SDKAppID  int    `json:"sdkAppId"`
	ExpiresAt time.Time
	Templates []permit.Advice
	// Preferences are as they were sent, so that a missing one shows.
	Preferences json.RawMessage
	Results     []struct{ To, State, Reason string }
	Error       struct{ Code, Message string }
}

func (s *service) do(h http.Handler, method, body string, header http.Header) reply {
	s.t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.RemoteAddr = s.from
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var out reply
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			s.t.Fatalf("answer %q: %v", w.Body, err)
		}
	}
	out.status, out.header = w.Code, w.Header()
	return out
}

func bearer(user, sig string) http.Header {
	return http.Header{"Authorization": {"Bearer " + user + ":" + sig}}
}

func signed(key secret.String, at time.Time, word, body string) http.Header {
	ts := strconv.FormatInt(at.Unix(), 10)
	return http.Header{api.HeaderTimestamp: {ts}, api.HeaderSignature: {api.Sign(key, ts, word, []byte(body))}}
}

func (s *service) login(code string) reply {
	s.t.Helper()
	return s.wantOK(s.do(s.session, "POST", fmt.Sprintf(`{"code":%q}`, code), nil))
}

// wantOK wants a request to be answered with what it asks for.
func (s *service) wantOK(r reply) reply {
	s.t.Helper()
	if r.status != http.StatusOK {
		s.t.Fatalf("answered %d %+v", r.status, r.Error)
	}
	return r
}

func (s *service) wantFault(r reply, status int, code string) {
	s.t.Helper()
	if r.status != status || r.Error.Code != code || r.Error.Message == "" {
		s.t.Errorf("answered %d %+v, want %d %s with a message", r.status, r.Error, status, code)
	}
}

// wantRefusals sends each of bodies, and wants it to be refused by a code, with one line that says so.
func (s *service) wantRefusals(send func(body string) reply, bodies map[string]refusal) {
	s.t.Helper()
	for name, c := range bodies {
		s.now = s.now.Add(time.Minute) // no limit is in the way
		s.mini.FastForward(time.Minute)
		got, status := send(c.body), http.StatusBadRequest
		if c.code == "too_large" {
			status = http.StatusRequestEntityTooLarge
		}
		says := got.Error.Message
		if got.status != status || got.Error.Code != c.code || says == "" || !strings.Contains(says, c.says) || strings.Contains(says, "\n") {
			s.t.Errorf("%s: answered %d %+v, want %s and one line with %q", name, got.status, got.Error, c.code, c.says)
		}
	}
}

type refusal struct{ body, code, says string }

func TestLogin(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	if len(r.UserID) != 26 || r.UserID != strings.ToLower(r.UserID) || strings.Contains(r.UserID, "o-a") {
		t.Errorf("userId %q, want 26 lower-case characters that do not tell the openid", r.UserID)
	}
	if r.SDKAppID != 1400000001 || r.ExpiresAt.Sub(s.now).Round(time.Hour) != 24*time.Hour {
		t.Errorf("app %d, expires %v", r.SDKAppID, r.ExpiresAt)
	}
	if len(r.Templates) != 1 || !r.Templates[0].Ask || r.Templates[0].Balance != 0 || r.Templates[0].Kind != "message" {
		t.Errorf("advice %+v", r.Templates)
	}
	if o, err := s.store.OpenIDOf(t.Context(), fact.UserID(r.UserID)); o != "o-a" || err != nil {
		t.Errorf("bound to %q, %v", o, err)
	}
	if again := s.login("code-a"); again.UserID != r.UserID {
		t.Errorf("the second login is user %q, the first was %q", again.UserID, r.UserID)
	}
	if other := s.login("code-b"); other.UserID == r.UserID {
		t.Error("two openids are one user")
	}
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER  "} { // a scheme has no case
		s.wantOK(s.do(s.permits, "GET", "", http.Header{"Authorization": {scheme + r.UserID + ":" + r.UserSig}}))
	}
	if strings.Contains(s.log.String(), r.UserSig) {
		t.Error("the UserSig is in the log")
	}
}

func TestLoginRefused(t *testing.T) {
	s := newService(t, false)
	s.wantRefusals(func(body string) reply { return s.do(s.session, "POST", body, nil) }, map[string]refusal{
		"chooses a user": {`{"code":"code-a","userId":"boss"}`, "userId", ""},
		"no code":        {`{}`, "code", ""},
		"long code":      {`{"code":"` + strings.Repeat("x", 300) + `"}`, "code", ""},
		"no JSON":        {`code=1`, "bad_json", ""},
		"two objects":    {`{"code":"a"}{}`, "bad_json", ""},
		"unknown field":  {`{"code":"a","openid":"o-b"}`, "bad_json", ""},
		"wrong type":     {`{"code":1}`, "bad_json", ""},
		"large":          {`{"code":"` + strings.Repeat("x", 20<<10) + `"}`, "too_large", ""},
	})
	s.wantFault(s.do(s.session, "GET", "", nil), 405, "method_not_allowed")
	for err, want := range map[error]struct {
		status int
		code   string
	}{
		wechat.ErrLoginCode:           {400, "login_code"},
		wechat.ErrUserBlocked:         {403, "user_blocked"},
		errors.New("wechat: timeout"): {502, "wechat"},
	} {
		s.session.WeChat = logins{err}
		s.wantFault(s.do(s.session, "POST", `{"code":"code-a"}`, nil), want.status, want.code)
	}
}

// A backend signs for a user of its choice, but not for one of the platform or for the administrator.
func TestTrustedLogin(t *testing.T) {
	s := newService(t, true)
	body := `{"code":"code-a","userId":"alice"}`
	if r := s.wantOK(s.do(s.session, "POST", body, signed(sessionKey, s.now, "session", body))); r.UserID != "alice" {
		t.Fatalf("logged in %q", r.UserID)
	}
	for _, h := range []http.Header{{}, signed(userKey, s.now, "session", body), signed(sessionKey, s.now, "announce", body)} {
		s.wantFault(s.do(s.session, "POST", body, h), 401, "unauthorized")
	}
	for _, user := range []string{"", "administrator", "Administrator", "@TIM#SYSTEM", strings.Repeat("x", 33), "sp ace", "用户"} {
		body := fmt.Sprintf(`{"code":"code-a","userId":%q}`, user)
		s.wantFault(s.do(s.session, "POST", body, signed(sessionKey, s.now, "session", body)), 400, "userId")
	}
}

func TestErase(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	auth := bearer(r.UserID, r.UserSig)
	s.do(s.permits, "POST", `{"reportId":"report-1","ageSeconds":1,"results":{"T1":"accept"}}`, auth)
	for n := range 2 {
		if got := s.do(s.session, "DELETE", "", auth); got.status != http.StatusNoContent {
			t.Fatalf("time %d: %d %+v", n+1, got.status, got.Error)
		}
	}
	for _, key := range s.mini.Keys() {
		if strings.Contains(key, r.UserID) || strings.Contains(key, "o-a") {
			t.Errorf("%s is left", key)
		}
	}
	s.wantFault(s.do(s.permits, "GET", "", auth), 401, "unauthorized")
	s.wantFault(s.do(s.session, "DELETE", "", bearer(r.UserID, "forged")), 401, "unauthorized")
}

// A user has a limit of their own, which others behind the address do not feel.
func TestUserLimit(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	for range 60 {
		s.wantOK(s.do(s.permits, "GET", "", bearer(r.UserID, r.UserSig)))
	}
	s.wantFault(s.do(s.permits, "GET", "", bearer(r.UserID, r.UserSig)), 429, "too_many")
	s.login("code-b")
	s.mini.FastForward(6 * time.Minute)
	s.wantOK(s.do(s.permits, "GET", "", bearer(r.UserID, r.UserSig)))
}

// A backend that passes on what its clients send is not closed out for their faults.
func TestTrustedBackendIsNotLimited(t *testing.T) {
	s := newService(t, true)
	s.session.WeChat = logins{wechat.ErrLoginCode}
	body := `{"code":"stale","userId":"alice"}`
	for range 40 {
		s.wantFault(s.do(s.session, "POST", body, signed(sessionKey, s.now, "session", body)), 400, "login_code")
	}
	for range 40 { // nor is who does not sign at all
		s.wantFault(s.do(s.session, "POST", body, nil), 401, "unauthorized")
	}
}

func TestStoreAway(t *testing.T) {
	s := newService(t, false)
	r := s.login("code-a")
	s.mini.Close()
	away := s.do(s.session, "POST", `{"code":"code-a"}`, nil)
	s.wantFault(away, 503, "unavailable")
	if away.header.Get("Retry-After") == "" {
		t.Error("it is not told when to try again")
	}
	s.wantFault(s.do(s.permits, "GET", "", bearer(r.UserID, r.UserSig)), 503, "unavailable")
	s.wantFault(s.do(s.session, "DELETE", "", bearer(r.UserID, r.UserSig)), 503, "unavailable")
}
