package wechat_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
	"wxnotify/shared/wechat"
)

// digestOf is the platform's signature, written from its page.
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
func digestOf(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// mend is what a forger gets right.
const (
	mendSignature = 1 << iota
	mendMsgSignature
	mendTimestamp
	sealOurs
	sealOtherApp
)

// FuzzAuthentic: a push is opened if and only if both signatures are right, it is of
// these minutes, it is encrypted as we are set up for, and it is for our app. The oracle
// recomputes all of it.
func FuzzAuthentic(f *testing.F) {
	for mends := range uint8(32) {
		f.Add(mends, "1935394860", "415670741", "sig", "sig", "aes", "", popup)
		f.Add(mends, "1935394860", "", "", "", "raw", "x", []byte(`{"Encrypt":"x"}`))
	}
	f.Add(uint8(3), "+1935394860", "n", "", "", "aes", "", popup)
	f.Add(uint8(3), "01935394860", "n", "", "", "", "", popup)
	f.Fuzz(func(t *testing.T, mends uint8, timestamp, nonce, sig, msgSig, kind, encrypt string, msg []byte) {
		if mends&mendTimestamp != 0 {
			timestamp = strconv.FormatInt(now.Unix(), 10)
		}
		app := appID
		if mends&sealOtherApp != 0 {
			app = "wx0000000000000000"
		}
		if mends&(sealOurs|sealOtherApp) != 0 {
			encrypt = sealedText(t, app, msg)
		}
		if mends&mendSignature != 0 {
			sig = digestOf(token, timestamp, nonce)
		}
		if mends&mendMsgSignature != 0 {
			msgSig = digestOf(token, timestamp, nonce, encrypt)
		}
		quoted, err := json.Marshal(map[string]string{"ToUserName": "gh_1", "Encrypt": encrypt})
		if err != nil {
			t.Fatal(err)
		}
		body := quoted
		if kind != "aes" {
			body = msg
		}
		q := url.Values{"signature": {sig}, "timestamp": {timestamp}, "nonce": {nonce}, "encrypt_type": {kind}, "msg_signature": {msgSig}}

		authentic := sig == digestOf(token, timestamp, nonce) && sig != "" && nonce != "" && fresh(timestamp)
		for name, r := range map[string]*wechat.Receiver{"secured": receiver(t, secured), "plain": receiver(t, plain)} {
			p, err := r.Open(q, body, now)
			if p.Event == nil || p.Event.Kind() == "probe" {
				if errors.Is(err, wechat.ErrSignature) && authentic && kind != "aes" {
					t.Errorf("%s: refused a right signature", name)
				}
				continue
			}
			sealed := kind == "aes"
			ok := authentic && sealed == (name == "secured") && sealed == p.Signed
			if sealed {
				ok = ok && msgSig == digestOf(token, timestamp, nonce, strings.TrimSpace(encrypt)) && mends&sealOtherApp == 0 && mends&sealOurs != 0
			}
			if !ok {
				t.Errorf("%s: opened %+v of %v", name, p, q)
			}
		}
	})
}

// sealedText returns the Encrypt of msg for an app.
func sealedText(t testing.TB, app string, msg []byte) string {
	s := sealer(wechat.ModeSecure)
	s.AppID = app
	_, body := seal(t, s, msg)
	var envelope struct{ Encrypt string }
	if err := json.Unmarshal(body, &envelope); err != nil {
		t.Fatal(err)
	}
	return envelope.Encrypt
}

func fresh(timestamp string) bool {
	n, err := strconv.ParseUint(timestamp, 10, 63)
	return err == nil && len(timestamp) <= 11 && math.Abs(float64(int64(n)-now.Unix())) <= 300
}

// FuzzBothFormats: one push says the same in JSON and in XML, in the clear and sealed.
func FuzzBothFormats(f *testing.F) {
	f.Add(uint8(0), "oUser", int64(1935394800), "T1", "accept", "T2", "reject", "0")
	f.Add(uint8(1), "oUser", int64(1935394800), "T1", "reject", "T1", "accept", "x")
	f.Add(uint8(2), "oUser", int64(1935394800), "T1", "success", "T2", "failed", "43101")
	f.Add(uint8(3), "oUser", int64(-1), " T1 ", "a]]>&<b", "T2", "\u00a0", "9223372036854775807")
	f.Fuzz(func(t *testing.T, event uint8, user string, at int64, t1, s1, t2, s2, code string) {
		names := []string{"subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event", "user_authorization_cancellation"}
		for _, s := range []string{user, t1, s1, t2, s2, code} {
			if !inBoth(s) {
				return
			}
		}
		type pair struct{ name, value string }
		head := []pair{{"ToUserName", "gh_1"}, {"FromUserName", user}, {"OpenID", user}, {"CreateTime", strconv.FormatInt(at, 10)},
			{"MsgType", "event"}, {"Event", names[int(event)%len(names)]}}
		items := [][]pair{
			{{"TemplateId", t1}, {"SubscribeStatusString", s1}, {"ErrorStatus", s1}, {"MsgID", code}, {"ErrorCode", code}},
			{{"TemplateId", t2}, {"SubscribeStatusString", s2}, {"ErrorStatus", s2}, {"MsgID", "1"}, {"ErrorCode", ""}},
		}
		text := func(s string) string { b, _ := json.Marshal(s); return string(b) }
		var js, xm strings.Builder
		element := func(p pair) {
			fmt.Fprintf(&xm, "<%s>", p.name)
			if err := xml.EscapeText(&xm, []byte(p.value)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&xm, "</%s>\n", p.name)
		}
		js.WriteString("{")
		xm.WriteString("<xml>")
		for _, p := range head {
			fmt.Fprintf(&js, "%s:%s,", text(p.name), text(p.value))
			element(p)
		}
		js.WriteString(`"List":[`)
		for i, item := range items {
			js.WriteString([]string{"{", ",{"}[min(i, 1)])
			xm.WriteString("<List>")
			for j, p := range item {
				fmt.Fprintf(&js, "%s%s:%s", []string{"", ","}[min(j, 1)], text(p.name), text(p.value))
				element(p)
			}
			js.WriteString("}")
			xm.WriteString("</List>")
		}
		js.WriteString("]}")
		xm.WriteString("</xml>")

		readable := cmp.Comparer(func(a, b wechat.Unreadable) bool { return wechat.Reason(a.Cause) == wechat.Reason(b.Cause) })
		secure, err1 := opened(t, wechat.ModeSecure, wechat.FormatJSON, js.String())
		for name, got := range map[string]func() (wechat.Push, error){
			"XML in JSON": func() (wechat.Push, error) { return opened(t, wechat.ModeSecure, wechat.FormatJSON, xm.String()) },
			"XML in XML":  func() (wechat.Push, error) { return opened(t, wechat.ModeSecure, wechat.FormatXML, xm.String()) },
			"JSON in XML": func() (wechat.Push, error) { return opened(t, wechat.ModeSecure, wechat.FormatXML, js.String()) },
		} {
			p, err2 := got()
			if wechat.Reason(err1) != wechat.Reason(err2) {
				t.Fatalf("JSON: %v, %s: %v", err1, name, err2)
			}
			if diff := cmp.Diff(secure, p, readable); diff != "" {
				t.Errorf("(-JSON +%s)\n%s", name, diff)
			}
		}
		if errors.Is(err1, wechat.ErrStale) {
			return // in the clear an event may be old
		}
		clear, err2 := opened(t, wechat.ModePlain, wechat.FormatJSON, js.String())
		clear.Signed = secure.Signed
		if diff := cmp.Diff(secure, clear, readable); diff != "" || wechat.Reason(err1) != wechat.Reason(err2) {
			t.Errorf("%v, %v (-sealed +clear)\n%s", err1, err2, diff)
		}
		for _, fact := range secure.Facts() {
			checkFact(t, fact)
		}
	})
}

// inBoth reports whether s can be written in both formats, and read back.
func inBoth(s string) bool {
	return utf8.ValidString(s) && len(s) < 1000 && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF
	})
}

