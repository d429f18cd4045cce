package wechat_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
	"wxnotify/shared/wechat"
)

const loginPath = "/sns/jscode2session"

func TestCode2Session(t *testing.T) {
	c, api := answered(t, loginPath, string(sample(t, "api-code2session-ok.json")),
		`{"errcode":0,"errmsg":"ok","openid":"oB","session_key":"session-key","unionid":"u"}`)
	for _, want := range []notify.OpenID{"ocBex5K5Ou-7Z9EuPAtwsP4yvnQQ", "oB"} {
		if got, err := c.Code2Session(t.Context(), "login-code"); err != nil || got != want {
			t.Errorf("Code2Session = %q, %v, want %q", got, err, want)
		}
	}
	q, err := url.ParseQuery(api.seen[0].query)
	want := url.Values{"appid": {appID}, "secret": {appSecret}, "js_code": {"login-code"}, "grant_type": {"authorization_code"}}
	if diff := cmp.Diff(want, q); err != nil || diff != "" {
		t.Errorf("query: %v\n%s", err, diff)
	}
	if api.count(tokenPath) != 0 {
		t.Error("a login fetched an access token")
	}
}

func TestCode2SessionRefused(t *testing.T) {
	for _, tt := range []struct {
		answer string
		is     error
		class  notify.Class
	}{
		{string(sample(t, "api-code2session-40029.json")), wechat.ErrLoginCode, notify.ClassUnlisted},
		{string(sample(t, "api-code2session-40163.json")), wechat.ErrLoginCode, notify.ClassUnlisted},
		{`{"errcode":40226,"errmsg":"code blocked"}`, wechat.ErrUserBlocked, notify.ClassUnlisted},
		{`{"errcode":40125,"errmsg":"invalid appsecret"}`, nil, notify.ClassOperator},
		{`{"errcode":45011,"errmsg":"minute limit"}`, nil, notify.ClassMinute},
		{`{"errcode":40001,"errmsg":"secret app-secret-5bd2850f for login-code"}`, nil, notify.ClassOperator},
		{`{"session_key":"session-key"}`, nil, notify.ClassRetry},
		{`{"openid":"a b","session_key":"session-key"}`, nil, notify.ClassRetry},
		{`{"openid":7,"session_key":"session-key"}`, nil, notify.ClassRetry},
		{``, nil, notify.ClassRetry},
	} {
		c, api := answered(t, loginPath, tt.answer)
		got, err := c.Code2Session(t.Context(), "login-code")
		wantClass(t, err, tt.class)
		for _, sentinel := range []error{wechat.ErrLoginCode, wechat.ErrUserBlocked} {
			if is := errors.Is(err, sentinel); is != (sentinel == tt.is) {
				t.Errorf("%s: errors.Is(%v, %v) = %v", tt.answer, err, sentinel, is)
			}
		}
		if n := api.count(loginPath); got != "" || n != 1 {
			t.Errorf("%s: openid %q after %d requests, want none after 1", tt.answer, got, n)
		}
		wantNoSecret(t, err.Error())
	}
}

func TestCode2SessionChecksTheCode(t *testing.T) {
	api := newAPI()
	c := online(t, api)
	for _, code := range []string{"", strings.Repeat("x", 257)} {
		if _, err := c.Code2Session(t.Context(), code); !errors.Is(err, wechat.ErrLoginCode) {
			t.Errorf("code of %d bytes: %v, want %v", len(code), err, wechat.ErrLoginCode)
		}
	}
	if len(api.seen) != 0 {
		t.Errorf("%d requests arrived", len(api.seen))
	}
}
