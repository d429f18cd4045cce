package wechat_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"wxnotify/shared/card"
	"wxnotify/shared/wechat"
)

// The outcome table of docs/design.md, each code through a real call.
func TestClasses(t *testing.T) {
	for class, codes := range map[card.Class][]int{
		card.ClassRetry:         {-1, 43108},
		card.ClassMinute:        {45011},
		card.ClassQuota:         {45009},
		card.ClassRefused:       {43101},
		card.ClassUnknownOpenID: {40003, 50002},
		card.ClassTemplate:      {40037, 41030, 43107},
		card.ClassOperator:      {40013, 48001, 40164, 40243, 89503, 89506, 89507, 40125, 50004, 50007},
		card.ClassWording:       {45168},
		card.ClassDefect:        {47003, 47001},
		card.ClassUnlisted:      {1, 20001, 40097, 43002, 44002, 45109, 99999, -2},
	} {
		for _, code := range codes {
			c, api := answered(t, sendPath, fmt.Sprintf(`{"errcode":%d,"errmsg":"words rid: 1-2-3"}`, code))
			_, err := c.SendSubscribe(t.Context(), message)
			wantClass(t, err, class)
			e, ok := errors.AsType[*wechat.APIError](err)
			if !ok || e.Code != code || e.Op != "SendSubscribe" || e.Msg != "words rid: 1-2-3" {
				t.Fatalf("%d: error %#v", code, err)
			}
			if want := fmt.Sprintf("wechat: SendSubscribe: errcode %d: words rid: 1-2-3", code); err.Error() != want {
				t.Errorf("text %q, want %q", err, want)
			}
			if (e.Cure() != "") != (class == card.ClassOperator || class == card.ClassTemplate) {
				t.Errorf("%d: cure %q for class %v", code, e.Cure(), class)
			}
			if n := api.count(sendPath); n != 1 {
				t.Errorf("%d: %d sends, want 1", code, n)
			}
		}
	}
}

func TestRealAnswers(t *testing.T) {
	for _, tt := range []struct {
		answer  string
		class   card.Class
		keyword string
		rid     string
	}{
		{string(sample(t, "api-send-43101.json")), card.ClassRefused, "", "6a3ba761-6ef7535a-33c60a10"},
		{string(sample(t, "api-send-45009.json")), card.ClassQuota, "", "6350ba59-531186f6-55662d08"},
		{string(sample(t, "api-send-47003-empty.json")), card.ClassDefect, "thing1", "66682c41-7dd72826-01985a40"},
		{string(sample(t, "api-send-47003-invalid.json")), card.ClassDefect, "phrase3", "6685f720-7f0962fc-0273704f"},
		{`{"errcode":"43101","errmsg":"a code as a string"}`, card.ClassRefused, "", ""},
	} {
		c, _ := answered(t, sendPath, tt.answer)
		_, err := c.SendSubscribe(t.Context(), message)
		wantClass(t, err, tt.class)
		e, ok := errors.AsType[*wechat.APIError](err)
		if !ok || e.Keyword() != tt.keyword || !strings.Contains(e.Error(), tt.rid) {
			t.Errorf("%s: %v, keyword %q, want %q and rid %s", tt.answer, err, e.Keyword(), tt.keyword, tt.rid)
		}
	}
}

func TestKeyword(t *testing.T) {
	for _, tt := range []struct {
		code int
		msg  string
		want string
	}{
		{47003, "argument invalid! data.thing1.value is emtpy", "thing1"},
		{47003, "argument invalid! data.character_string12.value invalid hint: [a.b]", "character_string12"},
		{47003, "argument invalid! hint: [abc]", ""},
		{47003, "data.value.DATA", ""},
		{45168, "data.thing1.value", ""},
	} {
		if got := (&wechat.APIError{Code: tt.code, Msg: tt.msg}).Keyword(); got != tt.want {
			t.Errorf("Keyword of %q = %q, want %q", tt.msg, got, tt.want)
		}
	}
}

func TestCureNamesTheRefusedIP(t *testing.T) {
	for _, tt := range []struct{ msg, want string }{
		{"invalid ip 218.58.124.130 ipv6 ::ffff:218.58.124.130, not in whitelist rid: 6-2-0", "add 218.58.124.130 to"},
		{"invalid ip 2402:4e00::1 ipv6 2402:4e00::1, not in whitelist", "add 2402:4e00::1 to"},
		{"invalid ip 999.1.1.1, not in whitelist", "this function's address"},
		{"not in whitelist", "this function's address"},
	} {
		if got := (&wechat.APIError{Code: 40164, Msg: tt.msg}).Cure(); !strings.Contains(got, tt.want) {
			t.Errorf("Cure for %q = %q, want ...%s...", tt.msg, got, tt.want)
		}
	}
}

