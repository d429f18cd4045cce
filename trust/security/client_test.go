package security_test

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
	"wxnotify/trust"
)

// claims are what a UserSig says. Its making is written from Tencent's page, so that what
// the library never makes can be made.
// Source: https://cloud.tencent.com/document/product/269/32688
type claims struct {
	user         string
	app          int
	at           time.Time
	expire       int64
	key, version string
	extra        string // more members of the JSON
}

func (c claims) plain() string {
	mac := hmac.New(sha256.New, []byte(c.key))
	fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", c.user, c.app, c.at.Unix(), c.expire)
	return fmt.Sprintf(`{"TLS.ver":%q,"TLS.identifier":%q,"TLS.sdkappid":%d,"TLS.expire":%d,"TLS.time":%d%s,"TLS.sig":%q}`,
		c.version, c.user, c.app, c.expire, c.at.Unix(), c.extra, base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func packed(plain string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(plain)) // to a buffer: no error
	z.Close()
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(b.Bytes()))
}

// unpacked returns what a UserSig says.
func unpacked(usersig string) string {
	b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("*", "+", "-", "/", "_", "=").Replace(usersig))
	if err != nil {
		return err.Error()
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return err.Error()
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return err.Error()
	}
	return string(plain)
}

func TestForgedUserSigs(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	bob, bobs := h.login("bob")
	ours := claims{user: alice, app: sdkAppID, at: h.now, expire: 86400, key: imKey, version: "2.0"}
	with := func(change func(*claims)) string {
		c := ours
		change(&c)
		return packed(c.plain())
	}
	h.passes("our own", h.permits, request{method: "GET", header: bearer(alice, packed(ours.plain()))})
	for name, usersig := range map[string]string{
		"none":                    "",
		"another's":               bobs,
		"another key":             with(func(c *claims) { c.key = "guess" }),
		"no key":                  with(func(c *claims) { c.key = "" }),
		"another app":             with(func(c *claims) { c.app++ }),
		"expired":                 with(func(c *claims) { c.at = h.now.Add(-48 * time.Hour) }),
		"of a future":             with(func(c *claims) { c.at = h.now.Add(2 * time.Minute) }),
		"for ever, by overflow":   with(func(c *claims) { c.expire = 1<<63 - 1 }),
		"a negative life":         with(func(c *claims) { c.expire = -1 }),
		"version 1.0":             with(func(c *claims) { c.version = "1.0" }),
		"no version":              with(func(c *claims) { c.version = "" }),
		"made for a room":         with(func(c *claims) { c.extra = `,"TLS.userbuf":"AAAA"` }),
		"an app of 64 bits":       with(func(c *claims) { c.app += 1 << 32 }),
		"the signature left out":  packed(strings.Replace(ours.plain(), `"TLS.sig"`, `"TLS.gis"`, 1)),
		"the signature emptied":   packed(ours.plain()[:strings.Index(ours.plain(), `"TLS.sig"`)] + `"TLS.sig":""}`),
		"broken JSON":             packed(ours.plain()[:60]),
		"text behind":             sig + "AAAA",
		"a line break in front":   "\n" + sig,
		"standard base64":         strings.NewReplacer("*", "+", "-", "/", "_", "=").Replace(sig) + "=",
		"twice":                   sig + sig,
		"2 KiB":                   strings.Repeat("A", 2049),
		"uncompressed":            base64.StdEncoding.EncodeToString([]byte(ours.plain())),
		"nothing, compressed":     packed(""),
		"a list":                  packed("[]"),
		"two JSONs":               packed(ours.plain() + ours.plain()),
		"another identifier last": packed(strings.TrimSuffix(ours.plain(), "}") + `,"TLS.identifier":"` + bob + `"}`),
	} {
		h.from = "203.0.113.8:0" // each from a place of its own: the limiter is not what stops it
		h.redis.FlushDB()
		alice, sig = h.login("alice")
		bob, _ = h.login("bob")
		h.refused(name, h.permits, request{method: "GET", header: bearer(alice, usersig)}, http.StatusUnauthorized)
		h.refused(name, h.session, request{method: "DELETE", header: bearer(alice, usersig)}, http.StatusUnauthorized)
	}
	for name, header := range map[string]http.Header{
		"no header":           {},
		"no scheme":           {"Authorization": {alice + ":" + sig}},
		"Basic":               {"Authorization": {"Basic " + alice + ":" + sig}},
		"no user":             {"Authorization": {"Bearer :" + sig}},
		"no colon":            {"Authorization": {"Bearer " + alice + sig}},
		"another's name":      bearer(bob, sig),
		"both names":          bearer(bob+":"+alice, sig),
		"a blank in the name": bearer(alice+" ", sig),
		"NUL in the name":     bearer(alice+"\x00", sig),
		"in capitals":         bearer(strings.ToUpper(alice), sig),
		"the good one second": {"Authorization": {"Bearer x:y", "Bearer " + alice + ":" + sig}},
	} {
		h.refused(name, h.permits, request{method: "GET", header: header}, http.StatusUnauthorized)
	}
	h.refused("in the query", h.permits, request{method: "GET", raw: "userId=" + alice + "&userSig=" + sig}, http.StatusUnauthorized)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "bEARER   "} { // a scheme has no case
		h.passes(scheme, h.permits, request{method: "GET", header: http.Header{"Authorization": {scheme + alice + ":" + sig}}})
	}
}

