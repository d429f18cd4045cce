package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/secret"
)

const (
	// MaxBody is the largest body of a push, in bytes.
	MaxBody = 1 << 20
	// MaxAge is how far the timestamp of a push may be from now, either way.
	MaxAge = 5 * time.Minute
	// MaxMessageAge is how old the CreateTime of an encrypted event may be when it comes in. The
	// digests go over timestamp and nonce in sorted order, so an old push with the two
	// exchanged has right digests, and passes for new if its nonce looks like a time.
	// WeChat repeats a push within seconds; an hour leaves room for pushes that it holds up.
	MaxMessageAge = time.Hour

	maxParam   = 128 // signature, timestamp, nonce and their like
	maxEchoStr = 512
)

// Config says which pushes are ours. The values are those of the mini program's
// console, Development management, Message push.
type Config struct {
	AppID string        // WECHAT_APPID
	Token secret.String // WECHAT_TOKEN
	// EncodingAESKey (WECHAT_ENCODING_AES_KEY) selects the mode: with it only
	// encrypted pushes are accepted, without it only clear ones.
	EncodingAESKey secret.String
	// The values before the last change, still accepted if set
	// (WECHAT_TOKEN_PREVIOUS, WECHAT_ENCODING_AES_KEY_PREVIOUS).
	PreviousToken          secret.String
	PreviousEncodingAESKey secret.String
}

// A Receiver decides which requests are WeChat's. It is safe for concurrent use.
//
// A push passes these checks in this order; the first that fails names the refusal:
//
//  1. the body is at most MaxBody bytes;
//  2. signature is right: WeChat sends it in every mode, and it is cheap;
//  3. timestamp is within MaxAge of now;
//  4. with encrypt_type=aes, msg_signature is right for the Encrypt of the body;
//  5. encrypted if and only if we have a key;
//  6. Encrypt decrypts, and the appid inside is ours;
//  7. CreateTime inside, of an event from which something follows, is at most MaxMessageAge
//     old, if it is encrypted, and at most MaxAge ahead.
//
// The message is decoded after the sixth. What stands beside Encrypt in the body
// (compatible mode repeats the message there in clear) is never looked at.
//
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
type Receiver struct {
	appID  string
	tokens []secret.String // current first
	keys   []secret.String // encoded AES keys, current first; none: plain mode
}

