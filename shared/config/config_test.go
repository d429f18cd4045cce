package config_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/card"
	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
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
	for _, name := range strings.Fields("MISSING ALSO_MISSING A_KEY A_NUMBER A_COUNT A_FLAG A_CHOICE A_BASE") {
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

// What an adapter says of a setting that is missing already is not told again; what it says of
// others is.
func TestEnvTellsEachFaultOnce(t *testing.T) {
	e := config.From(env(map[string]string{"A_KEY": "undefined", "A_KEY_OLD": "x"}))
	e.OptionalSecret("A_KEY")
	e.String("A_KEY", "")
	e.Fail(fmt.Errorf("adapter: %w", errors.Join(errors.New("A_KEY is empty"), errors.New("A_KEY_OLD is of no right shape"), errors.New("B is not set"))))
	e.Fail(nil)
	lines := strings.Split(fmt.Sprint(e.Err()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "A_KEY: ") || lines[1] != "A_KEY_OLD is of no right shape" || lines[2] != "B is not set" {
		t.Errorf("got %q", lines)
	}
}

// A placeholder is refused whatever the setting is; what only looks a little like one is not.
func TestPlaceholders(t *testing.T) {
	for value, refused := range map[string]bool{
		"undefined": true, "UNDEFINED": true, " undefined\n": true, "${env:X}": true, "a${X}": true, "<token>": true,
		"redis://user:password@host:6379/0": true,
		"undefined-but-mine":                false, "$ecret{": false, "<token": false, "redis://user:password@10.0.0.1:6379/0": false,
	} {
		for name, take := range map[string]func(*config.Env) string{
			"String": func(e *config.Env) string { return e.String("X", "") },
			"Need":   func(e *config.Env) string { return e.Need("X") },
			"Secret": func(e *config.Env) string { return e.OptionalSecret("X").Reveal() },
		} {
			e := config.From(env(map[string]string{"X": value}))
			got := take(e)
			if err := e.Err(); (err != nil) != refused || refused && (got != "" || !strings.HasPrefix(err.Error(), "X: ") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%s of %q: %q, %v; refused is to be %v", name, value, got, err, refused)
			}
		}
	}
}

const minimal = `
templates:
  message:
    id: ${TEMPLATE_MESSAGE}
    data: {thing1: "{{.Sender}}"}
`

// parse reads a notify.yml that has no fault.
func parse(t *testing.T, file string) config.Notify {
	t.Helper()
	n, err := config.ParseNotify([]byte(file), env(map[string]string{"TEMPLATE_MESSAGE": "T1"}))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sameZone compares zones, which are pointers.
var sameZone = cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })

func TestNotifyDefaults(t *testing.T) {
	n := parse(t, minimal)
	if d := cmp.Diff(notify.DefaultRules(), n.Rules, sameZone); d != "" {
		t.Errorf("rules differ from the defaults:\n%s", d)
	}
	want := map[fact.Kind]card.TemplateSpec{"message": {ID: "T1", Data: map[string]string{"thing1": "{{.Sender}}"}}}
	if d := cmp.Diff(want, n.Specs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]fact.TemplateID{"T1"}, n.Ours()); d != "" {
		t.Error(d)
	}
	// The zone that is the default must be there without a time zone database.
	if zone := parse(t, minimal+"rules: {zone: Asia/Shanghai}\n").Rules.Zone; zone != notify.DefaultRules().Zone {
		t.Error("Asia/Shanghai is not the zone of the defaults")
	}
}

// The file of the project writes every default out; both must say the same. What it shows
// commented out must work too.
func TestProjectFileIsTheDefaults(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "notify.yml"))
	if err != nil {
		t.Fatal(err)
	}
	n := parse(t, string(b))
	if d := cmp.Diff(notify.DefaultRules(), n.Rules, sameZone); d != "" {
		t.Error(d)
	}
	if len(n.Specs) != 1 {
		t.Errorf("%d templates, want message alone", len(n.Specs))
	}
	n = parse(t, commentedOut.ReplaceAllString(string(b), "  $1"))
	kinds := []fact.Kind{"call", "digest", "mention", "message", "missed_call", "order_shipped"}
	if d := cmp.Diff(kinds, slices.Sorted(maps.Keys(n.Specs))); d != "" {
		t.Errorf("with the examples: %s", d)
	}
}

// What editors on Windows write before the text is no fault.
func TestNotifyByteOrderMarks(t *testing.T) {
	utf16le := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(minimal)) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	for name, file := range map[string]string{"UTF-8": "\ufeff" + minimal, "UTF-16": string(utf16le)} {
		if n := parse(t, file); n.Specs["message"].ID != "T1" {
			t.Errorf("%s: %v", name, n.Specs)
		}
	}
}

