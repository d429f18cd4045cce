package security_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
	"wxnotify/trust"
)

// Nothing that a request holds ends a log line, begins one, or gets into one unbounded.
func TestLogLinesStayWhole(t *testing.T) {
	s := newSystem(t)
	alice := s.login()
	const forged = "\r\n{\"level\":\"ERROR\",\"alert\":\"forged\"}\n"
	for _, text := range []string{forged, "\u2028\u0085\x1b[2J" + forged, strings.Repeat("forged", 20000)} {
		quoted, err := json.Marshal(text)
		s.Must(err)
		callback := s.callback(alice.UserID)
		callback.query.Set("CallbackCommand", text)
		for _, event := range []map[string]any{
			{"httpMethod": "POST", "path": text, "queryString": callback.query, "body": `{"CallbackCommand":` + string(quoted) + `}`},
			{"httpMethod": "POST", "headers": map[string]string{"User-Agent": text, "Host": text, "X-Scf-Remote-Addr": text}, "body": text},
			{"httpMethod": text, "path": text},
			{"httpMethod": "POST", "headers": map[string]string{"Authorization": "Bearer " + text + ":" + alice.UserSig}},
			{"httpMethod": "POST", "queryString": map[string]string{text: text, "echostr": text}, "body": `{"code":` + string(quoted) + `}`},
		} {
			b, err := json.Marshal(event)
			s.Must(err)
			for _, function := range []string{"imcallback", "wechatpush", "session", "permits", "announce"} {
				s.log.Reset()
				var platform bytes.Buffer // what the platform's side of a function logs
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.URL.Path = "/" + function
					s.ServeHTTP(w, r)
				})
				before := s.kept()
				if _, err := scf.HTTP(scf.NewLogger(&platform, "test", slog.LevelDebug), h).Invoke(t.Context(), b); err != nil &&
					(strings.Contains(err.Error(), "forged") || len(err.Error()) > 300) {
					t.Errorf("the error repeats it: %.300q", err)
				}
				trust.Count(t, trust.Attacks, 1)
				if s.kept() != before {
					t.Errorf("%s changed the store", function)
				}
				wantWhole(t, platform.String()+s.log.String())
			}
		}
	}
}

// wantWhole wants a log to have one JSON object a line, none of it an alert, none too long.
func wantWhole(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		trust.Count(t, trust.Scanned, 1)
		var attrs map[string]any
		if err := json.Unmarshal([]byte(line), &attrs); err != nil || attrs["msg"] == nil || attrs["alert"] != nil {
			t.Errorf("a log line of another shape: %.300q (%v)", line, err)
		}
		if len(line) > 2500 {
			t.Errorf("a log line of %d bytes: %.300q", len(line), line)
		}
	}
}

// A redirect would carry a token to another host: none is followed.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+r.URL.String(), status) }))
		wx, err := wechat.NewClient(wechat.ClientConfig{Now: time.Now, AppID: appID, AppSecret: secret.New("secret-of-the-app"), BaseURL: api.URL})
		if err != nil {
			t.Fatal(err)
		}
		chat, err := im.NewClient(im.ClientConfig{Now: time.Now, SDKAppID: sdkAppID, SecretKey: secret.New("key"), BaseURL: api.URL})
		if err != nil {
			t.Fatal(err)
		}
		cloud, err := scf.NewInvoker(scf.InvokerConfig{Function: "deliver", APIBase: api.URL, Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		_, login := wx.Code2Session(t.Context(), "code")
		_, token := wx.StableToken(t.Context())
		_, presence := chat.Presence(t.Context(), []fact.UserID{"alice"})
		for name, err := range map[string]error{"login": login, "token": token, "presence": presence, "wake": cloud.Wake(t.Context())} {
			trust.Count(t, trust.Attacks, 1)
			if err == nil || strings.Contains(err.Error(), "secret-of-the-app") || strings.Contains(err.Error(), "usersig=") {
				t.Errorf("%s, %d: %v", name, status, err)
			}
		}
		api.Close()
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}
