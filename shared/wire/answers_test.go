package wire_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	kit "wxnotify/trust/fixture"
)

// A deployment is what is wrong with one, or with the machine of one instance.
type deployment struct {
	name   string
	change func(*fixture)
}

// deployments are the rows of the table in docs/operations.md. The first is the one that the
// others are compared with.
func deployments(t *testing.T) []deployment {
	rows := []deployment{
		{"all is well", func(*fixture) {}},
		{"`STORE_URL` alone is not set", func(f *fixture) { delete(f.settings, "STORE_URL") }},
		{"a template beside `message` is broken", func(f *fixture) {
			f.notifyFile(kit.NotifyTemplates + "  digest: {id: T9, data: {thing1: \"{{.Sendr}}\"}}\nrules: {lead: 0s}\n")
		}},
		{"the clock of the instance is 5 min ahead", func(f *fixture) { f.ahead = 5*time.Minute + 2*time.Second }},
	}
	for _, name := range deployed(t) {
		rows = append(rows, deployment{"`" + name + "` is `undefined`", func(f *fixture) { f.settings[name] = "undefined" }})
	}
	return rows
}

// deployed returns the settings that are made from the environment of who deploys.
func deployed(t *testing.T) (names []string) {
	t.Helper()
	b, err := os.ReadFile("../../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`key: (\w+), value: "\$\{env:`).FindAllSubmatch(b, -1) {
		if name := string(m[1]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) < 20 {
		t.Fatalf("serverless.yml sets only %q", names)
	}
	return names
}

// questions are the columns of the table: each function is asked something that it knows how to
// answer, by or about a new user.
var questions = []struct {
	name string
	ask  func(*fixture) string
}{
	{"`imcallback`", askCallback},
	{"`wechatpush`, verification", askVerification},
	{"`wechatpush`, push", askPush},
	{"`session`", askLogin},
	{"`permits`", askPermits},
	{"`announce`", askAnnounce},
	{"`deliver`", askDeliver},
}

func (f *fixture) ask() (answers []string) {
	f.t.Helper()
	for _, q := range questions {
		answers = append(answers, q.ask(f))
	}
	return answers
}

// What each function answers in a deployment with a fault is what docs/operations.md says.
func TestAnswersOfABrokenDeployment(t *testing.T) {
	head, rule := "| deployment |", "|---|"
	for _, q := range questions {
		head, rule = head+" "+q.name+" |", rule+"---|"
	}
	table, well := head+"\n"+rule+"\n", []string(nil)
	f := newFixture(t)
	whole := f.settings
	for _, d := range deployments(t) {
		f.settings, f.ahead = maps.Clone(whole), 0
		f.notifyFile(kit.NotifyTemplates + "rules: {lead: 0s}\n")
		d.change(f)
		answers := f.ask()
		if well == nil {
			well = slices.Clone(answers)
		} else {
			for i := range answers {
				if answers[i] == well[i] {
					answers[i] = "="
				}
			}
		}
		table += "| " + d.name + " | " + strings.Join(answers, " | ") + " |\n"
	}
	for page, table := range map[string]string{"operations.md": table, "operations.zh-CN.md": inChinese.Replace(table)} {
		b, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), table) {
			t.Errorf("docs/%s does not have this table:\n%s", page, table)
		}
	}
}

// inChinese are the words of the table.
var inChinese = strings.NewReplacer("| deployment |", "| 部署 |", ", verification", "，URL 验证", ", push", "，推送", "all is well", "一切正常",
	" alone is not set", " 没有设置", "a template beside `message` is broken", "`message` 以外的模板有错", "the clock of the instance is 5 min ahead", "实例的时钟快 5 min",
	" is `undefined`", " 是 `undefined`", ", not recorded", "，未记录", ", recorded", "，已记录", refuses, "拒绝", "the card is sent", "已发送", "no card", "不发送")

// short is a response in the words of the table.
func (res response) short() string {
	var refusal struct {
		Error struct{ Code string }
	}
	json.Unmarshal([]byte(res.Body), &refusal) // another body has no code
	switch {
	case res.StatusCode == 0:
		return refuses
	case refusal.Error.Code != "":
		return fmt.Sprintf("%d `%s`", res.StatusCode, refusal.Error.Code)
	case strings.Contains(res.Body, `"ActionStatus":"OK"`):
		return fmt.Sprint(res.StatusCode, " OK")
	case strings.Contains(res.Body, `"templates":null`):
		return "templates that are no list"
	}
	return fmt.Sprint(res.StatusCode)
}

func recorded(is bool) string {
	if is {
		return ", recorded"
	}
	return ", not recorded"
}

func askCallback(f *fixture) string {
	user, _ := f.user()
	return f.callback(user).short() + recorded(f.accepted(user) == 1)
}

func askVerification(f *fixture) string {
	const echo = "4375120948345356249"
	q, err := f.sealer().SignURL(echo)
	f.t.Must(err)
	res := f.call("wechatpush", http.MethodGet, q, "", nil)
	if res.StatusCode == http.StatusOK && res.Body != echo {
		return "another text"
	}
	return res.short()
}

func askPush(f *fixture) string {
	_, openID := f.user()
	return f.push(openID, template).short() + recorded(f.balance(openID) == 2)
}

func askLogin(f *fixture) string { return f.login(f.sim.WeChat.NewUser()).short() }

func askPermits(f *fixture) string {
	user, _ := f.user()
	header, err := kit.BearerOf(f.sim.Config(), user, f.now())
	f.t.Must(err)
	return f.call("permits", http.MethodGet, nil, "", header).short()
}

func askAnnounce(f *fixture) string {
	user, _ := f.user()
	return f.announcement(user).short()
}

func askDeliver(f *fixture) string {
	user, openID := f.user()
	f.record(f.message("1", user))
	err := f.run(struct{}{})
	switch {
	case err != nil && strings.HasPrefix(err.Error(), refuses):
		return refuses
	case err != nil:
		return "error: " + err.Error()
	case f.cards(openID) == 1:
		return "the card is sent"
	}
	return "no card"
}