// commentedOut matches a line of the file that is an example: a key follows the #.
var commentedOut = regexp.MustCompile(`(?m)^  #( *[a-z0-9_]+:.*)$`)

func TestNotifyOverrides(t *testing.T) {
	n := parse(t, minimal+`
  missed_call: {id: T2, page: pages/calls, data: &data {thing1: "{{.Sender}}"}}
  order_shipped: {id: T3, long_term: true, data: *data}
rules:
  lead: 1s
  retry: {attempts: 2}
  push_online: send
  digest_steps: [1m, 1h30m]
  keep_for_first: 0
  keep_learning: false
  fallback_to_message: false
  quiet_hours: 22:30-07:00
  zone: UTC
  groups: {Public: all, Community: "off"}
  unknown_after: 30s
  ask: {below: 2, every: 1h, again_after: 720h, stock: 50}
limits: {workers: 4, sends_per_second: 5, user_sends_per_hour: 6}
`)
	want := notify.DefaultRules()
	want.Lead, want.Retry.Attempts, want.PushOnline, want.Workers = time.Second, 2, notify.PushOnlineSend, 4
	want.DigestSteps = []time.Duration{time.Minute, 90 * time.Minute}
	want.KeepForFirst, want.KeepLearning, want.QuietHours, want.Zone = 0, false, "22:30-07:00", time.UTC
	want.Groups[fact.GroupPublic], want.Groups[fact.GroupCommunity] = fact.GroupAll, fact.GroupOff
	want.FallbackToMessage = false
	want.Ask = permit.Asking{Below: 2, Every: time.Hour, AgainAfter: 720 * time.Hour, Stock: 50}
	want.UnknownAfter, want.SendsPerSecond, want.UserSendsPerHour = 30*time.Second, 5, 6
	want.MissedCalls = true // there is a template for them
	if d := cmp.Diff(want, n.Rules, sameZone); d != "" {
		t.Error(d)
	}
	data := map[string]string{"thing1": "{{.Sender}}"}
	specs := map[fact.Kind]card.TemplateSpec{
		"message":       {ID: "T1", Data: data},
		"missed_call":   {ID: "T2", Page: "pages/calls", Data: data},
		"order_shipped": {ID: "T3", LongTerm: true, Data: data},
	}
	if d := cmp.Diff(specs, n.Specs); d != "" {
		t.Error(d)
	}
}

func TestNotifyFaults(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"empty":       {"", []string{"templates.message is missing"}},
		"no yaml":     {"a: [", []string{"line 1"}},
		"unknown key": {minimal + "rules:\n  leed: 3s\n", []string{"line 7", "no key leed"}},
		"merged":      {minimal + "rules:\n  <<: [&a {leed: 3s}, {graze: 1s, <<: *a}]\n", []string{"line 7", "no key leed", "no key graze"}},
		"duration":    {minimal + "rules:\n  lead: 3 seconds\n", []string{"line 7", `"3 seconds" is not a duration`}},
		"several":     {minimal + "rules:\n  lead: soon\n  graze: 1s\n", []string{"line 7", "line 8", "no key graze"}},
		"unset":       {strings.Replace(minimal, "TEMPLATE_MESSAGE", "NO_SUCH", 1), []string{"line 4", "NO_SUCH is not set"}},
		"range":       {minimal + "rules: {lead: 2h, preview: all}\n", []string{"rules.lead", "rules.preview"}},
		"keyword":     {strings.Replace(minimal, "thing1", "thing1.DATA", 1), []string{"templates.message", "thing1.DATA"}},
		"field":       {strings.Replace(minimal, ".Sender", ".Sendr", 1), []string{"data.thing1", ".Sender"}},
		"range of new": {minimal + "rules: {digest_steps: [], keep_for_first: -1, unknown_after: 2h, groups: {Private: some}, ask: {below: 0, every: -1s, again_after: 1h, stock: 101}}\nlimits: {sends_per_second: 0, user_sends_per_hour: 0}\n",
			[]string{"rules.digest_steps", "rules.keep_for_first", "rules.unknown_after", "rules.groups.Private", "rules.ask.below", "rules.ask.every", "rules.ask.again_after", "rules.ask.stock", "limits.sends_per_second", "limits.user_sends_per_hour"}},
		"quiet hours":   {minimal + "rules: {quiet_hours: at night}\n", []string{"rules.quiet_hours", "22:30-07:00"}},
		"zone":          {minimal + "rules:\n  zone: Mars/Olympus\n", []string{"line 7", `"Mars/Olympus"`, "Asia/Shanghai"}},
		"machine zone":  {minimal + "rules: {zone: Local}\n", []string{"line 6", `"Local"`}},
		"group type":    {minimal + "rules:\n  groups: {Work: all}\n", []string{"line 7", "no key Work"}},
		"step":          {minimal + "rules:\n  digest_steps: [5m, later]\n", []string{"line 7", `"later" is not a duration`}},
		"no list":       {minimal + "rules:\n  digest_steps: 5m\n", []string{"line 7", "a list of durations"}},
		"no number":     {minimal + "limits:\n  workers: ${TEMPLATE_MESSAGE}\n", []string{"line 7", "write a whole number here"}},
		"no map":        {minimal + "rules: [lead]\n", []string{"line 6", "write keys with values here"}},
		"all of it":     {minimal + "rules: some\n", []string{"line 6: write keys with values here"}},
		"template key":  {strings.Replace(minimal, "id:", "ID:", 1), []string{"templates.message", "line 4", "no key ID"}},
		"no templates":  {"templates: [message]", []string{"line 1", "write keys with values here"}},
		"message twice": {minimal + "  message: {id: T2, data: {thing1: x}}\n", []string{"templates.message: line 6", "in line 3 already"}},
		"GBK":           {"# \xd0\xc2\xcf\xfb\xcf\xa2\n" + minimal, []string{"line 1", "save it as UTF-8"}},
		"GBK in a text": {strings.Replace(minimal, "{{.Sender}}", "\xd0\xc2", 1), []string{"line 5", "save it as UTF-8"}},
		"no message":    {"templates: {digest: {id: T2, data: {thing1: x}}}\nrules: {leed: 1s}\n", []string{"templates.message is missing", "no key leed"}},
		"none at all":   {"rules: {leed: 1s}\n", []string{"templates.message is missing", "no key leed"}},
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
			if strings.Contains(c.file, "message") && strings.Contains(err.Error(), "is missing") {
				t.Errorf("what is there is called missing: %v", err)
			}
			if strings.Contains(err.Error(), "config.") {
				t.Errorf("types of Go show in: %v", err)
			}
		})
	}
}

