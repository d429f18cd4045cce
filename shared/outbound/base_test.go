package outbound_test

import (
	"strings"
	"testing"

	"wxnotify/shared/outbound"
)

// Secrets go to no address where others could read them, and none of a mistyped one is told.
func TestBase(t *testing.T) {
	const insecure, odd = "must begin with https://", "is not a URL such as"
	for base, want := range map[string]string{
		"https://api.weixin.qq.com": "", "https://proxy.example.com/wechat/": "", "http://127.0.0.1:9000/im": "", "http://[::1]:9000": "", "http://localhost:9000": "",
		"http://api.weixin.qq.com":       insecure,
		"http://127.0.0.1.example.com":   insecure,
		"http://10.0.0.1":                insecure,
		"ftp://127.0.0.1":                insecure,
		"http://localhost@example.com":   odd,
		"api.weixin.qq.com":              odd,
		"https://":                       odd,
		"":                               odd,
		"https://a b":                    odd,
		"https://u:hunter22@example.com": odd,
		"https://example.com/?a=1":       odd,
		"https://example.com/#a":         odd,
	} {
		u, err := outbound.Base(base)
		if want == "" && (err != nil || u.String() != strings.TrimRight(base, "/")) {
			t.Errorf("%q: %v, %v", base, u, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter22")) {
			t.Errorf("%q: %v, %v, want %q", base, u, err, want)
		}
	}
}
