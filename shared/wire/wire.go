// Package wire builds each function from its settings: what is deployed, and what tests start with
// seams in it. A function is linked with what its own build uses.
package wire

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

// Seams are where a function touches the world. The zero Seams are those of a deployed one.
type Seams struct {
	Now      func() time.Time                                                  // nil: the machine's clock
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error) // to the store; nil: the network
	StoreNow func() time.Time                                                  // of the store; nil: its own clock
	Upstream http.RoundTripper                                                 // to WeChat and IM; nil: the network
	Platform http.RoundTripper                                                 // to Tencent Cloud's API; nil: the network
	Deliver  inbox.Invoker                                                     // instead of SCF's Invoke API; nil: that
	// Opened is told of each store that is opened, which a function on SCF never closes.
	Opened func(*store.Store)
}

// A wiring is one function in the making. What is wrong with a setting is kept until all are read.
type wiring struct {
	*config.Env
	Seams
	getenv func(string) string
	log    *slog.Logger
}

// A making wires one function.
type making func(w *wiring) (scf.Handler, error)

// receiving is how long a receiver waits for secrets while it is wired, of the two seconds that IM gives it.
const receiving = 500 * time.Millisecond

// with returns the build of a receiver.
func (s Seams) with(make making) scf.Build { return s.patient(receiving, make) }

// patient returns the build of a function that waits for secrets as long as that, and as its event allows.
func (s Seams) patient(patience time.Duration, make making) scf.Build {
	if s.Now == nil {
		s.Now = time.Now
	}
	secrets := &secrets{}
	return func(ctx context.Context, getenv func(string) string, log *slog.Logger) (scf.Handler, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		w := &wiring{config.From(getenv), s, getenv, log}
		w.Fetching(func(r config.Reference) (secret.String, error) { return secrets.get(ctx, w, r) })
		h, err := make(w)
		if err == nil {
			h = secrets.refreshed(h)
		}
		return h, err
	}
}

// made returns v, and keeps why it could not be made.
func made[T any](w *wiring, v T, err error) T {
	w.Fail(err)
	return v
}

func (w *wiring) store() *store.Store {
	st, err := store.Open(store.Config{Now: w.Now, ServerTime: w.StoreNow, Dial: w.Dial,
		URL: w.Secret("STORE_URL"), Prefix: w.String("STORE_PREFIX", ""), Shards: w.Int("STORE_SHARDS", store.DefaultShards, 1, 4096),
		AppID: w.String("WECHAT_APPID", ""), SDKAppID: w.Number("IM_SDKAPPID")})
	if err == nil && w.Opened != nil {
		w.Opened(st)
	}
	return made(w, st, err)
}

// deliver returns the way to the function deliver.
func (w *wiring) deliver() inbox.Invoker {
	if w.Deliver != nil {
		return w.Deliver
	}
	v, err := scf.NewInvoker(scf.InvokerConfig{Function: w.String("DELIVER_FUNCTION", ""), APIBase: w.URL("TENCENT_API_BASE", ""),
		Getenv: w.getenv, Transport: w.Platform})
	return made(w, v, err)
}

func (w *wiring) admin() fact.UserID {
	return fact.UserID(w.String("IM_ADMIN", string(im.DefaultAdmin)))
}

func (w *wiring) signer() *im.Signer {
	sigs, err := im.NewSigner(im.SignerConfig{SDKAppID: w.Number("IM_SDKAPPID"), SecretKey: w.OptionalSecret("IM_SECRET_KEY"),
		PreviousKey: w.OptionalSecret("IM_SECRET_KEY_PREVIOUS"), Admin: w.admin()})
	return made(w, sigs, err)
}

// wechat returns a client of WeChat. Its access token is kept in tokens, if it needs one.
func (w *wiring) wechat(tokens wechat.TokenCache) *wechat.Client {
	c, err := wechat.NewClient(wechat.ClientConfig{Now: w.Now, AppID: w.String("WECHAT_APPID", ""), AppSecret: w.OptionalSecret("WECHAT_APPSECRET"),
		BaseURL: w.URL("WECHAT_API_BASE", ""), HTTPClient: w.http(), Tokens: tokens, Log: w.log})
	return made(w, c, err)
}

func (w *wiring) im(pacer im.Pacer) *im.Client {
	c, err := im.NewClient(im.ClientConfig{Now: w.Now, SDKAppID: w.Number("IM_SDKAPPID"), SecretKey: w.OptionalSecret("IM_SECRET_KEY"), Admin: w.admin(),
		BaseURL: w.URL("IM_API_BASE", ""), HTTPClient: w.http(), Pacer: pacer})
	return made(w, c, err)
}

// http returns a client of the seam; nil if there is none.
func (w *wiring) http() *http.Client {
	if w.Upstream == nil {
		return nil
	}
	return &http.Client{Transport: w.Upstream}
}

// inbox returns where facts are taken in.
func (w *wiring) inbox(st *store.Store, invoker inbox.Invoker, settings config.Notify) *inbox.Inbox {
	return &inbox.Inbox{Store: st, Invoker: invoker, Log: w.log, Now: w.Now,
		Filter: notify.Filter{Rules: settings.Rules, Templates: settings.Ours()}}
}
