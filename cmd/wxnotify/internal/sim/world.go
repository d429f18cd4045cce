package sim

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
)

// leaving is how fast IM notices that somebody is gone: shorter than it is, as the rules of notify.yml
// are, and like it before the blind window ends.
var leaving = simulator.Leaving{Close: time.Second, Background: 4 * time.Second, Network: 7 * time.Second}

// startWorld serves the simulated platforms on a port of their own.
func (s *Sim) startWorld() error {
	env := config.From(s.getenv)
	cfg := simulator.Config{
		HTTPClient: s.client,
		WeChat: simulator.WeChatConfig{AppID: env.Need("WECHAT_APPID"), AppSecret: env.Secret("WECHAT_APPSECRET"),
			Token: env.Secret("WECHAT_TOKEN"), AESKey: env.OptionalSecret("WECHAT_ENCODING_AES_KEY"), Mode: simulator.ModePlain},
		IM: simulator.IMConfig{SDKAppID: uint64(env.Number("IM_SDKAPPID")), SecretKey: env.Secret("IM_SECRET_KEY"),
			Admins: []string{env.Need("IM_ADMIN")}, CallbackToken: env.Secret("IM_CALLBACK_TOKEN"), Leaving: leaving},
	}
	if !cfg.WeChat.AESKey.Empty() {
		cfg.WeChat.Mode = simulator.ModeSecure
	}
	if err := env.Err(); err != nil {
		return err
	}
	var err error
	if s.world, err = simulator.New(cfg); err != nil {
		return err
	}
	approved := template
	approved.ID = s.settings["TEMPLATE_MESSAGE"]
	if err := s.world.WeChat.AddTemplate(approved); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.server = &http.Server{Handler: s.world, ReadHeaderTimeout: clientTimeout, ErrorLog: slog.NewLogLogger(s.view.Logger("simulator", slog.LevelInfo).Handler(), slog.LevelWarn)}
	go s.server.Serve(listener) // ends with Close
	s.settings["WECHAT_API_BASE"] = "http://" + listener.Addr().String()
	s.settings["IM_API_BASE"] = s.settings["WECHAT_API_BASE"]
	return nil
}

// openFunctionsSide opens the store, and what decodes pushes as the function does.
func (s *Sim) openFunctionsSide() error {
	env := config.From(s.getenv)
	var err error
	s.store, err = store.Open(store.Config{Now: s.now, URL: env.Secret("STORE_URL"), Prefix: env.String("STORE_PREFIX", ""), Shards: env.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: env.String("WECHAT_APPID", ""), SDKAppID: env.Number("IM_SDKAPPID")})
	env.Fail(err)
	s.receiver, err = wechat.New(wechat.Config{AppID: env.Need("WECHAT_APPID"), Token: env.Secret("WECHAT_TOKEN"),
		EncodingAESKey: env.OptionalSecret("WECHAT_ENCODING_AES_KEY")})
	env.Fail(err)
	return env.Err()
}