func opened(t *testing.T, mode wechat.Mode, format wechat.Format, msg string) (wechat.Push, error) {
	s, cfg := sealer(mode), secured
	if s.Format = format; mode == wechat.ModePlain {
		cfg = plain
	}
	q, body := seal(t, s, []byte(msg))
	return receiver(t, cfg).Open(q, body, now)
}

func checkFact(t *testing.T, fact notify.Fact) {
	t.Helper()
	id := func(s string) {
		if s == "" || len(s) > 128 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q becomes a key", s)
		}
	}
	var templates []notify.TemplateID
	var at time.Time
	switch {
	case fact.Grant != nil:
		id(string(fact.Grant.OpenID))
		templates, at = fact.Grant.Templates, fact.Grant.At
	case fact.Revoke != nil:
		id(string(fact.Revoke.OpenID))
		templates, at = fact.Revoke.Templates, fact.Revoke.At
	case fact.Sent != nil:
		id(string(fact.Sent.OpenID))
		templates, at = []notify.TemplateID{fact.Sent.Template}, fact.Sent.At
		if len(fact.Sent.Failed) > 80 {
			t.Errorf("failed: %q", fact.Sent.Failed)
		}
	case fact.Erase != nil:
		id(string(fact.Erase.OpenID))
		return
	default:
		t.Fatalf("fact %+v", fact)
	}
	for i, tmpl := range templates {
		if id(string(tmpl)); slices.Contains(templates[:i], tmpl) {
			t.Errorf("%q twice", tmpl)
		}
	}
	if len(templates) == 0 || at.Unix() <= 0 || at.After(now.Add(wechat.MaxAge)) {
		t.Errorf("%d templates at %v", len(templates), at)
	}
}

