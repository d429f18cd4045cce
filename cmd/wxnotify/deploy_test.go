package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/cmd/wxnotify/internal/cloud"
	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/simulator"
	kit "wxnotify/trust/fixture"
)

// Whoever types what docs/deploy.md says has a deployment that nothing is wrong with.
func TestDeployPage(t *testing.T) {
	const id, template = "AKIDabcdefghijklmnopqrstuvwxyz012345", "zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"
	lines, built := pageLines(t), functions(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	world := kit.World(t, simulator.Config{})
	platforms := httptest.NewServer(world)
	defer platforms.Close()
	if err := errors.Join(world.WeChat.SetPushURL("https://callback.example.com/"), world.WeChat.AddTemplate(simulator.Template{ID: template, Title: "新消息",
		Content: "发送人:{{thing1.DATA}}\n内容:{{thing2.DATA}}\n数量:{{number3.DATA}}\n时间:{{time4.DATA}}\n"})); err != nil {
		t.Fatal(err)
	}
	store := miniredis.RunT(t)
	account := cloud.New(cloud.Config{SecretID: id, Roles: []string{"SCF_ExecuteRole"}, VPCs: map[string]string{"vpc-1a2b3c4d": "subnet-1a2b3c4d"}, Host: func(c *host.Config) {
		c.Override = map[string]string{"STORE_URL": "redis://" + store.Addr()} // the network of the VPC
	}})
	defer account.Close()
	cfg := world.Config()
	c := &clone{T: t, root: root, build: built,
		typed: strings.Join([]string{cfg.WeChat.AppID, cfg.WeChat.AppSecret.Reveal(), template, fmt.Sprint(cfg.IM.SDKAppID), cfg.IM.SecretKey.Reveal(),
			"[fd00::5]:6379", "crs-x:password", "vpc-1a2b3c4d", "subnet-1a2b3c4d", ""}, "\n"),
		con: console{now: time.Now, pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, env: map[string]string{
			"REPOSITORY": "https://git.example.com/wxnotify.git", "VERSION": "v1", "TEMPLATE_MESSAGE": template, "TENCENT_SECRET_ID": id, "TENCENT_SECRET_KEY": "key",
			"TENCENT_API_BASE": account.URL, "WECHAT_API_BASE": platforms.URL, "IM_API_BASE": platforms.URL}}}
	t.Chdir(t.TempDir())
	wants := map[string][]string{
		ourProgram + "deploy --plan": {"to do: wxnotify-dev-deliver: set its timer"},
		"make deploy": {"29/29 wxnotify-dev-deliver", "消息推送", "  URL    " + account.URL + "/url/wxnotify-dev-wechatpush\n",
			"回调配置", "  URL    " + account.URL + "/url/wxnotify-dev-imcallback\n", "session    " + account.URL + "/url/wxnotify-dev-session\n"},
		"make deploy STAGE=prod": {"29/29 wxnotify-prod-deliver"},
	}
	deployed := 0
	for _, line := range lines {
		c.run(line)
		said := c.said.String()
		for _, want := range wants[line] {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not say %q: %s", line, want, said)
			}
		}
		switch line {
		case ourProgram + "deploy --plan":
			if account.Function("wxnotify-dev-deliver") != nil {
				t.Errorf("%s deploys", line)
			}
			c.setsTwice("LOG_LEVEL=info")
		case "make deploy":
			if deployed++; deployed == 1 && strings.Count(said, "LOG_LEVEL") != 1 {
				t.Errorf("it does not say once that LOG_LEVEL is set twice: %s", said)
			}
			c.setsTwice("")
			wants[line] = []string{"all is as it is wanted"}
		}
	}
	if deployed < 2 || account.Function("wxnotify-dev-deliver") == nil || account.Function("wxnotify-prod-deliver") != nil {
		t.Errorf("%d deployments; those that are left are not what the page makes", deployed)
	}
	c.refusals(account)
}

// setsTwice has .env end with a line more than init wrote.
func (c *clone) setsTwice(line string) {
	c.Helper()
	b, err := os.ReadFile(defaultEnvFile)
	if c.env == nil {
		c.env = b
	}
	if err := errors.Join(err, os.WriteFile(defaultEnvFile, append(c.env[:len(c.env):len(c.env)], line...), 0o600)); err != nil {
		c.Fatal(err)
	}
}

// refusals are the other ends that commands of the page may have, for the stage dev, which is there.
func (c *clone) refusals(account *cloud.Cloud) {
	c.Helper()
	for _, typed := range []string{"", "y\n", "prod\n"} {
		if code := c.typing(typed, "remove"); code != exitFailure || !strings.Contains(c.said.String(), "nothing was deleted") || account.Function("wxnotify-dev-session") == nil {
			c.Errorf("%q: status %d: %s", typed, code, &c.said)
		}
	}
	if code := c.typing("", "remove", "--stage", "prod"); code != 0 || !strings.Contains(c.said.String(), "nothing of stage prod is there") {
		c.Errorf("another stage: status %d: %s", code, &c.said)
	}
	if code := c.typing("dev\n", "remove"); code != 0 || account.Function("wxnotify-dev-session") != nil {
		c.Errorf("status %d: %s", code, &c.said)
	}
	if err := os.WriteFile(defaultEnvFile, []byte("WECHAT_APPID=wx\n"), 0o600); err != nil {
		c.Fatal(err)
	}
	account.Calls()
	if code := c.typing("", "deploy"); code != exitFailure || !strings.Contains(c.said.String(), "nothing was deployed") || len(account.Calls()) > 0 {
		c.Errorf("settings with faults: status %d: %s", code, &c.said)
	}
}

func TestOwnURLs(t *testing.T) {
	urls := map[string]string{"imcallback": "https://1.tencentscf.com", "wechatpush": "https://2.tencentscf.com"}
	ownURLs(urls, map[string]string{"WECHAT_PUSH_URL": "https://callback.our-shop.com/push", "IM_CALLBACK_URL": ""})
	if urls["imcallback"] != "https://1.tencentscf.com" || urls["wechatpush"] != "https://callback.our-shop.com/push" {
		t.Errorf("%v", urls)
	}
}
