package wire_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
	kit "wxnotify/trust/fixture"
)

// An app that is configured as Tencent's Node demo says gets its card once two URLs lead here and users log in
// through session: docs/from-the-node-demo.md. Neither console is touched otherwise.
// Source: https://cloud.tencent.com/document/product/269/79050
func TestComingFromTheNodeDemo(t *testing.T) {
	f := newFixtureOf(t, simulator.Config{
		WeChat: simulator.WeChatConfig{Mode: simulator.ModePlain},
		IM:     simulator.IMConfig{Admins: []string{"user0"}}, // no token: callbacks are not signed
	})
	f.sim.IM.Switch(kit.AfterSend, false)
	f.sim.IM.Switch("C2C.CallbackBeforeSendMsg", true)
	for name, value := range map[string]string{"IM_ADMIN": "user0", "IM_CALLBACK_TOKEN": "", "IM_CALLBACK_INSECURE": "1",
		"WECHAT_ENCODING_AES_KEY": "", "SESSION_MODE": "trusted"} {
		f.settings[name] = value
	}
	f.t.Must(f.sim.IM.SetCallbackURL(urlOf("imcallback")))
	f.t.Must(f.sim.WeChat.SetPushURL(urlOf("wechatpush")))
	f.t.Must(f.sim.WeChat.VerifyURL())

	openID := f.sim.WeChat.NewUser()
	body := `{"code":"` + f.sim.WeChat.Login(openID) + `","userId":"user2"}`
	res := f.call("session", http.MethodPost, nil, body, kit.Signed(secret.New(f.settings["SESSION_KEY"]), "session", []byte(body), f.now()))
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the login is answered %+v", res)
	}
	f.t.Must(f.sim.WeChat.Subscribe(openID, template, 1)) // one template: List is an object

	f.sim.IM.Import("user1", "Ann")
	f.sim.IM.Import("user2", "")
	for range 10 {
		if _, err := f.sim.IM.SendC2C("user1", "user2", simulator.Text("lunch?")); err != nil {
			t.Fatalf("the message is held up: %v", err)
		}
	}
	if _, err := f.sim.IM.SendC2C("user0", "user2", simulator.Text("welcome")); err != nil {
		t.Fatal(err)
	}
	for _, x := range f.sim.Record.Exchanges("*") {
		if x.Err != "" || x.Status != http.StatusOK {
			t.Errorf("refused: %+v", x)
		}
	}
	f.t.Must(f.run(struct{}{}))
	cards := f.sim.WeChat.Cards(openID)
	if len(cards) != 1 || cards[0].Value("thing1") != "Ann" || cards[0].Value("number3") != "10" {
		t.Errorf("the phone shows %+v, want one card for the ten messages of user1\n%s", cards, &f.log)
	}
}

// Every recorded and documented callback, signed as IM signs it, gets IM's OK, if the sample does not say that
// it is not authentic.
func TestSampleCallbacks(t *testing.T) {
	f := newFixture(t)
	files, err := filepath.Glob("../im/testdata/callbacks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples: ", err)
	}
	for _, file := range files {
		var s struct {
			Query   string
			Body    json.RawMessage
			BodyRaw *string `json:"body_raw"`
			Hint    struct {
				Kind, Token string
				Now         int64
			}
		}
		readJSON(t, file, &s)
		q, err := url.ParseQuery(s.Query)
		f.t.Must(err)
		body := string(s.Body)
		if s.BodyRaw != nil {
			body = *s.BodyRaw
		}
		f.ahead, f.settings["IM_SDKAPPID"], f.settings["IM_CALLBACK_TOKEN"] = 0, "1400123456", kit.CallbackToken.Reveal()
		if q.Has("sdkappid") { // a callback of the first Call API
			f.settings["IM_SDKAPPID"] = q.Get("sdkappid")
		}
		if s.Hint.Token != "" { // the sample brings a signature of its own, or the lack of one
			f.settings["IM_CALLBACK_TOKEN"], f.ahead = s.Hint.Token, time.Unix(s.Hint.Now, 0).Sub(f.now())
		} else {
			im.SignQuery(q, kit.CallbackToken, f.now())
		}
		f.log.Reset()
		answer := f.call("imcallback", http.MethodPost, q, body, nil).short()
		if ok := answer == "200 OK"; ok == (s.Hint.Kind == "reject") || strings.Contains(f.log.String(), `"alert"`) {
			t.Errorf("%s, of kind %s, is answered %s\n%s", filepath.Base(file), s.Hint.Kind, answer, &f.log)
		}
	}
}

