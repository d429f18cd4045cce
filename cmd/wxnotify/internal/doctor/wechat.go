package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/outbound"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

// callTime is how long one call of a platform may take.
const callTime = 5 * time.Second

// via returns a client whose answers tell the platform's time.
func (d *doctor) via(of **time.Duration) *http.Client {
	t := d.Seams.Upstream
	if t == nil {
		t = outbound.NewTransport(2*time.Second, 4)
	}
	return &http.Client{Transport: dated{t, d.Seams.Now, &d.clocks, of}}
}

// A question to WeChat; its error is WeChat's.
type question struct {
	about string
	ask   func(ctx context.Context, c *wechat.Client, p *part) error
}

func (d *doctor) lookAtWeChat(ctx context.Context, p *part) {
	questions := []question{{"its templates", d.compareTemplates}, {"the quota of cards", askQuota}, {"the URL of message push", askReach}}
	because := d.lacks("WECHAT_APPID", "WECHAT_APPSECRET")
	c, err := wechat.NewClient(wechat.ClientConfig{Now: d.Seams.Now, AppID: d.Settings["WECHAT_APPID"], AppSecret: secret.New(d.Settings["WECHAT_APPSECRET"]),
		BaseURL: config.From(d.getenv).URL("WECHAT_API_BASE", ""), HTTPClient: d.via(&d.clocks.wechat), Timeout: callTime})
	if err != nil {
		because = cmp.Or(because, "its settings cannot be used")
	}
	if because == "" {
		if _, err := c.StableToken(ctx); err != nil {
			p.ofWeChat("the access token", err)
			because = "there is no access token"
		}
	}
	for _, q := range questions {
		if because != "" {
			break
		}
		questions = questions[1:]
		if err := q.ask(ctx, c, p); err != nil {
			p.ofWeChat(q.about, err)
			if _, silent := errors.AsType[*wechat.TransportError](err); silent {
				because = "WeChat did not answer"
			}
		}
	}
	if len(questions) > 0 {
		p.skip("WeChat: "+aboutAll(questions), because)
	}
}

func aboutAll(questions []question) string {
	names := make([]string, len(questions))
	for i, q := range questions {
		names[i] = q.about
	}
	return strings.Join(names, ", ")
}

// ofWeChat adds an error of WeChat's.
func (p *part) ofWeChat(about string, err error) {
	e, said := errors.AsType[*wechat.APIError](err)
	if !said {
		p.fault("WeChat", about+": "+err.Error(), "see that this machine reaches WeChat's API, and check WECHAT_API_BASE")
		return
	}
	cure := e.Cure()
	switch e.Code {
	case wechat.CodeIPNotListed:
		cure += "; that is the address of this machine: the functions' own belongs there all the same"
	case wechat.CodeDailyQuota, wechat.CodeMinuteQuota:
		p.warn("WeChat", fmt.Sprintf("%s: the calls of this API are used up (%d)", about, e.Code), "run this again tomorrow, Beijing time, or in a minute")
		return
	case wechat.CodeNoPushURL:
		p.fault("WeChat", "no URL of message push is set (40201)", "set it at mp.weixin.qq.com, 开发管理, 消息推送: the URL of wechatpush")
		return
	}
	p.fault("WeChat", fmt.Sprintf("%s: it answers %d, %s", about, e.Code, e.Msg), cmp.Or(cure, "its list of return codes explains it; by the rid its page 调试诊断 finds the call for 7 days"))
}

func askQuota(ctx context.Context, c *wechat.Client, p *part) error {
	q, err := c.SendQuota(ctx)
	if err != nil || q == (wechat.Quota{}) {
		return err
	}
	left := fmt.Sprintf("%d of %d cards are left today", q.Left, q.Daily)
	switch {
	case q.Left <= 0:
		p.fault("WeChat", left, "what comes waits until tomorrow, Beijing time, if it lives so long; an account with WeChat Pay has three times as many")
	case q.Left*10 < q.Daily:
		p.warn("WeChat", left, "send less, or ask WeChat for more: an account with WeChat Pay has three times as many")
	default:
		p.see("WeChat: %s", left)
	}
	return nil
}

// askReach has WeChat look at the host of the URL that its console has.
func askReach(ctx context.Context, c *wechat.Client, p *part) error {
	r, err := c.CheckCallback(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(r.Addresses) == 0:
		p.fault("WeChat", "it finds no address of the host of its push URL", "compare the URL at mp.weixin.qq.com, 开发管理, 消息推送, with that of wechatpush; its name must be a public one")
	case len(r.Silent) == len(r.Addresses):
		p.warn("WeChat", "no address of its push URL's host answers a ping of WeChat's: "+strings.Join(r.Silent, ", "), "if pushes come, it is nothing: many hosts answer no pings")
	default:
		p.see("WeChat: the host of its push URL is at %s", strings.Join(r.Addresses, ", "))
	}
	return nil
}
