package wechat

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"

	"wxnotify/shared/card"
)

// Errcodes that we know a meaning of.
//
// Sources: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage
// (send), https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getstableaccesstoken
// (token), https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session (login).
const (
	CodeBusy             = -1    // system busy
	CodeInvalidToken     = 40001 // access_token is invalid or not the latest; where the AppSecret is sent, that is wrong
	CodeBadOpenID        = 40003 // touser is empty, wrong, or of another app
	CodeBadAppID         = 40013
	CodeWrongToken       = 40014
	CodeInvalidLoginCode = 40029 // js_code is wrong or older than 5 min
	CodeBadTemplate      = 40037 // template_id is wrong or was deleted
	CodeBadSecret        = 40125
	CodeUsedLoginCode    = 40163 // js_code was used before; undocumented and common
	CodeIPNotListed      = 40164
	CodeRiskyUser        = 40226 // login blocked by WeChat
	CodeSecretFrozen     = 40243
	CodeMissingToken     = 41001
	CodeBadPage          = 41030 // page is not in the released version; older tables only
	CodeExpiredToken     = 42001
	CodeRefused          = 43101 // never subscribed, permits used up, or switched off: not to be told apart
	CodeBanned           = 43107 // the ability, or this template, is banned
	CodeConcurrent       = 43108 // another send to the same user is under way
	CodeDailyQuota       = 45009
	CodeMinuteQuota      = 45011
	CodeSensitive        = 45168 // sensitive words
	CodeBadJSON          = 47001
	CodeBadData          = 47003 // a value breaks the rules of its keyword
	CodeUnauthorized     = 48001 // the API is not granted to this account
	CodeUserLimited      = 50002 // the user is frozen or cancelled
	CodeTokenForbidden   = 50004
	CodeAccountFrozen    = 50007
	CodeConfirmCall      = 89503
	CodeCallRefused      = 89506
	CodeCallRefusedHour  = 89507
)

// codes is the first table of docs/errors.md: what each errcode means for a card. A
// code that is not here is card.ClassUnlisted. Codes of ClassTemplate and ClassOperator carry
// their cure.
//
// The four token codes reach a caller only after a fresh token was refused as well.
//
// 50002 is read as the recipient's state, as the send API's table has it, so it is
// ClassGone. WeChat's global table words it so that it may also mean our own account;
// then it hits everybody, and the stop after ten different gone openids in a row ends
// it just the same.
var codes = map[int]struct {
	class card.Class
	cure  string
}{
	CodeInvalidToken: {class: card.ClassRetry},
	CodeWrongToken:   {class: card.ClassRetry},
	CodeMissingToken: {class: card.ClassRetry},
	CodeExpiredToken: {class: card.ClassRetry},

	CodeBusy:        {class: card.ClassRetry},
	CodeConcurrent:  {class: card.ClassRetry},
	CodeMinuteQuota: {class: card.ClassMinute},
	CodeDailyQuota:  {class: card.ClassQuota},
	CodeRefused:     {class: card.ClassRefused},
	CodeBadOpenID:   {class: card.ClassUnknownOpenID},
	CodeUserLimited: {class: card.ClassUnknownOpenID},
	CodeSensitive:   {class: card.ClassWording},
	CodeBadJSON:     {class: card.ClassDefect},
	CodeBadData:     {class: card.ClassDefect},

	CodeBadAppID:        {card.ClassOperator, "set WECHAT_APPID to the AppID shown in the console under Development settings"},
	CodeBadTemplate:     {card.ClassTemplate, "the template was deleted, or the service category it belongs to was: choose it again in the console and put its id into notify.yml"},
	CodeBadPage:         {card.ClassTemplate, "the template's page in notify.yml is not in the released version of the mini program: correct it or release that version"},
	CodeBanned:          {card.ClassTemplate, "WeChat suspended subscribe messages or this template: read the notice in the console and appeal there"},
	CodeUnauthorized:    {card.ClassOperator, "this account may not call the API: check its verification and its permissions in the console"},
	CodeIPNotListed:     {card.ClassOperator, "add this function's address to the API IP list under Development settings in the console, or switch the list off"},
	CodeSecretFrozen:    {card.ClassOperator, "the AppSecret is frozen: unfreeze it under Development settings in the console; it takes about 10 min to act"},
	CodeConfirmCall:     {card.ClassOperator, "WeChat wants the administrator to confirm calls from this address: they have a message in WeChat to answer"},
	CodeCallRefused:     {card.ClassOperator, "the administrator refused calls from this address: WeChat lets them confirm again after 24 h"},
	CodeCallRefusedHour: {card.ClassOperator, "the administrator refused calls from this address: WeChat lets them confirm again after 1 h"},
	CodeBadSecret:       {card.ClassOperator, cureSecret},
	CodeTokenForbidden:  {card.ClassOperator, "the account may not fetch access tokens: check its state in the console"},
	CodeAccountFrozen:   {card.ClassOperator, "the account is frozen: unfreeze it in the console"},
}

