package card_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

// FuzzTemplate: a template that NewTemplate takes renders, whatever is to be shown and in
// every way of showing it, a card that WeChat accepts; another is refused with an error
// that names the keyword, or the page.
func FuzzTemplate(f *testing.F) {
	for _, s := range []struct{ keyword, text, page string }{
		{"thing1", "{{.Sender}}: {{.Summary}}", "/pages/chat/index?peer={{.Peer}}&n={{.Count}}"},
		{"time2", "{{.Time}}", "p?t={{.Time}}"}, {"date3", "{{slice .Time 0 16}}", ""}, {"number4", "{{.Count}}", "{{.Group}}"},
		{"enum_string2", "客厅", "p"}, {"amount5", "￥{{.Count}}.5元", "p?{{.Sender}}={{.Summary}}#x"}, {"thing6", "{{if .Group}}{{.Group}}{{end}}", "p"},
		{"name7", "{{printf \"%.3s\" .Sender}}", "p"}, {"thing1", "{{.Summary | html}}", "{{.Summary | urlquery}}"},
		{"thing1", "{{`\u2028`}}", "{{`a b`}}"}, {"phrase1", "新消息", "p"}, {"character_string9", "{{len .Peer}}", "p"}, {"car_number1", "{{index .Sender 0}}", "p"},
	} {
		f.Add(s.keyword, s.text, s.page, "bob", "hi", "22:30", uint8(0))
		f.Add(s.keyword, s.text, s.page, "", "\u202e😀\n", "2026年1月2日", uint8(255))
	}
	now := time.Date(2031, 5, 1, 1, 2, 3, 0, time.UTC)
	f.Fuzz(func(t *testing.T, keyword, text, page, sender, summary, shown string, how uint8) {
		if len(sender)+len(summary)+len(shown) > 600 {
			return // nobody's name is that long
		}
		if strings.Contains(text+page, "range") || strings.Contains(text+page, "template") {
			return // an operator may write a loop that takes its time
		}
		tmpl, err := card.NewTemplate(card.TemplateSpec{ID: "T", Page: page, Data: map[string]string{keyword: text}})
		if err != nil {
			if !strings.Contains(err.Error(), "page") && !strings.Contains(err.Error(), "data."+keyword) && !strings.Contains(err.Error(), "keyword ") {
				t.Errorf("an error that names no place: %v", err)
			}
			return
		}
		style := byDefault
		style.Preview = []card.Preview{card.PreviewNone, card.PreviewSender, card.PreviewText}[how%3]
		style.Lang = []string{"zh_CN", "en_US", "zh_HK", "zh_TW"}[how>>2&3]
		n := card.Notice{ID: "a", From: fact.UserID(sender), SentAt: now, Summary: summary, Kind: fact.KindMessage}
		if how&16 != 0 {
			n.Group, n.Kind = "@TGS#1", fact.KindMention
		}
		if how&32 != 0 {
			n.Announcement = &fact.Announcement{Fields: map[string]string{"sender": sender, "summary": summary, "time": shown, "peer": shown, "count": "3"}}
		}
		c, err := tmpl.Render(style, "c", "o", []card.Notice{n, n}, card.Names{sender: summary, "@@TGS#1": summary}, how&64 != 0, now)
		if err != nil {
			return // a template may slice what is too short: that is a dead letter, not an illegal card
		}
		if v, ok := c.Data[keyword]; !ok || len(c.Data) != 1 || !weChatAccepts(keyword, text, v) {
			t.Errorf("%s of %q = %q, which WeChat refuses", keyword, text, v)
		}
		if len(c.Page) > 8<<10 {
			t.Errorf("a page of %d bytes", len(c.Page))
		}
		// The page's own text is the operator's. What is filled in adds no parameter to it.
		if plain := "p?a={{.Sender}}&b={{.Summary}}&c={{.Peer}}&d={{.Group}}&e={{.Time}}"; page == plain || how&128 != 0 {
			filled(t, plain, style, n, card.Names{sender: summary}, now)
		}
	})
}

