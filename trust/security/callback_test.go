package security_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/im"
	"wxnotify/shared/secret"
	"wxnotify/trust"
)

const after = "C2C.CallbackAfterSendMsg"

// callback is what IM sends of a message to user.
func (h *house) callback(user string) request {
	q := url.Values{"SdkAppid": {strconv.Itoa(sdkAppID)}, "CallbackCommand": {after}, "contenttype": {"json"}, "OptPlatform": {"Web"}}
	im.SignQuery(q, secret.New(imToken), h.now)
	return request{query: q, body: fmt.Sprintf(`{"CallbackCommand":%q,"From_Account":"bob","To_Account":%q,"MsgSeq":1,"MsgRandom":2,"MsgTime":%d,"MsgKey":"1_2_%[3]d",`+
		`"SendMsgResult":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`, after, user, h.now.Unix())}
}

func TestForgedCallbacks(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	good := h.callback(alice)
	requestTime, sign := good.query.Get("RequestTime"), good.query.Get("Sign")
	signed := func(token string, at time.Time) url.Values {
		q := clone(good.query)
		im.SignQuery(q, secret.New(token), at)
		return q
	}
	with := func(pairs ...string) url.Values {
		q := clone(good.query)
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return q
	}
	without := func(names ...string) url.Values {
		q := clone(good.query)
		for _, n := range names {
			q.Del(n)
		}
		return q
	}
	digest := func(sum []byte) url.Values { return with("Sign", hex.EncodeToString(sum)) }
	text := []byte(imToken + requestTime)
	sha1Sum, md5Sum, sha256Sum := sha1.Sum(text), md5.Sum(text), sha256.Sum256(text)
	empty := sha256.Sum256([]byte(requestTime))
	mac := hmac.New(sha256.New, []byte(imToken))
	mac.Write([]byte(requestTime))
	for name, q := range map[string]url.Values{
		"no query":                  {},
		"no Sign":                   without("Sign"),
		"no RequestTime":            without("RequestTime"),
		"neither":                   without("Sign", "RequestTime"),
		"empty Sign":                with("Sign", ""),
		"another token":             signed("guess", h.now),
		"the empty token":           digest(empty[:]),
		"Sign of another second":    with("RequestTime", strconv.FormatInt(h.now.Unix()+1, 10)),
		"Sign in upper case":        with("Sign", strings.ToUpper(sign)),
		"Sign in base64":            with("Sign", base64.StdEncoding.EncodeToString(sha256Sum[:])),
		"SHA-1":                     digest(sha1Sum[:]),
		"MD5":                       digest(md5Sum[:]),
		"HMAC":                      digest(mac.Sum(nil)),
		"half of Sign":              with("Sign", sign[:32]),
		"Sign and more":             with("Sign", sign+"0"),
		"Sign and a blank":          with("Sign", sign+" "),
		"Sign and NUL":              with("Sign", sign+"\x00"),
		"61 s old":                  signed(imToken, h.now.Add(-61*time.Second)),
		"61 s ahead":                signed(imToken, h.now.Add(61*time.Second)),
		"a day old":                 signed(imToken, h.now.AddDate(0, 0, -1)),
		"another app":               with("SdkAppid", "1400000002"),
		"another app, in zeros":     with("SdkAppid", "0"+strconv.Itoa(sdkAppID)),
		"no app":                    without("SdkAppid"),
		"two Signs":                 {"Sign": {"0", sign}, "RequestTime": {requestTime}, "SdkAppid": {strconv.Itoa(sdkAppID)}},
		"two Signs, good one first": {"Sign": {sign, "0"}, "RequestTime": {requestTime}, "SdkAppid": {strconv.Itoa(sdkAppID)}},
		"Sign and sign":             with("sign", sign),
		"two apps":                  with("sdkappid", "1400000002"),
		"two commands":              with("callbackcommand", "State.StateChange"),
		"two times":                 with("REQUESTTIME", requestTime),
	} {
		h.refused(name, h.callbacks, request{query: q, body: good.body}, http.StatusForbidden)
	}
	// The time is hashed as it is written, so whoever has the token can write it in any way;
	// only plain digits are a time.
	for _, written := range []string{"+" + requestTime, " " + requestTime, requestTime + ".0", "1.7e9", "0x65920080", "", "-1", "99999999999999999999"} {
		q := with("RequestTime", written, "Sign", im.Sign(secret.New(imToken), written))
		h.refused("RequestTime "+written, h.callbacks, request{query: q, body: good.body}, http.StatusForbidden)
	}
	for _, raw := range []string{"Sign=" + sign + ";RequestTime=" + requestTime, good.query.Encode() + "&%zz", "%", strings.Repeat("a=b&", 10000)} {
		h.refused("a broken query", h.callbacks, request{raw: raw, body: good.body}, http.StatusForbidden)
	}
	for _, method := range []string{"PUT", "TRACE", "post"} {
		h.refused(method, h.callbacks, request{method: method, query: good.query, body: good.body}, http.StatusMethodNotAllowed)
	}
	before := h.kept()
	for _, method := range []string{"GET", "HEAD"} {
		h.passes(method, h.callbacks, request{method: method, query: good.query, body: good.body})
	}
	for _, body := range []string{"", "{}"} {
		h.passes("probe "+body, h.callbacks, request{body: body})
	}
	trust.Count(t, trust.Attacks, 4)
	if h.kept() != before {
		t.Error("a probe left something")
	}
	h.passes("the real one", h.callbacks, good)
	if steps, err := h.store.Timeline(t.Context(), "nobody"); err != nil || len(steps) > 0 {
		t.Error(steps, err)
	}
}

