// Command permits tells a mini program how many cards its user's subscriptions still
// pay for, and takes in what he answered to the subscribe dialog.
package main

import (
	"context"
	"log/slog"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/config"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
)

func main() { scf.Main("permits", build) }

func build(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	sigs, err := im.NewSigner(im.SignerConfig{
		SDKAppID: env.Number("IM_SDKAPPID"), SecretKey: env.OptionalSecret("IM_SECRET_KEY"),
		PreviousKey: env.OptionalSecret("IM_SECRET_KEY_PREVIOUS"),
		Admin:       notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))})
	env.Fail(err)
	st, err := store.Open(store.Config{Now: time.Now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := scf.NewInvoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	settings := env.NotifyOrDefaults(log)
	if !settings.Templates.Has(notify.KindMessage) { // then whose permits are ours is not known
		env.Fail(settings.Fault)
	}
	if err := env.Err(); err != nil {
		return nil, err
	}

	inbox := &inbox.Inbox{
		Now: time.Now, Store: st, Courier: deliver, Log: log,
		Filter: notify.Filter{Rules: settings.Rules, Templates: settings.Ours()},
	}
	return scf.HTTP(log, &api.Permits{
		Now: time.Now, Sigs: sigs, Ledger: st, Preferences: st, Limits: st, Accept: inbox.Accept,
		Templates: settings.Templates, Log: log,
	}), nil
}
