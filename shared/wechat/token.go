package wechat

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"wxnotify/shared/secret"
)

const (
	fetchTime   = 8 * time.Second // within the lease of a TokenCache
	cacheTime   = 2 * time.Second // a cache slower than that is away
	recheckTime = 30 * time.Second
	firstPoll   = 25 * time.Millisecond
	lastPoll    = 400 * time.Millisecond
)

// A token is an access token as this process holds it.
type token struct {
	value   secret.String
	expires time.Time
	recheck time.Time // ask the cache again from then on
	serial  int       // tells a token from the same text fetched again
}

// tokens hands out the access token. Three levels keep the calls few: what this
// process holds, what the cache holds, what WeChat says. Within the process one
// caller at a time climbs, and the others wait for it; across processes the lease of
// the cache does the same.
type tokens struct {
	client *Client
	cache  TokenCache

	mu     sync.Mutex
	held   token
	serial int
	climb  *climb
	// The token refused last, when it was dropped, and how many were: a climb that
	// began before a refusal may come back with what was refused.
	refused  string
	dropped  time.Time
	refusals int
	// Why the last fetch under a lease failed. Until that lease ends, whoever waits
	// here for a token is better told at once.
	failure error
	failed  time.Time
}

// A climb is one caller's way to a token, on behalf of all who wait for done.
type climb struct {
	done      chan struct{}
	token     token
	err       error
	abandoned bool // the climber's own ctx ended; whoever waits may do better
}

func newTokens(c *Client, cache TokenCache) *tokens {
	if cache == nil {
		cache = &memoryCache{now: c.now}
	}
	return &tokens{client: c, cache: cache}
}

func (s *tokens) log() *slog.Logger { return s.client.log }

// get returns a token that is good as far as anyone knows.
func (s *tokens) get(ctx context.Context) (token, error) {
	for {
		s.mu.Lock()
		now := s.client.now()
		if now.Before(s.held.expires) && now.Before(s.held.recheck) {
			defer s.mu.Unlock()
			return s.held, nil
		}
		if up := s.climb; up != nil {
			s.mu.Unlock()
			select {
			case <-up.done:
			case <-ctx.Done():
				return token{}, ctx.Err()
			}
			if up.abandoned {
				continue
			}
			return up.token, up.err
		}
		up := &climb{done: make(chan struct{})}
		s.climb = up
		refusals := s.refusals
		s.mu.Unlock()

		if t, renew, ok := s.lead(ctx, up, refusals); ok {
			if renew {
				t = s.renew(ctx, t)
			}
			return t, up.err
		}
	}
}

// lead climbs for all who wait for up. It is not ok if what it found had been refused
// meanwhile; all then start again.
func (s *tokens) lead(ctx context.Context, up *climb, refusals int) (t token, renew, ok bool) {
	text, expires, fetched, renew, err := s.obtain(ctx)

	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(up.done)
	s.climb = nil
	if err != nil {
		up.err, up.abandoned = err, ctx.Err() != nil
		return token{}, false, true
	}
	if !fetched && refusals != s.refusals && text == s.refused {
		up.abandoned = true
		return token{}, false, false
	}
	up.token = s.hold(text, expires, fetched)
	return up.token, renew, true
}

// hold must be called with mu held.
func (s *tokens) hold(text string, expires time.Time, fetched bool) token {
	if fetched || text != s.held.value.Reveal() {
		s.serial++
	}
	s.held = token{value: secret.New(text), expires: expires, recheck: s.client.now().Add(recheckTime), serial: s.serial}
	return s.held
}

