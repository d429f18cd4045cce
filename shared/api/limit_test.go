package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

// codes plays WeChat for login codes: "guess" is none.
type codes struct {
	asked   atomic.Int64
	answers chan struct{} // if set, WeChat answers once it is closed
	arrived func()        // if set, called for each question
}

func (c *codes) Code2Session(_ context.Context, code string) (fact.OpenID, error) {
	c.asked.Add(1)
	if c.answers != nil {
		c.arrived()
		<-c.answers
	}
	if strings.HasPrefix(code, "guess") {
		return "", wechat.ErrLoginCode
	}
	return logins{}.Code2Session(context.Background(), code)
}

// An entrance is one API, with a request that guesses and one that is right.
type entrance struct {
	name        string
	guess, good func() reply
	wrong       int // the status of a guess
}

// entrances returns the APIs, and the WeChat behind them.
func (s *service) entrances() ([]entrance, *codes) {
	wx := &codes{}
	s.session.WeChat = wx
	r := s.login("code-a")
	var n atomic.Int64
	announce := func(key secret.String) func() reply {
		return func() reply {
			body := fmt.Sprintf(`{"id":"a%d","kind":"message","to":["x"]}`, n.Add(1))
			return s.do(s.announce, "POST", body, signed(key, s.now, "announce", body))
		}
	}
	login := func(code string) func() reply {
		return func() reply { return s.do(s.session, "POST", `{"code":"`+code+`"}`, nil) }
	}
	permits := func(sig string) func() reply {
		return func() reply { return s.do(s.permits, "GET", "", bearer(r.UserID, sig)) }
	}
	return []entrance{
		{"session", login("guess"), login("code-a"), 400},
		{"permits", permits("guess"), permits(r.UserSig), 401},
		{"announce", announce(sessionKey), announce(annKey), 401},
	}, wx
}

// Guesses close the API at which they are made, for the address from which they come, until the
// window is over.
func TestGuessesOfEachAPIApart(t *testing.T) {
	for i := range 3 {
		s := newService(t, false)
		apis, _ := s.entrances()
		for n := range 30 {
			if got := apis[i].guess(); got.status != apis[i].wrong {
				t.Fatalf("guess %d at %s: %d %+v", n+1, apis[i].name, got.status, got.Error)
			}
		}
		s.wantFault(apis[i].guess(), 429, "too_many")
		for j, d := range apis {
			want := 200
			if i == j {
				want = 429
			}
			if got := d.good(); got.status != want {
				t.Errorf("after guesses at %s a good request at %s: %d %+v, want %d", apis[i].name, d.name, got.status, got.Error, want)
			}
		}
		s.from = "203.0.113.8:0"
		if got := apis[i].good(); got.status != 200 {
			t.Errorf("%s, from another address: %d", apis[i].name, got.status)
		}
		s.from = "203.0.113.7:9"
		s.mini.FastForward(5*time.Minute + time.Second)
		if got := apis[i].good(); got.status != 200 {
			t.Errorf("%s, after the window: %d", apis[i].name, got.status)
		}
	}
}

// Addresses are told apart as their owners are.
func TestWhoseGuessesTheyAre(t *testing.T) {
	for name, c := range map[string]struct {
		guess, good string
		closed      bool
	}{
		"another port":                 {"203.0.113.7:1", "203.0.113.7:2", true},
		"another IPv4":                 {"203.0.113.7:0", "203.0.113.8:0", false},
		"IPv4 inside IPv6":             {"[::ffff:203.0.113.7]:0", "203.0.113.7:0", true},
		"IPv6 of the same /64":         {"[2001:db8:1:2::1]:0", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:0", true},
		"IPv6 of another /64":          {"[2001:db8:1:2::1]:0", "[2001:db8:1:3::1]:0", false},
		"IPv6 with a zone":             {"[fe80::1%eth0]:0", "[fe80::2%eth1]:0", true},
		"no address":                   {"", "", true},
		"two that cannot be read":      {"unknown", "a proxy:80", true},
		"one that can, and one not":    {"203.0.113.7", "203.0.113.7:0", false},
		"several, as a proxy joins it": {"203.0.113.7, 198.51.100.1:0", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, false)
			apis, _ := s.entrances()
			s.from = c.guess
			for range 30 {
				s.wantFault(apis[1].guess(), 401, "unauthorized")
			}
			s.from = c.good
			want := 200
			if c.closed {
				want = 429
			}
			if got := apis[1].good(); got.status != want {
				t.Errorf("%d, want %d", got.status, want)
			}
		})
	}
}

