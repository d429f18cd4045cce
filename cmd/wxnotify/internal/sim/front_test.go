package sim

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/cmd/internal/trigger"
	"wxnotify/shared/secret"
	"wxnotify/simulator"
)

// board is a Sim with functions that answer as told.
type board struct {
	*Sim
	t      *testing.T
	out    *strings.Builder
	url    string
	mu     sync.Mutex
	status int           // of the next answers
	last   *http.Request // as the functions saw it
	body   string
}

func newBoard(t *testing.T, settings map[string]string) *board {
	t.Helper()
	env := Environment(settings)
	env["STORE_URL"] = "redis://" + miniredis.RunT(t).Addr()
	b := &board{t: t, out: &strings.Builder{}, status: http.StatusOK}
	var err error
	if b.Sim, err = New(Config{Now: time.Now, Settings: env, Out: b.out}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(b.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.last, b.body = r, string(raw)
		w.WriteHeader(b.status)
	})))
	b.url = srv.URL
	t.Cleanup(srv.Close)
	return b
}

// pull sends a trigger that is signed with demo settings.
func (b *board) pull(line string) {
	b.t.Helper()
	words := strings.Fields(line)
	r, err := trigger.New(words[0], words[1:], trigger.Settings{
		SDKAppID: b.settings["IM_SDKAPPID"], CallbackToken: secret.New(b.settings["IM_CALLBACK_TOKEN"]),
		AppID: b.settings["WECHAT_APPID"], PushToken: secret.New(b.settings["WECHAT_TOKEN"]),
		AESKey: secret.New(b.settings["WECHAT_ENCODING_AES_KEY"]), Template: b.settings["TEMPLATE_MESSAGE"],
		AnnounceKey: secret.New(b.settings["ANNOUNCE_KEY"]),
	}, time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	if _, _, err := r.Send(b.t.Context(), http.DefaultClient, b.url+"/"+r.Function); err != nil {
		b.t.Fatal(err)
	}
	if b.body != string(r.Body) {
		b.t.Errorf("%s: the function got %q, want %q", line, b.body, r.Body)
	}
}

// end closes the Sim and checks what its story says, in order.
func (b *board) end(says ...string) {
	b.t.Helper()
	b.Close()
	rest := b.out.String()
	for _, s := range says {
		_, after, found := strings.Cut(rest, s)
		if !found {
			b.t.Errorf("%q is not in its place in\n%s", s, b.out)
			continue
		}
		rest = after
	}
}

// The simulated platforms agree with what was told in their name.
func TestMirror(t *testing.T) {
	b := newBoard(t, nil)
	openID := string(b.people[1].openID)
	is := func(status simulator.Status, unread, permits int) {
		t.Helper()
		got, _ := b.world.IM.Status("user2")
		n, m := b.world.IM.Unread("user2"), b.world.WeChat.Permits(openID, b.settings["TEMPLATE_MESSAGE"])
		if got != status || n != unread || m != permits {
			t.Errorf("user2 is %s, has %d unread and %d permits; want %s, %d, %d", got, n, m, status, unread, permits)
		}
	}
	b.pull("im.state user=user2 action=Login")
	key := fmt.Sprintf("1_1_%d", time.Now().Unix())
	b.pull("im.message from=user1 to=user2 text=one key=" + key)
	b.pull("im.message from=user1 to=user2 text=one key=" + key)
	b.pull("im.message from=user1 to=user2 text=two")
	b.pull("im.message from=user1 to=user2 before=1")
	b.pull("im.message from=user1 to=user2 failed=80001")
	is(simulator.Online, 2, 0)
	b.pull("im.recall from=user1 to=user2 key=" + key)
	is(simulator.Online, 1, 0)
	b.pull("im.read user=user2 peer=user1")
	b.pull("im.state user=user2 action=Disconnect")
	b.pull("wechat.popup openid=" + openID)
	b.pull("wechat.popup openid=" + openID + " status=reject")
	b.pull("wechat.popup openid=" + openID + " status=perhaps")
	is(simulator.Offline, 0, 1)
	b.pull("wechat.change openid=" + openID)
	is(simulator.Offline, 0, 0)
	b.pull("wechat.popup openid=" + openID)
	b.pull("wechat.cancel openid=" + openID)
	b.pull("wechat.verify")
	b.pull("wechat.debug")
	b.pull("im.call from=user1 to=user2 id=c1")
	b.pull("im.call from=user1 to=user2 id=c1 how=timeout")
	is(simulator.Offline, 0, 0) // signals are no messages
	b.end("user2     comes online [imcallback, ",
		`user1     writes to user2: "one" [`,
		`user1     writes to user2: "one" (again) [`,
		`user1     writes to user2: "two" [`,
		`user1     writes to user2, but IM does not deliver it (code 80001) [`,
		`user1     takes back "one" [`,
		"user2     has read what user1 wrote [",
		"user2     leaves, and IM has noticed [",
		`user2     taps "Allow": one more permit [wechatpush, `,
		`user2     taps "Refuse": nothing changes [`,
		"WeChat    pushes an event (popup), with nothing in it for wxnotify [",
		"user2     switches these cards off: no permit is left [",
		"user2     wants to be forgotten",
		"WeChat    checks the URL of the message push [",
		"WeChat    pushes an event (debug_demo), with nothing in it for wxnotify [",
		"user1     calls user2: it rings for 30s [",
		"IM        tells that the call to user2 was not answered [")
	if n := strings.Count(b.out.String(), "no card: nobody is logged in as user2 through the mini program [not bound]"); n != 6 {
		t.Errorf("%d messages are said to be for nobody, want 6 in\n%s", n, b.out)
	}
}

// Calls and groups are told of, and the simulated IM has the groups.
func TestCallsAndGroups(t *testing.T) {
	b := newBoard(t, nil)
	b.pull("im.group group=team from=user1 at=user2,user3 text=lunch seq=7")
	b.pull("im.group group=team from=user1 at=user2,user3 text=lunch seq=7")
	b.pull("im.group group=club from=anna all=1 text=hi type=Community seq=8")
	b.pull("im.group-recall group=team seq=7")
	b.pull("im.group-recall group=team seq=8,9")
	for _, how := range []string{"ring", "ring", "answer"} {
		b.pull("im.call from=user1 to=user2 id=c1 how=" + how)
	}
	for _, how := range []string{"ring", "reject"} {
		b.pull("im.call from=user1 to=user2 id=c2 how=" + how)
	}
	for _, how := range []string{"ring", "cancel"} {
		b.pull("im.call from=user1 to=user2 id=c3 generation=webhook how=" + how)
	}
	b.pull("announce.send to=user2,user3 summary=shipped")
	b.pull("announce.send to=user2")
	openID := string(b.people[1].openID)
	b.pull("wechat.sent openid=" + openID)
	b.pull("wechat.sent openid=" + openID + " code=20001")
	for group, members := range map[string][]string{"team": {"user1", "user2", "user3"}, "club": {"anna", "user1", "user2", "user3"}} {
		for _, user := range members {
			if err := b.world.IM.SetMsgFlag(group, user, "AcceptAndNotify"); err != nil {
				t.Errorf("%s in %s: %v", user, group, err)
			}
		}
	}
	b.end(`user1     writes to the group team: "lunch", and mentions user2, user3 [imcallback, `,
		`user1     writes to the group team: "lunch", and mentions user2, user3 (again) [imcallback, `,
		`anna      writes to the group club: "hi", and mentions everybody [`,
		`IM        tells that the group team has lost "lunch": taken back [`,
		`IM        tells that the group team has lost 2 messages: taken back [`,
		"user1     calls user2: it rings for 30s [",
		"user1     calls user2: it rings for 30s (again) [",
		"user2     answers the call [",
		"user1     calls user2",
		"user2     declines the call [",
		"user1     calls user2",
		"user1     gives up calling user2 [",
		`backend   announces "shipped" to user2, user3 [announce, `,
		"backend   announces a message to user2 [",
		"WeChat    reports that the card for user2 has arrived [",
		"WeChat    ✗ reports that the card for user2 has not arrived (20001 failed) [")
}

// Nothing is believed that the functions did not take.
func TestRefusedIsNotMirrored(t *testing.T) {
	b := newBoard(t, nil)
	b.status = http.StatusForbidden
	b.pull("im.state user=user2 action=Login")
	b.pull("wechat.popup openid=" + string(b.people[1].openID))
	if got, _ := b.world.IM.Status("user2"); got != simulator.Offline {
		t.Errorf("user2 is %s", got)
	}
	if n := b.world.WeChat.Permits(string(b.people[1].openID), b.settings["TEMPLATE_MESSAGE"]); n != 0 {
		t.Errorf("%d permits", n)
	}
	b.end("IM        ✗ POST /imcallback is answered 403 Forbidden [", "WeChat    ✗ POST /wechatpush is answered 403 Forbidden [")
}

// What the simulated IM sends itself is told once, and its mark goes no further.
func TestOwnCallbacks(t *testing.T) {
	b := newBoard(t, nil)
	if err := b.world.IM.SetCallbackURL(b.url + "/imcallback"); err != nil {
		t.Fatal(err)
	}
	send := func(text string) {
		t.Helper()
		b.world.IM.Import("user2", "")
		if _, err := b.world.IM.SendC2C("user1", "user2", simulator.Text(text)); err != nil {
			t.Fatal(err)
		}
		if err := b.world.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	send("aloud")
	if b.world.IM.Unread("user2") != 1 {
		t.Errorf("%d unread: a callback of its own was learnt again", b.world.IM.Unread("user2"))
	}
	for name := range b.last.Header {
		if strings.Contains(strings.ToLower(name), "simulated") {
			t.Errorf("the function sees the header %s", name)
		}
	}
	b.quiet.Store(true)
	send("silently")
	b.end(`writes to user2: "aloud"`)
	if strings.Contains(b.out.String(), "silently") || strings.Contains(b.out.String(), "(again)") {
		t.Errorf("the story says\n%s", b.out)
	}
}

// Plain mode, as settings may ask for: what a push takes away is then not believed.
func TestPlainMode(t *testing.T) {
	b := newBoard(t, map[string]string{"WECHAT_TOKEN": "mine"})
	openID := string(b.people[1].openID)
	b.pull("wechat.popup openid=" + openID)
	b.pull("wechat.change openid=" + openID)
	if n := b.world.WeChat.Permits(openID, b.settings["TEMPLATE_MESSAGE"]); n != 1 {
		t.Errorf("%d permits, want 1", n)
	}
	b.end(`taps "Allow"`, "pushes an event (change), with nothing in it for wxnotify")
}
