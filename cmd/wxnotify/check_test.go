package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong is told a line each, and the exit status says how bad it is. What exactly is looked at, the
// tests of internal/check show.
func TestCheck(t *testing.T) {
	root := filepath.Join("..", "..")
	example, err := os.ReadFile(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{".env": "WECHAT_APPID=wx0123456789abcdef\n", ".env.prod": string(example)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(more ...string) (int, string) {
		var out, failed bytes.Buffer
		args := append([]string{"check", "--env-file", filepath.Join(dir, ".env"), "--config", filepath.Join(root, "serverless.yml"), "--notify", filepath.Join(root, "notify.yml"), "--build", dir}, more...)
		code := run(t.Context(), args, console{out: &out, err: &failed})
		return code, out.String() + failed.String()
	}
	code, says := check()
	if code != exitFailure || !strings.Contains(says, ".env, WECHAT_APPSECRET: is empty") || !strings.Contains(says, " to mend, ") || strings.Contains(says, "WECHAT_APPID") {
		t.Errorf("status %d:\n%s", code, says)
	}
	code, says = check("--stage", "prod") // an example that nobody has filled in
	if code != exitFailure || !strings.Contains(says, ".env.prod line 24, WECHAT_APPID: is empty") {
		t.Errorf("of a stage: status %d:\n%s", code, says)
	}
}
