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
	const insecure, odd = "must be https", "not a plain URL"
	for base, want := range map[string]string{
		"": "", "https://proxy.example.com/wechat/": "", "http://127.0.0.1:9000": "", "http://localhost:9000/sim": "", "http://[::1]:9000": "",
		"http://api.weixin.qq.com":       insecure,
		"http://127.0.0.1.example.com":   insecure,
		"ftp://127.0.0.1":                insecure,
		"http://localhost@example.com":   odd,
		"api.weixin.qq.com":              odd,
		"https://u:hunter22@example.com": odd,
		"https://example.com/?a=1":       odd,
	} {
		for _, cfg := range []wechat.ClientConfig{{BaseURL: base}, {BackupURLs: []string{base}}} {
			if base == "" && len(cfg.BackupURLs) > 0 {
				continue
			}
			cfg.AppID, cfg.AppSecret, cfg.Now = appID, secret.New(appSecret), time.Now
			c, err := wechat.NewClient(cfg)
			if want == "" && (err != nil || c == nil) {
				t.Errorf("%+v: NewClient = %v, %v", cfg, c, err)
			}
			if want != "" && (err == nil || c != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter22")) {
				t.Errorf("%+v: NewClient = %v, %v, want %q", cfg, c, err, want)
			}
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
