package wechat_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
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

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
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
			if (err == nil) == (p.Event == nil) || wechat.Reason(err) == "other" {
				t.Fatalf("Open = %+v, %v", p, err)
			}
			for _, told := range p.Facts() {
				if !p.Signed && told.Grant == nil {
					t.Errorf("an unsigned push yields %+v", told)
				}
			}
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
		type item struct{ TemplateId, SubscribeStatusString, ErrorStatus, MsgID, ErrorCode string }
		push := struct {
			XMLName                                                      xml.Name `json:"-" xml:"xml"`
			ToUserName, FromUserName, OpenID, CreateTime, MsgType, Event string
			List                                                         []item
		}{
			ToUserName: "gh_1", FromUserName: user, OpenID: user, CreateTime: strconv.FormatInt(at, 10), MsgType: "event",
			Event: names[int(event)%len(names)], List: []item{{t1, s1, s1, code, code}, {t2, s2, s2, "1", ""}},
		}
		js, err := json.Marshal(push)
		if err != nil {
			t.Fatal(err)
		}
		xm, err := xml.MarshalIndent(push, "", "\n")
		if err != nil {
			t.Fatal(err)
		}

		readable := cmp.Comparer(func(a, b wechat.Unreadable) bool { return wechat.Reason(a.Cause) == wechat.Reason(b.Cause) })
		secure, err1 := opened(t, wechat.ModeSecure, wechat.FormatJSON, js)
		for name, got := range map[string]func() (wechat.Push, error){
			"XML in JSON": func() (wechat.Push, error) { return opened(t, wechat.ModeSecure, wechat.FormatJSON, xm) },
			"XML in XML":  func() (wechat.Push, error) { return opened(t, wechat.ModeSecure, wechat.FormatXML, xm) },
			"JSON in XML": func() (wechat.Push, error) { return opened(t, wechat.ModeSecure, wechat.FormatXML, js) },
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
		clear, err2 := opened(t, wechat.ModePlain, wechat.FormatJSON, js)
		clear.Signed = secure.Signed
		if diff := cmp.Diff(secure, clear, readable); diff != "" || wechat.Reason(err1) != wechat.Reason(err2) {
			t.Errorf("%v, %v (-sealed +clear)\n%s", err1, err2, diff)
		}
		for _, told := range secure.Facts() {
			checkFact(t, told)
		}
	})
}

// inBoth reports whether s can be written in both formats, and read back.
func inBoth(s string) bool {
	return utf8.ValidString(s) && len(s) < 1000 && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF
	})
}

func opened(t *testing.T, mode wechat.Mode, format wechat.Format, msg []byte) (wechat.Push, error) {
	s := sealer(mode)
	s.Format = format
	q, body := seal(t, s, msg)
	return receiver(t, configOf(mode)).Open(q, body, now)
}

func checkFact(t *testing.T, f fact.Fact) {
	t.Helper()
	var user fact.OpenID
	var templates []fact.TemplateID
	var at time.Time
	switch {
	case f.Grant != nil:
		user, templates, at = f.Grant.OpenID, f.Grant.Templates, f.Grant.At
	case f.Revoke != nil:
		user, templates, at = f.Revoke.OpenID, f.Revoke.Templates, f.Revoke.At
	case f.Sent != nil && len(f.Sent.Failed) <= 80:
		user, templates, at = f.Sent.OpenID, []fact.TemplateID{f.Sent.Template}, f.Sent.At
	case f.Erase != nil:
		user, templates, at = f.Erase.OpenID, []fact.TemplateID{"none"}, now
	}
	for i, id := range slices.Concat([]fact.TemplateID{fact.TemplateID(user)}, templates) {
		if id == "" || len(id) > 128 || strings.ContainsFunc(string(id), func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q becomes a key", id)
		}
		if i > 0 && slices.Contains(templates[:i-1], templates[i-1]) {
			t.Errorf("%q twice", id)
		}
	}
	if len(templates) == 0 || at.Unix() <= 0 || at.After(now.Add(wechat.MaxAge)) {
		t.Errorf("fact %+v of %d templates at %v", f, len(templates), at)
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
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
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
				Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
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
				Class() card.Class
			}](err); !ok {
				t.Errorf("%s: an error without a class: %v", op, err)
			}
		}
		msgID, err := c.SendSubscribe(t.Context(), wechat.SubscribeMessage{To: "oConfidential", Template: "T1", Data: map[string]string{"thing1": "a private word"}})
		check("send", err)
		if err != nil && msgID != 0 && card.ClassOf(err) != card.ClassUnknown {
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
