package im_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"wxnotify/internal/testkit"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

type userSigVector struct {
	Name       string      `json:"name"`
	SDKAppID   int         `json:"sdkappid"`
	Key        string      `json:"key"`
	Identifier fact.UserID `json:"identifier"`
	Expire     int64       `json:"expire"`
	Time       int64       `json:"time"`
	UserSig    string      `json:"usersig"`
	Now        int64       `json:"now"`
	Expect     string      `json:"expect"`
}

type userSigVectors struct {
	Valid   []userSigVector `json:"vectors"`
	Invalid []userSigVector `json:"invalid"`
}

func readUserSigs(t testing.TB) userSigVectors {
	t.Helper()
	var v userSigVectors
	readJSON(t, "testdata/vectors/usersig.json", &v)
	if len(v.Valid) != 14 || len(v.Invalid) != 14 {
		t.Fatalf("%d valid and %d invalid vectors, want 14 and 14", len(v.Valid), len(v.Invalid))
	}
	return v
}

func newSigner(t testing.TB, appID int, key string) *im.Signer {
	t.Helper()
	s, err := im.NewSigner(im.SignerConfig{SDKAppID: appID, SecretKey: secret.New(key)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUserSigVectors(t *testing.T) {
	vectors := readUserSigs(t)
	const today = "the key of today"
	for _, v := range vectors.Valid {
		t.Run(v.Name, func(t *testing.T) {
			s := newSigner(t, v.SDKAppID, v.Key)
			for now, want := range map[int64]error{
				v.Time: nil, v.Time + v.Expire/2: nil, v.Time + v.Expire: nil, v.Time + v.Expire + 1: im.ErrUserSigExpired,
				v.Time - 60: nil, v.Time - 61: im.ErrUserSigFuture,
			} {
				if err := s.Verify(v.Identifier, v.UserSig, time.Unix(now, 0)); !errors.Is(err, want) {
					t.Errorf("at time%+d: %v, want %v", now-v.Time, err, want)
				}
			}
			// What the key before the last change signed is refused, and told from a forgery.
			for former, want := range map[string]error{v.Key: im.ErrUserSigFormerKey, "": im.ErrUserSigSignature} {
				s, err := im.NewSigner(im.SignerConfig{SDKAppID: v.SDKAppID, SecretKey: secret.New(today), PreviousKey: secret.New(former)})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Verify(v.Identifier, v.UserSig, time.Unix(v.Time, 0)); !errors.Is(err, want) {
					t.Errorf("with the former key %q: %v, want %v", former, err, want)
				}
			}
		})
	}
	for _, v := range vectors.Invalid {
		t.Run(v.Name, func(t *testing.T) {
			err := newSigner(t, v.SDKAppID, v.Key).Verify(v.Identifier, v.UserSig, time.Unix(v.Now, 0))
			if err == nil || im.Reason(err) != v.Expect {
				t.Errorf("%v (%s), want %s", err, im.Reason(err), v.Expect)
			}
			g, ok := errors.AsType[interface {
				error
				Genuine() bool
			}](err)
			ours := v.Expect == "expired" || v.Expect == "future"
			if !ok || g.Genuine() != ours {
				t.Errorf("%v counts as ours: %v, want %v", err, !ours, ours)
			}
			if err != nil && len(v.UserSig) > 8 && strings.Contains(err.Error(), v.UserSig) {
				t.Error("the error holds the UserSig")
			}
		})
	}
}

// pack makes the outer form of a UserSig, with whatever behind its stream.
func pack(level int, plain string, behind ...byte) string {
	var b bytes.Buffer
	w, _ := zlib.NewWriterLevel(&b, level)
	fmt.Fprint(w, plain)
	w.Close()
	b.Write(behind)
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(b.Bytes()))
}

// TestUserSigForm holds forms against us that the library would take, or would choke
// on.
func TestUserSigForm(t *testing.T) {
	v := readUserSigs(t).Valid[11] // all three substitutions
	if !strings.ContainsAny(v.UserSig, "*") || !strings.Contains(v.UserSig, "-") || !strings.HasSuffix(v.UserSig, "__") {
		t.Fatalf("vector %s does not contain all of * - _", v.Name)
	}
	s := newSigner(t, v.SDKAppID, v.Key)
	now := time.Unix(v.Time, 0)
	plain := `{"TLS.ver":"2.0","TLS.identifier":"probe0","TLS.sdkappid":1400123456,"TLS.expire":86400,"TLS.time":1795305600,"TLS.sig":"C7TLKA3PHpkX8AfF5WcJHL2bSzuh5ZiRiuqaPnwHKAU="}`
	if err := s.Verify(v.Identifier, pack(zlib.BestCompression, plain), now); err != nil {
		t.Fatalf("the plain form itself: %v", err)
	}
	edit := func(old, new string) string {
		if !strings.Contains(plain, old) {
			t.Fatalf("no %s to change", old)
		}
		return pack(zlib.BestCompression, strings.Replace(plain, old, new, 1))
	}
	for _, c := range []struct {
		name, usersig string
		want          error
	}{
		{"standard alphabet", strings.NewReplacer("*", "+", "-", "/", "_", "=").Replace(v.UserSig), im.ErrUserSigMalformed},
		{"plus only", strings.Replace(v.UserSig, "*", "+", 1), im.ErrUserSigMalformed},
		{"no padding", strings.TrimRight(v.UserSig, "_"), im.ErrUserSigMalformed},
		{"more padding", v.UserSig + "____", im.ErrUserSigMalformed},
		{"line break", v.UserSig[:20] + "\n" + v.UserSig[20:], im.ErrUserSigMalformed},
		{"line break at the end", v.UserSig + "\n", im.ErrUserSigMalformed},
		{"space", " " + v.UserSig, im.ErrUserSigMalformed},
		{"bits beyond the last byte", strings.TrimRight(v.UserSig, "w_") + "x__", im.ErrUserSigMalformed},
		{"bytes after the stream", pack(9, plain, 0), im.ErrUserSigMalformed},
		{"not JSON", pack(9, "not JSON"), im.ErrUserSigMalformed},
		{"JSON text", pack(9, `"x"`), im.ErrUserSigMalformed},
		{"empty object", pack(9, `{}`), im.ErrUserSigMalformed},
		{"two objects", pack(9, plain+plain), im.ErrUserSigMalformed},
		{"app in a string", edit("1400123456", `"1400123456"`), im.ErrUserSigMalformed},
		{"negative lifetime", edit("86400", "-1"), im.ErrUserSigMalformed},
		{"overflowing lifetime", edit("86400", "9223372036854775807"), im.ErrUserSigMalformed},
		{"bomb", pack(9, plain+strings.Repeat(" ", 1<<20)), im.ErrUserSigMalformed},
		{"padded beyond the bound", pack(9, plain+strings.Repeat(" ", 4096-len(plain)+1)), im.ErrUserSigMalformed},
		{"padded to the bound", pack(9, plain+strings.Repeat(" ", 4096-len(plain))), nil},
		{"above 2 KiB", pack(zlib.NoCompression, plain+strings.Repeat(" ", 1500)), im.ErrUserSigMalformed},
		{"below 2 KiB", pack(zlib.NoCompression, plain+strings.Repeat(" ", 1200)), nil},
		{"no version", edit(`"TLS.ver":"2.0",`, ""), im.ErrUserSigVersion},
		{"empty userbuf", edit(`"TLS.ver"`, `"TLS.userbuf":"","TLS.ver"`), im.ErrUserSigUserBuf},
		{"null userbuf", edit(`"TLS.ver"`, `"TLS.userbuf":null,"TLS.ver"`), im.ErrUserSigUserBuf},
		{"later time", edit("1795305600", "1795305601"), im.ErrUserSigSignature},
		{"longer signature", edit(`KAU=`, `KAUA`), im.ErrUserSigSignature},
		{"other user's claim", edit("probe0", "probe1"), im.ErrUserSigIdentifier},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := s.Verify(v.Identifier, c.usersig, now); !errors.Is(err, c.want) {
				t.Errorf("%d bytes: %v, want %v", len(c.usersig), err, c.want)
			}
		})
	}
	if err := s.Verify("", pack(9, strings.Replace(plain, "probe0", "", 1)), now); !errors.Is(err, im.ErrUserSigIdentifier) {
		t.Errorf("nobody: %v, want ErrUserSigIdentifier", err)
	}
}

