package wire

import (
	"context"
	"net/http"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/console"
	"wxnotify/shared/deliver"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
)

// Builds returns the build of each function, by its name. What is deployed names its own: this links all.
func Builds(s Seams) map[string]scf.Build {
	return map[string]scf.Build{"imcallback": IMCallback(s), "wechatpush": WeChatPush(s), "session": Session(s),
		"permits": Permits(s), "announce": Announce(s), "deliver": Deliver(s), "console": Console(s)}
}

// IMCallback takes in what Tencent IM reports: messages, recalls, read reports, presence, calls. Without
// its settings it still answers IM, so that nobody's chat is blocked.
func IMCallback(s Seams) scf.Build { return s.with(imCallback) }

func imCallback(w *wiring) (scf.Handler, error) {
	receiver, err := im.NewReceiver(im.ReceiverConfig{
		SDKAppID:      w.Number("IM_SDKAPPID"),
		Token:         w.OptionalSecret("IM_CALLBACK_TOKEN"),
		PreviousToken: w.OptionalSecret("IM_CALLBACK_TOKEN_PREVIOUS"),
		Insecure:      w.Flag("IM_CALLBACK_INSECURE"),
	})
	w.Fail(err)
	st, invoker, admin, settings := w.store(), w.deliver(), w.admin(), w.NotifyOrDefaults(w.log)
	if err := w.Err(); err != nil {
		return scf.HTTP(w.log, im.Acknowledge{}), err
	}
	in := w.inbox(st, invoker, settings)
	in.Admin = admin
	return scf.HTTP(w.log, &im.Handler{Now: w.Now, Receiver: receiver, Accept: in.Accept, Log: w.log}), nil
}

// WeChatPush takes in what WeChat pushes: subscriptions, and what became of cards.
func WeChatPush(s Seams) scf.Build { return s.with(weChatPush) }

func weChatPush(w *wiring) (scf.Handler, error) {
	receiver, err := wechat.New(wechat.Config{
		AppID:                  w.String("WECHAT_APPID", ""),
		Token:                  w.OptionalSecret("WECHAT_TOKEN"),
		EncodingAESKey:         w.OptionalSecret("WECHAT_ENCODING_AES_KEY"),
		PreviousToken:          w.OptionalSecret("WECHAT_TOKEN_PREVIOUS"),
		PreviousEncodingAESKey: w.OptionalSecret("WECHAT_ENCODING_AES_KEY_PREVIOUS"),
	})
	w.Fail(err)
	st, invoker, settings := w.store(), w.deliver(), w.NotifyOrDefaults(w.log)
	if err := w.Err(); err != nil {
		return nil, err
	}
	in := w.inbox(st, invoker, settings)
	return scf.HTTP(w.log, &wechat.Handler{Now: w.Now, Receiver: receiver, Accept: in.Accept, Log: w.log}), nil
}

// Session exchanges a mini program's login for a UserSig, and binds user and openid.
func Session(s Seams) scf.Build { return s.with(session) }

func session(w *wiring) (scf.Handler, error) {
	wx, sigs, st := w.wechat(nil), w.signer(), w.store()
	var userKey, sessionKey secret.String
	if w.OneOf("SESSION_MODE", "default", "trusted") == "trusted" {
		sessionKey = w.Key("SESSION_KEY")
	} else {
		userKey = w.Key("USERID_KEY")
	}
	appID, sdkAppID, admin, settings := w.String("WECHAT_APPID", ""), w.Number("IM_SDKAPPID"), w.admin(), w.NotifyOrDefaults(w.log)
	if err := w.Err(); err != nil {
		return nil, err
	}
	return scf.HTTP(w.log, &api.Session{
		Now: w.Now, WeChat: wx, Sigs: sigs, Bindings: st, Limits: st,
		Permits: api.Permits{Ledger: st, Templates: settings.Templates, Asking: settings.Rules.Ask, Now: w.Now},
		AppID:   appID, SDKAppID: sdkAppID, UserKey: userKey, SessionKey: sessionKey, Admin: admin, Log: w.log,
	}), nil
}

// Permits tells a mini program what to ask its user for, and takes in what they answered.
func Permits(s Seams) scf.Build { return s.with(permits) }

