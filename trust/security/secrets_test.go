package security_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/internal/testkit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/store/redistest"
	"wxnotify/shared/wechat"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
	"wxnotify/trust/instance"
)

// The app of the deployment.
const (
	sdkAppID   = 1400000001
	appID      = "wxba5fad812f8e6fb9"
	templateID = "T1"
)

// What is planted. Each is told apart by its text, so that a leak names its source.
var planted = map[string]string{
	"WECHAT_APPSECRET":                 "planted-app-secret-4f1d",
	"WECHAT_TOKEN":                     "plantedPushToken81c2",
	"WECHAT_TOKEN_PREVIOUS":            "plantedPushTokenOld3b",
	"WECHAT_ENCODING_AES_KEY":          "plantedAESkeyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"WECHAT_ENCODING_AES_KEY_PREVIOUS": "plantedAESoldBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA",
	"IM_SECRET_KEY":                    "planted-im-key-77aa90",
	"IM_SECRET_KEY_PREVIOUS":           "planted-im-key-before-31",
	"IM_CALLBACK_TOKEN":                "plantedCallbackToken5",
	"IM_CALLBACK_TOKEN_PREVIOUS":       "plantedCallbackOld66",
	"USERID_KEY":                       "planted-userid-key-0123456789abcdef",
	"SESSION_KEY":                      "planted-session-key-0123456789abcdef",
	"ANNOUNCE_KEY":                     "planted-announce-key-0123456789abcdef",
	"CONSOLE_TOKEN":                    "planted-console-token-0123456789abcdef",
	"the store's password":             "planted-redis-password",
	"TENCENTCLOUD_SECRETKEY":           "planted-cloud-key-88",
	"TENCENTCLOUD_SESSIONTOKEN":        "planted-cloud-token-99",
	"the access token":                 "planted-access-token-12",
	"WeChat's session_key":             "planted-wx-session-34",
	"the union id":                     "planted-union-id-56",
	"a message's text":                 "planted message text",
	"an announcement's text":           "planted announcement",
	"a query string":                   "planted-query-value",
	"a login code":                     "planted-login-code",
	"an openid":                        "oPlantedOpenID",
	"a header":                         "planted-header",
}

// A leakCheck looks through what the functions print and answer.
type leakCheck struct {
	t       *testing.T
	mu      sync.Mutex
	secrets map[string]string // text to what it is
}

func newLeakCheck(t *testing.T) *leakCheck {
	c := &leakCheck{t: t, secrets: map[string]string{}}
	for what, text := range planted {
		c.plant(what, text)
	}
	return c
}

// plant has text looked for, as it is and in the forms in which it travels.
func (c *leakCheck) plant(what, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text), base64.StdEncoding.EncodeToString([]byte(text)), hex.EncodeToString([]byte(text))} {
		c.secrets[form] = what
	}
}

// look looks through a text, a line at a time, apart from what may be there.
func (c *leakCheck) look(where, text string, but ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(text) {
		trust.Count(c.t, trust.Scanned, 1)
		for form, what := range c.secrets {
			if strings.Contains(line, form) && !slices.Contains(but, what) {
				trust.Broken(c.t, trust.Violated, "%s: %s shows in: %.600s", where, what, line)
			}
		}
	}
}

// An upstream plays WeChat, IM and Tencent Cloud. In every mood but "good" it sends back
// whatever it got, in the place where its own words would be.
type upstream struct {
	mu     sync.Mutex
	moods  [2]string // of IM, and of the others
	check  *leakCheck
	calls  map[string]int
	failed map[string]int // of calls, those that did not go well
}

// are sets the mood of IM, and that of WeChat and Tencent Cloud.
func (u *upstream) are(chat, others string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.moods = [2]string{chat, others}
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	mood := u.moods[1]
	if strings.HasPrefix(r.URL.Path, "/v4/") {
		mood = u.moods[0]
	}
	if u.calls[r.URL.Path]++; mood != "good" {
		u.failed[r.URL.Path]++
	}
	u.mu.Unlock()
	if sig := r.URL.Query().Get("usersig"); sig != "" {
		u.check.plant("the administrator's UserSig", sig)
		u.check.plant("a piece of the administrator's UserSig", sig[80:140]) // errors are clipped
	}
	echo := r.URL.Query().Get("usersig") + " " + r.URL.RawQuery + " " + r.Header.Get("X-TC-Token") + " " + r.Header.Get("Authorization") + " " + string(body)
	quoted, _ := json.Marshal(echo) // of a string: no error
	switch mood {
	case "broken":
		http.Error(w, echo, http.StatusBadGateway)
		return
	case "html":
		fmt.Fprintf(w, "<html>%s</html>", echo)
		return
	case "redirects":
		w.Header().Set("Location", "http://127.0.0.1:1/?"+echo)
		w.WriteHeader(http.StatusFound)
		return
	case "cut":
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, `{"errmsg":`+string(quoted))
		panic(http.ErrAbortHandler)
	}
	u.answer(w, r, body, mood, string(quoted))
}

