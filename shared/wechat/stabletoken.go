package wechat

import (
	"context"
	"time"

	"wxnotify/shared/secret"
)

const maxTokenLife = 2 * time.Hour

// An AccessToken is what WeChat issued.
type AccessToken struct {
	Value secret.String
	// Lifetime is what remains; at most 2 h, and less if the token was issued before.
	Lifetime time.Duration
}

type tokenBody struct {
	GrantType    string `json:"grant_type"`
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	ForceRefresh bool   `json:"force_refresh"`
}

type tokenReply struct {
	Token   string `json:"access_token"`
	Expires number `json:"expires_in"` // seconds
}

func (r *tokenReply) complete() bool { return r.Token != "" && r.Expires > 0 }

// StableToken asks WeChat for the app's access token, past every cache. It uses normal
// mode: the token in force is returned again and stays good for everybody. Forcing a
// new one would end it for all, and WeChat allows that 20 times a day.
//
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getstableaccesstoken
func (c *Client) StableToken(ctx context.Context) (AccessToken, error) {
	var out tokenReply
	err := c.withSecret(ctx, func(appSecret string) request {
		return request{
			op: opStableToken, path: "/cgi-bin/stable_token",
			body: tokenBody{GrantType: "client_credential", AppID: c.appID, Secret: appSecret},
		}
	}, &out)
	if err != nil {
		return AccessToken{}, err
	}
	life := min(time.Duration(min(out.Expires, 1e6))*time.Second, maxTokenLife)
	return AccessToken{Value: secret.New(out.Token), Lifetime: life}, nil
}
