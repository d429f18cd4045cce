package wechat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wxnotify/shared/secret"
)

// The message cipher of the platform:
//
//	key       = base64(EncodingAESKey + "="), 32 bytes
//	plaintext = 16 random bytes | length of msg (uint32, big endian) | msg | appid
//	Encrypt   = base64(AES-256-CBC(PKCS#7 to 32 bytes(plaintext))), IV = key[:16]
//
// It authenticates nothing: the signature over Encrypt does.
//
// Source: https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption
const (
	encodedKeyLen = 43
	randomLen     = 16
	headLen       = randomLen + 4
	padBlock      = 32 // not AES's 16: pads of 17 to 32 are as common as shorter ones
)

// errCipher says that a text with a right signature is not a message under this key.
// Its reasons never leave the process except in our own log.
var errCipher = errors.New("not a message under this key")

type aesKey struct {
	block cipher.Block
	iv    [aes.BlockSize]byte
}

// parseKey decodes an EncodingAESKey. 43 characters carry two bits more than 32
// bytes, and the platform leaves them non-zero in three keys of four: a strict
// decoder would refuse those.
func parseKey(encoded secret.String) (*aesKey, error) {
	text := encoded.Reveal()
	if len(text) != encodedKeyLen {
		return nil, fmt.Errorf("has %d characters instead of %d: copy the EncodingAESKey from the console again", len(text), encodedKeyLen)
	}
	raw, err := base64.StdEncoding.DecodeString(text + "=")
	if err != nil || len(raw) != 32 {
		return nil, errors.New("is not base64: copy the EncodingAESKey, letters and digits only, from the console again")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	return &aesKey{block: block, iv: [aes.BlockSize]byte(raw)}, nil
}

func (k *aesKey) encrypt(random [randomLen]byte, msg []byte, appID string) string {
	var b bytes.Buffer
	b.Write(random[:])
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(msg))))
	b.Write(msg)
	b.WriteString(appID)
	pad := padBlock - b.Len()%padBlock
	b.Write(bytes.Repeat([]byte{byte(pad)}, pad))

	cipher.NewCBCEncrypter(k.block, k.iv[:]).CryptBlocks(b.Bytes(), b.Bytes())
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// decrypt returns the message and the appid it was made for. Call it only after the
// signature over encrypted was found right: its errors would be a padding oracle.
func (k *aesKey) decrypt(encrypted string) (msg []byte, appID string, err error) {
	b, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return nil, "", fmt.Errorf("%w: bad base64", errCipher)
	}
	if len(b) == 0 || len(b)%aes.BlockSize != 0 {
		return nil, "", fmt.Errorf("%w: %d bytes are not whole blocks", errCipher, len(b))
	}
	cipher.NewCBCDecrypter(k.block, k.iv[:]).CryptBlocks(b, b)

	pad := int(b[len(b)-1])
	if pad < 1 || pad > padBlock || pad > len(b) {
		return nil, "", fmt.Errorf("%w: bad padding", errCipher)
	}
	for _, c := range b[len(b)-pad:] {
		if int(c) != pad {
			return nil, "", fmt.Errorf("%w: bad padding", errCipher)
		}
	}
	b = b[:len(b)-pad]
	if len(b) < headLen {
		return nil, "", fmt.Errorf("%w: too short", errCipher)
	}
	size, rest := uint64(binary.BigEndian.Uint32(b[randomLen:headLen])), b[headLen:]
	if size > uint64(len(rest)) {
		return nil, "", fmt.Errorf("%w: length exceeds the text", errCipher)
	}
	return rest[:size], string(rest[size:]), nil
}

// signature is the platform's digest: lower-case hex SHA-1 over token and parts, in
// byte order and joined. Parts go in exactly as they were received.
func signature(token secret.String, parts ...string) string {
	all := append([]string{token.Reveal()}, parts...)
	slices.Sort(all)
	sum := sha1.Sum([]byte(strings.Join(all, "")))
	return hex.EncodeToString(sum[:])
}

// signedBy reports whether got is the signature over parts under any of tokens. Its
// time does not depend on where got differs, nor on which token fits.
func signedBy(tokens []secret.String, got string, parts ...string) bool {
	found := 0
	for _, t := range tokens {
		found |= subtle.ConstantTimeCompare([]byte(got), []byte(signature(t, parts...)))
	}
	return found == 1
}