// What an API refuses has the class of its cause; without a token nothing is sent.
func TestRefusals(t *testing.T) {
	ask := map[string]func(*wechat.Client) (any, error){
		tokenPath:    func(c *wechat.Client) (any, error) { return c.SendSubscribe(t.Context(), message) },
		loginPath:    func(c *wechat.Client) (any, error) { return c.Code2Session(t.Context(), "login-code") },
		templatePath: func(c *wechat.Client) (any, error) { return c.GetTemplates(t.Context()) },
	}
	for _, tt := range []struct {
		path, answer string
		class        card.Class
		cure         string
		is           error
	}{
		{tokenPath, string(sample(t, "api-token-40164.json")), card.ClassOperator, "218.58.124.130", nil},
		{tokenPath, `{"errcode":40001,"errmsg":"invalid credential"}`, card.ClassOperator, "WECHAT_APPSECRET", nil},
		{tokenPath, `{"errcode":40125,"errmsg":"invalid appsecret"}`, card.ClassOperator, "WECHAT_APPSECRET", nil},
		{tokenPath, `{"errcode":40013,"errmsg":"invalid appid"}`, card.ClassOperator, "WECHAT_APPID", nil},
		{tokenPath, `{"errcode":-1,"errmsg":"system error"}`, card.ClassRetry, "", nil},
		{tokenPath, `{"errcode":45011,"errmsg":"too often"}`, card.ClassMinute, "", nil},
		{tokenPath, `{}`, card.ClassRetry, "", nil},
		{tokenPath, ``, card.ClassRetry, "", nil},
		{tokenPath, `{"access_token":"token-1"}`, card.ClassRetry, "", nil},
		{tokenPath, `{"access_token":"","expires_in":7200}`, card.ClassRetry, "", nil},
		{loginPath, string(sample(t, "api-code2session-40029.json")), card.ClassUnlisted, "", wechat.ErrLoginCode},
		{loginPath, string(sample(t, "api-code2session-40163.json")), card.ClassUnlisted, "", wechat.ErrLoginCode},
		{loginPath, `{"errcode":40226,"errmsg":"code blocked"}`, card.ClassUnlisted, "", wechat.ErrUserBlocked},
		{loginPath, `{"errcode":40125,"errmsg":"invalid appsecret"}`, card.ClassOperator, "WECHAT_APPSECRET", nil},
		{loginPath, `{"errcode":45011,"errmsg":"minute limit"}`, card.ClassMinute, "", nil},
		{loginPath, `{"errcode":40001,"errmsg":"secret app-secret-5bd2850f for login-code"}`, card.ClassOperator, "WECHAT_APPSECRET", nil},
		{loginPath, `{"session_key":"session-key"}`, card.ClassRetry, "", nil},
		{loginPath, `{"openid":"a b","session_key":"session-key"}`, card.ClassRetry, "", nil},
		{loginPath, `{"openid":7,"session_key":"session-key"}`, card.ClassRetry, "", nil},
		{loginPath, ``, card.ClassRetry, "", nil},
		{templatePath, `{"errcode":45009,"errmsg":"reach max api daily quota limit"}`, card.ClassQuota, "", nil},
		{templatePath, ``, card.ClassRetry, "", nil},
		{templatePath, `{}`, card.ClassRetry, "", nil},
		{templatePath, `{"errcode":0,"data":"x"}`, card.ClassRetry, "", nil},
	} {
		c, api := answered(t, tt.path, tt.answer)
		got, err := ask[tt.path](c)
		wantClass(t, err, tt.class)
		wantNoSecret(t, err.Error())
		e, ok := errors.AsType[*wechat.APIError](err)
		if tt.cure != "" && (!ok || !strings.Contains(e.Cure(), tt.cure)) {
			t.Errorf("%s: no cure with %q: %v", tt.answer, tt.cure, err)
		}
		for _, sentinel := range []error{wechat.ErrLoginCode, wechat.ErrUserBlocked} {
			if is := errors.Is(err, sentinel); is != (sentinel == tt.is) {
				t.Errorf("%s: errors.Is(%v, %v) = %v", tt.answer, err, sentinel, is)
			}
		}
		if !reflect.ValueOf(got).IsZero() || api.count(tt.path) != 1 || api.count(sendPath) != 0 {
			t.Errorf("%s: %v after %d requests and %d sends", tt.answer, got, api.count(tt.path), api.count(sendPath))
		}
	}
}
