// Command deliver runs each minute, and when woken, and sends the cards that are due.
// It also takes in what receivers spilled while the store was away.
package main

import (
	"context"
	"log/slog"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/deliver"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

// spillReserve is how much of an invocation is left for handing a spill on.
const spillReserve = 25 * time.Second

func main() { scf.Main("deliver", build) }

func build(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	st, err := store.Open(store.Config{Now: time.Now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	wx, err := wechat.NewClient(wechat.ClientConfig{
		Now: time.Now, AppID: env.String("WECHAT_APPID", ""), AppSecret: env.OptionalSecret("WECHAT_APPSECRET"),
		BaseURL: env.URL("WECHAT_API_BASE", ""), Tokens: st, Log: log})
	env.Fail(err)
	admin := notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))
	chat, err := im.NewClient(im.ClientConfig{
		Now: time.Now, SDKAppID: env.Number("IM_SDKAPPID"), SecretKey: env.OptionalSecret("IM_SECRET_KEY"), Admin: admin,
		BaseURL: env.URL("IM_API_BASE", ""), Pacer: st})
	env.Fail(err)
	self, err := scf.NewInvoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	settings := env.NotifyOrDefaults(log)
	if err := env.Err(); err != nil {
		return nil, err
	}

	inbox := &inbox.Inbox{
		Now: time.Now, Store: st, Courier: self, Log: log,
		Filter: notify.Filter{Rules: settings.Rules, Admin: admin, Templates: settings.Ours()},
	}
	deliverer := &deliver.Deliverer{
		Store: st, IM: chat, Directory: chat, WeChat: wechat.Sender{Client: wx}, Rules: settings.Rules,
		Templates: settings.Templates, Log: log,
	}
	return scf.Event(log, func(ctx context.Context, e scf.DeliverEvent) (deliver.Counts, error) {
		if e.Spill != nil { // recording it wakes a run, if one is needed
			return deliver.Counts{}, inbox.Retake(ctx, e.Spill.Facts, e.Spill.Since, spillReserve)
		}
		if settings.Fault != nil { // by default rules a card could say more than the operator allows
			log.ErrorContext(ctx, "no card is sent until notify.yml is mended", "alert", "misconfigured")
			return deliver.Counts{}, nil
		}
		if e.Late(time.Now()) { // many of these wait after an outage: they must not hold all instances
			return deliverer.Once(ctx), nil
		}
		return deliverer.Run(ctx), nil
	}), nil
}
