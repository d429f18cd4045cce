package security_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
	"wxnotify/trust"
)

// doors are all doors, each with a request of a given body that gets past its lock.
func (h *house) doors() map[string]func(body string) (http.Handler, request) {
	alice, sig := h.login("alice")
	push := h.pushes(aesKey)
	return map[string]func(string) (http.Handler, request){
		"imcallback": func(body string) (http.Handler, request) {
			q := h.callback(alice)
			q.body = body
			return h.callbacks, q
		},
		"wechatpush": func(body string) (http.Handler, request) {
			q := h.envelope("x")
			q.body = body
			return push, q
		},
		"session": func(body string) (http.Handler, request) { return h.session, request{body: body} },
		"permits": func(body string) (http.Handler, request) {
			return h.permits, request{body: body, header: bearer(alice, sig)}
		},
		"announce": func(body string) (http.Handler, request) {
			return h.announce, request{body: body, header: signed(announceKey, "announce", body, h.now)}
		},
	}
}

// A body above 1 MiB, or above what a door needs, is refused before it is decoded.
func TestBodyLimits(t *testing.T) {
	h := newHouse(t, false)
	for name, door := range h.doors() {
		for _, size := range []int{1<<20 + 1, 4 << 20} {
			handler, q := door(`{"a":"` + strings.Repeat("x", size-8) + `"}`)
			h.refused(fmt.Sprintf("%s: %d bytes", name, size), handler, q, http.StatusRequestEntityTooLarge)
		}
	}
	for name, size := range map[string]int{"session": 16<<10 + 1, "permits": 16<<10 + 1, "announce": 256<<10 + 1} {
		handler, q := h.doors()[name](strings.Repeat(" ", size))
		h.refused(fmt.Sprintf("%s: %d blanks", name, size), handler, q, http.StatusRequestEntityTooLarge)
	}
}

// The envelope of the platform is held to the same limit, base64 or not, before a door
// sees it.
func TestEnvelopeLimits(t *testing.T) {
	seen := 0
	h := scf.HTTP(slog.New(slog.DiscardHandler), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen++ }))
	invoke := func(event string) (status int, err error) {
		out, err := h.Invoke(t.Context(), []byte(event))
		var res struct{ StatusCode int }
		if err == nil {
			err = json.Unmarshal(out, &res)
		}
		trust.Count(t, trust.Attacks, 1)
		return res.StatusCode, err
	}
	large := strings.Repeat("x", 1<<20+1)
	for name, event := range map[string]string{
		"a large body":         `{"httpMethod":"POST","body":"` + large + `"}`,
		"a large body, base64": `{"httpMethod":"POST","isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString([]byte(large)) + `"}`,
		"told to be short":     `{"httpMethod":"POST","headers":{"Content-Length":"1"},"body":"` + large + `"}`,
	} {
		if status, err := invoke(event); status != http.StatusRequestEntityTooLarge || err != nil {
			t.Errorf("%s: answered %d, %v", name, status, err)
		}
	}
	if status, err := invoke(`{"httpMethod":"POST","isBase64Encoded":true,"body":"!!!"}`); status != 400 || err != nil {
		t.Errorf("not base64: answered %d, %v", status, err)
	}
	for _, open := range []string{"[", `{"a":`, `[{"a":`} {
		deep := strings.Repeat(open, 100000)
		for _, field := range []string{"x", "headers", "queryString", "requestContext", "body", "path"} {
			if _, err := invoke(`{"httpMethod":"POST","` + field + `":` + deep); err == nil {
				t.Errorf("%s of %s passed", field, open)
			}
		}
	}
	if seen != 0 {
		t.Errorf("%d requests got to the door", seen)
	}
}

