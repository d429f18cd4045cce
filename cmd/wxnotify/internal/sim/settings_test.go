package sim

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wxnotify/cmd/internal/demo"
	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// Of a real account nothing gets in but what the functions check signatures with.
func TestEnvironmentTakesWhatSigns(t *testing.T) {
	mine := maps.Clone(demo.Settings())
	for name := range mine {
		mine[name] = "mine of " + name
	}
	mine["STORE_URL"] = "redis://mine"
	env := Environment(mine)
	for name, value := range env {
		taken := value == mine[name]
		if want := slices.Contains(demo.Signing(), name) || name == "LOG_LEVEL"; taken != want {
			t.Errorf("%s = %q; taken %v, want %v", name, value, taken, want)
		}
	}
	if env["STORE_URL"] != "" {
		t.Error("a real store got in")
	}
}

// The keywords of notify.yml are those of the template, in a mini program's own words.
func TestTemplateFitsTheRules(t *testing.T) {
	n, err := config.ParseNotify(notifyFile, func(string) string { return "T1" })
	if err != nil {
		t.Fatal(err)
	}
	if n.Specs[fact.KindMissedCall].Data == nil {
		t.Error("missed calls are not told")
	}
	for kind, spec := range n.Specs {
		for keyword := range spec.Data {
			if !strings.Contains(template.Content, "{{"+keyword+".DATA}}") {
				t.Errorf("%s: the template has no %s", kind, keyword)
			}
		}
		if lines := strings.Count(template.Content, "\n"); lines != len(spec.Data) {
			t.Errorf("%s: the template has %d keywords, want %d", kind, lines, len(spec.Data))
		}
	}
	usual := notify.DefaultRules()
	if n.Rules.Lead >= usual.Lead || n.Rules.BlindWindow >= usual.BlindWindow || n.Rules.Grace >= usual.Grace || n.Rules.DigestSteps[0] >= usual.DigestSteps[0] {
		t.Errorf("the rules are not shorter: %+v", n.Rules)
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		says   string
	}{
		"app id":  {map[string]string{"IM_SDKAPPID": "abc"}, "IM_SDKAPPID"},
		"aes key": {map[string]string{"WECHAT_ENCODING_AES_KEY": "short"}, "EncodingAESKey"},
		"store":   {map[string]string{"STORE_URL": "http://x"}, "STORE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			env := Environment(nil)
			env["STORE_URL"] = "redis://127.0.0.1:1"
			maps.Copy(env, c.change)
			_, err := New(Config{Now: time.Now, Settings: env, Out: &strings.Builder{}})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %s", err, c.says)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
