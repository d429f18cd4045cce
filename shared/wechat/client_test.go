package wechat_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

func TestNewClientRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  wechat.ClientConfig
		want []string
	}{
		{"nothing", wechat.ClientConfig{}, []string{"WECHAT_APPID is empty", "WECHAT_APPSECRET is empty"}},
		{"clear text", wechat.ClientConfig{BaseURL: "http://api.weixin.qq.com"}, []string{"must be https"}},
		{"clear text, loopback in the name", wechat.ClientConfig{BaseURL: "http://127.0.0.1.example.com"}, []string{"must be https"}},
		{"loopback as a user", wechat.ClientConfig{BaseURL: "http://localhost@example.com"}, []string{"not a plain URL"}},
		{"another scheme", wechat.ClientConfig{BaseURL: "ftp://127.0.0.1"}, []string{"must be https"}},
		{"no scheme", wechat.ClientConfig{BaseURL: "api.weixin.qq.com"}, []string{"not a plain URL"}},
		{"password", wechat.ClientConfig{BaseURL: "https://u:hunter22@example.com"}, []string{"not a plain URL"}},
		{"query", wechat.ClientConfig{BaseURL: "https://example.com/?a=1"}, []string{"not a plain URL"}},
		{"backup", wechat.ClientConfig{BaseURL: "https://example.com", BackupURLs: []string{"http://example.com"}}, []string{"must be https"}},
	} {
		if tt.name != "nothing" {
			tt.cfg.AppID, tt.cfg.AppSecret = appID, secret.New(appSecret)
		}
		c, err := wechat.NewClient(tt.cfg)
		if err == nil || c != nil {
			t.Errorf("%s: NewClient = %v, %v, want an error alone", tt.name, c, err)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q does not say %q", tt.name, err, w)
			}
		}
		if strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: error %q shows a password", tt.name, err)
		}
	}
}

func TestNewClientAccepts(t *testing.T) {
	for _, base := range []string{"", "https://proxy.example.com/wechat/", "http://127.0.0.1:9000", "http://localhost:9000/sim", "http://[::1]:9000"} {
		client(t, wechat.ClientConfig{BaseURL: base})
	}
}

// hosts records the URLs asked for, and reaches none.
type hosts struct {
	mu   sync.Mutex
	urls []string
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.urls = append(h.urls, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
	return nil, dialError
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
		h := &hosts{}
		c := client(t, wechat.ClientConfig{BaseURL: tt.base, BackupURLs: tt.backups, HTTPClient: &http.Client{Transport: h}})
		if _, err := c.StableToken(t.Context()); err == nil {
			t.Fatal("no error without a connection")
		}
		for i := range tt.want {
			tt.want[i] += tokenPath
		}
		if !slices.Equal(h.urls, tt.want) {
			t.Errorf("asked %v, want %v", h.urls, tt.want)
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