// What nests deeper than anything honest is refused.
func TestDepthLimits(t *testing.T) {
	h := newHouse(t, false)
	deep := map[string]int{"imcallback": 101, "wechatpush": 17, "session": 100000 / 15, "permits": 100000 / 15, "announce": 100000}
	for name, door := range h.doors() {
		for _, body := range []string{strings.Repeat(`{"a":`, deep[name]) + "1" + strings.Repeat("}", deep[name]), `{"a":` + strings.Repeat("[", deep[name]) + strings.Repeat("]", deep[name]) + "}"} {
			if len(body) > 16<<10 && (name == "session" || name == "permits") {
				body = body[:16<<10]
			}
			if len(body) > 256<<10 && name == "announce" {
				body = body[:256<<10]
			}
			handler, q := door(body)
			h.refused(name, handler, q, http.StatusBadRequest)
		}
	}
	// An honest callback or push with something deep in it.
	alice, _ := h.login("alice")
	nested := func(body string, n int) string {
		return strings.TrimSuffix(body, "}") + `,"x":` + strings.Repeat(`{"a":[`, n/2) + strings.Repeat("]}", n/2) + "}"
	}
	q, push := h.callback(alice), event(popup, "o-alice", "accept", h.now)
	h.refused("a callback 101 deep", h.callbacks, request{query: q.query, body: nested(q.body, 100)}, http.StatusBadRequest)
	h.unread("a push 18 deep", h.pushes(aesKey), h.envelope(sealedText(t, appID, nested(push, 18))), "too_complex")
	h.passes("a callback 99 deep", h.callbacks, request{query: q.query, body: nested(q.body, 98)})
	h.passes("a push 14 deep", h.pushes(aesKey), h.envelope(sealedText(t, appID, nested(push, 14))))
	msg := strings.Repeat("<a>", 18) + strings.Repeat("</a>", 18)
	h.unread("XML inside", h.pushes(aesKey), h.envelope(sealedText(t, appID, msg)), "too_complex")
	h.refused("XML outside", h.pushes(aesKey), request{query: h.envelope("x").query, body: msg}, http.StatusBadRequest)
}

