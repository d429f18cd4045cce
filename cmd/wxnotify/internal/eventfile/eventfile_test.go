package eventfile_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"wxnotify/cmd/wxnotify/internal/eventfile"
	"wxnotify/shared/secret"
)

// settings are made so that the signatures are those that Tencent's pages publish.
var settings = eventfile.Settings{
	Now:             time.Unix(1669872112, 0),
	IMCallbackToken: secret.New("xxxxyyyy"),
	IMSDKAppID:      "1400000001",
	IMSecretKey:     secret.New("5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"),
	WeChatToken:     secret.New("AAAAA"),
	AnnounceKey:     secret.New("demo-key-of-a-backend-0123456789abcdef"),
	Template:        "zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE",
}

const publishedIMSign = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"

func fill(t *testing.T, event string, s eventfile.Settings) string {
	t.Helper()
	out, err := eventfile.Fill([]byte(event), s)
	if err != nil {
		t.Fatalf("Fill(%s): %v", event, err)
	}
	return string(out)
}

func TestFill(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing to fill", ` {"a": [1, "$x {y}"]}` + "\n", ` {"a": [1, "$x {y}"]}` + "\n"},
		{"now", `{"t": ${now}, "s": "${now}000"}`, `{"t": 1669872112, "s": "1669872112000"}`},
		{"now inside a body", `{"body":"{\"MsgTime\":${now}}"}`, `{"body":"{\"MsgTime\":1669872112}"}`},
		{"im.sign", `{"queryString":{"Sign":"${im.sign}","RequestTime":"${now}"}}`,
			`{"queryString":{"Sign":"` + publishedIMSign + `","RequestTime":"1669872112"}}`},
		{"the app and the template", `{"a":"${im.sdkappid}","b":"${template}"}`,
			`{"a":"1400000001","b":"zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"}`},
		{"an array as event", `["${now}"]`, `["1669872112"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fill(t, c.in, settings); got != c.want {
				t.Errorf("Fill(%s)\ngot  %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

// The two examples of WeChat's message-push guide.
func TestFillWeChatSignature(t *testing.T) {
	for _, c := range []struct {
		now              int64
		nonce, signature string
	}{
		{1714036504, "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"},
		{1714037059, "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"},
	} {
		s := settings
		s.Now = time.Unix(c.now, 0)
		got := fill(t, `{"queryString":{"signature":"${wechat.signature}","timestamp":"${now}","nonce":"`+c.nonce+`","flag":true}}`, s)
		if !strings.Contains(got, `"signature":"`+c.signature+`"`) {
			t.Errorf("nonce %s: got %s, want signature %s", c.nonce, got, c.signature)
		}
	}
}

// The signatures are those that openssl makes:
//
//	printf '1669872112\nannounce\n{"id":"1"}' | openssl dgst -sha256 -hmac demo-key-of-a-backend-0123456789abcdef
func TestFillAnnounceSignature(t *testing.T) {
	const signature = "ca26f7229ea931d31be66cd86c7c2da3472514b4f2a72709c6d43529dadb78b1"
	for name, event := range map[string]string{
		"plain":       `{"headers":{"x-wxnotify-timestamp":"${now}","x-wxnotify-signature":"${announce.signature}"},"body":"{\"id\":\"1\"}"}`,
		"API Gateway": `{"headers":{"X-Wxnotify-Timestamp":"${now}","X-Wxnotify-Signature":"${announce.signature}","n":1},"body":"{\"id\":\"1\"}","isBase64Encoded":false}`,
		"base64":      `{"headers":{"x-wxnotify-timestamp":"${now}","x-wxnotify-signature":"${announce.signature}"},"body":"eyJpZCI6IjEifQ==","isBase64Encoded":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := fill(t, event, settings); !strings.Contains(got, signature) {
				t.Errorf("got %s, want signature %s", got, signature)
			}
		})
	}
	t.Run("what is filled in is signed", func(t *testing.T) {
		got := fill(t, `{"headers":{"x-wxnotify-timestamp":"1","s":"${announce.signature}"},"body":"${now}"}`, settings)
		if !strings.Contains(got, "ac605ac1a6539ebea753ff2da9e7dfb5383f03ed72b78a52f7aa880acda1f310") {
			t.Errorf("got %s", got)
		}
	})
}

