package simulator

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// kindEnum keywords take only the values that their template lists.
const kindEnum = "enum_string"

// A fault in a value, in the words of errmsg.
const (
	valueEmpty   = " is empty"
	valueInvalid = " invalid"
)

// checkValue applies the rules of section "parameter value limits" to one value. It
// returns what follows "data.thing1.value" in errmsg, or nothing for a legal value.
//
// Where the documents are vague the stricter reading holds: a value of blanks is
// empty, and a thing has 20 UTF-16 units, since what counts as a character is nowhere
// said.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage
func checkValue(k keyword, value string) string {
	if strings.TrimSpace(value) == "" {
		return valueEmpty
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unprintable) {
		return valueInvalid
	}
	kind := keywordKind(k.name)
	if kind == kindEnum {
		if !slices.Contains(k.enum, value) {
			return valueInvalid
		}
		return ""
	}
	if !valueRules[kind](value) {
		return valueInvalid
	}
	return ""
}

// keywordKind is the keyword without its number: thing1 is a thing.
func keywordKind(name string) string { return strings.TrimRight(name, digits) }

// valueRules say which values a kind of keyword takes.
var valueRules = map[string]func(string) bool{
	"thing":            func(v string) bool { return units(v) <= 20 },
	"number":           legalNumber,
	"letter":           pattern(`[A-Za-z]{1,32}`),
	"symbol":           func(v string) bool { return utf8.RuneCountInString(v) <= 5 && all(v, isSymbol) },
	"character_string": pattern(`[ -~]{1,32}`),
	"time":             pattern(span(`(` + dayForm + ` )?` + clockForm)),
	"date":             pattern(span(dateForm + `( ` + clockForm + `)?`)),
	"amount":           pattern(`[¥￥$€£₩]\d{1,10}(\.\d+)?元?|\d{1,10}(\.\d+)?元`),
	"phone_number":     legalPhone,
	"car_number":       pattern(`[\p{Han}A-Za-z0-9][A-Za-z0-9]{0,6}[\p{Han}A-Za-z0-9]?`),
	"name":             legalName,
	"phrase":           pattern(`\p{Han}{1,5}`),
}

// valueExamples are what gettemplate prints.
var valueExamples = map[string]string{
	"thing": "今天下午开会", "number": "12", "letter": "abc", "symbol": "!", "character_string": "A-1024",
	"time": "2019年10月1日 15:01", "date": "2019年10月1日", "amount": "￥100", "phone_number": "+86-0766-66888866",
	"car_number": "粤A8Z888挂", "name": "张三", "phrase": "配送中",
}

const (
	clockForm = `([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?`
	monthForm = `(0?[1-9]|1[0-2])`
	mdayForm  = `(0?[1-9]|[12]\d|3[01])`
)

// dayForm is a date with its year; dateForm leaves out the year or the day too.
var (
	dayForm  = oneOf(`\d{4}年`+monthForm+`月`+mdayForm+`日`, joined(`\d{4}`, monthForm, mdayForm))
	dateForm = oneOf(dayForm, `\d{4}年`+monthForm+`月`, monthForm+`月`+mdayForm+`日`,
		joined(`\d{4}`, monthForm), joined(monthForm, mdayForm))
)

func oneOf(forms ...string) string { return `(` + strings.Join(forms, `|`) + `)` }

// joined joins parts by one of the three separators that a date may have.
func joined(parts ...string) string {
	return oneOf(strings.Join(parts, `-`), strings.Join(parts, `/`), strings.Join(parts, `\.`))
}

func span(form string) string { return form + `(~` + form + `)?` }

// pattern makes a rule of an expression for the whole value.
func pattern(expr string) func(string) bool {
	return regexp.MustCompile(`^(?:` + expr + `)$`).MatchString
}

var numberForm = regexp.MustCompile(`^\d+(\.\d+)?$`)

func legalNumber(v string) bool {
	return numberForm.MatchString(v) && len(strings.Replace(v, ".", "", 1)) <= 32
}

var phoneForm = regexp.MustCompile(`^[0-9+()# *-]{1,17}$`)

func legalPhone(v string) bool { return phoneForm.MatchString(v) && strings.ContainsAny(v, digits) }

// legalName: 10 characters if there is a Chinese one among them, else 20; no digits.
func legalName(v string) bool {
	limit := 20
	if strings.ContainsFunc(v, isHan) {
		limit = 10
	}
	return units(v) <= limit && all(v, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsMark(r) || isSymbol(r) || r == ' '
	})
}

func units(v string) int { return len(utf16.Encode([]rune(v))) }

func all(v string, ok func(rune) bool) bool {
	return !strings.ContainsFunc(v, func(r rune) bool { return !ok(r) })
}

func isHan(r rune) bool    { return unicode.Is(unicode.Han, r) }
func isSymbol(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// unprintable characters make any value illegal: controls, line breaks, invisible
// characters, and emoji, which are not the "common symbols" that the documents allow.
func unprintable(r rune) bool {
	switch {
	case r == utf8.RuneError, isEmoji(r):
		return true
	case r == ' ', r == '\u3000':
		return false
	}
	return !unicode.IsGraphic(r) || unicode.IsSpace(r)
}

// isEmoji reports whether r shows as a picture unless told otherwise, or makes another
// character do so.
// Source: Emoji_Presentation in https://www.unicode.org/Public/17.0.0/ucd/emoji/emoji-data.txt
func isEmoji(r rune) bool {
	return r >= 0x1F000 && r <= 0x1FAFF || r >= 0xE0000 || unicode.Is(smallEmoji, r)
}

var smallEmoji = &unicode.RangeTable{R16: []unicode.Range16{
	{0x20E3, 0x20E3, 1}, // keycap
	{0x231A, 0x231B, 1}, {0x23E9, 0x23EC, 1}, {0x23F0, 0x23F0, 1}, {0x23F3, 0x23F3, 1},
	{0x25FD, 0x25FE, 1}, {0x2614, 0x2615, 1}, {0x2648, 0x2653, 1}, {0x267F, 0x267F, 1},
	{0x2693, 0x2693, 1}, {0x26A1, 0x26A1, 1}, {0x26AA, 0x26AB, 1}, {0x26BD, 0x26BE, 1},
	{0x26C4, 0x26C5, 1}, {0x26CE, 0x26CE, 1}, {0x26D4, 0x26D4, 1}, {0x26EA, 0x26EA, 1},
	{0x26F2, 0x26F3, 1}, {0x26F5, 0x26F5, 1}, {0x26FA, 0x26FA, 1}, {0x26FD, 0x26FD, 1},
	{0x2705, 0x2705, 1}, {0x270A, 0x270B, 1}, {0x2728, 0x2728, 1}, {0x274C, 0x274C, 1},
	{0x274E, 0x274E, 1}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1}, {0x2795, 0x2797, 1},
	{0x27B0, 0x27B0, 1}, {0x27BF, 0x27BF, 1}, {0x2B1B, 0x2B1C, 1}, {0x2B50, 0x2B50, 1},
	{0x2B55, 0x2B55, 1},
	{0xFE00, 0xFE0F, 1}, // variation selectors
}}