const cureSecret = "set WECHAT_APPSECRET to the current AppSecret; if nobody knows it, reset it under Development settings in the console"

var (
	// ErrLoginCode: the js_code is wrong, too old or was used before. Ask the mini
	// program for a new one; trying again with this one cannot work.
	ErrLoginCode = errors.New("the login code is invalid or was used before")
	// ErrUserBlocked: WeChat does not let this user log in.
	ErrUserBlocked = errors.New("WeChat blocks this user")
)

// An APIError is a non-zero errcode in an answer that arrived intact: WeChat did not do
// what was asked.
type APIError struct {
	Op   string // our method, such as SendSubscribe
	Code int    // WeChat's errcode
	// Msg is WeChat's errmsg, for people. It mostly ends in a rid, by which WeChat's
	// tools find the request for 7 days.
	Msg string
}

func (e *APIError) Error() string {
	return fmt.Sprintf("wechat: %s: errcode %d: %s", e.Op, e.Code, e.Msg)
}

// Class implements what card.ClassOf looks for.
func (e *APIError) Class() card.Class {
	if e.wrongSecret() {
		return card.ClassOperator
	}
	if c, ok := codes[e.Code]; ok {
		return c.class
	}
	return card.ClassUnlisted
}

// Cure returns a sentence that tells an operator what to do, for errors of
// card.ClassTemplate or card.ClassOperator, and "" for all others.
func (e *APIError) Cure() string {
	if e.wrongSecret() {
		return cureSecret
	}
	cure := codes[e.Code].cure
	if e.Code == CodeIPNotListed {
		if ip, ok := e.refusedIP(); ok {
			cure = "add " + ip.String() + " to the API IP list under Development settings in the console, or switch the list off"
		}
	}
	return cure
}

// wrongSecret: 40001 speaks of the token, except where a call sends the AppSecret.
func (e *APIError) wrongSecret() bool {
	return e.Code == CodeBadSecret || e.Code == CodeInvalidToken && (e.Op == opStableToken || e.Op == opCode2Session)
}

var refusedIP = regexp.MustCompile(`invalid ip ([0-9A-Fa-f.:]+)`)

func (e *APIError) refusedIP() (netip.Addr, bool) {
	m := refusedIP.FindStringSubmatch(e.Msg)
	if m == nil {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(m[1])
	return ip, err == nil
}

var badKeyword = regexp.MustCompile(`\bdata\.([A-Za-z_]+[0-9]+)\b`)

// Keyword returns the keyword that the message names, such as thing1, for a 47003, and
// "" if it names none.
func (e *APIError) Keyword() string {
	if m := badKeyword.FindStringSubmatch(e.Msg); m != nil && e.Code == CodeBadData {
		return m[1]
	}
	return ""
}

// Is makes errors.Is(err, ErrLoginCode) and ErrUserBlocked work.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrLoginCode:
		return e.Code == CodeInvalidLoginCode || e.Code == CodeUsedLoginCode
	case ErrUserBlocked:
		return e.Code == CodeRiskyUser
	}
	return false
}

// tokenRefused reports whether WeChat refused the access token and nothing else.
func tokenRefused(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	if !ok {
		return false
	}
	switch e.Code {
	case CodeInvalidToken, CodeWrongToken, CodeMissingToken, CodeExpiredToken:
		return true
	}
	return false
}

// A TransportError says that no readable answer came: no connection, a time-out, a
// reset, a status other than 200, an empty or unreadable body.
type TransportError struct {
	Op string
	// Sent is set if WeChat may have received the request. It is false only where no
	// connection to send it on was ever had.
	Sent bool
	Err  error // never holds a URL
}

func (e *TransportError) Error() string { return fmt.Sprintf("wechat: %s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Class is ClassUnreached if nothing was sent, and ClassUnknown for a card that may have been.
func (e *TransportError) Class() card.Class {
	switch {
	case !e.Sent:
		return card.ClassUnreached
	case e.Op == opSendSubscribe:
		return card.ClassUnknown
	}
	return card.ClassRetry // another call failed, on the way to a card that was not sent
}

// withoutURL strips the URL that net/http puts in its errors: its query carries
// access_token or the AppSecret.
func withoutURL(err error) error {
	for {
		ue, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = ue.Err
	}
}