// A UserSig that was ours is no guess, though it opens nothing: everybody behind a carrier's
// address has one after the key was changed, or after a day.
func TestWhatWasOursIsNoGuess(t *testing.T) {
	newKey := secret.New("the key after the change")
	for name, c := range map[string]struct {
		sigs  *im.Signer
		later time.Duration
	}{
		"expired":                {signer(t, imKey, secret.String{}), 25 * time.Hour},
		"a phone's clock ahead":  {signer(t, imKey, secret.String{}), -time.Hour},
		"of the key before":      {signer(t, newKey, imKey), 0},
		"of the key before, old": {signer(t, newKey, imKey), 25 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, false)
			old := s.login("code-a")
			s.permits.Sigs, s.session.Sigs = c.sigs, c.sigs
			s.now = s.now.Add(c.later)
			for range 40 {
				s.wantFault(s.do(s.permits, "GET", "", bearer(old.UserID, old.UserSig)), 401, "unauthorized")
				s.wantFault(s.do(s.session, "DELETE", "", bearer(old.UserID, old.UserSig)), 401, "unauthorized")
			}
			if openID, err := s.store.OpenIDOf(t.Context(), fact.UserID(old.UserID)); err != nil || openID != "o-a" {
				t.Errorf("bound to %q, %v", openID, err)
			}
			s.now = s.now.Add(-c.later) // and the clock by which UserSigs are made
			again := s.login("code-a")
			s.wantOK(s.do(s.permits, "GET", "", bearer(again.UserID, again.UserSig)))
		})
	}
	s := newService(t, false)
	erased := s.login("code-c")
	s.do(s.session, "DELETE", "", bearer(erased.UserID, erased.UserSig))
	for range 40 {
		s.wantFault(s.do(s.permits, "GET", "", bearer(erased.UserID, erased.UserSig)), 401, "unauthorized")
		s.now = s.now.Add(2 * time.Second)
	}
}

// What is neither right nor a guess does not count, and a good login is not in the way of
// others.
func TestLoginsThatAreNoGuesses(t *testing.T) {
	s := newService(t, false)
	for _, err := range []error{wechat.ErrUserBlocked, context.DeadlineExceeded, nil} {
		s.session.WeChat = logins{err}
		for range 310 { // more than there are places
			if got := s.do(s.session, "POST", `{"code":"code-a"}`, nil); got.status == 429 {
				t.Fatalf("%v: %d %+v", err, got.status, got.Error)
			}
		}
	}
}

// loginsAtOnce sends n logins with a code, has WeChat answer when all are either there or
// refused, and returns how often each status was answered.
func (s *service) loginsAtOnce(wx *codes, n int, code string) map[int]int {
	var settled, done sync.WaitGroup
	settled.Add(n)
	wx.answers, wx.arrived = make(chan struct{}), settled.Done
	var mu sync.Mutex
	statuses := map[int]int{}
	before := wx.asked.Load()
	var refused atomic.Int64
	for range n {
		done.Go(func() {
			w := httptest.NewRecorder()
			s.session.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(`{"code":"`+code+`"}`)))
			mu.Lock()
			statuses[w.Code]++
			mu.Unlock()
			if w.Code == 429 {
				refused.Add(1)
				settled.Done()
			}
		})
	}
	settled.Wait()
	close(wx.answers)
	done.Wait()
	statuses[0] = int(wx.asked.Load() - before)
	wx.answers = nil
	return statuses
}

// Everybody behind one address may log in at the same moment. Wrong codes close it once WeChat
// has said so, and of many at once no more are asked about than there are places.
func TestLoginsAtOnce(t *testing.T) {
	s := newService(t, false)
	_, wx := s.entrances()
	for range 29 {
		s.wantFault(s.do(s.session, "POST", `{"code":"guess"}`, nil), 400, "login_code")
	}
	const asked = 0
	for _, c := range []struct {
		code string
		n    int
		want map[int]int
	}{
		{"code-a", 200, map[int]int{asked: 200, 200: 200}},
		{"code-a", 310, map[int]int{asked: 300, 200: 300, 429: 10}},
		{"guess", 310, map[int]int{asked: 300, 400: 300, 429: 10}},
		{"code-a", 10, map[int]int{asked: 0, 429: 10}},
	} {
		s.mini.FastForward(time.Minute + time.Second) // a busy machine may not give all places back at once
		if diff := cmp.Diff(c.want, s.loginsAtOnce(wx, c.n, c.code)); diff != "" {
			t.Errorf("%d of %s, by status (0: asked about):\n%s", c.n, c.code, diff)
		}
	}
	s.mini.FastForward(5*time.Minute + time.Second)
	if got := s.loginsAtOnce(wx, 300, "code-a"); got[200] != 300 {
		t.Errorf("after the window: %v", got)
	}
}

// Guessed signatures that come all at once are no more than those that come one after the other.
func TestGuessesAtOnce(t *testing.T) {
	s := newService(t, false)
	apis, _ := s.entrances()
	for _, d := range apis[1:] {
		var wg sync.WaitGroup
		var wrong, closed atomic.Int64
		for range 200 {
			wg.Go(func() {
				switch got := d.guess(); got.status {
				case d.wrong:
					wrong.Add(1)
				case 429:
					closed.Add(1)
				}
			})
		}
		if wg.Wait(); wrong.Load() != 30 || closed.Load() != 170 {
			t.Errorf("%s: %d were answered, want 30, and %d refused, want 170", d.name, wrong.Load(), closed.Load())
		}
	}
}

// An erasure looks at all that waits, so a user can ask for ten a day.
func TestErasuresAreBounded(t *testing.T) {
	s := newService(t, false)
	for range 10 {
		r := s.login("code-a")
		if got := s.do(s.session, "DELETE", "", bearer(r.UserID, r.UserSig)); got.status != http.StatusNoContent {
			t.Fatalf("%d %+v", got.status, got.Error)
		}
	}
	r := s.login("code-a")
	s.wantFault(s.do(s.session, "DELETE", "", bearer(r.UserID, r.UserSig)), 429, "too_many")
	s.mini.FastForward(24*time.Hour + time.Second)
	if got := s.do(s.session, "DELETE", "", bearer(r.UserID, r.UserSig)); got.status != http.StatusNoContent {
		t.Errorf("a day later: %d %+v", got.status, got.Error)
	}
}
