package im

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/secret"
	"wxnotify/shared/stopwatch"
)

const (
	// IM gives up after 3 s; a shorter wait makes failures of its successes.
	// Source: https://cloud.tencent.com/document/product/269/1519
	attemptTimeout = 5 * time.Second
	maxAttempts    = 3
	firstBackoff   = 200 * time.Millisecond
	maxReply       = 2 << 20 // IM's own limit is 1 MB
	maxInfo        = 200     // runes of ErrorInfo
)

// call posts request to path, such as "/v4/openim/query_online_status", and returns
// the reply. With an *APIError the reply is returned too: it may say more about single
// users.
func (c *Client) call(ctx context.Context, path string, request any) (object, error) {
	op := path[strings.LastIndexByte(path, '/')+1:]
	body, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("im: %s: %w", op, err)
	}
	var reply object
	host, renewed := 0, false
	for attempt := 1; ; attempt++ {
		if err := c.locked(); err != nil {
			return nil, err
		}
		sig, sigErr := c.sig.get()
		if sigErr != nil {
			return nil, sigErr
		}
		if late := c.pace(ctx, op); late != nil {
			if attempt == 1 {
				return nil, late
			}
			return reply, err
		}
		reply, err = c.post(ctx, c.hosts[host]+path, op, sig, body)
		if err == nil {
			return reply, nil
		}
		c.noteLock(err)
		wait := backoff(attempt, rand.Float64())
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("im: %s: %w", op, ctx.Err())
		case refusesUserSig(err) && !renewed:
			c.sig.refused(ctx, sig)
			renewed, wait = true, 0
		case attempt >= maxAttempts || !passing(err):
			return reply, err
		case unreached(err) && host+1 < len(c.hosts):
			host, wait = host+1, 0
		}
		if !pause(ctx, wait) {
			return reply, err
		}
	}
}

// post makes one attempt.
func (c *Client) post(ctx context.Context, target, op string, sig secret.String, body []byte) (object, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	query := url.Values{
		"sdkappid":    {strconv.Itoa(c.appID)},
		"identifier":  {string(c.admin)},
		"usersig":     {sig.Reveal()},
		"random":      {strconv.FormatUint(uint64(rand.Uint32()), 10)},
		"contenttype": {"json"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("im: %s: the request cannot be built", op)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &transportError{op: op, err: withoutURL(err), sig: sig}
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, &statusError{op: op, status: resp.StatusCode}
	case err != nil:
		return nil, &transportError{op: op, err: err, sig: sig}
	case len(reply) > maxReply:
		return nil, fmt.Errorf("im: %s: the reply is above %d MiB", op, maxReply>>20)
	}
	return readReply(op, reply, sig)
}

// readReply turns a non-zero ErrorCode into an *APIError. IM answers 200 even then.
func readReply(op string, reply []byte, sig secret.String) (object, error) {
	o, err := parseObject(reply)
	if err != nil {
		return nil, &transportError{op: op, err: errUnreadable, sig: sig}
	}
	code, ok := o.integer("ErrorCode")
	switch {
	case !ok:
		return nil, &transportError{op: op, err: errUnreadable, sig: sig}
	case code == 0:
		return o, nil
	}
	info := oneLine(scrub(o.str("ErrorInfo"), sig), maxInfo)
	return o, &APIError{Op: op, Code: int(code), Info: info}
}

var errUnreadable = errors.New("the reply cannot be read")

// A transportError is a failure on the way. It prints without the UserSig, whatever
// the transport put into its error.
type transportError struct {
	op  string
	err error
	sig secret.String
}

func (e *transportError) Error() string {
	return scrub(fmt.Sprintf("im: %s: %v", e.op, e.err), e.sig)
}

// A statusError is an HTTP status other than 200, which IM's gateway gives when IM
// itself did not answer.
type statusError struct {
	op     string
	status int
}

func (e *statusError) Error() string { return fmt.Sprintf("im: %s: HTTP status %d", e.op, e.status) }

// withoutURL strips the URL that net/http puts in its errors.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// scrub removes sig from text, as it is and as it stands in a URL.
func scrub(text string, sig secret.String) string {
	s := sig.Reveal()
	if s == "" {
		return text
	}
	return strings.NewReplacer(s, "[usersig]", url.QueryEscape(s), "[usersig]").Replace(text)
}

func refusesUserSig(err error) bool {
	api, ok := errors.AsType[*APIError](err)
	return ok && api.NewUserSig()
}

// passing reports whether err may be gone at the next attempt.
func passing(err error) bool {
	if api, ok := errors.AsType[*APIError](err); ok {
		return api.Retry()
	}
	if status, ok := errors.AsType[*statusError](err); ok {
		return status.status >= 500 || status.status == http.StatusTooManyRequests
	}
	_, transport := errors.AsType[*transportError](err)
	return transport
}

// unreached reports whether no connection was made, by name or by address.
func unreached(err error) bool {
	t, ok := errors.AsType[*transportError](err)
	if !ok {
		return false
	}
	if _, dns := errors.AsType[*net.DNSError](t.err); dns {
		return true
	}
	op, dial := errors.AsType[*net.OpError](t.err)
	return dial && op.Op == "dial"
}

// backoff is how long to wait after the nth failed attempt, from 1: 200 ms, doubled
// each time, between half and the whole of it by r in [0, 1).
func backoff(n int, r float64) time.Duration {
	whole := firstBackoff << (n - 1)
	return whole/2 + time.Duration(r*float64(whole/2))
}

// pause waits d. It is false, at once, if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	if left, bounded := stopwatch.Left(ctx); bounded && left <= d {
		return false
	}
	return stopwatch.Sleep(ctx, d)
}
