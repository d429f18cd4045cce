package im

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/outbound"
	"wxnotify/shared/secret"
)

// Addresses of the REST API for apps in mainland China. Other regions have their own;
// the wrong one answers that the app is invalid.
// Source: https://cloud.tencent.com/document/product/269/1519
const (
	DefaultBaseURL   = "https://console.tim.qq.com"
	DefaultBackupURL = "https://adminapi.my-imcloud.com"
)

// ClientConfig is what a Client has to know.
type ClientConfig struct {
	SDKAppID  int           // IM_SDKAPPID
	SecretKey secret.String // IM_SECRET_KEY
	Admin     fact.UserID   // IM_ADMIN; empty: DefaultAdmin
	// BaseURL (IM_API_BASE) is https, or anything on loopback. Empty: DefaultBaseURL.
	BaseURL string
	// BackupURL is asked when BaseURL cannot be reached. Empty: DefaultBackupURL if
	// BaseURL is the default, else none.
	BackupURL  string
	HTTPClient *http.Client     // nil: a client of its own that keeps connections for outbound.Idle
	Now        func() time.Time // required
	// Pacer parts IM's rate limits among all who share them. Nil: nobody else does, and
	// what is too much is left to IM to refuse.
	Pacer Pacer
}

// A Client asks IM's REST API. All its calls read only, so they may be repeated. It is
// safe for concurrent use.
//
// Each call tries up to three times on trouble that passes, within ctx, and once more
// with a new UserSig if IM refuses the old one; before each try it waits for its turn.
// Errors are *APIError where IM gave a code; none holds a URL or a UserSig.
type Client struct {
	appID int
	admin fact.UserID
	hosts []string // base, then backup
	http  *http.Client
	now   func() time.Time
	sig   *adminSig
	pacer Pacer

	mu          sync.Mutex
	lockedUntil time.Time
	lockedBy    error
}

// NewClient checks cfg and connects to nothing. Its error names the variables to set.
func NewClient(cfg ClientConfig) (*Client, error) {
	signer, err := NewSigner(SignerConfig{SDKAppID: cfg.SDKAppID, SecretKey: cfg.SecretKey, Admin: cfg.Admin})
	if err != nil {
		return nil, err
	}
	hosts, err := hostsOf(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		return nil, errors.New("im: ClientConfig.Now is not set")
	}
	return &Client{
		appID: cfg.SDKAppID, admin: signer.admin, hosts: hosts, now: cfg.Now,
		http: httpClient(cfg.HTTPClient), pacer: cfg.Pacer,
		sig: &adminSig{sign: signer.signAdmin, key: cfg.SecretKey, now: cfg.Now},
	}, nil
}

func hostsOf(cfg ClientConfig) ([]string, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	base, err := apiBase("IM_API_BASE", cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.BackupURL == "" && base == DefaultBaseURL {
		cfg.BackupURL = DefaultBackupURL
	}
	if cfg.BackupURL == "" {
		return []string{base}, nil
	}
	backup, err := apiBase("backup of IM_API_BASE", cfg.BackupURL)
	if err != nil {
		return nil, err
	}
	return []string{base, backup}, nil
}

func apiBase(name, s string) (string, error) {
	u, err := outbound.Base(s)
	if err != nil {
		return "", fmt.Errorf("im: %s %w", name, err)
	}
	return u.String(), nil
}

// dialTimeout leaves time for the backup within an attempt's worth of waiting.
const dialTimeout = 2 * time.Second

// httpClient returns c, or a client of our own, that follows no redirect: the URL
// holds the UserSig and must not travel on.
func httpClient(c *http.Client) *http.Client {
	var own http.Client
	if c != nil {
		own = *c
	} else {
		own.Transport = outbound.NewTransport(dialTimeout, 16)
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// IM forgets bad signatures after a minute.
const lockTime = time.Minute

// locked returns the error that made IM lock us out, while that lasts.
func (c *Client) locked() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Before(c.lockedUntil) {
		return c.lockedBy
	}
	return nil
}

func (c *Client) noteLock(err error) {
	if api, ok := errors.AsType[*APIError](err); ok && api.Locked() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.lockedUntil, c.lockedBy = c.now().Add(lockTime), err
	}
}
