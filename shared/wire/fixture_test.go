package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/shared/wire"
	"wxnotify/simulator"
	kit "wxnotify/trust/fixture"
)

const template = "T1"

// A fixture is what functions are built in: complete settings, a store, a simulated WeChat and IM,
// and a platform that keeps the events with which deliver is invoked.
type fixture struct {
	t        testkit.T
	sim      *simulator.World
	redis    *miniredis.Miniredis
	store    *store.Store
	settings map[string]string
	began    time.Time
	ahead    time.Duration // of the functions' clock before that of everybody else
	log      bytes.Buffer
	scf      *kit.SCF // what deliver was invoked with waits there
	users    int
	referred bool // secrets are references to the Secrets Manager
	ssmAway  bool // which does not answer
	seamless bool // functions are built as they are deployed
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOf(t, simulator.Config{IM: simulator.IMConfig{CallbackToken: kit.CallbackToken}})
}

// newFixtureOf is one whose platforms are configured so. They call functions at the URLs that urlOf makes.
func newFixtureOf(t *testing.T, cfg simulator.Config) *fixture {
	t.Helper()
	f := &fixture{t: testkit.T{T: t}, redis: miniredis.RunT(t), scf: kit.NewSCF(), began: time.Now()}
	cfg.Clock, cfg.HTTPClient = simulator.NewManualClock(testkit.Future), &http.Client{Transport: urls{f}}
	f.sim = kit.World(t, cfg)
	f.t.Must(f.sim.WeChat.AddTemplate(kit.Template(template, "New message")))
	f.store = kit.Store(t, f.redis.Addr(), 0, f.now)
	f.settings = kit.Settings(f.sim.Config(), f.redis.Addr(), filepath.Join(t.TempDir(), "notify.yml"), "http://127.0.0.1:1") // the seams lead elsewhere
	f.settings["TEMPLATE_MESSAGE"] = template
	f.notifyFile(kit.NotifyTemplates + "rules: {lead: 0s}\n")
	return f
}

func (f *fixture) now() time.Time { return testkit.Future.Add(time.Since(f.began)) }

func (f *fixture) notifyFile(text string) {
	f.t.Helper()
	f.t.Must(os.WriteFile(f.settings["NOTIFY_FILE"], []byte(text), 0o600))
}

// build builds a new instance of a function.
func (f *fixture) build(function string, getenv func(string) string) (scf.Handler, error) {
	seams := wire.Seams{Upstream: f.sim.Transport(), Platform: platform{f}, Now: func() time.Time { return f.now().Add(f.ahead) }, StoreNow: f.now,
		Opened: func(st *store.Store) { f.t.Cleanup(func() { st.Close() }) }}
	if f.seamless {
		seams = wire.Seams{}
	}
	return wire.Builds(seams)[function](f.t.Context(), getenv, scf.NewLogger(&f.log, function, slog.LevelInfo))
}

// A platform is Tencent Cloud's API as a fixture has it.
type platform struct{ *fixture }

func (p platform) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-TC-Action") != "GetSecretValue" {
		return p.scf.RoundTrip(r)
	}
	if p.ssmAway {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	var asked struct{ SecretName string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	fmt.Fprintf(w, `{"Response":{"RequestId":"r","SecretString":%q}}`, p.settings[asked.SecretName])
	return w.Result(), nil
}

func urlOf(function string) string { return "https://" + function + ".example/" }

// urls are the URLs of the functions.
type urls struct{ *fixture }

func (u urls) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte(nil)
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	function, _, _ := strings.Cut(r.URL.Host, ".")
	res := u.call(function, r.Method, r.URL.Query(), string(body), r.Header)
	return &http.Response{StatusCode: res.StatusCode, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(res.Body))}, nil
}

func (f *fixture) getenv(name string) string {
	if f.referred && slices.Contains(secretSettings, name) {
		return "ssm:" + name
	}
	if f.referred && strings.HasPrefix(name, "TENCENTCLOUD_") {
		return "of the role"
	}
	return f.settings[name]
}

var secretSettings = strings.Fields("STORE_URL WECHAT_APPSECRET WECHAT_TOKEN WECHAT_ENCODING_AES_KEY IM_SECRET_KEY IM_CALLBACK_TOKEN USERID_KEY ANNOUNCE_KEY CONSOLE_TOKEN")

// refuses is the answer of a function whose settings have a fault.
const refuses = "refuses"

// invoke has a new instance of a function answer an event within a time. One that is wired only to
// refuse answers as the platform's seam does for it.
func (f *fixture) invoke(function string, event any, limit time.Duration) (answer []byte, err error) {
	f.t.Helper()
	h, err := f.build(function, f.getenv)
	if h == nil {
		return nil, fmt.Errorf("%s: %w", refuses, err)
	}
	b, err := json.Marshal(event)
	f.t.Must(err)
	ctx, cancel := context.WithTimeout(f.t.Context(), limit)
	defer cancel()
	return h.Invoke(ctx, b)
}

