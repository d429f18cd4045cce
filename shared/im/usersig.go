package im

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/secret"
)

// DefaultAdmin is the administrator that every IM app has from the start.
const DefaultAdmin fact.UserID = "administrator"

// SignerConfig is what a Signer has to know.
type SignerConfig struct {
	SDKAppID  int           // IM_SDKAPPID
	SecretKey secret.String // IM_SECRET_KEY, used as the text that the console shows
	Admin     fact.UserID   // IM_ADMIN; empty: DefaultAdmin
	// PreviousKey (IM_SECRET_KEY_PREVIOUS) is the key before the last change, or empty. What
	// it signed is refused too, with an error that says so: see Genuine.
	PreviousKey secret.String
}

// A Signer makes and checks the UserSigs of one IM app. It is safe for concurrent
// use.
//
// Source: https://cloud.tencent.com/document/product/269/32688
type Signer struct {
	appID         int
	key, previous secret.String
	admin         fact.UserID
}

// NewSigner checks cfg. Its error names the variables to set, all at once.
func NewSigner(cfg SignerConfig) (*Signer, error) {
	var errs []error
	if cfg.SDKAppID <= 0 {
		errs = append(errs, errors.New("IM_SDKAPPID is not set: copy the SDKAppID from the IM console"))
	}
	if cfg.SecretKey.Empty() {
		errs = append(errs, errors.New("IM_SECRET_KEY is not set: copy the app's key from the IM console"))
	}
	for i, key := range []secret.String{cfg.SecretKey, cfg.PreviousKey} {
		if strings.TrimSpace(key.Reveal()) != key.Reveal() {
			name := [...]string{"IM_SECRET_KEY", "IM_SECRET_KEY_PREVIOUS"}[i]
			errs = append(errs, fmt.Errorf("%s begins or ends with white space", name))
		}
	}
	if cfg.Admin == "" {
		cfg.Admin = DefaultAdmin
	}
	if problem := userIDProblem(cfg.Admin); problem != "" {
		errs = append(errs, fmt.Errorf("IM_ADMIN %s", problem))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("im: UserSig settings: %w", err)
	}
	return &Signer{appID: cfg.SDKAppID, key: cfg.SecretKey, previous: cfg.PreviousKey, admin: cfg.Admin}, nil
}

// ErrReservedUser: a UserSig of an administrator is full control of the app, and ids
// that begin with "@" are the platform's own.
var ErrReservedUser error = &refusal{"reserved_user", "UserSig: nobody may sign in as this user"}

// SignUser returns a UserSig with which user can sign in to IM until expires. It lasts
// ttl, in whole seconds, from now. It refuses administrators and ids that begin with "@" with ErrReservedUser.
func (s *Signer) SignUser(user fact.UserID, now time.Time, ttl time.Duration) (usersig string, expires time.Time, err error) {
	if reserved(user) || s.isAdmin(user) {
		return "", time.Time{}, ErrReservedUser
	}
	return s.sign(user, now, ttl)
}

// isAdmin ignores case, although IM does not, and knows the built-in administrator
// whoever is configured: being too strict costs nothing here.
func (s *Signer) isAdmin(user fact.UserID) bool {
	return strings.EqualFold(string(user), string(s.admin)) || strings.EqualFold(string(user), string(DefaultAdmin))
}

// signAdmin returns a UserSig for the REST API.
func (s *Signer) signAdmin(now time.Time, ttl time.Duration) (string, time.Time, error) {
	return s.sign(s.admin, now, ttl)
}

func (s *Signer) sign(user fact.UserID, now time.Time, ttl time.Duration) (string, time.Time, error) {
	if problem := userIDProblem(user); problem != "" {
		return "", time.Time{}, fmt.Errorf("im: UserSig: the UserID %s", problem)
	}
	expire := int64(ttl / time.Second)
	if expire < 1 || expire > math.MaxInt32 {
		return "", time.Time{}, fmt.Errorf("im: UserSig: a lifetime of %v is not between one second and 68 years", ttl)
	}
	fixed := *s
	fixed.key = secret.New(s.key.Reveal()) // which may change meanwhile
	c := claims{Version: "2.0", Identifier: string(user), SDKAppID: uint64(s.appID), Expire: expire, Time: now.Unix()}
	c.Sig = c.mac(fixed.key)
	usersig, err := c.pack()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("im: UserSig: %w", err)
	}
	// Tencent's GenUserSig asks the machine for the time, so it cannot sign; it has the last word on what we signed.
	if err := fixed.Verify(user, usersig, now); err != nil {
		return "", time.Time{}, fmt.Errorf("im: UserSig: what was signed is refused: %w", err)
	}
	return usersig, c.expires(), nil
}

// userIDProblem holds a new id against IM's rules: up to 32 bytes of printable ASCII.
// A line break would forge lines of the text that is signed.
// Source: https://cloud.tencent.com/document/product/269/32688
func userIDProblem(user fact.UserID) string {
	if user == "" {
		return "is empty"
	}
	if len(user) > 32 {
		return "is longer than 32 bytes"
	}
	for _, c := range []byte(user) {
		if c <= ' ' || c > '~' {
			return "holds something else than printable ASCII"
		}
	}
	return ""
}
