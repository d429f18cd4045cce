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
	settings := strings.NewReplacer("STORE_URL=\n", "STORE_URL=redis://h\n", "SESSION_KEY=\n", "SESSION_KEY=\"\"\n", "VPC_ID=\n", "VPC_ID=v\n").Replace(string(example))
	for name, c := range map[string]struct {
		settings, exported string
		stage              []string
		want               []string // that are sent with a value, DELIVER_FUNCTION apart
		says               string
	}{
		"defaults": {settings, "", nil, []string{"IM_ADMIN", "IM_CALLBACK_INSECURE", "STORE_SHARDS", "STORE_PREFIX", "STORE_URL", "SESSION_MODE", "LOG_LEVEL"}, "deploy"},
		"exported": {settings, "WECHAT_TOKEN=t", []string{"prod"}, []string{"IM_ADMIN", "IM_CALLBACK_INSECURE", "STORE_SHARDS", "STORE_PREFIX", "STORE_URL", "SESSION_MODE", "LOG_LEVEL", "WECHAT_TOKEN"}, "deploy --stage prod"},
		"missing":  {strings.Replace(settings, "ANNOUNCE_KEY=\n", "", 1), "", nil, nil, "not set: ANNOUNCE_KEY\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{"serverless.yml", "tools/envcheck.sh", "tools/deploy.sh"} {
				b, err := os.ReadFile(filepath.Join(root, file))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, file), string(b))
			}
			write(t, filepath.Join(dir, ".env"), c.settings)
			write(t, filepath.Join(dir, "bin", "scf"), "#!/bin/sh\necho \"$@\"\ntest -f ../../.env\ngrep -q 'src: ../../build' serverless.yml\n")
			cmd := exec.CommandContext(t.Context(), "tools/deploy.sh", c.stage...)
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), c.exported}
			out, err := cmd.CombinedOutput()
			if !strings.Contains(string(out), c.says) || (err == nil) != (c.want != nil) {
				t.Fatalf("%v: %s", err, out)
			}
			if c.want == nil {
				return
			}
			project, err := serverless.Load(filepath.Join(dir, "dist", "deploy", "serverless.yml"), func(string) (string, bool) { return "x", true })
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range project.Functions {
				for variable := range f.Environment {
					if variable != "DELIVER_FUNCTION" && !slices.Contains(c.want, variable) {
						t.Errorf("%s is sent %s, which is empty", f.Key, variable)
					}
				}
				if len(f.Environment) != len(c.want)+1 {
					t.Errorf("%s is sent %d variables, want %d", f.Key, len(f.Environment), len(c.want)+1)
				}
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
