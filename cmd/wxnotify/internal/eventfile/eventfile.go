// Package eventfile fills in the parts of a test event that must be fresh.
//
// Signed callbacks go stale within a minute, so an event file carries placeholders
// where a time or a signature belongs:
//
//	${now}                 Unix time in seconds
//	${im.sign}             Sign of an IM callback whose RequestTime is ${now}
//	${wechat.signature}    signature of a WeChat push, over timestamp and nonce of queryString
//	${announce.signature}  signature of a request to announce, over the header
//	                       x-wxnotify-timestamp and the body
//	${usersig:alice}       a UserSig for the IM account alice, good for a day
//
// and where it must fit the settings in use:
//
//	${im.sdkappid}       IM_SDKAPPID
//	${template}          TEMPLATE_MESSAGE
//
// They are replaced in the text of the file, wherever they stand; none of the values
// needs escaping in JSON, not even in JSON inside a JSON string. Any other ${...} is
// an error. A file without placeholders is passed on unchanged.
package eventfile

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

// Settings are what signatures are made of. A setting is needed only by the
// placeholder that uses it.
type Settings struct {
	Now             time.Time
	IMCallbackToken secret.String // IM_CALLBACK_TOKEN
	IMSDKAppID      string        // IM_SDKAPPID
	IMSecretKey     secret.String // IM_SECRET_KEY
	WeChatToken     secret.String // WECHAT_TOKEN
	AnnounceKey     secret.String // ANNOUNCE_KEY; empty: the one of demo.Settings
	Template        string        // TEMPLATE_MESSAGE
}

const userSigLifetime = 24 * time.Hour

// covering are the placeholders for signatures that cover other parts of the event. Those
// may hold placeholders themselves, so these come last.
var covering = map[string]func(Settings, request) (string, error){
	"wechat.signature":   Settings.wechatSignature,
	"announce.signature": Settings.announceSignature,
}

var placeholder = regexp.MustCompile(`\$\{[^{}]*\}`)

// Fill returns event with every placeholder replaced. The result is valid JSON, or
// the error says where it is not. Errors list all placeholders that cannot be filled.
func Fill(event []byte, s Settings) ([]byte, error) {
	event, err := replace(event, func(name string) (string, error) {
		if _, last := covering[name]; last {
			return "${" + name + "}", nil
		}
		return s.value(name)
	})
	if err != nil {
		return nil, err
	}
	if err := checkJSON(event); err != nil {
		return nil, err
	}
	req, err := requestOf(event)
	if err != nil {
		return nil, err
	}
	return replace(event, func(name string) (string, error) {
		if sign, ok := covering[name]; ok {
			return sign(s, req)
		}
		return s.value(name) // what filling in has made to look like a placeholder
	})
}

// replace replaces each ${name} in event by what value returns for it.
func replace(event []byte, value func(name string) (string, error)) ([]byte, error) {
	var errs []error
	out := placeholder.ReplaceAllFunc(event, func(m []byte) []byte {
		v, err := value(string(m[2 : len(m)-1]))
		if err != nil {
			errs = append(errs, fmt.Errorf("event: %s: %w", m, err))
		}
		return []byte(v)
	})
	return out, errors.Join(errs...)
}

func (s Settings) value(name string) (string, error) {
	if user, ok := strings.CutPrefix(name, "usersig:"); ok {
		return s.userSig(user)
	}
	switch name {
	case "now":
		return s.unix(), nil
	case "im.sign":
		return s.imSign()
	case "im.sdkappid":
		return s.IMSDKAppID, set("IM_SDKAPPID", s.IMSDKAppID)
	case "template":
		return s.Template, set("TEMPLATE_MESSAGE", s.Template)
	}
	return "", errors.New("unknown placeholder; known are ${now}, ${im.sign}, ${im.sdkappid}, ${template}, ${wechat.signature}, ${announce.signature} and ${usersig:<user>}")
}

func set(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is not set", name)
	}
	return nil
}

func (s Settings) unix() string { return strconv.FormatInt(s.Now.Unix(), 10) }

// imSign is the callback authentication of Tencent IM.
// Source: https://cloud.tencent.com/document/product/269/32431
func (s Settings) imSign() (string, error) {
	if s.IMCallbackToken.Empty() {
		return "", errors.New("IM_CALLBACK_TOKEN is not set")
	}
	sum := sha256.Sum256([]byte(s.IMCallbackToken.Reveal() + s.unix()))
	return hex.EncodeToString(sum[:]), nil
}

// wechatSignature is the signature of a message push.
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
func (s Settings) wechatSignature(r request) (string, error) {
	query := r.query
	switch {
	case s.WeChatToken.Empty():
		return "", errors.New("WECHAT_TOKEN is not set")
	case query["timestamp"] == "":
		return "", errors.New(`queryString.timestamp is missing: write "timestamp": "${now}"`)
	case query["nonce"] == "":
		return "", errors.New("queryString.nonce is missing: write any digits")
	}
	parts := []string{s.WeChatToken.Reveal(), query["timestamp"], query["nonce"]}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:]), nil
}

// announceSignature is that of docs/api.md.
func (s Settings) announceSignature(r request) (string, error) {
	timestamp := r.headers["x-wxnotify-timestamp"]
	if timestamp == "" {
		return "", errors.New(`headers["x-wxnotify-timestamp"] is missing: write "x-wxnotify-timestamp": "${now}"`)
	}
	body, err := r.body()
	if err != nil {
		return "", err
	}
	if err := set("ANNOUNCE_KEY", s.AnnounceKey.Reveal()); err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, []byte(s.AnnounceKey.Reveal()))
	mac.Write([]byte(timestamp + "\nannounce\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

func (s Settings) userSig(user string) (string, error) {
	id, err := strconv.Atoi(s.IMSDKAppID)
	switch {
	case user == "":
		return "", errors.New("the user is missing: write ${usersig:<user>}")
	case err != nil:
		return "", errors.New("IM_SDKAPPID is not set to a number")
	}
	signer, err := im.NewSigner(im.SignerConfig{SDKAppID: id, SecretKey: s.IMSecretKey})
	if err != nil {
		return "", err
	}
	usersig, _, err := signer.SignUser(fact.UserID(user), s.Now, userSigLifetime)
	return usersig, err
}

// checkJSON reports the line of the first error in event.
func checkJSON(event []byte) error {
	var v json.RawMessage
	err := json.Unmarshal(event, &v)
	var se *json.SyntaxError
	if errors.As(err, &se) {
		line := 1 + strings.Count(string(event[:min(int(se.Offset), len(event))]), "\n")
		return fmt.Errorf("event: line %d: %w", line, err)
	}
	return err
}
