package wechat

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// A TokenCache is where processes share one access token per app, and agree on who
// fetches the next one. The platform issues the same token to all who ask in normal
// mode, so a cache saves calls; it is not needed for correctness.
//
// Implementations are safe for concurrent use by many processes, and honour ctx. Each
// method is one atomic step. An error means that the cache is away: the caller then
// fetches a token for itself and keeps it in memory.
type TokenCache interface {
	// Token returns the token that was put last, and when it expires, unless it was
	// dropped or has expired; then token is "" and expires the zero time.
	//
	// Refresh is true if this very caller is to fetch a new token and Put it: there is
	// no token, or the cache finds that it is time to renew the one it returns. The
	// cache chooses that moment, at random within the last 5 min of a token's life:
	// before that WeChat returns the token we have.
	//
	// Refresh is a lease. It is granted to one caller at a time, across all processes,
	// and runs for about 10 s; a caller gives up its fetch after 8 s. PutToken ends it,
	// nothing else does: a caller that failed stays silent, and another one gets the
	// lease when it runs out. Meanwhile the others use the old token, or, if there is
	// none, ask again every few hundred milliseconds.
	Token(ctx context.Context, appID string) (token string, expires time.Time, refresh bool, err error)

	// PutToken stores token in the place of whatever there is, and ends the lease.
	PutToken(ctx context.Context, appID, token string, expires time.Time) error

	// DropToken forgets token if, and only if, it is the stored one (compare and
	// swap): WeChat refused it. The next caller of Token gets the lease, unless
	// somebody holds it already. Of many callers that report one refused token the
	// first drops it; the rest change nothing, not even when its successor is there.
	DropToken(ctx context.Context, appID, token string) error
}

// memoryCache is the TokenCache of a process on its own.
type memoryCache struct {
	now func() time.Time

	mu      sync.Mutex
	token   string
	expires time.Time
	renew   time.Time // from then on a caller is asked to refresh
	lease   time.Time // until then somebody does
}

const (
	leaseTime   = 10 * time.Second
	renewWithin = 5 * time.Minute // of the end; WeChat's own overlap
)

func (m *memoryCache) Token(context.Context, string) (string, time.Time, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if !now.Before(m.expires) {
		m.token, m.expires = "", time.Time{}
	}
	refresh := (m.token == "" || !now.Before(m.renew)) && !now.Before(m.lease)
	if refresh {
		m.lease = now.Add(leaseTime)
	}
	return m.token, m.expires, refresh, nil
}

func (m *memoryCache) PutToken(_ context.Context, _, token string, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token, m.expires, m.lease = token, expires, time.Time{}
	m.renew = expires.Add(-renewWithin/2 - rand.N(renewWithin/2))
	return nil
}

func (m *memoryCache) DropToken(_ context.Context, _, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.token == token {
		m.token, m.expires = "", time.Time{}
	}
	return nil
}
