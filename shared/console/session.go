package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"

	"wxnotify/shared/web"
)

const (
	// sessionFor is for how long somebody is signed in.
	sessionFor = 8 * time.Hour
	// mostSessions is how many are at once; the oldest goes.
	mostSessions = 32
	// ticketFor is for how long a ticket lets somebody in.
	ticketFor = 5 * time.Minute
	// mostWrong is how many wrong tokens are looked at in a minute.
	mostWrong = 20

	cookieName = "wxnotify-console"
)

var (
	notSignedIn = fault{http.StatusUnauthorized, "sign_in", Words{"sign in with the token", "请用令牌登录"}}
	expired     = fault{http.StatusUnauthorized, "expired", Words{"the session is over: sign in again", "登录已过期：请重新登录"}}
	wrongToken  = fault{http.StatusUnauthorized, "wrong_token", Words{"the token is wrong, or was used already: use the one that the terminal shows, or on SCF CONSOLE_TOKEN", "令牌不正确或已被使用：请使用终端里显示的令牌，云函数则是 CONSOLE_TOKEN"}}
	tooMany     = fault{http.StatusTooManyRequests, "too_many", Words{"too many wrong tokens: wait a few minutes", "错误的令牌太多：请等几分钟"}}
)

// sessions are who is signed in.
type sessions interface {
	// enter looks at a token, and returns a cookie.
	enter(r *http.Request, token string) (cookie string, f fault, ok bool)
	// known reports whether r is of somebody who is signed in, or why it is not.
	known(r *http.Request) (fault, bool)
	// leave forgets a cookie.
	leave(cookie string)
	// secure reports whether cookies are sent over TLS only.
	secure() bool
}

// ownSessions are those of this process. Of tokens and cookies it keeps hashes: what is looked for takes as long whatever it is.
type ownSessions struct {
	now   func() time.Time
	token string

	mu     sync.Mutex
	ticket string // empty: none, or used
	until  time.Time
	of     map[[sha256.Size]byte]time.Time // hash of a cookie, until when it holds
	wrong  []time.Time                     // of late
}

func newSessions(now func() time.Time) *ownSessions {
	return &ownSessions{now: now, token: rand.Text(), of: map[[sha256.Size]byte]time.Time{}}
}

// Token is what signs in to a console of this machine, as often as is wanted, for as long as it runs.
func (c *Console) Token() string { return c.own.token }

// Ticket returns what signs in once, within five minutes; the one before holds no more.
func (c *Console) Ticket() string {
	s := c.own
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ticket, s.until = rand.Text(), s.now().Add(ticketFor)
	return s.ticket
}

// enter takes a ticket too.
func (s *ownSessions) enter(_ *http.Request, secret string) (cookie string, f fault, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for len(s.wrong) > 0 && now.Sub(s.wrong[0]) >= time.Minute {
		s.wrong = s.wrong[1:]
	}
	if len(s.wrong) >= mostWrong {
		return "", tooMany, false
	}
	byTicket := s.ticket != "" && now.Before(s.until) && same(secret, s.ticket)
	if !same(secret, s.token) && !byTicket {
		s.wrong = append(s.wrong, now)
		return "", wrongToken, false
	}
	if byTicket {
		s.ticket = ""
	}
	cookie = rand.Text()
	s.of[sha256.Sum256([]byte(cookie))] = now.Add(sessionFor)
	for len(s.of) > mostSessions {
		s.dropOldest()
	}
	return cookie, fault{}, true
}

// same compares secrets in a time that tells nothing of them.
func same(x, y string) bool {
	a, b := sha256.Sum256([]byte(x)), sha256.Sum256([]byte(y))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (s *ownSessions) dropOldest() {
	var oldest [sha256.Size]byte
	var first time.Time
	for hash, until := range s.of {
		if first.IsZero() || until.Before(first) {
			oldest, first = hash, until
		}
	}
	delete(s.of, oldest)
}

func (s *ownSessions) known(r *http.Request) (fault, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return notSignedIn, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := sha256.Sum256([]byte(cookie.Value))
	until, is := s.of[hash]
	switch {
	case !is:
		return notSignedIn, false
	case !s.now().Before(until):
		delete(s.of, hash)
		return expired, false
	}
	return fault{}, true
}

func (s *ownSessions) leave(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, sha256.Sum256([]byte(cookie)))
}

func (*ownSessions) secure() bool { return false }

type signInBody struct {
	Token string `json:"token"` // or a ticket
}

// signIn makes a session for a token.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	var body signInBody
	if err := web.Decode(w, r, &body); err != nil {
		refuse(w, badInput("body", err.Error(), err.Error()))
		return
	}
	cookie, f, ok := c.sessions.enter(r, body.Token)
	if !ok {
		refuse(w, f)
		return
	}
	c.setCookie(w, cookie, int(sessionFor.Seconds()))
	web.JSON(w, http.StatusOK, struct{}{})
}

func (c *Console) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: c.sessions.secure(),
		SameSite: http.SameSiteStrictMode})
}

// signedIn answers whether the caller is signed in.
func (c *Console) signedIn(w http.ResponseWriter, r *http.Request) {
	if f, ok := c.sessions.known(r); !ok {
		refuse(w, f)
		return
	}
	web.JSON(w, http.StatusOK, struct{}{})
}

// signOut ends the caller's session.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		c.sessions.leave(cookie.Value)
	}
	c.setCookie(w, "", -1)
	web.JSON(w, http.StatusOK, struct{}{})
}
