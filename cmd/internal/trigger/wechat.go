package trigger

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"

	"wxnotify/shared/wechat"
)

// sealer returns what signs and encrypts as the arguments mode= and format= ask.
func sealer(a *args, s Settings, now time.Time) wechat.Sealer {
	def := "plain"
	if !s.AESKey.Empty() {
		def = "secure"
	}
	modes := map[string]wechat.Mode{"plain": wechat.ModePlain, "compatible": wechat.ModeCompatible, "secure": wechat.ModeSecure}
	mode := a.text("mode", def)
	if _, ok := modes[mode]; !ok {
		a.errs = append(a.errs, fmt.Errorf("mode=%s is none of plain, compatible, secure", mode))
	}
	a.uses("WECHAT_APPID", "WECHAT_TOKEN")
	if mode != "plain" {
		a.uses("WECHAT_ENCODING_AES_KEY")
	}
	format := wechat.FormatJSON
	if a.oneOf("format", "json", "xml") == "xml" {
		format = wechat.FormatXML
	}
	return wechat.Sealer{AppID: s.AppID, Token: s.PushToken, EncodingAESKey: s.AESKey,
		Mode: modes[mode], Format: format, Timestamp: now, Nonce: nonce()}
}

func wechatVerify(a *args, s Settings, now time.Time) (Request, error) {
	a.uses("WECHAT_TOKEN")
	echo := fmt.Sprint(now.UnixNano())
	q, err := wechat.Sealer{AppID: s.AppID, Token: s.PushToken, Timestamp: now, Nonce: nonce()}.SignURL(echo)
	return Request{Function: "wechatpush", Method: http.MethodGet, Query: q,
		Note: "verification of the URL, echostr=" + echo, Answer: echo}, err
}

// A field is one field of a push, in order.
type field struct {
	name  string
	value any // string, number, or []field
}

// push makes a push of event with the common fields and its own.
// Source: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/subscribe-message.html
func push(a *args, s Settings, now time.Time, event, openID, wrapper string, item []field, extra ...field) (Request, error) {
	seal := sealer(a, s, now)
	fields := append([]field{{"ToUserName", "gh_0123456789ab"}, {"FromUserName", openID}, {"CreateTime", now.Unix()},
		{"MsgType", "event"}, {"Event", event}}, extra...)
	switch {
	case item == nil:
	case seal.Format == wechat.FormatXML:
		fields = append(fields, field{wrapper, []field{{"List", item}}})
	default:
		fields = append(fields, field{"List", item})
	}
	body := toJSON(fields)
	if seal.Format == wechat.FormatXML {
		body = "<xml>" + toXML(fields) + "</xml>"
	}
	q, sealed, err := seal.Seal([]byte(body))
	return Request{Function: "wechatpush", Method: http.MethodPost, Query: q, Body: sealed, Note: event + " " + openID}, err
}

func wechatPopup(a *args, s Settings, now time.Time) (Request, error) {
	return push(a, s, now, "subscribe_msg_popup_event", a.need("openid"), "SubscribeMsgPopupEvent", []field{
		{"TemplateId", a.template(s)}, {"SubscribeStatusString", a.text("status", "accept")}, {"PopupScene", "0"}})
}

func wechatChange(a *args, s Settings, now time.Time) (Request, error) {
	return push(a, s, now, "subscribe_msg_change_event", a.need("openid"), "SubscribeMsgChangeEvent", []field{
		{"TemplateId", a.template(s)}, {"SubscribeStatusString", "reject"}})
}

// wechatSent leaves the id of the message out if none is given: a receiver then goes by
// the user and the template.
func wechatSent(a *args, s Settings, now time.Time) (Request, error) {
	status, code := "success", a.number("code", 0)
	if code != 0 {
		status = "failed"
	}
	item := []field{{"TemplateId", a.template(s)}, {"ErrorCode", fmt.Sprint(code)}, {"ErrorStatus", status}}
	if id := a.number("msgid", 0); id != 0 {
		item = append(item, field{"MsgID", fmt.Sprint(id)})
	}
	return push(a, s, now, "subscribe_msg_sent_event", a.need("openid"), "SubscribeMsgSentEvent", item)
}

// wechatCancel makes the event of a user who wants to be forgotten. Its FromUserName
// is the platform.
func wechatCancel(a *args, s Settings, now time.Time) (Request, error) {
	return push(a, s, now, "user_authorization_cancellation", "oPlatform", "", nil,
		field{"OpenID", a.need("openid")}, field{"AppID", s.AppID}, field{"RevokeInfo", "1"})
}

func wechatDebug(a *args, s Settings, now time.Time) (Request, error) {
	return push(a, s, now, "debug_demo", "oDebug", "", nil, field{"debug_str", "hello world"})
}

func toJSON(fields []field) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", f.name)
		switch v := f.value.(type) {
		case []field:
			b.WriteString(toJSON(v))
		case string:
			text, _ := object{"": v}.encode() // a string always encodes
			b.Write(text[len(`{"":`) : len(text)-1])
		default:
			fmt.Fprint(&b, v)
		}
	}
	b.WriteByte('}')
	return b.String()
}

func toXML(fields []field) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "<%s>", f.name)
		switch v := f.value.(type) {
		case []field:
			b.WriteString(toXML(v))
		default:
			xml.EscapeText(&b, []byte(fmt.Sprint(v)))
		}
		fmt.Fprintf(&b, "</%s>", f.name)
	}
	return b.String()
}