func TestFillUserSig(t *testing.T) {
	got := fill(t, `{"headers":{"authorization":"Bearer alice:${usersig:alice}"}}`, settings)
	var event struct {
		Headers struct{ Authorization string }
	}
	if err := json.Unmarshal([]byte(got), &event); err != nil {
		t.Fatal(err)
	}
	sig := strings.TrimPrefix(event.Headers.Authorization, "Bearer alice:")
	id, _ := strconv.ParseUint(settings.IMSDKAppID, 10, 64)
	if err := tencentyun.VerifyUserSig(id, settings.IMSecretKey.Reveal(), "alice", sig, settings.Now); err != nil {
		t.Errorf("the UserSig does not verify: %v", err)
	}
	if err := tencentyun.VerifyUserSig(id, settings.IMSecretKey.Reveal(), "bob", sig, settings.Now); err == nil {
		t.Error("the UserSig is good for another user")
	}
}

func TestFillErrors(t *testing.T) {
	for _, c := range []struct {
		name, in string
		settings eventfile.Settings
		says     []string
	}{
		{"unknown", `{"a":"${nwo}","b":"${hmac:x}"}`, settings, []string{"${nwo}", "${hmac:x}", "known are ${now}"}},
		{"no token", `{"a":"${im.sign}"}`, eventfile.Settings{}, []string{"IM_CALLBACK_TOKEN"}},
		{"no wechat token", `{"a":"${wechat.signature}"}`, eventfile.Settings{}, []string{"WECHAT_TOKEN"}},
		{"no key", `{"a":"${usersig:alice}"}`, eventfile.Settings{IMSDKAppID: "1"}, []string{"IM_SECRET_KEY"}},
		{"no app", `{"a":"${usersig:alice}"}`, eventfile.Settings{IMSecretKey: settings.IMSecretKey}, []string{"IM_SDKAPPID"}},
		{"no user", `{"a":"${usersig:}"}`, settings, []string{"the user is missing"}},
		{"no nonce", `{"queryString":{"timestamp":"1","signature":"${wechat.signature}"}}`, settings, []string{"queryString.nonce"}},
		{"no timestamp", `{"queryString":{"nonce":"1","signature":"${wechat.signature}"}}`, settings, []string{"queryString.timestamp"}},
		{"no query", `"${wechat.signature}"`, settings, []string{"queryString.timestamp"}},
		{"no announce timestamp", `{"headers":{"s":"${announce.signature}"},"body":"x"}`, settings, []string{"x-wxnotify-timestamp"}},
		{"no base64", `{"headers":{"x-wxnotify-timestamp":"1","s":"${announce.signature}"},"body":"?","isBase64Encoded":true}`, settings, []string{"${announce.signature}", "base64"}},
		{"not JSON", "{\n\"a\": 1,\n}", settings, []string{"line 3"}},
		{"empty", "", settings, []string{"line 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := eventfile.Fill([]byte(c.in), c.settings)
			if err == nil {
				t.Fatalf("Fill(%s) = %s, want an error", c.in, out)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not say %q", err, s)
				}
			}
		})
	}
}

func FuzzFill(f *testing.F) {
	data, err := os.ReadFile("testdata/c2c-after.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"queryString":{"signature":"${wechat.signature}","timestamp":"${now}","nonce":"1"}}`))
	f.Add([]byte(`{"a":"${usersig:alice}"}`))
	f.Add([]byte(`{"headers":{"x-wxnotify-timestamp":"${now}","s":"${announce.signature}"},"body":"eA==","isBase64Encoded":true}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		out, err := eventfile.Fill(event, settings)
		if err == nil && !json.Valid(out) {
			t.Fatalf("Fill(%q) = %q, which is not JSON", event, out)
		}
	})
}