// filled checks that values cannot leave their place in a page's query.
func filled(t *testing.T, page string, style card.Style, n card.Notice, names card.Names, now time.Time) {
	tmpl, err := card.NewTemplate(card.TemplateSpec{ID: "T", Page: page, Data: map[string]string{"thing1": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := tmpl.Render(style, "c", "o", []card.Notice{n}, names, false, now)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(c.Page, "?")
	values, err := url.ParseQuery(query)
	if path != "p" || err != nil || strings.ContainsAny(c.Page, " \n\r#\x00") {
		t.Errorf("page %q: %v", c.Page, err)
	}
	for name, v := range values {
		if len(v) != 1 || v[0] == "" || !strings.Contains("abcde", name) {
			t.Errorf("%s is %q in %q", name, v, c.Page)
		}
	}
	if n.Announcement == nil && n.Group == "" && values.Get("c") != string(n.From) {
		t.Errorf("the peer is %q, want %q", values.Get("c"), n.From)
	}
}

// A keywordRule is one line of WeChat's table, written from the page and from nothing
// else: how many of which characters, and of what form.
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage
type keywordRule struct {
	most  int // characters, by the strictest count
	one   func(r rune) bool
	shape *regexp.Regexp // of the whole; nil: any
}

func oneOf(tables ...*unicode.RangeTable) func(rune) bool {
	return func(r rune) bool { return unicode.In(r, tables...) }
}

var (
	ascii = &unicode.RangeTable{R16: []unicode.Range16{{Lo: '!', Hi: '~', Stride: 1}}}
	latin = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 'A', Hi: 'Z', Stride: 1}, {Lo: 'a', Hi: 'z', Stride: 1}}}
	clock = `([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?`
	date  = `(\d{4}年\d{1,2}月\d{1,2}日|\d{4}([-/.])\d{1,2}[-/.]\d{1,2})`
	dates = `(` + date + `|\d{4}年\d{1,2}月|\d{1,2}月\d{1,2}日|\d{1,4}[-/.]\d{1,2})( ` + clock + `)?`
	times = `(` + date + ` )?` + clock
)

var keywordRules = map[string]keywordRule{
	"thing":            {20, nil, nil},
	"short_thing":      {5, nil, nil},
	"number":           {33, nil, regexp.MustCompile(`^\d+(\.\d+)?$`)},
	"letter":           {32, oneOf(latin), nil},
	"symbol":           {5, oneOf(unicode.P, unicode.S), nil},
	"character_string": {32, oneOf(ascii), nil},
	"time":             {60, nil, regexp.MustCompile(`^` + times + `(~` + times + `)?$`)},
	"date":             {60, nil, regexp.MustCompile(`^` + dates + `(~` + dates + `)?$`)},
	"amount":           {23, nil, regexp.MustCompile(`^(\p{Sc}\d{1,10}(\.\d+)?元?|\d{1,10}(\.\d+)?元)$`)},
	"phone_number":     {17, nil, regexp.MustCompile(`^[0-9()*#+-]*[0-9][0-9()*#+-]*$`)},
	"car_number":       {8, nil, regexp.MustCompile(`^[\p{Han}A-Za-z0-9][A-Za-z0-9]*[\p{Han}A-Za-z0-9]?$`)},
	"name":             {20, func(r rune) bool { return !unicode.IsDigit(r) }, nil},
	"phrase":           {5, oneOf(unicode.Han), nil},
}

// pictogram: emoji are answered with 47003.
func pictogram(r rune) bool {
	return r >= 0x1F000 && r <= 0x1FBFF || r == 0x231A || r == 0x23F0 || r == 0x2705 || r == 0x2764 || r == 0x2B50 || r == 0xFE0F || r == 0x20E3
}

func weChatAccepts(keyword, written, v string) bool {
	name := strings.TrimRight(keyword, "0123456789")
	if strings.TrimSpace(v) == "" || !utf8.ValidString(v) || strings.ContainsAny(v, "\r\n\u2028\u2029\ufffd") ||
		strings.ContainsFunc(v, unicode.IsControl) || strings.ContainsFunc(v, pictogram) {
		return false
	}
	if strings.HasPrefix(name, "enum") {
		return true // only the operator's own words get there
	}
	rule, known := keywordRules[name]
	if !known && v == written {
		return true // the operator knows what their template takes
	}
	if !known {
		rule = keywordRules["short_thing"]
	}
	if len(utf16.Encode([]rune(v))) > rule.most {
		return false
	}
	if name == "name" && strings.ContainsFunc(v, oneOf(unicode.Han)) && utf8.RuneCountInString(v) > 10 {
		return false
	}
	if rule.one != nil && strings.ContainsFunc(v, func(r rune) bool { return !rule.one(r) }) {
		return false
	}
	return rule.shape == nil || rule.shape.MatchString(v)
}
