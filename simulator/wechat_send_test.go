package simulator_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

const user = "otFpruAK8D-E6EfStSYonYSBZ8_4"

// legal are values for the template of templateID.
var legal = map[string]string{"thing1": "Anna", "thing2": "[图片]", "number3": "2", "time4": "2026年11月22日 09:41"}

// sendBody writes the body of a send, with changes to its members.
func sendBody(t *testing.T, to, template string, values map[string]string, change ...map[string]any) string {
	t.Helper()
	data := map[string]any{}
	for k, v := range values {
		data[k] = map[string]string{"value": v}
	}
	body := map[string]any{"touser": to, "template_id": template, "page": "pages/chat/index?peer=u2", "data": data,
		"miniprogram_state": "formal", "lang": "zh_CN"}
	for _, c := range change {
		maps.Copy(body, c)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (s *fixture) send(body string) map[string]any {
	s.t.Helper()
	token, _ := s.stable()
	return s.call("POST", "/cgi-bin/message/subscribe/send?access_token="+token, body)
}

// subscribed gives user n permits and forgets the pushes that tell of them.
func (s *fixture) subscribed(n int) {
	s.t.Helper()
	if err := s.WeChat.Subscribe(user, templateID, n); err != nil {
		s.t.Fatal(err)
	}
	s.inbox.take()
}

func TestSendShowsACard(t *testing.T) {
	s := newFixture(t)
	s.subscribed(2)
	token, _ := s.stable()
	_, raw, err := s.exchange("POST", pathSend+"?access_token="+token, sendBody(t, user, templateID, legal, map[string]any{"page": "/pages/chat/index?peer=u2"}))
	if err != nil || !regexp.MustCompile(`^\{"errcode":0,"errmsg":"ok","msgid":\d{19}\}$`).Match(raw) {
		t.Fatalf("got %s, %v", raw, err)
	}
	m := object(t, raw)
	msgID := number(t, m, "msgid")
	if msgID <= 1<<53 || int64(float64(msgID)) == msgID {
		t.Errorf("msgid %d fits into a float64", msgID)
	}
	want := []simulator.Card{{
		At: start, MsgID: msgID, OpenID: user, TemplateID: templateID, Title: "留言提醒",
		Page: "pages/chat/index?peer=u2", State: "formal", Lang: "zh_CN",
		Lines: []simulator.CardLine{
			{Label: "发送人", Keyword: "thing1", Value: "Anna"},
			{Label: "内容", Keyword: "thing2", Value: "[图片]"},
			{Label: "数量", Keyword: "number3", Value: "2"},
			{Label: "时间", Keyword: "time4", Value: "2026年11月22日 09:41"},
		},
	}}
	if diff := cmp.Diff(want, s.WeChat.Cards(user)); diff != "" {
		t.Error(diff)
	}
	if got := s.WeChat.Cards(user)[0].Value("number3"); got != "2" {
		t.Errorf("Value(number3) is %q", got)
	}
	if n := s.WeChat.Permits(user, templateID); n != 1 {
		t.Errorf("%d permits left, want 1", n)
	}
	s.none()
	s.clock.Advance(time.Second)
	ev := s.opened(s.one())
	if ev["Event"] != "subscribe_msg_sent_event" {
		t.Errorf("got %v, want the sent event", ev)
	}
	list, ok := ev["List"].(map[string]any)
	if !ok || list["MsgID"] != strconv.FormatInt(msgID, 10) || list["ErrorCode"] != "0" || list["ErrorStatus"] != "success" {
		t.Errorf("sent event lists %v, want msgid %d", ev["List"], msgID)
	}
}

var rid = regexp.MustCompile(` rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

func TestSendRefusals(t *testing.T) {
	without := func(key string) map[string]string {
		m := maps.Clone(legal)
		delete(m, key)
		return m
	}
	with := func(key, value string) map[string]string {
		m := maps.Clone(legal)
		m[key] = value
		return m
	}
	for name, tt := range map[string]struct {
		body string
		want int64
		msg  string
	}{
		"not json":       {"{", 47001, "data format error"},
		"no user":        {sendBody(t, "", templateID, legal), 40003, ""},
		"stranger":       {sendBody(t, "oOfAnotherApp", templateID, legal), 40003, ""},
		"template":       {sendBody(t, user, "gone", legal), 40037, ""},
		"never asked":    {sendBody(t, user, otherID, map[string]string{"thing1": "x"}), 43101, "user refuse to accept the msg"},
		"no permit wins": {sendBody(t, user, otherID, map[string]string{"thing1": " "}), 43101, ""},
		"missing":        {sendBody(t, user, templateID, without("thing2")), 47003, "argument invalid! data.thing2.value is empty"},
		"empty":          {sendBody(t, user, templateID, with("thing1", "")), 47003, "argument invalid! data.thing1.value is empty"},
		"illegal":        {sendBody(t, user, templateID, with("number3", "99+")), 47003, "argument invalid! data.number3.value invalid"},
		"too much":       {sendBody(t, user, templateID, with("thing9", "x")), 47003, "argument invalid! data.thing9.value invalid"},
		"with suffix":    {sendBody(t, user, templateID, nil, map[string]any{"data": map[string]any{"thing1.DATA": map[string]string{"value": "x"}}}), 47003, "data.thing1.value is empty"},
		"data a string":  {sendBody(t, user, templateID, nil, map[string]any{"data": `{"thing1":{"value":"x"}}`}), 47003, "data.thing1.value is empty"},
		"number value":   {sendBody(t, user, templateID, nil, map[string]any{"data": map[string]any{"number3": map[string]any{"value": 2}}}), 47001, ""},
		"state":          {sendBody(t, user, templateID, legal, map[string]any{"miniprogram_state": "release"}), 47003, "miniprogram_state"},
		"lang":           {sendBody(t, user, templateID, legal, map[string]any{"lang": "zh"}), 47003, "lang"},
		"sensitive":      {sendBody(t, user, templateID, with("thing2", "我要赌博")), 45168, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			s.WeChat.SetSensitiveWords("赌博")
			s.subscribed(1)
			m := s.send(tt.body)
			if got := code(t, m); got != tt.want {
				t.Errorf("got %v, want %d", m, tt.want)
			}
			msg := m["errmsg"].(string)
			if !strings.Contains(msg, tt.msg) || !rid.MatchString(msg) {
				t.Errorf("errmsg %q, want %q and a rid", msg, tt.msg)
			}
			if n := s.WeChat.Permits(user, templateID); n != 1 {
				t.Errorf("%d permits after a refusal, want 1", n)
			}
			if cards := s.WeChat.Cards(user); len(cards) != 0 {
				t.Errorf("a refused send showed %v", cards)
			}
		})
	}
}

func TestSendNeedsPostAndToken(t *testing.T) {
	s := newFixture(t)
	for _, tt := range []struct {
		method, query, body string
		want                int64
	}{
		{"GET", "", "", 43002},
		{"POST", "", "", 44002},
		{"POST", "", "{}", 41001},
		{"POST", "?access_token=x", "{}", 40001},
	} {
		m := s.call(tt.method, "/cgi-bin/message/subscribe/send"+tt.query, tt.body)
		if got := code(t, m); got != tt.want {
			t.Errorf("%s %s: got %d, want %d", tt.method, tt.query, got, tt.want)
		}
	}
}

func TestTemplateStates(t *testing.T) {
	s := newFixture(t)
	s.subscribed(1)
	if err := s.WeChat.BanTemplate(templateID, true); err != nil {
		t.Fatal(err)
	}
	if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 43107 {
		t.Errorf("a banned template earns %d, want 43107", got)
	}
	if err := s.WeChat.BanTemplate(templateID, false); err != nil {
		t.Fatal(err)
	}
	if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 0 {
		t.Errorf("a template that is allowed again earns %d, want 0", got)
	}
	if err := s.WeChat.BanTemplate("gone", true); err == nil {
		t.Error("BanTemplate of no template: no error")
	}
	for _, bad := range []simulator.Template{
		{ID: "x", Title: "y"},
		{ID: "x", Content: "a:{{thing1.DATA}}"},
		{ID: "x", Title: "y", Content: "a:{{gadget.DATA}}"},
		{ID: "x", Title: "y", Content: "a:{{enum_string1.DATA}}"},
		{ID: "x", Title: "y", Content: "thing1"},
	} {
		if err := s.WeChat.AddTemplate(bad); err == nil {
			t.Errorf("AddTemplate(%+v): no error", bad)
		}
	}
}

func TestLongTermTemplate(t *testing.T) {
	s := newFixture(t)
	if err := s.WeChat.Subscribe(user, longTermID, 1); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := code(t, s.send(sendBody(t, user, longTermID, map[string]string{"enum_string2": "客厅"}))); got != 0 {
			t.Fatalf("a long-term send earns %d", got)
		}
	}
	m := s.send(sendBody(t, user, longTermID, map[string]string{"enum_string2": "书房"}))
	if got := code(t, m); got != 47003 {
		t.Errorf("a value outside the enum earns %d, want 47003", got)
	}
}

func TestGetTemplates(t *testing.T) {
	s := newFixture(t)
	token, _ := s.stable()
	m := s.call("GET", "/wxaapi/newtmpl/gettemplate?access_token="+token, "")
	data, ok := m["data"].([]any)
	if !ok || len(data) != 3 {
		t.Fatalf("got %v", m)
	}
	first, last := data[0].(map[string]any), data[2].(map[string]any)
	if first["priTmplId"] != templateID || number(t, first, "type") != 2 || !strings.Contains(first["content"].(string), "{{thing1.DATA}}") {
		t.Errorf("first template %v", first)
	}
	if first["example"] == "" || first["keywordEnumValueList"] != nil {
		t.Errorf("first template %v", first)
	}
	enums, ok := last["keywordEnumValueList"].([]any)
	if !ok || number(t, last, "type") != 3 || enums[0].(map[string]any)["keywordCode"] != "enum_string2.DATA" {
		t.Errorf("last template %v", last)
	}
}

func TestFailSent(t *testing.T) {
	s := newFixture(t)
	s.subscribed(1)
	s.WeChat.FailSent(user, "1", "failed")
	if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 0 {
		t.Fatalf("got %d, want an accepted send", got)
	}
	if cards := s.WeChat.Cards(user); len(cards) != 0 {
		t.Errorf("a failed send showed %v", cards)
	}
	s.clock.Advance(time.Second)
	list := s.opened(s.one())["List"].(map[string]any)
	if list["ErrorCode"] != "1" || list["ErrorStatus"] != "failed" {
		t.Errorf("sent event lists %v", list)
	}
}

func TestConcurrentSendsToOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(t, realClock)
		s.subscribed(3)
		s.stable()
		s.Faults.Next("/cgi-bin/message/subscribe/send", 1, simulator.Delay(time.Second))
		slow := make(chan int64)
		go func() { slow <- code(t, s.send(sendBody(t, user, templateID, legal))) }()
		synctest.Wait() // for its answer to be held back
		if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 43108 {
			t.Errorf("an overlapping send earns %d, want 43108", got)
		}
		if got := <-slow; got != 0 {
			t.Errorf("the first send earns %d, want 0", got)
		}
		if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 0 {
			t.Errorf("a later send earns %d, want 0", got)
		}
		if n := s.WeChat.Permits(user, templateID); n != 1 {
			t.Errorf("%d permits left, want 1", n)
		}
	})
}
