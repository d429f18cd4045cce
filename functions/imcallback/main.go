// Command imcallback receives Tencent IM's callbacks, records what they tell, and
// answers within IM's 2 s whatever happens behind.
package main

import (
	"context"
	"log/slog"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
)

func main() { scf.Main("imcallback", build) }

// build wires the function. Without its settings it still answers IM, so that nobody's
// chat is blocked.
func build(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	receiver, err := im.NewReceiver(im.ReceiverConfig{
		SDKAppID:      env.Number("IM_SDKAPPID"),
		Token:         env.OptionalSecret("IM_CALLBACK_TOKEN"),
		PreviousToken: env.OptionalSecret("IM_CALLBACK_TOKEN_PREVIOUS"),
		Insecure:      env.Flag("IM_CALLBACK_INSECURE"),
	})
	env.Fail(err)
	st, err := store.Open(store.Config{Now: time.Now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := scf.NewInvoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	admin := notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))
	settings := env.NotifyOrDefaults(log)
	if err := env.Err(); err != nil {
		return scf.HTTP(log, im.Acknowledge{}), err
	}

	inbox := &inbox.Inbox{
		Now: time.Now, Store: st, Courier: deliver, Log: log,
		Filter: notify.Filter{Rules: settings.Rules, Admin: admin, Templates: settings.Ours()},
	}
	return scf.HTTP(log, &im.Handler{Now: time.Now, Receiver: receiver, Accept: inbox.Accept, Log: log}), nil
}
