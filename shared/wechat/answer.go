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

// maxWords is how many unknown words a log line holds.
const maxWords = 5

// UnknownAnswers returns those of answers that no rule knows, for a log: each once, five at
// most, and "?" for one that is not a single word of up to 32 letters.
func UnknownAnswers(answers []string) []string {
	var out []string
	for _, a := range answers {
		if Accepts(a) || a == "reject" || a == "ban" || a == "filter" {
			continue
		}
		if a == "" || len(a) > 32 || strings.ContainsFunc(a, isNoLetter) {
			a = "?"
		}
		if !slices.Contains(out, a) && len(out) < maxWords {
			out = append(out, a)
		}
	}
	return out
}

// isNoLetter tells WeChat's words from openids and from most of what users write.
func isNoLetter(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') }
