package wechat

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/secret"
)

// A Mode is one of the three message modes of the console.
type Mode int

// The modes. Only ModeSecure and ModeCompatible encrypt; ModeCompatible repeats the
// message in clear beside it.
const (
	ModePlain Mode = iota
	ModeCompatible
	ModeSecure
)

// A Format is one of the two data formats of the console.
type Format int

// The formats.
const (
	FormatJSON Format = iota
	FormatXML
)

// A Sealer makes pushes exactly as WeChat makes them. It is the inverse of Receiver.
type Sealer struct {
	AppID          string
	Token          secret.String
	EncodingAESKey secret.String // not needed in ModePlain
	Mode           Mode
	Format         Format // of the body; the message inside may be in either
	Timestamp      time.Time
	Nonce          string
	Random         []byte // the 16 random bytes at the head of the plaintext; nil: fresh ones
	OpenID         string // the openid that WeChat adds to the query; empty: left out
}

// SignURL returns the query of the GET request that verifies a URL.
func (s Sealer) SignURL(echostr string) (url.Values, error) {
	q, err := s.sign()
	if err != nil {
		return nil, err
	}
	q.Set("echostr", echostr)
	return q, nil
}

// Seal returns the query and the body of the POST request that pushes msg.
func (s Sealer) Seal(msg []byte) (url.Values, []byte, error) {
	q, err := s.sign()
	if err != nil {
		return nil, nil, err
	}
	if s.OpenID != "" {
		q.Set("openid", s.OpenID)
	}
	if s.Mode == ModePlain {
		return q, msg, nil
	}
	encrypted, err := s.encrypt(msg)
	if err != nil {
		return nil, nil, err
	}
	q.Set("encrypt_type", "aes")
	q.Set("msg_signature", signature(s.Token, q.Get("timestamp"), s.Nonce, encrypted))
	body, err := s.body(msg, encrypted)
	return q, body, err
}

func (s Sealer) sign() (url.Values, error) {
	if s.Token.Empty() {
		return nil, errors.New("wechat: Seal: Token is empty")
	}
	timestamp := strconv.FormatInt(s.Timestamp.Unix(), 10)
	return url.Values{
		"signature": {signature(s.Token, timestamp, s.Nonce)},
		"timestamp": {timestamp},
		"nonce":     {s.Nonce},
	}, nil
}

func (s Sealer) encrypt(msg []byte) (string, error) {
	key, err := parseKey(s.EncodingAESKey)
	if err != nil {
		return "", fmt.Errorf("wechat: Seal: EncodingAESKey %w", err)
	}
	var random [randomLen]byte
	switch len(s.Random) {
	case 0:
		rand.Read(random[:])
	case randomLen:
		copy(random[:], s.Random)
	default:
		return "", fmt.Errorf("wechat: Seal: Random has %d bytes instead of %d", len(s.Random), randomLen)
	}
	return key.encrypt(random, msg, s.AppID), nil
}

func (s Sealer) body(msg []byte, encrypted string) ([]byte, error) {
	if s.Mode == ModeCompatible {
		return s.beside(bytes.TrimSpace(msg), encrypted)
	}
	to := ""
	if n, err := decode(msg); err == nil {
		to = n.text("ToUserName")
	}
	if s.Format == FormatJSON {
		return json.Marshal(struct{ ToUserName, Encrypt string }{to, encrypted})
	}
	var b strings.Builder
	b.WriteString("<xml><ToUserName>")
	xml.EscapeText(&b, []byte(to))
	b.WriteString("</ToUserName>" + encryptElement(encrypted) + "</xml>")
	return []byte(b.String()), nil
}

// beside puts Encrypt into msg, after its last field.
func (s Sealer) beside(msg []byte, encrypted string) ([]byte, error) {
	end, add := bytes.LastIndexByte(msg, '}'), `,"Encrypt":`+strconv.Quote(encrypted)
	if s.Format == FormatXML {
		end, add = bytes.LastIndex(msg, []byte("</")), encryptElement(encrypted)
	}
	n, err := decode(msg)
	if err != nil || end < 0 || len(n.kids) == 0 || (msg[0] == '<') != (s.Format == FormatXML) {
		return nil, errors.New("wechat: Seal: in compatible mode the message must be an object with fields in the format of the body")
	}
	return bytes.Join([][]byte{msg[:end], msg[end:]}, []byte(add)), nil
}

func encryptElement(encrypted string) string {
	return "<Encrypt><![CDATA[" + encrypted + "]]></Encrypt>"
}