// TestNotifyOneBadTemplate: what is wrong with one optional template is said of it alone, and
// the rest of the file holds.
func TestNotifyOneBadTemplate(t *testing.T) {
	for name, c := range map[string]struct {
		entry string
		want  []string
	}{
		"unknown key":   {"digest:\n    id: T2\n    longterm: true\n", []string{"templates.digest is disabled", "line 8", "no key longterm"}},
		"name":          {"Digest: {id: T2}\n", []string{"line 6", `"Digest" cannot name a template`}},
		"empty":         {"digest:\n", []string{"templates.digest", "id is empty"}},
		"long term":     {"digest: {id: T1, long_term: true, data: {thing1: x}}\n", []string{"templates.digest", "long_term"}},
		"unset":         {"digest: {id: \"${NO_SUCH}\", data: {thing1: x}}\n", []string{"templates.digest", "line 6", "NO_SUCH is not set"}},
		"keyword":       {"missed_call: {id: T2, data: {thing: x}}\n", []string{"templates.missed_call", "such as thing1"}},
		"no map":        {"order: T2\n", []string{"templates.order", "line 6", "write keys with values here"}},
		"wrong type":    {"order: {id: [T2], data: {thing1: x}}\n", []string{"templates.order", "line 6", "write a text here"}},
		"name twice":    {"order: {id: T2, data: {thing1: x}}\n  order: {id: T3, data: {thing1: x}}\n", []string{"templates.order is disabled", "line 7", "in line 6 already"}},
		"example":       {"order: {id: the-id-of-your-template, data: {thing1: x}}\n", []string{"templates.order", "the example's"}},
		"key twice":     {"order: {id: T2, id: T3, data: {thing1: x}}\n", []string{"templates.order", "already defined"}},
		"of an unknown": {"order: {id: T2, data: {thing1: \"{{.Sumary}}\"}}\n", []string{"templates.order", ".Summary"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := parse(t, minimal+"  "+c.entry+"rules: {lead: 1s}\n")
			if d := n.Templates.Disabled(); len(d) != 1 || n.Rules.Lead != time.Second || n.Rules.MissedCalls || n.Ours() != nil {
				t.Fatalf("disabled %v, lead %v, missed calls %v, ours %v", d, n.Rules.Lead, n.Rules.MissedCalls, n.Ours())
			}
			for _, w := range c.want {
				if says := n.Templates.Disabled()[0].Error(); !strings.Contains(says, w) || strings.Contains(says, "config.") {
					t.Errorf("%q is not in: %v", w, says)
				}
			}
		})
	}
}