func (u *upstream) answer(w http.ResponseWriter, r *http.Request, body []byte, mood, echo string) {
	code := map[string]int{"good": 0, "refuses": 47003, "stale token": 40001, "busy": -1, "wording": 45168, "gone": 40003}[mood]
	switch path := r.URL.Path; {
	case path == "/cgi-bin/stable_token" && mood != "refuses":
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, planted["the access token"])
	case path == "/sns/jscode2session" && code == 0:
		fmt.Fprintf(w, `{"openid":"%s-%s","session_key":%q,"unionid":%q}`, planted["an openid"], r.URL.Query().Get("js_code"), planted["WeChat's session_key"], planted["the union id"])
	case strings.HasPrefix(path, "/cgi-bin"), strings.HasPrefix(path, "/sns"):
		fmt.Fprintf(w, `{"errcode":%d,"errmsg":%s,"msgid":1}`, code, echo)
	case strings.HasPrefix(path, "/v4/") && code == 0:
		var q struct {
			To json.RawMessage `json:"To_Account"`
		}
		var users []string
		if json.Unmarshal(body, &q) == nil {
			_ = json.Unmarshal(q.To, &users) // of a single account there is no list
		}
		var status, items []string
		for _, user := range users {
			status = append(status, fmt.Sprintf(`{"To_Account":%q,"Status":"Offline"}`, user))
			items = append(items, fmt.Sprintf(`{"To_Account":%q,"ResultCode":0,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Anna"}]}`, user))
		}
		fmt.Fprintf(w, `{"ActionStatus":"OK","ErrorCode":0,"AllC2CUnreadMsgNum":9,"QueryResult":[%s],"UserProfileItem":[%s]}`, strings.Join(status, ","), strings.Join(items, ","))
	case strings.HasPrefix(path, "/v4/"):
		fmt.Fprintf(w, `{"ActionStatus":"FAIL","ErrorCode":%d,"ErrorInfo":%s}`, map[string]int{"stale token": 70001, "busy": 60008}[mood]+1, echo)
	case code == 0:
		io.WriteString(w, `{"Response":{"RequestId":"1","Result":{"FunctionRequestId":"2"}}}`)
	default:
		fmt.Fprintf(w, `{"Response":{"Error":{"Code":"InternalError","Message":%s},"RequestId":"1"}}`, echo)
	}
}