// FuzzAPIAnswer: whatever WeChat's API answers, each call ends with a result that is
// whole or with an error that has a class and holds nothing that we sent in confidence.
func FuzzAPIAnswer(f *testing.F) {
	files, err := filepath.Glob("testdata/samples/api-*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(200), b)
	}
	for _, s := range []string{`{"errcode":43101,"errmsg":"ECHO"}`, `{"errcode":0,"msgid":1e400}`, `{"errcode":"0","msgid":{}}`, `{"errcode":-1,"errmsg":"\u0000\n` + strings.Repeat("é", 400) + `"}`,
		`{"access_token":"t","expires_in":99999999999999}`, `{"openid":"o x"}`, `{"openid":"oUser","session_key":"k"}`, `{"data":[{"priTmplId":"T","content":"a:{{thing1.DATA}}\n{{","keywordEnumValueList":null}]}`} {
		f.Add(uint16(200), []byte(s))
	}
	f.Add(uint16(302), []byte("{}"))
	confidential := []string{appSecret, "js-code-canary", "a private word", "oConfidential", "token-1"}
	f.Fuzz(func(t *testing.T, status uint16, answer []byte) {
		calls := 0
		transport := answering(func(r *http.Request) *http.Response {
			calls++
			sent, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			echo, err := json.Marshal(r.URL.RawQuery + " " + string(sent))
			if err != nil {
				t.Error(err)
			}
			body := bytes.ReplaceAll(answer, []byte("ECHO"), echo[1:len(echo)-1])
			code := max(int(status)%600, 100)
			if r.URL.Path == tokenPath && calls%2 == 1 {
				code, body = 200, []byte(`{"access_token":"token-1","expires_in":7200}`)
			}
			return &http.Response{StatusCode: code, Header: http.Header{"Location": {"https://elsewhere.example/?secret=" + appSecret}},
				Body: io.NopCloser(bytes.NewReader(body)), Request: r}
		})
		c := client(t, wechat.ClientConfig{HTTPClient: &http.Client{Transport: transport}, Now: func() time.Time { return now }})
		check := func(op string, err error) {
			if err == nil {
				return
			}
			for _, s := range append(confidential, "elsewhere.example", "api.weixin.qq.com", "sh.api") {
				if strings.Contains(err.Error(), s) {
					t.Errorf("%s: %q is in: %v", op, s, err)
				}
			}
			if n := len(err.Error()); n > 800 || strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("%s: an error of %d bytes: %q", op, n, err)
			}
			if _, ok := errors.AsType[interface {
				error
				Class() notify.Class
			}](err); !ok {
				t.Errorf("%s: an error without a class: %v", op, err)
			}
		}
		msgID, err := c.SendSubscribe(t.Context(), wechat.SubscribeMessage{To: "oConfidential", Template: "T1", Data: map[string]string{"thing1": "a private word"}})
		check("send", err)
		if err != nil && msgID != 0 && notify.ClassOf(err) != notify.ClassUnknown {
			t.Errorf("message id %d of a card that was not sent: %v", msgID, err)
		}
		openID, err := c.Code2Session(t.Context(), "js-code-canary")
		check("login", err)
		if (err == nil) == (openID == "") || len(openID) > 128 || strings.ContainsAny(string(openID), " \n\x00") {
			t.Errorf("openid %q, %v", openID, err)
		}
		issued, err := c.StableToken(t.Context())
		check("token", err)
		if err == nil && (issued.Value.Empty() || issued.Lifetime <= 0 || issued.Lifetime > 2*time.Hour) {
			t.Errorf("a token for %v", issued.Lifetime)
		}
		_, err = c.GetTemplates(t.Context())
		check("templates", err)
		if calls > 12 {
			t.Errorf("%d requests for four calls", calls)
		}
	})
}

type answering func(*http.Request) *http.Response

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }
