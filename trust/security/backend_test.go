package security_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/api"
	"wxnotify/shared/secret"
	"wxnotify/trust"
)

func signed(key secret.String, word, body string, at time.Time) http.Header {
	ts := strconv.FormatInt(at.Unix(), 10)
	return http.Header{api.HeaderTimestamp: {ts}, api.HeaderSignature: {api.Sign(key, ts, word, []byte(body))}}
}

func announcement(id, to string) string {
	return fmt.Sprintf(`{"id":%q,"kind":"message","to":[%q],"fields":{"summary":"on its way"}}`, id, to)
}

func TestForgedAnnouncements(t *testing.T) {
	h := newHouse(t, false)
	alice, sig := h.login("alice")
	body := announcement("order-1", alice)
	good := signed(announceKey, "announce", body, h.now)
	ts, signature := good.Get(api.HeaderTimestamp), good.Get(api.HeaderSignature)
	header := func(ts, signature string) http.Header {
		return http.Header{api.HeaderTimestamp: {ts}, api.HeaderSignature: {signature}}
	}
	for name, head := range map[string]http.Header{
		"none":                   {},
		"no signature":           {api.HeaderTimestamp: {ts}},
		"no timestamp":           {api.HeaderSignature: {signature}},
		"empty ones":             header("", ""),
		"another key":            signed(sessionKey, "announce", body, h.now),
		"the empty key":          signed(secret.New(""), "announce", body, h.now),
		"session's word":         signed(announceKey, "session", body, h.now),
		"another body":           signed(announceKey, "announce", body+"\n", h.now),
		"another second":         header(strconv.FormatInt(h.now.Unix()+1, 10), signature),
		"301 s old":              signed(announceKey, "announce", body, h.now.Add(-301*time.Second)),
		"302 s ahead":            signed(announceKey, "announce", body, h.now.Add(302*time.Second)),
		"in base64":              header(ts, "b0aN0j8="),
		"half":                   header(ts, signature[:32]),
		"and more":               header(ts, signature+"00"),
		"with an algorithm":      header(ts, "sha256="+signature),
		"the good one second":    {api.HeaderTimestamp: {ts}, api.HeaderSignature: {"0", signature}},
		"two in one":             header(ts, "0, "+signature),
		"a user's own":           bearer(alice, sig),
		"the time with a blank":  header(" "+ts, signature),
		"the largest time":       signedAt("9223372036854775807", body),
		"the smallest time":      signedAt("-9223372036854775808", body),
		"a time that is no time": signedAt("now", body),
		"the word in the time":   signedAt(ts+"\nannounce", body),
	} {
		h.from = fmt.Sprintf("198.51.100.%d:0", len(name))
		h.refused(name, h.announce, request{body: body, header: head}, http.StatusUnauthorized)
	}
	h.refused("with GET", h.announce, request{method: "GET", body: body, header: good}, http.StatusMethodNotAllowed)
	h.passes("the real one", h.announce, request{body: body, header: good})
}

// signedAt signs body with whatever stands for a time.
func signedAt(ts, body string) http.Header {
	return http.Header{api.HeaderTimestamp: {ts}, api.HeaderSignature: {api.Sign(announceKey, ts, "announce", []byte(body))}}
}

// A signature is good once, in whichever case it is written, for as long as the clock of
// any instance would take it.
func TestReplayedAnnouncement(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	body := announcement("order-1", alice)
	good := signed(announceKey, "announce", body, h.now.Add(5*time.Minute)) // the backend's clock runs ahead
	h.passes("first", h.announce, request{body: body, header: good})
	for range 10 {
		upper := good.Clone()
		upper.Set(api.HeaderSignature, strings.ToUpper(good.Get(api.HeaderSignature)))
		h.refused("again", h.announce, request{body: body, header: good}, http.StatusForbidden)
		h.refused("again, in upper case", h.announce, request{body: body, header: upper}, http.StatusForbidden)
		h.now = h.now.Add(time.Minute)
		h.redis.FastForward(time.Minute)
	}
	h.now = h.now.Add(time.Second)
	h.refused("once it is old", h.announce, request{body: body, header: good}, http.StatusUnauthorized)
	// Signed anew the same announcement passes, and tells nobody twice.
	before := h.keptButWatch()
	h.passes("signed anew", h.announce, request{body: body, header: signed(announceKey, "announce", body, h.now)})
	if got := h.keptButWatch(); got != before {
		t.Errorf("the id was recorded twice:\n%s\nto\n%s", before, got)
	}
}

// One byte of what is signed is another request.
func TestAlteredAnnouncements(t *testing.T) {
	h := newHouse(t, false)
	alice, _ := h.login("alice")
	body := announcement("order-1", alice)
	good := signed(announceKey, "announce", body, h.now)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range trust.Size(200, 1000, 4000) {
		head, altered := good.Clone(), body
		switch r.IntN(3) {
		case 0:
			head.Set(api.HeaderSignature, alter(r, good.Get(api.HeaderSignature)))
			if strings.EqualFold(head.Get(api.HeaderSignature), good.Get(api.HeaderSignature)) {
				continue // the same digest in other letters
			}
		case 1:
			head.Set(api.HeaderTimestamp, alter(r, good.Get(api.HeaderTimestamp)))
		default:
			altered = alter(r, body)
		}
		h.from = fmt.Sprintf("198.51.100.%d:0", i/25) // before the door is closed for an address
		h.refused("altered", h.announce, request{body: altered, header: head}, http.StatusUnauthorized)
	}
	h.passes("the real one", h.announce, request{body: body, header: good})
}
