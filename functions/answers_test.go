package functions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxnotify/functions/internal/functest"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store/redistest"
	"wxnotify/shared/wechat"
)

// A deployment is what is wrong with one, or with the machine of one instance.
type deployment struct {
	name   string
	change func(w *answering)
}

// deployments are the rows of the table in docs/operations.md. The first is the one that the
// others are compared with.
func deployments(t *testing.T) []deployment {
	rows := []deployment{
		{"all is well", func(*answering) {}},
		{"`STORE_URL` alone is not set", func(w *answering) { delete(w.settings, "STORE_URL") }},
		{"a template beside `message` is broken", func(w *answering) {
			w.settings["NOTIFY_FILE"] = notifyFile(t, "  digest: {id: T9, data: {thing1: \"{{.Sendr}}\"}}\n")
		}},
		{"the clock of the instance is 5 min ahead", func(w *answering) { w.ahead = 5*time.Minute + 2*time.Second }},
	}
	for _, name := range deployed(t) {
		rows = append(rows, deployment{"`" + name + "` is `undefined`", func(w *answering) { w.settings[name] = "undefined" }})
	}
	return rows
}

// notifyFile writes a notify.yml with more templates than that of messages, and returns its name.
func notifyFile(t *testing.T, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notify.yml")
	b := "templates:\n  message: {id: \"${TEMPLATE_MESSAGE}\", data: {thing1: \"{{.Sender}}\", thing2: \"{{.Summary}}\", number3: \"{{.Count}}\"}}\n" + more + "rules: {lead: 0s}\n"
	if err := os.WriteFile(file, []byte(b), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// deployed returns the settings that are made from the environment of who deploys.
func deployed(t *testing.T) (names []string) {
	t.Helper()
	b, err := os.ReadFile("../serverless.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`key: (\w+), value: "\$\{env:`).FindAllSubmatch(b, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) < 20 {
		t.Fatalf("serverless.yml sets only %q", names)
	}
	return names
}

// An answering is a world in which each function is asked something that it knows how to answer.
type answering struct {
	*stage
	ahead time.Duration // of the function's clock
}

// answeringUsers are all there were: each question has one of its own.
var answeringUsers int

// questions are the columns of the table.
var questions = []struct {
	name string
	ask  func(*answering) string
}{
	{"`imcallback`", (*answering).callback},
	{"`wechatpush`, verification", (*answering).verification},
	{"`wechatpush`, push", (*answering).push},
	{"`session`", (*answering).login},
	{"`permits`", (*answering).permits},
	{"`announce`", (*answering).announce},
	{"`deliver`", (*answering).run},
}

// What each function answers in a deployment with a fault is what docs/operations.md says.
func TestAnswersOfABrokenDeployment(t *testing.T) {
	t.Parallel()
	head, rule := "| deployment |", "|---|"
	for _, q := range questions {
		head, rule = head+" "+q.name+" |", rule+"---|"
	}
	addr := redistest.Start(t)
	whole := newWorldOn(t, addr, "rules: {lead: 0s}", &clock{})
	settings := whole.settings
	settings["NOTIFY_FILE"], settings["TEMPLATE_MESSAGE"] = notifyFile(t, ""), template
	table, well := head+"\n"+rule+"\n", []string{}
	for _, d := range deployments(t) {
		w := &answering{stage: &stage{world: whole}}
		whole.settings = maps.Clone(settings)
		d.change(w)
		// To an instance whose clock is ahead the world, its store included, is behind.
		whole.clock.ahead.Store(-int64(w.ahead))
		if whole.settings["STORE_URL"] == settings["STORE_URL"] {
			whole.settings["STORE_URL"] = "redis://" + functest.NewClockTap(t, addr, nil, whole.clock.Now).Addr
		}
		row := "| " + d.name + " |"
		for i, q := range questions {
			got := q.ask(w)
			switch {
			case len(well) < len(questions):
				well = append(well, got)
			case got == well[i]:
				got = "="
			}
			row += " " + got + " |"
		}
		table += row + "\n"
	}
	b, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), table) {
		t.Errorf("docs/operations.md does not have this table:\n%s", table)
	}
}

// now is the world's time.
func (w *answering) now() time.Time { return w.clock.Now() }

// ask invokes a new instance.
func (w *answering) ask(function, event string, limit time.Duration) ([]byte, error) {
	w.t.Helper()
	p := startFunction(w.t, function, w.settings)
	defer p.kill()
	p.ahead = w.ahead
	return p.call(event, limit)
}

// refuses is the answer of a function whose settings have a fault.
const refuses = "refuses"

// http returns what a function answers to a request, in short, and the answer's body.
func (w *answering) http(function, method string, query url.Values, body string, header map[string]string) (short, text string) {
	w.t.Helper()
	answer, err := w.ask(function, httpEvent(w.stage, method, query, []byte(body), header), answerTime)
	if err != nil {
		return "error: " + err.Error(), ""
	}
	res := response(w.stage, answer)
	var refusal struct {
		Error struct{ Code string }
	}
	json.Unmarshal([]byte(res.Body), &refusal) // another body has no code
	short = fmt.Sprint(res.StatusCode)
	switch {
	case refusal.Error.Code == "misconfigured" && res.StatusCode == http.StatusInternalServerError:
		short = refuses
	case refusal.Error.Code != "":
		short += " `" + refusal.Error.Code + "`"
	}
	return short, res.Body
}

// user returns a new one, who is bound and has a permit.
func (w *answering) user() (notify.UserID, notify.OpenID) {
	w.t.Helper()
	answeringUsers++
	user := notify.UserID(fmt.Sprint("user", answeringUsers))
	return user, w.subscribe(user)
}

func (w *answering) callback() string {
	user, _ := w.user()
	q := url.Values{"SdkAppid": {fmt.Sprint(w.sim.Config().IM.SDKAppID)}, "CallbackCommand": {"C2C.CallbackAfterSendMsg"}}
	im.SignQuery(q, secret.New(w.settings["IM_CALLBACK_TOKEN"]), w.now())
	body := fmt.Sprintf(`{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"bob","To_Account":%q,"MsgSeq":1,"MsgRandom":1,"MsgTime":%d,"MsgKey":"1_1_%[2]d",`+
		`"SendMsgResult":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"lunch?"}}]}`, user, w.now().Unix())
	short, text := w.http("imcallback", http.MethodPost, q, body, nil)
	if strings.Contains(text, `"ActionStatus":"OK"`) {
		short += " OK"
	}
	steps, err := w.store.Timeline(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return short + recorded(slices.ContainsFunc(steps, func(s notify.Step) bool { return s.Kind == notify.StepAccepted }))
}

func recorded(is bool) string {
	if is {
		return ", recorded"
	}
	return ", not recorded"
}

// sealer is WeChat, which signs with what the deployment was given.
func (w *answering) sealer() wechat.Sealer {
	return wechat.Sealer{AppID: w.sim.Config().WeChat.AppID, Token: secret.New(w.settings["WECHAT_TOKEN"]),
		EncodingAESKey: w.sim.Config().WeChat.AESKey, Mode: wechat.ModeSecure, Format: wechat.FormatJSON, Timestamp: w.now(), Nonce: "n1"}
}

func (w *answering) verification() string {
	q, err := w.sealer().SignURL("4375120948345356249")
	if err != nil {
		w.t.Fatal(err)
	}
	short, _ := w.http("wechatpush", http.MethodGet, q, "", nil)
	return short
}

func (w *answering) push() string {
	_, openID := w.user()
	q, body, err := w.sealer().Seal(fmt.Appendf(nil, `{"ToUserName":"gh_1","FromUserName":%q,"CreateTime":%d,"MsgType":"event","Event":"subscribe_msg_popup_event",`+
		`"List":[{"TemplateId":%q,"SubscribeStatusString":"accept","PopupScene":"0"}]}`, openID, w.now().Unix(), template))
	if err != nil {
		w.t.Fatal(err)
	}
	short, _ := w.http("wechatpush", http.MethodPost, q, string(body), nil)
	b, err := w.store.Balances(w.t.Context(), openID, []notify.TemplateID{template})
	if err != nil {
		w.t.Fatal(err)
	}
	return short + recorded(b[template] == 2)
}

func (w *answering) login() string {
	short, _ := w.http("session", http.MethodPost, nil, `{"code":"`+w.sim.WeChat.Login(w.sim.WeChat.NewUser())+`"}`, nil)
	return short
}

func (w *answering) permits() string {
	user, _ := w.user()
	whole := w.settings
	w.settings = maps.Clone(whole)
	w.settings["IM_SECRET_KEY"], w.settings["IM_SDKAPPID"] = w.sim.Config().IM.SecretKey.Reveal(), fmt.Sprint(w.sim.Config().IM.SDKAppID)
	header := w.bearer(user)
	w.settings = whole
	short, _ := w.http("permits", http.MethodGet, nil, "", header)
	return short
}

func (w *answering) announce() string {
	user, _ := w.user()
	body := fmt.Sprintf(`{"id":"order-%s","kind":"message","to":[%q],"fields":{"summary":"shipped","count":1}}`, user, user)
	short, _ := w.http("announce", http.MethodPost, nil, body, signed(w.settings["ANNOUNCE_KEY"], "announce", body, -int(w.ahead/time.Second)))
	return short
}

func (w *answering) run() string {
	user, openID := w.user()
	w.say(user)
	before := len(w.sim.WeChat.Cards(string(openID)))
	_, err := w.ask("deliver", "{}", 30*time.Second)
	switch sent := len(w.sim.WeChat.Cards(string(openID))) - before; {
	case err != nil && strings.Contains(err.Error(), "the function is not configured"):
		return refuses
	case err != nil:
		return "error: " + err.Error()
	case sent == 1:
		return "the card is sent"
	}
	return "no card"
}