// TestNotifyOrDefaults: what a function needs that cannot stand still for notify.yml.
func TestNotifyOrDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		lead  time.Duration
		kinds int
		alert string
	}{
		"good":          {minimal + "rules: {lead: 1s}\n", time.Second, 1, ""},
		"no file":       {"", 3 * time.Second, 0, "misconfigured"},
		"no yaml":       {"a: [", 3 * time.Second, 0, "misconfigured"},
		"bad message":   {"templates: {message: {}}\nrules: {lead: 1s}\n", time.Second, 0, "misconfigured"},
		"bad rules":     {minimal + "rules: {lead: 1s, preview: all}\n", 3 * time.Second, 1, "misconfigured"},
		"unset rule":    {minimal + "rules: {lead: \"${LEAD}\"}\n", 3 * time.Second, 1, "misconfigured"},
		"unknown rule":  {minimal + "rules: {leed: 1s}\n", 3 * time.Second, 1, "misconfigured"},
		"optional":      {minimal + "  digest: {}\nrules: {lead: 1s}\n", time.Second, 1, "template"},
		"unknown types": {strings.Replace(minimal, "thing1", "const1", 1) + "rules: {lead: 1s}\n", time.Second, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "notify.yml")
			if c.file != "" {
				if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			settings := map[string]string{"TEMPLATE_MESSAGE": "T1", "NOTIFY_FILE": file}
			var log strings.Builder
			e := config.From(env(settings))
			n := e.NotifyOrDefaults(slog.New(slog.NewTextHandler(&log, nil)))
			if e.Err() != nil || n.Rules.Lead != c.lead || len(n.Templates.Kinds()) != c.kinds || n.Rules.Check() != nil {
				t.Errorf("%v, lead %v, kinds %v", e.Err(), n.Rules.Lead, n.Templates.Kinds())
			}
			if alerts := strings.Count(log.String(), "alert="); alerts > 1 || c.alert == "" && alerts > 0 || !strings.Contains(log.String(), c.alert) {
				t.Errorf("want an alert %q:\n%s", c.alert, &log)
			}
			if name == "unknown types" && !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("no warning:\n%s", &log)
			}
			log.Reset()
			e = config.From(env(settings))
			e.Notify(slog.New(slog.NewTextHandler(&log, nil)))
			if refused := e.Err() != nil; refused != (c.alert == "misconfigured") || refused && log.Len() > 0 {
				t.Errorf("where all of it is needed: %v, logged %s", e.Err(), &log)
			}
		})
	}
}

// A secret may be a reference, which is fetched; nothing else may. No fault quotes a value.
func TestReferences(t *testing.T) {
	fetched := map[config.Reference]string{{Name: "app", Version: "SSM_Current"}: strings.Repeat("k", 32), {Name: "app_2-x", Version: "v1.0"}: "short"}
	of := func(settings map[string]string) *config.Env {
		return config.From(env(settings)).Fetching(func(r config.Reference) (secret.String, error) {
			if v, there := fetched[r]; there {
				return secret.New(v), nil
			}
			return secret.String{}, fmt.Errorf("there is no %v", r)
		})
	}
	e := of(map[string]string{"S": "ssm:app", "O": "ssm:app_2-x:v1.0", "K": "ssm:app:SSM_Current"})
	got := []string{e.Secret("S").Reveal(), e.OptionalSecret("O").Reveal(), e.Key("K").Reveal()}
	if want := []string{strings.Repeat("k", 32), "short", strings.Repeat("k", 32)}; !slices.Equal(got, want) || e.Err() != nil {
		t.Errorf("%q, %v", got, e.Err())
	}
	const value = "ssm:a value that only begins alike"
	e = of(map[string]string{"FORM": value, "EMPTY": "ssm:", "LONG": "ssm:" + strings.Repeat("x", 129), "GONE": "ssm:gone:v2", "SHORT": "ssm:app_2-x:v1.0", "TEXT": "ssm:app", "COUNT": "ssm:app"})
	for _, name := range []string{"FORM", "EMPTY", "LONG", "GONE"} {
		e.OptionalSecret(name)
	}
	e.Key("SHORT")
	e.String("TEXT", "")
	e.Number("COUNT")
	want := []string{"FORM: is no reference to a secret: ssm:NAME or ssm:NAME:VERSION", "EMPTY: is no reference", "LONG: is no reference", "GONE: there is no ssm:gone:v2",
		"SHORT: has 5 bytes, use at least 32", "TEXT: is a reference to a secret, and is none", "COUNT: is a reference to a secret, and is none"}
	for i, line := range strings.Split(e.Err().Error(), "\n") {
		if !strings.HasPrefix(line, want[i]) || strings.Contains(line, value) {
			t.Errorf("%s, want %s", line, want[i])
		}
	}
	alone := config.From(env(map[string]string{"S": "ssm:app"}))
	if alone.Secret("S"); alone.Err() == nil || !strings.Contains(alone.Err().Error(), "S: ssm:app leads to a secret in the cloud") {
		t.Errorf("%v", alone.Err())
	}
}
