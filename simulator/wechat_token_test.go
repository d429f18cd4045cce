package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"wxnotify/simulator"
)

// stable fetches a token and returns it with its remaining seconds.
func (s *fixture) stable() (token string, expiresIn int64) {
	s.t.Helper()
	c := s.Config().WeChat
	return s.tokenOf(s.call("POST", "/cgi-bin/stable_token", fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":false}`,
		c.AppID, c.AppSecret.Reveal())))
}

func (s *fixture) tokenOf(m map[string]any) (string, int64) {
	s.t.Helper()
	token, ok := m["access_token"].(string)
	if !ok {
		s.t.Fatalf("no token in %v", m)
	}
	return token, number(s.t, m, "expires_in")
}

// works returns the errcode that token earns.
func (s *fixture) works(token string) int64 {
	s.t.Helper()
	return code(s.t, s.call("GET", "/cgi-bin/getcallbackip?access_token="+token, ""))
}

func (s *fixture) mustWork(token string, want int64) {
	s.t.Helper()
	if got := s.works(token); got != want {
		s.t.Errorf("token earns %d at %s, want %d", got, s.clock.Now().Sub(start), want)
	}
}

func TestStableTokenLife(t *testing.T) {
	s := newFixture(t)
	first, in := s.stable()
	if in != 7200 || len(first) < 512 {
		t.Errorf("expires in %d with %d characters, want 7200 and at least 512", in, len(first))
	}
	s.clock.Advance(6855 * time.Second)
	again, in := s.stable()
	if again != first || in != 345 {
		t.Errorf("got another token or %d s left, want the same and 345", in)
	}
	s.clock.Advance(45 * time.Second) // 5 min are left: WeChat renews
	second, in := s.stable()
	if second == first || in != 7200 {
		t.Errorf("not renewed: %d s left", in)
	}
	s.mustWork(first, 0)
	s.mustWork(second, 0)
	s.clock.Advance(5*time.Minute - time.Second)
	s.mustWork(first, 0)
	s.clock.Advance(time.Second)
	if got := s.works(first); got != 40001 && got != 42001 {
		t.Errorf("the old token earns %d after its end", got)
	}
	s.mustWork(second, 0)
}

func TestStableTokenExpires(t *testing.T) {
	s := newFixture(t)
	token, _ := s.stable()
	s.clock.Advance(2 * time.Hour)
	s.mustWork(token, 42001)
	if next, in := s.stable(); next == token || in != 7200 {
		t.Errorf("an expired token was repeated, or %d s are left", in)
	}
}

func TestInvalidateAndExpire(t *testing.T) {
	s := newFixture(t)
	first, _ := s.stable()
	s.WeChat.InvalidateToken()
	s.mustWork(first, 40001)
	second, _ := s.stable()
	s.mustWork(second, 0)
	s.WeChat.ExpireToken()
	s.mustWork(second, 42001)
	third, _ := s.stable()
	s.mustWork(third, 0)
}

func TestTokenRefusals(t *testing.T) {
	s := newFixture(t)
	c := s.Config().WeChat
	ask := func(grant, appID, secret string) string {
		return fmt.Sprintf(`{"grant_type":%q,"appid":%q,"secret":%q}`, grant, appID, secret)
	}
	for name, tt := range map[string]struct {
		method, path, body string
		want               int64
	}{
		"grant":        {"POST", "/cgi-bin/stable_token", ask("x", "a", "b"), 40002},
		"no appid":     {"POST", "/cgi-bin/stable_token", ask("client_credential", "", ""), 41002},
		"other appid":  {"POST", "/cgi-bin/stable_token", ask("client_credential", "wx1", "b"), 40013},
		"no secret":    {"POST", "/cgi-bin/stable_token", ask("client_credential", c.AppID, ""), 41004},
		"wrong secret": {"POST", "/cgi-bin/stable_token", ask("client_credential", c.AppID, "x"), 40125},
		"get":          {"GET", "/cgi-bin/stable_token", "", 43002},
		"empty":        {"POST", "/cgi-bin/stable_token", "", 44002},
		"not json":     {"POST", "/cgi-bin/stable_token", "grant_type=x", 47001},
		"no token":     {"GET", "/cgi-bin/getcallbackip", "", 41001},
		"odd token":    {"GET", "/cgi-bin/getcallbackip?access_token=x", "", 40001},
	} {
		if got := code(t, s.call(tt.method, tt.path, tt.body)); got != tt.want {
			t.Errorf("%s: got %d, want %d", name, got, tt.want)
		}
	}
}

func TestQuotas(t *testing.T) {
	s := newFixture(t)
	token, _ := s.stable()
	list := func() int64 {
		return code(t, s.call("GET", "/wxaapi/newtmpl/gettemplate?access_token="+token, ""))
	}
	s.WeChat.SetQuota("/wxaapi/newtmpl/gettemplate", simulator.Quota{Daily: 3, PerMinute: 2})
	want := func(codes ...int64) {
		t.Helper()
		for i, w := range codes {
			if got := list(); got != w {
				t.Errorf("call %d at %s earns %d, want %d", i, s.clock.Now().Sub(start), got, w)
			}
		}
	}
	want(0, 0, 45011)
	s.clock.Advance(time.Minute)
	want(0, 45009)
	s.clock.Set(start.Add(16 * time.Hour)) // midnight in Beijing
	token, _ = s.stable()
	want(0)
}
