package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
)

// userSigTTL is how long a client's UserSig lives. It is in the function's return
// value, which the platform logs, so it is short.
const userSigTTL = 24 * time.Hour

// Session logs users in. POST takes a wx.login code, binds the openid to a UserID and
// answers the UserSig with which to sign in to IM; DELETE, signed with that UserSig,
// forgets the user.
//
// Without a SessionKey the UserID is made from the openid, and a client can never
// choose one. With it only a backend that signs with the key is served, and names the
// UserID.
type Session struct {
	WeChat   Logins
	Sigs     UserSigs
	Bindings Bindings
	Limits   Limiter
	Permits  Permits
	AppID    string        // WECHAT_APPID
	SDKAppID int           // IM_SDKAPPID
	UserKey  secret.String // USERID_KEY
	// SessionKey switches the trusted mode on.
	SessionKey secret.String
	Admin      fact.UserID
	Log        *slog.Logger
	Now        func() time.Time
}

// Logins asks WeChat who a login code belongs to.
type Logins interface {
	Code2Session(ctx context.Context, code string) (fact.OpenID, error)
}

// Bindings keeps who is who.
type Bindings interface {
	Bind(ctx context.Context, user fact.UserID, openID fact.OpenID) error
	BindDefault(ctx context.Context, openID fact.OpenID, def fact.UserID) (fact.UserID, error)
	EraseUser(ctx context.Context, user fact.UserID) error
}

func (s *Session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handle(s.Log, func(w http.ResponseWriter, r *http.Request) error {
		switch r.Method {
		case http.MethodPost:
			return s.login(w, r)
		case http.MethodDelete:
			return s.erase(w, r)
		}
		return methodNotAllowed(w, "POST, DELETE")
	})(w, r)
}

type loginRequest struct {
	Code   string      `json:"code"`
	UserID fact.UserID `json:"userId"`
}

type loginAnswer struct {
	UserID    fact.UserID     `json:"userId"`
	UserSig   string          `json:"userSig"`
	SDKAppID  int             `json:"sdkAppId"`
	ExpiresAt time.Time       `json:"expiresAt"`
	ExpiresIn int             `json:"expiresInSeconds"` // clocks of phones are wrong
	Templates []permit.Advice `json:"templates"`
}

func (s *Session) login(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r, maxBody)
	if err != nil {
		return err
	}
	req, err := s.request(r, body)
	if err != nil {
		return err
	}
	openID, err := s.who(r, req.Code)
	if err != nil {
		return err
	}
	user, err := s.bind(r.Context(), openID, req.UserID)
	if err != nil {
		return unavailable(err)
	}
	usersig, expires, err := s.Sigs.SignUser(user, s.Now(), userSigTTL)
	if err != nil {
		return unavailable(err)
	}
	advice, err := s.Permits.advice(r.Context(), openID)
	if err != nil {
		return unavailable(err)
	}
	return answer(w, loginAnswer{user, usersig, s.SDKAppID, expires.UTC(), int(userSigTTL.Seconds()), advice})
}

// who returns whose login code it is. A backend that passes on what its clients send does
// not guess.
func (s *Session) who(r *http.Request, code string) (openID fact.OpenID, err error) {
	look := func() (err error) {
		openID, err = s.code2Session(r.Context(), code)
		return err
	}
	if s.SessionKey.Empty() {
		err = ask(r, s.Limits, "session", look)
	} else {
		err = look()
	}
	return openID, err
}

func (s *Session) code2Session(ctx context.Context, code string) (fact.OpenID, error) {
	openID, err := s.WeChat.Code2Session(ctx, code)
	switch {
	case errors.Is(err, wechat.ErrLoginCode):
		return "", &fault{status: http.StatusBadRequest, code: "login_code", cause: err, guess: s.SessionKey.Empty(),
			message: "the code is invalid, older than five minutes or was used before: call wx.login again"}
	case errors.Is(err, wechat.ErrUserBlocked):
		return "", &fault{status: http.StatusForbidden, code: "user_blocked", message: "WeChat blocks this user's login", cause: err}
	case err != nil:
		return "", &fault{status: http.StatusBadGateway, code: "wechat", message: "WeChat did not say who this is; try again", cause: err}
	}
	return openID, nil
}

// request checks who asks and what for.
func (s *Session) request(r *http.Request, body []byte) (loginRequest, error) {
	var req loginRequest
	if !s.SessionKey.Empty() {
		if err := judge(r, s.Limits, "session", verifySigned(r.Header, s.SessionKey, "session", body, s.Now())); err != nil {
			return req, err
		}
	}
	if err := decode(body, &req); err != nil {
		return req, err
	}
	if req.Code == "" || len(req.Code) > 256 {
		return req, badRequest("code", "code is missing or too long: send what wx.login returned")
	}
	if s.SessionKey.Empty() {
		if req.UserID != "" {
			return req, badRequest("userId", "userId cannot be chosen by a client; it takes SESSION_MODE=trusted and a signed request")
		}
		return req, nil
	}
	return req, s.checkUserID(req.UserID)
}

// checkUserID refuses what IM would refuse, and whoever must not be signed for.
// Source: https://cloud.tencent.com/document/product/269/32688
func (s *Session) checkUserID(u fact.UserID) error {
	switch {
	case u == "" || len(u) > 32:
		return badRequest("userId", "userId must have 1 to 32 bytes")
	case strings.ContainsFunc(string(u), func(r rune) bool { return r <= ' ' || r > '~' }):
		return badRequest("userId", "userId may hold printable ASCII only; letters, digits, - and _ are best")
	case strings.HasPrefix(string(u), "@"), strings.EqualFold(string(u), string(s.Admin)), strings.EqualFold(string(u), "administrator"):
		return badRequest("userId", "userId must not be the administrator's nor begin with @")
	}
	return nil
}

// bind binds openID to the user named, or to the one it belongs to, or to one made
// for it.
func (s *Session) bind(ctx context.Context, openID fact.OpenID, named fact.UserID) (fact.UserID, error) {
	if named != "" {
		return named, s.Bindings.Bind(ctx, named, openID)
	}
	return s.Bindings.BindDefault(ctx, openID, s.userID(openID))
}

// userID makes a UserID of an openid: openids are not for other users' eyes, and
// whoever does not have the key cannot tell which is whose.
func (s *Session) userID(openID fact.OpenID) fact.UserID {
	mac := hmac.New(sha256.New, []byte(s.UserKey.Reveal()))
	mac.Write([]byte(s.AppID + "\n" + string(openID)))
	return fact.UserID(strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)))[:26])
}

func (s *Session) erase(w http.ResponseWriter, r *http.Request) error {
	user, err := bearer(r, s.Sigs, s.Now())
	if err := judge(r, s.Limits, "session", err); err != nil {
		return err
	}
	ok, err := s.Limits.Allow(r.Context(), "erases:"+string(user), erasesPerUser, eraseWindow)
	if err != nil {
		return unavailable(err)
	}
	if !ok {
		return errTooMany
	}
	if err := s.Bindings.EraseUser(r.Context(), user); err != nil && !errors.Is(err, store.ErrNotBound) {
		return unavailable(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
