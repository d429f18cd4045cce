package card

import (
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"wxnotify/shared/fact"
	"wxnotify/shared/keyword"
)

// cardTime is legal both for time and for date keywords.
const cardTime = "2006年1月2日 15:04"

func formatTime(t time.Time) string { return t.In(fact.Beijing).Format(cardTime) }

// A keywordType makes the values of one type of keyword: exact ones of what a backend
// announced, and legal ones of whatever people wrote.
type keywordType struct {
	keyword.Type
	// spellings are ways to write a value so that it says the same, each applied to what
	// the one before it made.
	spellings []func(string) string
	// fit turns any text into a legal value, or returns "" if nothing is left of it.
	fit func(string) string
	// fallback is a legal value for when nothing is left and no word of ours fits; nil: one
	// always does.
	fallback func(now time.Time) string
}

// typeOfKeyword finds the type of a keyword such as thing1, or an error that says what
// keywords look like.
func typeOfKeyword(name string) (keywordType, error) {
	t, err := keyword.Of(name)
	if err != nil {
		return keywordType{}, err
	}
	k := keywordType{Type: t}
	switch t.Name {
	case "thing":
		k.spellings = spell(func(s string) string { return clip(s, t.Limit, ellipsis) })
	case "number":
		k.spellings, k.fit, k.fallback = spell(foldNumber, ungroup), firstMatch(`[0-9]{1,20}(\.[0-9]{1,10})?`), fixedText("1")
	case "letter":
		k.spellings, k.fit, k.fallback = spell(fold), keep(32, isASCIILetter), fixedText("N")
	case "symbol":
		k.fit, k.fallback = keep(5, isASCIISymbol), fixedText("-")
	case "character_string":
		k.spellings, k.fit, k.fallback = spell(fold), keep(32, func(r rune) bool { return r > ' ' && r <= '~' }), fixedText("-")
	case "time":
		k.spellings, k.fallback = spell(fold, tidyTime, rangeOf(t)), formatTime
		k.fit = firstMatch(`(\d{4}年\d{1,2}月\d{1,2}日 )?([01]\d|2[0-3]):[0-5]\d`)
	case "date":
		k.spellings, k.fallback = spell(fold, tidyTime, rangeOf(t)), formatTime
		k.fit = firstMatch(`\d{4}年\d{1,2}月\d{1,2}日( ([01]\d|2[0-3]):[0-5]\d)?`)
	case "amount":
		k.spellings, k.fallback = spell(foldNumber, closeCurrency, ungroup, yuan), fixedText("0元")
		k.fit = firstMatch(`\p{Sc}[0-9]{1,10}(\.[0-9]{1,2})?元?|[0-9]{1,10}(\.[0-9]{1,2})?元`)
	case "phone_number":
		k.spellings, k.fallback = spell(fold, joinPhone), fixedText("0")
		k.fit = keep(17, func(r rune) bool { return r >= '0' && r <= '9' || r == '+' || r == '-' })
	case "car_number":
		k.spellings, k.fallback = spell(fold, without(" ·•-")), fixedText("0")
		k.fit = firstMatch(`[\x{4E00}-\x{9FFF}]?[A-Za-z0-9]{1,6}[\x{4E00}-\x{9FFF}]?`)
	case "name":
		k.spellings, k.fit = spell(interpunct), fitName
	case "phrase":
		k.spellings, k.fit, k.fallback = spell(firstClause), firstMatch(`\p{Han}{1,5}`), fixedText("新消息")
	default: // short_thing, and what WeChat has added since
		k.spellings = spell(func(s string) string { return clipWords(s, t.Limit) })
		k.fit = func(s string) string { return clip(s, t.Limit, "") }
	}
	return k, nil
}

func spell(ways ...func(string) string) []func(string) string { return ways }

func fixedText(s string) func(time.Time) string { return func(time.Time) string { return s } }

// exact returns s in a spelling that WeChat takes and that says the same, or "" if there is
// none. Of words the end may be missing, never part of a number.
func (k keywordType) exact(s string) string {
	for _, way := range k.spellings {
		if k.Legal(s) {
			return s
		}
		s = way(s)
	}
	if k.Legal(s) {
		return s
	}
	return ""
}

