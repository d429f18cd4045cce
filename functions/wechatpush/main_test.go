package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
	"wxnotify/shared/wire"
)

var build = wire.WeChatPush(wire.Seams{})

func sealer(mode wechat.Mode, format wechat.Format) wechat.Sealer {
	return wechat.Sealer{AppID: "wx0123456789abcdef", Token: secret.New("pushToken"), EncodingAESKey: secret.New(aesKey),
		Mode: mode, Format: format, Timestamp: time.Now(), Nonce: "n1"}
}

const aesKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

func TestVerification(t *testing.T) {
	w := functest.New(t)
	h := w.Build(build)
	q, err := sealer(wechat.ModePlain, wechat.FormatJSON).SignURL("4375120948345356249")
	if err != nil {
		t.Fatal(err)
	}
	if res := w.Do(h, "GET", q, nil, nil); res.StatusCode != 200 || res.Body != "4375120948345356249" {
		t.Errorf("answered %+v", res)
	}
	q.Set("nonce", "n2")
	if res := w.Do(h, "GET", q, nil, nil); res.StatusCode != 403 {
		t.Errorf("forged: answered %+v", res)
	}
	w.MustKeepSecrets()
}

func TestSubscriptionsAreCounted(t *testing.T) {
	w := functest.New(t)
	w.Settings["WECHAT_ENCODING_AES_KEY"] = aesKey
	h := w.Build(build)
	push := func(mode wechat.Mode, body string) functest.Response {
		t.Helper()
		q, sealed, err := sealer(mode, wechat.FormatJSON).Seal([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return w.Do(h, "POST", q, sealed, nil)
	}
	popup := fmt.Sprintf(`{"ToUserName":"gh_1","FromUserName":"openid-2","CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event","List":[{"TemplateId":%q,"SubscribeStatusString":"accept","PopupScene":"0"},{"TemplateId":"other","SubscribeStatusString":"accept","PopupScene":"0"}]}`,
		time.Now().Unix(), functest.Template)
	for range 3 { // WeChat repeats what it thinks was not heard
		if res := push(wechat.ModeSecure, popup); res.StatusCode != 200 || res.Body != "success" {
			t.Fatalf("answered %+v", res)
		}
	}
	b, err := w.Store.Balances(t.Context(), "openid-2", []notify.TemplateID{functest.Template, "other"})
	if err != nil || b[functest.Template] != 1 || b["other"] != 0 {
		t.Errorf("balances %v, %v", b, err)
	}
	if res := push(wechat.ModePlain, popup); res.StatusCode != 403 {
		t.Errorf("in clear though a key is set: answered %+v", res)
	}
	if n := w.Upstream(); n != 0 {
		t.Errorf("%d calls to WeChat or IM while receiving", n)
	}
	w.MustKeepSecrets()
}

func TestStoreAway(t *testing.T) {
	w := functest.New(t)
	h := w.Build(build)
	w.Redis.Close()
	q, body, err := sealer(wechat.ModePlain, wechat.FormatJSON).Seal(fmt.Appendf(nil,
		`{"FromUserName":"openid-2","CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event","List":{"TemplateId":%q,"SubscribeStatusString":"accept"}}`,
		time.Now().Unix(), functest.Template))
	if err != nil {
		t.Fatal(err)
	}
	if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 200 || len(w.Invoked()) != 1 {
		t.Errorf("answered %+v, spilled %q", res, w.Invoked())
	}
}

func TestNamesEverySetting(t *testing.T) {
	functest.New(t).MustNameSettings(build, "WECHAT_APPID", "WECHAT_TOKEN", "STORE_URL", "NOTIFY_FILE")
}

// Whatever notify.yml holds, the URL can be verified, and no permit and no erasure is lost.
func TestBrokenNotifyFile(t *testing.T) {
	for name, text := range functest.BrokenNotify {
		t.Run(name, func(t *testing.T) {
			w := functest.New(t)
			w.WriteNotify(text)
			h := w.Build(build)
			q, err := sealer(wechat.ModePlain, wechat.FormatJSON).SignURL("4375120948345356249")
			if err != nil {
				t.Fatal(err)
			}
			if res := w.Do(h, "GET", q, nil, nil); res.StatusCode != 200 || res.Body != "4375120948345356249" {
				t.Errorf("the verification is answered %+v", res)
			}
			q, body, err := sealer(wechat.ModePlain, wechat.FormatJSON).Seal(fmt.Appendf(nil,
				`{"FromUserName":"openid-2","CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event","List":{"TemplateId":%q,"SubscribeStatusString":"accept"}}`,
				time.Now().Unix(), functest.Template))
			if err != nil {
				t.Fatal(err)
			}
			if res := w.Do(h, "POST", q, body, nil); res.StatusCode != 200 || res.Body != "success" {
				t.Errorf("a push is answered %+v", res)
			}
			b, err := w.Store.Balances(t.Context(), "openid-2", []notify.TemplateID{functest.Template})
			if err != nil || b[functest.Template] != 1 {
				t.Errorf("balances %v, %v", b, err)
			}
			if log := w.Log.String(); strings.Count(log, `"alert":"misconfigured"`) != 1 {
				t.Errorf("the log has not one alert:\n%s", log)
			}
		})
	}
}
