package wechat_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/wechat"
)

const templatePath = "/wxaapi/newtmpl/gettemplate"

func TestGetTemplates(t *testing.T) {
	c, api := answered(t, templatePath, string(sample(t, "api-gettemplate.json")))
	got, err := c.GetTemplates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []wechat.Template{
		{
			ID: "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU", Title: "报名结果通知", Type: wechat.OneTime,
			Keywords: []wechat.Keyword{{Name: "date2", Label: "会议时间"}, {Name: "thing1", Label: "会议地点"}},
			Example:  "会议时间:2016年8月8日\n会议地点:TIT会议室\n",
		},
		{
			ID: "cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME", Title: "洗衣机故障提醒", Type: wechat.LongTerm,
			Keywords: []wechat.Keyword{
				{Name: "time1", Label: "完成时间"},
				{Name: "enum_string2", Label: "所在位置", Enum: []string{"客厅", "餐厅", "厨房"}},
				{Name: "enum_string3", Label: "提示说明", Enum: []string{"设备发生故障，导致工作异常，请及时查看"}},
			},
			Example: "完成时间:2021年10月21日 12:00:00\n所在位置:客厅\n提示说明:设备发生故障，导致工作异常，请及时查看\n",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
	if q := api.seen[1].query; q != "access_token=token-1" || len(api.seen[1].body) != 0 {
		t.Errorf("asked with %s and a body of %d bytes", q, len(api.seen[1].body))
	}
}

func TestGetTemplatesWithAFreshToken(t *testing.T) {
	c, api := answered(t, templatePath, `{"errcode":42001,"errmsg":"access_token expired"}`, `{"errcode":0,"data":[]}`)
	if list, err := c.GetTemplates(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("GetTemplates = %v, %v", list, err)
	}
	wantFetches(t, api, 2)
}
