package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"wxnotify/simulator"
)

// posts posts a body with a token, and returns what is answered as text.
func (s *fixture) posts(path, body string) string {
	s.t.Helper()
	token, _ := s.stable()
	_, raw, err := s.exchange("POST", path+"?access_token="+token, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(raw)
}

func TestCallbackCheck(t *testing.T) {
	s := newFixture(t)
	for _, c := range []struct {
		lookup simulator.Lookup
		body   string
		want   string
	}{
		{simulator.Found, `{"action":"all","check_operator":"DEFAULT"}`, `{"dns":[{"ip":"203.0.113.7","real_operator":"CAP"}],"ping":[{"ip":"203.0.113.7","from_operator":"CAP","package_loss":"0%","time":"23.079ms"}]}`},
		{simulator.Found, `{"action":"dns","check_operator":"CAP"}`, `"ping":[]}`},
		{simulator.NoAnswer, `{"action":"ping","check_operator":"CAP"}`, `{"dns":[],"ping":[{"ip":"203.0.113.7","from_operator":"CAP","package_loss":"100%"`},
		{simulator.NoName, `{"action":"all","check_operator":"DEFAULT"}`, `{"dns":[],"ping":[]}`},
		{simulator.Found, `{"action":"look","check_operator":"DEFAULT"}`, `"errcode":40202`},
		{simulator.Found, `{"action":"all","check_operator":"ANY"}`, `"errcode":40203`},
	} {
		s.WeChat.SetLookup(c.lookup)
		if got := s.posts("/cgi-bin/callback/check", c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.body, got, c.want)
		}
	}
	if err := s.WeChat.SetPushURL(""); err != nil {
		t.Fatal(err)
	}
	if got := s.posts("/cgi-bin/callback/check", `{"action":"all","check_operator":"DEFAULT"}`); !strings.Contains(got, `"errcode":40201`) {
		t.Errorf("without a URL: %s", got)
	}
}

func TestQuotaIsTold(t *testing.T) {
	s := newFixture(t)
	quota := func(path string) string {
		return s.posts("/cgi-bin/openapi/quota/get", `{"cgi_path":"`+path+`"}`)
	}
	const sends = "/cgi-bin/message/subscribe/send"
	if got := quota(sends); !strings.Contains(got, `"quota":{"daily_limit":10000000,"used":0,"remain":10000000}`) {
		t.Error(got)
	}
	s.WeChat.SetQuota(sends, simulator.Quota{Daily: 5})
	s.send(sendBody(t, user, templateID, legal))
	if got := quota(sends); !strings.Contains(got, `{"daily_limit":5,"used":1,"remain":4}`) {
		t.Error(got)
	}
	for path, want := range map[string]string{"/sns/jscode2session": `"errcode":76022`, "cgi-bin/message": `"errcode":76021`} {
		if got := quota(path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// Answers carry the time of the world, as those of any server carry its own.
func TestDateIsTheWorlds(t *testing.T) {
	s := newFixture(t)
	r, err := s.client.Post(s.base+"/v4/openim/query_online_status", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if got := r.Header.Get("Date"); got != start.UTC().Format(http.TimeFormat) {
		t.Error(got)
	}
}
