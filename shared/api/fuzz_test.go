package api_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wxnotify/internal/testkit"
	"wxnotify/shared/api"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

// hmacOf is the signature of docs/api.md, written from there.
func hmacOf(key, timestamp, word, body string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	io.WriteString(mac, timestamp+"\n"+word+"\n"+body)
	return mac.Sum(nil)
}

// FuzzSigned: a backend's request is let in if and only if its signature is the
// HMAC of its very time and body, and the time is of these minutes.
func FuzzSigned(f *testing.F) {
	const body = `{"id":"order-1","kind":"message","to":["alice"]}`
	good := hex.EncodeToString(hmacOf(strings.Repeat("a", 32), "1704067200", "announce", body))
	for _, ts := range []string{"1704067200", "1704067501", "+1704067200", "1704067200\nannounce", "", "9223372036854775807", "-9223372036854775808", "1.7e9"} {
		for mend := range uint8(4) {
			f.Add(mend, ts, good, body)
			f.Add(mend, ts, strings.ToUpper(good), body+" ")
		}
	}
	f.Add(uint8(0), "1704067200", hex.EncodeToString(hmacOf(strings.Repeat("a", 32), "1704067200", "session", body)), body)
	f.Add(uint8(0), "1704067200", hex.EncodeToString(hmacOf(strings.Repeat("s", 32), "1704067200", "announce", body)), body)
	f.Add(uint8(0), "1704067200", "", body)
	f.Add(uint8(0), "1704067200", good+" ", body)
	f.Add(uint8(0), "1704067200", "K"+good[1:], body) // U+212A in lower case is a k
	f.Fuzz(func(t *testing.T, mend uint8, timestamp, signature, body string) {
		now := time.Unix(1704067200, 0)
		if mend&1 != 0 {
			signature = hex.EncodeToString(hmacOf(strings.Repeat("a", 32), timestamp, "announce", body))
		}
		if mend&2 != 0 {
			signature = strings.ToUpper(signature)
		}
		h := &api.Announce{Key: annKey, Store: &announcer{}, Limits: noLimit{}, Templates: templates(t, map[fact.Kind]card.TemplateSpec{"message": {ID: "T1"}}), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header = http.Header{api.HeaderTimestamp: {timestamp}, api.HeaderSignature: {signature}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)

		claimed, err := hex.DecodeString(signature)
		right := err == nil && hmac.Equal(claimed, hmacOf(strings.Repeat("a", 32), timestamp, "announce", body))
		seconds, err := strconv.ParseInt(timestamp, 10, 64)
		right = right && err == nil && seconds >= now.Unix()-300 && seconds <= now.Unix()+300
		if passed := w.Code != http.StatusUnauthorized && w.Code != http.StatusRequestEntityTooLarge; passed != right && len(body) <= 256<<10 {
			t.Errorf("answered %d %s, though the signature is right: %t", w.Code, w.Body, right)
		}
	})
}

// A ledger has the permits and the preferences of one bound user.
type ledger struct {
	asked fact.UserID
	kept  []notify.Preferences
	facts []fact.Fact
}

func (b *ledger) OpenIDOf(_ context.Context, user fact.UserID) (fact.OpenID, error) {
	if b.asked = user; user != "alice" {
		return "", store.ErrNotBound
	}
	return "o-alice", nil
}

func (b *ledger) Ledgers(context.Context, fact.OpenID) (map[fact.TemplateID]*permit.Ledger, error) {
	return nil, nil
}
func (b *ledger) Preferences(context.Context, fact.UserID) (notify.Preferences, error) {
	return notify.Preferences{QuietHours: "22:30-07:00"}, nil
}
func (b *ledger) SetPreferences(_ context.Context, _ fact.UserID, p notify.Preferences) error {
	b.kept = append(b.kept, p)
	return nil
}
func (b *ledger) accept(_ context.Context, facts []fact.Fact) error {
	b.facts = append(b.facts, facts...)
	return nil
}

func newPermits(t testing.TB, b *ledger, now time.Time) *api.Permits {
	sigs := signer(t, imKey, secret.String{})
	ts := templates(t, map[fact.Kind]card.TemplateSpec{"message": {ID: "T1"}, "call": {ID: "T2"}})
	return &api.Permits{Sigs: sigs, Ledger: b, Preferences: b, Limits: noLimit{}, Accept: b.accept, Templates: ts,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
}

// bearerScheme is how the header has to begin.
// Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
var bearerScheme = regexp.MustCompile("^[Bb][Ee][Aa][Rr][Ee][Rr] +")

// FuzzBearer: whoever is let in has shown a UserSig that im.Signer accepts for the very user
// whose permits they are shown.
func FuzzBearer(f *testing.F) {
	sigs := signer(f, imKey, secret.String{})
	now := testkit.Future
	own := map[string]string{}
	for _, user := range []string{"alice", "bob", "a:b"} {
		sig, _, err := sigs.SignUser(fact.UserID(user), now, 24*time.Hour)
		if err != nil {
			f.Fatal(err)
		}
		own[user] = sig
	}
	for _, h := range []string{"Bearer alice:SIG", "Bearer bob:SIG", "Bearer a:b:SIG", "bearer alice:SIG", "Bearer  alice:SIG", "Bearer alice:", "Bearer :SIG", "Bearer alice",
		"Bearer alice:SIG ", "Bearer alice\x00:SIG", "Bearer alice:bob:SIG", "Basic alice:SIG", "Bearer alice:SIG,Bearer bob:SIG", "Bearer ALICE:SIG"} {
		for user := range own {
			f.Add(h, user)
		}
	}
	f.Fuzz(func(t *testing.T, header, whose string) {
		header = strings.ReplaceAll(header, "SIG", own[whose])
		b := &ledger{}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = http.Header{"Authorization": {header}}
		w := httptest.NewRecorder()
		newPermits(t, b, now).ServeHTTP(w, r)
		if b.asked == "" {
			if w.Code != http.StatusUnauthorized {
				t.Fatalf("answered %d", w.Code)
			}
			return
		}
		if (w.Code == http.StatusOK) != (b.asked == "alice") {
			t.Errorf("answered %d for %q", w.Code, b.asked)
		}
		// The header has to end with a UserSig of that user.
		sig, ok := strings.CutPrefix(bearerScheme.ReplaceAllString(header, ""), string(b.asked)+":")
		if !ok || sigs.Verify(b.asked, sig, now) != nil {
			t.Errorf("%.60q let in %q", header, b.asked)
		}
	})
}

// FuzzPermits: whatever a mini program reports, at most one permit per template of ours is
// granted, of this very user and within a day; preferences are kept only if they pass
// their check; and what is refused leaves nothing.
func FuzzPermits(f *testing.F) {
	sigs := signer(f, imKey, secret.String{})
	now := testkit.Future
	sig, _, err := sigs.SignUser("alice", now, 24*time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		`{"reportId":"report-1","ageSeconds":2.5,"results":{"T1":"accept","T2":"ban","errMsg":"ok"}}`, `{"reportId":"report-1","results":{"T1":"reject"}}`,
		`{"reportId":"report-1","ageSeconds":1e308,"results":{"T1":"accept"}}`, `{"reportId":"report-1","ageSeconds":86400.5,"results":{"T1":"accept"}}`,
		`{"preferences":{"muted":true,"quietHours":"01:00-02:00","mutedPeers":["bob"]}}`, `{"preferences":{"quietHours":"1-2"},"reportId":"report-1","results":{"T1":"accept"}}`,
		`{"preferences":null}`, `{"REPORTID":"report-1","reportId":"report-22","results":{"T1":"accept","t1":"accept"}}`, `{}`, `[]`, `{"openId":"o-bob"}`, `{"preferences":{}}{}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b := &ledger{}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header = bearer("alice", sig)
		w := httptest.NewRecorder()
		newPermits(t, b, now).ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			if w.Code != 400 && w.Code != 413 || len(b.facts)+len(b.kept) > 0 {
				t.Fatalf("answered %d %s with %+v %+v", w.Code, w.Body, b.facts, b.kept)
			}
			return
		}
		if len(b.facts) > 2 || len(b.kept) > 1 {
			t.Fatalf("%d facts, %d preferences", len(b.facts), len(b.kept))
		}
		for _, p := range b.kept {
			if err := p.Check(); err != nil {
				t.Errorf("kept %+v: %v", p, err)
			}
		}
		for _, told := range b.facts {
			var ids []fact.TemplateID
			var openID fact.OpenID
			var at time.Time
			switch {
			case told.Grant != nil:
				ids, openID, at = told.Grant.Templates, told.Grant.OpenID, told.Grant.At
			case told.Revoke != nil:
				ids, openID, at = told.Revoke.Templates, told.Revoke.OpenID, told.Revoke.At
			case told.Refusal != nil:
				ids, openID, at = told.Refusal.Templates, told.Refusal.OpenID, told.Refusal.At
			default:
				t.Fatalf("fact %+v", told)
			}
			if openID != "o-alice" || at.After(now) || now.Sub(at) > 24*time.Hour+time.Second || len(ids) == 0 || len(ids) > 2 || len(ids) == 2 && ids[0] == ids[1] {
				t.Errorf("%q, %v, %v", openID, at, ids)
			}
			for _, id := range ids {
				if id != "T1" && id != "T2" {
					t.Errorf("template %q is not ours", id)
				}
			}
		}
	})
}

// bindings keeps who was bound.
type bindings struct {
	user   fact.UserID
	openID fact.OpenID
}

func (b *bindings) Bind(_ context.Context, u fact.UserID, o fact.OpenID) error {
	b.user, b.openID = u, o
	return nil
}
func (b *bindings) BindDefault(_ context.Context, o fact.OpenID, def fact.UserID) (fact.UserID, error) {
	return def, b.Bind(context.Background(), def, o)
}
func (b *bindings) EraseUser(context.Context, fact.UserID) error { return nil }

// FuzzSession: whatever clients send, they are bound to the account that is made from their
// openid, and get a UserSig for that account alone; a backend binds the account that it
// signed for, and never the administrator's or one of the platform's.
func FuzzSession(f *testing.F) {
	for _, s := range []string{`{"code":"code-a"}`, `{"code":"code-a","userId":"bob"}`, `{"code":"code-a","userId":"Administrator"}`, `{"code":"code-a","userId":"@TGS"}`,
		`{"code":"code-a","USERID":"x"}`, `{"code":"code-a","userId":""}`, `{"code":"code-a","userId":"a\u0000b"}`, `{"code":null,"userId":null}`, `{"code":"code-a","userId":"\uff21dministrator"}`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	sigs := signer(f, imKey, secret.String{})
	f.Fuzz(func(t *testing.T, body string, trusted bool) {
		now, bound := testkit.Future, &bindings{}
		s := &api.Session{Now: testkit.At(now), WeChat: logins{}, Sigs: sigs, Bindings: bound, Limits: noLimit{}, Permits: *newPermits(t, &ledger{}, now),
			AppID: "wx0123456789abcdef", SDKAppID: 1400000001, UserKey: userKey, Admin: "root", Log: slog.New(slog.DiscardHandler)}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		if trusted {
			s.UserKey, s.SessionKey = secret.String{}, sessionKey
			r.Header = signed(sessionKey, now, "session", body)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			if w.Code != 400 && w.Code != 413 || bound.user != "" {
				t.Fatalf("answered %d %s, bound %q", w.Code, w.Body, bound.user)
			}
			return
		}
		var got reply
		var asked struct{ Code, UserID string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || json.Unmarshal([]byte(body), &asked) != nil {
			t.Fatalf("%s answered by %s", body, w.Body)
		}
		if err := sigs.Verify(bound.user, got.UserSig, now); err != nil || got.UserID != string(bound.user) {
			t.Errorf("bound %q, and a UserSig for %q: %v", bound.user, got.UserID, err)
		}
		lower := strings.ToLower(got.UserID)
		switch {
		case !trusted && (len(got.UserID) != 26 || asked.UserID != ""):
			t.Errorf("a client chose %q", got.UserID)
		case trusted && got.UserID != asked.UserID:
			t.Errorf("the backend named %q and got %q", asked.UserID, got.UserID)
		case lower == "administrator", lower == "root", strings.HasPrefix(lower, "@"), len(lower) > 32:
			t.Errorf("signed for %q", got.UserID)
		}
	})
}

// A noLimit lets everything through.
type noLimit struct{}

func (noLimit) Allow(context.Context, string, int, time.Duration) (bool, error) { return true, nil }
func (noLimit) Allowed(context.Context, string, int) (bool, error)              { return true, nil }
func (noLimit) Try(context.Context, string, int, time.Duration) (string, bool, error) {
	return "", true, nil
}
func (noLimit) Forgive(context.Context, string, string) error { return nil }

// Whatever a backend signs is either refused or announced within the bounds.
func FuzzAnnounce(f *testing.F) {
	f.Add(`{"id":"order-1","kind":"order_shipped","to":["alice","bob"],"fields":{"summary":"x","count":3,"time":"18:09"},"ttl":"2h","respectPresence":false}`)
	f.Add(`{"id":"1","kind":"call","to":[""],"fields":{"count":"1e3"},"ttl":"-1h"}`)
	f.Add(`{"id":"1","kind":"message","to":["a"],"fields":{"sender":null,"peer":"\ud800"}}{}`)
	now := time.Unix(1704067200, 0)
	ts, err := card.NewTemplates(map[fact.Kind]card.TemplateSpec{
		"message": {ID: "T1", Data: map[string]string{"thing1": "{{.Sender}}", "time2": "{{.Time}}", "number3": "{{.Count}}", "phrase4": "{{.Summary}}"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		ann := &announcer{}
		h := &api.Announce{Key: annKey, Store: ann, Limits: noLimit{}, Templates: ts, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header = signed(annKey, now, "announce", body)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusBadRequest && len(ann.messages) == 0:
			return
		case w.Code != http.StatusOK || len(ann.messages) == 0 || len(ann.messages) > 500:
			t.Fatalf("answered %d %s, announced %d", w.Code, w.Body, len(ann.messages))
		}
		seen := map[fact.UserID]bool{}
		for _, m := range ann.messages {
			if m.ID == "" || m.To == "" || len(m.To) > 32 || seen[m.To] || m.From != "" || m.Lasts < 0 || m.Lasts > 168*time.Hour {
				t.Errorf("announced %+v", m)
			}
			seen[m.To] = true
			n := card.Notice{ID: m.Identity(), Kind: m.Kind, SentAt: m.SentAt, Announcement: m.Announcement}
			if c, err := ts.For(m.Kind).Render(notify.DefaultRules().Style, "c", "o", []card.Notice{n}, nil, false, now.Add(time.Hour)); err != nil {
				t.Errorf("accepted, and no card can be made of it: %v", err)
			} else if at := m.Announcement.Fields["time"]; at != "" && !strings.Contains(c.Data["time2"], ":") {
				t.Errorf("time %q is shown as %q", at, c.Data["time2"])
			}
			for name, text := range m.Announcement.Fields {
				if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 200 {
					t.Errorf("%s is %q", name, text)
				}
			}
		}
	})
}
