package simulator

import (
	"encoding/json"
	"net/http"
	"time"

	"wxnotify/shared/secret"
)

// Facts of the token issuer.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getstableaccesstoken
const (
	tokenOverlap   = 5 * time.Minute // a replaced token still works
	tokenLife      = 2 * time.Hour
	tokenLength    = 512 // what WeChat asks its customers to have room for
	tokenMemory    = 24 * time.Hour
	grantToken     = "client_credential"
	grantLogin     = "authorization_code"
	beijingSeconds = 8 * 60 * 60
)

// An issuer hands out tokens.
type issuer struct {
	current  *accessToken
	previous *accessToken
	all      map[string]*accessToken
}

type accessToken struct {
	value   string
	expires time.Time // then 42001
	until   time.Time // replaced: then 40001; zero: not replaced
}

func (t *accessToken) code(now time.Time) int {
	switch {
	case !t.until.IsZero() && !now.Before(t.until):
		return 40001
	case !now.Before(t.expires):
		return 42001
	}
	return 0
}

// replace makes value the current token. The one before works until overlap is over,
// older ones no more.
func (s *issuer) replace(value string, now time.Time, life, overlap time.Duration) *accessToken {
	if s.all == nil {
		s.all = map[string]*accessToken{}
	}
	if s.previous != nil {
		s.previous.until = now
	}
	if s.current != nil && (s.current.until.IsZero() || s.current.until.After(now.Add(overlap))) {
		s.current.until = now.Add(overlap)
	}
	for v, t := range s.all {
		if now.Sub(t.expires) > tokenMemory {
			delete(s.all, v)
		}
	}
	s.previous, s.current = s.current, &accessToken{value: value, expires: now.Add(life)}
	s.all[value] = s.current
	return s.current
}

type tokenAnswer struct {
	Token     string `json:"access_token"`
	ExpiresIn int64  `json:"expires_in"` // seconds
}

// getStableToken is POST /cgi-bin/stable_token. In normal mode it repeats the current
// token until it is 5 minutes from its end, and then replaces it with an overlap.
func (x *WeChat) getStableToken(r *request) answer {
	if r.method != http.MethodPost {
		return x.fail(43002)
	}
	if len(r.body) == 0 {
		return x.fail(44002)
	}
	var q struct {
		Grant  string `json:"grant_type"`
		AppID  string `json:"appid"`
		Secret string `json:"secret"`
	}
	if json.Unmarshal(r.body, &q) != nil {
		return x.fail(47001)
	}
	if code := x.checkSecret(q.Grant, grantToken, q.AppID, q.Secret); code != 0 {
		return x.fail(code)
	}
	x.w.lock()
	defer x.w.unlock()
	if code := x.spend(pathStableToken); code != 0 {
		return x.fail(code)
	}
	now := x.w.now()
	t := x.stable.current
	switch {
	case t == nil || t.code(now) != 0:
		t = x.renewStable(now, tokenOverlap)
	case t.expires.Sub(now) <= tokenOverlap:
		t = x.renewStable(now, t.expires.Sub(now))
	}
	return x.say(0, tokenAnswer{t.value, int64(t.expires.Sub(now) / time.Second)})
}

func (x *WeChat) renewStable(now time.Time, overlap time.Duration) *accessToken {
	x.w.note(Event{Platform: "wechat", Kind: EventToken, Name: pathStableToken})
	return x.stable.replace(x.newTokenValue(), now, tokenLife, overlap)
}

func (x *WeChat) newTokenValue() string { return x.w.rnd.text(tokenLength, alphabet) }

// checkSecret checks what the calls with the AppSecret have in common.
func (x *WeChat) checkSecret(grant, wantGrant, appID, appSecret string) (code int) {
	switch {
	case grant != wantGrant:
		return 40002
	case appID == "":
		return 41002
	case appID != x.cfg.AppID:
		return 40013
	case appSecret == "":
		return 41004
	case appSecret != x.appSecret():
		return 40125
	}
	return 0
}

func (x *WeChat) appSecret() string {
	x.w.lock()
	defer x.w.unlock()
	return x.cfg.AppSecret.Reveal()
}

// ResetAppSecret has another AppSecret hold from now on, as somebody who resets it in the console does. Tokens stay good.
func (x *WeChat) ResetAppSecret(to secret.String) {
	x.w.lock()
	defer x.w.unlock()
	x.cfg.AppSecret = to
}

// checkToken returns the errcode that the call's access token earns.
func (x *WeChat) checkToken(r *request) (code int) {
	value := r.query.Get("access_token")
	if value == "" {
		return 41001
	}
	x.w.lock()
	defer x.w.unlock()
	if t, ok := x.stable.all[value]; ok {
		return t.code(x.w.now())
	}
	return 40001
}

// InvalidateToken makes all tokens handed out so far answer 40001, as a forced refresh
// elsewhere does.
func (x *WeChat) InvalidateToken() {
	x.w.lock()
	defer x.w.unlock()
	now := x.w.now()
	for _, t := range x.stable.all {
		t.until = now
	}
}

// ExpireToken ends the lifetime of all tokens handed out so far: they answer 42001.
func (x *WeChat) ExpireToken() {
	x.w.lock()
	defer x.w.unlock()
	now := x.w.now()
	for _, t := range x.stable.all {
		if t.expires.After(now) {
			t.expires, t.until = now, time.Time{}
		}
	}
}