// The commands are not signed, so query and body must agree on one.
func TestCommandMismatch(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	good := h.callback(alice)
	for name, body := range map[string]string{
		"another command":  strings.Replace(good.body, after, "C2C.CallbackAfterMsgWithDraw", 1),
		"in another case":  strings.Replace(good.body, after, strings.ToLower(after), 1),
		"no command":       strings.Replace(good.body, "CallbackCommand", "Command", 1),
		"a list":           strings.Replace(good.body, `"`+after+`"`, `["`+after+`"]`, 1),
		"the last counts":  strings.TrimSuffix(good.body, "}") + `,"CallbackCommand":"x"}`,
		"a blank behind":   strings.Replace(good.body, after, after+" ", 1),
		"a homoglyph":      strings.Replace(good.body, after, "С2C.CallbackAfterSendMsg", 1),
		"half of the JSON": good.body[:len(good.body)/2],
		"two objects":      good.body + good.body,
	} {
		h.refused(name, h.callbacks, request{query: good.query, body: body}, http.StatusBadRequest)
	}
	q := clone(good.query)
	q.Set("CallbackCommand", "Group.CallbackAfterSendMsg")
	h.refused("another command in the query", h.callbacks, request{query: q, body: good.body}, http.StatusBadRequest)
	h.passes("the real one", h.callbacks, good)
}

// One URL that was seen is good for any body for a minute. Within it a repetition changes
// nothing, after it nothing passes.
func TestReplayedCallback(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	good := h.callback(alice)
	h.passes("first", h.callbacks, good)
	once := h.keptButWatch()
	for range 5 {
		h.now = h.now.Add(10 * time.Second)
		h.passes("again", h.callbacks, good)
		trust.Count(t, trust.Attacks, 1)
		if got := h.keptButWatch(); got != once {
			t.Fatalf("a replay changed\n%s\nto\n%s", once, got)
		}
	}
	h.now = h.now.Add(11 * time.Second)
	h.refused("after 61 s", h.callbacks, good, http.StatusForbidden)
}

// A token that was taken out of the settings opens nothing.
func TestRotatedCallbackToken(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	good := h.callback(alice)
	door := func(token, previous string) http.Handler {
		r, err := im.NewReceiver(im.ReceiverConfig{SDKAppID: sdkAppID, Token: secret.New(token), PreviousToken: secret.New(previous)})
		if err != nil {
			t.Fatal(err)
		}
		return &im.Handler{Receiver: r, Accept: h.inbox.Accept, Now: func() time.Time { return h.now }}
	}
	h.passes("while both are set", door("next", imToken), good)
	h.refused("once it is gone", door("next", ""), good, http.StatusForbidden)
	if _, err := im.NewReceiver(im.ReceiverConfig{SDKAppID: sdkAppID, PreviousToken: secret.New(imToken)}); err == nil {
		t.Error("a receiver without a current token was made")
	}
}

// Call webhooks may come without a signature; then nothing is taken from them.
func TestUnsignedCallWebhook(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	q := url.Values{"SdkAppid": {strconv.Itoa(sdkAppID)}, "CallbackCommand": {"Call.CallbackAfterStartCall"}}
	body := fmt.Sprintf(`{"CallbackCommand":"Call.CallbackAfterStartCall","EventTime":%d,"CallId":"c1","Caller":"bob","CalleeList":[%q],"Timeout":30}`, h.now.UnixMilli(), alice)
	h.refused("without a signature", h.callbacks, request{query: q, body: body}, http.StatusForbidden)
	if !strings.Contains(h.log.String(), "no_sign") {
		t.Errorf("the log does not say why: %s", &h.log)
	}
}

// One byte of what is signed is another request.
func TestAlteredCallbacks(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	good := h.callback(alice)
	r := rand.New(rand.NewPCG(11, 17))
	names := []string{"Sign", "RequestTime", "SdkAppid"}
	for range trust.Size(200, 1000, 4000) {
		q := clone(good.query)
		name := names[r.IntN(len(names))]
		q.Set(name, alter(r, q.Get(name)))
		h.refused(fmt.Sprintf("%s=%s", name, q.Get(name)), h.callbacks, request{query: q, body: good.body}, http.StatusForbidden)
	}
	h.passes("the real one", h.callbacks, good)
}

// alter returns s with one byte another one, gone, or one more.
func alter(r *rand.Rand, s string) string {
	const alphabet = "0123456789abcdefABCDEF+/= \x00-_"
	i, c := r.IntN(len(s)), string(alphabet[r.IntN(len(alphabet))])
	switch r.IntN(3) {
	case 0:
		if s[i:i+1] == c {
			c = "~"
		}
		return s[:i] + c + s[i+1:]
	case 1:
		return s[:i] + s[i+1:]
	}
	return s[:i] + c + s[i:]
}
