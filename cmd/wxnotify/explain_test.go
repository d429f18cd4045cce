package main

import (
	"strings"
	"testing"
	"time"

	"wxnotify/shared/explain"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

func TestExplain(t *testing.T) {
	d := newDeployment(t)
	d.login("user2", 1)
	d.login("user3", 0)
	d.record(message("m1", "user2"), message("m2", "user2"), message("both#7", "user2"), message("both#7", "user3"))
	d.record(fact.Fact{Recall: &fact.Recall{ID: "m2", From: "anna", To: "user2"}})
	d.deliver(nil)
	steps, err := d.Timeline(t.Context(), "user2")
	if err != nil {
		t.Fatal(err)
	}
	var card string
	for _, s := range steps {
		if s.Card != "" {
			card = string(s.Card)
		}
	}

	for _, c := range []struct {
		line string
		says []string
	}{
		{"explain --message m1", []string{"user user2  message m1  state delivered\n提醒已于 ", "收到消息，等待处理。\n", "微信已接收提醒。\n", "结束：已提醒。\n"}},
		{"explain --message m2 --lang en", []string{"user user2  message m2  state recalled\nThe sender took this message back", "The end: recalled.\n"}},
		{"explain --message both#7 --lang en", []string{"user user2  message both#7  state delivered\nWe notified you on ",
			"user user3  message both#7  state no permit\nYou had no notifications left"}},
		{"explain --card " + card + " --lang en", []string{"user user2  card " + card + "  state delivered\nThis notification was for 2 messages: We notified you", " [m1 both#7]\n"}},
		{"explain --user user2 --lang en", []string{"user user2\nMessages on record: 3 (2 notified, 1 recalled).\n", "waits. [m1]\n"}},
		{"explain --user nobody --lang en", []string{"user nobody  state not bound\nYou are not logged in"}},
		{"explain --message nothing --lang en", []string{"message nothing\nWe have no record of this message"}},
		{"explain --card nothing-user2 --lang en", []string{"user user2  card nothing-user2\nWe have no record of this notification"}},
	} {
		r := d.run(c.line)
		rest := r.out
		for _, s := range c.says {
			_, after, found := strings.Cut(rest, s)
			if !found {
				t.Errorf("%s: %q is not in its place in\n%s", c.line, s, r.out)
			}
			rest = after
		}
		r.wants(t, 0, "", "")
	}

	all := decode[[]explain.Explanation](t, d.run("explain --json --lang en --message both#7").out)
	if len(all) != 2 || all[0].User != "user2" || all[1].User != "user3" || all[1].State != fact.StateNoPermit || len(all[0].Steps) == 0 {
		t.Errorf("as JSON: %+v", all)
	}
	if all := decode[[]explain.Explanation](t, d.run("explain --json --message nothing").out); len(all) != 1 || all[0].Steps == nil {
		t.Errorf("nothing, as JSON: %+v", all)
	}
}

// Of one id there may be several: each is explained. Whoever was erased is not told otherwise.
func TestExplainNamesakesAndTheErased(t *testing.T) {
	d := newDeployment(t)
	d.login("user2", 0)
	d.record(message("same", "user2"))
	a := fact.Message{ID: "same", Kind: "shipped", To: "user2", SentAt: time.Now().Add(-25 * time.Hour), Announcement: &fact.Announcement{}}
	if _, _, err := d.Announce(t.Context(), notify.DefaultRules(), []fact.Message{a}); err != nil {
		t.Fatal(err)
	}
	all := decode[[]explain.Explanation](t, d.run("explain --json --message same").out)
	if len(all) != 2 || all[0].Message != "same" || all[0].State != "" || all[1].Message != "same" || all[1].State != fact.StateExpired {
		t.Errorf("a message and an announcement: %+v", all)
	}
	if err := d.EraseUser(t.Context(), "user2"); err != nil {
		t.Fatal(err)
	}
	d.run("explain --user user2 --lang en").wants(t, 0, "your data was erased as you asked", "")
}

// Language and zone are those of notify.yml.
func TestExplainSettings(t *testing.T) {
	d := newDeployment(t)
	d.login("user2", 0)
	d.record(message("m1", "user2"))
	d.env["NOTIFY_FILE"] = writeFile(t, "notify.yml", `
templates: {message: {id: "${TEMPLATE_MESSAGE}", data: {thing1: "{{.Sender}}"}}}
rules: {lang: en_US, zone: Pacific/Kiritimati}
`)
	zone, err := time.LoadLocation("Pacific/Kiritimati")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().In(zone).Format(time.DateOnly)
	d.run("explain --message m1").wants(t, 0, "  "+day+" ", "")
	d.run("explain --message m1").wants(t, 0, "This message has come in", "")
	d.run("explain --message m1 --lang zh").wants(t, 0, "这条消息已收到", "")
	d.env["NOTIFY_FILE"] = "testdata/none.yml"
	d.run("explain --message m1").wants(t, exitFailure, "", "testdata/none.yml")
}

func TestExplainRefusals(t *testing.T) {
	d := newDeployment(t)
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"explain", exitUsage, "of what? Name it with --user, --message or --card"},
		{"explain --user=", exitUsage, "of what? Name it with --user, --message or --card"},
		{"explain --user=a --message=b", exitUsage, "--user and --message can't be used together"},
		{"explain --user=a --lang=fr", exitUsage, `--lang must be one of`},
		{"explain --card=nothing", exitFailure, "--card=nothing: the id of a card ends with a hyphen and its user"},
	} {
		d.run(c.line).wants(t, c.code, "", c.says)
	}
	d.env[storeURL] = ""
	d.run("explain --user=a").wants(t, exitFailure, "", "STORE_URL is not set")
}

// What somebody else wrote into the store cannot steer the terminal.
func TestExplainShowsWhatSteers(t *testing.T) {
	d := newDeployment(t)
	d.login("user2", 0)
	d.record(message("m\x1b[2J", "user2"))
	d.run("explain --user user2").wants(t, 0, `m\x1b[2J`, "")
	if got := messagesOf([]fact.MessageID{"a", "b", "c", "d", "e"}); got != " [a b c +2]" {
		t.Errorf("got %q", got)
	}
}
