package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// WeChat is the WeChat of one mini program: its API, its pushes, its users and their
// phones. Openids that a method names for the first time become users.
type WeChat struct {
	w   *World
	cfg WeChatConfig
	api api
	// sealer is nil if the key is not needed.
	sealer *sealer

	// The rest is guarded by w.mu.
	pushURL   string
	users     map[string]*subscriber
	templates map[string]*template
	order     []string // of templates, as added
	codes     map[string]*loginCode
	stable    issuer
	quotas    map[string]*quota
	sending   map[string]int // sends on their way, per openid
	failing   map[string][]sentFailure
	sensitive []string
	sends     int64
	lookup    Lookup
}

// A subscriber is one WeChat user.
type subscriber struct {
	openID     string
	sessionKey string
	mainOff    bool
	choices    map[string]*choice // per template
	cards      []Card
}

// A choice is what a user said about one template, and what is left of it.
type choice struct {
	permits  int
	accepted bool   // of a long-term template
	kept     Answer // "always keep": KeepAccept, KeepReject or empty
	off      bool
}

func newWeChat(w *World, cfg WeChatConfig) (*WeChat, error) {
	x := &WeChat{
		w: w, cfg: cfg, pushURL: cfg.PushURL,
		users:     map[string]*subscriber{},
		templates: map[string]*template{},
		codes:     map[string]*loginCode{},
		quotas:    map[string]*quota{},
		sending:   map[string]int{},
		failing:   map[string][]sentFailure{},
	}
	if cfg.Mode != ModePlain {
		s, err := newSealer(cfg.AESKey.Reveal(), cfg.AppID)
		if err != nil {
			return nil, err
		}
		x.sealer = s
	}
	endpoints := map[string]func(*request) answer{
		pathStableToken: x.getStableToken,
		pathLogin:       x.jscode2session,
		pathSend:        x.send,
		pathTemplates:   x.getTemplates,
		pathCallbackIP:  x.getCallbackIP,
		pathQuota:       x.getQuota,
		pathCheck:       x.callbackCheck,
	}
	x.api = api{
		platform: "wechat",
		endpoint: func(path string) func(*request) answer { return endpoints[path] },
		fault:    x.fail,
		unknown:  func() answer { return gateway(http.StatusNotFound) },
	}
	return x, nil
}

// The paths that the simulator serves.
const (
	pathStableToken = "/cgi-bin/stable_token"
	pathLogin       = "/sns/jscode2session"
	pathSend        = "/cgi-bin/message/subscribe/send"
	pathTemplates   = "/wxaapi/newtmpl/gettemplate"
	pathCallbackIP  = "/cgi-bin/getcallbackip"
	pathQuota       = "/cgi-bin/openapi/quota/get"
	pathCheck       = "/cgi-bin/callback/check"
)

// ServeHTTP implements http.Handler for WeChat's API.
func (x *WeChat) ServeHTTP(rw http.ResponseWriter, r *http.Request) { x.w.serve(rw, r, x.api) }

// SetPushURL sets where events go from now on; empty: nowhere. It is an error if u is
// not what WeChat's console accepts.
func (x *WeChat) SetPushURL(u string) error {
	if u != "" {
		if err := checkReceiver("the push URL", u); err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
	}
	x.w.lock()
	defer x.w.unlock()
	x.pushURL = u
	return nil
}

// SetSensitiveWords replaces the words that are refused with 45168.
func (x *WeChat) SetSensitiveWords(words ...string) {
	x.w.lock()
	defer x.w.unlock()
	x.sensitive = words
}

// user returns the user of that openid. The caller holds w.mu.
func (x *WeChat) user(openID string) *subscriber {
	u, ok := x.users[openID]
	if !ok {
		u = &subscriber{openID: openID, choices: map[string]*choice{}}
		x.users[openID] = u
	}
	return u
}

func (u *subscriber) choice(templateID string) *choice {
	c, ok := u.choices[templateID]
	if !ok {
		c = &choice{}
		u.choices[templateID] = c
	}
	return c
}

// NewUser makes up a user and returns the openid.
func (x *WeChat) NewUser() string {
	openID := "o" + x.w.rnd.text(27, alphabet)
	x.w.lock()
	defer x.w.unlock()
	x.user(openID)
	return openID
}

// texts are the errmsgs of errcodes, as published or seen.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage
var texts = map[int]string{
	-1:    "system error",
	40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
	40002: "invalid grant_type",
	40003: "invalid openid",
	40013: "invalid appid",
	40014: "invalid access_token",
	40029: "invalid code",
	40037: "invalid template_id",
	40125: "invalid appsecret",
	40163: "code been used",
	40201: "callback url is not set",
	40202: "invalid action",
	40203: "invalid check_operator",
	40226: "code blocked",
	40243: "appsecret frozen",
	41001: "access_token missing",
	41002: "appid missing",
	41004: "appsecret missing",
	41008: "missing code",
	41030: "invalid page",
	42001: "access_token expired",
	43001: "require GET method",
	43002: "require POST method",
	43101: "user refuse to accept the msg",
	43107: "subscribe message ability is banned",
	43108: "concurrent sends to one user",
	44002: "empty post data",
	45009: "reach max api daily quota limit",
	45011: "api minute-quota reach limit, must slower, retry next minute",
	45168: "hit sensitive words",
	47001: "data format error",
	47003: "argument invalid!",
	48001: "api unauthorized",
	50002: "user limited",
	76021: "cgi_path not found, please check",
	76022: "could not use this cgi_path, no permission",
	89503: "this ip needs confirmation of the admin",
}

// fail answers with an error.
func (x *WeChat) fail(code int) answer {
	if code == 40164 {
		return x.failText(code, "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist")
	}
	text, ok := texts[code]
	if !ok {
		text = "error"
	}
	return x.failText(code, text)
}

func (x *WeChat) failText(code int, text string) answer {
	return x.say(code, struct {
		Code int    `json:"errcode"`
		Msg  string `json:"errmsg"`
	}{code, text + " rid: " + x.rid()})
}

// say answers 200 with JSON.
func (x *WeChat) say(code int, v any) answer {
	return answer{contentType: "application/json; encoding=utf-8", body: encodeJSON(v), code: code}
}

// rid makes a request id, such as 64a551f6-70c08d41-3494c609.
func (x *WeChat) rid() string {
	return fmt.Sprintf("%08x-%08x-%08x", uint32(x.w.now().Unix()), x.w.rnd.uint32(), x.w.rnd.uint32())
}

// posted decodes the body of a POST that carries a token. An error is an errcode.
func (x *WeChat) posted(r *request, into any) (code int) {
	if r.method != http.MethodPost {
		return 43002
	}
	if len(r.body) == 0 {
		return 44002
	}
	if code := x.checkToken(r); code != 0 {
		return code
	}
	if json.Unmarshal(r.body, into) != nil {
		return 47001
	}
	return 0
}

// getCallbackIP lists where pushes come from.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/openApi-mgnt/api_getcallbackip
func (x *WeChat) getCallbackIP(r *request) answer {
	if code := x.checkToken(r); code != 0 {
		return x.fail(code)
	}
	return x.say(0, struct {
		List []string `json:"ip_list"`
	}{[]string{"127.0.0.1"}})
}
