package town

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/notify"
	"wxnotify/simulator"
)

// A Person is a user of both platforms.
type Person struct {
	OpenID  string
	User    string // known after the first login
	UserSig string
}

// Do sends a request to a handler and returns its answer.
func Do(h http.Handler, method, path string, header http.Header, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// LogIn logs p in through the session function, as his mini program does.
func LogIn(h http.Handler, x *simulator.WeChat, p *Person) error {
	body, _ := json.Marshal(map[string]string{"code": x.Login(p.OpenID)})
	w := Do(h, http.MethodPost, "/session", nil, body)
	if w.Code != http.StatusOK {
		return fmt.Errorf("town: login: %d %s", w.Code, w.Body)
	}
	var answer struct{ UserID, UserSig string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return err
	}
	p.User, p.UserSig = answer.UserID, answer.UserSig
	return nil
}

// Bearer is the header with which p signs.
func (p *Person) Bearer() http.Header {
	return http.Header{"Authorization": {"Bearer " + p.User + ":" + p.UserSig}}
}

// Announcement returns the header and the body of a signed announcement.
func Announcement(now time.Time, id, to, summary string) (http.Header, []byte) {
	body, _ := json.Marshal(map[string]any{"id": id, "kind": notify.KindMessage, "to": []string{to},
		"fields": map[string]string{"sender": "Shop", "summary": summary}})
	timestamp := strconv.FormatInt(now.Unix(), 10)
	return http.Header{api.HeaderTimestamp: {timestamp}, api.HeaderSignature: {api.Sign(AnnounceKey, timestamp, "announce", body)}}, body
}