// Names that are many, as one who knows a hash would choose them, cost no more than the
// bytes that are taken in: pushes have a limit of their own, callbacks and our own APIs
// that of the body, and a query is judged before a body is read.
func TestManyKeys(t *testing.T) {
	h := newHouse(t, false)
	keys := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	push := h.pushes(aesKey)
	for _, n := range []int{4096, 60000} {
		js := "{" + keys(n, `"k%d":0,`) + `"z":0}`
		xm := "<xml>" + keys(n, "<k%d/>") + "</xml>"
		same := "<xml>" + keys(n, "<k>%d</k>") + "</xml>"
		for _, body := range []string{js, xm, same} {
			h.refused(fmt.Sprintf("a push with %d names", n), push, request{query: h.envelope("x").query, body: body}, http.StatusBadRequest)
			if n == 4096 {
				h.unread(fmt.Sprintf("a sealed push with %d names", n), push, h.envelope(sealedText(t, appID, body)), "too_complex")
			}
		}
	}
	for name, door := range h.doors() {
		handler, q := door("{" + keys(100000, `"k%d":0,`) + `"z":0}`)
		h.refused("100,000 names to "+name, handler, q, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	}
	q := h.callback("x")
	many := q.query.Encode() + "&" + keys(100000, "k%d=0&")
	// Names of a query are looked at one by one, each once, and none is kept or logged.
	before := h.log.Len()
	h.refused("100,000 parameters", h.callbacks, request{raw: many + "Sign=0", body: q.body}, http.StatusForbidden)
	if h.log.Len()-before > 1000 {
		t.Errorf("%d bytes of log for one request", h.log.Len()-before)
	}
	fields := fmt.Sprintf(`{"id":"1","kind":"message","to":["a"],"fields":{%s"z":"0"}}`, keys(10000, `"k%d":"0",`))
	h.refused("10,000 fields", h.announce, request{body: fields, header: signed(announceKey, "announce", fields, h.now)}, http.StatusBadRequest)
	to := fmt.Sprintf(`{"id":"1","kind":"message","to":[%s"z"]}`, keys(501, `"k%d",`))
	h.refused("502 users", h.announce, request{body: to, header: signed(announceKey, "announce", to, h.now)}, http.StatusBadRequest)
	alice, sig := h.login("alice")
	peers := fmt.Sprintf(`{"preferences":{"mutedPeers":[%s"z"]}}`, keys(101, `"k%d",`))
	h.refused("102 muted peers", h.permits, request{body: peers, header: bearer(alice, sig)}, http.StatusBadRequest)
	nobody := `{"preferences":{"mutedPeers":[` + strings.Repeat(`"",`, 4000) + `""]}}`
	h.refused("4,001 muted peers without a name", h.permits, request{body: nobody, header: bearer(alice, sig)}, http.StatusBadRequest)
	results := fmt.Sprintf(`{"reportId":"report-1","results":{%s"z":"accept"}}`, keys(20, `"k%d":"accept",`))
	h.refused("21 results", h.permits, request{body: results, header: bearer(alice, sig)}, http.StatusBadRequest)
}

// A drip is a body that comes a byte at a time and does not end.
type drip struct {
	every time.Duration // in the bubble's time
	read  int
	end   error // after 100 bytes; nil: never
}

func (d *drip) Read(p []byte) (int, error) {
	if d.every > 0 {
		<-time.After(d.every)
	}
	if d.end != nil && d.read >= 100 {
		return 0, d.end
	}
	d.read++
	p[0] = ' '
	return 1, nil
}

// A body that trickles is read up to the limit and no further; one that breaks off is
// refused. On the platform a body is whole before a function sees it: there its time is
// the platform's.
func TestSlowClient(t *testing.T) {
	open := map[string]int{"imcallback": 1 << 20, "wechatpush": 1 << 20, "session": 16 << 10, "permits": 16 << 10, "announce": 256 << 10}
	h := newHouse(t, false)
	for name, door := range h.doors() {
		for _, d := range []*drip{{}, {end: io.ErrUnexpectedEOF}, {end: errors.New("connection reset")}} {
			handler, q := door("")
			r := httptest.NewRequest(http.MethodPost, "/", d)
			r.URL.RawQuery, r.RemoteAddr = q.query.Encode(), h.from
			if q.header != nil {
				r.Header = q.header
			}
			before := h.kept()
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			trust.Count(t, trust.Attacks, 1)
			if d.read > open[name]+1024 || h.kept() != before || w.Code != 400 && w.Code != 413 {
				t.Errorf("%s: %d bytes were read, answered %d", name, d.read, w.Code)
			}
		}
		// Whoever is not let in is not listened to.
		handler, q := door("")
		d := &drip{}
		r := httptest.NewRequest(http.MethodPost, "/", d)
		r.URL.RawQuery, r.RemoteAddr = strings.Replace(q.query.Encode(), "Sign", "Gins", 1), h.from
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if d.read > 0 && (name == "imcallback" || name == "permits") {
			t.Errorf("%s read %d bytes of a stranger", name, d.read)
		}
	}
}

// While one body trickles in, the budget of its recording has not begun, and others are
// served.
func TestSlowClientHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorded := 0
		receiver, err := im.NewReceiver(im.ReceiverConfig{SDKAppID: sdkAppID, Token: secret.New(imToken)})
		if err != nil {
			t.Fatal(err)
		}
		h := &im.Handler{Now: time.Now, Receiver: receiver, Accept: func(_ context.Context, facts []notify.Fact) error { recorded += len(facts); return nil }}
		query := url.Values{"SdkAppid": {strconv.Itoa(sdkAppID)}, "CallbackCommand": {after}}
		im.SignQuery(query, secret.New(imToken), time.Now())
		post := func(body io.Reader) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/?"+query.Encode(), body)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		done := make(chan int)
		go func() { done <- post(&drip{every: time.Second, end: io.ErrUnexpectedEOF}).Code }()
		start := time.Now()
		body := fmt.Sprintf(`{"CallbackCommand":%q,"From_Account":"bob","To_Account":"alice","MsgSeq":1,"MsgTime":%d,"MsgKey":"1","MsgBody":[]}`, after, start.Unix())
		if w := post(strings.NewReader(body)); w.Code != 200 || recorded != 1 || time.Since(start) > 0 {
			t.Errorf("answered %d after %v with %d recorded", w.Code, time.Since(start), recorded)
		}
		if code := <-done; code != 400 || recorded != 1 {
			t.Errorf("the slow one: answered %d with %d recorded", code, recorded)
		}
		trust.Count(t, trust.Attacks, 1)
	})
}

