package simulator

import (
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// open decrypts what seal made, without any care for malformed input. Tests of pushes
// use it through OpenForTest.
func (s *sealer) open(t *testing.T, encrypt string) (msg, appID string) {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(encrypt)
	if err != nil {
		t.Fatalf("Encrypt is not base64: %v", err)
	}
	if len(b) == 0 || len(b)%sealBlock != 0 {
		t.Fatalf("Encrypt has %d bytes, not a multiple of %d", len(b), sealBlock)
	}
	cipher.NewCBCDecrypter(s.block, s.iv).CryptBlocks(b, b)
	b = b[:len(b)-int(b[len(b)-1])]
	n := binary.BigEndian.Uint32(b[16:20])
	return string(b[20 : 20+n]), string(b[20+n:])
}

// OpenForTest decrypts a push of w and returns the message and the appid in it.
func OpenForTest(t *testing.T, w *World, encrypt string) (msg, appID string) {
	t.Helper()
	return w.WeChat.sealer.open(t, encrypt)
}

// CallbackSignForTest is Sign.
var CallbackSignForTest = callbackSign

type cryptoVector struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Token     string `json:"token"`
	Key       string `json:"encoding_aes_key"`
	AppID     string `json:"receive_id"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
	Signature string `json:"signature"`
	MsgSig    string `json:"msg_signature"`
	Encrypt   string `json:"encrypt"`
	RandomHex string `json:"random_hex"`
	Plaintext string `json:"plaintext"`
}

func readVectors(t *testing.T) []cryptoVector {
	t.Helper()
	raw, err := os.ReadFile("testdata/wechat-crypto.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Published, Derived []cryptoVector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return append(file.Published, file.Derived...)
}

func TestPublishedVectors(t *testing.T) {
	sealed, signed := 0, 0
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			if v.Signature != "" {
				signed++
				if got := signature(v.Token, v.Timestamp, v.Nonce); got != v.Signature {
					t.Errorf("signature: got %s, want %s", got, v.Signature)
				}
			}
			if v.MsgSig != "" {
				signed++
				if got := signature(v.Token, v.Timestamp, v.Nonce, v.Encrypt); got != v.MsgSig {
					t.Errorf("msg_signature: got %s, want %s", got, v.MsgSig)
				}
			}
			if v.RandomHex == "" {
				return
			}
			sealed++
			random, err := hex.DecodeString(v.RandomHex)
			if err != nil {
				t.Fatal(err)
			}
			s, err := newSealer(v.Key, v.AppID)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.seal(string(random), []byte(v.Plaintext)); got != v.Encrypt {
				t.Errorf("sealing %q: got %s, want %s", v.Plaintext, got, v.Encrypt)
			}
			if msg, appID := s.open(t, v.Encrypt); msg != v.Plaintext || appID != v.AppID {
				t.Errorf("opening: got %q of %q, want %q of %q", msg, appID, v.Plaintext, v.AppID)
			}
		})
	}
	if sealed < 15 || signed < 15 {
		t.Errorf("only %d vectors were sealed and %d signatures compared", sealed, signed)
	}
}

func TestBadAESKey(t *testing.T) {
	for _, key := range []string{"", "short", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF!", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ"} {
		if _, err := newSealer(key, "wx1"); err == nil {
			t.Errorf("newSealer(%q): no error", key)
		}
	}
}