// What is too long is refused before any of it is decoded: it costs nothing.
func TestUserSigTooLongIsNotDecoded(t *testing.T) {
	s := newSigner(t, testAppID, "key")
	long, now := strings.Repeat("A", 2049), time.Now()
	if n := testing.AllocsPerRun(10, func() { s.Verify("tommy", long, now) }); n != 0 {
		t.Errorf("%d bytes: %v allocations, want none", len(long), n)
	}
	if n := testing.AllocsPerRun(10, func() { s.Verify("tommy", long[:2048], now) }); n == 0 {
		t.Error("2048 bytes are not decoded either: nothing is shown")
	}
}

func TestSignUser(t *testing.T) {
	const key = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	s := newSigner(t, testAppID, key)
	usersig, expires, err := s.SignUser("tommy", testkit.Future, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if want := testkit.Future.Add(24 * time.Hour); expires != want {
		t.Errorf("expires %v, want %v", expires, want)
	}
	for now, want := range map[time.Time]error{expires.Add(-time.Hour): nil, expires: nil, expires.Add(time.Second): im.ErrUserSigExpired} {
		if err := s.Verify("tommy", usersig, now); !errors.Is(err, want) {
			t.Errorf("Verify at %v: %v, want %v", now, err, want)
		}
	}
	if err := tencentyun.VerifyUserSig(testAppID, key, "tommy", usersig, testkit.Future); err != nil {
		t.Errorf("Tencent's library: %v", err)
	}
	if err := newSigner(t, testAppID, key+"0").Verify("tommy", usersig, testkit.Future); !errors.Is(err, im.ErrUserSigSignature) {
		t.Errorf("other key: %v", err)
	}
}

func TestSignUserRefuses(t *testing.T) {
	s, err := im.NewSigner(im.SignerConfig{SDKAppID: testAppID, SecretKey: secret.New("k"), Admin: "Ops-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user     fact.UserID
		ttl      time.Duration
		reserved bool
		want     string
	}{
		{"Ops-1", time.Hour, true, ""}, {"ops-1", time.Hour, true, ""}, {"administrator", time.Hour, true, ""},
		{"Administrator", time.Hour, true, ""}, {"@RBT#001", time.Hour, true, ""}, {"@", time.Hour, true, ""},
		{"", time.Hour, false, "empty"}, {"a b", time.Hour, false, "ASCII"}, {"用户", time.Hour, false, "ASCII"},
		{"a\nTLS.sdkappid:1", time.Hour, false, "ASCII"}, {"abcdefghijklmnopqrstuvwxyz0123456", time.Hour, false, "32 bytes"},
		{"tommy", 0, false, "lifetime"}, {"tommy", -time.Hour, false, "lifetime"},
		{"tommy", 999 * time.Millisecond, false, "lifetime"}, {"tommy", 100 * 365 * 24 * time.Hour, false, "lifetime"},
	} {
		usersig, _, err := s.SignUser(c.user, testkit.Future, c.ttl)
		if err == nil || usersig != "" || errors.Is(err, im.ErrReservedUser) != c.reserved || !strings.Contains(err.Error(), c.want) {
			t.Errorf("SignUser(%q, %v) = %d bytes, %v", c.user, c.ttl, len(usersig), err)
		}
	}
	if _, _, err := s.SignUser("ops-10", testkit.Future, time.Second); err != nil {
		t.Errorf("an ordinary user: %v", err)
	}
}

func TestNewSignerNamesTheVariable(t *testing.T) {
	for _, c := range []struct {
		cfg  im.SignerConfig
		want []string
	}{
		{im.SignerConfig{}, []string{"IM_SDKAPPID", "IM_SECRET_KEY"}},
		{im.SignerConfig{SDKAppID: 1, SecretKey: secret.New("k\n")}, []string{"IM_SECRET_KEY"}},
		{im.SignerConfig{SDKAppID: 1, SecretKey: secret.New("k"), Admin: "a b"}, []string{"IM_ADMIN"}},
		{im.SignerConfig{SDKAppID: 1, SecretKey: secret.New("k"), PreviousKey: secret.New("k ")}, []string{"IM_SECRET_KEY_PREVIOUS"}},
	} {
		_, err := im.NewSigner(c.cfg)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not name %s", err, want)
			}
		}
	}
}

// FuzzUserSig: only what Tencent's own check accepts as well is accepted.
func FuzzUserSig(f *testing.F) {
	vectors := readUserSigs(f)
	for _, v := range append(vectors.Valid, vectors.Invalid...) {
		f.Add(string(v.Identifier), v.UserSig, v.Time)
	}
	v := vectors.Valid[2]
	f.Fuzz(func(t *testing.T, user, usersig string, now int64) {
		err := newSigner(t, v.SDKAppID, v.Key).Verify(fact.UserID(user), usersig, time.Unix(now, 0))
		if err != nil {
			if im.Reason(err) == "internal" {
				t.Fatalf("error without a reason: %v", err)
			}
			return
		}
		if err := tencentyun.VerifyUserSig(uint64(v.SDKAppID), v.Key, user, usersig, time.Unix(now, 0)); err != nil {
			t.Fatalf("accepted what the library refuses: %v", err)
		}
	})
}
