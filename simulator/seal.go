package simulator

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A sealer encrypts pushes.
// Source: https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption
type sealer struct {
	block cipher.Block
	iv    []byte
	appID string
}

// newSealer takes the EncodingAESKey as the console shows it. Its last character
// carries two bits that no key has; most keys have them set.
func newSealer(encodingAESKey, appID string) (*sealer, error) {
	key, err := base64.StdEncoding.DecodeString(encodingAESKey + "=")
	if err != nil || len(encodingAESKey) != 43 {
		return nil, errors.New("WeChat.AESKey is not an EncodingAESKey: 43 characters of A-Z, a-z and 0-9")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("WeChat.AESKey: %w", err)
	}
	return &sealer{block: block, iv: key[:aes.BlockSize], appID: appID}, nil
}

// sealBlock is the block size of the padding; AES itself has blocks of 16.
const sealBlock = 32

// seal returns the value of Encrypt for msg. random has 16 bytes.
func (s *sealer) seal(random string, msg []byte) string {
	plain := []byte(random)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(msg)))
	plain = append(plain, msg...)
	plain = append(plain, s.appID...)
	pad := sealBlock - len(plain)%sealBlock
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(s.block, s.iv).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain)
}

// signature is WeChat's SHA-1 over the sorted parts: token, timestamp and nonce, and
// Encrypt for msg_signature.
func signature(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}
