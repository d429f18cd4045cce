package notify

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A keywordType is the type of a template's keyword, which WeChat tells by the
// keyword's prefix: thing1, time2, enum_string3.
//
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage
type keywordType struct {
	prefix string
	// legal matches every value that WeChat is known to accept, and nothing else.
	legal func() *regexp.Regexp
	// fit turns any text into a legal value, or returns "" if nothing is left of it.
	fit func(string) string
	// fallback is a legal value for when nothing is left.
	fallback func(now time.Time, lang string) string
	// fixed keywords take only values that the operator wrote himself: what is
	// legal for them is a list that only WeChat knows.
	fixed bool
}

// cardTime is legal both for time and for date keywords.
const cardTime = "2006年1月2日 15:04"

// beijing is where WeChat's users read the time, whatever the zone of the machine.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

func formatTime(t time.Time) string { return t.In(beijing).Format(cardTime) }

var keywordTypes = []keywordType{
	// What counts as one of the 20 characters is not documented. UTF-16 units are
	// the strictest count, so they hold whatever is meant.
	{prefix: "thing", legal: lazily(`^[^\p{C}\p{Zl}\p{Zp}]+$`),
		fit:      func(s string) string { return clip(s, 20) },
		fallback: func(_ time.Time, lang string) string { return wordsFor(lang).message }},
	{prefix: "number", legal: lazily(`^[0-9]+(\.[0-9]+)?$`),
		fit: firstMatch(`[0-9]{1,32}`), fallback: fixedText("1")},
	{prefix: "letter", legal: lazily(`^[A-Za-z]{1,32}$`),
		fit: func(s string) string { return keep(s, 32, isASCIILetter) }, fallback: fixedText("N")},
	{prefix: "symbol", legal: lazily(`^[!-/:-@\[-` + "`" + `{-~]{1,5}$`),
		fit: func(s string) string { return keep(s, 5, isASCIISymbol) }, fallback: fixedText("-")},
	{prefix: "character_string", legal: lazily(`^[!-~]{1,32}$`),
		fit:      func(s string) string { return keep(s, 32, func(r rune) bool { return r > ' ' && r <= '~' }) },
		fallback: fixedText("-")},
	{prefix: "time", legal: lazily(`^(\d{4}年\d{1,2}月\d{1,2}日 )?([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$`),
		fit:      firstMatch(`(\d{4}年\d{1,2}月\d{1,2}日 )?([01]\d|2[0-3]):[0-5]\d`),
		fallback: func(now time.Time, _ string) string { return formatTime(now) }},
	{prefix: "date", legal: lazily(`^\d{4}年\d{1,2}月\d{1,2}日( ([01]?\d|2[0-3]):[0-5]\d)?$`),
		fit:      firstMatch(`\d{4}年\d{1,2}月\d{1,2}日( ([01]\d|2[0-3]):[0-5]\d)?`),
		fallback: func(now time.Time, _ string) string { return formatTime(now) }},
	{prefix: "amount", legal: lazily(`^[¥￥$]?[0-9]{1,10}(\.[0-9]{1,2})?元?$`),
		fit: firstMatch(`[¥￥$]?[0-9]{1,10}(\.[0-9]{1,2})?元?`), fallback: fixedText("0")},
	{prefix: "phone_number", legal: lazily(`^[0-9+-]{1,17}$`),
		fit: func(s string) string {
			return keep(s, 17, func(r rune) bool { return r >= '0' && r <= '9' || r == '+' || r == '-' })
		},
		fallback: fixedText("-")},
	{prefix: "car_number", legal: lazily(`^\p{Han}?[A-Za-z0-9]{1,6}\p{Han}?$`),
		fit: firstMatch(`\p{Han}?[A-Za-z0-9]{1,6}\p{Han}?`), fallback: fixedText("0")},
	{prefix: "name", legal: lazily(`^([A-Za-z][A-Za-z ._'-]{0,19}|[\p{Han}A-Za-z·]{1,10})$`),
		fit: fitName, fallback: func(_ time.Time, lang string) string { return wordsFor(lang).name }},
	{prefix: "phrase", legal: lazily(`^\p{Han}{1,5}$`),
		fit:      func(s string) string { return keep(s, 5, func(r rune) bool { return unicode.Is(unicode.Han, r) }) },
		fallback: fixedText("新消息")},
	{prefix: "enum", fixed: true},
}

func fixedText(s string) func(time.Time, string) string {
	return func(time.Time, string) string { return s }
}