// New returns a Receiver. Its error lists everything that is missing or malformed, by
// the name of the environment variable.
func New(cfg Config) (*Receiver, error) {
	var errs []error
	r := &Receiver{appID: cfg.AppID}
	if cfg.AppID == "" {
		errs = append(errs, errors.New("wechat: WECHAT_APPID is empty: set it to the mini program's AppID"))
	}
	if cfg.Token.Empty() {
		errs = append(errs, errors.New("wechat: WECHAT_TOKEN is empty: set it to the Token of the message push settings"))
	}
	if cfg.EncodingAESKey.Empty() && !cfg.PreviousEncodingAESKey.Empty() {
		errs = append(errs, errors.New("wechat: WECHAT_ENCODING_AES_KEY is empty though WECHAT_ENCODING_AES_KEY_PREVIOUS is set: set both or none"))
	}
	for _, t := range []secret.String{cfg.Token, cfg.PreviousToken} {
		if !t.Empty() {
			r.tokens = append(r.tokens, t)
		}
	}
	for _, k := range []struct {
		name    string
		encoded secret.String
	}{
		{"WECHAT_ENCODING_AES_KEY", cfg.EncodingAESKey},
		{"WECHAT_ENCODING_AES_KEY_PREVIOUS", cfg.PreviousEncodingAESKey},
	} {
		if k.encoded.Empty() {
			continue
		}
		if _, err := parseKey(k.encoded); err != nil {
			errs = append(errs, fmt.Errorf("wechat: %s %w", k.name, err))
		}
		r.keys = append(r.keys, k.encoded)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return r, nil
}

// VerifyURL checks the GET request with which WeChat verifies the URL, and returns the
// text that answers it, to be written unchanged. The errors are ErrQuery, ErrSignature
// and ErrStale.
func (r *Receiver) VerifyURL(query url.Values, now time.Time) (echostr string, err error) {
	q, err := readQuery(query)
	if err != nil {
		return "", err
	}
	echostr, err = param(query, "echostr", maxEchoStr)
	if err != nil {
		return "", err
	}
	if echostr == "" {
		return "", fmt.Errorf("%w: no echostr", ErrQuery)
	}
	if !signedBy(r.tokens, q.signature, q.timestamp, q.nonce) {
		return "", ErrSignature
	}
	return echostr, q.fresh(now)
}

// Open verifies, decrypts and decodes a push. Body is as received. Its error is or
// wraps one of the refusals; Push is then the zero value. A push that is authentic and
// cannot be read is no error but an Unreadable.
//
// One body passes without a signature: the probe of WeChat's cloud hosting, which
// carries nothing and does nothing.
func (r *Receiver) Open(query url.Values, body []byte, now time.Time) (Push, error) {
	if len(body) > MaxBody {
		return Push{}, ErrTooLarge
	}
	if isProbe(body) {
		return Push{Event: Probe{}}, nil
	}
	q, err := readQuery(query)
	if err != nil {
		return Push{}, err
	}
	if !signedBy(r.tokens, q.signature, q.timestamp, q.nonce) {
		return Push{}, ErrSignature
	}
	if err := q.fresh(now); err != nil {
		return Push{}, err
	}
	if q.encrypted {
		if body, err = r.unwrap(q, body); err != nil {
			return Push{}, err
		}
	} else if len(r.keys) > 0 {
		return Push{}, ErrDowngrade
	}
	n, err := decode(body)
	if err != nil {
		return Push{Signed: q.encrypted, Event: Unreadable{err}}, nil
	}
	if !q.encrypted && n.text("MsgType") == "" && n.text("Encrypt") != "" {
		return Push{}, ErrNoKey // a secure body under a plain query
	}
	event, err := readEvent(n)
	if err != nil {
		event = Unreadable{err}
	}
	p := Push{Signed: q.encrypted, Event: event}
	// What has no effect may have any time: WeChat's test tools send it so, and WeChat would
	// repeat what is refused, and then pause.
	if (len(p.Facts()) > 0 || p.penalty()) && !timely(n, now, p.Signed) {
		return Push{}, ErrStale
	}
	return p, nil
}

// timely holds the CreateTime of an event, if it has one, against now. One that is not signed
// may be old: whoever can send it can write another.
func timely(n *node, now time.Time, signed bool) bool {
	at, ok := createTime(n)
	return !ok || at.Sub(now) <= MaxAge && (!signed || now.Sub(at) <= MaxMessageAge)
}

// unwrap returns the message inside an encrypted body.
func (r *Receiver) unwrap(q pushQuery, body []byte) ([]byte, error) {
	envelope, err := decode(body)
	if err != nil {
		return nil, err
	}
	// An empty Encrypt adds nothing to the digest: msg_signature would then be right
	// for anyone who has seen a signature.
	encrypted := envelope.text("Encrypt")
	if encrypted == "" {
		return nil, fmt.Errorf("%w: encrypt_type is aes and the body has no Encrypt", ErrMalformed)
	}
	if !signedBy(r.tokens, q.msgSignature, q.timestamp, q.nonce, encrypted) {
		return nil, ErrSignature
	}
	if len(r.keys) == 0 {
		return nil, ErrNoKey
	}
	return r.decrypt(encrypted)
}

// decrypt tries the current key, then the previous one. A wrong key does not get as
// far as an appid, so ErrAppID speaks of the right key.
func (r *Receiver) decrypt(encrypted string) ([]byte, error) {
	refused := ErrDecrypt
	for _, encoded := range r.keys {
		key, err := parseKey(encoded)
		if err != nil { // it has changed
			refused = fmt.Errorf("%w: an EncodingAESKey %w", ErrDecrypt, err)
			continue
		}
		msg, appID, err := key.decrypt(encrypted)
		switch {
		case err == nil && appID == r.appID:
			return msg, nil
		case err == nil:
			refused = ErrAppID
		case refused == ErrDecrypt:
			refused = fmt.Errorf("%w: %w", ErrDecrypt, err)
		}
	}
	return nil, refused
}

// A pushQuery is the part of a query string that authenticates.
type pushQuery struct {
	signature, msgSignature string
	timestamp, nonce        string // as received: they are hashed so
	encrypted               bool
}

func readQuery(query url.Values) (q pushQuery, err error) {
	var kind string
	for _, p := range []struct {
		name     string
		to       *string
		required bool
	}{
		{"signature", &q.signature, true},
		{"timestamp", &q.timestamp, true},
		{"nonce", &q.nonce, true},
		{"encrypt_type", &kind, false},
		{"msg_signature", &q.msgSignature, false},
	} {
		if *p.to, err = param(query, p.name, maxParam); err != nil {
			return pushQuery{}, err
		}
		if p.required && *p.to == "" {
			return pushQuery{}, fmt.Errorf("%w: no %s", ErrQuery, p.name)
		}
	}
	switch kind {
	case "", "raw":
	case "aes":
		q.encrypted = true
	default:
		return pushQuery{}, fmt.Errorf("%w: unknown encrypt_type", ErrQuery)
	}
	return q, nil
}

// param returns the only value of name, or "". A repeated parameter is refused: which
// one counts would depend on who reads.
func param(query url.Values, name string, limit int) (string, error) {
	values := query[name]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", fmt.Errorf("%w: %s is repeated", ErrQuery, name)
	}
	if len(values[0]) > limit {
		return "", fmt.Errorf("%w: %s is too long", ErrQuery, name)
	}
	return values[0], nil
}

// fresh holds the timestamp, in seconds, against now. The digits are checked too: the
// digest joins its parts without a separator, so their shape must be ours to decide.
func (q pushQuery) fresh(now time.Time) error {
	seconds, err := strconv.ParseInt(q.timestamp, 10, 64)
	if err != nil || len(q.timestamp) > 11 || strings.Trim(q.timestamp, "0123456789") != "" {
		return fmt.Errorf("%w: timestamp is not a number of seconds", ErrQuery)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > MaxAge || age < -MaxAge {
		return ErrStale
	}
	return nil
}

// isProbe reports whether body is, to the letter, the probe that WeChat's cloud
// hosting sends when a URL is configured there.
func isProbe(body []byte) bool {
	body = bytes.TrimSpace(body)
	if len(body) > 64 {
		return false
	}
	var fields map[string]string
	return json.Unmarshal(body, &fields) == nil && len(fields) == 1 && fields["action"] == probeAction
}
