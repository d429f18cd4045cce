package wechat_test

import (
	"strings"
	"testing"

	"wxnotify/shared/notify"
	"wxnotify/shared/wechat"
)

func TestSendSubscribe(t *testing.T) {
	for _, tt := range []struct {
		message wechat.SubscribeMessage
		want    string
	}{
		{message, `{"touser":"oUser","template_id":"T1","page":"pages/chat/index?peer=u2&x=<1>",` +
			`"data":{"number3":{"value":"2"},"thing1":{"value":"Anna & Bob"}},"miniprogram_state":"formal","lang":"zh_CN"}`},
		{wechat.SubscribeMessage{To: "o", Template: "T", Data: map[string]string{"thing1": "x"}}, // what is empty is left out
			`{"touser":"o","template_id":"T","data":{"thing1":{"value":"x"}}}`},
	} {
		api := newAPI()
		id, err := online(t, api).SendSubscribe(t.Context(), tt.message)
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

func TestSendSubscribeChecksItsMessage(t *testing.T) {
	api := newAPI()
	c := online(t, api)
	for _, m := range []wechat.SubscribeMessage{
		{Template: "T", Data: message.Data}, {To: "o", Data: message.Data}, {To: "o", Template: "T"},
	} {
		_, err := c.SendSubscribe(t.Context(), m)
		wantClass(t, err, notify.ClassDefect)
		if !strings.Contains(err.Error(), "is empty") {
			t.Errorf("error %q does not name what is missing", err)
		}
	}
	if len(api.seen) != 0 {
		t.Errorf("%d requests arrived", len(api.seen))
	}
}

func TestSender(t *testing.T) {
	api := newAPI()
	s := wechat.Sender{Client: online(t, api)}
	id, err := s.Send(t.Context(), notify.Card{
		ID: "c1", To: message.To, Template: message.Template, Page: message.Page, Data: message.Data,
		MiniProgramState: "trial", Lang: "en_US",
	})
	if err != nil || id != 1988810812324364291 {
		t.Fatalf("Send = %d, %v", id, err)
	}
	got := decodeBody(t, api.seen[1].body)
	if got["touser"] != "oUser" || got["miniprogram_state"] != "trial" || got["lang"] != "en_US" || got["page"] != message.Page {
		t.Errorf("body %v", got)
	}
}
