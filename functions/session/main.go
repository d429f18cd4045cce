// Command session logs mini-program users in: it binds their openid to an IM UserID
// and gives them the UserSig with which to sign in to IM.
package main

import (
	"context"
	"log/slog"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/config"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

func main() { scf.Main("session", build) }

func build(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	appID := env.String("WECHAT_APPID", "")
	wx, err := wechat.NewClient(wechat.ClientConfig{
		Now: time.Now, AppID: appID, AppSecret: env.OptionalSecret("WECHAT_APPSECRET"), BaseURL: env.URL("WECHAT_API_BASE", ""), Log: log})
	env.Fail(err)
	sdkAppID := env.Number("IM_SDKAPPID")
	admin := notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))
	sigs, err := im.NewSigner(im.SignerConfig{SDKAppID: sdkAppID, SecretKey: env.OptionalSecret("IM_SECRET_KEY"),
		PreviousKey: env.OptionalSecret("IM_SECRET_KEY_PREVIOUS"), Admin: admin})
	env.Fail(err)
	st, err := store.Open(store.Config{Now: time.Now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)

	var userKey, sessionKey secret.String
	if env.OneOf("SESSION_MODE", "default", "trusted") == "trusted" {
		sessionKey = env.Key("SESSION_KEY")
	} else {
		userKey = env.Key("USERID_KEY")
	}
	settings := env.NotifyOrDefaults(log)
	if err := env.Err(); err != nil {
		return nil, err
	}

	return scf.HTTP(log, &api.Session{
		Now: time.Now, WeChat: wx, Sigs: sigs, Bindings: st, Limits: st,
		Permits: api.Permits{Ledger: st, Templates: settings.Templates},
		AppID:   appID, SDKAppID: sdkAppID, UserKey: userKey, SessionKey: sessionKey, Admin: admin, Log: log,
	}), nil
}
