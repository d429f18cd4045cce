package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/check"
	"wxnotify/cmd/wxnotify/internal/cloud"
	"wxnotify/cmd/wxnotify/internal/deploy"
	"wxnotify/cmd/wxnotify/internal/doctor"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/internal/testkit"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/stopwatch"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/shared/wechat"
	"wxnotify/shared/wire"
	"wxnotify/simulator"
)

const (
	template = "zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"
	secretID = "AKIDabcdefghijklmnopqrstuvwxyz012345"
)

// A deployment is all that a doctor looks at, and nothing is wrong with it: files, a store, a simulated WeChat and IM, and
// functions in a simulated cloud, which run in this process by what they were deployed with.
type deployment struct {
	testkit.T
	settings map[string]string
	dir      string
	world    *simulator.World
	config   simulator.Config
	template simulator.Template
	cloud    *cloud.Cloud
	project  *serverless.Project
	redis    *redis.Client
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	key      string // of the account
	machine  time.Duration
	server   time.Duration // by how much the clocks of this machine and of the store are ahead
	instead  map[string]http.HandlerFunc
}

// newDeployment returns one whose parts can still be changed. made makes it.
func newDeployment(t *testing.T, server string) *deployment {
	d := &deployment{T: testkit.T{T: t}, dir: t.TempDir(), key: secretID, instead: map[string]http.HandlerFunc{},
		template: simulator.Template{ID: template, Title: "新消息", Content: "发送人:{{thing1.DATA}}\n内容:{{thing2.DATA}}\n数量:{{number3.DATA}}\n时间:{{time4.DATA}}\n"},
		config:   simulator.Config{Clock: simulator.NewManualClock(testkit.Future), IM: simulator.IMConfig{CallbackToken: secret.New("callback-token")}}}
	d.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}
	d.redis = redis.NewClient(&redis.Options{Addr: server, Password: "password", Protocol: 2})
	t.Cleanup(func() { d.redis.Close() })
	d.Must(d.redis.FlushAll(t.Context()).Err())
	for name, value := range map[string]string{"maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "yes"} {
		d.Must(d.redis.ConfigSet(t.Context(), name, value).Err())
	}
	w := must(simulator.New(d.config))(t)
	c := w.Config()
	w.Close()
	d.settings = map[string]string{
		"TENCENT_SECRET_ID": secretID, "TENCENT_SECRET_KEY": "a-secret-key", "VPC_ID": "vpc-1a2b3c4d", "VPC_SUBNET_ID": "subnet-1a2b3c4d",
		"WECHAT_APPID": c.WeChat.AppID, "WECHAT_APPSECRET": c.WeChat.AppSecret.Reveal(), "WECHAT_TOKEN": c.WeChat.Token.Reveal(), "WECHAT_ENCODING_AES_KEY": c.WeChat.AESKey.Reveal(),
		"IM_SDKAPPID": fmt.Sprint(c.IM.SDKAppID), "IM_SECRET_KEY": c.IM.SecretKey.Reveal(), "IM_CALLBACK_TOKEN": c.IM.CallbackToken.Reveal(),
		"STORE_URL": "redis://:password@10.0.0.5:6379/0", "USERID_KEY": strings.Repeat("u", 32), "ANNOUNCE_KEY": strings.Repeat("a", 32), "TEMPLATE_MESSAGE": template,
	}
	for _, name := range []string{"serverless.yml", "notify.yml"} {
		d.write(name, string(must(os.ReadFile(filepath.Join("..", "..", "..", "..", name)))(t)))
	}
	return d
}

func must[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		testkit.Must(t, err)
		return v
	}
}

func (d *deployment) path(name string) string { return filepath.Join(d.dir, name) }

func (d *deployment) write(name, text string) {
	d.Helper()
	d.Must(os.WriteFile(d.path(name), []byte(text), 0o600))
}

