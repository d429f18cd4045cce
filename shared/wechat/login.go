package wechat

import (
	"context"
	"fmt"
	"net/url"

	"wxnotify/shared/fact"
)

// The answer holds a session_key and perhaps a unionid too. Neither is decoded: what
// is not kept cannot leak.
type sessionReply struct {
	OpenID fact.OpenID `json:"openid"`
}

func (r *sessionReply) complete() bool { return r.OpenID != "" }

// Code2Session tells which user a code of wx.login stands for. A code works once, for
// 5 min. The error is ErrLoginCode if the code is no good, ErrUserBlocked if WeChat
// blocks the user.
//
// https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session
func (c *Client) Code2Session(ctx context.Context, code string) (fact.OpenID, error) {
	if code == "" || len(code) > 256 {
		return "", fmt.Errorf("wechat: %s: %w: it has %d bytes", opCode2Session, ErrLoginCode, len(code))
	}
	var out sessionReply
	err := c.withSecret(ctx, func(appSecret string) request {
		return request{
			op: opCode2Session, path: "/sns/jscode2session", private: []string{code},
			query: url.Values{"appid": {c.appID}, "secret": {appSecret}, "js_code": {code}, "grant_type": {"authorization_code"}},
		}
	}, &out)
	if err == nil && !isID(string(out.OpenID)) {
		err = &TransportError{Op: opCode2Session, Sent: true, Err: errUnreadable}
	}
	if err != nil {
		return "", err
	}
	return out.OpenID, nil
}