// A UserSig that inflates to megabytes costs no more memory than an honest one.
func TestUserSigZipBomb(t *testing.T) {
	h := newHouse(t, false)
	var b bytes.Buffer
	z, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(make([]byte, 1<<20+1<<18))
	z.Close()
	bomb := strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(b.Bytes()))
	if len(bomb) > 2048 {
		t.Fatalf("the bomb has %d bytes and would be refused for that alone", len(bomb))
	}
	spent := func(usersig string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 50 {
			if h.sigs.Verify("alice", usersig, h.now) == nil {
				t.Error("accepted")
			}
		}
		runtime.ReadMemStats(&after)
		trust.Count(t, trust.Attacks, 50)
		return (after.TotalAlloc - before.TotalAlloc) / 50
	}
	honest := spent(packed(claims{user: "alice", app: sdkAppID, at: h.now, expire: 86400, key: "guess", version: "2.0"}.plain()))
	if got := spent(bomb); got > honest+64<<10 {
		t.Errorf("the bomb took %d bytes, an honest UserSig %d", got, honest)
	}
	// A larger one is refused before anything is inflated.
	if got := spent(strings.Repeat("A", 1<<20)); got > 4<<10 {
		t.Errorf("1 MiB of UserSig took %d bytes", got)
	}
}

// An altered UserSig is refused, or says the very same: the compressed form has bits that
// mean nothing, and nothing of ours goes by its text.
func TestAlteredUserSigs(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	r := rand.New(rand.NewPCG(3, 1))
	for range trust.Size(500, 1500, 20000) {
		bad := alter(r, sig)
		if bad == sig {
			continue
		}
		trust.Count(t, trust.Attacks, 1)
		if h.sigs.Verify(notify.UserID(alice), bad, h.now) == nil && unpacked(bad) != unpacked(sig) {
			trust.Count(t, trust.Violated, 1)
			t.Errorf("%q was accepted for %q", bad, sig)
		}
	}
}

func TestClientCannotChooseUserID(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	for _, body := range []string{
		`{"code":"code-mallory","userId":"` + alice + `"}`, `{"code":"code-mallory","USERID":"` + alice + `"}`, `{"userId":"` + alice + `","code":"code-mallory"}`,
		`{"code":"code-mallory","userId":"new"}`, `{"code":"code-mallory","openId":"o-alice"}`, `{"code":"code-mallory","userId":["` + alice + `"]}`,
		`{"code":"code-mallory"}{"userId":"` + alice + `"}`, `[{"code":"code-mallory"}]`, `{"code":{"userId":"x"}}`,
	} {
		h.refused(body, h.session, request{body: body}, http.StatusBadRequest)
	}
	// A signature is for backends in trusted mode; in this mode it opens nothing.
	body := `{"code":"code-mallory","userId":"` + alice + `"}`
	h.refused("signed, in default mode", h.session, request{body: body, header: signed(sessionKey, "session", body, h.now)}, http.StatusBadRequest)
	if mallory, _ := h.login("mallory"); mallory == alice || len(mallory) != 26 {
		t.Errorf("mallory is %q", mallory)
	}
	if again, _ := h.login("alice"); again != alice {
		t.Errorf("alice was %q and is %q", alice, again)
	}
}

