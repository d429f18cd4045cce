package im

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"wxnotify/shared/fact"
	"wxnotify/shared/secret"
)

// Why a UserSig is refused.
var (
	ErrUserSigMalformed  error = &refusal{"malformed", "UserSig: not a UserSig"}
	ErrUserSigVersion    error = &refusal{"version", "UserSig: TLS.ver is not 2.0"}
	ErrUserSigUserBuf    error = &refusal{"userbuf", "UserSig: made for entering a room (TLS.userbuf)"}
	ErrUserSigApp        error = &refusal{"sdkappid", "UserSig: made for another app"}
	ErrUserSigIdentifier error = &refusal{"identifier", "UserSig: made for another user"}
	ErrUserSigSignature  error = &refusal{"signature", "UserSig: the signature is wrong"}
	ErrUserSigFuture     error = &refusal{"future", "UserSig: made in the future; check the clocks"}
	ErrUserSigExpired    error = &refusal{"expired", "UserSig: expired"}
	ErrUserSigFormerKey  error = &refusal{"former_key", "UserSig: made with the key before the last change"}
)

// Genuine reports whether what is refused is a UserSig that was made with our key, or the
// one before: it does not hold, and its bearer has guessed nothing.
func (r *refusal) Genuine() bool {
	switch error(r) {
	case ErrUserSigFuture, ErrUserSigExpired, ErrUserSigFormerKey:
		return true
	}
	return false
}

const (
	maxUserSig         = 2 << 10 // as it arrives; honest ones have some 250 to 450 bytes
	maxUserSigInflated = 4 << 10
	userSigSkew        = 60 // seconds by which the signer's clock may run ahead
)

// claims is the JSON inside a UserSig.
type claims struct {
	Version    string          `json:"TLS.ver"`
	Identifier string          `json:"TLS.identifier"`
	SDKAppID   uint64          `json:"TLS.sdkappid"`
	Expire     int64           `json:"TLS.expire"` // a duration in seconds
	Time       int64           `json:"TLS.time"`
	UserBuf    json.RawMessage `json:"TLS.userbuf,omitempty"`
	Sig        []byte          `json:"TLS.sig"`
}

func (c claims) expires() time.Time { return time.Unix(c.Time+c.Expire, 0).UTC() }

// Verify reports whether usersig, which may come from anybody, proves at now that its
// bearer is user: nil, or one of the errors above. It is valid to the last second of
// its lifetime.
//
// Tencent's own VerifyUserSig is asked too, but last: it inflates without a bound,
// compares in variable time, looks at the expiry before the signature, accepts the
// future, any TLS.ver and the standard base64 alphabet, and swallows broken JSON.
func (s *Signer) Verify(user fact.UserID, usersig string, now time.Time) error {
	c, err := parseUserSig(usersig)
	if err != nil {
		return err
	}
	switch {
	case c.Version != "2.0":
		return ErrUserSigVersion
	case len(c.UserBuf) > 0:
		return ErrUserSigUserBuf
	case c.SDKAppID != uint64(s.appID):
		return ErrUserSigApp
	case user == "" || c.Identifier != string(user):
		return ErrUserSigIdentifier
	case !hmac.Equal(c.Sig, c.mac(s.key)):
		if !s.previous.Empty() && hmac.Equal(c.Sig, c.mac(s.previous)) {
			return ErrUserSigFormerKey
		}
		return ErrUserSigSignature
	case c.Time > now.Unix()+userSigSkew:
		return ErrUserSigFuture
	case now.Unix() > c.Time+c.Expire:
		return ErrUserSigExpired
	}
	if err := tencentyun.VerifyUserSig(uint64(s.appID), s.key.Reveal(), string(user), usersig, now); err != nil {
		return ErrUserSigSignature
	}
	return nil
}

// mac signs what c claims.
// Source: https://cloud.tencent.com/document/product/269/32688
func (c claims) mac(key secret.String) []byte {
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	fmt.Fprintf(h, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n",
		c.Identifier, c.SDKAppID, c.Time, c.Expire)
	return h.Sum(nil)
}

// swapped is standard base64 with + / = written as * - _. It is not URL-safe base64.
var (
	swapped         = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-").WithPadding('_').Strict()
	swappedAlphabet = regexp.MustCompile(`^[A-Za-z0-9*-]+_{0,2}$`)
)

// parseUserSig decodes within fixed bounds and checks the form, not the truth, of what
// it finds.
func parseUserSig(usersig string) (claims, error) {
	if len(usersig) > maxUserSig || !swappedAlphabet.MatchString(usersig) {
		return claims{}, ErrUserSigMalformed
	}
	packed, err := swapped.DecodeString(usersig)
	if err != nil {
		return claims{}, ErrUserSigMalformed
	}
	plain, err := inflate(packed)
	if err != nil {
		return claims{}, ErrUserSigMalformed
	}
	var c claims
	if err := json.Unmarshal(plain, &c); err != nil {
		return claims{}, ErrUserSigMalformed
	}
	// Within these bounds the sum cannot overflow.
	if c.Time <= 0 || c.Expire <= 0 || c.Time > 1<<40 || c.Expire > 1<<40 {
		return claims{}, ErrUserSigMalformed
	}
	return c, nil
}

// pack writes c as the UserSig that parseUserSig reads.
func (c claims) pack() (string, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(plain); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return swapped.EncodeToString(packed.Bytes()), nil
}

func inflate(packed []byte) ([]byte, error) {
	in := bytes.NewReader(packed)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxUserSigInflated+1))
	if err != nil {
		return nil, err
	}
	if len(plain) > maxUserSigInflated || in.Len() > 0 {
		return nil, ErrUserSigMalformed
	}
	return plain, nil
}
