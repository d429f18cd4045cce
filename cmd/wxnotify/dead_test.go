package main

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	kit "wxnotify/trust/fixture"
)

// A deployment is a store with a clock of its own, and what deliver does with it.
type deployment struct {
	*store.Store
	t     *testing.T
	redis *miniredis.Miniredis
	now   time.Time
	env   map[string]string
	rules notify.Rules
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	m := miniredis.RunT(t)
	url := "redis://" + m.Addr()
	st, err := store.Open(store.Config{Now: time.Now, URL: secret.New(url)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	d := &deployment{Store: st, t: t, redis: m, now: time.Now(), env: map[string]string{storeURL: url}, rules: notify.DefaultRules()}
	d.rules.Lead = 0
	d.minute()
	return d
}

// minute lets a minute pass in the store, which stands still otherwise.
func (d *deployment) minute() {
	d.now = d.now.Add(time.Minute)
	d.redis.SetTime(d.now)
}

// login binds user, and gives permits.
func (d *deployment) login(user fact.UserID, permits int) {
	d.t.Helper()
	openID := fact.OpenID("o-" + user)
	if err := d.Bind(d.t.Context(), user, openID); err != nil {
		d.t.Fatal(err)
	}
	for i := range permits {
		d.record(fact.Fact{Grant: &fact.Grant{ID: string(user) + string(rune('a'+i)), OpenID: openID, Source: fact.GrantPopup,
			At: d.now, Templates: []fact.TemplateID{"T1"}}})
	}
}

func (d *deployment) record(facts ...fact.Fact) {
	d.t.Helper()
	if _, err := d.Record(d.t.Context(), d.rules, facts); err != nil {
		d.t.Fatal(err)
	}
}

func message(id fact.MessageID, to fact.UserID) fact.Fact {
	return fact.Fact{Message: &fact.Message{ID: id, Kind: fact.KindMessage, From: "anna", To: to, SentAt: time.Now()}}
}

// deliver is one pass of deliver while all are away and WeChat answers err.
func (d *deployment) deliver(err error) {
	d.t.Helper()
	kit.Pass(d.t, d.Store, d.rules, err)
	d.minute()
}

// defect is what WeChat answers to a value that breaks its rules.
type defect struct{}

func (defect) Error() string     { return "errcode 47003: data.thing1.value\x1b[2J invalid" }
func (defect) Class() card.Class { return card.ClassDefect }

// letters gives up a card for each of users, and returns the letters' ids.
func (d *deployment) letters(users ...fact.UserID) []string {
	d.t.Helper()
	for _, u := range users {
		d.record(message("m-"+fact.MessageID(u), u))
	}
	d.deliver(defect{})
	letters, err := d.DeadLetters(d.t.Context(), 100)
	if err != nil || len(letters) != len(users) {
		d.t.Fatalf("%d letters, want %d; %v", len(letters), len(users), err)
	}
	ids := make([]string, len(users))
	for _, l := range letters {
		for i, u := range users {
			if l.User == u {
				ids[i] = l.ID
			}
		}
	}
	return ids
}

func (d *deployment) run(line string) invocation {
	d.t.Helper()
	return wxnotify(d.t, d.env, "", strings.Fields(line)...)
}

// wants checks an exit status and what is printed on both outputs.
func (i invocation) wants(t *testing.T, code int, out, err string) {
	t.Helper()
	if i.code != code || !strings.Contains(i.out, out) || !strings.Contains(i.err, err) || err == "" && i.err != "" {
		t.Errorf("exit %d\n%s\n%s\nwant %d, %q, %q", i.code, i.out, i.err, code, out, err)
	}
	if strings.Contains(i.out+i.err, "\x1b") {
		t.Errorf("it steers the terminal: %q", i.out+i.err)
	}
}

func TestDeadLetters(t *testing.T) {
	d := newDeployment(t)
	d.run("dead list").wants(t, exitFailure, "", "nothing is kept under STORE_PREFIX wxnotify-dev")
	d.login("user2", 2)
	d.run("dead list").wants(t, 0, "No card has been given up.", "")
	d.run("dead replay").wants(t, 0, "No card has been given up.", "")
	d.login("user3", 1)
	ids := d.letters("user2", "user3")

	list := d.run("dead list")
	list.wants(t, 0, "ID ", "")
	for i, user := range []string{"user2", "user3"} {
		want := []string{ids[i], user, "message", "1", "defect", "errcode", "47003:"}
		for line := range strings.Lines(list.out) {
			if f := strings.Fields(line); f[0] == ids[i] {
				want = append(want, f[1], f[2]) // when
				for _, w := range want {
					if !strings.Contains(line, w) {
						t.Errorf("%q is not in %q", w, line)
					}
				}
			}
		}
		if !strings.Contains(list.out, ids[i]) {
			t.Errorf("%s is not listed in\n%s", ids[i], list.out)
		}
	}
	d.run("dead list --limit=1").wants(t, 0, "GIVEN UP", "")
	if n := strings.Count(d.run("dead list --limit=1").out, "\n"); n != 2 {
		t.Errorf("--limit=1 prints %d lines, want 2", n)
	}

	show := d.run("dead show " + ids[0])
	for _, s := range []string{"user      user2\n", "openid    o-user2\n", "template  T1\n", "messages  m-user2\n", "from      anna\n",
		"class     defect\n", `cause     errcode 47003: data.thing1.value\x1b[2J invalid`, "wxnotify explain --card " + ids[0] + " ", "wxnotify dead replay " + ids[0]} {
		show.wants(t, 0, s, "")
	}
	d.run("explain --lang en --card "+ids[0]).wants(t, 0, "The notification could not be sent because of an error that does not mend itself", "")
}

func TestDeadRefusals(t *testing.T) {
	d := newDeployment(t)
	d.login("user2", 1)
	d.login("user3", 1)
	ids := d.letters("user2", "user3")
	for line, want := range map[string]string{
		"dead show nothing":                       `no dead letter is called "nothing"; wxnotify dead list names those that there are`,
		"dead replay nothing " + ids[0] + " none": `no dead letter is called "nothing", "none"`,
		"dead replay":                             "there are 2 dead letters: name those to replay, or say --all",
		"dead list --limit=0":                     "--limit=0: use 1 to 10000",
	} {
		d.run(line).wants(t, exitFailure, "", want)
	}
	d.run("dead replay --all "+ids[0]).wants(t, exitUsage, "", "name letters or say --all, not both")
	d.env[storeURL] = ""
	d.run("dead list").wants(t, exitFailure, "", "STORE_URL is not set: name the Redis")
	d.env[storeURL] = "redis://127.0.0.1:1"
	d.run("dead list").wants(t, exitFailure, "", "connection refused")
	d.env["STORE_PREFIX"] = "a:b"
	d.run("dead list").wants(t, exitFailure, "", `STORE_PREFIX: "a:b": use 1 to 60 of a-z`)
	d.env["STORE_SHARDS"] = "many"
	d.run("dead list").wants(t, exitFailure, "", "STORE_SHARDS")
}

// A rehearsal says what comes of it, and changes nothing.
func TestDeadDryRun(t *testing.T) {
	d := newDeployment(t)
	for user, permits := range map[fact.UserID]int{"paid": 2, "unpaid": 1, "moved": 1, "gone": 1} {
		d.login(user, permits)
	}
	letters := d.letters("paid", "unpaid", "moved", "gone")
	d.record(fact.Fact{Revoke: &fact.Revoke{ID: "r", OpenID: "o-unpaid", At: d.now.Add(time.Second), Templates: []fact.TemplateID{"T1"}}})
	if err := d.Bind(t.Context(), "moved", "o-new"); err != nil {
		t.Fatal(err)
	}
	if err := d.Bind(t.Context(), "another", "o-gone"); err != nil {
		t.Fatal(err)
	}
	r := d.run("dead replay --all --dry-run")
	for i, verdict := range []string{
		"sends a card: 2 permits are left",
		`ends as "no permit": none is left`,
		`ends as "no permit": none is left; the user has another WeChat account now`,
		"is refused: the user is not logged in through the mini program any more",
	} {
		found := false
		for line := range strings.Lines(r.out) {
			found = found || strings.HasPrefix(line, letters[i]+" ") && strings.HasSuffix(line, "  1         "+verdict+"\n")
		}
		if !found {
			t.Errorf("%s: %q is not in\n%s", letters[i], verdict, r.out)
		}
	}
	r.wants(t, 0, "Nothing was changed.", "")
	if left, err := d.DeadLetters(t.Context(), 100); err != nil || len(left) != 4 {
		t.Errorf("%d letters are left, want 4; %v", len(left), err)
	}

	long := writeFile(t, "notify.yml", "templates:\n  message:\n    id: T1\n    long_term: true\n    data: {thing1: \"{{.Sender}}\"}\n")
	d.env["NOTIFY_FILE"] = long
	d.run("dead replay --dry-run "+letters[1]).wants(t, 0, "sends a card: its template is a long-term one", "")
	d.env["NOTIFY_FILE"] = writeFile(t, "notify.yml", "rules: {lead: soon}\n")
	d.run("dead replay --dry-run "+letters[1]).wants(t, exitFailure, "", `"soon" is not a duration`)
}

// What is replayed is announced once the cause is mended, for a permit.
func TestDeadReplay(t *testing.T) {
	d := newDeployment(t)
	d.login("user2", 2)
	d.login("user3", 1)
	ids := d.letters("user2", "user3")
	if err := d.Bind(t.Context(), "another", "o-user3"); err != nil {
		t.Fatal(err)
	}
	r := d.run("dead replay --all")
	r.wants(t, exitFailure, ids[0]+"  1 message waits for user2 again\n", ids[1]+": user3 is not logged in through the mini program any more; the letter is kept")
	r.wants(t, exitFailure, "takes them up", ids[1])
	d.run("explain --message m-user2").wants(t, 0, "这条消息已收到", "")

	d.deliver(nil)
	d.run("explain --lang=en --message m-user2").wants(t, 0, "We notified you on ", "")
	d.run("explain --lang=en --message m-user2").wants(t, 0, "an operator had it announced again", "")
	balances, err := d.Balances(t.Context(), "o-user2", []fact.TemplateID{"T1"})
	if err != nil || balances["T1"] != 1 {
		t.Errorf("%d permits are left, want 1; %v", balances["T1"], err)
	}

	// The one that is left need not be named, and one that is gone is said to be.
	d.login("user3", 0)
	d.run("dead replay").wants(t, 0, ids[1]+"  1 message waits for user3 again\n", "")
	d.run("dead replay "+ids[1]).wants(t, exitFailure, "", "no dead letter is called")
}