// A deployment is the six functions, as they are deployed, and what is around them.
type deployment struct {
	t        *testing.T
	check    *leakCheck
	redis    *miniredis.Miniredis
	upstream *upstream
	settings map[string]string
	run      map[string]*process
	n        int
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	dp := &deployment{t: t, check: newLeakCheck(t), redis: redistest.StartSmall(t), run: map[string]*process{}}
	dp.redis.RequireAuth(planted["the store's password"])
	dp.upstream = &upstream{moods: [2]string{"good", "good"}, check: dp.check, calls: map[string]int{}, failed: map[string]int{}}
	srv := httptest.NewUnstartedServer(dp.upstream)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.Start()
	t.Cleanup(srv.Close)
	file := filepath.Join(t.TempDir(), "notify.yml")
	// With preview: text the store and the cards hold what people write.
	if err := os.WriteFile(file, []byte("templates: {message: {id: "+templateID+`, data: {thing1: "{{.Sender}}", thing2: "{{.Summary}}"}}}`+"\nrules: {lead: 0s, preview: text}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dp.settings = map[string]string{
		"LOG_LEVEL": "debug", "NOTIFY_FILE": file, "STORE_URL": "redis://:" + planted["the store's password"] + "@" + dp.redis.Addr(), "DELIVER_FUNCTION": "deliver",
		"TENCENT_API_BASE": srv.URL, "WECHAT_API_BASE": srv.URL, "IM_API_BASE": srv.URL, "WECHAT_APPID": appID, "IM_SDKAPPID": strconv.Itoa(sdkAppID),
		"TENCENTCLOUD_SECRETID": "AKIDexample", "TENCENTCLOUD_REGION": "ap-guangzhou",
	}
	for name, text := range planted {
		if strings.ToUpper(name) == name {
			dp.settings[name] = text
		}
	}
	for _, f := range instance.Functions {
		dp.run[f] = start(t, f, dp.settings)
	}
	trusted := maps.Clone(dp.settings)
	trusted["SESSION_MODE"] = "trusted"
	dp.run["session, trusted"] = start(t, "session", trusted)
	return dp
}

// call sends a request to a function, and looks through all that comes of it.
func (dp *deployment) call(function, where string, q request) string {
	dp.t.Helper()
	if q.method == "" {
		q.method = http.MethodPost
	}
	header, query := http.Header{"X-Scf-Remote-Addr": {fmt.Sprintf("198.51.100.%d", dp.n%250)}, "Cookie": {planted["a header"]}}, url.Values{"ClientIP": {planted["a query string"]}}
	maps.Copy(header, q.header)
	maps.Copy(query, q.query)
	return dp.event(function, where, string(testkit.HTTPEvent(q.method, query, header, q.body)), 5*time.Second)
}

func (dp *deployment) event(function, where, event string, d time.Duration) string {
	dp.t.Helper()
	p := dp.run[function]
	answer := p.invoke(event, d)
	var session struct{ UserSig string }
	var res struct {
		StatusCode int
		Body       string
	}
	_ = json.Unmarshal([]byte(answer), &res) // an error is none
	if json.Unmarshal([]byte(res.Body), &session) == nil && session.UserSig != "" && p.Function == "session" {
		// The one exception: their own UserSig is what users ask for.
		dp.check.plant("a user's UserSig", session.UserSig)
		dp.check.look(function+" answers, "+where, answer, "a user's UserSig")
	} else {
		dp.check.look(function+" answers, "+where, answer)
	}
	dp.check.look(function+" prints, "+where, p.printed())
	return res.Body
}

// login returns a user of the real session function.
func (dp *deployment) login() (user, usersig string) {
	dp.t.Helper()
	dp.n++
	body := dp.call("session", "login", request{body: fmt.Sprintf(`{"code":"%s-%d"}`, planted["a login code"], dp.n)})
	var got struct{ UserID, UserSig string }
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.UserSig == "" {
		dp.t.Fatalf("login: %s, %v", body, err)
	}
	return got.UserID, got.UserSig
}

// everything sends good and bad requests to every function.
func (dp *deployment) everything(where, user, usersig string) {
	dp.t.Helper()
	now := time.Now()
	dp.n++
	dp.messages(where, user, now)
	dp.pushes(where, now)
	dp.clients(where, user, usersig)
	dp.backends(where, user, now)
	dp.event("deliver", where, []string{`{}`, `{"Type":"Timer","TriggerName":"t","Time":"2026-11-22T00:00:00Z","Message":""}`}[dp.n%2], runTime)
}

// runTime leaves a run of deliver a moment: no card is begun in its last 20 s.
const runTime = 20*time.Second + 700*time.Millisecond

func (dp *deployment) messages(where, user string, now time.Time) {
	dp.t.Helper()
	for i, token := range []string{planted["IM_CALLBACK_TOKEN"], planted["IM_CALLBACK_TOKEN_PREVIOUS"], "guess"} {
		text := planted["a message's text"]
		q, good := fixture.Callback(sdkAppID, secret.New(token), user, dp.n*10+i, text, now)
		for _, body := range []string{good, good[:len(good)-5], strings.Replace(good, afterSend, "x."+text, 1), strings.Replace(good, `"MsgTime":`, `"MsgTime":"`+text+`","x":`, 1),
			strings.Replace(good, `"bob"`, `"`+text+`\n"`, 1), text, ""} {
			dp.call("imcallback", where, request{query: q, body: body})
		}
		q.Set("CallbackCommand", "C2C."+text)
		dp.call("imcallback", where, request{query: q, body: strings.Replace(good, afterSend, "C2C."+text, 1)})
	}
}

func (dp *deployment) pushes(where string, now time.Time) {
	dp.t.Helper()
	openID := fmt.Sprintf("%s-%s-1", planted["an openid"], planted["a login code"])
	for i, key := range []string{planted["WECHAT_ENCODING_AES_KEY"], planted["WECHAT_ENCODING_AES_KEY_PREVIOUS"], "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"} {
		for _, msg := range []string{event(popup, openID, templateID, "accept", now.Add(time.Duration(-dp.n*3-i)*time.Second)), event(change, openID, templateID, planted["a message's text"], now), event(sent, openID, templateID, "", now),
			fmt.Sprintf(`{"MsgType":"text","FromUserName":%q,"Content":%q,"CreateTime":%d}`, openID, planted["a message's text"], now.Unix()),
			event("wxa_punish_event", openID, templateID, "x", now), event(popup, openID+" ", templateID, "accept", now), "{", planted["a message's text"]} {
			for _, mode := range []wechat.Mode{wechat.ModeSecure, wechat.ModePlain} {
				token := []string{planted["WECHAT_TOKEN"], planted["WECHAT_TOKEN_PREVIOUS"], "guess"}[i]
				q, body, err := wechat.Sealer{AppID: appID, Token: secret.New(token), EncodingAESKey: secret.New(key), Mode: mode, Timestamp: now, Nonce: "1", OpenID: openID}.Seal([]byte(msg))
				if err != nil {
					dp.t.Fatal(err)
				}
				dp.call("wechatpush", where, request{query: q, body: string(body)})
			}
		}
	}
	for _, token := range []string{planted["WECHAT_TOKEN"], "guess"} {
		q, err := wechat.Sealer{AppID: appID, Token: secret.New(token), Timestamp: now, Nonce: "1"}.SignURL("echo")
		if err != nil {
			dp.t.Fatal(err)
		}
		dp.call("wechatpush", where, request{method: "GET", query: q})
	}
}

func bearer(user, usersig string) http.Header {
	return (&fixture.User{UserID: user, UserSig: usersig}).Bearer()
}

func (dp *deployment) clients(where, user, usersig string) {
	dp.t.Helper()
	login := fmt.Sprintf(`{"code":"%s-x%d"}`, planted["a login code"], dp.n)
	for _, body := range []string{login, `{"code":"` + planted["a login code"] + `","userId":"x"}`, `{"code":["` + planted["a login code"] + `"]}`, login[:9], login + planted["a login code"]} {
		dp.call("session", where, request{body: body})
		dp.call("session, trusted", where, request{body: body})
	}
	named := fmt.Sprintf(`{"code":"%s-t%d","userId":"carol"}`, planted["a login code"], dp.n)
	for _, key := range []string{planted["SESSION_KEY"], "guess"} {
		dp.call("session, trusted", where, request{body: named, header: fixture.Signed(secret.New(key), "session", []byte(named), time.Now())})
	}
	report := fmt.Sprintf(`{"reportId":"report-%d","results":{%q:"accept"},"preferences":{"mutedPeers":["nobody"]}}`, dp.n, templateID)
	for _, header := range []http.Header{bearer(user, usersig), bearer("bob", usersig), bearer(user, usersig[:50]), bearer(user, planted["a header"]), {"Authorization": {planted["a header"]}}} {
		dp.call("permits", where, request{method: "GET", header: header})
		for _, body := range []string{report, report[:20], `{"reportId":"` + planted["a message's text"] + strings.Repeat("x", 60) + `"}`} {
			dp.call("permits", where, request{body: body, header: header})
		}
	}
	dp.call("session", where, request{method: "DELETE", header: bearer("bob", usersig)})
	dp.call("session", where, request{method: "PUT", header: bearer(user, usersig)})
}

func (dp *deployment) backends(where, user string, now time.Time) {
	dp.t.Helper()
	body := fmt.Sprintf(`{"id":"order-%d","kind":"message","to":[%q,"nobody"],"fields":{"summary":%q,"sender":%[3]q}}`, dp.n, user, planted["an announcement's text"])
	good := fixture.Signed(secret.New(planted["ANNOUNCE_KEY"]), "announce", []byte(body), now)
	dp.call("announce", where, request{body: body, header: good})
	dp.call("announce", where, request{body: body, header: good}) // a replay
	for _, key := range []string{planted["ANNOUNCE_KEY"], "guess"} {
		for _, bad := range []string{body[:60], strings.Replace(body, `"fields":`, `"fields":"`+planted["an announcement's text"]+`","x":`, 1), strings.Replace(body, `"kind":"message"`, `"kind":"`+planted["an announcement's text"]+`"`, 1)} {
			dp.call("announce", where, request{body: bad, header: fixture.Signed(secret.New(key), "announce", []byte(bad), now)})
		}
	}
}

// TestNothingLeaks runs the six functions as they are deployed, at debug level, through good,
// bad and failing requests, with platforms that echo all they get and a store that fails
// in several ways. No secret, token, UserSig, message text, query or openid shows in what
// they print, answer or fail with, but the user's own UserSig in the answer of session.
func TestNothingLeaks(t *testing.T) {
	dp := newDeployment(t)
	var user, usersig string
	moods := []string{"good", "refuses", "cut", "stale token", "busy", "wording", "gone", "broken", "html", "redirects"}
	moods = moods[:trust.Size(3, 5, len(moods))]
	for round := range trust.Size(1, 1, 2) {
		for _, mood := range moods {
			dp.upstream.are("good", "good")
			user, usersig = dp.login() // who was told of nothing yet
			dp.upstream.are("good", mood)
			dp.everything(fmt.Sprintf("while WeChat is %q (%d)", mood, round), user, usersig)
			dp.upstream.are(mood, "good")
			where := fmt.Sprintf("while IM is %q (%d)", mood, round)
			dp.messages(where, user, time.Now().Add(10*time.Second))
			dp.event("deliver", where, "{}", runTime)
			dp.redis.FastForward(10 * time.Minute) // no limit stays, and no circuit
			dp.redis.Del(store.DefaultPrefix + "{0}:circuits")
		}
	}
	dp.upstream.are("good", "good")
	calls, failed := dp.upstream.calls, dp.upstream.failed
	const send, presence = "/cgi-bin/message/subscribe/send", "/v4/openim/query_online_status"
	if calls[send] == failed[send] || failed[send] == 0 || failed[presence] == 0 || calls["/"] == 0 {
		t.Errorf("too little happened for this to show anything: %v, of which failed %v", calls, failed)
	}
	t.Logf("calls %v, of which failed %v", calls, failed)
	spill := fmt.Sprintf(`{"spill":{"facts":[{"message":{"id":"1","from":"bob","to":%q,"sentAt":%%s,"seq":%%s,"summary":%q}}],"since":%q}}`, user, planted["a message's text"], time.Now().Format(time.RFC3339))
	for _, odd := range [][2]string{{`"2026-11-22T00:00:00Z"`, "1"}, {`"` + planted["a message's text"] + `"`, "1"}, {`"2026-11-22T00:00:00Z"`, `"` + planted["a message's text"] + `"`}, {"{", "1"}} {
		dp.event("deliver", "with a spill", fmt.Sprintf(spill, odd[0], odd[1]), runTime+4*time.Second)
	}
	dp.redis.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	dp.everything("while the store is full", user, usersig)
	dp.redis.SetError("")
	dp.redis.RequireAuth("changed")
	dp.redis.Close()
	if err := dp.redis.Restart(); err != nil { // so that everybody has to log in again
		t.Fatal(err)
	}
	dp.everything("with another password", user, usersig)
	dp.redis.Close()
	dp.everything("while the store is away", user, usersig)
	dp.upstream.are("broken", "broken")
	dp.everything("while everything is away", user, usersig)
}

// TestMisconfiguredFunctionsLeakNothing plants each secret where it is malformed: what a
// function says of its settings names them, and never their values.
func TestMisconfiguredFunctionsLeakNothing(t *testing.T) {
	for _, bad := range []map[string]string{
		{"WECHAT_ENCODING_AES_KEY": "planted-wrong", "USERID_KEY": "planted-short", "SESSION_KEY": "planted-short", "ANNOUNCE_KEY": "planted-short",
			"IM_SECRET_KEY": "planted-space ", "IM_CALLBACK_TOKEN": " planted-space", "STORE_URL": "planted://:planted-redis@host",
			"WECHAT_API_BASE": "https://user:planted-base@host", "IM_API_BASE": "http://planted-base.example", "TENCENT_API_BASE": "https://host/?token=planted-base"},
		{"WECHAT_ENCODING_AES_KEY": strings.Repeat("!", 36) + "planted", "STORE_URL": "redis://:planted-redis@host:port/planted", "SESSION_MODE": "trusted"},
	} {
		for _, f := range instance.Functions {
			settings := maps.Clone(bad)
			settings["LOG_LEVEL"], settings["WECHAT_APPID"], settings["IM_SDKAPPID"] = "debug", appID, "1"
			p := start(t, f, settings)
			answer := p.invoke(`{"httpMethod":"POST","path":"/","body":"{}"}`, 5*time.Second)
			log := p.printed()
			check := &leakCheck{t: t, secrets: map[string]string{"planted": "a value"}}
			check.look("the answer of "+f, answer)
			check.look("the log of "+f, log)
			if !strings.Contains(log, "STORE_URL") {
				t.Errorf("%s: the log does not name the setting: %s", f, log)
			}
		}
	}
}
