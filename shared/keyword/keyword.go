// Package keyword has the rules that WeChat makes for the values of a subscribe message's
// keywords, in one table. What renders cards and what plays WeChat both go by it.
package keyword

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A Type is the type of a template's keyword, which WeChat tells by the keyword's name
// without its number: thing1 is a thing. The zero Type takes nothing.
//
// WeChat adds types without telling. One that the table does not have is not Known, and
// has the strictest rule for texts that is known of any: that of short_thing.
type Type struct {
	Name    string
	Takes   string // what it takes, in words that follow "takes"
	Example string
	// Limit is how many UTF-16 units a text may have. What counts as a character is not
	// documented; no other count is stricter. 0: the type takes no free text.
	Limit int
	// Enum values are listed in the template, which Legal does not know.
	Enum  bool
	Known bool
	legal func(string) bool
}

// types is the table.
//
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage
// short_thing is in no public table; templates have it, with at most 5 characters. Where the
// page is vague the stricter reading holds.
var types = sync.OnceValue(func() []Type {
	return []Type{
		{Name: "thing", Takes: "a text of up to 20 characters", Example: "今天下午开会", Limit: 20, legal: anything},
		{Name: "short_thing", Takes: "a text of up to 5 characters", Example: "已完成", Limit: 5, legal: anything},
		{Name: "number", Takes: "a number of digits with or without decimals, such as 12 or 36.8", Example: "12", legal: most(32, `\d+(\.\d+)?`)},
		{Name: "letter", Takes: "1 to 32 of A-Z and a-z", Example: "abc", legal: whole(`[A-Za-z]{1,32}`)},
		{Name: "symbol", Takes: "1 to 5 symbols", Example: "!", legal: func(v string) bool { return utf8.RuneCountInString(v) <= 5 && all(v, isSymbol) }},
		{Name: "character_string", Takes: "1 to 32 letters A-Z, digits and ASCII symbols without blanks, such as A-1024", Example: "A-1024", legal: whole(`[!-~]{1,32}`)},
		{Name: "time", Takes: "a time such as 9:30, 2026年12月24日 9:30, 2026-12-24 09:30:00 or 08:30~10:00", Example: "2019年10月1日 15:01", legal: whole(span(`(` + day + ` )?` + clock))},
		{Name: "date", Takes: "a date such as 2026年12月24日, 2026-12-24, 2026年12月, 12月24日 or 2026-12-24 09:30, or a range with ~", Example: "2019年10月1日", legal: whole(span(date + `( ` + clock + `)?`))},
		{Name: "amount", Takes: "an amount of up to 10 digits and decimals such as ￥1280.50 or 1280.50元, without a sign", Example: "￥100", legal: whole(`\p{Sc}\d{1,10}(\.\d{1,10})?元?|\d{1,10}(\.\d{1,10})?元`)},
		{Name: "phone_number", Takes: "a phone number of up to 17 digits and + - * # ( ), such as +86-0766-66888866 or 138****1234", Example: "+86-0766-66888866", legal: most(17, `[+()#*-]*[0-9][0-9+()#*-]*`)},
		{Name: "car_number", Takes: "a plate of up to 8 letters and digits, the first and the last may be Chinese, such as 粤AD12345", Example: "粤A8Z888挂", legal: whole(`[\x{4E00}-\x{9FFF}A-Za-z0-9][A-Za-z0-9]{0,6}[\x{4E00}-\x{9FFF}A-Za-z0-9]?`)},
		{Name: "name", Takes: "a name without digits, of up to 10 characters without blanks if any is Chinese, else 20", Example: "张三", Limit: 20, legal: legalName},
		{Name: "phrase", Takes: "1 to 5 Chinese characters and nothing else", Example: "配送中", Limit: 5, legal: whole(`\p{Han}{1,5}`)},
		{Name: "enum", Takes: "only the values listed in the template", Enum: true, legal: anything},
	}
})

// ShortThing is the type with the shortest texts.
const ShortThing = "short_thing"

var keywordName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z_]+?)[0-9]{1,3}$`) })

// Of returns the type of a keyword such as thing1, or an error that says what keywords
// look like. enum_string1 and others that begin with enum are enums.
func Of(keyword string) (Type, error) {
	m := keywordName().FindStringSubmatch(keyword)
	if m == nil {
		return Type{}, fmt.Errorf("keyword %q: write it as in the template, such as thing1, without .DATA", keyword)
	}
	name := m[1]
	if strings.HasPrefix(name, "enum") {
		name = "enum"
	}
	unknown := Type{}
	for _, t := range types() {
		if t.Name == name {
			t.Known = true
			return t, nil
		}
		if t.Name == ShortThing {
			unknown = t
		}
	}
	unknown.Name = name
	return unknown, nil
}

// Legal reports whether WeChat is known to take v: not empty, printable, without emoji,
// and as the type says. Every other value may be answered with 47003.
func (t Type) Legal(v string) bool {
	return t.legal != nil && strings.TrimSpace(v) != "" && Plain(v) && (t.Limit == 0 || Units(v) <= t.Limit) && t.legal(v)
}

// Units counts the UTF-16 units of v.
func Units(v string) int {
	n := 0
	for _, r := range v {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

const (
	clock = `([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?`
	month = `(0?[1-9]|1[0-2])`
	mday  = `(0?[1-9]|[12]\d|3[01])`
)

// day is a date with its year; date may leave out the year or the day.
var (
	day  = oneOf(`\d{4}年`+month+`月`+mday+`日`, joined(`\d{4}`, month, mday))
	date = oneOf(day, `\d{4}年`+month+`月`, month+`月`+mday+`日`, joined(`\d{4}`, month), joined(month, mday))
)

func oneOf(forms ...string) string { return `(` + strings.Join(forms, `|`) + `)` }

// joined joins parts by one of the three separators that a date may have.
func joined(parts ...string) string {
	return oneOf(strings.Join(parts, `-`), strings.Join(parts, `/`), strings.Join(parts, `\.`))
}

func span(form string) string { return form + `(~` + form + `)?` }

// whole makes a rule of an expression for the whole value. It is compiled when a value is held against it: all
// of them together take a tenth of a function's start.
func whole(expr string) func(string) bool {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + expr + `)$`) })
	return func(v string) bool { return compiled().MatchString(v) }
}

// most is whole for an ASCII value with a limit on its length.
func most(limit int, expr string) func(string) bool {
	match := whole(expr)
	return func(v string) bool { return len(v) <= limit && match(v) }
}

func anything(string) bool { return true }

// legalName: ten characters if any is Chinese, and then no blank.
func legalName(v string) bool {
	if strings.ContainsFunc(v, isHan) && (Units(v) > 10 || strings.Contains(v, " ")) {
		return false
	}
	return strings.ContainsFunc(v, unicode.IsLetter) && all(v, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsMark(r) || isSymbol(r) || r == ' '
	})
}

func all(v string, ok func(rune) bool) bool {
	return !strings.ContainsFunc(v, func(r rune) bool { return !ok(r) })
}

func isHan(r rune) bool    { return unicode.Is(unicode.Han, r) }
func isSymbol(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// First returns the first n characters of s.
func First(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
