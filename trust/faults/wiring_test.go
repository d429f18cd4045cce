package faults_test

import (
	"context"
	"log/slog"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/config"
	"wxnotify/shared/deliver"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

// The functions, wired as their main.go does it, but for the seams. TestWiring holds them to that.

func (s *seams) imcallback(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	receiver, err := im.NewReceiver(im.ReceiverConfig{
		SDKAppID:      env.Number("IM_SDKAPPID"),
		Token:         env.OptionalSecret("IM_CALLBACK_TOKEN"),
		PreviousToken: env.OptionalSecret("IM_CALLBACK_TOKEN_PREVIOUS"),
		Insecure:      env.Flag("IM_CALLBACK_INSECURE"),
	})
	env.Fail(err)
	st, err := s.open(store.Config{Now: s.now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := s.invoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	admin := notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))
	settings := env.NotifyOrDefaults(log)
	if err := env.Err(); err != nil {
		return scf.HTTP(log, im.Acknowledge{}), err
	}

	inbox := &inbox.Inbox{
		Now: s.now, Store: st, Courier: deliver, Log: log,
		Filter: notify.Filter{Rules: settings.Rules, Admin: admin, Templates: settings.Ours()},
	}
	return scf.HTTP(log, &im.Handler{Now: s.now, Receiver: receiver, Accept: inbox.Accept, Log: log}), nil
}

func (s *seams) wechatpush(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	receiver, err := wechat.New(wechat.Config{
		AppID:                  env.String("WECHAT_APPID", ""),
		Token:                  env.OptionalSecret("WECHAT_TOKEN"),
		EncodingAESKey:         env.OptionalSecret("WECHAT_ENCODING_AES_KEY"),
		PreviousToken:          env.OptionalSecret("WECHAT_TOKEN_PREVIOUS"),
		PreviousEncodingAESKey: env.OptionalSecret("WECHAT_ENCODING_AES_KEY_PREVIOUS"),
	})
	env.Fail(err)
	st, err := s.open(store.Config{Now: s.now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := s.invoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	settings := env.NotifyOrDefaults(log)
	if err := env.Err(); err != nil {
		return nil, err
	}

	inbox := &inbox.Inbox{
		Now: s.now, Store: st, Courier: deliver, Log: log,
		Filter: notify.Filter{Rules: settings.Rules, Templates: settings.Ours()},
	}
	return scf.HTTP(log, &wechat.Handler{Now: s.now, Receiver: receiver, Accept: inbox.Accept, Log: log}), nil
}

func (s *seams) session(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	appID := env.String("WECHAT_APPID", "")
	wx, err := s.wechat(wechat.ClientConfig{
		Now: s.now, AppID: appID, AppSecret: env.OptionalSecret("WECHAT_APPSECRET"), BaseURL: env.URL("WECHAT_API_BASE", ""), Log: log})
	env.Fail(err)
	sdkAppID := env.Number("IM_SDKAPPID")
	admin := notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))
	sigs, err := im.NewSigner(im.SignerConfig{SDKAppID: sdkAppID, SecretKey: env.OptionalSecret("IM_SECRET_KEY"),
		PreviousKey: env.OptionalSecret("IM_SECRET_KEY_PREVIOUS"), Admin: admin})
	env.Fail(err)
	st, err := s.open(store.Config{Now: s.now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
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
		Now: s.now, WeChat: wx, Sigs: sigs, Bindings: st, Limits: st,
		Permits: api.Permits{Ledger: st, Templates: settings.Templates},
		AppID:   appID, SDKAppID: sdkAppID, UserKey: userKey, SessionKey: sessionKey, Admin: admin, Log: log,
	}), nil
}

func (s *seams) permits(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	sigs, err := im.NewSigner(im.SignerConfig{
		SDKAppID: env.Number("IM_SDKAPPID"), SecretKey: env.OptionalSecret("IM_SECRET_KEY"),
		PreviousKey: env.OptionalSecret("IM_SECRET_KEY_PREVIOUS"),
		Admin:       notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))})
	env.Fail(err)
	st, err := s.open(store.Config{Now: s.now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := s.invoker(scf.InvokerConfig{
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
		Now: s.now, Store: st, Courier: deliver, Log: log,
		Filter: notify.Filter{Rules: settings.Rules, Templates: settings.Ours()},
	}
	return scf.HTTP(log, &api.Permits{
		Now: s.now, Sigs: sigs, Ledger: st, Preferences: st, Limits: st, Accept: inbox.Accept,
		Templates: settings.Templates, Log: log,
	}), nil
}

func (s *seams) announce(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	st, err := s.open(store.Config{Now: s.now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	deliver, err := s.invoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	key := env.Key("ANNOUNCE_KEY")
	settings := env.Notify(log)
	if err := env.Err(); err != nil {
		return nil, err
	}

	return scf.HTTP(log, &api.Announce{
		Now: s.now, Key: key, Store: st, Limits: st, Courier: deliver, Rules: settings.Rules, Templates: settings.Templates, Log: log,
	}), nil
}

// spillReserve is how much of an invocation is left for handing a spill on.
const spillReserve = 25 * time.Second

func (s *seams) deliver(_ context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
	env := config.From(getenv)
	st, err := s.open(store.Config{Now: s.now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	wx, err := s.wechat(wechat.ClientConfig{
		Now: s.now, AppID: env.String("WECHAT_APPID", ""), AppSecret: env.OptionalSecret("WECHAT_APPSECRET"),
		BaseURL: env.URL("WECHAT_API_BASE", ""), Tokens: st, Log: log})
	env.Fail(err)
	admin := notify.UserID(env.String("IM_ADMIN", string(im.DefaultAdmin)))
	chat, err := s.im(im.ClientConfig{
		Now: s.now, SDKAppID: env.Number("IM_SDKAPPID"), SecretKey: env.OptionalSecret("IM_SECRET_KEY"), Admin: admin,
		BaseURL: env.URL("IM_API_BASE", ""), Pacer: st})
	env.Fail(err)
	self, err := s.invoker(scf.InvokerConfig{
		Function: env.String("DELIVER_FUNCTION", ""), APIBase: env.URL("TENCENT_API_BASE", ""), Getenv: getenv})
	env.Fail(err)
	settings := env.NotifyOrDefaults(log)
	if err := env.Err(); err != nil {
		return nil, err
	}

	inbox := &inbox.Inbox{
		Now: s.now, Store: st, Courier: self, Log: log,
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
		if e.Late(s.now()) { // many of these wait after an outage: they must not hold all instances
			return deliverer.Once(ctx), nil
		}
		return deliverer.Run(ctx), nil
	}), nil
}
