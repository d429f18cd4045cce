package store

import (
	"context"
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

// The fields of a token beside the version.
const (
	tokenText    = "t"
	tokenExpires = "e" // ms
	tokenRenewed = "l" // until when somebody renews it, ms
)

// Token returns the shared access token of appID and when it ends, or "" if there is
// none. refresh is true for one caller at a time: the one who is to fetch a new one
// and PutToken it within ten seconds.
func (s *Store) Token(ctx context.Context, appID string) (token string, expires time.Time, refresh bool, err error) {
	// Jitter, so that instances do not all look at the same moment.
	early := tokenEarly - rand.N(time.Minute)
	c := &change{record: s.keysOf(appID).token(appID), fields: []string{tokenText, tokenExpires, tokenRenewed}}
	c.decide = func(now time.Time, replies []any, next string) ([]command, error) {
		kept := texts(replies[0])
		token, expires = kept[0], millis(kept[1])
		if !expires.After(now) {
			token, expires = "", time.Time{}
		}
		refresh = (token == "" || !expires.Add(-early).After(now)) && !millis(kept[2]).After(now)
		if !refresh {
			return nil, nil
		}
		return []command{do("HSET", c.record, "v", next, tokenRenewed, now.Add(tokenLease).UnixMilli())}, nil
	}
	if err := s.commitOne(ctx, c); err != nil {
		return "", time.Time{}, false, err
	}
	return token, expires, refresh, nil
}

// PutToken shares a token that was just fetched.
func (s *Store) PutToken(ctx context.Context, appID, token string, expires time.Time) error {
	ttl := expires.Sub(s.now())
	if ttl <= 0 {
		return nil
	}
	c := &change{record: s.keysOf(appID).token(appID)}
	c.decide = func(now time.Time, _ []any, next string) ([]command, error) {
		outlives := ttl + time.Minute // the lease of whoever renews it last
		return []command{do("HSET", c.record, "v", next, tokenText, token, tokenExpires, now.Add(ttl).UnixMilli()),
			do("HDEL", c.record, tokenRenewed), do("PEXPIRE", c.record, outlives.Milliseconds())}, nil
	}
	return s.commitOne(ctx, c)
}

// DropToken forgets exactly that token, which WeChat refused. A newer one stays.
func (s *Store) DropToken(ctx context.Context, appID, token string) error {
	c := &change{record: s.keysOf(appID).token(appID), fields: []string{tokenText}}
	c.decide = func(_ time.Time, replies []any, next string) ([]command, error) {
		if texts(replies[0])[0] != token {
			return nil, nil
		}
		return []command{do("HSET", c.record, "v", next), do("HDEL", c.record, tokenText, tokenExpires)}, nil
	}
	return s.commitOne(ctx, c)
}
