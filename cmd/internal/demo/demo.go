// Package demo holds invented settings, so that the functions start on a machine that
// has no account of any kind.
package demo

import (
	"maps"
	"slices"
	"strings"
)

// Nowhere is an API base at which nobody listens: the port of the discard protocol.
const Nowhere = "http://127.0.0.1:9"

// Settings returns a complete set of invented settings, STORE_URL excepted. The map
// is the caller's. No value opens anything; messages to WeChat and IM go Nowhere.
//
// There is no WECHAT_ENCODING_AES_KEY, because an event file can be signed as it is sent
// in plain mode only. See FillSigning for what is sent over HTTP.
func Settings() map[string]string { return maps.Clone(settings) }

var settings = map[string]string{
	"WECHAT_APPID":                     "wx0123456789abcdef",
	"WECHAT_APPSECRET":                 "0123456789abcdef0123456789abcdef",
	"WECHAT_TOKEN":                     "demoWeChatToken",
	"WECHAT_TOKEN_PREVIOUS":            "",
	"WECHAT_ENCODING_AES_KEY":          "",
	"WECHAT_ENCODING_AES_KEY_PREVIOUS": "",
	"WECHAT_API_BASE":                  Nowhere,

	"IM_SDKAPPID":                "1400123456",
	"IM_SECRET_KEY":              "demo0im0secret0key0demo0im0secret0key0demo0im0secret0key00000000",
	"IM_SECRET_KEY_PREVIOUS":     "",
	"IM_ADMIN":                   "administrator",
	"IM_CALLBACK_TOKEN":          "demoImCallbackToken",
	"IM_CALLBACK_TOKEN_PREVIOUS": "",
	"IM_CALLBACK_INSECURE":       "",
	"IM_API_BASE":                Nowhere,

	"STORE_SHARDS":     "16",
	"SESSION_MODE":     "",
	"USERID_KEY":       "demo-userid-key-0123456789abcdef0123456789",
	"SESSION_KEY":      "demo-session-key-0123456789abcdef0123456789",
	"ANNOUNCE_KEY":     "demo-announce-key-0123456789abcdef0123456789",
	"DELIVER_FUNCTION": "deliver",

	"TEMPLATE_MESSAGE": "demoTemplateMessage_0123456789abcdefghijklm",
	"NOTIFY_FILE":      "",
	"LOG_LEVEL":        "info",
}

// credentials are what a platform's API base must not be paired with when invented.
var credentials = map[string][]string{
	"WECHAT_API_BASE": {"WECHAT_APPID", "WECHAT_APPSECRET"},
	"IM_API_BASE":     {"IM_SDKAPPID", "IM_SECRET_KEY"},
}

// Fill adds to env every demo setting that env lacks, or holds as an empty value, and
// returns the names of those that it gave an invented value, sorted.
//
// An API base becomes Nowhere only beside invented credentials, so that nothing
// invented is sent to a real platform and real credentials still find theirs. A base
// of plain http is kept: it can only be a local stand-in.
func Fill(env map[string]string) []string {
	var filled []string
	for name, value := range settings {
		if _, isBase := credentials[name]; !isBase && env[name] == "" {
			env[name] = value
			if value != "" {
				filled = append(filled, name)
			}
		}
	}
	for base, creds := range credentials {
		invented := slices.ContainsFunc(creds, func(c string) bool { return slices.Contains(filled, c) })
		if invented && !strings.HasPrefix(env[base], "http://") {
			env[base] = settings[base]
			filled = append(filled, base)
		}
		env[base] += "" // present, if empty
	}
	slices.Sort(filled)
	return filled
}

// aesKey is an invented WECHAT_ENCODING_AES_KEY.
const aesKey = "demoEncodingAESKey0123456789abcdefghijklmno"

// Signing lists the settings that callbacks, pushes and announcements are signed with, and
// the template that a push is about.
func Signing() []string { return slices.Clone(signing) }

var signing = []string{"ANNOUNCE_KEY", "IM_CALLBACK_TOKEN", "IM_SDKAPPID", "TEMPLATE_MESSAGE", "WECHAT_APPID", "WECHAT_TOKEN", "WECHAT_ENCODING_AES_KEY"}

// FillSigning adds to env what Signing lists and env lacks, and returns the names of what
// it added, sorted. Whoever sends and whoever receives agree if both call it on the same
// settings.
//
// Pushes are encrypted if WECHAT_TOKEN is the invented one: what a push in plain mode
// takes away from a user is not believed, because nothing vouches for its body.
func FillSigning(env map[string]string) (filled []string) {
	plain := env["WECHAT_TOKEN"] != ""
	for _, name := range signing {
		value := settings[name]
		if name == "WECHAT_ENCODING_AES_KEY" && !plain {
			value = aesKey
		}
		if env[name] == "" && value != "" {
			env[name] = value
			filled = append(filled, name)
		}
	}
	slices.Sort(filled)
	return filled
}
