package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/config"
	"wxnotify/shared/notify"
)

func env(m map[string]string) func(string) string {
	return func(name string) string { return m[name] }
}

func TestEnvTellsEveryFault(t *testing.T) {
	const value = "short-key-that-must-not-show"
	e := config.From(env(map[string]string{
		"A_KEY": value, "A_NUMBER": "x", "A_COUNT": "99", "A_FLAG": "yes", "A_CHOICE": "c", "A_BASE": "http://example.com",
	}))
	e.Need("MISSING")
	e.Secret("ALSO_MISSING")
	e.Key("A_KEY")
	e.Number("A_NUMBER")
	e.Int("A_COUNT", 1, 1, 9)
	e.Flag("A_FLAG")
	e.OneOf("A_CHOICE", "a", "b")
	e.URL("A_BASE", "")
	err := e.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"MISSING", "ALSO_MISSING", "A_KEY", "A_NUMBER", "A_COUNT", "A_FLAG", "A_CHOICE", "A_BASE"} {
		if !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s is not named in:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), value) {
		t.Errorf("a secret shows in:\n%v", err)
	}
}

func TestEnvValues(t *testing.T) {
	key := strings.Repeat("k", 32)
	e := config.From(env(map[string]string{"K": key, "N": "1400123456", "F": "1", "U": "http://127.0.0.1:9000", "C": "b"}))
	got := []any{e.Key("K").Reveal(), e.Number("N"), e.Number("NONE"), e.Flag("F"), e.Flag("NONE"), e.URL("U", ""), e.URL("NONE", "https://a.example"),
		e.OneOf("C", "a", "b"), e.OneOf("NONE", "a", "b"), e.Int("NONE", 16, 1, 99), e.String("NONE", "d"), e.OptionalSecret("NONE").Empty()}
	want := []any{key, 1400123456, 0, true, false, "http://127.0.0.1:9000", "https://a.example", "b", "a", 16, "d", true}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := e.Err(); err != nil {
		t.Error(err)
	}
}

const minimal = `
templates:
  message:
    id: ${TEMPLATE_MESSAGE}
    data: {thing1: "{{.Sender}}"}
`

func TestNotifyDefaults(t *testing.T) {
	n, err := config.ParseNotify([]byte(minimal), env(map[string]string{"TEMPLATE_MESSAGE": "T1"}))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(notify.DefaultRules(), n.Rules); d != "" {
		t.Errorf("rules differ from the defaults:\n%s", d)
	}
	if n.Message.ID != "T1" {
		t.Errorf("id = %q, want T1", n.Message.ID)
	}
}

// The file of the project writes every default out; both must say the same.
func TestProjectFileIsTheDefaults(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "notify.yml"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := config.ParseNotify(b, env(map[string]string{"TEMPLATE_MESSAGE": "T1"}))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(notify.DefaultRules(), n.Rules); d != "" {
		t.Error(d)
	}
}

func TestNotifyOverrides(t *testing.T) {
	n, err := config.ParseNotify([]byte(minimal+"rules: {lead: 1s, retry: {attempts: 2}, push_online: send}\nlimits: {workers: 4}\n"),
		env(map[string]string{"TEMPLATE_MESSAGE": "T1"}))
	if err != nil {
		t.Fatal(err)
	}
	want := notify.DefaultRules()
	want.Lead, want.Retry.Attempts, want.PushOnline, want.Workers = time.Second, 2, notify.PushOnlineSend, 4
	if d := cmp.Diff(want, n.Rules); d != "" {
		t.Error(d)
	}
}

func TestNotifyFaults(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"empty":         {"", []string{"templates.message is missing"}},
		"no yaml":       {"a: [", []string{"line 1"}},
		"unknown key":   {minimal + "rules:\n  leed: 3s\n", []string{"line 7", "no key leed"}},
		"duration":      {minimal + "rules:\n  lead: 3 seconds\n", []string{"line 7", `"3 seconds" is not a duration`}},
		"several":       {minimal + "rules:\n  lead: soon\n  graze: 1s\n", []string{"line 7", "line 8", "no key graze"}},
		"unset":         {strings.Replace(minimal, "TEMPLATE_MESSAGE", "NO_SUCH", 1), []string{"line 4", "NO_SUCH is not set"}},
		"range":         {minimal + "rules: {lead: 2h, preview: all}\n", []string{"rules.lead", "rules.preview"}},
		"keyword":       {strings.Replace(minimal, "thing1", "thing1.DATA", 1), []string{"templates.message", "thing1.DATA"}},
		"field":         {strings.Replace(minimal, ".Sender", ".Sendr", 1), []string{"data.thing1", ".Sender"}},
		"duplicate key": {minimal + "rules: {lead: 1s}\nrules: {lead: 2s}\n", []string{"rules", "already defined"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.ParseNotify([]byte(c.file), env(map[string]string{"TEMPLATE_MESSAGE": "T1"}))
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
		})
	}
}

func FuzzParseNotify(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("rules: {retry: {first: 1s, factor: .nan}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := config.ParseNotify(b, func(string) string { return "x" })
		if err == nil && n.Rules.Check() != nil {
			t.Error("rules that make no sense were accepted")
		}
	})
}
