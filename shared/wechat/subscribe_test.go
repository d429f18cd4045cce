package wechat_test

import (
	"strings"
	"testing"

	"wxnotify/shared/notify"
	"wxnotify/shared/wechat"
)

func TestSendSubscribe(t *testing.T) {
	card := notify.Card{ID: "c1", To: "o", Template: "T", Page: "p", Data: map[string]string{"thing1": "x"}, MiniProgramState: "trial", Lang: "en_US"}
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
		{func(c *wechat.Client) (int64, error) { return wechat.Sender{Client: c}.Send(t.Context(), card) },
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