func (d *deployment) edit(name, old, new string) {
	d.Helper()
	text := string(must(os.ReadFile(d.path(name)))(d.T))
	if !strings.Contains(text, old) {
		d.Fatalf("%s does not hold %q", name, old)
	}
	d.write(name, strings.Replace(text, old, new, 1))
}

// made makes what was configured: the platforms, the functions in the cloud, and the store that they have begun.
func (d *deployment) made() {
	d.Helper()
	d.world = must(simulator.New(d.config))(d.T)
	d.Cleanup(d.world.Close)
	d.Must(d.world.WeChat.AddTemplate(d.template))
	d.Must(d.world.WeChat.SetPushURL("https://wxnotify.example.com/"))
	d.cloud = cloud.New(cloud.Config{SecretID: secretID, Roles: []string{"SCF_ExecuteRole"}, VPCs: map[string]string{"vpc-1a2b3c4d": "subnet-1a2b3c4d"}})
	d.Cleanup(d.cloud.Close)
	d.project = must(serverless.Load(d.path("serverless.yml"), func(name string) (string, bool) { return d.settings[name], true }))(d.T)
	build := d.T.TempDir()
	for _, f := range append([]string{"notify.yml"}, d.project.Keys()...) {
		d.Must(os.WriteFile(filepath.Join(build, f), []byte(f), 0o600))
	}
	deployer := &deploy.Deployer{Client: must(d.client("ap-guangzhou"))(d.T), Project: d.project, Build: build, Log: func(string) {},
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	d.Must(deployer.Apply(d.Context(), must(deployer.Plan(d.Context()))(d.T)))
	d.Must(d.world.IM.SetCallbackURL(d.cloud.URL + "/url/wxnotify-dev-imcallback"))
	d.begun(d.settings["WECHAT_APPID"], store.DefaultShards)
}

// begun has a function of an app have begun the store.
func (d *deployment) begun(app string, shards int) {
	d.Helper()
	s := must(store.Open(store.Config{Now: d.world.Clock().Now, URL: secret.New(d.settings["STORE_URL"]), Dial: d.dial, AppID: app, SDKAppID: 1400000001, Shards: shards}))(d.T)
	defer s.Close()
	d.Must(s.OpenCircuit(d.Context(), notify.Circuit{Name: "x"}))
}

func (d *deployment) client(region string) (*scf.Client, error) {
	u := must(url.Parse(d.cloud.URL))(d.T)
	p := profile.NewClientProfile()
	p.HttpProfile.Scheme, p.HttpProfile.Endpoint = u.Scheme, u.Host
	return scf.NewClient(common.NewCredential(d.key, "key"), region, p)
}

func (d *deployment) wechat() *wechat.Client {
	return must(wechat.NewClient(wechat.ClientConfig{Now: d.world.Clock().Now, AppID: d.settings["WECHAT_APPID"], AppSecret: secret.New(d.settings["WECHAT_APPSECRET"]),
		HTTPClient: &http.Client{Transport: d.world.Transport()}}))(d.T)
}

func (d *deployment) function(key string) *cloud.Function {
	return d.cloud.Function("wxnotify-dev-" + key)
}

func (d *deployment) input() doctor.Input {
	var env strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d.settings)) {
		fmt.Fprintf(&env, "%s=%s\n", name, d.settings[name])
	}
	d.write(".env", env.String())
	in := doctor.Input{Settings: d.settings, Cloud: d.client,
		Check: check.Input{Env: d.path(".env"), Config: d.path("serverless.yml"), Notify: d.path("notify.yml")},
		Seams: wire.Seams{Upstream: d.world.Transport(), Platform: d, Dial: d.dial,
			Now:      func() time.Time { return d.world.Clock().Now().Add(d.machine) },
			StoreNow: func() time.Time { return d.world.Clock().Now().Add(d.server) }}}
	return in
}

