package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signedSessions are those of a console that runs in several instances, which share no memory: a cookie says until when it
// holds, and is signed with the token. So it cannot be called back one by one; another token ends them all.
type signedSessions struct {
	Public
	now func() time.Time
}

func (s signedSessions) enter(r *http.Request, token string) (cookie string, f fault, ok bool) {
	right := same(token, s.Token.Reveal())
	may, err := s.MayGuess(r, !right)
	switch {
	case err != nil:
		return "", storeFault(err), false
	case !may:
		return "", tooMany, false
	case !right:
		return "", wrongToken, false
	}
	holds := strconv.FormatInt(s.now().Add(sessionFor).Unix(), 10) + "." + rand.Text()
	return holds + "." + s.mac(holds), fault{}, true
}

// mac signs until when a cookie holds.
func (s signedSessions) mac(holds string) string {
	h := hmac.New(sha256.New, []byte(s.Token.Reveal()))
	h.Write([]byte("wxnotify console session " + holds))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func (s signedSessions) known(r *http.Request) (fault, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return notSignedIn, false
	}
	i := strings.LastIndexByte(cookie.Value, '.')
	if i < 0 || !same(cookie.Value[i+1:], s.mac(cookie.Value[:i])) {
		return notSignedIn, false
	}
	until, _, _ := strings.Cut(cookie.Value, ".")
	if seconds, err := strconv.ParseInt(until, 10, 64); err != nil || s.now().Unix() >= seconds {
		return expired, false
	}
	return fault{}, true
}

func (signedSessions) leave(string) {}

func (signedSessions) secure() bool { return true }
