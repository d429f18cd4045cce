package serverless_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxnotify/cmd/wxnotify/internal/serverless"
)

// TestDeploySendsNoEmptyVariable runs what `make deploy` does with the file of the project,
// and with a scf that only looks.
func TestDeploySendsNoEmptyVariable(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	example, err := os.ReadFile(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	filled := []string{"WECHAT_APPID", "WECHAT_APPSECRET", "WECHAT_TOKEN", "IM_SDKAPPID", "IM_SECRET_KEY", "IM_CALLBACK_TOKEN", "STORE_URL", "TEMPLATE_MESSAGE", "USERID_KEY"}
	settings := strings.Replace(string(example), "SESSION_KEY=\n", "SESSION_KEY=\"\"\n", 1)
	for _, name := range append(filled, "SESSION_LOGSET_ID", "SESSION_LOG_TOPIC_ID", "VPC_ID") {
		settings = strings.Replace(settings, "\n"+name+"=\n", "\n"+name+"='a value'\n", 1)
	}
	sent := append(filled, "IM_ADMIN", "IM_CALLBACK_INSECURE", "STORE_SHARDS", "STORE_PREFIX", "SESSION_MODE", "LOG_LEVEL")
	for name, c := range map[string]struct {
		files    map[string]string
		exported string
		stage    []string
		want     []string // that are sent with a value, DELIVER_FUNCTION apart
		says     string
	}{
		"defaults":          {map[string]string{".env": settings}, "X=", nil, sent, "deploy\n[a value][]"},
		"exported":          {map[string]string{".env": settings}, "ANNOUNCE_KEY=k", []string{"prod"}, append(sent, "ANNOUNCE_KEY"), "deploy --stage prod\n[a value][k]"},
		"a file of a stage": {map[string]string{".env": settings, ".env.prod": strings.ReplaceAll(settings, "a value", "another")}, "X=", []string{"prod"}, sent, "deploy --stage prod\n[another][]"},
		"said twice":        {map[string]string{".env": settings + "WECHAT_TOKEN=later\r\n"}, "X=", nil, sent, "deploy\n[later][]"},
		"no log topic":      {map[string]string{".env": strings.Replace(settings, "SESSION_LOG_TOPIC_ID='a value'", "", 1)}, "X=", nil, nil, "SCF logs what session returns. make deploy makes one"},
		"no optional line":  {map[string]string{".env": strings.Replace(settings, "ANNOUNCE_KEY=\n", "", 1)}, "X=", nil, sent, "deploy\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{"serverless.yml", "tools/deploy.sh"} {
				b, err := os.ReadFile(filepath.Join(root, file))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, file), string(b))
			}
			for name, text := range c.files {
				write(t, filepath.Join(dir, name), text)
			}
			write(t, filepath.Join(dir, "bin", "scf"), "#!/bin/sh\necho \"$@\"\necho \"[$WECHAT_TOKEN][$ANNOUNCE_KEY]\"\ngrep -q 'src: ../../build' serverless.yml\n")
			write(t, filepath.Join(dir, "bin", "wxnotify"), "#!/bin/sh\necho \"$@\"\nfalse\n")
			cmd := exec.CommandContext(t.Context(), "tools/deploy.sh", c.stage...)
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "WXNOTIFY=wxnotify", c.exported}
			out, err := cmd.CombinedOutput()
			if !strings.Contains(string(out), c.says) || (err == nil) != (c.want != nil) {
				t.Fatalf("%v: %s", err, out)
			}
			if c.want == nil {
				return
			}
			quotas := "\nquota\n"
			if c.stage != nil {
				quotas = "\nquota --stage prod\n"
			}
			if !strings.Contains(string(out), quotas) || !strings.Contains(string(out), "deployed, but not their quotas") {
				t.Errorf("no quotas, or nothing said of those that fail: %s", out)
			}
			project, err := serverless.Load(filepath.Join(dir, "dist", "deploy", "serverless.yml"), func(string) (string, bool) { return "x", true })
			if err != nil {
				t.Fatal(err)
			}
			sent := map[string]bool{}
			for _, f := range project.Functions {
				for variable := range f.Environment {
					if variable != "DELIVER_FUNCTION" && !slices.Contains(c.want, variable) {
						t.Errorf("%s is sent %s, which is empty", f.Key, variable)
					}
					sent[variable] = true
				}
			}
			if len(sent) != len(c.want)+1 {
				t.Errorf("%d variables are sent, want %d", len(sent), len(c.want)+1)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
