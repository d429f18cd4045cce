package functions_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/simulator"
)

// Our templates: what is told, and a call that rang in vain.
const (
	template   = "T1"
	templateMC = "T2"
)

// scripts are the store's, and shards how many it has: a look at all of them is one request
// with a part for each.
const (
	scripts = "../shared/store"
	shards  = 4
)

// A clock is the store's: the machine's, which the test moves forward, or one that stands.
type clock struct {
	stands time.Time // zero: it does not
	ahead  atomic.Int64
}

func (c *clock) Now() time.Time {
	now := c.stands
	if now.IsZero() {
		now = time.Now()
	}
	return now.Add(time.Duration(c.ahead.Load()))
}

// Pass moves the clock.
func (c *clock) Pass(d time.Duration) { c.ahead.Add(int64(d)) }

// A world is a store whose clock the test moves, a simulated WeChat and IM, and a look
// into it all.
type world struct {
	t        *testing.T
	clock    *clock
	db       *redis.Client // past all that stands before it
	upstream *functest.Upstream
	sim      *simulator.World
	platform *simulator.ManualClock // of sim
	api      http.Handler           // what answers for WeChat and IM; the tests wrap it
	store    *store.Store
	settings map[string]string
}

// newWorld returns one whose time stands, with additions to its notify.yml.
func newWorld(t *testing.T, rules string) *world {
	t.Helper()
	addr := redistest.Start(t)
	w := newWorldOn(t, addr, rules, &clock{stands: time.Now()})
	w.settings["STORE_URL"] = "redis://" + functest.NewClockTap(t, addr, nil, w.clock.Now).Addr
	return w
}

// newWorldOn returns one on the store at addr, which is to work by c.
func newWorldOn(t *testing.T, addr, rules string, c *clock) *world {
	t.Helper()
	url := "redis://" + addr
	w := &world{t: t, clock: c, platform: simulator.NewManualClock(time.Now())}
	w.db = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { w.db.Close() })

	sim, err := simulator.New(simulator.Config{Clock: w.platform, IM: simulator.IMConfig{CallbackToken: secret.New("imToken2026")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	w.sim, w.api = sim, sim
	for id, title := range map[string]string{template: "New message", templateMC: "Missed call"} {
		if err := sim.WeChat.AddTemplate(simulator.Template{ID: id, Title: title,
			Content: "From:{{thing1.DATA}}\nText:{{thing2.DATA}}\nHow many:{{number3.DATA}}\n"}); err != nil {
			t.Fatal(err)
		}
	}
	w.upstream = functest.NewUpstream(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.api.ServeHTTP(rw, r) }))
	if w.store, err = store.Open(store.Config{URL: secret.New(url), Shards: shards, Now: w.clock.Now, ServerTime: w.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.settings = settingsOf(t, sim.Config(), url, w.upstream.URL, rules)
	return w
}

// settingsOf returns the settings of all functions.
func settingsOf(t *testing.T, c simulator.Config, url, upstream, rules string) map[string]string {
	t.Helper()
	const data = `data: {thing1: "{{.Sender}}", thing2: "{{.Summary}}", number3: "{{.Count}}"}`
	file := filepath.Join(t.TempDir(), "notify.yml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf("templates: {message: {id: %s, %s}, missed_call: {id: %s, %s}}\n%s\n",
		template, data, templateMC, data, rules)), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"STORE_URL": url, "STORE_SHARDS": strconv.Itoa(shards), "NOTIFY_FILE": file, "LOG_LEVEL": "debug", "TENCENT_API_BASE": upstream,
		"WECHAT_APPID": c.WeChat.AppID, "WECHAT_APPSECRET": c.WeChat.AppSecret.Reveal(), "WECHAT_API_BASE": upstream,
		"WECHAT_TOKEN": c.WeChat.Token.Reveal(), "WECHAT_ENCODING_AES_KEY": c.WeChat.AESKey.Reveal(),
		"IM_SDKAPPID": fmt.Sprint(c.IM.SDKAppID), "IM_SECRET_KEY": c.IM.SecretKey.Reveal(), "IM_API_BASE": upstream,
		"IM_CALLBACK_TOKEN": c.IM.CallbackToken.Reveal(),
		"USERID_KEY":        strings.Repeat("u", 32), "SESSION_KEY": strings.Repeat("s", 32), "ANNOUNCE_KEY": strings.Repeat("a", 32),
	}
}

