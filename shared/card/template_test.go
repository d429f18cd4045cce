package card_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
)

var sentAt = time.Date(2031, 5, 1, 1, 41, 0, 0, time.UTC)

func mustTemplate(t testing.TB, data map[string]string) *card.Template {
	t.Helper()
	tmpl, err := card.NewTemplate(card.TemplateSpec{ID: "T1", Page: "/pages/chat/index?peer={{.Peer}}&n={{.Count}}", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// byDefault is how cards look by default.
var byDefault = card.Style{Preview: card.PreviewSender, Lang: "zh_CN", MiniProgramState: "formal"}

func render(t testing.TB, tmpl *card.Template, r card.Style, neutral bool, ns ...card.Notice) card.Card {
	t.Helper()
	c, err := tmpl.Render(r, "card", "openid", ns, namesOf(ns), neutral, sentAt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// namesOf has everybody called by their id.
func namesOf(ns []card.Notice) card.Names {
	names := card.Names{}
	for _, n := range ns {
		names[string(n.From)] = string(n.From)
	}
	return names
}

func TestRender(t *testing.T) {
	tmpl := mustTemplate(t, map[string]string{
		"thing1": "{{.Sender}}", "thing2": "{{.Summary}}", "number3": "{{.Count}}", "time4": "{{.Time}}", "date5": "{{.Time}}"})
	style := byDefault
	style.Preview = card.PreviewText
	got := render(t, tmpl, style, false,
		card.Notice{ID: "a", From: "bob", SentAt: sentAt, Summary: "first"},
		card.Notice{ID: "b", From: "a&b c", SentAt: sentAt.Add(time.Minute), Summary: "在吗？"})
	want := card.Card{ID: "card", To: "openid", Template: "T1", Page: "pages/chat/index?peer=a%26b%20c&n=2",
		Data: map[string]string{"thing1": "a&b c", "thing2": "在吗？", "number3": "2",
			"time4": "2031年5月1日 09:42", "date5": "2031年5月1日 09:42"},
		MiniProgramState: "formal", Lang: "zh_CN"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPreview(t *testing.T) {
	tmpl := mustTemplate(t, map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Summary}}"})
	n := card.Notice{ID: "a", From: "bob", SentAt: sentAt, Summary: "the secret plan"}
	for _, c := range []struct {
		name     string
		preview  card.Preview
		lang     string
		neutral  bool
		notices  int
		from, is string
	}{
		{"none", card.PreviewNone, "zh_CN", false, 1, "好友", "您有新消息"},
		{"sender", card.PreviewSender, "zh_CN", false, 1, "bob", "给您发来一条新消息"},
		{"sender of several", card.PreviewSender, "zh_CN", false, 3, "bob", "给您发来3条新消息"},
		{"sender in English", card.PreviewSender, "en_US", false, 2, "bob", "sent 2 messages"},
		{"text", card.PreviewText, "zh_CN", false, 1, "bob", "the secret plan"},
		{"text, wording refused", card.PreviewText, "zh_CN", true, 1, "好友", "您有新消息"},
	} {
		t.Run(c.name, func(t *testing.T) {
			style := byDefault
			style.Preview, style.Lang = c.preview, c.lang
			ns := make([]card.Notice, c.notices)
			for i := range ns {
				ns[i] = n
			}
			got := render(t, tmpl, style, c.neutral, ns...).Data
			if d := cmp.Diff(map[string]string{"thing1": c.from, "thing2": c.is}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestValues(t *testing.T) {
	style := byDefault
	style.Preview = card.PreviewText
	for _, c := range []struct{ keyword, text, want string }{
		{"thing1", "hello", "hello"},
		{"thing1", "  two\n\tlines \r\n", "two lines"},
		{"thing1", "", "给您发来一条新消息"}, // no text: what the sender did
		{"thing1", "\u200b\u202e\x00\x07", "给您发来一条新消息"},
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
		{"name1", "张三 zhang", "张三·zhang"},
		{"name1", "Ann-Marie O'Neil", "Ann-Marie O'Neil"},
		{"name1", "Ann-Marie O'Neil Smith", "Ann-Marie O'Neil Smi"},
		{"name1", "123", "好友"},
		{"phrase1", "配送中 now 请稍候啊", "配送中"},
		{"phrase1", "-- 您的货已经发出", "您的货已经"},
		{"phrase1", "none", "您有新消息"},
		{"short_thing1", "明天下午 3 点开会", "明天下午"},
		{"short_thing1", "共12800元", "您有新消息"},
	} {
		tmpl := mustTemplate(t, map[string]string{c.keyword: "{{.Summary}}"})
		got := render(t, tmpl, style, false, card.Notice{ID: "a", From: "bob", SentAt: sentAt, Summary: c.text}).Data[c.keyword]
		if got != c.want {
			t.Errorf("%s of %q = %q, want %q", c.keyword, c.text, got, c.want)
		}
	}
}

// TestAnnouncedValues: what a backend announces is shown as it is, in a spelling that WeChat
// takes and that says the same, or not at all: never is another value made of it.
func TestAnnouncedValues(t *testing.T) {
	for _, c := range []struct {
		keyword string
		asIs    []string
		sentAs  map[string]string // the same in another spelling, or its beginning
		refused []string
	}{
		{keyword: "time1",
			asIs: []string{"2026年12月24日 9:30", "2026-12-24 09:30:00", "2026/12/24 9:30", "08:30~10:00"},
			sentAs: map[string]string{
				"2026年12月24日9：30": "2026年12月24日 9:30", "08:30 ～ 10:00": "08:30~10:00", "08:30-10:00": "08:30~10:00",
				"2026-12-24 08:30-10:00":             "2026-12-24 08:30~10:00",
				"2026年12月24日 8:30至2026年12月25日 10:00": "2026年12月24日 8:30~2026年12月25日 10:00",
			},
			refused: []string{"soon", "2031-02-03", "24:10", "9:30 PM", "2月3日 9:31", "2026-12-24T09:30:00+08:00", "about 09:30"}},
		{keyword: "date1",
			asIs:    []string{"2026-12-24", "2026年12月", "12月24日", "2026.12.24", "2026-12-24 09:30"},
			sentAs:  map[string]string{"2026-12-24至2026-12-26": "2026-12-24~2026-12-26", "12.24-12.26": "12.24~12.26"},
			refused: []string{"2026-12-24-2026-12-26", "2026-01-02-03", "09:31", "2026-13-24", "tomorrow"}},
		{keyword: "amount1",
			asIs: []string{"6000.00元"},
			sentAs: map[string]string{
				"￥1,280.50": "￥1280.50", "6000.00": "6000.00元", "$ 12": "$12", "1,234,567元": "1234567元", "１２．５０元": "12.50元",
				"12.50 元": "12.50元", "￥１,２８０.50": "￥1280.50",
			},
			refused: []string{
				"100 200", "12 50", "3 100元", "￥3 100", "100，200", "￥12💰50", "￥1,28", "-5.00", "￥-5.00", "3万元", "￥100-200",
				"12345678901元",
			}},
		{keyword: "car_number1",
			asIs:    []string{"粤AD12345"},
			sentAs:  map[string]string{"粤A·D12345": "粤AD12345", "粤A 12345": "粤A12345"},
			refused: []string{"粤A8Z8888挂"}},
		{keyword: "number1",
			asIs:    []string{"36.8"},
			sentAs:  map[string]string{"1,280": "1280", "３６．８": "36.8", "⭐5⭐": "5"},
			refused: []string{"101，102", "12 50", "-3", "85%", "3 items", "10➖20", "3⭐5", "3🏽5", "10\ufffd20", "10\xff20"}},
		{keyword: "phone_number1",
			asIs:    []string{"138****1234", "400-123-4567"},
			sentAs:  map[string]string{"+86 138 0013 8000": "+8613800138000", "(0755) 8888-6666": "(0755)8888-6666", "010 12345678": "01012345678"},
			refused: []string{"8001 8002", "88886666 88886667", "８００１　８００２", "010-12345678转8", "138-0013-8000-13800"}},
		{keyword: "phrase1",
			asIs:   []string{"已发货"},
			sentAs: map[string]string{"已发货，请查收": "已发货", "已发货🎉！": "已发货", "已取消；原因：超时": "已取消"},
			refused: []string{
				"订单：已取消", "审核-未通过", "审核/未通过", "不,已取消", "订单 已取消", "已退款（部分）", "您的货已经发出", "第1步", "shipped",
			}},
		{keyword: "letter1",
			asIs:    []string{"abc"},
			refused: []string{"a1"}},
		{keyword: "symbol1",
			asIs:    []string{"!?"},
			refused: []string{"a!"}},
		{keyword: "character_string1",
			asIs:    []string{"SF-1024"},
			sentAs:  map[string]string{"ＳＦ１０２４": "SF1024"},
			refused: []string{"SF 1024", "单号1024"}},
		{keyword: "name1",
			asIs:    []string{"张三"},
			sentAs:  map[string]string{"顺丰 小王": "顺丰·小王"},
			refused: []string{"客服01", "阿卜杜热合曼买买提江艾力"}},
		{keyword: "thing1",
			sentAs: map[string]string{
				"一二三四五六七八九十一二三四五六七八九十一":      "一二三四五六七八九十一二三四五六七...",
				"您的订单已经发货，合计金额￥1280.50元":     "您的订单已经发货，合计金额...",
				"包裹到了，取件请拨打 138 0013 8000 转": "包裹到了，取件请拨打...",
				"包裹到了，取件请拨打 138-0013—8000":   "包裹到了，取件请拨打...",
				"您的订单已经发货，合计金额１２８０元，请查收":     "您的订单已经发货，合计金额...",
				"您的订单已经全部发货，到货率为95%，请查收":     "您的订单已经全部发货，到货率为...",
				"您的订单已经发货，单号 1024 请注意查收":     "您的订单已经发货，单号 1024...", "😀 shipped": "shipped", "满2✖3件": "满2 3件",
				"Anna👍": "Anna", "Anna 👨‍👩‍👧 👍🏽 Smith": "Anna Smith", "3️⃣号楼 ©2026 ★": "3号楼 ©2026 ★",
			},
			refused: []string{strings.Repeat("1234567890", 3)}},
		{keyword: "short_thing1",
			asIs:   []string{"已完成", "满5减1"},
			sentAs: map[string]string{"照片已经冲印好": "照片已经冲"},
			refused: []string{
				"共12800元", "12345万", "9:30 PM", "12.5 万元", "1280 元/月", "12345%", "12:30—13:30", "12345 6", "１２３４５６", "十二月二十四日",
				"壹仟贰佰叁拾元", "满100减50", "100 km",
			}},
		{keyword: "thing_of_tomorrow1",
			sentAs:  map[string]string{"照片已经冲印好": "照片已经冲"},
			refused: []string{"2031-02-03", "100 km"}},
	} {
		want := maps.Clone(c.sentAs)
		if want == nil {
			want = map[string]string{}
		}
		for _, text := range c.asIs {
			want[text] = text
		}
		for _, text := range c.refused {
			want[text] = ""
		}
		for text, want := range want {
			checkAnnounced(t, c.keyword, text, want)
		}
	}
}

// checkAnnounced wants a value that a backend announced to be sent as want; "": not at all.
func checkAnnounced(t *testing.T, keyword, text, want string) {
	t.Helper()
	tmpl := mustTemplate(t, map[string]string{keyword: "{{.Summary}}"})
	n := card.Notice{ID: "a", Kind: "order", SentAt: sentAt, Announcement: &fact.Announcement{Fields: map[string]string{"summary": text}}}
	words := slices.Contains([]string{"thing1", "short_thing1", "thing_of_tomorrow1", "name1", "phrase1"}, keyword)
	for _, neutral := range []bool{false, !words} { // words may give way to neutral ones, facts may not
		c, err := tmpl.Render(byDefault, "card", "openid", []card.Notice{n}, nil, neutral, sentAt)
		if got := c.Data[keyword]; got != want {
			t.Errorf("%s of %q = %q, want %q (neutral %v)", keyword, text, got, want, neutral)
		}
		unfit, _ := errors.AsType[*card.UnfitError](err)
		if want == "" && (unfit == nil || unfit.Keyword != keyword || cmp.Diff(unfit.Fields, []string{".Summary"}) != "" || strings.Contains(err.Error(), text)) {
			t.Errorf("%s of %q: %v, want an error that names the keyword and its field, and not the value", keyword, text, err)
		}
	}
}

// TestNothingLeftOfAField: where nothing of a field can be shown a word stands for it that
// suits the field.
func TestNothingLeftOfAField(t *testing.T) {
	tmpl := mustTemplate(t, map[string]string{"thing1": "{{.Sender}}", "thing2": "{{.Group}}", "name3": "{{.Sender}}", "short_thing4": "{{.Sender}}", "thing5": "{{.Summary}}", "phrase6": "{{.Sender}}"})
	style := byDefault
	style.Preview = card.PreviewText
	for _, nothing := range []string{"", " \t", "😀👨‍👩‍👧", "\u2800\u3164", "\u115f\u200b\u00ad", "🇨🇳", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "❤", "⏰⌚", "🙂‍↔️", "\ufe0f", "\u0301", "\U000E0041"} {
		group := card.Notice{ID: "a", From: "bob", Group: "g", SentAt: sentAt, Summary: nothing}
		single := group
		single.Group = ""
		order := card.Notice{ID: "a", Kind: "order", SentAt: sentAt, Announcement: &fact.Announcement{Fields: map[string]string{"sender": nothing, "group": nothing, "summary": nothing}}}
		for name, c := range map[string]struct {
			n    card.Notice
			want map[string]string
		}{
			"in a group":   {group, map[string]string{"thing1": "好友", "thing2": "群聊", "name3": "好友", "short_thing4": "好友", "thing5": "给您发来一条新消息", "phrase6": "好友"}},
			"one to one":   {single, map[string]string{"thing1": "好友", "thing2": "单聊", "name3": "好友", "short_thing4": "好友", "thing5": "给您发来一条新消息", "phrase6": "好友"}},
			"announcement": {order, map[string]string{"thing1": "系统通知", "thing2": "单聊", "name3": "系统通知", "short_thing4": "系统通知", "thing5": "您有新消息", "phrase6": "系统通知"}},
		} {
			sent, err := tmpl.Render(style, "card", "openid", []card.Notice{c.n}, card.Names{"bob": nothing, "@g": nothing}, false, sentAt)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, sent.Data); d != "" {
				t.Errorf("%q, %s: %s", nothing, name, d)
			}
		}
	}
}

// TestNeutralWordsFit: a card that goes out again with words of ours is made in every language
// and of every type that shows words, of an announcement too.
func TestNeutralWordsFit(t *testing.T) {
	for lang, want := range map[string]map[string]string{
		"zh_CN": {"thing1": "您有新消息", "short_thing1": "您有新消息", "name1": "系统通知", "phrase1": "您有新消息", "thing_of_tomorrow1": "您有新消息"},
		"en_US": {"thing1": "New message", "short_thing1": "New m", "name1": "The service", "phrase1": "新消息", "thing_of_tomorrow1": "New m"},
	} {
		style := byDefault
		style.Lang = lang
		for keyword, want := range want {
			field := map[bool]string{true: "{{.Sender}}", false: "{{.Summary}}"}[keyword == "name1"]
			n := card.Notice{ID: "a", Kind: "order", SentAt: sentAt, Announcement: &fact.Announcement{Fields: map[string]string{"sender": "顺丰", "summary": "已发货"}}}
			if got := render(t, mustTemplate(t, map[string]string{keyword: field}), style, true, n).Data[keyword]; got != want {
				t.Errorf("%s in %s shows %q, want %q", keyword, lang, got, want)
			}
		}
	}
}

// TestPageWithoutValues: a page is opened without the parameters for which there is nothing.
func TestPageWithoutValues(t *testing.T) {
	for page, want := range map[string]string{
		"pages/chat/index?peer={{.Peer}}":                                "pages/chat/index",
		"pages/chat/index?peer={{.Peer}}&n={{.Count}}":                   "pages/chat/index?n=1",
		"p?from={{.Sender}}&tab=2&group={{.Group}}&peer={{.Peer}}":       "p?tab=2",
		"p?text={{.Summary}}&peer={{if .Peer}}{{.Peer}}{{end}}&id=o-1#x": "p?text=shipped&id=o-1#x",
		"pages/x?scene=YQ==&peer={{.Peer}}&a=b=&raw":                     "pages/x?scene=YQ==&a=b=&raw",
		"p": "p", "": "",
	} {
		tmpl, err := card.NewTemplate(card.TemplateSpec{ID: "T", Page: page, Data: map[string]string{"thing1": "{{.Summary}}"}})
		if err != nil {
			t.Fatal(err)
		}
		n := card.Notice{ID: "a", Kind: "order", SentAt: sentAt, Announcement: &fact.Announcement{Fields: map[string]string{"summary": "shipped"}}}
		if got := render(t, tmpl, byDefault, false, n).Page; got != want {
			t.Errorf("%s opens %q, want %q", page, got, want)
		}
	}
}

// TestOneBadTemplate: a fault in an optional template disables that one; what has a kind of
// its own falls back to message, but an announcement, whose fields mean what its backend says.
func TestOneBadTemplate(t *testing.T) {
	good := map[string]string{"thing1": "{{.Sender}}"}
	specs := map[fact.Kind]card.TemplateSpec{
		"message": {ID: "T1", Data: good}, "call": {ID: "T2", Data: good},
		"digest":      {Data: good},
		"mention":     {ID: "T3", Data: map[string]string{"thing1": "{{.Sendr}}"}},
		"missed_call": {ID: "T1", LongTerm: true, Data: good},
		"order":       {ID: "T4", Data: map[string]string{"thing": "x"}},
		"photo":       {ID: "T5", Data: good, Fault: errors.New("cannot be read")},
		"parcel":      {ID: "T6", Data: map[string]string{"const1": "已经到了您的驿站里", "short_thing2": "{{.Summary}}"}},
	}
	ts, err := card.NewTemplates(specs)
	if err != nil {
		t.Fatal(err)
	}
	disabled := map[fact.Kind]string{}
	for _, d := range ts.Disabled() {
		disabled[d.Kind] = d.Error()
	}
	for kind, says := range map[fact.Kind]string{"digest": "id is empty", "mention": ".Sender", "missed_call": "long_term", "order": "thing1", "photo": "cannot be read"} {
		if !strings.Contains(disabled[kind], "templates."+string(kind)) || !strings.Contains(disabled[kind], says) {
			t.Errorf("%s is disabled because of %q, want it to say %q", kind, disabled[kind], says)
		}
	}
	if d := cmp.Diff([]fact.Kind{"call", "message", "parcel"}, ts.Kinds()); d != "" || len(disabled) != 5 {
		t.Errorf("the kinds left are wrong: %s; disabled %v", d, disabled)
	}
	if w := ts.Warnings(); len(w) != 1 || !strings.Contains(w[0], "templates.parcel: data.const1") {
		t.Errorf("warnings %q, want one about the type const", w)
	}
	for kind, want := range map[fact.Kind]fact.TemplateID{"digest": "T1", "mention": "T1", "missed_call": "T1", "call": "T2", "other": "T1"} {
		if got := ts.For(kind).ID(); got != want {
			t.Errorf("%s goes out as %s, want %s", kind, got, want)
		}
	}
	n := card.Notice{ID: "a", Kind: "order", SentAt: sentAt, Announcement: &fact.Announcement{}}
	for _, kind := range []fact.Kind{"order", "photo"} {
		_, err := ts.For(kind).Render(byDefault, "card", "openid", []card.Notice{n}, nil, false, sentAt)
		if d, ok := errors.AsType[*card.DisabledError](err); !ok || d.Kind != kind {
			t.Errorf("a card of %s: %v", kind, err)
		}
	}
	specs["message"] = card.TemplateSpec{ID: "T1", Data: map[string]string{"thing": "x"}}
	if ts, err := card.NewTemplates(specs); err == nil || !strings.Contains(err.Error(), "templates.message") || len(ts.Kinds()) != 0 {
		t.Errorf("a fault in message: %v, %v", err, ts.Kinds())
	}
}

func TestTemplateFaults(t *testing.T) {
	for name, c := range map[string]struct {
		spec card.TemplateSpec
		want string
	}{
		"no id":               {card.TemplateSpec{Data: map[string]string{"thing1": "x"}}, "id is empty"},
		"the example's id":    {card.TemplateSpec{ID: "the-id-of-your-template", Data: map[string]string{"thing1": "x"}}, "id is still the example's"},
		"no data":             {card.TemplateSpec{ID: "T"}, "data is empty"},
		"DATA":                {card.TemplateSpec{ID: "T", Data: map[string]string{"thing1.DATA": "x"}}, "without .DATA"},
		"no number":           {card.TemplateSpec{ID: "T", Data: map[string]string{"thing": "x"}}, "such as thing1"},
		"empty value":         {card.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "  "}}, "data.thing1 is empty"},
		"too long":            {card.TemplateSpec{ID: "T", Data: map[string]string{"thing1": strings.Repeat("x", 21)}}, "data.thing1: WeChat refuses"},
		"wrong for type":      {card.TemplateSpec{ID: "T", Data: map[string]string{"number1": "many"}}, "data.number1: WeChat refuses"},
		"unknown field":       {card.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "{{.Sendr}}"}}, "data.thing1: there is no field .Sendr (the fields are .Sender .Summary .Count .Group .Time .Peer)"},
		"broken":              {card.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "{{.Sender"}}, "data.thing1"},
		"page":                {card.TemplateSpec{ID: "T", Page: "{{.X}}", Data: map[string]string{"thing1": "x"}}, "page: there is no field .X ("},
		"enum from a user":    {card.TemplateSpec{ID: "T", Data: map[string]string{"enum_string2": "{{.Sender}}"}}, "only the values listed"},
		"enum of two lines":   {card.TemplateSpec{ID: "T", Data: map[string]string{"enum_string2": "客\n厅"}}, "data.enum_string2: WeChat refuses"},
		"only for long texts": {card.TemplateSpec{ID: "T", Data: map[string]string{"thing1": "{{slice .Summary 0 60}}"}}, "data.thing1"},
		"prints too much":     {card.TemplateSpec{ID: "T", Data: map[string]string{"thing1": `{{printf "%9000d" 1}}`}}, "8 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := card.NewTemplate(c.spec)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
	for name, data := range map[string]map[string]string{
		"a written-out enum value": {"enum_string2": "客厅"},
		"a part of the time":       {"date1": "{{slice .Time 0 16}}"},
	} {
		if _, err := card.NewTemplate(card.TemplateSpec{ID: "T", Data: data}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var keywords = []string{"thing1", "number1", "letter1", "symbol1", "character_string1", "time1", "date1", "amount1",
	"phone_number1", "car_number1", "name1", "phrase1", "short_thing1", "thing_of_tomorrow1"}

// longestID is how long an id is at most that comes in.
const longestID = 128

// FuzzRender: whatever people write, and call themselves, no card holds a value that WeChat refuses.
func FuzzRender(f *testing.F) {
	data := map[string]string{}
	for _, k := range keywords {
		data[k] = "{{.Sender}}{{.Summary}}"
	}
	tmpl, err := card.NewTemplate(card.TemplateSpec{ID: "T1", Page: "/pages/chat/index?peer={{.Peer}}&name={{.Sender}}&n={{.Count}}", Data: data})
	if err != nil {
		f.Fatal(err)
	}
	style := byDefault
	style.Preview = card.PreviewText
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
		n := card.Notice{ID: "a", From: fact.UserID(sender[:min(len(sender), longestID)]), SentAt: sentAt, Summary: text}
		c, err := tmpl.Render(style, "card", "openid", []card.Notice{n}, card.Names{string(n.From): sender}, false, sentAt)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.Data {
			if !weChatAccepts(k, "", v) {
				t.Errorf("%s of %q and %q = %q, which WeChat refuses", k, sender, text, v)
			}
		}
		if strings.ContainsAny(c.Page, " \n#") {
			t.Errorf("page %q", c.Page)
		}
	})
}
