package events_test

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/api"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

var readmes = []string{"README.md", "README.zh-CN.md"}

// project returns a file of the project.
func project(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// matches returns what the first group of pattern matches in text, sorted, each once.
func matches(pattern, text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// firstColumn returns what stands in backquotes in the first cells of all tables.
func firstColumn(text string) []string {
	return matches("`([^`]+)`", strings.Join(matches(`(?m)^\|([^|]*)\|`, text), "\n"))
}

// The tables of both READMEs name what there is, and nothing else.
func TestReadmes(t *testing.T) {
	for _, readme := range readmes {
		text := project(t, readme)
		column := firstColumn(text)
		for what, lists := range map[string][2][]string{
			"settings": {matches(`(?m)^([A-Z_]+)=`, project(t, ".env.example")),
				slices.DeleteFunc(slices.Clone(column), func(s string) bool { return s != strings.ToUpper(s) || !strings.Contains(s, "_") })},
			"functions": {matches(`(?m)^    ([a-z]+):$`, project(t, "serverless.yml")), matches("(?m)^\\| `([a-z]+)` \\|.*(?:URL|timer|定时).*\\|$", text)},
			"states":    {matches(`State = "([^"]+)"`, project(t, "shared/notify/state.go")), matches(`(?m)^\| ([a-z][A-Za-z ]+) \| [^|]+[.。] \|$`, text)},
			"targets":   {matches(`(?m)^([a-z]+):.*##`, project(t, "Makefile")), append(matches("make ([a-z]+)`", text), "help")},
		} {
			slices.Sort(lists[1])
			if d := cmp.Diff(lists[0], lists[1]); d != "" {
				t.Errorf("%s: %s (- there, + in the table):\n%s", readme, what, d)
			}
		}
		for _, rule := range matches(`(?m)^  ([a-z_]+):(?: |$)`, strings.SplitAfter(project(t, "notify.yml"), "\nrules:")[1]) {
			if !slices.Contains(column, rule) && !slices.Contains(column, "limits."+rule) {
				t.Errorf("%s: the rule %s is missing", readme, rule)
			}
		}
	}
}

// The table of WeChat's error codes says what the code does.
func TestErrorCodes(t *testing.T) {
	want := map[int]string{}
	for _, c := range matches(`(?m)^\tCode\w+ += (-?\d+)`, project(t, "shared/wechat/errors.go")) {
		code, _ := strconv.Atoi(c)
		if class := (&wechat.APIError{Op: "SendSubscribe", Code: code}).Class(); class != notify.ClassUnlisted {
			want[code] = class.String()
		}
	}
	if len(want) < 20 {
		t.Fatalf("found %d codes only", len(want))
	}
	for _, code := range []int{wechat.CodeInvalidToken, wechat.CodeWrongToken, wechat.CodeMissingToken, wechat.CodeExpiredToken} {
		want[code] = "token" // the client renews it before anybody sees a class
	}
	row := regexp.MustCompile(`(?m)^\| (-?\d+(?: \d+)*) \| ([a-z]+) \|`)
	for _, readme := range readmes {
		got := map[int]string{}
		for _, m := range row.FindAllStringSubmatch(project(t, readme), -1) {
			for _, c := range strings.Fields(m[1]) {
				code, _ := strconv.Atoi(c)
				got[code] = m[2]
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (- code, + table):\n%s", readme, d)
		}
	}
}

// What the documents point to is there.
func TestLinks(t *testing.T) {
	for _, doc := range append(slices.Clone(readmes), "docs/api.md") {
		text := project(t, doc)
		anchors := map[string]bool{}
		for _, heading := range matches(`(?m)^#+ (.+)$`, text) {
			anchors[strings.ToLower(strings.ReplaceAll(heading, " ", "-"))] = true
		}
		for _, to := range slices.Concat(matches(`\]\(([^)]+)\)`, text), matches(`--event (events/\S+\.json)`, text)) {
			u, err := url.Parse(to)
			if err != nil {
				t.Errorf("%s: %v", doc, err)
				continue
			}
			switch {
			case u.Scheme != "":
			case u.Path == "":
				if !anchors[u.Fragment] {
					t.Errorf("%s: there is no heading for %s", doc, to)
				}
			default:
				if _, err := os.Stat(filepath.Join("..", filepath.Dir(doc), u.Path)); err != nil {
					t.Errorf("%s: %v", doc, err)
				}
			}
		}
	}
}

// The worked example of docs/api.md is what the code computes.
func TestWorkedExample(t *testing.T) {
	text := project(t, "docs/api.md")
	cells := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `?(SESSION_KEY|timestamp|body|signature)`? \\| `(.+)` \\|$").FindAllStringSubmatch(text, -1) {
		cells[m[1]] = m[2]
	}
	if len(cells) != 4 {
		t.Fatalf("found %v", slices.Sorted(maps.Keys(cells)))
	}
	if got := api.Sign(secret.New(cells["SESSION_KEY"]), cells["timestamp"], "session", []byte(cells["body"])); got != cells["signature"] {
		t.Errorf("signature %s, the code says %s", cells["signature"], got)
	}
}
