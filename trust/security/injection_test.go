package security_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxnotify/shared/config"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
	"wxnotify/trust"
)

// Nothing that a request holds ends a log line, begins one, or gets into one unbounded.
func TestLogLinesStayWhole(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	const forged = "\r\n{\"level\":\"ERROR\",\"alert\":\"forged\"}\n"
	long := strings.Repeat("forged", 20000)
	for _, text := range []string{forged, "\u2028\u0085\x1b[2J" + forged, long} {
		var log bytes.Buffer
		logger := scf.NewLogger(&log, "test", slog.LevelDebug)
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		q := h.callback(alice)
		q.query.Set("CallbackCommand", text)
		cb := q.query
		for _, event := range []map[string]any{
			{"httpMethod": "POST", "path": "/" + text, "queryString": flat(cb), "body": `{"CallbackCommand":` + string(quoted) + `}`},
			{"httpMethod": "POST", "path": "/", "headers": map[string]string{"User-Agent": text, "Host": text, "X-Scf-Remote-Addr": text}, "body": text},
			{"httpMethod": text, "path": text},
			{"httpMethod": "POST", "path": "/", "headers": map[string]string{"Authorization": "Bearer " + text + ":" + sig}},
			{"httpMethod": "POST", "path": "/", "queryString": map[string]string{text: text, "echostr": text}, "body": `{"code":` + string(quoted) + `}`},
		} {
			b, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			for _, door := range []http.Handler{h.callbacks, h.session, h.permits, h.announce, h.pushes("")} {
				h.log.Reset()
				log.Reset()
				before := h.kept()
				if _, err := scf.HTTP(logger, door).Invoke(t.Context(), b); err != nil && (strings.Contains(err.Error(), "forged") || len(err.Error()) > 300) {
					t.Errorf("the error repeats it: %.300q", err)
				}
				trust.Count(t, trust.Attacks, 1)
				if h.kept() != before {
					t.Error("it changed the store")
				}
				for _, out := range []string{log.String(), h.log.String()} {
					whole(t, out)
				}
			}
		}
	}
}

func flat(q url.Values) map[string]string {
	out := map[string]string{}
	for k := range q {
		out[k] = q.Get(k)
	}
	return out
}