// RoundTrip has the function answer whose URL is called.
func (d *deployment) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.URL.Path[strings.LastIndexByte(r.URL.Path, '-')+1:]
	if away := d.instead[key]; away != nil {
		w := &answer{header: http.Header{}}
		away(w, r)
		if w.status == 0 {
			return nil, errors.New("connection refused")
		}
		return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(strings.NewReader(w.body.String()))}, nil
	}
	variables := d.function(key).Variables()
	variables["NOTIFY_FILE"] = d.path("notify.yml")
	seams := wire.Seams{Now: d.world.Clock().Now, StoreNow: d.world.Clock().Now, Dial: d.dial, Upstream: d.world.Transport(), Opened: func(s *store.Store) { d.Cleanup(func() { s.Close() }) }}
	h, err := wire.Builds(seams)[key](r.Context(), func(name string) string { return variables[name] }, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	out, err := h.Invoke(r.Context(), testkit.HTTPEvent(r.Method, r.URL.Query(), r.Header, string(body)))
	if err != nil {
		return nil, err
	}
	var res struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(out, &res); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: res.StatusCode, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(res.Body))}, nil
}

// An answer is what a function's stand-in writes; with no status it cannot be reached.
type answer struct {
	header http.Header
	status int
	body   strings.Builder
}

func (a *answer) Header() http.Header  { return a.header }
func (a *answer) WriteHeader(code int) { a.status = code }
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.body.Write(b)
}

// says returns a stand-in that answers everything alike.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// state is all that a look might change.
func (d *deployment) state() string {
	keys := must(d.redis.Keys(d.Context(), "*").Result())(d.T)
	slices.Sort(keys)
	var text strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&text, "%s %x\n", k, must(d.redis.Dump(d.Context(), k).Result())(d.T))
	}
	return text.String()
}

func server(t *testing.T) string { return redistest.Start(t, "--requirepass", "password") }

func TestNothingIsWrong(t *testing.T) {
	d := newDeployment(t, server(t))
	d.made()
	before := d.state()
	d.cloud.Calls()
	r := doctor.Run(t.Context(), d.input())
	if len(r.Findings)+len(r.Skipped) > 0 {
		t.Errorf("found %v, skipped %v", r.Findings, r.Skipped)
	}
	seen := strings.Join(r.Seen, "\n")
	for _, want := range []string{"the store: Redis ", "0 replicas, appendonly yes, snapshots no", "10000000 of 10000000 cards are left today", "the host of its push URL is at 203.0.113.7", "IM: it takes calls of administrator", "from " + cloud.Egress} {
		if !strings.Contains(seen, want) {
			t.Errorf("it does not say %q:\n%s", want, seen)
		}
	}
	if list := strings.Join(r.ByHand, "\n"); len(r.ByHand) < 6 || !strings.Contains(list, d.cloud.URL+"/url/wxnotify-dev-wechatpush") || !strings.Contains(list, d.cloud.URL+"/url/wxnotify-dev-imcallback") {
		t.Errorf("by hand:\n%s", list)
	}
	if after := d.state(); after != before {
		t.Errorf("the store has changed:\n%s\nwas\n%s", after, before)
	}
	for _, call := range d.cloud.Calls() {
		if !regexp.MustCompile(`^(Get|List|Describe)`).MatchString(call) {
			t.Errorf("it has called %s", call)
		}
	}
	if n := d.world.Record.Count("/cgi-bin/message/*"); n > 0 {
		t.Errorf("%d cards were sent", n)
	}
}