// fitted makes a legal value of s, which somebody wrote, if it can; else of word, which is
// one of ours.
func (k keywordType) fitted(s, word string, now time.Time) string {
	if v := k.exact(s); v != "" {
		return v
	}
	if k.fit != nil {
		if v := k.fit(s); k.Legal(v) {
			return v
		}
	}
	if k.words() {
		if v := k.exact(word); v != "" {
			return v
		}
	}
	return k.fallback(now)
}

// words reports whether the type shows words rather than a fact such as a time.
func (k keywordType) words() bool { return k.Limit > 0 }

// accepts reports whether WeChat may take v, which stands in notify.yml. The operator knows
// their template: what a type takes that the table does not have is theirs to say.
func (k keywordType) accepts(v string) bool {
	if !k.Known || k.Enum {
		return strings.TrimSpace(v) != "" && keyword.Plain(v)
	}
	return k.Legal(v)
}

// clean makes one plain line of s: white space becomes single blanks; control and
// invisible characters and emoji, which WeChat answers with 47003, go. An emoji leaves a
// blank between what it parts: 10➖20 is not 1020; so does a character that was lost. Of a key
// cap the key stays. What has no letter, digit or symbol left is empty.
func clean(s string) string {
	var b strings.Builder
	blank, visible := false, false
	g := uniseg.NewGraphemes(strings.ToValidUTF8(s, "\ufffd"))
	for g.Next() {
		rs := g.Runes()
		switch {
		case unicode.IsSpace(rs[0]), keyword.IsEmoji(rs[0]): // and all that belongs to it
			blank = b.Len() > 0
			continue
		}
		for _, r := range rs {
			switch {
			case keyword.IsEmoji(r), r == utf8.RuneError:
				blank = b.Len() > 0
				continue
			case keyword.Invisible(r), keyword.EmojiMark(r):
				continue
			}
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteRune(r)
			visible = visible || !unicode.IsMark(r)
		}
	}
	if !visible {
		return ""
	}
	return b.String()
}

const ellipsis = "..."

// numberRun finds numbers, times, ranges and phone numbers, with their signs, also those
// whose parts are joined by blanks or dashes.
var numberRun = lazily(`[\p{Sc}\p{Pd}+*(（]*\p{N}([\p{N}\p{Sc}\p{Pd} .,:~/+*()．，：～／＋＊（）]*\p{N})?[%％‰°℃]?`)

// clip cuts s between two graphemes so that it has at most limit UTF-16 units, tail
// included. It does not cut through a number, nor between a number and its unit, which would
// be another fact then: with a tail the number goes too, without one the whole text does.
func clip(s string, limit int, tail string) string {
	if keyword.Units(s) <= limit {
		return s
	}
	room := limit - len(tail)
	end := 0
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		n := keyword.Units(g.Str())
		if n > room {
			break
		}
		room -= n
		_, end = g.Positions()
	}
	next, _ := utf8.DecodeRuneInString(s[end:])
	for _, run := range numberRun().FindAllStringIndex(s, -1) {
		if run[0] < end && (end < run[1] || end == run[1] && unicode.IsLetter(next)) {
			if tail == "" {
				return ""
			}
			end = run[0]
			break
		}
	}
	out := strings.TrimRight(s[:end], " ")
	if out == "" {
		return ""
	}
	return out + tail
}

// clipWords is clip without a tail, for a text that says nothing of a number: with nothing to
// show that the end is missing, 12.5 万元 would be read as 12.5.
func clipWords(s string, limit int) string {
	if strings.ContainsFunc(s, isNumeral) {
		return s
	}
	return clip(s, limit, "")
}

