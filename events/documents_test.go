package events_test

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/api"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

// both returns a page in English and its Chinese twin.
func both(page string) []string { return []string{page + ".md", page + ".zh-CN.md"} }

// A README is read to its end, so it is short: what else there is to say has a page in docs.
func TestReadmes(t *testing.T) {
	for _, readme := range both("README") {
		n := utf8.RuneCountInString(project(t, readme))
		t.Logf("%s has %d characters", readme, n)
		if n > 9000 {
			t.Errorf("%s has %d characters, more than 9,000", readme, n)
		}
	}
}

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
	return matches("`([^`]+)`", strings.Join(matches(`(?m)^ *\|((?:[^|\\\n]|\\.)*)\|`, text), "\n"))
}

// under returns the part of text between a line and the next empty line: a table below its head.
func under(t *testing.T, text, head string) string {
	t.Helper()
	_, after, found := strings.Cut(text, head+"\n")
	if !found {
		t.Fatalf("there is no line %s", head)
	}
	table, _, _ := strings.Cut(after, "\n\n")
	return table
}

// sources returns the Go files below a folder of the project, without tests, in one.
func sources(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		b.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The tables of the pages name what there is, and nothing else.
func TestTables(t *testing.T) {
	table := func(page, what string, want []string, got func(text string) []string) {
		for _, doc := range both("docs/" + page) {
			listed := got(project(t, doc))
			slices.Sort(listed)
			if d := cmp.Diff(want, listed); d != "" {
				t.Errorf("%s: %s (- there, + in the table):\n%s", doc, what, d)
			}
		}
	}
	find := func(pattern string) func(string) []string {
		return func(text string) []string { return matches(pattern, text) }
	}
	table("configuration", "settings", matches(`(?m)^([A-Z_]+)=`, project(t, ".env.example")), func(text string) []string {
		return slices.DeleteFunc(firstColumn(text), func(s string) bool { return s != strings.ToUpper(s) || !strings.Contains(s, "_") })
	})
	table("rules", "functions", matches(`(?m)^    ([a-z]+):$`, project(t, "serverless.yml")), find("(?m)^\\| `([a-z]+)` \\|.*(?:URL|timer|定时).*\\|$"))
	table("states", "states", matches(`State = "([^"]+)"`, project(t, "shared/fact/state.go")), find(`(?m)^\| ([a-z][A-Za-z ]+) \| [^|]+[.。] \|$`))
	table("commands", "targets", matches(`(?m)^([a-z]+):.*##`, project(t, "Makefile")), func(text string) []string {
		return append(matches("make ([a-z]+)`", text), "help")
	})
	for _, doc := range both("docs/configuration") {
		column := firstColumn(project(t, doc))
		for _, rule := range matches(`(?m)^  ([a-z_]+):(?: |$)`, strings.SplitAfter(project(t, "notify.yml"), "\nrules:")[1]) {
			if !slices.Contains(column, rule) && !slices.Contains(column, "limits."+rule) {
				t.Errorf("%s: the rule %s is missing", doc, rule)
			}
		}
	}
}

// Every reason for which the receivers refuse something, or do not record it, has its row with
// the cure; so have those for which a UserSig is refused, and the codes of our own APIs.
func TestRefusals(t *testing.T) {
	im, push := sources(t, "shared/im"), sources(t, "shared/wechat")
	reasons := slices.Concat(matches(`&refusal\{"([a-z_]+)", "callback:`, im), matches(`&refusal\{"([a-z_]+)"`, push),
		matches(`"reason", "([a-z_]+)"`, im+push), matches(`return "([a-z_]+)"`, project(t, "shared/im/refusal.go")+project(t, "shared/wechat/refusal.go")))
	userSigs := matches(`&refusal\{"([a-z_]+)", "UserSig:`, im)
	if n := strings.Count(im+push, "&refusal{"); n < 30 || len(reasons)+len(userSigs) < n {
		t.Fatalf("found %q and %q only, of %d refusals", reasons, userSigs, n)
	}
	code := sources(t, "shared/api")
	codes := slices.Concat(matches(`badRequest\("([A-Za-z_]+)"`, code), matches(`code: "([a-z_]+)"`, code))
	if len(codes) < 15 {
		t.Fatalf("found the codes %q only", codes)
	}
	for head, c := range map[string]struct {
		doc  string
		want []string
	}{
		"| reason in the log | status | cure |":           {"docs/errors.md", reasons},
		"| 日志中的 reason | 状态码 | 处理 |":                      {"docs/errors.zh-CN.md", reasons},
		"| reason | `error` in the log | cure |":          {"docs/errors.md", userSigs},
		"| reason | 日志中的 `error` | 处理 |":                  {"docs/errors.zh-CN.md", userSigs},
		"| status | code | when | what the caller does |": {"docs/errors.md", codes},
		"| 状态码 | code | 什么情况 | 调用方怎么办 |":                  {"docs/errors.zh-CN.md", codes},
	} {
		table := under(t, project(t, c.doc), head)
		for _, word := range c.want {
			row := matches("(?m)^(\\|[^\n]*`"+word+"`[^\n]*\\|)$", table)
			if len(row) == 0 || len(strings.Trim(row[0][strings.LastIndex(strings.TrimSuffix(row[0], "|"), "|"):], "| ")) < 2 {
				t.Errorf("%s: %q has no row with its cure below %s", c.doc, word, head)
			}
		}
	}
}

var (
	span   = regexp.MustCompile("`([^`]+)`")
	sentAs = regexp.MustCompile("`([^`]+)` as `([^`]+)`")
)

// The table of announced values says what becomes of them.
func TestAnnouncedValues(t *testing.T) {
	tried := 0
	for row := range strings.Lines(under(t, project(t, "docs/api.md"), "| keyword | as it is | also taken, and sent as | 400 |")) {
		cells := strings.Split(row, "|")
		if len(cells) < 6 {
			continue
		}
		want := map[string]string{}
		for _, m := range span.FindAllStringSubmatch(cells[2], -1) {
			want[m[1]] = m[1]
		}
		for _, m := range sentAs.FindAllStringSubmatch(cells[3], -1) {
			want[m[1]] = m[2]
		}
		for _, m := range span.FindAllStringSubmatch(cells[4], -1) {
			want[m[1]] = ""
		}
		for _, kind := range span.FindAllStringSubmatch(cells[1], -1) {
			keyword := kind[1] + "1"
			tmpl, err := card.NewTemplate(card.TemplateSpec{ID: "T", Data: map[string]string{keyword: "{{.Summary}}"}})
			if err != nil {
				t.Fatal(err)
			}
			for value, sent := range want {
				n := card.Notice{Kind: "order", Announcement: &fact.Announcement{Fields: map[string]string{"summary": value}}}
				c, err := tmpl.Render(notify.DefaultRules().Style, "card", "openid", []card.Notice{n}, nil, false, time.Unix(0, 0))
				if c.Data[keyword] != sent || (err != nil) != (sent == "") {
					t.Errorf("%s %q is sent as %q, %v; the table says %q", keyword, value, c.Data[keyword], err, sent)
				}
				tried++
			}
		}
	}
	if tried < 30 {
		t.Errorf("%d values were found", tried)
	}
}

// The table of triggers names those that there are.
func TestTriggers(t *testing.T) {
	want := matches(`(?m)^\t"([a-z]+\.[a-z-]+)": +\{`, project(t, "cmd/internal/trigger/trigger.go"))
	if len(want) < 10 {
		t.Fatalf("found %q only", want)
	}
	for doc, head := range map[string]string{"docs/events.md": "| trigger | |", "docs/events.zh-CN.md": "| 触发 | |"} {
		text := project(t, doc)
		if d := cmp.Diff(want, firstColumn(under(t, text, head))); d != "" {
			t.Errorf("%s (- program, + table):\n%s", doc, d)
		}
		for _, name := range matches(`wxnotify trigger ([a-z]+\.[a-z-]+)`, text) {
			if !slices.Contains(want, name) {
				t.Errorf("%s: there is no trigger %s", doc, name)
			}
		}
	}
}

// Every callback that is decoded is one to tick in the consoles, or one to leave off; a
// group's Before is of no use.
func TestCallbacks(t *testing.T) {
	want := matches(`(?m)^\t"([A-Za-z0-9]+\.[A-Za-z]+)": +decode`, project(t, "shared/im/decode.go"))
	want = slices.DeleteFunc(want, func(s string) bool { return s == "Group.CallbackBeforeSendMsg" })
	if len(want) < 9 {
		t.Fatalf("found %q only", want)
	}
	for _, doc := range []string{"docs/deploy.md", "docs/deploy.zh-CN.md"} {
		got := matches("`((?:C2C|Group|Call)\\.Callback[A-Za-z]+|State\\.[A-Za-z]+)`", project(t, doc))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (- code, + text):\n%s", doc, d)
		}
	}
}

