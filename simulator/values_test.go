package simulator_test

import (
	"strings"
	"testing"

	"wxnotify/simulator"
)

// TestValueRules sends values as the only keyword of a template of their kind. The rules
// themselves are tested where they are: in shared/keyword.
func TestValueRules(t *testing.T) {
	s := newFixture(t)
	for kind, values := range map[string]struct{ legal, illegal string }{
		"thing": {"今天下午开会", "👍"}, "short_thing": {"已完成", "已经全部完成"}, "number": {"36.8", "1,000"},
		"letter": {"abc", "a1"}, "symbol": {"!", "a"}, "character_string": {"A-1024", "编号1"}, "time": {"9:30", "9:30 PM"},
		"date": {"2018-01", "明天"}, "amount": {"6000.00元", "6000.00"}, "phone_number": {"138****1234", "电话1"}, "car_number": {"粤AD12345", "粤A 12345"},
		"name": {"张三", "user01"}, "phrase": {"配送中", "已发货！"}, "enum_string": {"客厅", "书房"}, "thing_of_tomorrow": {"已完成", "已经全部完成"},
	} {
		t.Run(kind, func(t *testing.T) {
			keyword := kind + "7"
			err := s.WeChat.AddTemplate(simulator.Template{
				ID: kind, Title: kind, Content: "值:{{" + keyword + ".DATA}}", Enums: map[string][]string{"enum_string7": {"客厅", "厨房"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.WeChat.Subscribe(user, kind, 1); err != nil {
				t.Fatal(err)
			}
			for _, v := range []string{values.illegal, "", " ", "\u3000"} {
				m := s.send(sendBody(t, user, kind, map[string]string{keyword: v}))
				if got := code(t, m); got != 47003 || !strings.Contains(m["errmsg"].(string), "data."+keyword+".value") {
					t.Errorf("%q: got %v, want 47003", v, m)
				}
			}
			m := s.send(sendBody(t, user, kind, map[string]string{keyword: values.legal}))
			if got := code(t, m); got != 0 {
				t.Errorf("%q: got %v, want it accepted", values.legal, m)
			}
		})
	}
}
