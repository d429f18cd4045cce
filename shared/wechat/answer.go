package wechat

import (
	"slices"
	"strings"
)

// Accepts reports whether an answer of the subscribe dialog gives a permit. WeChat adds
// words without telling: those that begin with accept, such as acceptWithForcePush, allow
// cards with a stronger reminder. A word that is not known gives nothing and takes nothing.
// Source: https://developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html
func Accepts(answer string) bool { return strings.HasPrefix(answer, "accept") }

// maxWord bounds how much of a word of WeChat's goes into records and logs, and maxWords
// how many of them.
const (
	maxWord  = 40
	maxWords = 5
)

// UnknownAnswers returns those of answers that no rule knows, for a log: each once, a few at
// most, and "?" for one that is not a plain word.
func UnknownAnswers(answers []string) []string {
	var out []string
	for _, a := range answers {
		if Accepts(a) || a == "reject" || a == "ban" || a == "filter" {
			continue
		}
		if !plainWord(a) {
			a = "?"
		}
		if !slices.Contains(out, a) && len(out) < maxWords {
			out = append(out, a)
		}
	}
	return out
}

// plainWord reports whether s can go into records and logs as it is.
func plainWord(s string) bool {
	return s != "" && len(s) <= maxWord && !strings.ContainsFunc(s, isOdd)
}

func isOdd(c rune) bool {
	plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == ' '
	return !plain
}