// The table of WeChat's error codes says what the code does.
func TestErrorCodes(t *testing.T) {
	want := map[int]string{}
	for _, c := range matches(`(?m)^\tCode\w+ += (-?\d+)`, project(t, "shared/wechat/errors.go")) {
		code, _ := strconv.Atoi(c)
		if class := (&wechat.APIError{Op: "SendSubscribe", Code: code}).Class(); class != card.ClassUnlisted {
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
	for _, doc := range both("docs/errors") {
		got := map[int]string{}
		for _, m := range row.FindAllStringSubmatch(project(t, doc), -1) {
			for _, c := range strings.Fields(m[1]) {
				code, _ := strconv.Atoi(c)
				got[code] = m[2]
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (- code, + table):\n%s", doc, d)
		}
	}
}

// What the documents point to is there.
func TestLinks(t *testing.T) {
	docs, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	if err != nil || len(docs) < 10 {
		t.Fatal(docs, err)
	}
	for i := range docs {
		docs[i] = "docs/" + filepath.Base(docs[i])
	}
	anchors := map[string]map[string]bool{} // by document
	for _, doc := range slices.Concat(both("README"), docs) {
		anchors[doc] = map[string]bool{}
		for _, heading := range matches(`(?m)^#+ (.+)$`, project(t, doc)) {
			anchors[doc][anchor(heading)] = true
		}
	}
	for doc := range anchors {
		text := project(t, doc)
		for _, event := range matches(`--event (events/\S+\.json)`, text) {
			if _, err := os.Stat(filepath.Join("..", event)); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		}
		for _, to := range matches(`\]\(([^)]+)\)`, text) {
			u, err := url.Parse(to)
			if err != nil {
				t.Errorf("%s: %v", doc, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			file := doc
			if u.Path != "" {
				file = path.Join(path.Dir(doc), u.Path)
				if _, err := os.Stat(filepath.Join("..", file)); err != nil {
					t.Errorf("%s: %v", doc, err)
				}
			}
			if there, known := anchors[file]; u.Fragment != "" && known && !there[u.Fragment] {
				t.Errorf("%s: there is no heading for %s", doc, to)
			}
		}
	}
}

var (
	cellsOf = regexp.MustCompile(`\|(?:[^|\\\n]|\\.)*`)
	target  = regexp.MustCompile(`\]\([^)]*\)`)
	number  = regexp.MustCompile(`\d[\d,.]*\d|\d`)
)

// rows returns of each row of all tables how many cells it has, what stands in backquotes, and the numbers.
func rows(text string) (out []string) {
	for _, row := range matchesInOrder(`(?m)^ *(\|.*\|)$`, target.ReplaceAllString(text, "]")) {
		var spans []string
		for _, m := range span.FindAllStringSubmatch(row, -1) {
			spans = append(spans, m[1])
		}
		numbers := number.FindAllString(span.ReplaceAllString(row, ""), -1)
		slices.Sort(spans)
		slices.Sort(numbers)
		out = append(out, fmt.Sprint(len(cellsOf.FindAllString(row, -1)), spans, numbers))
	}
	return out
}

func matchesInOrder(pattern, text string) (out []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// Pages in two languages have the same tables: row by row the same words of the code and the same numbers. So what holds one of
// them to the code holds both.
func TestTwins(t *testing.T) {
	for name, least := range map[string]int{"deploy": 50, "operations": 50, "rules": 25, "configuration": 50, "errors": 50, "states": 18, "commands": 25,
		"events": 15, "promises": 8, "sources": 7, "api": 70,
		"security": 60, "reliability": 15, "server": 4, "play": 2, "console": 25} {
		english, chinese := rows(project(t, "docs/"+name+".md")), rows(project(t, "docs/"+name+".zh-CN.md"))
		if len(english) < least {
			t.Errorf("%s: %d rows were found", name, len(english))
		}
		if d := cmp.Diff(english, chinese); d != "" {
			t.Errorf("%s (- English, + Chinese):\n%s", name, d)
		}
	}
}

// Settings that pages for operators name are there.
func TestSettingsOfPages(t *testing.T) {
	known := append(matches(`(?m)^([A-Z_]+)=`, project(t, ".env.example")), "DELIVER_FUNCTION", "STORE_PREFIX")
	for _, doc := range []string{"docs/deploy.md", "docs/deploy.zh-CN.md", "docs/operations.md", "docs/operations.zh-CN.md"} {
		named := matches("`([A-Z]+_[A-Z_]+)(?:=[a-z]+)?`", project(t, doc))
		if len(named) < 5 {
			t.Errorf("%s names %q only", doc, named)
		}
		for _, setting := range named {
			if !slices.Contains(known, setting) {
				t.Errorf("%s: there is no setting %s", doc, setting)
			}
		}
	}
}

// The table of facts in docs/api.md names every fact and every field.
func TestFactsTable(t *testing.T) {
	got := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\| (`[a-zA-Z]+`.*) \\|$").FindAllStringSubmatch(
		strings.SplitAfter(project(t, "docs/api.md"), "| fact | fields |")[1], -1) {
		got[m[1]] = matches("`([^`]+)`", m[2])
	}
	want := map[string][]string{}
	facts := reflect.TypeFor[fact.Fact]()
	for i := range facts.NumField() {
		f := facts.Field(i)
		for j := range f.Type.Elem().NumField() {
			want[jsonName(f)] = append(want[jsonName(f)], jsonName(f.Type.Elem().Field(j)))
		}
		slices.Sort(want[jsonName(f)])
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(- code, + table):\n%s", d)
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// anchor is how GitHub names a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// The worked examples of docs/api.md are what the code computes.
func TestWorkedExamples(t *testing.T) {
	text := project(t, "docs/api.md")
	example := regexp.MustCompile("(?m)^\\| `(SESSION|ANNOUNCE)_KEY` \\| `(.+)` \\|\n\\| timestamp \\| `(.+)` \\|\n\\| body \\| `(.+)` \\|\n\\| signature \\| `(.+)` \\|$")
	found := example.FindAllStringSubmatch(text, -1)
	if len(found) != 2 {
		t.Fatalf("found %d examples, want one for session and one for announce", len(found))
	}
	for _, m := range found {
		word, key, timestamp, body, signature := strings.ToLower(m[1]), m[2], m[3], m[4], m[5]
		if got := api.Sign(secret.New(key), timestamp, word, []byte(body)); got != signature {
			t.Errorf("%s: signature %s, the code says %s", word, signature, got)
		}
	}
}

// Each alert has an alarm whose query finds it.
func TestAlarms(t *testing.T) {
	text := project(t, "docs/operations.md")
	alerts := firstColumn(under(t, text, "| alert | from | means | do |"))
	alarms := under(t, text, "| alarm | query | look each | notify |")
	if got := firstColumn(alarms); len(alerts) < 10 || !slices.Equal(got, alerts) {
		t.Errorf("alarms are %q, alerts %q", got, alerts)
	}
	for _, line := range strings.Split(strings.TrimSpace(alarms), "\n")[1:] {
		if m := regexp.MustCompile("^\\| `([^`]+)` \\| `alert:([a-z_]+) ").FindStringSubmatch(line); m == nil || m[1] != m[2] {
			t.Errorf("the query of %s", line)
		}
	}
}
