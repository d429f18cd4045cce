package functions_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/simulator"
)

const template = "T1"

// A world is a Redis whose clock the test moves, a simulated WeChat and IM, and a
// store to look into it all.
type world struct {
	t        *testing.T
	now      time.Time
	redis    *miniredis.Miniredis
	sim      *simulator.World
	api      http.Handler // what answers for WeChat and IM; the tests wrap it
	store    *store.Store
	settings map[string]string
}

func newWorld(t *testing.T, rules string) *world {
	t.Helper()
	w := &world{t: t, now: time.Now(), redis: miniredis.RunT(t)}
	w.redis.SetTime(w.now)
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	w.sim, w.api = sim, sim
	if err := sim.WeChat.AddTemplate(simulator.Template{ID: template, Title: "New message",
		Content: "From:{{thing1.DATA}}\nText:{{thing2.DATA}}\n"}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.api.ServeHTTP(rw, r) }))
	t.Cleanup(srv.Close)
	if w.store, err = store.Open(store.Config{URL: secret.New("redis://" + w.redis.Addr())}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })

	file := filepath.Join(t.TempDir(), "notify.yml")
	if err := os.WriteFile(file, []byte("templates: {message: {id: "+template+`, data: {thing1: "{{.Sender}}", thing2: "{{.Summary}}"}}}`+"\n"+rules), 0o600); err != nil {
		t.Fatal(err)
	}
	c := sim.Config()
	w.settings = map[string]string{
		"STORE_URL": "redis://" + w.redis.Addr(), "NOTIFY_FILE": file, "LOG_LEVEL": "debug",
		"WECHAT_APPID": c.WeChat.AppID, "WECHAT_APPSECRET": c.WeChat.AppSecret.Reveal(), "WECHAT_API_BASE": srv.URL,
		"IM_SDKAPPID": fmt.Sprint(c.IM.SDKAppID), "IM_SECRET_KEY": c.IM.SecretKey.Reveal(), "IM_API_BASE": srv.URL,
	}
	return w
}

// pass moves the store's clock.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.redis.SetTime(w.now)
}

// subscribe makes a user of both platforms with a permit, and returns his openid.
func (w *world) subscribe(user notify.UserID) notify.OpenID {
	w.t.Helper()
	openID := w.sim.WeChat.NewUser()
	w.sim.IM.Import(string(user), "")
	if err := w.sim.WeChat.Subscribe(openID, template, 1); err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Bind(w.t.Context(), user, notify.OpenID(openID)); err != nil {
		w.t.Fatal(err)
	}
	w.record(notify.Fact{Grant: &notify.Grant{ID: string(user), OpenID: notify.OpenID(openID), Source: notify.GrantPopup,
		At: w.now, Templates: []notify.TemplateID{template}}})
	return notify.OpenID(openID)
}

// say records a message for user that is due at once.
func (w *world) say(user notify.UserID) notify.MessageID {
	w.t.Helper()
	id := notify.MessageID(fmt.Sprintf("1_%s_%d", user, w.now.Unix()))
	w.record(notify.Fact{Message: &notify.Message{ID: id, From: "bob", To: user, SentAt: w.now, Seq: 1}})
	return id
}

func (w *world) record(f notify.Fact) {
	w.t.Helper()
	rules := notify.DefaultRules()
	rules.Lead = 0
	if _, err := w.store.Record(w.t.Context(), rules, []notify.Fact{f}); err != nil {
		w.t.Fatal(err)
	}
}

// ends returns the final states that a user's timeline tells of a message.
func (w *world) ends(user notify.UserID, id notify.MessageID) []notify.State {
	w.t.Helper()
	steps, err := w.store.Timeline(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []notify.State
	for _, s := range steps {
		for _, m := range s.Messages {
			if s.Kind == notify.StepFinal && m == id {
				out = append(out, s.State)
			}
		}
	}
	return out
}

func (w *world) balance(openID notify.OpenID) int {
	w.t.Helper()
	b, err := w.store.Balances(w.t.Context(), openID, []notify.TemplateID{template})
	if err != nil {
		w.t.Fatal(err)
	}
	return b[template]
}

// queued returns how many recipients wait for something.
func (w *world) queued() int {
	n := 0
	for _, key := range w.redis.Keys() {
		if strings.HasSuffix(key, "}:q") {
			members, _ := w.redis.ZMembers(key)
			n += len(members)
		}
	}
	return n
}