// Each thing that can be wrong is found, alone, and says where, what, and the cure; and what cannot be looked at because
// of it, once.
func TestWhatIsWrong(t *testing.T) {
	const (
		token   = "/cgi-bin/stable_token"
		status  = "/v4/openim/query_online_status"
		gets    = "/wxaapi/newtmpl/gettemplate"
		sends   = "/cgi-bin/message/subscribe/send"
		noStore = "what the URL of announce answers: it needs the store"
		noToken = "WeChat: its templates, the quota of cards, the URL of message push: there is no access token"
	)
	set := func(name, value string) func(*deployment) {
		return func(d *deployment) { d.settings[name] = value }
	}
	fails := func(target string, fault simulator.Fault) func(*deployment) {
		return func(d *deployment) { d.world.Faults.Always(target, fault) }
	}
	config := func(name, value string) func(*deployment) {
		return func(d *deployment) { d.Must(d.redis.ConfigSet(d.Context(), name, value).Err()) }
	}
	content := func(old, new string) func(*deployment) {
		return func(d *deployment) { d.template.Content = strings.Replace(d.template.Content, old, new, 1) }
	}
	asks := func(n int) func(*deployment) { // a bound of ten cards, of which n are gone
		return func(d *deployment) {
			d.world.WeChat.SetQuota(sends, simulator.Quota{Daily: 11})
			for range n {
				_, _ = d.wechat().SendSubscribe(d.Context(), wechat.SubscribeMessage{To: "o", Template: template, Data: map[string]string{"thing1": "x"}}) // refused, and counted
			}
		}
	}
	instead := func(key string, h http.HandlerFunc) func(*deployment) {
		return func(d *deployment) { d.instead[key] = h }
	}
	changed := func(key, field, value string) func(*deployment) {
		return func(d *deployment) { d.function(key).Config[field] = json.RawMessage(value) }
	}
	addr := server(t)
	rows := []struct {
		wrong   string
		before  func(*deployment) // it is deployed
		after   func(*deployment)
		want    string
		skipped string
		warning bool
	}{
		{wrong: "a setting is missing", before: set("WECHAT_APPSECRET", ""), want: "WECHAT_APPSECRET: is empty",
			skipped: "WeChat: its templates, the quota of cards, the URL of message push: WECHAT_APPSECRET cannot be used\nwhat the URL of session answers: the function cannot be made of these settings"},
		{wrong: "notify.yml has a fault", before: func(d *deployment) { d.edit("notify.yml", "  lead:", "  leed:") }, want: "notify.yml: line",
			skipped: "WeChat: its templates, beside notify.yml: the file, or what it takes from the settings, has a fault\nwhat the URL of announce answers: the function cannot be made of these settings"},

		{wrong: "another AppSecret", before: set("WECHAT_APPSECRET", strings.Repeat("0", 32)), want: "WeChat: the access token: it answers 40125, invalid appsecret", skipped: noToken},
		{wrong: "another AppID", before: set("WECHAT_APPID", "wx0123456789abcdef"), want: "WeChat: the access token: it answers 40013, invalid appid", skipped: noToken},
		{wrong: "an IP list without us", after: fails(token, simulator.Code(40164)), want: "add 203.0.113.9 to the API IP list under Development settings in the console, or switch the list off; that is the address of this machine", skipped: noToken},
		{wrong: "a frozen AppSecret", after: fails(token, simulator.Code(40243)), want: "the AppSecret is frozen: unfreeze it", skipped: noToken},
		{wrong: "a call to be confirmed", after: fails(token, simulator.Code(89503)), want: "WeChat wants the administrator to confirm", skipped: noToken},
		{wrong: "no way to WeChat", after: fails("/cgi-bin/*", simulator.Refuse()), want: "WeChat: the access token: wechat: StableToken: dial tcp: connection refused: see that this machine reaches WeChat's API", skipped: noToken},
		{wrong: "WeChat falls silent", after: fails(gets, simulator.EmptyBody()), want: "WeChat: its templates: wechat: GetTemplates: the answer is empty",
			skipped: "WeChat: the quota of cards, the URL of message push: WeChat did not answer"},

		{wrong: "a template that is gone", before: func(d *deployment) { d.template.ID = strings.Repeat("x", 43) }, want: "notify.yml, templates.message: the account has no template " + template + ": wxnotify templates lists"},
		{wrong: "a keyword of another type", before: content("thing2", "phrase2"), want: "templates.message: thing2 is phrase2 at WeChat: wxnotify templates --use " + template + " --as message"},
		{wrong: "a keyword too many", before: content("数量:{{number3.DATA}}\n", ""), want: "templates.message: the template has no keyword number3"},
		{wrong: "a keyword too few", before: content("数量", "状态:{{thing9.DATA}}\n数量"), want: "templates.message: thing9 (状态) is not filled in"},
		{wrong: "a value that is not listed", before: func(d *deployment) {
			d.template.Content += "状态:{{enum_string5.DATA}}\n"
			d.template.Enums = map[string][]string{"enum_string5": {"未读", "已读"}}
			d.edit("notify.yml", "      time4:", "      enum_string5: 别的\n      time4:")
		}, want: "templates.message: enum_string5 takes only 未读, 已读"},
		{wrong: "a long-term template", before: func(d *deployment) { d.template.LongTerm = true }, want: "templates.message: long_term is false, and WeChat says true: set long_term: true"},
		{wrong: "no more calls of gettemplate", after: func(d *deployment) {
			d.world.WeChat.SetQuota(gets, simulator.Quota{Daily: 1})
			must(d.wechat().GetTemplates(d.Context()))(d.T)
		},
			want: "WeChat: its templates: the calls of this API are used up (45009): run this again tomorrow", warning: true},
		{wrong: "few cards left", after: asks(10), want: "WeChat: 1 of 11 cards are left today: send less", warning: true},
		{wrong: "no card left", after: asks(11), want: "WeChat: 0 of 11 cards are left today: what comes waits until tomorrow"},
		{wrong: "no push URL", after: func(d *deployment) { d.Must(d.world.WeChat.SetPushURL("")) }, want: "WeChat: no URL of message push is set (40201): set it at mp.weixin.qq.com"},
		{wrong: "a push URL without an address", after: func(d *deployment) { d.world.WeChat.SetLookup(simulator.NoName) }, want: "WeChat: it finds no address of the host of its push URL"},
		{wrong: "a push URL without a ping", after: func(d *deployment) { d.world.WeChat.SetLookup(simulator.NoAnswer) }, want: "WeChat: no address of its push URL's host answers a ping", warning: true},

		{wrong: "the key of another app", before: set("IM_SECRET_KEY", strings.Repeat("0", 64)), want: "IM: it answers 70009, usersig does not fit the key: check that IM_SECRET_KEY is the key of IM_SDKAPPID"},
		{wrong: "an expired UserSig", after: fails(status, simulator.Code(70001)), want: "IM: it answers 70001, usersig expired: our UserSig is refused: set this machine's clock"},
		{wrong: "no administrator", before: set("IM_ADMIN", "somebody"), want: "IM: it answers 90009, admin only: IM_ADMIN must name an administrator"},
		{wrong: "an app of another region", after: fails(status, simulator.Code(60006)), want: "IM: it answers 60006, sdkappid is wrong: check IM_SDKAPPID"},
		{wrong: "presence switched off", after: fails(status, simulator.Code(72001)), want: "IM: it answers 72001, error 72001: switch the feature on in the IM console (user status query)"},
		{wrong: "an IP list of IM without us", after: fails(status, simulator.Code(60021)), want: "IM: it answers 60021, error 60021: its IP list is on, and has no address of this machine: add it in the IM console"},
		{wrong: "IM's package has ended", after: fails(status, simulator.Code(60020)), want: "IM: it answers 60020, error 60020: renew the IM package"},
		{wrong: "IM is busy", after: fails(status, simulator.Code(60007)), want: "IM: it answers 60007, request frequency limit: it is busy", warning: true},
		{wrong: "no way to IM", after: fails(status, simulator.Refuse()), want: "IM: im: query_online_status: dial tcp: connection refused: see that this machine reaches IM's REST API"},

		{wrong: "calls that are told to another", after: func(d *deployment) { d.Must(d.world.IM.SetCallbackURL("https://other.example.com/secret")) },
			want: "IM: callbacks of TUICallKit's calls go to other.example.com, and not to imcallback: set their URL", warning: true},
		{wrong: "calls of which the end is not told", after: func(d *deployment) { d.world.IM.Switch("Call.CallbackAfterEndCall", false) },
			want: "IM: of TUICallKit's calls it does not tell Call.CallbackAfterEndCall: tick them", warning: true},

		{wrong: "a store that is away", before: set("STORE_URL", "redis://:password@store.example.com:6379/0"), after: func(d *deployment) { d.dial = away },
			want: "the store: does not answer: see that Redis runs at the address of STORE_URL", skipped: noStore},
		{wrong: "another password", after: config("requirepass", "changed"), want: "the store: STORE_URL: the server refuses its user, password or database: store: WRONGPASS", skipped: noStore},
		{wrong: "a store that throws keys away", after: config("maxmemory-policy", "volatile-lru"), want: "the store: maxmemory-policy is volatile-lru, by which Redis throws permits and bindings away: set it to noeviction"},
		{wrong: "a store that is nearly full", after: config("maxmemory", "1000000"), want: "% of its memory are used: give it more memory", warning: true},
		{wrong: "an old Redis", after: func(d *deployment) {
			to := d.dial
			d.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := to(ctx, network, addr)
				return older{c}, err
			}
		}, want: "the store: is Redis 5.0.", warning: true},
		{wrong: "a store on no disk", after: config("appendonly", "no"), want: "the store: writes nothing to disk and has no replica: a restart loses everything: set appendonly yes", warning: true},
		{wrong: "the store of another app", after: func(d *deployment) { d.Must(d.redis.FlushAll(d.Context()).Err()); d.begun("wx0123456789abcdef", 16) },
			want: "the store: is not one for these settings: WECHAT_APPID is wx5a1c0de5a1c0de55, and the store is that of wx0123456789abcdef", skipped: noStore},
		{wrong: "other shards", after: func(d *deployment) { d.Must(d.redis.FlushAll(d.Context()).Err()); d.begun("wx5a1c0de5a1c0de55", 8) },
			want: "the store: is not one for these settings: STORE_SHARDS is 16, and the store was filled with 8", skipped: noStore},
		{wrong: "a store that nobody has used", after: func(d *deployment) { d.Must(d.redis.FlushAll(d.Context()).Err()) }, want: "the store: holds nothing under wxnotify-dev: no function has used it yet", warning: true},
		{wrong: "the store's clock", after: func(d *deployment) { d.server = -2 * time.Minute }, want: "clock of the store: is 2m0s behind that of the platforms: have NTP set"},
		{wrong: "this machine's clock", after: func(d *deployment) { d.machine = 3 * time.Minute }, want: "clock of this machine: is 3m0s ahead of that of the platforms: have NTP set it", warning: true},

		{wrong: "another size", after: changed("permits", "MemorySize", "512"), want: "function wxnotify-dev-permits: is not as serverless.yml says: a deployment would change memorySize from 512 to 128: make deploy",
			skipped: "what URLs answer of permits: these functions are not as serverless.yml says"},
		{wrong: "a secret that was changed", after: set("ANNOUNCE_KEY", strings.Repeat("b", 32)), want: "function wxnotify-dev-announce: is not as serverless.yml says: a deployment would change variables (ANNOUNCE_KEY): make deploy",
			skipped: "what URLs answer of announce: these functions are not as serverless.yml says"},
		{wrong: "no timer", after: func(d *deployment) { d.function("deliver").Triggers = nil }, want: "function wxnotify-dev-deliver: is not as serverless.yml says: a deployment would set its timer to 0 * * * * * *: make deploy",
			skipped: "what URLs answer of deliver: these functions are not as serverless.yml says"},
		{wrong: "no index", after: func(d *deployment) { d.cloud.Topic("wxnotify-dev-deliver").Index = false }, want: "log topic wxnotify-dev-deliver: is not as serverless.yml says: a deployment would index it: make deploy"},
		{wrong: "no URL", after: func(d *deployment) { d.function("session").Triggers = nil }, want: "function wxnotify-dev-session: is not as serverless.yml says: a deployment would give it a URL: make deploy",
			skipped: "what URLs answer of session: these functions are not as serverless.yml says"},
		{wrong: "a function that is left over", before: func(d *deployment) {
			d.edit("serverless.yml", "    permits:\n", "    more:\n      name: ${name}-${stage}-more\n      handler: permits\n    permits:\n")
		}, after: func(d *deployment) {
			d.edit("serverless.yml", "    more:\n      name: ${name}-${stage}-more\n      handler: permits\n", "")
		}, want: "function wxnotify-dev-more: is not in serverless.yml any more, and stays: delete it", warning: true},
		{wrong: "another key of the account", after: func(d *deployment) { d.key = "AKIDother" }, want: "check TENCENT_SECRET_ID and TENCENT_SECRET_KEY, and this machine's clock",
			skipped: "the functions in the cloud: the API does not tell of them"},

		{wrong: "a URL that leads nowhere", after: instead("permits", func(http.ResponseWriter, *http.Request) {}), want: "URL of permits: does not answer: 127.0.0.1"},
		{wrong: "callbacks that nobody records", after: instead("imcallback", func(w http.ResponseWriter, r *http.Request) { im.Acknowledge{}.ServeHTTP(w, r) }),
			want: "URL of imcallback: answers 200: it does not refuse what somebody else signed"},
		{wrong: "callbacks that are refused", after: instead("imcallback", says(403, "{}")), want: "URL of imcallback: answers 403: it does not take what is signed with IM_CALLBACK_TOKEN"},
		{wrong: "an echo in quotes", after: instead("wechatpush", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%q", "success") }),
			want: "URL of wechatpush: answers 200: it does not take what is signed with WECHAT_TOKEN"},
		{wrong: "another EncodingAESKey", after: instead("wechatpush", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusForbidden)
			}
			_, _ = io.WriteString(w, r.URL.Query().Get("echostr"))
		}), want: "URL of wechatpush: answers 403: it does not take what is signed with WECHAT_ENCODING_AES_KEY"},
		{wrong: "a backend that is refused", after: instead("announce", says(401, `{"error":{}}`)), want: "URL of announce: answers 401: it does not take what is signed with ANNOUNCE_KEY"},
		{wrong: "a function without a store", after: instead("announce", says(503, "{}")), want: "URL of announce: answers 503: the function does not reach the store"},
		{wrong: "a function that cannot start", after: instead("session", says(500, `{"error":{"code":"misconfigured"}}`)), want: "URL of session: answers 500: its settings cannot be used: look at the function's log"},
	}
	for _, row := range rows {
		t.Run(row.wrong, func(t *testing.T) {
			d := newDeployment(t, addr)
			if row.before != nil {
				row.before(d)
			}
			d.made()
			if row.after != nil {
				row.after(d)
			}
			t.Cleanup(func() { // a server whose password was changed
				db := redis.NewClient(&redis.Options{Addr: addr, Password: "changed", Protocol: 2})
				defer db.Close()
				_ = db.ConfigSet(context.WithoutCancel(t.Context()), "requirepass", "password").Err()
			})
			r := doctor.Run(t.Context(), d.input())
			if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].String(), row.want) || r.Findings[0].Warning != row.warning {
				t.Errorf("found\n%v\nwant %q", r.Findings, row.want)
			}
			var skipped []string
			for _, s := range r.Skipped {
				skipped = append(skipped, s.What+": "+s.Because)
			}
			if got := strings.Join(skipped, "\n"); got != row.skipped {
				t.Errorf("skipped\n%s\nwant\n%s", got, row.skipped)
			}
			for _, name := range []string{"WECHAT_APPSECRET", "IM_SECRET_KEY", "IM_CALLBACK_TOKEN", "ANNOUNCE_KEY", "USERID_KEY"} {
				if value := d.settings[name]; value != "" && strings.Contains(fmt.Sprint(r), value) {
					t.Errorf("it shows %s", name)
				}
			}
			for _, f := range r.Findings {
				t.Logf("%-30s | %v", row.wrong, f)
			}
		})
	}
}

