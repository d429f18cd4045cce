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

	"wxnotify/cmd/wxnotify/internal/trigger"
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
	if b.Sim, err = New(Config{Settings: env, Out: b.out}); err != nil {
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
	status := func(want simulator.Status) {
		t.Helper()
		if got, _ := b.world.IM.Status("user2"); got != want {
			t.Errorf("user2 is %s, want %s", got, want)
		}
	}
	unread := func(want int) {
		t.Helper()
		if got := b.world.IM.Unread("user2"); got != want {
			t.Errorf("%d unread, want %d", got, want)
		}
	}
	permits := func(want int) {
		t.Helper()
		if got := b.world.WeChat.Permits(openID, b.settings["TEMPLATE_MESSAGE"]); got != want {
			t.Errorf("%d permits, want %d", got, want)
		}
	}
	b.pull("im.state user=user2 action=Login")
	status(simulator.Online)
	key := fmt.Sprintf("1_1_%d", time.Now().Unix())
	b.pull("im.message from=user1 to=user2 text=one key=" + key)
	b.pull("im.message from=user1 to=user2 text=one key=" + key)
	b.pull("im.message from=user1 to=user2 text=two")
	b.pull("im.message from=user1 to=user2 before=1")
	b.pull("im.message from=user1 to=user2 failed=80001")
	unread(2)
	b.pull("im.recall from=user1 to=user2 key=" + key)
	unread(1)
	b.pull("im.read user=user2 peer=user1")
	unread(0)
	b.pull("im.state user=user2 action=Disconnect")
	status(simulator.Offline)
	b.pull("wechat.popup openid=" + openID)
	b.pull("wechat.popup openid=" + openID + " status=reject")
	permits(1)
	b.pull("wechat.change openid=" + openID)
	permits(0)
	b.pull("wechat.popup openid=" + openID)
	b.pull("wechat.cancel openid=" + openID)
	permits(0)
	b.pull("wechat.verify")
	b.pull("wechat.debug")
	b.pull("im.call from=user1 to=user2")
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
		"user2     switches these cards off: no permit is left [",
		"user2     wants to be forgotten",
		"WeChat    checks the URL of the message push [",
		"WeChat    pushes an event (debug_demo), with nothing in it for wxnotify [",
		"user1     sends user2 a signal")
	if n := strings.Count(b.out.String(), "no card: nobody is logged in as user2 through the mini program [not bound]"); n != 6 {
		t.Errorf("%d messages are said to be for nobody, want 6 in\n%s", n, b.out)
	}
}

// Nothing is believed that the functions did not take.
func TestRefusedIsNotMirrored(t *testing.T) {
	b := newBoard(t, nil)
	b.status = http.StatusForbidden
	b.pull("im.state user=user2 action=Login")
	b.pull("wechat.popup openid=" + string(b.people[1].openID))
	if got, known := b.world.IM.Status("user2"); known {
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