func isNumeral(r rune) bool {
	return unicode.IsNumber(r) || strings.ContainsRune("零一二三四五六七八九十百千万亿两廿卅壹贰叁肆伍陆柒捌玖拾佰仟萬億兩", r)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// keep returns a function that returns the first limit runes of a text that ok allows.
func keep(limit int, ok func(rune) bool) func(string) string {
	return func(s string) string {
		var b strings.Builder
		left := limit
		for _, r := range s {
			if left > 0 && ok(r) {
				b.WriteRune(r)
				left--
			}
		}
		return b.String()
	}
}

func isASCIILetter(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }

func isASCIISymbol(r rune) bool {
	return r > ' ' && r <= '~' && !isASCIILetter(r) && !isDigit(r)
}

var (
	chineseName = keep(10, func(r rune) bool { return unicode.Is(unicode.Han, r) || isASCIILetter(r) || r == '·' })
	latinName   = keep(20, func(r rune) bool { return isASCIILetter(r) || strings.ContainsRune(" ._'-", r) })
)

// fitName keeps a personal name: ten characters if any is Chinese, else twenty.
func fitName(s string) string {
	if v := chineseName(s); strings.ContainsFunc(v, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return v
	}
	return strings.Trim(latinName(s), " ._'-")
}

// interpunct parts the words of a Chinese name with ·, because no blank may.
func interpunct(s string) string { return strings.ReplaceAll(s, " ", "·") }

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

// fold writes the full-width forms of ASCII, which Chinese keyboards type, as ASCII.
func fold(s string) string { return strings.Map(narrow, s) }

// foldNumber is fold, but leaves ，: it parts two numbers, and never groups the digits of one.
func foldNumber(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '，' {
			return r
		}
		return narrow(r)
	}, s)
}

func narrow(r rune) rune {
	switch {
	case r >= '！' && r <= '～':
		return r - '！' + '!'
	case r == '〜':
		return '~'
	}
	return r
}

func without(chars string) func(string) string {
	return func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(chars, r) {
				return -1
			}
			return r
		}, s)
	}
}

var grouped = lazily(`^(\D*)(\d{1,3}(?:,\d{3})+)(\.\d+)?([^\d,.]*)$`)

// ungroup takes the commas out of 1,280.50.
func ungroup(s string) string {
	m := grouped().FindStringSubmatch(s)
	if m == nil {
		return s
	}
	return m[1] + strings.ReplaceAll(m[2], ",", "") + m[3] + m[4]
}

var aroundCurrency = lazily(` *(\p{Sc}|元) *`)

// closeCurrency takes out the blanks beside a currency. Others may part two amounts.
func closeCurrency(s string) string { return aroundCurrency().ReplaceAllString(s, "$1") }

// joinPhone takes the blanks out of a phone number. Two blocks of one length may be two
// numbers, such as 8001 8002.
func joinPhone(s string) string {
	if a, b, _ := strings.Cut(s, " "); len(a) == len(b) && bareNumber().MatchString(a+b) {
		return s
	}
	return without(" ")(s)
}

var bareNumber = lazily(`^\d+(\.\d+)?$`)

// yuan takes an amount without a currency for yuan, because WeChat wants one.
func yuan(s string) string {
	if bareNumber().MatchString(s) {
		return s + "元"
	}
	return s
}

var (
	aroundTilde = lazily(` *~ *`)
	dayThenHour = lazily(`日(\d)`)
)

// tidyTime sets the blanks of a time or date.
func tidyTime(s string) string {
	return dayThenHour().ReplaceAllString(aroundTilde().ReplaceAllString(s, "~"), "日 $1")
}

// rangeOf returns a function that puts ~ between two values of t that are parted in another
// way. 2026-01-02-03 could be two ranges, so a date with - is parted by no other -.
func rangeOf(t keyword.Type) func(string) string {
	return func(s string) string {
		for i, r := range s {
			from, to := strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+utf8.RuneLen(r):])
			if r == '-' && t.Name == "date" && strings.Contains(from+to, "-") || !strings.ContainsRune("-–—至到", r) {
				continue
			}
			if t.Legal(from) && t.Legal(to) {
				return from + "~" + to
			}
		}
		return s
	}
}

// firstClause cuts s at the first mark that ends a clause. What stands before another, such
// as 订单：已取消, may be no status.
func firstClause(s string) string {
	if i := strings.IndexAny(s, "，。！；…"); i >= 0 {
		return strings.TrimRight(s[:i], " ")
	}
	return s
}
