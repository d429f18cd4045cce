package wechat

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/secret"
)

// A vector is one entry of testdata/wechat-crypto.json. Its ids name who published it.
type vector struct {
	ID, Kind, Token                        string
	Timestamp, Nonce                       string
	Signature, Encrypt, Plaintext, EchoStr string
	Key                                    string          `json:"encoding_aes_key"`
	AppID                                  string          `json:"receive_id"`
	MsgSignature                           string          `json:"msg_signature"`
	RandomHex                              string          `json:"random_hex"`
	Body                                   json.RawMessage `json:"body"`
}

func readVectors(t testing.TB) (good, bad []vector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/wechat-crypto.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Published, Derived, Negative []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Published) != 18 || len(file.Derived) != 5 || len(file.Negative) != 11 {
		t.Fatalf("got %d published, %d derived and %d negative vectors, want 18, 5 and 11",
			len(file.Published), len(file.Derived), len(file.Negative))
	}
	return append(file.Published, file.Derived...), file.Negative
}

func (v vector) key(t testing.TB) *aesKey {
	t.Helper()
	k, err := parseKey(secret.New(v.Key))
	if err != nil {
		t.Fatalf("key: %v", err)
	}
	return k
}

func (v vector) now(t testing.TB) time.Time {
	t.Helper()
	s, err := strconv.ParseInt(v.Timestamp, 10, 64)
	if err != nil {
		t.Fatalf("timestamp: %v", err)
	}
	return time.Unix(s, 0)
}

func (v vector) query(encrypted bool) url.Values {
	q := url.Values{
		"signature": {signature(secret.New(v.Token), v.Timestamp, v.Nonce)},
		"timestamp": {v.Timestamp}, "nonce": {v.Nonce},
	}
	if encrypted {
		q.Set("encrypt_type", "aes")
		q.Set("msg_signature", v.MsgSignature)
	}
	return q
}

