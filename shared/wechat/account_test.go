package wechat_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/wechat"
)

func TestSendQuota(t *testing.T) {
	const path = "/cgi-bin/openapi/quota/get"
	c, api := answered(t, path, `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":"30000000","used":7,"remain":29999993},"rate_limit":{"call_count":1,"refresh_second":1}}`, `{"errcode":0}`)
	if got, err := c.SendQuota(t.Context()); err != nil || got != (wechat.Quota{Daily: 30_000_000, Used: 7, Left: 29_999_993}) {
		t.Errorf("%+v, %v", got, err)
	}
	if body := string(api.seen[1].body); body != "{\"cgi_path\":\"/cgi-bin/message/subscribe/send\"}\n" {
		t.Errorf("asked for %s", body)
	}
	if got, err := c.SendQuota(t.Context()); err == nil {
		t.Errorf("of an answer without a quota: %+v", got)
	}
}

func TestCheckCallback(t *testing.T) {
	const path = "/cgi-bin/callback/check"
	c, api := answered(t, path,
		`{"dns":[{"ip":"203.0.113.7","real_operator":"UNICOM"},{"ip":"203.0.113.8"}],"ping":[{"ip":"203.0.113.7","package_loss":"0%"},{"ip":"203.0.113.8","package_loss":"100%"},{"package_loss":"?"}]}`,
		`{"errcode":40201,"errmsg":"not set"}`)
	got, err := c.CheckCallback(t.Context())
	if d := cmp.Diff(wechat.Reach{Addresses: []string{"203.0.113.7", "203.0.113.8"}, Silent: []string{"203.0.113.8"}}, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if body := string(api.seen[1].body); body != "{\"action\":\"all\",\"check_operator\":\"DEFAULT\"}\n" {
		t.Errorf("asked for %s", body)
	}
	_, err = c.CheckCallback(t.Context())
	if e, ok := errors.AsType[*wechat.APIError](err); !ok || e.Code != wechat.CodeNoPushURL {
		t.Errorf("of an account without a URL: %v", err)
	}
}