var keywordName = regexp.MustCompile(`^([a-z]+(?:_[a-z]+)*)[0-9]{1,3}$`)

// typeOfKeyword finds the type of a keyword such as thing1, or an error that says
// what keywords look like.
func typeOfKeyword(keyword string) (keywordType, error) {
	m := keywordName.FindStringSubmatch(keyword)
	if m == nil {
		return keywordType{}, fmt.Errorf("keyword %q: write it as in the template, such as thing1, without .DATA", keyword)
	}
	for _, t := range keywordTypes {
		if m[1] == t.prefix || t.prefix == "enum" && strings.HasPrefix(m[1], "enum") {
			return t, nil
		}
	}
	return keywordType{}, fmt.Errorf("keyword %q: WeChat has no type %q; copy the keyword from the template's page", keyword, m[1])
}

// value makes a legal value of s.
func (t keywordType) value(s string, now time.Time, lang string) string {
	if t.fixed {
		return s
	}
	if v := t.fit(clean(s)); v != "" && t.accepts(v) {
		return v
	}
	return t.fallback(now, lang)
}

// accepts reports whether WeChat is known to accept v.
func (t keywordType) accepts(v string) bool {
	if t.fixed {
		return v != "" && utf8.ValidString(v) && !strings.ContainsFunc(v, isUnprintable)
	}
	return t.legal().MatchString(v) && strings.TrimSpace(v) != "" && (t.prefix != "thing" || utf16Len(v) <= 20)
}

// clean makes one plain line of s: white space becomes single blanks; control and
// invisible characters and emoji, which WeChat answers with 47003, go.
func clean(s string) string {
	var b strings.Builder
	blank := false
	g := uniseg.NewGraphemes(strings.ToValidUTF8(s, ""))
	for g.Next() {
		rs := g.Runes()
		switch {
		case unicode.IsSpace(rs[0]):
			blank = b.Len() > 0
			continue
		case isEmoji(rs):
			continue
		}
		for _, r := range rs {
			if r == unicode.ReplacementChar || isUnprintable(r) {
				continue
			}
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isUnprintable(r rune) bool { return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) }

// isEmoji reports whether a grapheme cluster is shown as a picture.
func isEmoji(cluster []rune) bool {
	for _, r := range cluster {
		switch {
		case r == 0xFE0F, r == 0x20E3, // asks for the picture; key cap
			r >= 0x1F000 && r <= 0x1FBFF, // pictographs, flags, cards
			r >= 0x2600 && r <= 0x27BF,   // symbols and dingbats
			r >= 0x2B00 && r <= 0x2BFF,   // stars and arrows shown as emoji
			r >= 0xE0000 && r <= 0xE0FFF: // tags of flags
			return true
		}
	}
	return false
}

const ellipsis = "..."

// clip cuts s between two graphemes so that it has at most limit UTF-16 units.
func clip(s string, limit int) string {
	if utf16Len(s) <= limit {
		return s
	}
	room := limit - len(ellipsis)
	end := 0
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		n := utf16Len(g.Str())
		if n > room {
			break
		}
		room -= n
		_, end = g.Positions()
	}
	return strings.TrimRight(s[:end], " ") + ellipsis
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// keep returns the first limit runes of s that ok allows.
func keep(s string, limit int, ok func(rune) bool) string {
	var b strings.Builder
	for _, r := range s {
		if limit > 0 && ok(r) {
			b.WriteRune(r)
			limit--
		}
	}
	return b.String()
}

func isASCIILetter(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }

func isASCIISymbol(r rune) bool {
	return r > ' ' && r <= '~' && !isASCIILetter(r) && (r < '0' || r > '9')
}

// fitName keeps a personal name: ten characters if any is Chinese, else twenty.
func fitName(s string) string {
	if v := keep(s, 10, func(r rune) bool { return unicode.Is(unicode.Han, r) || isASCIILetter(r) || r == '·' }); strings.ContainsFunc(v, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return v
	}
	v := keep(s, 20, func(r rune) bool { return isASCIILetter(r) || strings.ContainsRune(" ._'-", r) })
	return strings.Trim(v, " ._'-")
}

// firstMatch returns a function that finds the first part of a text that pattern
// matches.
func firstMatch(pattern string) func(string) string {
	re := lazily(pattern)
	return func(s string) string { return re().FindString(s) }
}

// lazily compiles a pattern when it is first used: a start of a function uses few of them.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
