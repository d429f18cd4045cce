package wechat

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"wxnotify/shared/outbound"
	"wxnotify/shared/secret"
)

// Hosts of WeChat's API, all with the same paths.
// Source: https://developers.weixin.qq.com/doc/service/Basic_Information/Interface_field_description.html
const defaultBase = "https://api.weixin.qq.com"

var defaultBackups = []string{"https://api2.weixin.qq.com", "https://sh.api.weixin.qq.com"}

// ClientConfig says whose API to call and how.
type ClientConfig struct {
	AppID     string        // WECHAT_APPID
	AppSecret secret.String // WECHAT_APPSECRET
	// BaseURL (WECHAT_API_BASE) is https, or http on loopback. Empty: WeChat's.
	BaseURL string
	// BackupURLs are tried in turn when no connection to BaseURL can be made. Nil with
	// an empty BaseURL: WeChat's own backups.
	BackupURLs []string
	// HTTPClient performs the requests, redirects apart: those are never followed. Nil,
	// or without a Transport: HTTP/1.1 with connections kept for 5 s. A Transport of
	// your own should speak HTTP/1.1 too: HTTP/2 in net/http repeats requests in cases
	// where a server may have seen them.
	HTTPClient *http.Client
	// Timeout is for one request to one host. 0: 5 s.
	Timeout time.Duration
	// Tokens shares the access token with other processes. Nil: each Client fetches its own.
	Tokens TokenCache
	Now    func() time.Time // required
	Log    *slog.Logger     // nil: no log
}

// A Client calls WeChat's API for one mini program. It is safe for concurrent use and
// starts no goroutine of its own. No error of it holds a secret, a token or a URL.
//
// A call goes to the next host only if no connection could be made; a request that
// WeChat may have received is never sent again.
type Client struct {
	appID   string
	secret  secret.String
	hosts   []string
	host    atomic.Int32 // index of the host that answered last
	http    *http.Client
	timeout time.Duration
	now     func() time.Time
	log     *slog.Logger
	tokens  *tokens
}

// NewClient returns a Client. It opens no connection. Its error lists everything that
// is missing or malformed, by the name of the environment variable.
func NewClient(cfg ClientConfig) (*Client, error) {
	var errs []error
	if cfg.Now == nil {
		errs = append(errs, errors.New("wechat: ClientConfig.Now is not set"))
	}
	if cfg.AppID == "" {
		errs = append(errs, errors.New("wechat: WECHAT_APPID is empty: set it to the mini program's AppID"))
	}
	if cfg.AppSecret.Empty() {
		errs = append(errs, errors.New("wechat: WECHAT_APPSECRET is empty: set it to the mini program's AppSecret"))
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBase
		if cfg.BackupURLs == nil {
			cfg.BackupURLs = defaultBackups
		}
	}
	c := &Client{appID: cfg.AppID, secret: cfg.AppSecret, timeout: cfg.Timeout, now: cfg.Now, log: cfg.Log}
	for _, base := range append([]string{cfg.BaseURL}, cfg.BackupURLs...) {
		u, err := outbound.Base(base)
		if err != nil {
			errs = append(errs, fmt.Errorf("wechat: WECHAT_API_BASE %w", err))
			continue
		}
		c.hosts = append(c.hosts, u.String())
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if c.timeout == 0 {
		c.timeout = 5 * time.Second
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.http = httpClient(cfg.HTTPClient)
	c.tokens = newTokens(c, cfg.Tokens)
	return c, nil
}

func httpClient(given *http.Client) *http.Client {
	var hc http.Client
	if given != nil {
		hc = *given
	}
	hc.Jar = nil
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if hc.Transport == nil {
		hc.Transport = outbound.NewTransport(2*time.Second, 64)
	}
	return &hc
}
