package simulator_test

import (
	"strings"
	"testing"

	"wxnotify/simulator"
)

// TestValueRules sends each value as the only keyword of a template of its kind.
func TestValueRules(t *testing.T) {
	kinds := map[string]struct{ legal, illegal []string }{
		"thing": {
			[]string{"今天下午开会", "a", "Anna: hi!", strings.Repeat("字", 20), "50% ok", "★特价★", "café", "１２３"},
			[]string{strings.Repeat("字", 21), "两\n行", "tab\there", "👍", "好☕", "❤\uFE0F", "zero\u200Bwidth", "bell\a", "\u00A0nbsp", strings.Repeat("𠮷", 11)},
		},
		"number": {
			[]string{"0", "12", "3.14", strings.Repeat("1", 32)},
			[]string{strings.Repeat("1", 33), "-1", "1,000", "99+", "1.", ".5", "一"},
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
			[]string{strings.Repeat("x", 33), "编号1", "ａ"},
		},
		"time": {
			[]string{"15:01", "15:01:59", "2019年10月1日 15:01", "2026-11-22 09:41", "09:00~10:30", "2026-11-22 09:41~2026-11-23 10:00", "2026/11/22 00:00:00"},
			[]string{"24:00", "9:41", "15:60", "15", "2026-11-22", "2026-11-22T09:41", "今天 15:01", "15:01~", "2026-13-01 10:00", "2026-11/22 10:00"},
		},
		"date": {
			[]string{"2019年10月1日", "2019年10月", "10月1日", "2018-01-01", "2018-01", "01-01", "2018/01/01", "2018.1.1", "2019-12-25 09:42", "2019年10月1日 15:01", "2019-12-25~2019-12-31"},
			[]string{"2019", "1日", "15:01", "2019-13-01", "2019-12-32", "19-1-1-1", "2019-12-25T09:42", "明天"},
		},
		"amount": {
			[]string{"￥100", "¥9.90", "$1234567890", "￥100元", "100元", "€5"},
			[]string{"100", "￥12345678901", "￥￥1", "￥1,000", "一百元", "￥"},
		},
		"phone_number": {
			[]string{"+86-0766-66888866", "13800138000", "(010)1234"},
			[]string{"+86-0766-668888666", "call me", "+-", "电话1"},
		},
		"car_number": {
			[]string{"粤A8Z888挂", "粤A8Z888", "ABC123"},
			[]string{"粤A8Z8888挂", "粤粤A888", "A-123", "粤A 88"},
		},
		"name": {
			[]string{"张三", "阿卜杜·热合曼", "Anna Smith", strings.Repeat("a", 20), strings.Repeat("张", 10), "张san"},
			[]string{strings.Repeat("a", 21), strings.Repeat("张", 11), "张aaaaaaaaaa", "user01", "Anna👍"},
		},
		"phrase": {
			[]string{"配送中", "已完成", "一二三四五"},
			[]string{"一二三四五六", "OK", "完成!", "第1步"},
		},
		"enum_string": {
			[]string{"客厅", "厨房"},
			[]string{"书房", "客", "客厅 "},
		},
	}
	s := newStage(t)
	for kind, values := range kinds {
		t.Run(kind, func(t *testing.T) {
			keyword := kind + "7"
			err := s.WeChat.AddTemplate(simulator.Template{
				ID: kind, Title: kind, Content: "值:{{" + keyword + ".DATA}}", Enums: map[string][]string{"enum_string7": {"客厅", "厨房"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			n := len(values.legal)
			if err := s.WeChat.Subscribe(user, kind, n); err != nil {
				t.Fatal(err)
			}
			for _, v := range append(values.illegal, "", " ", "\u3000") {
				m := s.send(sendBody(t, user, kind, map[string]string{keyword: v}))
				if got := code(t, m); got != 47003 || !strings.Contains(m["errmsg"].(string), "data."+keyword+".value") {
					t.Errorf("%s %q: got %v, want 47003", kind, v, m)
				}
			}
			for _, v := range values.legal {
				m := s.send(sendBody(t, user, kind, map[string]string{keyword: v}))
				if got := code(t, m); got != 0 {
					t.Errorf("%s %q: got %v, want it accepted", kind, v, m)
				}
			}
		})
	}
}
