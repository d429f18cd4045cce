package security_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/wechat"
	"wxnotify/trust"
)

// event is the JSON of a subscribe event of an openid.
func event(name, openID, status string, at time.Time) string {
	return fmt.Sprintf(`{"ToUserName":"gh_1","FromUserName":%q,"CreateTime":%d,"MsgType":"event","Event":%q,`+
		`"List":{"TemplateId":%q,"SubscribeStatusString":%q,"ErrorCode":"43101","ErrorStatus":"user refuse","MsgID":"1","PopupScene":"0"}}`,
		openID, at.Unix(), name, templateID, status)
}

const (
	popup     = "subscribe_msg_popup_event"
	change    = "subscribe_msg_change_event"
	sent      = "subscribe_msg_sent_event"
	cancelled = "user_authorization_cancellation"
)

func (h *house) sealed(mode wechat.Mode, app, msg string) request {
	h.t.Helper()
	q, body, err := wechat.Sealer{AppID: app, Token: secret.New(pushToken), EncodingAESKey: secret.New(aesKey), Mode: mode, Timestamp: h.now, Nonce: "415670741"}.Seal([]byte(msg))
	if err != nil {
		h.t.Fatal(err)
	}
	return request{query: q, body: string(body)}
}

// digestOf is WeChat's signature.
func digestOf(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// envelope returns a push with the given Encrypt, all signatures right.
func (h *house) envelope(encrypt string) request {
	at := strconv.FormatInt(h.now.Unix(), 10)
	body, err := json.Marshal(map[string]string{"ToUserName": "gh_1", "Encrypt": encrypt})
	if err != nil {
		h.t.Fatal(err)
	}
	return request{body: string(body), query: url.Values{"timestamp": {at}, "nonce": {"n"}, "encrypt_type": {"aes"},
		"signature": {digestOf(pushToken, at, "n")}, "msg_signature": {digestOf(pushToken, at, "n", encrypt)}}}
}

func TestForgedPushes(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes(aesKey)
	good := h.sealed(wechat.ModeSecure, appID, event(popup, "o-alice", "accept", h.now))
	at, encrypt := good.query.Get("timestamp"), encryptOf(t, good.body)
	with := func(pairs ...string) url.Values {
		q := clone(good.query)
		for i := 0; i < len(pairs); i += 2 {
			if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
				q.Del(pairs[i])
			}
		}
		return q
	}
	sum := sha256.Sum256([]byte(pushToken + at))
	for name, q := range map[string]url.Values{
		"no query":                    {},
		"no signature":                with("signature", ""),
		"no msg_signature":            with("msg_signature", ""),
		"neither":                     with("signature", "", "msg_signature", ""),
		"no timestamp":                with("timestamp", ""),
		"no nonce":                    with("nonce", ""),
		"empty msg_signature":         {"signature": good.query["signature"], "timestamp": {at}, "nonce": good.query["nonce"], "encrypt_type": {"aes"}, "msg_signature": {""}},
		"signature for msg_signature": with("msg_signature", good.query.Get("signature")),
		"msg_signature for signature": with("signature", good.query.Get("msg_signature")),
		"another token":               with("signature", digestOf("guess", at, "415670741"), "msg_signature", digestOf("guess", at, "415670741", encrypt)),
		"msg_signature in upper case": with("msg_signature", strings.ToUpper(good.query.Get("msg_signature"))),
		"SHA-256":                     with("signature", hex.EncodeToString(sum[:])),
		"half of msg_signature":       with("msg_signature", good.query.Get("msg_signature")[:20]),
		"msg_signature and more":      with("msg_signature", good.query.Get("msg_signature")+"0"),
		"another nonce":               with("nonce", "415670742"),
		"another time":                with("timestamp", strconv.FormatInt(h.now.Unix()+1, 10)),
		"encrypt_type in upper case":  with("encrypt_type", "AES"),
		"an unknown encrypt_type":     with("encrypt_type", "none"),
		"two msg_signatures":          {"signature": good.query["signature"], "timestamp": {at}, "nonce": good.query["nonce"], "encrypt_type": {"aes"}, "msg_signature": {good.query.Get("msg_signature"), "x"}},
		"two signatures":              {"signature": {"x", good.query.Get("signature")}, "timestamp": {at}, "nonce": good.query["nonce"], "encrypt_type": {"aes"}, "msg_signature": good.query["msg_signature"]},
		"two encrypt_types":           {"signature": good.query["signature"], "timestamp": {at}, "nonce": good.query["nonce"], "encrypt_type": {"raw", "aes"}, "msg_signature": good.query["msg_signature"]},
		"a long nonce":                with("nonce", strings.Repeat("n", 129)),
	} {
		h.refused(name, door, request{query: q, body: good.body}, http.StatusForbidden)
	}
	// The digest joins its parts without a separator, so what is a part is ours to decide.
	for _, written := range []string{"+" + at, at + " ", "0x1", "1.7e9", "-1", strings.Repeat("9", 12), strings.Repeat("9", 20)} {
		q := with("timestamp", written, "signature", digestOf(pushToken, written, "415670741"), "msg_signature", digestOf(pushToken, written, "415670741", encrypt))
		h.refused("timestamp "+written, door, request{query: q, body: good.body}, http.StatusForbidden)
	}
	h.refused("a part moved into the nonce", door, request{body: good.body,
		query: with("timestamp", at[:9], "nonce", at[9:]+"415670741", "signature", digestOf(pushToken, at, "415670741"))}, http.StatusForbidden)
	for _, method := range []string{"PUT", "DELETE", "HEAD", "post"} {
		h.refused(method, door, request{method: method, query: good.query, body: good.body}, http.StatusMethodNotAllowed)
	}
	h.refused("the URL's verification with a push's signature missing", door, request{method: http.MethodGet, query: url.Values{"echostr": {"<script>"}}}, http.StatusForbidden)
	h.passes("the real one", door, good)
}

