package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"

	"wxnotify/shared/card"
)

// Names of our methods, as errors carry them.
const (
	opStableToken   = "StableToken"
	opSendSubscribe = "SendSubscribe"
	opCode2Session  = "Code2Session"
	opGetTemplates  = "GetTemplates"
	opQuota         = "SendQuota"
	opCheckCallback = "CheckCallback"
)

const (
	maxReply  = 1 << 20
	maxErrMsg = 300
)

// A request is one API call: a GET, or a POST if body is not nil.
type request struct {
	op      string
	path    string
	query   url.Values
	body    any
	private []string // values that must not come back to us in an errmsg
}

// A reply is the documented shape of an answer. Complete reports whether it has what
// only a success has, for some of WeChat's successes carry no errcode.
type reply interface{ complete() bool }

var (
	errUnreadable = errors.New("the answer is not JSON of the documented shape")
	errEmpty      = errors.New("the answer is empty")
	errLargeReply = errors.New("the answer is too large")
)

// withToken performs r with the shared access token, and once more with a fresh one if
// WeChat refuses the first. A refused token is a call that was not carried out.
func (c *Client) withToken(ctx context.Context, r request, out reply) error {
	t, err := c.tokens.get(ctx)
	if err != nil {
		return noToken(r.op, err)
	}
	err = c.call(ctx, r.authorize(t), out)
	if !tokenRefused(err) {
		return err
	}
	if t, err = c.tokens.replace(ctx, t); err != nil {
		return noToken(r.op, err)
	}
	return c.call(ctx, r.authorize(t), out)
}

// withSecret performs what ask makes of the AppSecret, and once more if WeChat refuses that and there is another by now.
func (c *Client) withSecret(ctx context.Context, ask func(appSecret string) request, out reply) error {
	used := c.secret.Reveal()
	private := func(r request, s string) request { r.private = append(r.private, s); return r }
	err := c.call(ctx, private(ask(used), used), out)
	if e, ok := errors.AsType[*APIError](err); !ok || !e.wrongSecret() || !c.secret.Renew(ctx, used) {
		return err
	}
	next := c.secret.Reveal()
	return c.call(ctx, private(ask(next), next), out)
}

func (r request) authorize(t token) request {
	r.query = url.Values{"access_token": {t.value.Reveal()}}
	r.private = append([]string{t.value.Reveal()}, r.private...)
	return r
}

// noToken says that op was not even tried. The class of err stays: none that fetching
// a token can have says that a card may have been shown.
func noToken(op string, err error) error {
	var classed interface{ Class() card.Class }
	if errors.As(err, &classed) {
		return fmt.Errorf("wechat: %s: no access token: %w", op, err)
	}
	return &TransportError{Op: op, Err: fmt.Errorf("waiting for an access token: %w", err)}
}

// call performs r on the first host that a connection can be made to. Its errors are
// *APIError and *TransportError.
func (c *Client) call(ctx context.Context, r request, out reply) error {
	body, err := r.encode()
	if err != nil {
		return &TransportError{Op: r.op, Err: err}
	}
	n, first := len(c.hosts), int(c.host.Load())
	for i := range n {
		at := (first + i) % n
		err = c.try(ctx, c.hosts[at], r, body, out)
		te, ok := errors.AsType[*TransportError](err)
		if !ok || te.Sent || ctx.Err() != nil {
			return err
		}
		c.host.CompareAndSwap(int32(at), int32((at+1)%n))
		c.log.WarnContext(ctx, "wechat host not reached", "op", r.op, "host", c.hosts[at], "err", te.Err)
	}
	return err
}

// encode leaves & < > as they are: WeChat does not read page queries written with \u0026.
func (r request) encode() ([]byte, error) {
	if r.body == nil {
		return nil, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(r.body)
	return b.Bytes(), err
}

func (c *Client) try(ctx context.Context, host string, r request, body []byte, out reply) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return &TransportError{Op: r.op, Err: err}
	}
	var way way
	data, err := c.exchange(httptrace.WithClientTrace(ctx, way.trace()), host, r, body)
	if err != nil {
		return &TransportError{Op: r.op, Sent: way.maybeSent(err), Err: withoutURL(err)}
	}
	return c.read(r, data, out)
}

// exchange returns the body of a 200.
func (c *Client) exchange(ctx context.Context, host string, r request, body []byte) ([]byte, error) {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, host+r.path+"?"+r.query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	case err != nil:
		return nil, err
	case len(data) > maxReply:
		return nil, errLargeReply
	}
	return data, nil
}

// read decodes an answer, whatever its Content-Type: WeChat labels some text/plain. An
// empty 200 has been seen too (https://github.com/Eric-Guo/wechat/issues/184).
func (c *Client) read(r request, data []byte, out reply) error {
	unreadable := func(err error) error { return &TransportError{Op: r.op, Sent: true, Err: err} }
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return unreadable(errEmpty)
	}
	var status struct {
		Code number `json:"errcode"`
		Msg  string `json:"errmsg"`
	}
	if data[0] != '{' || json.Unmarshal(data, &status) != nil {
		return unreadable(errUnreadable)
	}
	if status.Code != 0 {
		return &APIError{Op: r.op, Code: int(status.Code), Msg: c.clean(status.Msg, r.private)}
	}
	if json.Unmarshal(data, out) != nil || !out.complete() {
		return unreadable(errUnreadable)
	}
	return nil
}

// clean makes an errmsg fit for logs: short, one line, and without what we sent in
// confidence, should it come back.
func (c *Client) clean(msg string, private []string) string {
	for _, p := range append([]string{c.secret.Reveal()}, private...) {
		if len(p) >= 4 {
			quoted, _ := json.Marshal(p) // of a string: no error
			msg = strings.NewReplacer(p, "[secret]", string(quoted[1:len(quoted)-1]), "[secret]", url.QueryEscape(p), "[secret]").Replace(msg)
		}
	}
	msg = strings.Join(strings.FieldsFunc(msg, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(msg) > maxErrMsg {
		msg = strings.ToValidUTF8(msg[:maxErrMsg], "") + "..."
	}
	return msg
}

// A number is a JSON number or a string that holds one.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*n = number(v)
	return err
}

// A way watches how far a request got.
type way struct{ asked, connected atomic.Bool }

func (w *way) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			w.asked.Store(true)
			// net/http asks again only if nothing was written on the last connection.
			w.connected.Store(false)
		},
		GotConn: func(httptrace.GotConnInfo) { w.connected.Store(true) },
	}
}

// maybeSent reports whether the request that ended in err may have been received. Once
// there was a connection it may: net/http does not tell how much of it was written.
func (w *way) maybeSent(err error) bool {
	if w.asked.Load() {
		return w.connected.Load()
	}
	// A RoundTripper that knows no traces.
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op != "dial"
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return !dns
}
