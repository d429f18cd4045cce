package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"wxnotify/simulator"
)

func (s *stage) stableBody(force bool) string {
	c := s.Config().WeChat
	return fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%t}`,
		c.AppID, c.AppSecret.Reveal(), force)
}

// stable fetches a token in normal mode and returns it with its remaining seconds.
func (s *stage) stable() (token string, expiresIn int64) {
	s.t.Helper()
	return s.tokenOf(s.call("POST", "/cgi-bin/stable_token", s.stableBody(false)))
}

func (s *stage) force() map[string]any {
	s.t.Helper()
	return s.call("POST", "/cgi-bin/stable_token", s.stableBody(true))
}

func (s *stage) plainToken() string {
	s.t.Helper()
	c := s.Config().WeChat
	token, _ := s.tokenOf(s.call("GET", "/cgi-bin/token?grant_type=client_credential&appid="+c.AppID+"&secret="+c.AppSecret.Reveal(), ""))
	return token
}

func (s *stage) tokenOf(m map[string]any) (string, int64) {
	s.t.Helper()
	token, ok := m["access_token"].(string)
	if !ok {
		s.t.Fatalf("no token in %v", m)
	}
	return token, number(s.t, m, "expires_in")
}

// works returns the errcode that token earns.
func (s *stage) works(token string) int64 {
	s.t.Helper()
	return code(s.t, s.call("GET", "/cgi-bin/getcallbackip?access_token="+token, ""))
}

func (s *stage) mustWork(token string, want int64) {
	s.t.Helper()
	if got := s.works(token); got != want {
		s.t.Errorf("token earns %d at %s, want %d", got, s.clock.Now().Sub(start), want)
	}
}

func TestStableTokenLife(t *testing.T) {
	s := newStage(t)
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
	s := newStage(t)
	token, _ := s.stable()
	s.clock.Advance(2 * time.Hour)
	s.mustWork(token, 42001)
	if next, in := s.stable(); next == token || in != 7200 {
		t.Errorf("an expired token was repeated, or %d s are left", in)
	}
}

func TestForceRefresh(t *testing.T) {
	s := newStage(t)
	first, _ := s.stable()
	second, _ := s.tokenOf(s.force())
	s.mustWork(first, 40001)
	s.mustWork(second, 0)
	if got := code(t, s.force()); got != 45011 {
		t.Errorf("a second force at once earns %d, want 45011", got)
	}
	for i := 1; i < 20; i++ {
		s.clock.Advance(30 * time.Second)
		s.tokenOf(s.force())
	}
	s.clock.Advance(30 * time.Second)
	if got := code(t, s.force()); got != 45009 {
		t.Errorf("force 21 of the day earns %d, want 45009", got)
	}
	s.clock.Advance(24 * time.Hour)
	s.tokenOf(s.force())
}

func TestPlainTokenReplacesItsPredecessor(t *testing.T) {
	s := newStage(t)
	stable, _ := s.stable()
	first := s.plainToken()
	second := s.plainToken()
	if first == second {
		t.Fatal("two calls gave one token")
	}
	s.mustWork(first, 0)
	third := s.plainToken()
	s.mustWork(first, 40001) // only one predecessor lives on
	s.clock.Advance(5*time.Minute - time.Second)
	s.mustWork(second, 0)
	s.clock.Advance(time.Second)
	s.mustWork(second, 40001)
	s.mustWork(third, 0)
	s.mustWork(stable, 0) // the issuers know nothing of each other
}

func TestInvalidateAndExpire(t *testing.T) {
	s := newStage(t)
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
	s := newStage(t)
	c := s.Config().WeChat
	ok := "/cgi-bin/token?grant_type=client_credential&appid=" + c.AppID + "&secret="
	for name, tt := range map[string]struct {
		method, path, body string
		want               int64
	}{
		"grant":        {"GET", "/cgi-bin/token?grant_type=x&appid=a&secret=b", "", 40002},
		"no appid":     {"GET", "/cgi-bin/token?grant_type=client_credential", "", 41002},
		"other appid":  {"GET", "/cgi-bin/token?grant_type=client_credential&appid=wx1&secret=b", "", 40013},
		"no secret":    {"GET", ok, "", 41004},
		"wrong secret": {"GET", ok + "x", "", 40125},
		"post":         {"POST", ok + c.AppSecret.Reveal(), "", 43001},
		"get":          {"GET", "/cgi-bin/stable_token", "", 43002},
		"empty":        {"POST", "/cgi-bin/stable_token", "", 44002},
		"not json":     {"POST", "/cgi-bin/stable_token", "grant_type=x", 47001},
		"no token":     {"GET", "/cgi-bin/getcallbackip", "", 41001},
		"odd token":    {"GET", "/cgi-bin/getcallbackip?access_token=x", "", 40001},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(t, s.call(tt.method, tt.path, tt.body)); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestQuotas(t *testing.T) {
	s := newStage(t)
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
	m := s.call("POST", "/cgi-bin/openapi/quota/get?access_token="+token, `{"cgi_path":"/wxaapi/newtmpl/gettemplate"}`)
	quota, ok := m["quota"].(map[string]any)
	if !ok || number(t, quota, "used") != 3 || number(t, quota, "remain") != 0 {
		t.Errorf("quota/get says %v", m)
	}
	s.clock.Set(start.Add(16 * time.Hour)) // midnight in Beijing
	token, _ = s.stable()
	want(0)
	if got := code(t, s.call("POST", "/cgi-bin/openapi/quota/get?access_token="+token, `{"cgi_path":"/nowhere"}`)); got != 76021 {
		t.Errorf("an unknown path earns %d, want 76021", got)
	}
}