func encryptOf(t *testing.T, body string) string {
	t.Helper()
	var e struct{ Encrypt string }
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Encrypt == "" {
		t.Fatalf("no Encrypt in %s: %v", body, err)
	}
	return e.Encrypt
}

// A push may be replayed for five minutes, and then changes nothing.
func TestReplayedPush(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes(aesKey)
	alice, sig := h.login("alice")
	good := h.sealed(wechat.ModeSecure, appID, event(popup, "o-alice", "accept", h.now))
	h.passes("first", door, good)
	once := h.kept()
	for range 5 {
		h.passes("again", door, good)
		trust.Count(t, trust.Attacks, 1)
		if got := h.kept(); got != once || h.balance(alice, sig) != 1 {
			t.Fatalf("a replay changed\n%s\nto\n%s", once, got)
		}
		h.now = h.now.Add(time.Minute)
	}
	h.now = h.now.Add(time.Second)
	h.refused("after 301 s", door, good, http.StatusForbidden)
	h.now = h.now.Add(-602 * time.Second)
	h.refused("301 s ahead", door, good, http.StatusForbidden)

	// With timestamp and nonce exchanged the digests stay right: an old "account closed" whose
	// nonce looks like this minute's time.
	h = newHouse(t, false)
	door = h.pushes(aesKey)
	h.login("alice")
	old := h.now.Add(-30 * 24 * time.Hour)
	at, nonce := strconv.FormatInt(old.Unix(), 10), strconv.FormatInt(h.now.Unix()+60, 10)
	swapped := func(made time.Time) request {
		encrypt := sealedText(t, appID, fmt.Sprintf(`{"OpenID":"o-alice","CreateTime":%d,"MsgType":"event","Event":%q}`, made.Unix(), cancelled))
		return request{body: `{"ToUserName":"gh_1","Encrypt":"` + encrypt + `"}`, query: url.Values{"timestamp": {nonce}, "nonce": {at}, "encrypt_type": {"aes"},
			"signature": {digestOf(pushToken, at, nonce)}, "msg_signature": {digestOf(pushToken, at, nonce, encrypt)}}}
	}
	h.refused("swapped, 30 days old", door, swapped(old), http.StatusForbidden)
	// Within the hour it is the binding that is newer.
	once = h.kept()
	h.passes("swapped, 10 minutes old", door, swapped(h.now.Add(-10*time.Minute)))
	if got := h.kept(); got != once {
		t.Errorf("a binding newer than the erasure was erased:\n%s\nbecame\n%s", once, got)
	}
	h.passes("of now", door, swapped(h.now))
	if got := h.kept(); strings.Contains(got, "o-alice") {
		t.Errorf("the erasure of now left\n%s", got)
	}
}