// subscribe makes a user of both platforms with a permit, and returns his openid.
func (w *world) subscribe(user notify.UserID) notify.OpenID {
	w.t.Helper()
	openID := notify.OpenID(w.sim.WeChat.NewUser())
	w.sim.IM.Import(string(user), "")
	w.bind(user, openID)
	w.permit(openID, template, 1)
	return openID
}

func (w *world) bind(user notify.UserID, openID notify.OpenID) {
	w.t.Helper()
	if err := w.store.Bind(w.t.Context(), user, openID); err != nil {
		w.t.Fatal(err)
	}
}

// permit lets an openid accept a template so many times, and both sides know.
func (w *world) permit(openID notify.OpenID, template string, n int) {
	w.t.Helper()
	if err := w.sim.WeChat.Subscribe(string(openID), template, n); err != nil {
		w.t.Fatal(err)
	}
	for i := range n {
		w.record(notify.Fact{Grant: &notify.Grant{ID: fmt.Sprint(openID, template, i), OpenID: openID, Source: notify.GrantPopup,
			At: w.clock.Now(), Templates: []notify.TemplateID{notify.TemplateID(template)}}})
	}
}

// say has bob write to user, which is due at once.
func (w *world) say(user notify.UserID) notify.MessageID {
	w.t.Helper()
	sent, err := w.sim.IM.SendC2C("bob", string(user), simulator.Text("lunch?"))
	if err != nil {
		w.t.Fatal(err)
	}
	at := sent.MsgTime
	if now := w.clock.Now(); now.Sub(at) > time.Hour { // the store is in another day already
		at = now.Truncate(time.Second)
	}
	id := notify.MessageID(sent.MsgKey)
	w.record(notify.Fact{Message: &notify.Message{ID: id, From: "bob", To: user, SentAt: at, Seq: sent.MsgSeq}})
	return id
}

func (w *world) record(facts ...notify.Fact) {
	w.t.Helper()
	rules := notify.DefaultRules()
	rules.Lead, rules.MissedCalls, rules.TTL = 0, true, 48*time.Hour // a quota day, and some
	if _, err := w.store.Record(w.t.Context(), rules, facts); err != nil {
		w.t.Fatal(err)
	}
}

// ends returns the final states that a user's timeline tells of a message, in order.
func (w *world) ends(user notify.UserID, id notify.MessageID) []notify.State {
	w.t.Helper()
	steps, err := w.store.Timeline(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []notify.State
	for _, s := range steps {
		for _, m := range s.Messages {
			if s.Kind == notify.StepFinal && m.ID() == id {
				out = append(out, s.State)
			}
		}
	}
	return out
}

// The store's queues: of recipients, of their calls, of group messages, of cards whose end
// is to be told.
var queues = []string{"q", "cq", "sq", "u"}

// queued returns when each that waits in one of queues is due.
func (w *world) queued(queues ...string) []time.Time {
	w.t.Helper()
	due, err := w.waiting(queues...)
	if err != nil {
		w.t.Fatal(err)
	}
	return due
}

func (w *world) waiting(queues ...string) ([]time.Time, error) {
	pipe := w.db.Pipeline()
	var replies []*redis.ZSliceCmd
	for shard := range shards {
		for _, q := range queues {
			replies = append(replies, pipe.ZRangeWithScores(w.t.Context(), store.DefaultPrefix+"{"+strconv.Itoa(shard)+"}:"+q, 0, -1))
		}
	}
	if _, err := pipe.Exec(w.t.Context()); err != nil {
		return nil, err
	}
	var due []time.Time
	for _, r := range replies {
		for _, z := range r.Val() {
			due = append(due, time.UnixMilli(int64(z.Score)))
		}
	}
	return due, nil
}
