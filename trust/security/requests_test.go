package security_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/fact"
	"wxnotify/shared/store"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

// A part is one of what makes a request authentic.
type part struct {
	name  string
	value string
	set   func(r *request, values ...string)
}

func inQuery(r request, name string) part {
	return part{name, r.query.Get(name), func(r *request, values ...string) { r.query[name] = values }}
}

func inHeader(r request, name string) part {
	return part{name, r.header.Get(name), func(r *request, values ...string) { r.header[name] = values }}
}

// A request of which any part is missing, empty, told twice or altered in one byte is refused and
// changes nothing; as it was made it passes.
func TestAlteredRequests(t *testing.T) {
	s := newSystem(t)
	alice, mallory := s.login(), s.login()
	callback, push, announcement := s.callback(alice.UserID), s.push(alice.OpenID), s.announcement(alice.UserID)
	tap, erasure := report(alice, "report-1"), request{function: "session", method: http.MethodDelete, header: alice.Bearer()}
	for _, c := range []struct {
		request
		status int
		parts  []part
	}{
		{callback, http.StatusForbidden, []part{inQuery(callback, "Sign"), inQuery(callback, "RequestTime"), inQuery(callback, "SdkAppid")}},
		{push, http.StatusForbidden, []part{inQuery(push, "signature"), inQuery(push, "msg_signature"), inQuery(push, "timestamp"), inQuery(push, "nonce")}},
		{announcement, http.StatusUnauthorized, []part{inHeader(announcement, api.HeaderSignature), inHeader(announcement, api.HeaderTimestamp)}},
		{tap, http.StatusUnauthorized, []part{inHeader(tap, "Authorization")}},
		{erasure, http.StatusUnauthorized, []part{inHeader(erasure, "Authorization")}},
	} {
		refused := func(name string, change func(*request)) {
			s.from = fmt.Sprintf("198.51.100.%d:0", len(name)) // so that the limit of an address is not what stops it
			s.redis.FastForward(5 * time.Minute)
			bad := c.clone()
			change(&bad)
			s.wantNoEffect(name, bad, c.status)
		}
		for _, p := range c.parts {
			refused("without "+p.name, func(r *request) { p.set(r) })
			refused("with an empty "+p.name, func(r *request) { p.set(r, "") })
			refused("with two of "+p.name, func(r *request) { p.set(r, "0", p.value) })
			if p.name == "Authorization" {
				refused("of another", func(r *request) { p.set(r, "Bearer "+alice.UserID+":"+mallory.UserSig) })
				continue // a UserSig has bits that mean nothing: FuzzUserSig knows which
			}
			random := rand.New(rand.NewPCG(11, 17))
			for range trust.Size(50, 250, 1000) {
				value := alter(random, p.value)
				if p.name == api.HeaderSignature && strings.EqualFold(value, p.value) {
					continue // the same digest in other letters
				}
				refused(fmt.Sprintf("with %s %q", p.name, value), func(r *request) { p.set(r, value) })
			}
		}
		s.passes("as it was made", c.request)
	}
}

// alter returns s with one byte another one, gone, or one more.
func alter(r *rand.Rand, s string) string {
	const alphabet = "0123456789abcdefABCDEF+/= \x00-_"
	i, c := r.IntN(len(s)), string(alphabet[r.IntN(len(alphabet))])
	switch r.IntN(3) {
	case 0:
		if s[i:i+1] == c {
			c = "~"
		}
		return s[:i] + c + s[i+1:]
	case 1:
		return s[:i] + s[i+1:]
	}
	return s[:i] + c + s[i:]
}

// While a request is fresh, a repetition changes nothing; then it is refused.
func TestReplayedRequests(t *testing.T) {
	callback := func(s *system, u *fixture.User) request { return s.callback(u.UserID) }
	push := func(s *system, u *fixture.User) request { return s.push(u.OpenID) }
	announcement := func(s *system, u *fixture.User) request { return s.announcement(u.UserID) }
	for name, c := range map[string]struct {
		make          func(*system, *fixture.User) request
		fresh         time.Duration
		replayed, old int // how a repetition is answered in that time, and later
	}{
		"callback":     {callback, time.Minute, http.StatusOK, http.StatusForbidden},
		"push":         {push, 5 * time.Minute, http.StatusOK, http.StatusForbidden},
		"announcement": {announcement, 5 * time.Minute, http.StatusForbidden, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t)
			alice := s.login()
			again := c.make(s, alice)
			s.passes("first", again)
			for range 5 {
				s.wantNoEffect("again", again, c.replayed)
				s.now = s.now.Add(c.fresh / 5)
			}
			s.wantNoEffect("at the last moment", again, c.replayed)
			s.now = s.now.Add(time.Second)
			s.wantNoEffect("once it is old", again, c.old)
		})
	}
	s := newSystem(t)
	alice := s.login()
	s.passes("an announcement", s.announcement(alice.UserID))
	s.now = s.now.Add(time.Second)
	s.wantNoEffect("signed anew", s.announcement(alice.UserID), http.StatusOK)
}

// An endless is a body that does not end, or breaks off after 100 bytes.
type endless struct {
	read   int
	broken bool
}

func (e *endless) Read(p []byte) (int, error) {
	if e.broken && e.read >= 100 {
		return 0, errors.New("connection reset")
	}
	e.read++
	p[0] = ' '
	return 1, nil
}