// With a key configured nothing comes in in clear, however it is labelled.
func TestDowngradeToPlainMode(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes(aesKey)
	msg := event(popup, "o-alice", "accept", h.now)
	plain := h.sealed(wechat.ModePlain, appID, msg)
	h.refused("in clear", door, plain, http.StatusForbidden)
	for _, kind := range []string{"", "raw", "RAW", "aes ", "plain"} {
		q := clone(plain.query)
		q.Set("encrypt_type", kind)
		h.refused("encrypt_type="+kind, door, request{query: q, body: plain.body}, http.StatusForbidden)
	}
	q := clone(plain.query)
	q.Set("encrypt_type", "aes")
	q.Set("msg_signature", digestOf(pushToken, q.Get("timestamp"), q.Get("nonce"), ""))
	h.refused("aes without Encrypt", door, request{query: q, body: plain.body}, http.StatusBadRequest)
	for _, empty := range []string{`""`, `null`, `" "`, `[]`, `{}`} {
		body := strings.TrimSuffix(plain.body, "}") + `,"Encrypt":` + empty + `}`
		h.refused("Encrypt is "+empty, door, request{query: q, body: body}, http.StatusBadRequest)
	}
	secure := h.sealed(wechat.ModeSecure, appID, msg)
	q = clone(secure.query)
	q.Del("encrypt_type")
	h.refused("the label taken off", door, request{query: q, body: secure.body}, http.StatusForbidden)
	h.refused("secure, at a door without a key", h.pushes(""), secure, http.StatusForbidden)
	h.refused("secure without its label, at a door without a key", h.pushes(""), request{query: q, body: secure.body}, http.StatusForbidden)
	h.passes("the real one", door, secure)
}

// Without a key a push may grant. It never takes away and never erases, because its body
// is not signed.
func TestPlainModeTakesNothing(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes("")
	alice, sig := h.login("alice")
	h.passes("a grant", door, h.sealed(wechat.ModePlain, appID, event(popup, "o-alice", "accept", h.now)))
	if got := h.balance(alice, sig); got != 1 {
		t.Fatalf("balance %d", got)
	}
	before := h.kept()
	for _, msg := range []string{event(change, "o-alice", "reject", h.now.Add(time.Second)), event(popup, "o-alice", "ban", h.now), event(popup, "o-alice", "reject", h.now),
		event(sent, "o-alice", "", h.now), fmt.Sprintf(`{"OpenID":"o-alice","CreateTime":%d,"MsgType":"event","Event":%q}`, h.now.Unix(), cancelled)} {
		h.passes("an unsigned push", door, h.sealed(wechat.ModePlain, appID, msg))
		trust.Count(t, trust.Attacks, 1)
		if got := h.kept(); got != before {
			t.Errorf("%s changed\n%s\nto\n%s", msg, before, got)
		}
	}
}

// Compatible mode repeats the message in clear. Whoever changes the copy changes nothing.
func TestClearCopyIsIgnored(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes(aesKey)
	h.login("alice")
	h.login("mallory")
	good := h.sealed(wechat.ModeCompatible, appID, event(popup, "o-alice", "accept", h.now))
	copied := func(who string) string {
		return strings.ReplaceAll(good.body, "o-alice", "o-"+who)
	}
	if copied("mallory") == good.body {
		t.Fatalf("no clear copy in %s", good.body)
	}
	encrypt := encryptOf(t, good.body)
	for name, body := range map[string]string{
		"another user":           copied("mallory"),
		"a second Encrypt after": strings.TrimSuffix(copied("mallory"), "}") + `,"Encrypt":"` + sealedText(t, appID, event(popup, "o-mallory", "accept", h.now)) + `"}`,
		"an event of its own":    `{"Event":"` + cancelled + `","OpenID":"o-mallory","CreateTime":1,"MsgType":"event","Encrypt":"` + encrypt + `"}`,
	} {
		h.passes(name, door, request{query: good.query, body: body})
		trust.Count(t, trust.Attacks, 1)
	}
	h.refused("a second Encrypt before", door, request{query: good.query,
		body: `{"Encrypt":"` + sealedText(t, appID, event(popup, "o-mallory", "accept", h.now)) + `",` + strings.TrimPrefix(good.body, "{")}, http.StatusForbidden)
	for openID, want := range map[notify.OpenID]int{"o-alice": 1, "o-mallory": 0} {
		got, err := h.store.Balances(t.Context(), openID, []notify.TemplateID{templateID})
		if err != nil || got[templateID] != want {
			t.Errorf("%s has %v permits, want %d (%v)", openID, got, want, err)
		}
	}
}

// pack encrypts plaintext, which is to be whole blocks, as it is.
func pack(t *testing.T, plaintext []byte) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(plaintext))
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(out, plaintext)
	return base64.StdEncoding.EncodeToString(out)
}

// plaintext is what is encrypted: random, length, message, appid, and pad bytes of pad.
func plaintext(size uint32, msg, app string, n int, pad byte) []byte {
	b := binary.BigEndian.AppendUint32(bytes.Repeat([]byte{7}, 16), size)
	b = append(append(b, msg...), app...)
	return append(b, bytes.Repeat([]byte{pad}, n)...)
}

