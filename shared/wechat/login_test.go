package wechat_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
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