func (v vector) receiver(t testing.TB) *Receiver {
	t.Helper()
	appID := v.AppID
	if appID == "" {
		appID = "wx0000000000000000"
	}
	r, err := New(Config{AppID: appID, Token: secret.New(v.Token), EncodingAESKey: secret.New(v.Key)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bodies returns the push as WeChat posts it in either format, and as it was recorded.
func (v vector) bodies(t testing.TB) map[string][]byte {
	t.Helper()
	bodies := map[string][]byte{}
	if name := map[string]string{"official-secure-post": "secure-envelope.json", "derived-popup-xml": "secure-envelope.xml"}[v.ID]; name != "" {
		recorded, err := os.ReadFile("testdata/samples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		bodies[name] = recorded
	}
	js, _ := json.Marshal(map[string]string{"ToUserName": "gh_1", "Encrypt": v.Encrypt})
	bodies["json"] = js
	bodies["xml"] = []byte("<xml><ToUserName><![CDATA[gh_1]]></ToUserName>\n<Encrypt><![CDATA[" + v.Encrypt + "]]></Encrypt></xml>")
	return bodies
}

func TestVectors(t *testing.T) {
	good, _ := readVectors(t)
	for _, v := range good {
		t.Run(v.ID, func(t *testing.T) {
			v.checkSignatures(t)
			if v.Key != "" {
				v.checkCipher(t)
			}
			switch v.Kind {
			case "get_verify":
				v.checkVerifyURL(t)
			case "post_plain":
				p, err := v.receiver(t).Open(v.query(false), v.Body, v.now(t))
				if want := (Push{Event: DebugDemo{}}); err != nil || p != want {
					t.Errorf("Open = %+v, %v, want %+v", p, err, want)
				}
			case "post_aes":
				n, err := decode([]byte(v.Plaintext))
				if err != nil {
					t.Fatal(err)
				}
				want, _ := readEvent(n)
				for format, body := range v.bodies(t) {
					p, err := v.receiver(t).Open(v.query(true), body, v.now(t))
					if diff := cmp.Diff(want, p.Event); err != nil || !p.Signed || diff != "" {
						t.Errorf("%s: Open = %+v, %v, want a signed push\n%s", format, p, err, diff)
					}
				}
			case "reply_aes", "get_verify_aes", "encrypt_only", "msg_signature_only":
			default:
				t.Fatalf("unknown kind %q", v.Kind)
			}
		})
	}
}

func (v vector) checkSignatures(t *testing.T) {
	token := secret.New(v.Token)
	if v.Signature != "" && signature(token, v.Timestamp, v.Nonce) != v.Signature {
		t.Errorf("signature = %s, want %s", signature(token, v.Timestamp, v.Nonce), v.Signature)
	}
	if v.MsgSignature != "" && !signedBy([]secret.String{secret.New("other"), token}, v.MsgSignature, v.Timestamp, v.Nonce, v.Encrypt) {
		t.Errorf("msg_signature = %s, want %s", signature(token, v.Timestamp, v.Nonce, v.Encrypt), v.MsgSignature)
	}
	if v.Signature == "" && v.MsgSignature == "" && v.Kind != "encrypt_only" {
		t.Error("the vector proves no signature")
	}
}

func (v vector) checkCipher(t *testing.T) {
	msg, appID, err := v.key(t).decrypt(v.Encrypt)
	if err != nil || string(msg) != v.Plaintext || appID != v.AppID {
		t.Errorf("decrypt = %q, %q, %v, want %q, %q", msg, appID, err, v.Plaintext, v.AppID)
	}
	random, err := hex.DecodeString(v.RandomHex)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.key(t).encrypt([16]byte(random), []byte(v.Plaintext), v.AppID); got != v.Encrypt {
		t.Errorf("encrypt = %s, want %s", got, v.Encrypt)
	}
	if v.Timestamp == "" {
		return
	}
	q, body, err := Sealer{
		AppID: v.AppID, Token: secret.New(v.Token), EncodingAESKey: secret.New(v.Key), Mode: ModeSecure,
		Timestamp: v.now(t), Nonce: v.Nonce, Random: random,
	}.Seal([]byte(v.Plaintext))
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Get("msg_signature"); got != v.MsgSignature || !bytes.Contains(body, []byte(v.Encrypt)) {
		t.Errorf("Seal signs %s, want %s; body %s", got, v.MsgSignature, body)
	}
}

func (v vector) checkVerifyURL(t *testing.T) {
	if v.EchoStr == "" {
		v.EchoStr = "echo"
	}
	q := v.query(false)
	q.Set("signature", v.Signature)
	q.Set("echostr", v.EchoStr)
	got, err := v.receiver(t).VerifyURL(q, v.now(t))
	if err != nil || got != v.EchoStr {
		t.Errorf("VerifyURL = %q, %v, want %q", got, err, v.EchoStr)
	}
}

func TestVectorsThatMustFail(t *testing.T) {
	want := map[string]error{
		"neg-signature":          ErrSignature,
		"neg-appid":              ErrAppID,
		"neg-msg-len":            ErrDecrypt,
		"neg-msg-len-high-bit":   ErrDecrypt,
		"neg-pad-zero":           ErrDecrypt,
		"neg-pad-33":             ErrDecrypt,
		"neg-pad-inconsistent":   ErrDecrypt,
		"neg-not-block-multiple": ErrDecrypt,
		"neg-empty":              ErrMalformed,
		"neg-not-base64":         ErrDecrypt,
		"neg-too-short":          ErrDecrypt,
	}
	_, bad := readVectors(t)
	for _, v := range bad {
		for format, body := range v.bodies(t) {
			t.Run(v.ID+"/"+format, func(t *testing.T) {
				p, err := v.receiver(t).Open(v.query(true), body, v.now(t))
				if !errors.Is(err, want[v.ID]) || want[v.ID] == nil {
					t.Errorf("Open = %v, want %v", err, want[v.ID])
				}
				if p != (Push{}) {
					t.Errorf("Open returned %+v with its error", p)
				}
			})
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	good, bad := readVectors(f)
	for _, v := range append(good, bad...) {
		f.Add(v.Encrypt, []byte(v.Plaintext), v.AppID)
	}
	k, err := parseKey(secret.New("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, encrypted string, msg []byte, appID string) {
		if m, id, err := k.decrypt(encrypted); err != nil && (!errors.Is(err, errCipher) || m != nil || id != "") {
			t.Errorf("decrypt = %q, %q, %v", m, id, err)
		}
		m, id, err := k.decrypt(k.encrypt([16]byte{1}, msg, appID))
		if err != nil || !bytes.Equal(m, msg) || id != appID {
			t.Errorf("decrypt after encrypt = %q, %q, %v, want %q, %q", m, id, err, msg, appID)
		}
	})
}