func sealedText(t *testing.T, app, msg string) string {
	t.Helper()
	pad := 32 - (20+len(msg)+len(app))%32
	return pack(t, plaintext(uint32(len(msg)), msg, app, pad, byte(pad)))
}

func TestWrongAppIDInsideAValidCiphertext(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes(aesKey)
	msg := event(popup, "o-alice", "accept", h.now)
	for _, app := range []string{"wx0000000000000000", "", appID + "x", appID[:17], strings.ToUpper(appID), appID + "\x00", " " + appID} {
		h.refused("appid "+app, door, h.envelope(sealedText(t, app, msg)), http.StatusForbidden)
	}
	// The length says where the message ends and the appid begins.
	joined := msg + appID
	pad := 32 - (20+len(joined))%32
	for _, size := range []int{len(joined), len(joined) - 1, len(msg) - 1, len(msg) + 1, 0} {
		h.refused(fmt.Sprintf("length %d of %d", size, len(msg)), door, h.envelope(pack(t, plaintext(uint32(size), msg, appID, pad, byte(pad)))), http.StatusForbidden)
	}
	h.passes("the real one", door, h.envelope(sealedText(t, appID, msg)))
}

// Tricks with padding, length and blocks all end in one answer.
func TestPaddingAndLengthTricks(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes(aesKey)
	msg := event(popup, "o-alice", "accept", h.now)
	fill := 32 - (20+len(msg)+len(appID))%32
	whole := func(pad byte) []byte { return plaintext(uint32(len(msg)), msg, appID, fill, pad) }
	twisted := whole(byte(fill))
	twisted[len(twisted)-2]++
	answers := map[string]bool{}
	for name, encrypt := range map[string]string{
		"pad 0":                 pack(t, whole(0)),
		"pad 33":                pack(t, whole(33)),
		"pad 255":               pack(t, whole(255)),
		"uneven pad":            pack(t, twisted),
		"all of it is padding":  pack(t, bytes.Repeat([]byte{32}, 32)),
		"too short for a head":  pack(t, append(make([]byte, 19), bytes.Repeat([]byte{13}, 13)...)),
		"length beyond the end": pack(t, plaintext(uint32(len(msg)+len(appID)+1), msg, appID, fill, byte(fill))),
		"the largest length":    pack(t, plaintext(1<<32-1, msg, appID, fill, byte(fill))),
		"half a block":          base64.StdEncoding.EncodeToString(make([]byte, 24)),
		"zeros":                 base64.StdEncoding.EncodeToString(make([]byte, 64)),
		"no base64":             "!!!!",
		"another key":           base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("anything"), 32)),
		"a text":                msg,
	} {
		w := h.refused(name, door, h.envelope(encrypt), http.StatusBadRequest)
		answers[w.Body.String()] = true
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ, so they tell of the padding: %v", answers)
	}
	for pad := 1; pad <= 32; pad++ { // pads of 17 to 32 are as common as shorter ones
		long := msg + strings.Repeat(" ", (64-(20+len(msg)+len(appID)+pad)%32)%32)
		h.passes(fmt.Sprintf("pad %d", pad), door, h.envelope(pack(t, plaintext(uint32(len(long)), long, appID, pad, byte(pad)))))
	}
}

// One byte of what is signed is another push.
func TestAlteredPushes(t *testing.T) {
	h := newHouse(t, false)
	door := h.pushes(aesKey)
	good := h.sealed(wechat.ModeSecure, appID, event(popup, "o-alice", "accept", h.now))
	encrypt := encryptOf(t, good.body)
	r := rand.New(rand.NewPCG(23, 5))
	names := []string{"signature", "msg_signature", "timestamp", "nonce", "Encrypt"}
	for range trust.Size(200, 1000, 4000) {
		q, body, name := clone(good.query), good.body, names[r.IntN(len(names))]
		what := ""
		if name == "Encrypt" {
			what = strings.TrimSpace(alter(r, encrypt))
			if what == encrypt {
				continue // white space around a value is none of it
			}
			quoted, err := json.Marshal(map[string]string{"Encrypt": what})
			if err != nil {
				t.Fatal(err)
			}
			body = string(quoted)
		} else {
			what = alter(r, q.Get(name))
			q.Set(name, what)
		}
		h.refused(name+"="+what, door, request{query: q, body: body}, http.StatusForbidden)
	}
	h.passes("the real one", door, good)
}
