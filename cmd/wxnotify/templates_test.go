package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/internal/testkit"
	"wxnotify/simulator"
)

// account are the templates of a WeChat account, as its console shows them.
var account = []simulator.Template{
	{ID: "reply", Title: "留言回复通知", Content: "回复内容:{{thing2.DATA}}\n回复者:{{thing1.DATA}}\n回复时间:{{time3.DATA}}\n消息数量:{{number4.DATA}}\n"},
	{ID: "group", Title: "群消息提醒", LongTerm: true, Content: "群名称:{{thing7.DATA}}\n发送人:{{name1.DATA}}\n状态:{{enum_string2.DATA}}\n提示:{{thing5.DATA}}\n", Enums: map[string][]string{"enum_string2": {"未读", "已读"}}},
	{ID: "plain", Title: "新消息", Content: "温馨提醒:{{thing1.DATA}}\n另外:{{thing2.DATA}}\n类型:{{phrase3.DATA}}\n"},
	{ID: "order", Title: "订单支付通知", Content: "金额:{{amount1.DATA}}\n备注:{{thing2.DATA}}\n"},
}

// asksWeChat runs `templates` against an account, with a notify.yml of its own.
func asksWeChat(t *testing.T, list []simulator.Template, notify string, args ...string) (code int, says, after string) {
	t.Helper()
	w, err := simulator.New(simulator.Config{Clock: simulator.NewManualClock(testkit.Future)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	for _, template := range list {
		if err := w.WeChat.AddTemplate(template); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "notify.yml")
	if err := os.WriteFile(path, []byte(notify), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	env := map[string]string{"WECHAT_APPID": w.Config().WeChat.AppID, "WECHAT_APPSECRET": w.Config().WeChat.AppSecret.Reveal(), "WECHAT_API_BASE": srv.URL}
	code = run(context.Background(), append([]string{"templates", "--notify", path}, args...), console{out: &out, err: &out, env: env, now: func() time.Time { return testkit.Future }})
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), string(b)
}

func ofProject(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "notify.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Each keyword gets what its type and its label speak of.
func TestTemplatesAreListed(t *testing.T) {
	code, says, _ := asksWeChat(t, account, ofProject(t))
	want := `reply  留言回复通知, one-time
  thing2               {{.Summary}}  回复内容
  thing1               {{.Sender}}  回复者
  time3                {{.Time}}  回复时间
  number4              {{.Count}}  消息数量
group  群消息提醒, long-term
  thing7               {{.Group}}  群名称
  name1                {{.Sender}}  发送人
  enum_string2         未读  状态
  thing5               {{.Summary}}  提示
plain  新消息, one-time
  thing1               {{.Sender}}  温馨提醒
  thing2               {{.Summary}}  另外
  phrase3              新消息  类型
order  订单支付通知, one-time
  amount1              nothing would do  金额
  thing2               {{.Summary}}  备注
`
	if got, _, _ := strings.Cut(says, "4 templates"); code != 0 || got != want {
		t.Errorf("status %d (-want +got):\n%s", code, cmp.Diff(want, says))
	}
	if code, says, _ := asksWeChat(t, nil, ofProject(t)); code != exitFailure || !strings.Contains(says, "the account has no template: take one from the library") {
		t.Errorf("of an empty account: status %d: %s", code, says)
	}
}

// What is written is what changes, and nothing else in the file.
func TestTemplatesAreWritten(t *testing.T) {
	project := ofProject(t)
	const data = `    data:
      thing1: "{{.Sender}}"
      thing2: "{{.Summary}}"
      number3: "{{.Count}}"
      time4: "{{.Time}}"
`
	const reply = `    data:
      thing2: "{{.Summary}}" # 回复内容
      thing1: "{{.Sender}}" # 回复者
      time3: "{{.Time}}" # 回复时间
      number4: "{{.Count}}" # 消息数量
`
	const group = `  mention:
    id: group
    long_term: true
    page: "pages/chat/index?peer={{.Peer}}"
    data:
      thing7: "{{.Group}}" # 群名称
      name1: "{{.Sender}}" # 发送人
      enum_string2: "未读" # 状态
      thing5: "{{.Summary}}" # 提示
`
	own := "templates:\n  message:\n    data: { thing1: \"{{.Sender}}\" } # short\n    id: \"mine\" # ours\nrules:\n  lead: 1s\n"
	for name, c := range map[string]struct {
		file string
		args []string
		want string
		says string
	}{
		"over the one that is there": {project, []string{"--use=reply"}, strings.Replace(project, data, reply, 1), "Set TEMPLATE_MESSAGE=reply in .env"},
		"behind it":                  {project, []string{"--use=group", "--as=mention"}, strings.Replace(project, data, data+group, 1), "templates.mention is group"},
		"in another style": {own, []string{"--use=reply"},
			strings.Replace(strings.Replace(own, "    data: { thing1: \"{{.Sender}}\" } # short\n", reply, 1), `"mine"`, "reply", 1), "templates.message is reply, 留言回复通知"},
		"what cannot be filled":  {project, []string{"--use=order"}, project, "order (订单支付通知): there is nothing to show as amount1 (金额): choose another"},
		"one that is not there":  {project, []string{"--use=none"}, project, "has no template none; it has reply, group, plain, order"},
		"for what cannot be one": {project, []string{"--use=reply", "--as=No"}, project, `cannot name a template`},
		"into another file":      {"a: 1\n", []string{"--use=reply"}, "a: 1\n", "there is no list of templates"},
		"into what is no YAML":   {"a: [\n", []string{"--use=reply"}, "a: [\n", "is left as it is: yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			code, says, got := asksWeChat(t, account, c.file, c.args...)
			if d := cmp.Diff(c.want, got); d != "" || !strings.Contains(says, c.says) || (code == 0) != (got != c.file) {
				t.Errorf("status %d: %s (-want +got):\n%s", code, says, d)
			}
		})
	}
}