// older has a server say that it is an older one.
type older struct{ net.Conn }

func (c older) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	copy(p, bytes.ReplaceAll(p[:n], []byte("redis_version:7."), []byte("redis_version:5.")))
	return n, err
}

func away(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route to host")}
}

// A store in a VPC is not seen from outside, and that is no fault, unless the functions do not see it either. URLs may be told
// where there is no key for the API.
func TestFromOutside(t *testing.T) {
	d := newDeployment(t, server(t))
	d.made()
	d.dial = away
	d.instead["announce"] = says(503, "{}")
	in := d.input()
	in.Cloud = nil
	in.URLs = map[string]string{"imcallback": "https://a.example.com/x-imcallback", "wechatpush": "https://a.example.com/x-wechatpush", "announce": "https://a.example.com/x-announce"}
	d.Must(d.world.IM.SetCallbackURL(in.URLs["imcallback"]))
	r := doctor.Run(t.Context(), in)
	want := []doctor.Skip{
		{What: "the store", Because: "its address is a private one, which does not answer here: run this inside of its VPC, or through a tunnel"},
		{What: "the functions in the cloud", Because: "there is no TENCENT_SECRET_ID with a TENCENT_SECRET_KEY"},
	}
	if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].String(), "URL of announce: answers 503") || !slices.Equal(r.Skipped, want) || !strings.Contains(strings.Join(r.ByHand, " "), in.URLs["imcallback"]) {
		t.Errorf("%+v", r)
	}
	d.instead["announce"] = says(400, `{"error":{}}`)
	d.edit("serverless.yml", "inputs:", "inputs: [")
	r = doctor.Run(t.Context(), in)
	if len(r.Findings) != 1 || !slices.Contains(r.Skipped, doctor.Skip{What: "the functions in the cloud", Because: "serverless.yml cannot be read"}) {
		t.Errorf("without a file: %+v", r)
	}
}

