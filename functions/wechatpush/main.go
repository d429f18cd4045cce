// Command wechatpush answers WeChat's URL verification and receives its message
// pushes: subscriptions granted and switched off, and users who want to be forgotten.
package main

import (
	"context"
	"log/slog"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

func main() { scf.Main("wechatpush", build) }

func build(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	receiver, err := wechat.New(wechat.Config{
		AppID:                  env.String("WECHAT_APPID", ""),
		Token:                  env.OptionalSecret("WECHAT_TOKEN"),
		EncodingAESKey:         env.OptionalSecret("WECHAT_ENCODING_AES_KEY"),
		PreviousToken:          env.OptionalSecret("WECHAT_TOKEN_PREVIOUS"),
		PreviousEncodingAESKey: env.OptionalSecret("WECHAT_ENCODING_AES_KEY_PREVIOUS"),
	})
	env.Fail(err)
	st, err := store.Open(store.Config{Now: time.Now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := scf.NewInvoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	settings := env.NotifyOrDefaults(log)
	if err := env.Err(); err != nil {
		return nil, err
	}

	inbox := &inbox.Inbox{
		Now: time.Now, Store: st, Courier: deliver, Log: log,
		Filter: notify.Filter{Rules: settings.Rules, Templates: settings.Ours()},
	}
	return scf.HTTP(log, &wechat.Handler{Now: time.Now, Receiver: receiver, Accept: inbox.Accept, Log: log}), nil
}