// whole checks that a log has one JSON object a line, none of it an alert, none too long.
func whole(t *testing.T, log string) {
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

// XML that declares, includes or expands is refused, sealed or not, in either envelope.
func TestXMLEntities(t *testing.T) {
	h := newHouse(t, false)
	h.login("alice")
	body := func(head, user string) string {
		return head + fmt.Sprintf(`<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>%s</Event>`+
			`<List><TemplateId>%s</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List></xml>`, user, h.now.Unix(), popup, templateID)
	}
	laughs := `<!DOCTYPE x [<!ENTITY a "ha">`
	for i := range 20 {
		laughs += fmt.Sprintf(`<!ENTITY a%d "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">`, i)
	}
	for name, c := range map[string]struct{ xml, reason string }{
		"a DOCTYPE":               {body(`<!DOCTYPE xml>`, "o-alice"), "markup"},
		"an entity":               {body(`<!DOCTYPE xml [<!ENTITY u "o-alice">]>`, "&u;"), "markup"},
		"a file":                  {body(`<!DOCTYPE xml [<!ENTITY u SYSTEM "file:///etc/passwd">]>`, "&u;"), "markup"},
		"a URL":                   {body(`<!DOCTYPE xml [<!ENTITY % u SYSTEM "http://127.0.0.1/x"> %u;]>`, "o-alice"), "markup"},
		"a billion laughs":        {body(laughs+`]>`, "&a19;"), "markup"},
		"an entity nobody made":   {body("", "&u;"), "malformed"},
		"HTML's entities":         {body("", "o&nbsp;alice"), "malformed"},
		"a stylesheet":            {body(`<?xml-stylesheet href="http://127.0.0.1/x"?>`, "o-alice"), "markup"},
		"an instruction within":   {body("", `o-<?php system("id")?>alice`), "markup"},
		"a declaration within":    {body("", `o-<!ELEMENT x>alice`), "markup"},
		"another charset":         {body(`<?xml version="1.0" encoding="utf-7"?>`, "+AG8-"), "malformed"},
		"UTF-16 by name":          {body(`<?xml version="1.0" encoding="utf-16"?>`, "o-alice"), "malformed"},
		"no end":                  {body("", "o-alice")[:100], "malformed"},
		"two roots":               {body("", "o-alice") + "<a/>", "malformed"},
		"a number for NUL":        {body("", "o&#0;alice"), "malformed"},
		"a number for a new line": {body("", "o&#10;alice"), "malformed"},
		"a DOCTYPE and dirt":      {body(`<!DOCTYPE xml>`, "o-alice\x02"), "markup"},
	} {
		door := h.pushes(aesKey)
		h.unread(name+", sealed", door, h.envelope(sealedText(t, appID, c.xml)), c.reason)
		h.refused(name+", as the envelope", door, request{query: h.envelope("x").query, body: c.xml}, http.StatusBadRequest)
		h.unread(name+", in clear", h.pushes(""), h.sealed(wechat.ModePlain, appID, c.xml), c.reason)
	}
	h.passes("the real one", h.pushes(aesKey), h.envelope(sealedText(t, appID, body("", "o-alice"))))
}

// What WeChat asks to be echoed is echoed to WeChat alone, as text.
func TestEchoIsNoPage(t *testing.T) {
	h := newHouse(t, false)
	at := fmt.Sprint(h.now.Unix())
	const page = "<script>alert(1)</script>"
	query := url.Values{"timestamp": {at}, "nonce": {"n"}, "signature": {digestOf(pushToken, at, "n")}, "echostr": {page}}
	w := h.passes("verification", h.pushes(aesKey), request{method: http.MethodGet, query: query})
	if w.Body.String() != page || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("answered %v %s", w.Header(), w.Body)
	}
	query.Set("echostr", strings.Repeat("x", 513))
	h.refused("a long one", h.pushes(aesKey), request{method: http.MethodGet, query: query}, http.StatusForbidden)
	query["echostr"] = []string{"a", "b"}
	h.refused("two", h.pushes(aesKey), request{method: http.MethodGet, query: query}, http.StatusForbidden)
	query = url.Values{"timestamp": {at}, "nonce": {"n"}, "signature": {digestOf("guess", at, "n")}, "echostr": {page}}
	if w := h.refused("a stranger's", h.pushes(aesKey), request{method: http.MethodGet, query: query}, http.StatusForbidden); strings.Contains(w.Body.String(), "script") {
		t.Errorf("answered %s", w.Body)
	}
}