// A response is what a function answers to an HTTP request.
type response struct {
	StatusCode int
	Headers    map[string]any
	Body       string
}

// call sends a request. A function that refuses has status 0.
func (f *fixture) call(function, method string, query url.Values, body string, header http.Header) (res response) {
	f.t.Helper()
	answer, err := f.invoke(function, json.RawMessage(testkit.HTTPEvent(method, query, header, body)), 5*time.Second)
	if err == nil {
		f.t.Must(json.Unmarshal(answer, &res))
	}
	return res
}

// wholeRun is time enough for a card.
const wholeRun = 30 * time.Second

// user returns somebody new of both platforms who is bound and has a permit.
func (f *fixture) user() (fact.UserID, fact.OpenID) {
	f.t.Helper()
	f.users++
	user, openID := fact.UserID(fmt.Sprint("user", f.users)), f.sim.WeChat.NewUser()
	f.sim.IM.Import(string(user), "")
	f.t.Must(f.sim.WeChat.Subscribe(openID, template, 1))
	f.t.Must(f.store.Bind(f.t.Context(), user, fact.OpenID(openID)))
	f.record(fact.Fact{Grant: &fact.Grant{ID: "tap", OpenID: fact.OpenID(openID), Source: fact.GrantPopup, At: f.now(),
		Templates: []fact.TemplateID{template}}})
	return user, fact.OpenID(openID)
}

func (f *fixture) record(facts ...fact.Fact) {
	f.t.Helper()
	rules := notify.DefaultRules()
	rules.Lead = 0
	_, err := f.store.Record(f.t.Context(), rules, facts)
	f.t.Must(err)
}

// message is one that was sent just now.
func (f *fixture) message(id fact.MessageID, to fact.UserID) fact.Fact {
	return fact.Fact{Message: &fact.Message{ID: id, From: "bob", To: to, SentAt: f.now().Truncate(time.Second), Seq: 1}}
}

// accepted returns how many messages of a user were recorded.
func (f *fixture) accepted(user fact.UserID) (n int) {
	f.t.Helper()
	steps, err := f.store.Timeline(f.t.Context(), user)
	f.t.Must(err)
	for _, s := range steps {
		if s.Kind == notify.StepAccepted {
			n++
		}
	}
	return n
}

func (f *fixture) balance(openID fact.OpenID) int {
	f.t.Helper()
	b, err := f.store.Balances(f.t.Context(), openID, []fact.TemplateID{template})
	f.t.Must(err)
	return b[template]
}

// callback is IM telling of a message.
func (f *fixture) callback(to fact.UserID) response {
	f.t.Helper()
	q, body := kit.Callback(f.sim.Config().IM.SDKAppID, secret.New(f.settings["IM_CALLBACK_TOKEN"]), string(to), 1, "lunch?", f.now())
	return f.call("imcallback", http.MethodPost, q, body, nil)
}

// sealer is WeChat, which signs with what the deployment was given.
func (f *fixture) sealer() wechat.Sealer {
	return wechat.Sealer{AppID: f.sim.Config().WeChat.AppID, Token: secret.New(f.settings["WECHAT_TOKEN"]),
		EncodingAESKey: f.sim.Config().WeChat.AESKey, Mode: wechat.ModeSecure, Format: wechat.FormatJSON, Timestamp: f.now(), Nonce: "n1"}
}

// push is WeChat telling that a user accepted templates.
func (f *fixture) push(openID fact.OpenID, accepted ...string) response {
	f.t.Helper()
	list := ""
	for _, id := range accepted {
		list += fmt.Sprintf(`,{"TemplateId":%q,"SubscribeStatusString":"accept","PopupScene":"0"}`, id)
	}
	q, body, err := f.sealer().Seal(fmt.Appendf(nil, `{"ToUserName":"gh_1","FromUserName":%q,"CreateTime":%d,"MsgType":"event",`+
		`"Event":"subscribe_msg_popup_event","List":[%s]}`, openID, f.now().Unix(), list[1:]))
	f.t.Must(err)
	return f.call("wechatpush", http.MethodPost, q, string(body), nil)
}

// login is a user who opens the mini program.
func (f *fixture) login(openID string) response {
	f.t.Helper()
	return f.call("session", http.MethodPost, nil, `{"code":"`+f.sim.WeChat.Login(openID)+`"}`, nil)
}

// announcement is the backend announcing something to a user.
func (f *fixture) announcement(user fact.UserID) response {
	f.t.Helper()
	_, body := kit.Announcement(f.now(), "order-1", string(user), "shipped")
	header := kit.Signed(secret.New(f.settings["ANNOUNCE_KEY"]), "announce", body, f.now())
	return f.call("announce", http.MethodPost, nil, string(body), header)
}

// run is one run of deliver.
func (f *fixture) run(event any) error {
	f.t.Helper()
	_, err := f.invoke("deliver", event, wholeRun)
	return err
}

func (f *fixture) cards(openID fact.OpenID) int { return len(f.sim.WeChat.Cards(string(openID))) }