// NUL, text that is not UTF-8 and numbers beyond every range leave nothing where an id or a
// time should be. A callback that holds them is answered OK, a push is refused.
func TestOddTexts(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	q := h.callback(alice)
	for name, c := range map[string]struct{ old, new string }{
		"NUL":                        {`"bob"`, "\"b\x00b\""},
		"not UTF-8":                  {`"bob"`, "\"b\xffb\""},
		"UTF-16":                     {`"bob"`, "\"b\x00o\x00b\x00\""},
		"an escaped NUL":             {`"bob"`, `"b\u0000b"`},
		"an escaped line break":      {`"` + alice + `"`, `"a\nb"`},
		"a long id":                  {`"bob"`, `"` + strings.Repeat("x", 129) + `"`},
		"a time beyond the range":    {`"MsgTime":`, `"MsgTime":1e999,"x":`},
		"a time of many digits":      {`"MsgTime":`, `"MsgTime":99999999999999999999,"x":`},
		"a negative time":            {`"MsgTime":`, `"MsgTime":-1,"x":`},
		"a time that is an object":   {`"MsgTime":`, `"MsgTime":{},"x":`},
		"a number of a million bits": {`"MsgTime":`, `"MsgTime":` + strings.Repeat("9", 300000) + `,"x":`},
	} {
		body := strings.Replace(q.body, c.old, c.new, 1)
		if body == q.body {
			t.Fatalf("%s: nothing was replaced", name)
		}
		before := h.kept()
		h.passes(name, h.callbacks, request{query: q.query, body: body})
		trust.Count(t, trust.Attacks, 1)
		if h.kept() != before {
			t.Errorf("%s was recorded", name)
		}
	}
	push := h.pushes(aesKey)
	msg := event(popup, "o-alice", "accept", h.now)
	at := strconv.FormatInt(h.now.Unix(), 10)
	for name, text := range map[string]string{
		"not UTF-8":              strings.Replace(msg, "o-alice", "o-alice\xff", 1),
		"a control character":    strings.Replace(msg, "o-alice", "o-alice\x02", 1),
		"a raw line break":       strings.Replace(msg, "o-alice", "o-alice\n", 1),
		"an openid with a break": strings.Replace(msg, "o-alice", `o\nalice`, 1),
		"an openid with NUL":     strings.Replace(msg, "o-alice", `o\u0000`, 1),
		"a long openid":          strings.Replace(msg, "o-alice", strings.Repeat("x", 129), 1),
		"no openid":              strings.Replace(msg, "o-alice", "", 1),
		"a time of many digits":  strings.Replace(msg, at, "99999999999999999999", 1),
		"a negative time":        strings.Replace(msg, at, "-1", 1),
		"a float":                strings.Replace(msg, at, "1.5e9", 1),
		"two objects":            msg + msg,
		"no object":              `"` + popup + `"`,
	} {
		h.unread(name, push, h.envelope(sealedText(t, appID, text)), "malformed")
		q := h.envelope(sealedText(t, appID, text))
		q.query.Set("msg_signature", strings.Repeat("0", 40))
		h.refused(name+", forged", push, q, http.StatusForbidden)
	}
	h.refused("a time of the future", push, h.envelope(sealedText(t, appID, strings.Replace(msg, at, "4102444800", 1))), http.StatusForbidden)
	for _, body := range []string{
		`{"reportId":"report-1","ageSeconds":1e999,"results":{"T1":"accept"}}`, `{"reportId":"report-1","ageSeconds":-300.1,"results":{"T1":"accept"}}`,
		`{"reportId":"report-1","ageSeconds":86401,"results":{"T1":"accept"}}`, `{"reportId":"report-1","ageSeconds":"NaN","results":{"T1":"accept"}}`,
		`{"preferences":{"quietHours":"` + strings.Repeat("9", 10000) + `"}}`, `{"preferences":{"mutedPeers":["` + strings.Repeat("x", 65) + `"]}}`,
	} {
		h.refused(body[:40], h.permits, request{body: body, header: bearer(alice, sig)}, http.StatusBadRequest)
	}
	unknown := `{"` + strings.Repeat("x", 10000) + `":1}`
	h.refused("a long name", h.permits, request{body: unknown, header: bearer(alice, sig)}, http.StatusBadRequest)
	for _, field := range []string{`"` + strings.Repeat("x", 10000) + `":"y"`, `"count":1e400`, `"count":99999999999999999999`, `"count":-1`, `"count":1.5`, `"summary":"` + strings.Repeat("x", 201) + `"`, `"time":"2026-11-22T00:00:00Z"`, `"sender":{}`} {
		body := `{"id":"1","kind":"message","to":["` + alice + `"],"fields":{` + field + `}}`
		h.refused(field[:8], h.announce, request{body: body, header: signed(announceKey, "announce", body, h.now)}, http.StatusBadRequest)
	}
	h.passes("the real push", push, h.sealed(wechat.ModeSecure, appID, msg))
}
