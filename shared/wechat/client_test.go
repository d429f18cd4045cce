package wechat_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

func TestNewClientChecks(t *testing.T) {
	const open = "http://api.weixin.qq.com"
	for _, cfg := range []wechat.ClientConfig{{BaseURL: open}, {BackupURLs: []string{open}}} {
		cfg.AppID, cfg.AppSecret, cfg.Now = appID, secret.New(appSecret), time.Now
		if c, err := wechat.NewClient(cfg); c != nil || err == nil || !strings.Contains(err.Error(), "WECHAT_API_BASE must begin with https://") {
			t.Errorf("%+v: %v, %v", cfg, c, err)
		}
	}
	_, err := wechat.NewClient(wechat.ClientConfig{})
	for _, want := range []string{"WECHAT_APPID is empty", "WECHAT_APPSECRET is empty"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no settings: error %v does not say %q", err, want)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, tt := range []struct {
		base    string
		backups []string
		want    []string
	}{
		{"", nil, []string{"https://api.weixin.qq.com", "https://api2.weixin.qq.com", "https://sh.api.weixin.qq.com"}},
		{"", []string{}, []string{"https://api.weixin.qq.com"}},
		{"https://own.example.com/p/", nil, []string{"https://own.example.com/p"}},
		{"https://own.example.com", []string{"https://b.example.com"}, []string{"https://own.example.com", "https://b.example.com"}},
	} {
		var asked []string
		nobody := roundTripper(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, strings.TrimSuffix(r.URL.String(), tokenPath+"?"))
			return nil, dialError
		})
		c := client(t, wechat.ClientConfig{BaseURL: tt.base, BackupURLs: tt.backups, HTTPClient: &http.Client{Transport: nobody}})
		if _, err := c.StableToken(t.Context()); err == nil || !slices.Equal(asked, tt.want) {
			t.Errorf("asked %v, %v; want %v", asked, err, tt.want)
		}
	}
}

func TestClientDoesNotPrintItsSecrets(t *testing.T) {
	api := newAPI()
	c := client(t, inMemory(api))
	if _, err := c.SendSubscribe(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, fmt.Sprintf("%v %+v %#v", c, c, c))
}