func TestTrustedModeNeedsASignature(t *testing.T) {
	h := newHouse(t, true)
	body := `{"code":"code-alice","userId":"alice"}`
	good := signed(sessionKey, "session", body, h.now)
	for name, header := range map[string]http.Header{
		"none":            {},
		"another key":     signed(announceKey, "session", body, h.now),
		"another word":    signed(sessionKey, "announce", body, h.now),
		"another body":    signed(sessionKey, "session", body+" ", h.now),
		"301 s old":       signed(sessionKey, "session", body, h.now.Add(-301*time.Second)),
		"301 s ahead":     signed(sessionKey, "session", body, h.now.Add(302*time.Second)),
		"the user's own":  bearer("alice", "x"),
		"only the time":   {"X-Wxnotify-Timestamp": good["X-Wxnotify-Timestamp"]},
		"only the digest": {"X-Wxnotify-Signature": good["X-Wxnotify-Signature"]},
	} {
		h.refused(name, h.session, request{body: body, header: header}, http.StatusUnauthorized)
	}
	h.passes("the real one", h.session, request{body: body, header: good})
	if openID, err := h.store.OpenIDOf(t.Context(), "alice"); err != nil || openID != "o-alice" {
		t.Error(openID, err)
	}
}

// Nobody is signed in as the administrator, or as one of the platform's own accounts, not
// even by a backend that asks for it.
func TestNobodyIsSignedInAsAdministrator(t *testing.T) {
	h := newHouse(t, true)
	for _, user := range []string{"administrator", "Administrator", "ADMINISTRATOR", "@TGS#1", "@RBT#1", "@", "", strings.Repeat("x", 33), "a b", "a\nb", "a\u0000b",
		"administrator ", "\tadministrator", "administrator\u0000", "ädministrator", "ａdministrator"} {
		quoted, err := json.Marshal(user)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"code":"code-alice","userId":` + string(quoted) + `}`
		h.refused(user, h.session, request{body: body, header: signed(sessionKey, "session", body, h.now)}, http.StatusBadRequest)
	}
	for _, user := range []notify.UserID{"administrator", "Administrator", "@RBT#1", ""} {
		trust.Count(t, trust.Attacks, 1)
		if sig, _, err := h.sigs.SignUser(user, h.now, time.Hour); err == nil || sig != "" {
			t.Errorf("%q got a UserSig", user)
		}
	}
	other, err := im.NewSigner(im.SignerConfig{SDKAppID: sdkAppID, SecretKey: secret.New(imKey), Admin: "root"})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []notify.UserID{"root", "ROOT", "administrator", "ADMINISTRATOR"} {
		trust.Count(t, trust.Attacks, 1)
		if _, _, err := other.SignUser(user, h.now, time.Hour); err == nil {
			t.Errorf("%q got a UserSig of an app whose administrator is root", user)
		}
	}
}

// A user is told of his own permits and nobody else's, and touches nobody else's.
func TestAnothersPermits(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	mallory, bad := h.login("mallory")
	report := `{"reportId":"report-1","results":{"` + templateID + `":"accept"}}`
	h.passes("alice reports", h.permits, request{body: report, header: bearer(alice, sig)})
	if got := h.balance(mallory, bad); got != 0 {
		t.Errorf("mallory sees %d permits", got)
	}
	for name, q := range map[string]request{
		"by name":             {method: "GET", header: bearer(alice, bad)},
		"an openid in a body": {body: `{"openId":"o-alice","reportId":"report-2","results":{"` + templateID + `":"ban"}}`, header: bearer(mallory, bad)},
		"a user in a body":    {body: `{"userId":"` + alice + `","preferences":{"muted":true}}`, header: bearer(mallory, bad)},
		"erasing":             {method: "DELETE", header: bearer(alice, bad)},
	} {
		door := h.permits
		if q.method == "DELETE" {
			door = h.session
		}
		h.refused(name, door, q, http.StatusUnauthorized, http.StatusBadRequest)
	}
	q := request{method: "GET", raw: "userId=" + alice + "&openId=o-alice", header: bearer(mallory, bad)}
	if w := h.passes("a query beside", h.permits, q); strings.Contains(w.Body.String(), `"balance":1`) {
		t.Errorf("told %s", w.Body)
	}
	// What mallory reports under alice's report id is his own.
	h.passes("the same report id", h.permits, request{body: report, header: bearer(mallory, bad)})
	if a, m := h.balance(alice, sig), h.balance(mallory, bad); a != 1 || m != 1 {
		t.Errorf("alice has %d, mallory %d", a, m)
	}
	trust.Count(t, trust.Attacks, 2)
}

// Whose binding was taken over sees nothing of what is the other's now, and cannot erase it.
func TestLoserOfABinding(t *testing.T) {
	h := newHouse(t, true)
	login := func(code, user string) http.Header {
		body := `{"code":"` + code + `","userId":"` + user + `"}`
		w := h.passes("login", h.session, request{body: body, header: signed(sessionKey, "session", body, h.now)})
		var got struct{ UserSig string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return bearer(user, got.UserSig)
	}
	before := login("code-phone", "alice")
	h.now = h.now.Add(time.Second)
	after := login("code-phone", "bob") // the phone is bob's now
	h.passes("bob reports", h.permits, request{body: `{"reportId":"report-1","results":{"` + templateID + `":"accept"}}`, header: after})
	h.refused("alice asks", h.permits, request{method: "GET", header: before}, http.StatusUnauthorized)
	h.refused("alice reports", h.permits, request{body: `{"reportId":"report-2","results":{"` + templateID + `":"ban"}}`, header: before}, http.StatusUnauthorized)
	h.passes("alice erases herself", h.session, request{method: "DELETE", header: before})
	trust.Count(t, trust.Attacks, 1)
	w := h.passes("bob asks", h.permits, request{method: "GET", header: after})
	if !strings.Contains(w.Body.String(), `"balance":1`) {
		t.Errorf("alice took bob's permit: %s", w.Body)
	}
	// Half-way through a login the pointer of the one who loses may still be there.
	h.redis.HSet(recipientKey(h, "alice"), "o", "o-phone")
	h.refused("alice, with a stale pointer", h.permits, request{method: "GET", header: before}, http.StatusUnauthorized)
	h.passes("alice erases herself again", h.session, request{method: "DELETE", header: before})
	if w := h.passes("bob asks", h.permits, request{method: "GET", header: after}); !strings.Contains(w.Body.String(), `"balance":1`) {
		t.Errorf("alice took bob's permit: %s", w.Body)
	}
}

// recipientKey is where the record of a user would be.
func recipientKey(h *house, user string) string {
	for _, key := range h.redis.Keys() {
		if strings.HasSuffix(key, "}:r:"+user) {
			return key
		}
	}
	// Both shards are tried: the one that is not his is never looked at.
	for _, shard := range []string{"0", "1"} {
		h.redis.HSet(store.DefaultPrefix+"{"+shard+"}:r:"+user, "o", "o-phone")
	}
	return store.DefaultPrefix + "{0}:r:" + user
}

// Thirty wrong guesses close the door of an API for an address; others, and good requests, are
// not counted. The address is what the platform says, not what a header says.
func TestGuessesAreLimitedPerSource(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	for range 40 {
		h.passes("good", h.permits, request{method: "GET", header: bearer(alice, sig)})
	}
	for i := range 30 {
		header := bearer(alice, fmt.Sprintf("guess%d", i))
		header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		h.refused("guess", h.permits, request{method: "GET", header: header}, http.StatusUnauthorized)
	}
	h.refused("one more", h.permits, request{method: "GET", header: bearer(alice, "guess")}, http.StatusTooManyRequests)
	h.refused("a good one from there", h.permits, request{method: "GET", header: bearer(alice, sig)}, http.StatusTooManyRequests)
	h.passes("a login from there", h.session, request{body: `{"code":"code-bob"}`}) // each API counts for itself
	body := `{"id":"1","kind":"message","to":["` + alice + `"]}`
	h.passes("an announcement from there", h.announce, request{body: body, header: signed(announceKey, "announce", body, h.now)})
	h.from = "203.0.113.9:0"
	h.now = h.now.Add(time.Minute + time.Second) // and the user's own limit is over
	h.redis.FastForward(time.Minute + time.Second)
	h.passes("from elsewhere", h.permits, request{method: "GET", header: bearer(alice, sig)})
	for range 30 {
		h.refused("a guessed login code", h.session, request{body: `{"code":"guess"}`}, http.StatusBadRequest)
	}
	h.refused("one more", h.session, request{body: `{"code":"guess"}`}, http.StatusTooManyRequests)
}

// Sixty requests a minute are a user's own limit, from wherever they come.
func TestUserIsLimited(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	bob, bobs := h.login("bob")
	for i := range 60 {
		h.from = fmt.Sprintf("198.51.100.%d:0", i)
		h.passes("good", h.permits, request{method: "GET", header: bearer(alice, sig)})
	}
	h.refused("the 61st", h.permits, request{method: "GET", header: bearer(alice, sig)}, http.StatusTooManyRequests)
	h.passes("another user", h.permits, request{method: "GET", header: bearer(bob, bobs)})
}
