package demo_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/internal/demo"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

func TestFill(t *testing.T) {
	env := map[string]string{}
	filled := demo.Fill(env)
	if d := cmp.Diff(demo.Settings(), env); d != "" {
		t.Errorf("Fill (-want +got):\n%s", d)
	}
	if !slices.IsSorted(filled) || !slices.Contains(filled, "WECHAT_APPID") || slices.Contains(filled, "WECHAT_ENCODING_AES_KEY") {
		t.Errorf("filled = %v: want it sorted, with WECHAT_APPID, without the empty ones", filled)
	}
	if len(env["USERID_KEY"]) < 32 || len(env["SESSION_KEY"]) < 32 || len(env["ANNOUNCE_KEY"]) < 32 {
		t.Errorf("a key is too short: %v", env)
	}
	// What is set is kept.
	env = map[string]string{"WECHAT_TOKEN": "mine", "IM_ADMIN": "", "OTHER": "x"}
	filled = demo.Fill(env)
	if env["WECHAT_TOKEN"] != "mine" || slices.Contains(filled, "WECHAT_TOKEN") || env["OTHER"] != "x" || env["IM_ADMIN"] == "" {
		t.Errorf("filled = %v: %v", filled, env)
	}
}

// Invented credentials must never reach a real platform, and real ones must.
func TestFillPairsBasesWithCredentials(t *testing.T) {
	for _, c := range []struct {
		name       string
		env        map[string]string
		wechat, im string
	}{
		{"nothing set", map[string]string{}, demo.Nowhere, demo.Nowhere},
		{"wechat is real", map[string]string{"WECHAT_APPID": "wx1", "WECHAT_APPSECRET": "s"}, "", demo.Nowhere},
		{"half of wechat is real", map[string]string{"WECHAT_APPID": "wx1"}, demo.Nowhere, demo.Nowhere},
		{"im is real", map[string]string{"IM_SDKAPPID": "1", "IM_SECRET_KEY": "s"}, demo.Nowhere, ""},
		{"real base, nothing else", map[string]string{"IM_API_BASE": "https://console.tim.qq.com"}, demo.Nowhere, demo.Nowhere},
		{"real base and credentials", map[string]string{"IM_SDKAPPID": "1", "IM_SECRET_KEY": "s", "IM_API_BASE": "https://console.tim.qq.com"}, demo.Nowhere, "https://console.tim.qq.com"},
		{"local base", map[string]string{"WECHAT_API_BASE": "http://127.0.0.1:1"}, "http://127.0.0.1:1", demo.Nowhere},
	} {
		t.Run(c.name, func(t *testing.T) {
			demo.Fill(c.env)
			if c.env["WECHAT_API_BASE"] != c.wechat || c.env["IM_API_BASE"] != c.im {
				t.Errorf("bases are %q and %q, want %q and %q", c.env["WECHAT_API_BASE"], c.env["IM_API_BASE"], c.wechat, c.im)
			}
		})
	}
}

func TestFillSigning(t *testing.T) {
	for _, c := range []struct {
		name   string
		env    map[string]string
		filled []string
		secure bool
	}{
		{"nothing set", map[string]string{},
			[]string{"ANNOUNCE_KEY", "IM_CALLBACK_TOKEN", "IM_SDKAPPID", "TEMPLATE_MESSAGE", "WECHAT_APPID", "WECHAT_ENCODING_AES_KEY", "WECHAT_TOKEN"}, true},
		{"plain mode", map[string]string{"WECHAT_TOKEN": "mine", "WECHAT_APPID": "wx1", "IM_SDKAPPID": "1"},
			[]string{"ANNOUNCE_KEY", "IM_CALLBACK_TOKEN", "TEMPLATE_MESSAGE"}, false},
		{"a key of one's own", map[string]string{"WECHAT_ENCODING_AES_KEY": "k"},
			[]string{"ANNOUNCE_KEY", "IM_CALLBACK_TOKEN", "IM_SDKAPPID", "TEMPLATE_MESSAGE", "WECHAT_APPID", "WECHAT_TOKEN"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := maps.Clone(c.env)
			if d := cmp.Diff(c.filled, demo.FillSigning(c.env)); d != "" {
				t.Errorf("filled (-want +got):\n%s", d)
			}
			if secure := c.env["WECHAT_ENCODING_AES_KEY"] != ""; secure != c.secure {
				t.Errorf("encrypted: %v, want %v", secure, c.secure)
			}
			for name, value := range before {
				if c.env[name] != value {
					t.Errorf("%s was there and is changed", name)
				}
			}
		})
	}
	env := map[string]string{}
	demo.FillSigning(env)
	if _, err := wechat.New(wechat.Config{AppID: env["WECHAT_APPID"], Token: secret.New(env["WECHAT_TOKEN"]),
		EncodingAESKey: secret.New(env["WECHAT_ENCODING_AES_KEY"])}); err != nil {
		t.Error(err)
	}
}
