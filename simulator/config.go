package simulator

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"wxnotify/shared/secret"
)

// Config describes a World. The zero Config is complete: every field has a default,
// and World.Config tells the values in use, so that a test can hand them to the
// program under test.
type Config struct {
	// Clock is the time of the world. Default RealClock. With a *ManualClock, callbacks
	// and pushes are sent within the call that causes them; see the package comment.
	Clock Clock
	// Seed makes ids, tokens, nonces and shuffles repeatable. Default 1.
	Seed uint64

	WeChat WeChatConfig
	IM     IMConfig

	// HTTPClient carries callbacks and pushes. Default: a client of its own that keeps
	// connections alive, follows no redirect and uses no proxy.
	HTTPClient *http.Client
	// RecordLimit is how many exchanges Record keeps in full. Default 10000.
	RecordLimit int
	// Log gets failed deliveries, without queries and bodies. Default: nothing is logged.
	Log *slog.Logger
}

// A Mode is how WeChat protects what it pushes.
// Source: https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption
type Mode string

// The modes of message push.
const (
	ModePlain  Mode = "plain"  // clear body
	ModeSecure Mode = "secure" // ToUserName and Encrypt only
)

// WeChatConfig describes one mini program.
type WeChatConfig struct {
	AppID     string        // default wx5a1c0de5a1c0de55
	AppSecret secret.String // default: invented
	// OriginalID is the gh_ id that pushes name in ToUserName.
	OriginalID string

	// PushURL is where events go; empty: nobody listens, and nothing is sent.
	PushURL string
	Token   secret.String // default: invented
	// AESKey is the EncodingAESKey, 43 characters. Default: invented.
	AESKey secret.String
	Mode   Mode // default ModeSecure
	// PushTimeout is how long a push may take, by the machine's clock. Default 5 s.
	PushTimeout time.Duration

	// SentDelay passes between an accepted send and its sent event. Default 1 s.
	SentDelay time.Duration
}

// IMConfig describes one IM app.
type IMConfig struct {
	SDKAppID  uint64        // default 1400000001
	SecretKey secret.String // default: invented
	// Admins may call the REST API. Default: administrator.
	Admins []string

	// CallbackURL is where callbacks go; empty: nobody listens, and nothing is sent.
	CallbackURL string
	// CallbackToken switches authentication on: Sign and RequestTime in every callback.
	CallbackToken secret.String
	// CallbackTimeout is how long a callback may take, by the machine's clock. Default 2 s.
	CallbackTimeout time.Duration
	// CallbackRetries is how often an after-type callback that timed out is sent again;
	// 0 is the console's switch off, its default. Count and spacing are not published.
	CallbackRetries int
	// CallbackRetryAfter passes between two tries. Default 5 s.
	CallbackRetryAfter time.Duration

	// Leaving says how fast IM notices that a mini program is gone.
	Leaving Leaving
}

// Leaving holds the times after which IM takes a mini program for disconnected. The
// defaults are the longest times that the documents name.
// Source: https://cloud.tencent.com/document/product/269/2570
type Leaving struct {
	Close      time.Duration // the capsule's close button. Default 5 s
	Background time.Duration // WeChat sent to the background. Default 30 s
	Network    time.Duration // network lost. Default 60 s
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = RealClock{}
	}
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
				MaxIdleConnsPerHost: 64,
				IdleConnTimeout:     time.Minute,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.Seed, 1)
	setDefault(&c.RecordLimit, 10_000)
	c.WeChat = c.WeChat.withDefaults()
	c.IM = c.IM.withDefaults()
	return c
}

func (c WeChatConfig) withDefaults() WeChatConfig {
	setDefault(&c.AppID, "wx5a1c0de5a1c0de55")
	setDefault(&c.OriginalID, "gh_5a1c0de5a1c0")
	setDefault(&c.Mode, ModeSecure)
	setDefault(&c.PushTimeout, 5*time.Second)
	setDefault(&c.SentDelay, time.Second)
	setSecret(&c.AppSecret, "5afe0000000000000000000000000000")
	setSecret(&c.Token, "simulatedPushToken")
	setSecret(&c.AESKey, "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
	return c
}

func (c IMConfig) withDefaults() IMConfig {
	setDefault(&c.SDKAppID, 1400000001)
	setDefault(&c.CallbackTimeout, 2*time.Second)
	setDefault(&c.CallbackRetryAfter, 5*time.Second)
	setDefault(&c.Leaving.Close, 5*time.Second)
	setDefault(&c.Leaving.Background, 30*time.Second)
	setDefault(&c.Leaving.Network, time.Minute)
	setSecret(&c.SecretKey, "5afe00000000000000000000000000000000000000000000000000000000aaaa")
	if len(c.Admins) == 0 {
		c.Admins = []string{"administrator"}
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setSecret(field *secret.String, value string) {
	if field.Empty() {
		*field = secret.New(value)
	}
}

func (c Config) check() error {
	var errs []error
	if !slices.Contains([]Mode{ModePlain, ModeSecure}, c.WeChat.Mode) {
		errs = append(errs, fmt.Errorf("WeChat.Mode %q: use plain or secure", c.WeChat.Mode))
	}
	if c.RecordLimit < 0 {
		errs = append(errs, errors.New("RecordLimit is negative: leave it out for 10000"))
	}
	if c.IM.CallbackRetries < 0 {
		errs = append(errs, errors.New("IM.CallbackRetries is negative: use 0 for none"))
	}
	for _, u := range [][2]string{
		{"WeChat.PushURL", c.WeChat.PushURL}, {"IM.CallbackURL", c.IM.CallbackURL},
	} {
		if u[1] != "" {
			errs = append(errs, checkReceiver(u[0], u[1]))
		}
	}
	return errors.Join(errs...)
}

// checkReceiver refuses URLs that the platforms' consoles would refuse too: both add
// their own query.
// Source: https://cloud.tencent.com/document/product/269/32431
func checkReceiver(name, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%s is not an absolute http or https URL", name)
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%s has a query, a fragment or credentials: the platform allows a path only", name)
	}
	return nil
}
