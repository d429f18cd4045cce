package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/secret"
)

// maxSkew is how old, or how far ahead, a backend's signed request may be.
const maxSkew = 5 * time.Minute

// The headers of a backend's signed request.
const (
	HeaderTimestamp = "X-Wxnotify-Timestamp" // unix seconds
	HeaderSignature = "X-Wxnotify-Signature" // as Sign returns it
)

// Sign returns the signature of a backend's request: the lower-case hexadecimal
// HMAC-SHA256 with key over timestamp, word and body, joined by line feeds. word is
// the function's name.
func Sign(key secret.String, timestamp, word string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(timestamp + "\n" + word + "\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

var (
	errNoSignature  = errors.New("a signature header is missing")
	errBadSignature = errors.New("the signature does not fit the key and the body")
	errSkew         = errors.New("the timestamp is more than five minutes from now")
	errNoBearer     = errors.New("the Authorization header is not Bearer <userId>:<UserSig>")
)

// verifySigned checks a backend's signature over body.
func verifySigned(h http.Header, key secret.String, word string, body []byte, now time.Time) error {
	timestamp, signature := h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if timestamp == "" || signature == "" {
		return unauthorized(errNoSignature)
	}
	if !hmac.Equal([]byte(Sign(key, timestamp, word, body)), []byte(strings.ToLower(signature))) {
		return forged(errBadSignature)
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > maxSkew {
		return unauthorized(errSkew)
	}
	return nil
}

// UserSigs makes and checks the UserSigs of users. An error of Verify whose method Genuine
// returns true is about one that we made and that does not hold: an expired one is no guess.
type UserSigs interface {
	SignUser(user fact.UserID, now time.Time, ttl time.Duration) (usersig string, expires time.Time, err error)
	Verify(user fact.UserID, usersig string, now time.Time) error
}

// bearer returns who signed r with a UserSig of their own.
//
// The scheme's case does not matter, nor how many blanks follow it.
// Source: https://www.rfc-editor.org/rfc/rfc9110#section-11.1
func bearer(r *http.Request, sigs UserSigs, now time.Time) (fact.UserID, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimLeft(token, " ")
	i := strings.LastIndexByte(token, ':')
	if !strings.EqualFold(scheme, "Bearer") || i < 1 {
		return "", unauthorized(errNoBearer)
	}
	user := fact.UserID(token[:i])
	err := sigs.Verify(user, token[i+1:], now)
	if g, ok := errors.AsType[interface {
		error
		Genuine() bool
	}](err); ok && g.Genuine() {
		return "", unauthorized(err)
	}
	if err != nil {
		return "", forged(err)
	}
	return user, nil
}
