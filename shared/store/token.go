package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// tokenEarly is how long before its end a token is renewed. WeChat renews by itself
	// five minutes before the end, and both tokens work during those.
	// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getstableaccesstoken
	tokenEarly = 5 * time.Minute
	// tokenLease is how long one caller has for fetching a token before another may try.
	tokenLease = 10 * time.Second
)

type tokenArgs struct {
	Early int64 `json:"early"`
	Lease int64 `json:"lease"`
}

// Token returns the shared access token of appID and when it ends, or "" if there is
// none. refresh is true for one caller at a time: the one who is to fetch a new one
// and PutToken it within ten seconds.
func (s *Store) Token(ctx context.Context, appID string) (token string, expires time.Time, refresh bool, err error) {
	// Jitter, so that instances do not all look at the same moment.
	early := tokenEarly - rand.N(time.Minute)
	replies, err := s.run(ctx, call{scriptToken, []string{s.keysOf(appID).token(appID)},
		tokenArgs{early.Milliseconds(), tokenLease.Milliseconds()}})
	if err != nil {
		return "", time.Time{}, false, err
	}
	part, err := replies[0].Slice()
	if err != nil || len(part) != 3 {
		return "", time.Time{}, false, fmt.Errorf("store: Token: unexpected reply: %w", err)
	}
	token, _ = part[0].(string)
	if token != "" {
		ms, _ := part[1].(string)
		expires = millis(ms)
	}
	n, _ := part[2].(int64)
	return token, expires, n == 1, nil
}

type putTokenArgs struct {
	Token string `json:"token"`
	TTL   int64  `json:"ttl"`
}

// PutToken shares a token that was just fetched.
func (s *Store) PutToken(ctx context.Context, appID, token string, expires time.Time) error {
	ttl := expires.Sub(s.now())
	if ttl <= 0 {
		return nil
	}
	_, err := s.run(ctx, call{scriptPutToken, []string{s.keysOf(appID).token(appID)}, putTokenArgs{token, ttl.Milliseconds()}})
	return err
}

type dropTokenArgs struct {
	Token string `json:"token"`
}

// DropToken forgets exactly that token, which WeChat refused. A newer one stays.
func (s *Store) DropToken(ctx context.Context, appID, token string) error {
	_, err := s.run(ctx, call{scriptDropToken, []string{s.keysOf(appID).token(appID)}, dropTokenArgs{token}})
	return err
}
