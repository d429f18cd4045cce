package wechat

import (
	"context"
)

// CodeNoPushURL: the account has no URL of message push.
const CodeNoPushURL = 40201

// A Quota is how often one API may be called a day; all zero: WeChat does not tell. The days are WeChat's: they begin in the small hours, Beijing time.
type Quota struct{ Daily, Used, Left int64 }

type quotaReply struct {
	Quota *struct {
		Daily  number `json:"daily_limit"`
		Used   number `json:"used"`
		Remain number `json:"remain"`
	} `json:"quota"`
}

func (r *quotaReply) complete() bool { return r.Quota != nil }

// pathSend is that of SendSubscribe.
const pathSend = "/cgi-bin/message/subscribe/send"

// SendQuota tells how many cards may be sent today.
//
// https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota
func (c *Client) SendQuota(ctx context.Context) (Quota, error) {
	var out quotaReply
	body := struct {
		Path string `json:"cgi_path"`
	}{pathSend}
	if err := c.withToken(ctx, request{op: opQuota, path: "/cgi-bin/openapi/quota/get", body: body}, &out); err != nil {
		return Quota{}, err
	}
	return Quota{int64(out.Quota.Daily), int64(out.Quota.Used), int64(out.Quota.Remain)}, nil
}

// A Reach is how WeChat reaches the URL of its message push.
type Reach struct {
	Addresses []string // that WeChat's DNS gives for its host
	Silent    []string // those that answered no ping; many a host answers none
}

type checkReply struct {
	DNS []struct {
		IP string `json:"ip"`
	} `json:"dns"`
	Ping []struct {
		IP   string `json:"ip"`
		Loss string `json:"package_loss"` // 0% or 100%: one ping is sent
	} `json:"ping"`
}

func (r *checkReply) complete() bool { return r.DNS != nil || r.Ping != nil }

// CheckCallback has WeChat look up the host of the URL that is set for message push, and ping it. It asks that URL
// for nothing. An account without a URL is an APIError with CodeNoPushURL.
//
// https://developers.weixin.qq.com/doc/service/api/base/api_callbackcheck.html
func (c *Client) CheckCallback(ctx context.Context) (Reach, error) {
	var out checkReply
	body := struct {
		Action   string `json:"action"`
		Operator string `json:"check_operator"`
	}{"all", "DEFAULT"}
	if err := c.withToken(ctx, request{op: opCheckCallback, path: "/cgi-bin/callback/check", body: body}, &out); err != nil {
		return Reach{}, err
	}
	var reach Reach
	for _, d := range out.DNS {
		reach.Addresses = append(reach.Addresses, d.IP)
	}
	for _, p := range out.Ping {
		if p.Loss == "100%" {
			reach.Silent = append(reach.Silent, p.IP)
		}
	}
	return reach, nil
}
