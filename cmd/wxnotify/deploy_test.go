package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxnotify/cmd/wxnotify/internal/cloud"
)

// Settings that pass the check are deployed, the URLs answer, and what is to be done by hand is told. A stage
// has settings and functions of its own.
func TestDeployCommand(t *testing.T) {
	const id = "AKIDabcdefghijklmnopqrstuvwxyz012345"
	root, build := filepath.Join("..", ".."), functions(t)
	if err := os.WriteFile(filepath.Join(build, notifyFile), []byte(ofProject(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	account := cloud.New(cloud.Config{SecretID: id, Roles: []string{"SCF_ExecuteRole"}, VPCs: map[string]string{"vpc-1a2b3c4d": "subnet-1a2b3c4d"}})
	defer account.Close()
	env := filepath.Join(t.TempDir(), "env")
	for _, stage := range []string{"", ".prod"} {
		typed := strings.Replace(answers, "10.0.0.5:6379\ncrs-x:pass word@1\n", "redis://:password@store.invalid:6379\n", 1) // away, and soon known to be
		if code, says := initialize(t, env+stage, typed, "--set", "TENCENT_SECRET_ID="+id, "--set", "TENCENT_SECRET_KEY=key"); code != 0 {
			t.Fatal(says)
		}
	}
	twice, err := os.OpenFile(env, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(twice, "LOG_LEVEL=debug") // and before that info
	twice.Close()
	do := func(more ...string) (int, string) {
		var out bytes.Buffer
		args := append([]string{"deploy", "--env-file", env, "--config", filepath.Join(root, "serverless.yml"), "--notify", filepath.Join(root, "notify.yml"), "--build", build}, more...)
		code := run(t.Context(), args, console{out: &out, err: &out, now: time.Now, pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, env: map[string]string{"TENCENT_API_BASE": account.URL}})
		return code, out.String()
	}
	code, says := do()
	if code != 0 || strings.Count(says, "LOG_LEVEL") != 1 {
		t.Fatalf("status %d, or LOG_LEVEL is not told once: %s", code, says)
	}
	for _, want := range []string{"29/29 wxnotify-dev-deliver", "消息推送", "  URL    " + account.URL + "/url/wxnotify-dev-wechatpush\n",
		"回调配置", "  URL    " + account.URL + "/url/wxnotify-dev-imcallback\n", "session    " + account.URL + "/url/wxnotify-dev-session\n"} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q: %s", want, says)
		}
	}
	code, says = do("--stage", "prod", "--plan")
	if code != 0 || account.Function("wxnotify-prod-deliver") != nil || !strings.Contains(says, "to do: wxnotify-prod-deliver: set its timer") {
		t.Errorf("a plan of a stage: status %d: %s", code, says)
	}
	remove := func(typed string, more ...string) (int, string) {
		var out bytes.Buffer
		args := append([]string{"remove", "--env-file", env, "--config", filepath.Join(root, "serverless.yml")}, more...)
		code := run(t.Context(), args, console{in: strings.NewReader(typed), out: &out, err: &out, env: map[string]string{"TENCENT_API_BASE": account.URL}})
		return code, out.String()
	}
	for _, typed := range []string{"", "y\n", "prod\n"} {
		if code, says := remove(typed); code != exitFailure || !strings.Contains(says, "nothing was deleted") || account.Function("wxnotify-dev-session") == nil {
			t.Errorf("%q: status %d: %s", typed, code, says)
		}
	}
	if code, says := remove("", "--stage", "prod"); code != 0 || !strings.Contains(says, "nothing of stage prod is there") {
		t.Errorf("another stage: status %d: %s", code, says)
	}
	if code, says := remove("dev\n"); code != 0 || account.Function("wxnotify-dev-session") != nil {
		t.Errorf("status %d: %s", code, says)
	}
	if err := os.WriteFile(env, []byte("WECHAT_APPID=wx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	account.Calls()
	if code, says := do(); code != exitFailure || !strings.Contains(says, "nothing was deployed") || len(account.Calls()) > 0 {
		t.Errorf("settings with faults: status %d: %s", code, says)
	}
}

func TestOwnURLs(t *testing.T) {
	urls := map[string]string{"imcallback": "https://1.tencentscf.com", "wechatpush": "https://2.tencentscf.com"}
	ownURLs(urls, map[string]string{"WECHAT_PUSH_URL": "https://callback.our-shop.com/push", "IM_CALLBACK_URL": ""})
	if urls["imcallback"] != "https://1.tencentscf.com" || urls["wechatpush"] != "https://callback.our-shop.com/push" {
		t.Errorf("%v", urls)
	}
}
