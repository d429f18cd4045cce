package keyword_test

import (
	"strings"
	"testing"
	"unicode"

	"wxnotify/shared/keyword"
)

func TestTypes(t *testing.T) {
	short := struct{ legal, illegal []string }{
		[]string{"已完成", "Done!", "3件", "一二三四五"},
		[]string{"一二三四五六", "👍", "a\nb", "123456", "𠮷𠮷𠮷"},
	}
	for name, values := range map[string]struct{ legal, illegal []string }{
		"thing": {
			[]string{"今天下午开会", "a", "Anna: hi!", strings.Repeat("字", 20), "50% ok", "★特价★", "café", "１２３", "©2026 ™", "① →", "1 # *", "♪"},
			[]string{strings.Repeat("字", 21), "两\n行", "tab\there", "👍", "好☕", "❤\uFE0F", "❤", "zero\u200Bwidth", "bell\a", "\u00A0nbsp", strings.Repeat("𠮷", 11),
				"1\uFE0F\u20E3", "🇨🇳", "⏰", "\u3164", "\u2800", "a\u115fb", "\ufffd", "\xff", "\U0001FAEA", "\u2028"},
		},
		"short_thing":       short,
		"thing_of_tomorrow": short,
		"number": {
			[]string{"0", "12", "3.14", "36.8", strings.Repeat("1", 32)},
			[]string{strings.Repeat("1", 33), "-1", "1,000", "99+", "1.", ".5", "一", "１２"},
		},
		"letter": {
			[]string{"abc", strings.Repeat("Z", 32)},
			[]string{strings.Repeat("Z", 33), "a1", "a b", "é"},
		},
		"symbol": {
			[]string{"!", "*****", "￥$%"},
			[]string{"******", "a", "1", "! !"},
		},
		"character_string": {
			[]string{"A-1024", strings.Repeat("x", 32), "a_b+c@d.e"},
			[]string{strings.Repeat("x", 33), "编号1", "ａ", "a b"},
		},
		"time": {
			[]string{"15:01", "9:41", "15:01:59", "2019年10月1日 15:01", "2026年12月24日 9:30", "2026-11-22 09:41", "09:00~10:30", "2026-11-22 09:41~2026-11-23 10:00", "2026/11/22 00:00:00"},
			[]string{"24:00", "15:60", "15", "2026-11-22", "2026-11-22T09:41", "今天 15:01", "15:01~", "2026-13-01 10:00", "2026-11/22 10:00", "10月1日 15:01", "09:00-10:30"},
		},
		"date": {
			[]string{"2019年10月1日", "2019年10月", "10月1日", "2018-01-01", "2018-01", "01-01", "2018/01/01", "2018.1.1", "2019-12-25 09:42", "2019年10月1日 15:01", "2019-12-25~2019-12-31"},
			[]string{"2019", "1日", "15:01", "2019-13-01", "2019-12-32", "19-1-1-1", "2019-12-25T09:42", "明天"},
		},
		"amount": {
			[]string{"￥100", "¥9.90", "$1234567890", "￥100元", "100元", "6000.00元", "€5", "￥1280.50"},
			[]string{"100", "￥12345678901", "￥￥1", "￥1,000", "一百元", "￥", "-5元", "￥1.", "$-5"},
		},
		"phone_number": {
			[]string{"+86-0766-66888866", "13800138000", "(010)1234", "138****1234", "400-123-4567", "12345678901234567"},
			[]string{"+86-0766-668888666", "call me", "+-", "电话1", "138 0013 8000"},
		},
		"car_number": {
			[]string{"粤A8Z888挂", "粤A8Z888", "ABC123", "粤AD12345", "使014578"},
			[]string{"粤A8Z8888挂", "粤粤A888", "A-123", "粤A 88", "粤A·12345"},
		},
		"name": {
			[]string{"张三", "阿卜杜·热合曼", "Anna Smith", strings.Repeat("a", 20), strings.Repeat("张", 10), "张san", "Анна"},
			[]string{strings.Repeat("a", 21), strings.Repeat("张", 11), "张aaaaaaaaaa", "user01", "Anna👍", "张 三", "··"},
		},
		"phrase": {
			[]string{"配送中", "已完成", "一二三四五"},
			[]string{"一二三四五六", "OK", "完成!", "第1步"},
		},
	} {
		kind, err := keyword.Of(name + "7")
		if err != nil || kind.Name != name || kind.Known != (name != "thing_of_tomorrow") || kind.Takes == "" {
			t.Fatalf("%s: %+v, %v", name, kind, err)
		}
		for _, v := range append(values.legal, kind.Example) {
			if !kind.Legal(v) {
				t.Errorf("%s: %q is refused", name, v)
			}
		}
		for _, v := range append(values.illegal, "", " ", "\u3000") {
			if kind.Legal(v) {
				t.Errorf("%s: %q is taken", name, v)
			}
		}
	}
	if kind, err := keyword.Of("enum_string2"); err != nil || !kind.Enum || !kind.Legal("客厅") {
		t.Errorf("enum_string2: %+v, %v", kind, err)
	}
	for _, name := range []string{"thing", "thing1.DATA", "1", "", "thing 1", "thing1234", "东西1"} {
		if _, err := keyword.Of(name); err == nil || !strings.Contains(err.Error(), "such as thing1") {
			t.Errorf("keyword %q: %v", name, err)
		}
	}
	if (keyword.Type{}).Legal("x") {
		t.Error("the zero Type takes something")
	}
}

// TestEmoji holds the list to what Unicode says of single characters.
func TestEmoji(t *testing.T) {
	for _, r := range "😀👍🏽🇨⌚⏰⏳☔☕♈♿⚓⚡⚪⚽⛄⛎⛔⛪⛲⛵⛺⛽✅✊✨❌❎❓❗➕➰➿⬛⭐⭕☀☺♥❤✈✔" {
		if !keyword.IsEmoji(r) {
			t.Errorf("%c %U is no emoji", r, r)
		}
	}
	for _, r := range "0123456789#*©®™‼⁉ℹ→↔★☆✓♪①㊗〰°§€中あ가Ж" {
		if keyword.IsEmoji(r) || keyword.Invisible(r) || keyword.EmojiMark(r) {
			t.Errorf("%c %U is not taken for text", r, r)
		}
	}
	for _, r := range []rune{0, '\a', 0x00AD, 0x034F, 0x115F, 0x1160, 0x17B4, 0x180B, 0x200B, 0x200D, 0x202E, 0x2060, 0x2800, 0x3164, 0xFE0E, 0xFEFF, 0xFFA0, 0xE0041, 0xE0100, 0xE000, unicode.MaxRune} {
		if !keyword.Invisible(r) {
			t.Errorf("%U is visible", r)
		}
	}
	for _, r := range " \t\n\u00a0\u3000\u2028" {
		if keyword.Invisible(r) {
			t.Errorf("white space %U is invisible: it parts words", r)
		}
	}
}
