package security_test

import (
	"bytes"
	"fmt"
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
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

// A system is all functions with a URL, over one store, and what they log.
type system struct {
	testkit.T
	*fixture.Functions
	now   time.Time
	redis *miniredis.Miniredis
	store *store.Store
	sim   *simulator.World
	log   bytes.Buffer
	from  string // the address that requests come from
}

func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{T: testkit.T{T: t}, now: testkit.Past, redis: miniredis.RunT(t), from: "203.0.113.7:0"}
	clock := func() time.Time { return s.now }
	s.store = fixture.Store(t, s.redis.Addr(), 2, clock)
	s.sim = fixture.World(t, simulator.Config{Clock: simulator.NewManualClock(s.now), IM: simulator.IMConfig{CallbackToken: fixture.CallbackToken}})
	var err error
	s.Must(fixture.AddTemplates(s.sim.WeChat))
	s.Functions, err = fixture.New(fixture.Config{Store: s.store, Platforms: s.sim.Config(), HTTP: &http.Client{Transport: s.sim.Transport()},
		Base: "http://127.0.0.1", Rules: notify.DefaultRules(), Now: clock,
		Log: slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	s.Must(err)
	return s
}

// login returns a new user who is bound.
func (s *system) login() *fixture.User {
	s.Helper()
	u := &fixture.User{OpenID: s.sim.WeChat.NewUser()}
	s.Must(fixture.LogIn(s, s.sim.WeChat, u))
	return u
}

// A request is what somebody sends to a function.
type request struct {
	function string
	method   string // empty: POST
	query    url.Values
	header   http.Header
	body     string
}

func (r request) clone() request {
	r.query, r.header = url.Values(http.Header(r.query).Clone()), r.header.Clone()
	return r
}

// callback is what IM sends of a message to user.
func (s *system) callback(user string) request {
	c := s.sim.Config().IM
	q, body := fixture.Callback(c.SDKAppID, c.CallbackToken, user, 1, "hi", s.now)
	return request{function: "imcallback", query: q, body: body}
}

// push is what WeChat sends of a tap in the dialog.
func (s *system) push(openID string) request {
	s.Helper()
	c := s.sim.Config().WeChat
	q, body, err := wechat.Sealer{AppID: c.AppID, Token: c.Token, EncodingAESKey: c.AESKey, Mode: wechat.ModeSecure, Timestamp: s.now, Nonce: "415670741"}.
		Seal([]byte(event(popup, openID, string(fixture.Message), "accept", s.now)))
	s.Must(err)
	return request{function: "wechatpush", query: q, body: string(body)}
}

// report is what a mini program tells of a tap.
func report(u *fixture.User, id string) request {
	return request{function: "permits", header: u.Bearer(), body: fmt.Sprintf(`{"reportId":%q,"results":{%q:"accept"}}`, id, fixture.Message)}
}

// announcement is what a backend sends.
func (s *system) announcement(to string) request {
	header, body := fixture.Announcement(s.now, "order-1", to, "on its way")
	return request{function: "announce", header: header, body: string(body)}
}

func (s *system) do(q request) *httptest.ResponseRecorder {
	s.Helper()
	if q.method == "" {
		q.method = http.MethodPost
	}
	r := httptest.NewRequest(q.method, "/"+q.function, strings.NewReader(q.body))
	r.URL.RawQuery, r.RemoteAddr = q.query.Encode(), s.from
	if q.header != nil {
		r.Header = q.header
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// transient is what a request may leave that changes nothing: counters of guesses, the store's own
// record of whose it is, and that a run of deliver was woken.
var transient = regexp.MustCompile(`(?m)^- \S+\{\d+\}:(?:lim:|id$|watch$).*\n(   .*\n)*`)

func (s *system) kept() string { return transient.ReplaceAllString(s.redis.Dump(), "") }

// wantNoEffect wants a request to be answered with one of statuses, in few words, and to change
// nothing that is stored.
func (s *system) wantNoEffect(name string, q request, statuses ...int) {
	s.Helper()
	before := s.kept()
	w := s.do(q)
	trust.Count(s.T, trust.Attacks, 1)
	if !slices.Contains(statuses, w.Code) || w.Body.Len() > 500 {
		trust.Broken(s.T, trust.Violated, "%s, %s: answered %d %s, want one of %v", q.function, name, w.Code, w.Body, statuses)
	}
	if after := s.kept(); after != before {
		trust.Broken(s.T, trust.Violated, "%s, %s: changed the store from\n%s\nto\n%s", q.function, name, before, after)
	}
}

// passes checks that a request gets through: without it the refusals would show nothing.
func (s *system) passes(name string, q request) *httptest.ResponseRecorder {
	s.Helper()
	w := s.do(q)
	if w.Code != http.StatusOK && w.Code != http.StatusNoContent {
		s.Fatalf("%s, %s: answered %d %s, and should pass", q.function, name, w.Code, w.Body)
	}
	return w
}

// What IM and WeChat send.
const (
	afterSend = fixture.AfterSend
	popup     = "subscribe_msg_popup_event"
	change    = "subscribe_msg_change_event"
	sent      = "subscribe_msg_sent_event"
)

// event is the JSON of a subscribe event of an openid.
func event(name, openID, template, status string, at time.Time) string {
	return fmt.Sprintf(`{"ToUserName":"gh_1","FromUserName":%q,"CreateTime":%d,"MsgType":"event","Event":%q,`+
		`"List":{"TemplateId":%q,"SubscribeStatusString":%q,"ErrorCode":"43101","ErrorStatus":"user refuse","MsgID":"1","PopupScene":"0"}}`,
		openID, at.Unix(), name, template, status)
}
