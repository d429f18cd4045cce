package notify_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

var sentAt = time.Date(2031, 5, 1, 1, 41, 0, 0, time.UTC)

func mustTemplate(t testing.TB, data map[string]string) *notify.Template {
	t.Helper()
	tmpl, err := notify.NewTemplate(notify.TemplateSpec{ID: "T1", Page: "/pages/chat/index?peer={{.Peer}}&n={{.Count}}", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func render(t testing.TB, tmpl *notify.Template, r notify.Rules, neutral bool, ns ...notify.Notice) notify.Card {
	t.Helper()
	c, err := tmpl.Render(r, "card", "openid", ns, namesOf(ns), neutral, sentAt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// namesOf has everybody called by his id.
func namesOf(ns []notify.Notice) notify.Names {
	names := notify.Names{}
	for _, n := range ns {
		names[string(n.From)] = string(n.From)
	}
	return names
}

func TestRender(t *testing.T) {
	tmpl := mustTemplate(t, map[string]string{
		"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "number3": "{{.Count}}", "time4": "{{.Time}}", "date5": "{{.Time}}"})
	rules := notify.DefaultRules()
	rules.Preview = notify.PreviewText
	got := render(t, tmpl, rules, false,
		notify.Notice{ID: "a", From: "bob", SentAt: sentAt, Summary: "first"},
		notify.Notice{ID: "b", From: "a&b c", SentAt: sentAt.Add(time.Minute), Summary: "在吗？"})
	want := notify.Card{ID: "card", To: "openid", Template: "T1", Page: "pages/chat/index?peer=a%26b%20c&n=2",
		Data: map[string]string{"thing1": "a&b c", "thing2": "在吗？", "number3": "2",
			"time4": "2031年5月1日 09:42", "date5": "2031年5月1日 09:42"},
		MiniProgramState: "formal", Lang: "zh_CN"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPreview(t *testing.T) {
	tmpl := mustTemplate(t, map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}"})
	n := notify.Notice{ID: "a", From: "bob", SentAt: sentAt, Summary: "the secret plan"}
	for _, c := range []struct {
		name     string
		preview  notify.Preview
		lang     string
		neutral  bool
		notices  int
		from, is string
	}{
		{"none", notify.PreviewNone, "zh_CN", false, 1, "好友", "您有新消息"},
		{"sender", notify.PreviewSender, "zh_CN", false, 1, "bob", "给您发来一条新消息"},
		{"sender of several", notify.PreviewSender, "zh_CN", false, 3, "bob", "给您发来3条新消息"},
		{"sender in English", notify.PreviewSender, "en_US", false, 2, "bob", "sent 2 messages"},
		{"text", notify.PreviewText, "zh_CN", false, 1, "bob", "the secret plan"},
		{"text, wording refused", notify.PreviewText, "zh_CN", true, 1, "好友", "您有新消息"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := notify.DefaultRules()
			r.Preview, r.Lang = c.preview, c.lang
			ns := make([]notify.Notice, c.notices)
			for i := range ns {
				ns[i] = n
			}
			got := render(t, tmpl, r, c.neutral, ns...).Data
			if d := cmp.Diff(map[string]string{"thing1": c.from, "thing2": c.is}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestValues(t *testing.T) {
	rules := notify.DefaultRules()
	rules.Preview = notify.PreviewText
	for _, c := range []struct{ keyword, text, want string }{
		{"thing1", "hello", "hello"},
		{"thing1", "  two\n\tlines \r\n", "two lines"},
		{"thing1", "", "给您发来一条新消息"}, // no text: what the sender did
		{"thing1", "\u200b\u202e\x00\x07", "您有新消息"},
		{"thing1", "😀👨‍👩‍👧 hi ❤️", "hi"},
		{"thing1", "一二三四五六七八九十一二三四五六七八九十", "一二三四五六七八九十一二三四五六七八九十"},
		{"thing1", "一二三四五六七八九十一二三四五六七八九十一", "一二三四五六七八九十一二三四五六七..."},
		{"thing1", strings.Repeat("𠮷", 11), strings.Repeat("𠮷", 8) + "..."}, // two UTF-16 units each
		{"thing1", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", strings.Repeat("e\u0301", 8) + "..."},
		{"thing1", "\xff\xfe ok", "ok"},
		{"number1", "about 42 things", "42"},
		{"number1", "none", "1"},
		{"letter1", "a1b2 c", "abc"},
		{"letter1", "中文", "N"},
		{"symbol1", "a!?b", "!?"},
		{"character_string1", "SF 123 中", "SF123"},
		{"time1", "at 2019年10月1日 15:01 sharp", "2019年10月1日 15:01"},
		{"time1", "soon", "2031年5月1日 09:41"},
		{"date1", "soon", "2031年5月1日 09:41"},
		{"amount1", "costs ￥100.50", "￥100.50"},
		{"phone_number1", "call +86-0766-66888866 now", "+86-0766-66888866"},
		{"car_number1", "粤A8Z888挂", "粤A8Z888挂"},
		{"name1", "张三 zhang", "张三zhang"},
		{"name1", "Ann-Marie O'Neil", "Ann-Marie O'Neil"},
		{"name1", "123", "好友"},
		{"phrase1", "配送中 now 请稍候啊", "配送中请稍"},
		{"phrase1", "none", "新消息"},
	} {
		tmpl := mustTemplate(t, map[string]string{c.keyword: "{{.Summary}}"})
		got := render(t, tmpl, rules, false, notify.Notice{ID: "a", From: "bob", SentAt: sentAt, Summary: c.text}).Data[c.keyword]
		if got != c.want {
			t.Errorf("%s of %q = %q, want %q", c.keyword, c.text, got, c.want)
		}
	}
}

func TestTemplateFaults(t *testing.T) {
	for name, c := range map[string]struct {
		spec notify.TemplateSpec
		want string
	}{
		"no id":               {notify.TemplateSpec{Data: map[string]string{"thing1": "x"}}, "id is empty"},
		"no data":             {notify.TemplateSpec{ID: "T"}, "data is empty"},
		"DATA":                {notify.TemplateSpec{ID: "T", Data: map[string]string{"thing1.DATA": "x"}}, "without .DATA"},
		"type":                {notify.TemplateSpec{ID: "T", Data: map[string]string{"things1": "x"}}, `no type "things"`},
		"empty value":         {notify.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "  "}}, "data.thing1 is empty"},
		"too long":            {notify.TemplateSpec{ID: "T", Data: map[string]string{"thing1": strings.Repeat("x", 21)}}, "data.thing1: WeChat refuses"},
		"wrong for type":      {notify.TemplateSpec{ID: "T", Data: map[string]string{"number1": "many"}}, "data.number1: WeChat refuses"},
		"unknown field":       {notify.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "{{.Name}}"}}, "the fields are .Sender"},
		"broken":              {notify.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "{{.Sender"}}, "data.thing1"},
		"page":                {notify.TemplateSpec{ID: "T", Page: "{{.X}}", Data: map[string]string{"thing1": "x"}}, "page"},
		"enum from a user":    {notify.TemplateSpec{ID: "T", Data: map[string]string{"enum_string2": "{{.Sender}}"}}, "only the values listed"},
		"enum of two lines":   {notify.TemplateSpec{ID: "T", Data: map[string]string{"enum_string2": "客\n厅"}}, "data.enum_string2: WeChat refuses"},
		"only for long texts": {notify.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "{{slice .Summary 0 60}}"}}, "data.thing1"},
		"prints too much":     {notify.TemplateSpec{ID: "T", Data: map[string]string{"thing1": `{{printf "%9000d" 1}}`}}, "8 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := notify.NewTemplate(c.spec)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
	for name, data := range map[string]map[string]string{
		"a written-out enum value": {"enum_string2": "客厅"},
		"a part of the time":       {"date1": "{{slice .Time 0 16}}"},
	} {
		if _, err := notify.NewTemplate(notify.TemplateSpec{ID: "T", Data: data}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// legalValue is the fact sheet's table in another hand: a second opinion on what
// WeChat accepts.
func legalValue(keyword, v string) bool {
	units := len(utf16.Encode([]rune(v)))
	if v == "" || strings.TrimSpace(v) == "" || strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return false
	}
	runes := len([]rune(v))
	only := func(ok func(r rune) bool) bool { return !strings.ContainsFunc(v, func(r rune) bool { return !ok(r) }) }
	switch strings.TrimRight(keyword, "0123456789") {
	case "thing":
		return units <= 20
	case "number":
		return runes <= 32 && only(func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
	case "letter":
		return runes <= 32 && only(func(r rune) bool { return r < 128 && unicode.IsLetter(r) })
	case "symbol":
		return runes <= 5 && only(func(r rune) bool { return r < 128 && (unicode.IsPunct(r) || unicode.IsSymbol(r)) })
	case "character_string":
		return runes <= 32 && only(func(r rune) bool { return r > 32 && r < 127 })
	case "time":
		return regexp.MustCompile(`^(\d+年\d+月\d+日 )?\d{2}:\d{2}$`).MatchString(v)
	case "date":
		return regexp.MustCompile(`^\d+年\d+月\d+日( \d{2}:\d{2})?$`).MatchString(v)
	case "amount":
		return regexp.MustCompile(`^[¥￥$]?\d{1,10}(\.\d+)?元?$`).MatchString(v)
	case "phone_number":
		return runes <= 17 && only(func(r rune) bool { return strings.ContainsRune("0123456789+-", r) })
	case "car_number":
		return runes <= 8
	case "name":
		han := strings.ContainsFunc(v, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		return han && runes <= 10 || !han && runes <= 20
	case "phrase":
		return runes <= 5 && only(func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	return false
}

var keywords = []string{"thing1", "number1", "letter1", "symbol1", "character_string1", "time1", "date1", "amount1",
	"phone_number1", "car_number1", "name1", "phrase1"}

// longestID is how long an id is at most that comes in.
const longestID = 128

// FuzzRender: whatever people write, and call themselves, no card holds a value that WeChat refuses.
func FuzzRender(f *testing.F) {
	data := map[string]string{}
	for _, k := range keywords {
		data[k] = "{{.Sender}}{{.Summary}}"
	}
	tmpl, err := notify.NewTemplate(notify.TemplateSpec{ID: "T1", Page: "/pages/chat/index?peer={{.Peer}}&name={{.Sender}}&n={{.Count}}", Data: data})
	if err != nil {
		f.Fatal(err)
	}
	rules := notify.DefaultRules()
	rules.Preview = notify.PreviewText
	for _, s := range []string{"", "hi", "😀", "12:34", "￥1.", "粤A1", "\u2028\u00a0", "٣٤", "𠮷野家", "1.2.3", "25:61", "a\u0301\u0301"} {
		f.Add("bob", s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		rs := make([]rune, r.IntN(40))
		for i := range rs {
			rs[i] = rune(r.IntN(0x20000))
		}
		f.Add(string(rs), string(rs))
	}
	f.Fuzz(func(t *testing.T, sender, text string) {
		n := notify.Notice{ID: "a", From: notify.UserID(sender[:min(len(sender), longestID)]), SentAt: sentAt, Summary: text}
		c, err := tmpl.Render(rules, "card", "openid", []notify.Notice{n}, notify.Names{string(n.From): sender}, false, sentAt)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.Data {
			if !legalValue(k, v) {
				t.Errorf("%s of %q and %q = %q, which WeChat refuses", k, sender, text, v)
			}
		}
		if strings.ContainsAny(c.Page, " \n#") {
			t.Errorf("page %q", c.Page)
		}
	})
}
