package sim

import (
	"errors"
	"os"
	"strings"
	"testing"

	"wxnotify/internal/testkit"
	"wxnotify/simulator"
)

type fakeFunctions struct{ renewed int }

func (f *fakeFunctions) Renew()     { f.renewed++ }
func (f *fakeFunctions) Stale() int { return f.renewed }

// newStage is a board whose opening is over: everybody is in the mini program.
func newStage(t *testing.T) (*board, func(Act) error) {
	b := newBoard(t, nil)
	t.Cleanup(func() { b.Ending(); b.Close() })
	b.base = b.url
	for _, p := range b.people {
		b.world.IM.SignIn(string(p.user), simulator.MiniProgram)
	}
	return b, func(a Act) error { return b.Act(t.Context(), a) }
}

// Whatever cannot be done is refused with a reason, in both languages, and nothing happens.
func TestRefusedActs(t *testing.T) {
	b, act := newStage(t)
	if err := act(Act{Do: "close", User: "user3"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		act  Act
		says string
	}{
		"nobody":                     {Act{Do: "send", User: "user9", Text: "x"}, `nobody can do that: "send" by "user9"`},
		"nothing that can be done":   {Act{Do: "fly", User: "user1"}, "nobody can do that"},
		"from outside":               {Act{Do: "send", User: "user3", Peer: "user1", Text: "x"}, "open the mini program first"},
		"nothing said":               {Act{Do: "send", User: "user1", Peer: "user2", Text: " \n"}, "write something first"},
		"too much said":              {Act{Do: "send", User: "user1", Peer: "user2", Text: strings.Repeat("字", 501)}, "at most 500 characters"},
		"to no group":                {Act{Do: "send", User: "user1", Group: "nowhere", Text: "x"}, "IM refuses: code 10015"},
		"a message of nobody":        {Act{Do: "recall", User: "user1", ID: "x"}, "there is no such message"},
		"a call to oneself":          {Act{Do: "call", User: "user1", Peer: "user1"}, "nobody is called"},
		"an answer to no call":       {Act{Do: "answer", User: "user1", ID: "x"}, "there is no such message"},
		"the end of no call":         {Act{Do: "hangup", User: "user1", ID: "x"}, "there is no such message"},
		"no name":                    {Act{Do: "rename", User: "user1", Text: "  "}, "a nickname has 1 to 32 characters"},
		"too long a name":            {Act{Do: "rename", User: "user1", Text: strings.Repeat("x", 33)}, "a nickname has 1 to 32 characters"},
		"no such fault":              {Act{Do: "fault", Fault: "flood"}, `there is no fault "flood"`},
		"a store of somebody else":   {Act{Do: "fault", Fault: "store", On: true}, "the store is not in this process"},
		"rules without functions":    {Act{Do: "rules", Rules: &Rules{}}, "the rules cannot be changed here"},
		"a login that session fails": {Act{Do: "open", User: "user3"}, "the login failed"},
	} {
		err := act(c.act)
		var r Refusal
		if !errors.As(err, &r) || !strings.Contains(r.English, c.says) || !inChinese(r.Words) {
			t.Errorf("%s: %#v, want %q", name, err, c.says)
		}
	}
	if messages, _ := b.chats.all(nil); len(messages) > 0 {
		t.Errorf("there are messages: %+v", messages)
	}
	b.base = ""
	if err := act(Act{Do: "send", User: "user1", Peer: "user2", Text: "x"}); !errors.Is(err, errTooEarly) {
		t.Errorf("before the opening is over: %v", err)
	}
}

// What is said shows on both phones, with what becomes of it.
func TestChats(t *testing.T) {
	b, act := newStage(t)
	do := func(a Act) {
		t.Helper()
		if err := act(a); err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
	}
	last := func() Message {
		all := b.Snapshot(t.Context()).Messages
		return all[len(all)-1]
	}
	unread := func(user, with string) int {
		for _, p := range b.Snapshot(t.Context()).Phones {
			if p.User == user {
				return p.Unread[with]
			}
		}
		return -1
	}
	do(Act{Do: "send", User: "user1", Peer: "user2", Text: " <b>hi</b> "})
	first := last()
	if first.Text != "<b>hi</b>" || first.Kind != kindText || unread("user2", "user1") != 1 || unread("user1", "user2") != 0 {
		t.Errorf("%+v, %d unread", first, unread("user2", "user1"))
	}
	do(Act{Do: "send", User: "user1", Peer: "user2", Image: true})
	if last().Kind != kindImage || unread("user2", "user1") != 2 {
		t.Errorf("%+v", last())
	}
	do(Act{Do: "read", User: "user2", Peer: "user1"})
	if !last().Read || unread("user2", "user1") != 0 || b.world.IM.Unread("user2") != 0 {
		t.Errorf("not read: %+v", last())
	}
	if err := act(Act{Do: "recall", User: "user2", ID: first.ID}); err == nil {
		t.Error("user2 takes back what user1 said")
	}
	do(Act{Do: "recall", User: "user1", ID: first.ID})
	if m, _ := b.chats.message(first.ID); !m.Recalled {
		t.Error("not taken back")
	}
	do(Act{Do: "send", User: "user1", Group: team, Text: "@user3 lunch", At: []string{"user3"}})
	if m := last(); m.Group != team || unread("user3", team) != 1 || unread("user2", team) != 1 {
		t.Errorf("%+v", m)
	}
	do(Act{Do: "read", User: "user3", Group: team})
	do(Act{Do: "recall", User: "user1", ID: last().ID})
	if !last().Recalled || unread("user3", team) != 0 {
		t.Errorf("%+v", last())
	}
	if err := b.world.IM.SetCallbackURL(b.url + "/imcallback"); err != nil {
		t.Fatal(err)
	}
	do(Act{Do: "send", User: "user1", Group: team, Text: "all", At: []string{"*", "user2"}})
	if err := b.world.Drain(t.Context()); err != nil || !strings.Contains(b.body, `"GroupAtAllFlag":1},{"GroupAtAllFlag":0,"GroupAt_Account":"user2"}]`) {
		t.Errorf("%v, IM tells %s", err, b.body)
	}
	if err := b.world.IM.SetCallbackURL(""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by, do, ends string
	}{{"user2", "hangup", "rejected"}, {"user1", "hangup", "cancelled"}, {"user2", "answer", "answered"}} {
		do(Act{Do: "call", User: "user1", Peer: "user2"})
		if last().Call != ringing {
			t.Errorf("%+v", last())
		}
		do(Act{Do: c.do, User: c.by, ID: last().ID})
		if last().Call != c.ends {
			t.Errorf("%+v, want %s", last(), c.ends)
		}
	}
	do(Act{Do: "hangup", User: "user1", ID: last().ID})
	if last().Call != "hung_up" {
		t.Errorf("%+v", last())
	}
	// However much is said, what is kept is bounded; what somebody else says in a name of the simulation is there too.
	for range maxChat {
		do(Act{Do: "send", User: "user1", Peer: "user2", Text: "more"})
	}
	b.pull("im.message from=user3 to=user2 text=told")
	if n := len(b.Snapshot(t.Context()).Messages); n != maxChat || last().Text != "told" || unread("user2", "user3") != 1 {
		t.Errorf("%d messages, the last %+v", n, last())
	}
}

// Where somebody is, what IM says and what WeChat has set follow what they do.
func TestWhereabouts(t *testing.T) {
	b, act := newStage(t)
	phone := func() Phone { return b.Snapshot(t.Context()).Phones[1] }
	for _, c := range []struct {
		do    string
		where Where
	}{{"close", Closed}, {"background", Background}, {"lose", NoNetwork}} {
		b.world.IM.SignIn("user2", simulator.MiniProgram)
		if err := act(Act{Do: c.do, User: "user2"}); err != nil || phone().Where != c.where || phone().IM != simulator.Online {
			t.Errorf("%s: %v, %+v", c.do, err, phone())
		}
		testkit.Eventually(t, "IM notices", func() bool { return c.where != Closed || phone().IM == simulator.Offline })
	}
	b.world.IM.SignIn("user2", simulator.MiniProgram)
	b.world.IM.Kill("user2")
	if phone().Where != Closed {
		t.Errorf("%+v", phone())
	}
	b.world.IM.SignIn("user2", simulator.MiniProgram)
	steps := []struct {
		act     Act
		wechat  int
		setting Setting
	}{
		{Act{Do: "subscribe", Allow: true}, 1, Setting{Main: true}},
		{Act{Do: "subscribe"}, 1, Setting{Main: true}},
		{Act{Do: "subscribe", Allow: true, Keep: true}, 2, Setting{true, "accept"}},
		{Act{Do: "subscribe", Allow: true}, 3, Setting{true, "accept"}},
		{Act{Do: "template"}, 0, Setting{true, "reject"}},
		{Act{Do: "template", On: true}, 0, Setting{true, "accept"}},
		{Act{Do: "main"}, 0, Setting{}},
		{Act{Do: "subscribe", Allow: true}, 0, Setting{}},
		{Act{Do: "main", On: true}, 0, Setting{Main: true}},
		{Act{Do: "subscribe", Keep: true}, 0, Setting{true, "reject"}},
	}
	for i, c := range steps {
		c.act.User = "user2"
		if err := act(c.act); err != nil || phone().Permits[0].WeChat != c.wechat || phone().Setting != c.setting {
			t.Errorf("step %d: %v, %+v", i, err, phone())
		}
	}
	if err := act(Act{Do: "rename", User: "user2", Text: "小明"}); err != nil || phone().Nick != "小明" {
		t.Errorf("%v, %+v", err, phone())
	}
}

// Rules change for the functions that come; bad ones are refused with the name of the rule, and change nothing.
func TestRules(t *testing.T) {
	b, act := newStage(t)
	functions := &fakeFunctions{}
	b.Attach(functions)
	r := b.Snapshot(t.Context()).Rules
	if r.Preview != "sender" || r.Lead != 1 {
		t.Errorf("it begins with %+v", r)
	}
	r.BlindWindow, r.Digest, r.Preview = 0.5, []float64{1, 90.5}, "text"
	if err := act(Act{Do: "rules", Rules: &r}); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(b.settings["NOTIFY_FILE"])
	s := b.Snapshot(t.Context())
	if err != nil || functions.renewed != 1 || s.Rules.BlindWindow != 0.5 || s.Stale != 1 || !s.Adjustable || !strings.Contains(string(file), "1m30.5s") {
		t.Errorf("%v, %+v\n%s", err, s.Rules, file)
	}
	for says, bad := range map[string]func(*Rules){
		"rules.lead: use 0s to 1m":              func(r *Rules) { r.Lead = -1 },
		"rules.blind_window: use 0s to 10m":     func(r *Rules) { r.BlindWindow = 1e9 },
		"rules.digest_steps: write 1 to 20":     func(r *Rules) { r.Digest = nil },
		"rules.keep_for_first: use 0 to 1000":   func(r *Rules) { r.KeepForFirst = -1 },
		"rules.calls: use keep or always":       func(r *Rules) { r.Calls = "never" },
		"rules.preview: use none, sender or te": func(r *Rules) { r.Preview = "all: [" },
	} {
		wrong := r
		bad(&wrong)
		if err := act(Act{Do: "rules", Rules: &wrong}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if now, err := os.ReadFile(b.settings["NOTIFY_FILE"]); err != nil || string(now) != string(file) || functions.renewed != 1 {
		t.Errorf("refused rules changed something: %v", err)
	}
}

func TestFaults(t *testing.T) {
	b, act := newStage(t)
	var away []bool
	b.storeAway = func(on bool) { away = append(away, on) }
	for _, c := range []struct {
		fault string
		on    bool
		want  Faults
	}{
		{"slow", true, Faults{Slow: true}}, {"slow", true, Faults{Slow: true}}, {"refused", true, Faults{Slow: true, Refused: true}},
		{"store", true, Faults{true, true, true}}, {"slow", false, Faults{Refused: true, Store: true}}, {"store", false, Faults{Refused: true}},
	} {
		if err := act(Act{Do: "fault", Fault: c.fault, On: c.on}); err != nil || b.Snapshot(t.Context()).Faults != c.want {
			t.Errorf("%s %v: %v, %+v", c.fault, c.on, err, b.Snapshot(t.Context()).Faults)
		}
	}
	if err := act(Act{Do: "token"}); err != nil || len(away) != 2 || !away[0] || away[1] {
		t.Errorf("%v, %v", err, away)
	}
}
