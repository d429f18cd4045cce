// Package store keeps wxnotify's state in Redis.
//
// What happens to a record is a change: it is read, decided by a pure function of the domain, and
// written if nobody has written it meanwhile; else it is read and decided again. The few scripts
// beside that read, compare, write and hand out, and hold no rule. The store needs of Redis what
// TencentDB gives in all its editions: scripts whose keys are all named and in one slot, RESP2, no
// command across slots, a plain client.
// Source: https://cloud.tencent.com/document/product/239/76287
package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/shared/secret"
)

// Config says where the store is.
type Config struct {
	// URL is redis:// or rediss://, with the password in it.
	URL secret.String
	// Prefix begins all keys; empty: DefaultPrefix. Deployments that share a server have one each.
	Prefix string
	// Shards is how many slots the state is spread over; 0 means 16. A store that was filled
	// with another number is refused.
	Shards int
	// AppID and SDKAppID say for which mini program and IM app the store is. One that was filled
	// for others is refused. Empty, or 0: whatever it is.
	AppID    string
	SDKAppID int
	// Existing: a store in which nothing is kept is refused, instead of begun.
	Existing bool
	// Now is this machine's clock, by which days are found: minutes do not matter. Required.
	Now func() time.Time
	// ServerTime is the clock by which scripts work; nil: the server's own, which all
	// instances share.
	ServerTime func() time.Time
	// Dial makes the connections, each within a second, when its context ends. Nil: TCP,
	// with TLS for rediss.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

var validPrefix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`) })

// DefaultShards is the usual number of shards.
const DefaultShards = 16

// A Store implements the ports of packages inbox, deliver and api, and wechat's token
// cache. It is safe for concurrent use.
type Store struct {
	client *client
	trip   trip // client's
	prefix string
	shards int
	now    func() time.Time // this machine's
	server func() time.Time // nil: the server's own
	self   string           // who watches, if this does

	recents  recents
	lives    lives
	replicas replicas
	policy   atomic.Bool // the server's maxmemory-policy was looked at
}

// errURL does not show the URL, and with it the password.
var errURL = errors.New("STORE_URL: not a URL such as redis://:password@host:6379/0")

// Open returns a Store. It connects when it is first used.
func Open(cfg Config) (*Store, error) {
	if _, ok := parseURL(cfg.URL.Reveal()); !ok {
		return nil, errURL
	}
	if cfg.Shards == 0 {
		cfg.Shards = DefaultShards
	}
	if cfg.Shards < 1 || cfg.Shards > 4096 {
		return nil, fmt.Errorf("STORE_SHARDS: %d: use 1 to 4096, and never change it", cfg.Shards)
	}
	if cfg.Now == nil {
		return nil, errors.New("store: Config.Now is not set")
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if !validPrefix().MatchString(cfg.Prefix) {
		return nil, fmt.Errorf("STORE_PREFIX: %q: use 1 to 60 of a-z, A-Z, 0-9, - and _", cfg.Prefix)
	}
	s := &Store{prefix: cfg.Prefix, shards: cfg.Shards, now: cfg.Now, server: cfg.ServerTime, self: "run " + rand.Text()[:12]}
	key := s.shardKeys(0).identity()
	id := &identity{prefix: s.prefix, key: key, marks: marksOf(cfg, key), existing: cfg.Existing}
	s.client = &client{connect: connector(cfg.URL, cfg.Dial, id.check), places: make(chan struct{}, connections)}
	s.trip = s.client.trip
	return s, nil
}

// ErrSettings says that the server answered, and that this store's settings are not for it: another user,
// password or database is needed, or it was filled by other settings. Only a person mends that.
var ErrSettings = errors.New("the settings do not fit the store")

// A settingsError is an ErrSettings with the words of the fault.
type settingsError struct{ error }

func (settingsError) Is(target error) bool { return target == ErrSettings }

func (e settingsError) Unwrap() error { return e.error }

// Ping looks whether the server answers. Its error wraps ErrSettings if it does, and refuses us.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.one(ctx, do("PING", ""))
	return err
}

// Close lets go of the connections.
func (s *Store) Close() error {
	s.client.close()
	return nil
}
