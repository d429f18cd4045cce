package wechat_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/wechat"
)

func TestSendSubscribe(t *testing.T) {
	shown := card.Card{ID: "c1", To: "o", Template: "T", Page: "p", Data: map[string]string{"thing1": "x"}, MiniProgramState: "trial", Lang: "en_US"}
	send := func(m wechat.SubscribeMessage) func(*wechat.Client) (int64, error) {
		return func(c *wechat.Client) (int64, error) { return c.SendSubscribe(t.Context(), m) }
	}
	for _, tt := range []struct {
		send func(*wechat.Client) (int64, error)
		want string
	}{
		{send(message), `{"touser":"oUser","template_id":"T1","page":"pages/chat/index?peer=u2&x=<1>",` +
			`"data":{"number3":{"value":"2"},"thing1":{"value":"Anna & Bob"}},"miniprogram_state":"formal","lang":"zh_CN"}`},
		{send(wechat.SubscribeMessage{To: "o", Template: "T", Data: map[string]string{"thing1": "x"}}), // what is empty is left out
			`{"touser":"o","template_id":"T","data":{"thing1":{"value":"x"}}}`},
		{func(c *wechat.Client) (int64, error) { return wechat.Sender{Client: c}.Send(t.Context(), shown) },
			`{"touser":"o","template_id":"T","page":"p","data":{"thing1":{"value":"x"}},"miniprogram_state":"trial","lang":"en_US"}`},
	} {
		api := newAPI()
		id, err := tt.send(online(t, api))
		if err != nil || id != 1988810812324364291 {
			t.Fatalf("SendSubscribe = %d, %v", id, err)
		}
		sent := api.seen[1]
		if sent.path != sendPath || sent.query != "access_token=token-1" {
			t.Errorf("sent to %s with %s", sent.path, sent.query)
		}
		if got := strings.TrimSpace(string(sent.body)); got != tt.want {
			t.Errorf("body %s, want %s", got, tt.want)
		}
	}
}

// A card that was sent is sent, whatever its id looks like.
func TestMsgID(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   int64
	}{
		{string(sample(t, "api-send-ok-msgid.json")), 1988810812324364291},
		{string(sample(t, "api-send-ok-documented.json")), 0},
		{`{"errcode":0,"msgid":"1988810812324364291"}`, 1988810812324364291},
		{`{"errcode":0,"msgid":null}`, 0},
		{`{"errcode":0,"msgid":99999999999999999999}`, 0},
		{`{"errcode":0,"msgid":{"x":1}}`, 0},
		{`{"errcode":"0","msgid":7}`, 7},
	} {
		c, _ := answered(t, sendPath, tt.answer)
		if got, err := c.SendSubscribe(t.Context(), message); err != nil || got != tt.want {
			t.Errorf("%s: SendSubscribe = %d, %v, want %d", tt.answer, got, err, tt.want)
		}
	}
}

const loginPath = "/sns/jscode2session"

func TestCode2Session(t *testing.T) {
	c, api := answered(t, loginPath, string(sample(t, "api-code2session-ok.json")),
		`{"errcode":0,"errmsg":"ok","openid":"oB","session_key":"session-key","unionid":"u"}`)
	for _, want := range []fact.OpenID{"ocBex5K5Ou-7Z9EuPAtwsP4yvnQQ", "oB"} {
		if got, err := c.Code2Session(t.Context(), "login-code"); err != nil || got != want {
			t.Errorf("Code2Session = %q, %v, want %q", got, err, want)
		}
	}
	q, err := url.ParseQuery(api.seen[0].query)
	want := url.Values{"appid": {appID}, "secret": {appSecret}, "js_code": {"login-code"}, "grant_type": {"authorization_code"}}
	if diff := cmp.Diff(want, q); err != nil || diff != "" {
		t.Errorf("query: %v\n%s", err, diff)
	}
	if api.count(tokenPath) != 0 {
		t.Error("a login fetched an access token")
	}
}

const templatePath = "/wxaapi/newtmpl/gettemplate"

func TestGetTemplates(t *testing.T) {
	c, api := answered(t, templatePath, string(sample(t, "api-gettemplate.json")))
	got, err := c.GetTemplates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []wechat.Template{
		{
			ID: "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU", Title: "报名结果通知", Type: wechat.OneTime,
			Keywords: []wechat.Keyword{{Name: "date2", Label: "会议时间"}, {Name: "thing1", Label: "会议地点"}},
			Example:  "会议时间:2016年8月8日\n会议地点:TIT会议室\n",
		},
		{
			ID: "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME", Title: "洗衣机故障提醒", Type: wechat.LongTerm,
			Keywords: []wechat.Keyword{
				{Name: "time1", Label: "完成时间"},
				{Name: "enum_string2", Label: "所在位置", Enum: []string{"客厅", "餐厅", "厨房"}},
				{Name: "enum_string3", Label: "提示说明", Enum: []string{"设备发生故障，导致工作异常，请及时查看"}},
			},
			Example: "完成时间:2021年10月21日 12:00:00\n所在位置:客厅\n提示说明:设备发生故障，导致工作异常，请及时查看\n",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
	if q := api.seen[1].query; q != "access_token=token-1" || len(api.seen[1].body) != 0 {
		t.Errorf("asked with %s and a body of %d bytes", q, len(api.seen[1].body))
	}
}

func TestGetTemplatesWithAFreshToken(t *testing.T) {
	c, api := answered(t, templatePath, `{"errcode":42001,"errmsg":"access_token expired"}`, `{"errcode":0,"data":[]}`)
	if list, err := c.GetTemplates(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("GetTemplates = %v, %v", list, err)
	}
	wantFetches(t, api, 2)
}
