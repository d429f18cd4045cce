package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"wxnotify/cmd/internal/demo"
	"wxnotify/cmd/internal/trigger"
	"wxnotify/shared/config"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/simulator"
)

// credentials are those that the platform hands over with each event. They are invented.
var credentials = map[string]string{
	"TENCENTCLOUD_SECRETID": "id", "TENCENTCLOUD_SECRETKEY": "key", "TENCENTCLOUD_SESSIONTOKEN": "token",
	"TENCENTCLOUD_REGION": "ap-guangzhou",
}

// inEvent is what an event carries of the settings.
func inEvent(settings map[string]string) (string, error) {
	all := maps.Clone(credentials)
	maps.Copy(all, settings)
	b, err := json.Marshal(all)
	return string(b), err
}

func assignments(settings map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		out = append(out, name+"="+settings[name])
	}
	return out
}

// with returns settings with another value.
func with(settings map[string]string, name, value string) map[string]string {
	out := maps.Clone(settings)
	out[name] = value
	return out
}

// platforms is the simulated WeChat and IM that the settings lead to.
func platforms(s map[string]string) simulator.Config {
	var app uint64
	fmt.Sscan(s["IM_SDKAPPID"], &app) // a number, as demo says
	return simulator.Config{
		RecordLimit: 1,
		WeChat: simulator.WeChatConfig{AppID: s["WECHAT_APPID"], AppSecret: secret.New(s["WECHAT_APPSECRET"]),
			Token: secret.New(s["WECHAT_TOKEN"]), Mode: simulator.ModePlain},
		IM: simulator.IMConfig{SDKAppID: app, SecretKey: secret.New(s["IM_SECRET_KEY"]), Admins: []string{s["IM_ADMIN"]},
			CallbackToken: secret.New(s["IM_CALLBACK_TOKEN"])},
	}
}

// approved is what the simulated WeChat has approved: the keywords of notify.yml.
func approved(s map[string]string) simulator.Template {
	return simulator.Template{ID: s["TEMPLATE_MESSAGE"], Title: "新消息提醒",
		Content: "发送人:{{thing1.DATA}}\n消息内容:{{thing2.DATA}}\n消息数量:{{number3.DATA}}\n发送时间:{{time4.DATA}}\n"}
}

// signing is what callbacks and pushes are signed with.
func signing(s map[string]string) trigger.Settings {
	return trigger.Settings{SDKAppID: s["IM_SDKAPPID"], CallbackToken: secret.New(s["IM_CALLBACK_TOKEN"]), AppID: s["WECHAT_APPID"],
		PushToken: secret.New(s["WECHAT_TOKEN"]), Template: s["TEMPLATE_MESSAGE"], AnnounceKey: secret.New(s["ANNOUNCE_KEY"])}
}

// newSettings are those of all functions.
func newSettings(storeURL, api, platform string) map[string]string {
	s := demo.Settings()
	maps.Copy(s, map[string]string{
		"STORE_URL": storeURL, "STORE_PREFIX": "bench", "WECHAT_API_BASE": api, "IM_API_BASE": api, "TENCENT_API_BASE": platform,
	})
	return s
}

// rules are those of the notify.yml of a build.
func rules(build string, settings map[string]string) (notify.Rules, error) {
	b, err := os.ReadFile(filepath.Join(build, "notify.yml"))
	if err != nil {
		return notify.Rules{}, fmt.Errorf("%w: run `make bench`, which puts it there", err)
	}
	n, err := config.ParseNotify(b, func(name string) string { return settings[name] })
	return n.Rules, err
}

// sendsPerSecond is the line of notify.yml that bounds the cards of all instances.
var sendsPerSecond = regexp.MustCompile(`(?m)^( *sends_per_second:) \d+`)

// unpaced writes the notify.yml of a build into another folder, with as many cards a second as
// the rules allow, and returns its path.
func unpaced(build, dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(build, "notify.yml"))
	if err != nil {
		return "", err
	}
	if !sendsPerSecond.Match(b) {
		return "", fmt.Errorf("notify.yml has no line sends_per_second")
	}
	file := filepath.Join(dir, "unpaced.yml")
	return file, os.WriteFile(file, sendsPerSecond.ReplaceAll(b, []byte("$1 10000")), 0o600)
}
