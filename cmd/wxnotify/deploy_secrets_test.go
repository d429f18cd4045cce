package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/cmd/wxnotify/internal/cloud"
	"wxnotify/cmd/wxnotify/internal/host"
	"wxnotify/shared/secret"
	"wxnotify/simulator"
	kit "wxnotify/trust/fixture"
)

// A deployment whose secrets are in the Secrets Manager goes on when one of them is changed, after one refusal.
func TestDeployedSecrets(t *testing.T) {
	const id = "AKIDabcdefghijklmnopqrstuvwxyz012345"
	first, second := strings.Repeat("1", 32), strings.Repeat("2", 32)
	world := kit.World(t, simulator.Config{WeChat: simulator.WeChatConfig{AppID: "wx0123456789abcdef", AppSecret: secret.New(first)}})
	platforms := httptest.NewServer(world)
	defer platforms.Close()
	redis := miniredis.RunT(t)
	redis.RequireAuth("pass")
	root, build := filepath.Join("..", ".."), functions(t)
	if err := os.WriteFile(filepath.Join(build, notifyFile), []byte(ofProject(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var log bytes.Buffer
	var fault atomic.Int32 // of the next calls for a secret
	const once = 100
	account := cloud.New(cloud.Config{SecretID: id, Roles: []string{"SCF_ExecuteRole"}, Fault: func(_ int, action string) cloud.Fault {
		if action != "GetSecretValue" {
			return cloud.None
		}
		f := fault.Load()
		fault.CompareAndSwap(once+int32(cloud.Throttle), int32(cloud.None))
		return cloud.Fault(f % once)
	}, Host: func(c *host.Config) {
		c.Override = map[string]string{"WECHAT_API_BASE": platforms.URL, "IM_API_BASE": platforms.URL}
		c.Sink = func(_ string, line []byte) { mu.Lock(); log.Write(append(line, '\n')); mu.Unlock() }
	}})
	defer account.Close()
	held := map[string]string{"store": "redis://:pass@" + redis.Addr(), "callback": "token-of-callbacks", "key": strings.Repeat("k", 64)}
	for name, value := range held {
		account.SetSecret(name, "SSM_Current", value)
	}
	account.SetSecret("wechat", "v1", first)

	env := filepath.Join(t.TempDir(), "env")
	args := []string{}
	for name, value := range map[string]string{"TENCENT_SECRET_ID": id, "TENCENT_SECRET_KEY": "key", "WECHAT_APPSECRET": "ssm:wechat:v1", "STORE_URL": "ssm:store",
		"IM_CALLBACK_TOKEN": "ssm:callback", "USERID_KEY": "ssm:key", "VPC_ID": ""} {
		args = append(args, "--set", name+"="+value)
	}
	typed := strings.Join(slices.Delete(strings.Split(strings.Replace(answers, "10.0.0.5:6379\ncrs-x:pass word@1\nvpc-1a2b3c4d\nsubnet-1a2b3c4d\n", "", 1), "\n"), 0, 2), "\n")
	typed = "wx0123456789abcdef\n" + typed
	if code, says := initialize(t, env, typed, args...); code != 0 {
		t.Fatal(says)
	}
	var out bytes.Buffer
	code := run(t.Context(), []string{"deploy", "--env-file", env, "--config", filepath.Join(root, "serverless.yml"), "--notify", filepath.Join(root, "notify.yml"), "--build", build},
		console{out: &out, err: &out, now: time.Now, pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, env: map[string]string{"TENCENT_API_BASE": account.URL}})
	if code != 0 {
		t.Fatalf("status %d: %s\n%s", code, &out, &log)
	}
	user := world.WeChat.NewUser()
	permits := func(what string, status int) {
		t.Helper()
		res, err := http.Get(account.URL + "/url/wxnotify-dev-permits")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: status %d, want %d", what, res.StatusCode, status)
		}
	}
	fault.Store(int32(cloud.Deny))
	permits("the role may not read secrets", http.StatusInternalServerError)
	mu.Lock()
	if !strings.Contains(log.String(), "STORE_URL: SSM says UnauthorizedOperation: CAM: no permission for GetSecretValue") || !strings.Contains(log.String(), "give the function's role the right ssm:GetSecretValue") {
		t.Errorf("the log has no cure: %s", &log)
	}
	mu.Unlock()
	fault.Store(once + int32(cloud.Throttle))
	permits("it may, and is told to wait", http.StatusUnauthorized) // who asks has no UserSig
	login := func(what string, status int, asked ...string) {
		t.Helper()
		account.Calls()
		res, err := http.Post(account.URL+"/url/wxnotify-dev-session", "application/json", strings.NewReader(fmt.Sprintf(`{"code":%q}`, world.WeChat.Login(user))))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		calls := slices.DeleteFunc(account.Calls(), func(c string) bool { return c != "GetSecretValue" })
		mu.Lock()
		defer mu.Unlock()
		if res.StatusCode != status || len(calls) != len(asked) {
			t.Errorf("%s: status %d, want %d: %s; the Secrets Manager is asked %d times, want %d\n%s", what, res.StatusCode, status, body, len(calls), len(asked), &log)
		}
	}
	login("the first", http.StatusOK, "wechat", "store", "key")
	login("another", http.StatusOK)
	world.WeChat.ResetAppSecret(secret.New(second))
	account.SetSecret("wechat", "v1", second)
	login("the AppSecret was changed", http.StatusOK, "wechat")
	login("and is known", http.StatusOK)
	world.WeChat.ResetAppSecret(secret.New(strings.Repeat("3", 32)))
	login("it was changed at WeChat only, and just looked up", http.StatusBadGateway)
	mu.Lock()
	defer mu.Unlock()
	for _, value := range append([]string{first, second}, held["callback"], held["key"], "pass@") {
		if strings.Contains(log.String(), value) || strings.Contains(out.String(), value) {
			t.Errorf("%s shows", value)
		}
	}
}