// A name or an id cannot leave its place in the page that a card opens.
func TestPagesCannotBeInjected(t *testing.T) {
	tmpl, err := notify.NewTemplate(notify.TemplateSpec{ID: "T", Page: "pages/chat/index?peer={{.Peer}}&from={{.Sender}}", Data: map[string]string{"thing1": "{{.Sender}}"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, evil := range []string{"bob&admin=1", "bob#x", "bob\r\nX: 1", "../../admin", "bob?x=1", "%26admin=1", "{{.Summary}}", "\x00", "bob+1", "a b", "\u2028"} {
		n := notify.Notice{ID: "1", From: notify.UserID(evil), SentAt: time.Unix(1795305600, 0)}
		if strings.ContainsAny(evil, "\r\x00") { // no IM account, but a backend's field
			n.From, n.Announcement = "", &notify.Announcement{Fields: map[string]string{"peer": evil, "sender": evil}}
		}
		card, err := tmpl.Render(notify.DefaultRules(), "c", "o", []notify.Notice{n}, notify.Names{evil: evil}, false, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		trust.Count(t, trust.Attacks, 1)
		path, query, _ := strings.Cut(card.Page, "?")
		q, err := url.ParseQuery(query)
		if path != "pages/chat/index" || err != nil || len(q) > 2 || q.Get("peer") != evil || strings.ContainsAny(card.Page, "\r\n #\x00") {
			t.Errorf("%q became page %q", evil, card.Page)
		}
		if v := card.Data["thing1"]; v == "" || strings.ContainsAny(v, "\r\n\x00\u2028") {
			t.Errorf("%q became %q", evil, v)
		}
	}
}

// The bases of the APIs are https, or lead to this machine: what an operator mistypes, or is
// talked into, sends no secret over a network in clear or to a metadata service.
func TestAPIBasesAreSafe(t *testing.T) {
	const password = "hunter22"
	env := func(string) string { return "x" }
	for _, base := range []string{"http://169.254.169.254/latest", "http://metadata.tencentyun.com", "http://10.0.0.1", "http://api.weixin.qq.com", "http://localhost.evil.example",
		"http://127.0.0.1@evil.example", "http://127.0.0.1:" + password + "@evil.example", "https://user:" + password + "@host", "https://host/?token=" + password, "https://host/#" + password,
		"file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "//host", "host", "http://0.0.0.0", "http://[::ffff:10.0.0.1]", "http://2130706433", "http://127.1", "http:127.0.0.1", "ftp://host", "https://", "unix:///tmp/x", "https://\r\nhost"} {
		_, wx := wechat.NewClient(wechat.ClientConfig{Now: time.Now, AppID: appID, AppSecret: secret.New("s"), BaseURL: base})
		_, chat := im.NewClient(im.ClientConfig{Now: time.Now, SDKAppID: 1, SecretKey: secret.New("k"), BaseURL: base})
		_, backup := im.NewClient(im.ClientConfig{Now: time.Now, SDKAppID: 1, SecretKey: secret.New("k"), BackupURL: base})
		_, cloud := scf.NewInvoker(scf.InvokerConfig{APIBase: base, Getenv: env})
		for name, err := range map[string]error{"wechat": wx, "im": chat, "im's backup": backup, "scf": cloud} {
			trust.Count(t, trust.Attacks, 1)
			if err == nil {
				trust.Count(t, trust.Violated, 1)
				t.Errorf("%s takes %s", name, base)
			} else if strings.Contains(err.Error(), password) {
				t.Errorf("%s: the password is in: %v", name, err)
			}
		}
		settings := config.From(func(string) string { return base })
		if settings.URL("X_BASE", ""); !strings.Contains(base, "#") && settings.Err() == nil {
			t.Errorf("settings take %s", base)
		}
	}
	for _, base := range []string{"https://proxy.example/wx", "http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000"} {
		if _, err := wechat.NewClient(wechat.ClientConfig{Now: time.Now, AppID: appID, AppSecret: secret.New("s"), BaseURL: base}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

// A redirect would carry a token elsewhere: nobody follows one.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.String(), status)
		}))
		wx, err := wechat.NewClient(wechat.ClientConfig{Now: time.Now, AppID: appID, AppSecret: secret.New("secret-of-the-app"), BaseURL: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		chat, err := im.NewClient(im.ClientConfig{Now: time.Now, SDKAppID: sdkAppID, SecretKey: secret.New(imKey), BaseURL: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		cloud, err := scf.NewInvoker(scf.InvokerConfig{Function: "deliver", APIBase: srv.URL, Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		_, login := wx.Code2Session(t.Context(), "code")
		_, token := wx.StableToken(t.Context())
		_, presence := chat.Presence(t.Context(), []notify.UserID{"alice"})
		for name, err := range map[string]error{"login": login, "token": token, "presence": presence, "wake": cloud.Wake(t.Context())} {
			trust.Count(t, trust.Attacks, 1)
			if err == nil || strings.Contains(err.Error(), "secret-of-the-app") || strings.Contains(err.Error(), "usersig=") {
				t.Errorf("%s, %d: %v", name, status, err)
			}
		}
		srv.Close()
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}
