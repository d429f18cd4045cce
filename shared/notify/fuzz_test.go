package notify_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

// FuzzStep: a step of a timeline reads back as it was written, and what a store may hold
// instead is refused or read as something that writes back the same.
func FuzzStep(f *testing.F) {
	f.Add([]byte(`{"t":1795305600123,"k":"final","c":"card","m":["m1","m2"],"s":"delivered","r":"read_report","d":"2"}`))
	f.Add([]byte(`{"t":1.7953056e+12,"k":"\ud800"}`))
	f.Add([]byte(`{"t":-9223372036854775808,"m":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again notify.Step
		if json.Unmarshal(b, &s) != nil {
			return
		}
		kept, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", s, err)
		}
		if err := json.Unmarshal(kept, &again); err != nil {
			t.Fatalf("%s cannot be read: %v", kept, err)
		}
		if len(s.Messages) == 0 {
			s.Messages = nil // left out
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Errorf("(-was +is)\n%s", diff)
		}
		if len(kept) > 6*len(b)+64 {
			t.Errorf("%d bytes became %d", len(b), len(kept))
		}
		if s.Before(again) || again.Before(s) {
			t.Error("a step comes before itself")
		}
	})
}

// FuzzPreferences: what passes the check is bounded and survives its JSON; what does not
// names the field. Quiet hours end after they began, within a day.
func FuzzPreferences(f *testing.F) {
	for _, s := range []string{`{"muted":true,"quietHours":"22:30-07:00","mutedPeers":["bob","@TGS#1"]}`, `{"quietHours":"24:00-01:00"}`,
		`{"quietHours":"+1:00-02:00"}`, `{"quietHours":"01:00-01:00"}`, `{"mutedPeers":["",null]}`, `{"quietHours":"00:00-23:59"}`, `{"quietHours":"23:59-00:00"}`} {
		f.Add([]byte(s), int64(1795305600), int8(8))
	}
	clock := regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$`)
	f.Fuzz(func(t *testing.T, b []byte, at int64, offset int8) {
		var p, again notify.Preferences
		if json.Unmarshal(b, &p) != nil {
			return
		}
		err := p.Check()
		end := p.QuietHours.End(time.Unix(at%4102444800, 0), time.FixedZone("", int(offset)*900))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "preferences.") {
				t.Errorf("a fault that names no field: %v", err)
			}
			if p.QuietHours.Check() != nil && !end.IsZero() {
				t.Errorf("%q is refused, and ends at %v", p.QuietHours, end)
			}
			return
		}
		if p.QuietHours != "" && (!clock.MatchString(string(p.QuietHours)) || p.QuietHours[:5] == p.QuietHours[6:]) {
			t.Errorf("accepted quiet hours %q", p.QuietHours)
		}
		if left := time.Until(end) - time.Until(time.Unix(at%4102444800, 0)); !end.IsZero() && (left <= -time.Second || left > 24*time.Hour+time.Second) {
			t.Errorf("%q at %v ends at %v", p.QuietHours, time.Unix(at%4102444800, 0).UTC(), end)
		}
		kept, err := json.Marshal(p)
		if err != nil || json.Unmarshal(kept, &again) != nil || !cmp.Equal(p, again) || len(kept) > 100*64*6+200 {
			t.Errorf("%+v became %+v in %d bytes, %v", p, again, len(kept), err)
		}
	})
}

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
		tmpl, err := notify.NewTemplate(notify.TemplateSpec{ID: "T", Page: page, Data: map[string]string{keyword: text}})
		if err != nil {
			if !strings.Contains(err.Error(), "page") && !strings.Contains(err.Error(), "data."+keyword) && !strings.Contains(err.Error(), "keyword ") {
				t.Errorf("an error that names no place: %v", err)
			}
			return
		}
		rules := notify.DefaultRules()
		rules.Preview = []notify.Preview{notify.PreviewNone, notify.PreviewSender, notify.PreviewText}[how%3]
		rules.Lang = []string{"zh_CN", "en_US", "zh_HK", "zh_TW"}[how>>2&3]
		n := notify.Notice{ID: "a", From: notify.UserID(sender), SentAt: now, Summary: summary, Kind: notify.KindMessage}
		if how&16 != 0 {
			n.Group, n.Kind = "@TGS#1", notify.KindMention
		}
		if how&32 != 0 {
			n.Announcement = &notify.Announcement{Fields: map[string]string{"sender": sender, "summary": summary, "time": shown, "peer": shown, "count": "3"}}
		}
		card, err := tmpl.Render(rules, "c", "o", []notify.Notice{n, n}, notify.Names{sender: summary, "@@TGS#1": summary}, how&64 != 0, now)
		if err != nil {
			return // a template may slice what is too short: that is a dead letter, not an illegal card
		}
		if v, ok := card.Data[keyword]; !ok || len(card.Data) != 1 || !weChatAccepts(keyword, text, v) {
			t.Errorf("%s of %q = %q, which WeChat refuses", keyword, text, v)
		}
		if len(card.Page) > 8<<10 {
			t.Errorf("a page of %d bytes", len(card.Page))
		}
		// The page's own text is the operator's. What is filled in adds no parameter to it.
		if plain := "p?a={{.Sender}}&b={{.Summary}}&c={{.Peer}}&d={{.Group}}&e={{.Time}}"; page == plain || how&128 != 0 {
			filled(t, plain, rules, n, notify.Names{sender: summary}, now)
		}
	})
}

// filled checks that values cannot leave their place in a page's query.
func filled(t *testing.T, page string, rules notify.Rules, n notify.Notice, names notify.Names, now time.Time) {
	tmpl, err := notify.NewTemplate(notify.TemplateSpec{ID: "T", Page: page, Data: map[string]string{"thing1": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	card, err := tmpl.Render(rules, "c", "o", []notify.Notice{n}, names, false, now)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(card.Page, "?")
	values, err := url.ParseQuery(query)
	if path != "p" || err != nil || strings.ContainsAny(card.Page, " \n\r#\x00") {
		t.Errorf("page %q: %v", card.Page, err)
	}
	for name, v := range values {
		if len(v) != 1 || v[0] == "" || !strings.Contains("abcde", name) {
			t.Errorf("%s is %q in %q", name, v, card.Page)
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