// obtain asks the cache, and WeChat if the cache says so or is away. While another
// process fetches the first token it asks again and again, until ctx ends. Renew means
// that the token is good and this caller is to fetch its successor.
func (s *tokens) obtain(ctx context.Context) (text string, expires time.Time, fetched, renew bool, err error) {
	for poll := 0; ; poll++ {
		text, expires, lease, err := s.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return "", time.Time{}, false, false, ctx.Err()
		case err != nil:
			s.log().WarnContext(ctx, "token cache is away", "err", err)
			if t := s.last(); t.value.Reveal() != "" {
				return t.value.Reveal(), t.expires, false, false, nil
			}
			text, expires, err = s.fetch(ctx)
			return text, expires, true, false, err
		case text != "":
			return text, expires, false, lease, nil
		case lease:
			text, expires, err = s.fetchAndPut(ctx)
			return text, expires, true, false, err
		}
		if err := s.recentFailure(); err != nil {
			return "", time.Time{}, false, false, err
		}
		if err := wait(ctx, pollDelay(poll, rand.Float64())); err != nil {
			return "", time.Time{}, false, false, err
		}
	}
}

func (s *tokens) ask(ctx context.Context) (string, time.Time, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, cacheTime)
	defer cancel()
	return s.cache.Token(ctx, s.client.appID)
}

// last returns the token that this process holds, the zero token if it has expired.
func (s *tokens) last() token {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client.now().Before(s.held.expires) {
		return s.held
	}
	return token{}
}

// renew fetches the successor of old, which everybody goes on using meanwhile.
func (s *tokens) renew(ctx context.Context, old token) token {
	text, expires, err := s.fetchAndPut(ctx)
	if err != nil {
		s.log().WarnContext(ctx, "access token not renewed, using the old one", "expires", old.expires, "err", err)
		return old
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hold(text, expires, true)
}

func (s *tokens) fetchAndPut(ctx context.Context) (string, time.Time, error) {
	text, expires, err := s.fetch(ctx)
	s.remember(ctx, err)
	if err != nil {
		return "", time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTime)
	defer cancel()
	if err := s.cache.PutToken(ctx, s.client.appID, text, expires); err != nil {
		s.log().WarnContext(ctx, "access token not shared", "err", err)
	}
	return text, expires, nil
}

func (s *tokens) remember(ctx context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || ctx.Err() == nil { // a caller who ran out of time says nothing of WeChat
		s.failure, s.failed = err, s.client.now()
	}
}

func (s *tokens) recentFailure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client.now().Sub(s.failed) >= leaseTime {
		return nil
	}
	return s.failure
}

func (s *tokens) fetch(ctx context.Context) (string, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	start := s.client.now()
	t, err := s.client.StableToken(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	expires := start.Add(t.Lifetime)
	s.log().InfoContext(ctx, "access token fetched", "expires", expires)
	return t.Value.Reveal(), expires, nil
}

// replace returns a token in the place of bad, which WeChat has just refused. One text
// is dropped once in leaseTime: if stable_token insists on a token that is refused, a
// storm of refusals must not become a storm of fetches.
func (s *tokens) replace(ctx context.Context, bad token) (token, error) {
	s.mu.Lock()
	replaced := s.held.value.Reveal() != "" && s.held.serial != bad.serial
	dropped := s.refused == bad.value.Reveal() && s.client.now().Sub(s.dropped) < leaseTime
	s.mu.Unlock()
	if !replaced && !dropped {
		s.drop(ctx, bad)
	}
	return s.get(ctx)
}

func (s *tokens) drop(ctx context.Context, bad token) {
	ctx, cancel := context.WithTimeout(ctx, cacheTime)
	defer cancel()
	err := s.cache.DropToken(ctx, s.client.appID, bad.value.Reveal())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.serial == bad.serial {
		s.held = token{}
	}
	s.refused = bad.value.Reveal()
	s.refusals++
	s.dropped = s.client.now()
	if err != nil {
		s.dropped = time.Time{}
		s.log().WarnContext(ctx, "refused access token not dropped from the cache", "err", err)
	}
}

// pollDelay doubles from firstPoll to lastPoll; random, in [0,1), spreads it by half
// either way.
func pollDelay(attempt int, random float64) time.Duration {
	d := min(firstPoll<<min(attempt, 10), lastPoll)
	return time.Duration(float64(d) * (0.5 + random))
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