// Every recorded and documented push is told success when it comes, plain and encrypted.
func TestSamplePushes(t *testing.T) {
	f := newFixture(t)
	key, vectors := f.settings["WECHAT_ENCODING_AES_KEY"], readVectors(t)
	var index struct {
		Files []struct {
			File   string
			Expect *struct {
				DecryptsTo string `json:"decrypts_to"`
			}
		}
	}
	readJSON(t, "../wechat/testdata/samples/index.json", &index)
	if len(index.Files) == 0 {
		t.Fatal("no samples")
	}
	for _, s := range index.Files {
		if s.Expect == nil {
			continue // an answer of WeChat's API
		}
		body, err := os.ReadFile("../wechat/testdata/samples/" + s.File)
		f.t.Must(err)
		push := func(q url.Values, body []byte) {
			t.Helper()
			if res := f.call("wechatpush", http.MethodPost, q, string(body), nil); res.StatusCode != http.StatusOK || res.Body != "success" {
				t.Errorf("%s is answered %+v\n%s", s.File, res, &f.log)
			}
			f.log.Reset()
		}
		f.ahead = createdIn(body).Sub(f.now())
		if v, sealed := vectors[s.Expect.DecryptsTo]; sealed { // with a key of its own
			seconds, err := strconv.ParseInt(v.Timestamp, 10, 64)
			f.t.Must(err)
			f.ahead = time.Unix(seconds, 0).Sub(f.now())
			f.settings["WECHAT_APPID"], f.settings["WECHAT_TOKEN"], f.settings["WECHAT_ENCODING_AES_KEY"] = v.AppID, v.Token, v.Key
			q, err := wechat.Sealer{Token: secret.New(v.Token), Timestamp: time.Unix(seconds, 0), Nonce: v.Nonce}.SignURL("")
			f.t.Must(err)
			q.Set("encrypt_type", "aes")
			q.Set("msg_signature", v.MsgSignature)
			push(q, body)
			f.settings["WECHAT_APPID"], f.settings["WECHAT_TOKEN"] = f.sim.Config().WeChat.AppID, f.sim.Config().WeChat.Token.Reveal()
			continue
		}
		for mode, key := range map[wechat.Mode]string{wechat.ModePlain: "", wechat.ModeSecure: key} {
			f.settings["WECHAT_ENCODING_AES_KEY"] = key
			sealer := f.sealer()
			sealer.Mode, sealer.Timestamp = mode, f.now().Add(f.ahead)
			q, sealed, err := sealer.Seal(body)
			f.t.Must(err)
			push(q, sealed)
		}
	}
}

// A vector is a push that somebody else has sealed.
type vector struct {
	ID, Token, Timestamp, Nonce string
	Key                         string `json:"encoding_aes_key"`
	AppID                       string `json:"receive_id"`
	MsgSignature                string `json:"msg_signature"`
}

func readVectors(t *testing.T) map[string]vector {
	t.Helper()
	var file struct{ Published, Derived []vector }
	readJSON(t, "../wechat/testdata/wechat-crypto.json", &file)
	vectors := map[string]vector{}
	for _, v := range append(file.Published, file.Derived...) {
		vectors[v.ID] = v
	}
	return vectors
}

var createTime = regexp.MustCompile(`CreateTime\W*([0-9]+)`)

// createdIn returns the CreateTime of a push; a push without one comes at any time.
func createdIn(body []byte) time.Time {
	if m := createTime.FindSubmatch(body); m != nil {
		if at, err := strconv.ParseInt(string(m[1]), 10, 64); err == nil {
			return time.Unix(at, 0)
		}
	}
	return testkit.Future
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
