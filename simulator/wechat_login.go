package simulator

import (
	"encoding/base64"
	"net/http"
	"time"
)

// loginCodeLife is how long a code of wx.login works.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session
const loginCodeLife = 5 * time.Minute

type loginCode struct {
	openID  string
	expires time.Time
	used    bool
}

// Login is wx.login on the phone of openID: it returns a code that jscode2session
// takes once within 5 minutes.
func (x *WeChat) Login(openID string) (code string) {
	code = "0" + x.w.rnd.text(31, alphabet)
	x.w.lock()
	defer x.w.unlock()
	now := x.w.now()
	for c, l := range x.codes {
		if now.Sub(l.expires) > time.Hour {
			delete(x.codes, c)
		}
	}
	x.user(openID)
	x.codes[code] = &loginCode{openID: openID, expires: now.Add(loginCodeLife)}
	return code
}

// jscode2session is GET /sns/jscode2session. Its success has no errcode, and it labels
// JSON text/plain.
func (x *WeChat) jscode2session(r *request) answer {
	if r.method != http.MethodGet {
		return x.fail(43001)
	}
	q := r.query
	if code := x.checkSecret(q.Get("grant_type"), grantLogin, q.Get("appid"), q.Get("secret")); code != 0 {
		return x.failLogin(code)
	}
	if q.Get("js_code") == "" {
		return x.failLogin(41008)
	}
	x.w.lock()
	defer x.w.unlock()
	if code := x.spend(pathLogin); code != 0 {
		return x.failLogin(code)
	}
	code, ok := x.codes[q.Get("js_code")]
	switch {
	case !ok:
		return x.failLogin(40029)
	case code.used:
		return x.failLogin(40163)
	case !x.w.now().Before(code.expires):
		return x.failLogin(40029)
	}
	code.used = true
	u := x.user(code.openID)
	if u.sessionKey == "" {
		u.sessionKey = base64.StdEncoding.EncodeToString([]byte(x.w.rnd.text(16, alphabet)))
	}
	x.w.note(Event{Platform: "wechat", Kind: EventLogin, User: u.openID})
	a := x.say(0, struct {
		SessionKey string `json:"session_key"`
		OpenID     string `json:"openid"`
	}{u.sessionKey, u.openID})
	a.contentType = "text/plain"
	return a
}

// failLogin writes the errmsg as this API does: a comma before the rid.
func (x *WeChat) failLogin(code int) answer {
	a := x.failText(code, texts[code]+",")
	a.contentType = "text/plain"
	return a
}