// A body is read up to the limit of its function and no further; of a stranger, whose request the
// signature does not cover, nothing is read.
func TestBodiesAreBounded(t *testing.T) {
	s := newSystem(t)
	alice := s.login()
	for _, c := range []struct {
		request
		most     int
		stranger int // bytes that are read of one
	}{
		{s.callback(alice.UserID), 1 << 20, 0},
		{s.push(alice.OpenID), 1 << 20, 1 << 20},
		{request{function: "session"}, 16 << 10, 16 << 10},
		{report(alice, "report-1"), 16 << 10, 0},
		{s.announcement(alice.UserID), 256 << 10, 256 << 10},
	} {
		for _, authentic := range []bool{true, false} {
			for _, body := range []*endless{{}, {broken: true}} {
				r := httptest.NewRequest(http.MethodPost, "/"+c.function, body)
				most := c.stranger
				if authentic {
					r.URL.RawQuery, r.Header, most = c.query.Encode(), c.header.Clone(), c.most
				} else if c.function == "imcallback" {
					r.URL.RawQuery = url.Values{"CallbackCommand": {afterSend}}.Encode()
				}
				before, w := s.kept(), httptest.NewRecorder()
				s.ServeHTTP(w, r)
				trust.Count(t, trust.Attacks, 1)
				if w.Code < 400 || w.Code >= 500 || s.kept() != before || body.read > most+1024*min(most, 1) {
					t.Errorf("%s, authentic: %t: %d bytes were read, answered %d", c.function, authentic, body.read, w.Code)
				}
			}
		}
	}
}

// What WeChat asks to be echoed is text, not a page.
func TestEchoIsNoPage(t *testing.T) {
	s := newSystem(t)
	const page = "<script>alert(1)</script>"
	q := s.push("openid")
	q.method, q.body = http.MethodGet, ""
	q.query.Set("echostr", page)
	w := s.passes("verification", q)
	if w.Body.String() != page || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("answered %v %s", w.Header(), w.Body)
	}
	q.query.Set("signature", strings.Repeat("0", 40))
	if w := s.do(q); strings.Contains(w.Body.String(), "script") {
		t.Errorf("a stranger is answered %s", w.Body)
	}
}

// balance is how many permits a user is shown, and whether they are answered at all.
func (s *system) balance(u *fixture.User) int {
	s.Helper()
	w := s.passes("balance", request{function: "permits", method: http.MethodGet, header: u.Bearer()})
	var got struct{ Templates []struct{ Balance int } }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Templates) == 0 {
		s.Fatalf("answered %s, %v", w.Body, err)
	}
	return got.Templates[0].Balance
}

// Users are told of their own permits and nobody else's, and touch nobody else's, whatever names
// their requests hold.
func TestAnothersPermits(t *testing.T) {
	s := newSystem(t)
	alice, mallory := s.login(), s.login()
	s.passes("alice reports", report(alice, "report-1"))
	for name, body := range map[string]string{
		"an openid in the body": fmt.Sprintf(`{"openId":%q,"reportId":"report-2","results":{%q:"ban"}}`, alice.OpenID, fixture.Message),
		"a user in the body":    fmt.Sprintf(`{"userId":%q,"preferences":{"muted":true}}`, alice.UserID),
	} {
		s.wantNoEffect(name, request{function: "permits", header: mallory.Bearer(), body: body}, http.StatusBadRequest)
	}
	named := request{function: "permits", method: http.MethodGet, header: mallory.Bearer(), query: url.Values{"userId": {alice.UserID}, "openId": {alice.OpenID}}}
	if w := s.passes("names in the query", named); strings.Contains(w.Body.String(), `"balance":1`) {
		t.Errorf("mallory is told %s", w.Body)
	}
	s.passes("mallory reports under alice's report id", report(mallory, "report-1"))
	if a, m := s.balance(alice), s.balance(mallory); a != 1 || m != 1 {
		t.Errorf("alice has %d permits, mallory %d, want one each", a, m)
	}
}

// Whose binding was taken over sees nothing of what is the other's now, and cannot erase it, nor
// when half of a login has left the old pointer in place.
func TestLoserOfABinding(t *testing.T) {
	s := newSystem(t)
	alice, bob := s.login(), s.login()
	bob.OpenID = alice.OpenID // the phone is bob's now
	s.now = s.now.Add(time.Second)
	s.Must(s.store.Bind(t.Context(), fact.UserID(bob.UserID), fact.OpenID(bob.OpenID)))
	s.passes("bob reports", report(bob, "report-1"))
	for _, state := range []string{"no pointer", "an old pointer"} {
		s.wantNoEffect("alice asks", request{function: "permits", method: http.MethodGet, header: alice.Bearer()}, http.StatusUnauthorized)
		s.wantNoEffect("alice reports", report(alice, "report-2"), http.StatusUnauthorized)
		s.passes("alice erases herself", request{function: "session", method: http.MethodDelete, header: alice.Bearer()})
		if got := s.balance(bob); got != 1 {
			t.Errorf("%s: after alice's erasure bob has %d permits, want 1", state, got)
		}
		for _, shard := range []string{"{0}", "{1}"} { // of one of them she is
			s.redis.HSet(store.DefaultPrefix+shard+":r:"+alice.UserID, "o", alice.OpenID)
		}
	}
}
