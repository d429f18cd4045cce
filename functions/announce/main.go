// Command announce lets the operator's own backend tell users something: an order was
// shipped, or a broadcast went out of which IM sends no callback.
package main

import (
	"context"
	"log/slog"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/config"
	"wxnotify/shared/scf"
	"wxnotify/shared/store"
)

func main() { scf.Main("announce", build) }

func build(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	st, err := store.Open(store.Config{Now: time.Now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := scf.NewInvoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	key := env.Key("ANNOUNCE_KEY")
	settings := env.Notify(log)
	if err := env.Err(); err != nil {
		return nil, err
	}

	return scf.HTTP(log, &api.Announce{
		Now: time.Now, Key: key, Store: st, Limits: st, Courier: deliver, Rules: settings.Rules, Templates: settings.Templates, Log: log,
	}), nil
}
