package im

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/secret"
)

// Why a callback is refused. None of these tells the sender anything but "no".
var (
	ErrBadQuery       error = &refusal{"bad_query", "callback: the query string cannot be parsed"}
	ErrRepeated       error = &refusal{"repeated_parameter", "callback: a query parameter is given more than once"}
	ErrNoSign         error = &refusal{"no_sign", "callback: Sign or RequestTime is missing; switch authentication on in the IM console"}
	ErrBadRequestTime error = &refusal{"bad_request_time", "callback: RequestTime is not a number of seconds"}
	ErrBadSign        error = &refusal{"bad_sign", "callback: Sign does not fit IM_CALLBACK_TOKEN"}
	ErrStale          error = &refusal{"stale", "callback: RequestTime is too far from now"}
	ErrOtherApp       error = &refusal{"other_app", "callback: SdkAppid is not IM_SDKAPPID"}
)

// DefaultWindow is how far RequestTime may be from now, either way.
// Source: https://cloud.tencent.com/document/product/269/32431
const DefaultWindow = 60 * time.Second

// A date with more digits lies beyond the year 33658.
const maxRequestTimeDigits = 12

// ReceiverConfig is what a Receiver has to know.
type ReceiverConfig struct {
	SDKAppID int           // IM_SDKAPPID
	Token    secret.String // IM_CALLBACK_TOKEN, as typed into the IM console
	// PreviousToken (IM_CALLBACK_TOKEN_PREVIOUS) is accepted too, so that the token
	// can be changed while callbacks come in. Empty: none.
	PreviousToken secret.String
	// Insecure (IM_CALLBACK_INSECURE) permits an empty Token: then anybody can send
	// callbacks. With a Token it has no effect.
	Insecure bool
	Window   time.Duration // 0: DefaultWindow; whole seconds
}

// A Receiver decides whether a callback comes from our IM app. It has no state that
// changes, so it is safe for concurrent use.
//
// IM's Sign covers the token and the time only, neither the body nor any other
// parameter: one URL that was seen is good for any body until it is stale. Hence
// HTTPS, no query string in any log, and facts that may be recorded twice.
type Receiver struct {
	appID  string
	tokens []secret.String
	window int64 // seconds
}

// NewReceiver checks cfg. Its error names the variables to set, all at once.
func NewReceiver(cfg ReceiverConfig) (*Receiver, error) {
	var errs []error
	if cfg.SDKAppID <= 0 {
		errs = append(errs, errors.New("IM_SDKAPPID is not set: copy the SDKAppID from the IM console"))
	}
	r := &Receiver{appID: strconv.Itoa(cfg.SDKAppID), window: int64(cfg.Window / time.Second)}
	if cfg.Window == 0 {
		r.window = int64(DefaultWindow / time.Second)
	} else if cfg.Window < time.Second {
		errs = append(errs, fmt.Errorf("callback window %v is below one second", cfg.Window))
	}
	if cfg.Token.Empty() && (!cfg.Insecure || !cfg.PreviousToken.Empty()) {
		errs = append(errs, errors.New("IM_CALLBACK_TOKEN is not set: switch callback authentication on in the IM console "+
			"and copy its token, or set IM_CALLBACK_INSECURE=1 to accept callbacks from anybody"))
	}
	for i, token := range []secret.String{cfg.Token, cfg.PreviousToken} {
		if token.Empty() {
			continue
		}
		if strings.TrimSpace(token.Reveal()) != token.Reveal() {
			name := [...]string{"IM_CALLBACK_TOKEN", "IM_CALLBACK_TOKEN_PREVIOUS"}[i]
			errs = append(errs, fmt.Errorf("%s begins or ends with white space", name))
		}
		r.tokens = append(r.tokens, token)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("im: callback settings: %w", err)
	}
	return r, nil
}

// Verify reports whether query is that of a callback that IM made for our app within
// the window around now: nil, or one of the errors above. Parameter names are
// compared without regard to ASCII case, because IM itself writes SdkAppid and
// sdkappid; a name that occurs twice is refused.
//
// Source: https://cloud.tencent.com/document/product/269/32431
func (r *Receiver) Verify(query url.Values, now time.Time) error {
	p, err := parameters(query)
	if err != nil {
		return err
	}
	if len(r.tokens) > 0 {
		if err := r.verifySign(p["sign"], p["requesttime"], now); err != nil {
			return err
		}
	}
	if p["sdkappid"] != r.appID {
		return ErrOtherApp
	}
	return nil
}

// verifySign judges the signature before the time, and tries every token whatever
// the first one says, so that an answer's timing tells nothing about a token.
func (r *Receiver) verifySign(sign, requestTime string, now time.Time) error {
	if sign == "" || requestTime == "" {
		return ErrNoSign
	}
	at, ok := parseRequestTime(requestTime)
	if !ok {
		return ErrBadRequestTime
	}
	match := 0
	for _, token := range r.tokens {
		match |= subtle.ConstantTimeCompare([]byte(sign), []byte(Sign(token, requestTime)))
	}
	if match != 1 {
		return ErrBadSign
	}
	if age := now.Unix() - at; age > r.window || age < -r.window {
		return ErrStale
	}
	return nil
}

// parseRequestTime takes plain decimal digits only: no sign, no space, no exponent.
func parseRequestTime(s string) (int64, bool) {
	if len(s) > maxRequestTimeDigits {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// parameters returns query with its names in lower case, or ErrRepeated.
func parameters(query url.Values) (map[string]string, error) {
	p := make(map[string]string, len(query))
	for name, values := range query {
		name = asciiLower(name)
		if _, seen := p[name]; seen || len(values) > 1 {
			return nil, ErrRepeated
		}
		if len(values) == 1 {
			p[name] = values[0]
		}
	}
	return p, nil
}

// asciiLower leaves letters alone that Unicode folds into ASCII, such as the Kelvin
// sign.
func asciiLower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

// Sign returns the Sign that IM puts beside requestTime, a decimal number of Unix
// seconds: the lower-case hexadecimal SHA-256 of the token and the time, with nothing
// between them. Whoever holds it can post any body until it is stale.
func Sign(token secret.String, requestTime string) string {
	sum := sha256.Sum256([]byte(token.Reveal() + requestTime))
	return hex.EncodeToString(sum[:])
}

// SignQuery sets Sign and RequestTime in query, as IM does at the time now.
func SignQuery(query url.Values, token secret.String, now time.Time) {
	requestTime := strconv.FormatInt(now.Unix(), 10)
	query.Set("Sign", Sign(token, requestTime))
	query.Set("RequestTime", requestTime)
}