func permits(w *wiring) (scf.Handler, error) {
	sigs, st, invoker, settings := w.signer(), w.store(), w.deliver(), w.NotifyOrDefaults(w.log)
	if !settings.Templates.Has(fact.KindMessage) { // then whose permits are ours is not known
		w.Fail(settings.Fault)
	}
	if err := w.Err(); err != nil {
		return nil, err
	}
	return scf.HTTP(w.log, &api.Permits{
		Now: w.Now, Sigs: sigs, Ledger: st, Preferences: st, Limits: st, Accept: w.inbox(st, invoker, settings).Accept,
		Templates: settings.Templates, Asking: settings.Rules.Ask, Log: w.log,
	}), nil
}

// Announce takes in what the team's own backend wants announced.
func Announce(s Seams) scf.Build { return s.with(announce) }

func announce(w *wiring) (scf.Handler, error) {
	st, invoker, key, settings := w.store(), w.deliver(), w.Key("ANNOUNCE_KEY"), w.Notify(w.log)
	if err := w.Err(); err != nil {
		return nil, err
	}
	return scf.HTTP(w.log, &api.Announce{
		Now: w.Now, Key: key, Store: st, Limits: st, Invoker: invoker, Rules: settings.Rules, Templates: settings.Templates, Log: w.log,
	}), nil
}

// Console shows operators how the deployment stands, and replays dead letters. Nobody waits for it as a platform waits for a receiver.
func Console(s Seams) scf.Build { return s.with(operate) }

func operate(w *wiring) (scf.Handler, error) {
	st, token, appID, settings := w.store(), w.Key("CONSOLE_TOKEN"), w.String("WECHAT_APPID", ""), w.NotifyOrDefaults(w.log)
	shown := []console.Setting{}
	for _, name := range []string{"STORE_PREFIX", "STORE_SHARDS", "WECHAT_APPID", "IM_SDKAPPID", "TEMPLATE_MESSAGE", "LOG_LEVEL"} {
		shown = append(shown, console.Setting{Name: name, Value: w.getenv(name)})
	}
	if err := w.Err(); err != nil {
		return nil, err
	}
	public := &console.Public{Token: token, MayGuess: func(r *http.Request, wrong bool) (bool, error) { return api.MayGuess(r, st, "console", wrong) }}
	return scf.HTTP(w.log, console.New(console.Config{Store: st, AppID: appID, Conf: settings, Settings: shown, Now: w.Now, Public: public})), nil
}

// spillReserve is how much of an invocation is left for handing an overflow on.
const overflowReserve = 25 * time.Second

// delivering is how long deliver waits for secrets while it is wired: an overflow that it fails is lost after three attempts.
const delivering = time.Minute

// Deliver runs each minute, and when woken, and sends the cards that are due. It also takes in what
// receivers spilled while the store was away.
func Deliver(s Seams) scf.Build { return s.patient(delivering, deliverCards) }

func deliverCards(w *wiring) (scf.Handler, error) {
	st := w.store()
	wx, chat, self, admin, settings := w.wechat(st), w.im(st), w.deliver(), w.admin(), w.NotifyOrDefaults(w.log)
	if err := w.Err(); err != nil {
		return nil, err
	}
	in := w.inbox(st, self, settings)
	in.Admin = admin
	deliverer := &deliver.Deliverer{
		Store: st, IM: chat, Directory: chat, WeChat: wechat.Sender{Client: wx}, Rules: settings.Rules,
		Templates: settings.Templates, Wake: self.Wake, Log: w.log,
	}
	return scf.Event(w.log, func(ctx context.Context, e scf.DeliverEvent) (deliver.Counts, error) {
		if e.Overflow != nil { // recording it wakes a run, if one is needed
			return deliver.Counts{}, in.Redeliver(ctx, e.Overflow.Facts, e.Overflow.Since, overflowReserve)
		}
		if settings.Fault != nil { // by default rules a card could say more than the operator allows
			w.log.ErrorContext(ctx, "no card is sent until notify.yml is mended", "alert", "misconfigured")
			return deliver.Counts{}, nil
		}
		if e.Late(w.Now()) { // many of these wait after an outage: they must not hold all instances
			return deliverer.Once(ctx), nil
		}
		return deliverer.Run(ctx), nil
	}), nil
}
