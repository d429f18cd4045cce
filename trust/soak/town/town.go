// Package town wires the functions of wxnotify as their mains do, over one store and one
// simulated WeChat and IM, so that tests can have them all in one process.
package town

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/deliver"
	"wxnotify/shared/im"
	"wxnotify/shared/inbox"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
)

// The templates of a town: Message is what all kinds fall back to, Call is of calls.
const (
	Message notify.TemplateID = "zun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"
	Call    notify.TemplateID = "aun-LzcQyW-edafCVvzPkK4de2Rllr1fFpw2A_x0oXE"
)

// AnnounceKey is what announcements are signed with.
var AnnounceKey = secret.New("announce-key-announce-key-announce-key")

// userKey makes UserIDs.
var userKey = secret.New("user-id-key-user-id-key-user-id-key-user")

// Config is what the functions need of the world around them.
type Config struct {
	Store *store.Store
	// See sees what deliver asks of the store; nil: nobody does.
	See func(*store.Store) deliver.Store
	// Platforms is the configuration of the simulator, and HTTP reaches it at Base.
	Platforms simulator.Config
	HTTP      *http.Client
	Base      string
	Courier   inbox.Courier
	Rules     notify.Rules
	Now       func() time.Time
	Log       *slog.Logger
}

// Functions are the functions of one process. ServeHTTP is all that have a URL, each at its
// name.
type Functions struct {
	http.Handler
	Inbox   *inbox.Inbox
	Deliver *deliver.Deliverer
}

// New wires the functions.
func New(cfg Config) (*Functions, error) {
	if cfg.See == nil {
		cfg.See = func(s *store.Store) deliver.Store { return s }
	}
	p := cfg.Platforms
	wx, err := wechat.NewClient(wechat.ClientConfig{AppID: p.WeChat.AppID, AppSecret: p.WeChat.AppSecret, BaseURL: cfg.Base,
		HTTPClient: cfg.HTTP, Tokens: cfg.Store, Now: cfg.Now, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	chat, err := im.NewClient(im.ClientConfig{SDKAppID: int(p.IM.SDKAppID), SecretKey: p.IM.SecretKey, BaseURL: cfg.Base,
		HTTPClient: cfg.HTTP, Now: cfg.Now, Pacer: cfg.Store})
	if err != nil {
		return nil, err
	}
	templates, err := notify.NewTemplates(specs)
	if err != nil {
		return nil, err
	}
	f := &Functions{
		Inbox: &inbox.Inbox{
			Store: cfg.Store, Courier: cfg.Courier, Log: cfg.Log, Now: cfg.Now,
			Filter: notify.Filter{Rules: cfg.Rules, Admin: im.DefaultAdmin, Templates: templates.IDs()},
		},
		Deliver: &deliver.Deliverer{Store: cfg.See(cfg.Store), IM: chat, Directory: chat, WeChat: wechat.Sender{Client: wx},
			Rules: cfg.Rules, Templates: templates, Log: cfg.Log},
	}
	f.Handler, err = f.receivers(cfg, wx, templates)
	return f, err
}

// specs are the templates as notify.yml would have them.
var specs = map[notify.Kind]notify.TemplateSpec{
	notify.KindMessage: {ID: Message, Page: "pages/chat/index?peer={{.Peer}}",
		Data: map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "number3": "{{.Count}}"}},
	notify.KindCall: {ID: Call, Data: map[string]string{"thing1": "{{.Sender}}"}},
	notify.KindMissedCall: {ID: Message, Page: "pages/chat/index?peer={{.Peer}}",
		Data: map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "number3": "{{.Count}}"}},
}

// AddTemplates makes the templates known to a simulated WeChat.
func AddTemplates(x *simulator.WeChat) error {
	if err := x.AddTemplate(simulator.Template{ID: string(Message), Title: "New message",
		Content: "From:{{thing1.DATA}}\nText:{{thing2.DATA}}\nCount:{{number3.DATA}}\n"}); err != nil {
		return err
	}
	return x.AddTemplate(simulator.Template{ID: string(Call), Title: "Call", Content: "From:{{thing1.DATA}}\n"})
}

func (f *Functions) receivers(cfg Config, wx *wechat.Client, templates notify.Templates) (http.Handler, error) {
	p := cfg.Platforms
	callbacks, err := im.NewReceiver(im.ReceiverConfig{SDKAppID: int(p.IM.SDKAppID), Token: p.IM.CallbackToken})
	if err != nil {
		return nil, err
	}
	pushes, err := wechat.New(wechat.Config{AppID: p.WeChat.AppID, Token: p.WeChat.Token, EncodingAESKey: p.WeChat.AESKey})
	if err != nil {
		return nil, err
	}
	sigs, err := im.NewSigner(im.SignerConfig{SDKAppID: int(p.IM.SDKAppID), SecretKey: p.IM.SecretKey})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/imcallback", &im.Handler{Receiver: callbacks, Accept: f.Inbox.Accept, Log: cfg.Log, Now: cfg.Now})
	mux.Handle("/wechatpush", &wechat.Handler{Receiver: pushes, Accept: f.Inbox.Accept, Log: cfg.Log, Now: cfg.Now})
	mux.Handle("/session", &api.Session{WeChat: wx, Sigs: sigs, Bindings: cfg.Store, Limits: cfg.Store,
		Permits: api.Permits{Ledger: cfg.Store, Templates: templates}, AppID: p.WeChat.AppID, SDKAppID: int(p.IM.SDKAppID),
		UserKey: userKey, Admin: im.DefaultAdmin, Log: cfg.Log, Now: cfg.Now})
	mux.Handle("/permits", &api.Permits{Sigs: sigs, Ledger: cfg.Store, Preferences: cfg.Store, Limits: cfg.Store,
		Accept: f.Inbox.Accept, Templates: templates, Log: cfg.Log, Now: cfg.Now})
	mux.Handle("/announce", &api.Announce{Key: AnnounceKey, Store: cfg.Store, Limits: cfg.Store, Courier: cfg.Courier, Templates: templates,
		Rules: cfg.Rules, Log: cfg.Log, Now: cfg.Now})
	return mux, nil
}

// Alone is the Courier of a process without a platform around it: the test runs deliver, and
// what cannot be recorded is an error.
type Alone struct{}

// Wake implements inbox.Courier.
func (Alone) Wake(context.Context) error { return nil }

// Spill implements inbox.Courier.
func (Alone) Spill(_ context.Context, facts []notify.Fact, _ time.Time) error {
	return fmt.Errorf("town: %d facts cannot be recorded", len(facts))
}