// Whoever does not answer is not waited for: a look ends within half a minute.
func TestSilence(t *testing.T) {
	addr := server(t)
	d := newDeployment(t, addr)
	d.made()
	synctest.Test(t, func(t *testing.T) {
		d.T = testkit.T{T: t}
		w := must(simulator.New(d.config))(t)
		defer w.Close()
		d.world = w
		w.Faults.Always("/*", simulator.Lose())
		d.settings["STORE_URL"] = "redis://:password@store.example.com:6379/0"
		d.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		in := d.input()
		in.Cloud = func(region string) (*scf.Client, error) {
			c, err := scf.NewClient(common.NewCredential("id", "key"), region, profile.NewClientProfile())
			c.WithHttpTransport(silent{})
			return c, err
		}
		in.URLs = map[string]string{"imcallback": "https://a.example.com/", "session": "https://a.example.com/"}
		in.Seams.Platform = silent{}
		watch := stopwatch.Start()
		r := doctor.Run(t.Context(), in)
		if took := watch.Elapsed(); took > 30*time.Second || len(r.Findings) != 6 {
			t.Errorf("after %v: %v", took, r.Findings)
		}
		for i, want := range []string{"the store: does not answer", "WeChat: the access token", "IM: ", "Tencent Cloud: its API did not tell of the functions in time", "URL of imcallback: does not answer", "URL of session: does not answer"} {
			if i < len(r.Findings) && !strings.Contains(r.Findings[i].String(), want) {
				t.Errorf("%v, want %q", r.Findings[i], want)
			}
		}
		if !slices.Contains(r.Skipped, doctor.Skip{What: "clocks", Because: "neither WeChat nor IM told the time"}) {
			t.Errorf("%v", r.Skipped)
		}
	})
}

type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}
