package im_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/notify"
)

// TestGroupNamesOfTopics: two topics of a community cost one look-up, under its id.
func TestGroupNamesOfTopics(t *testing.T) {
	f := &fakeIM{t: t, answer: func(_ int, _ string, request []byte) (int, string) {
		if want := `{"GroupIdList":["@TGS#_c1","g"],"ResponseFilter":{"GroupBaseInfoFilter":["Name"]}}`; string(request) != want {
			t.Errorf("asked %s, want %s", request, want)
		}
		return 200, `{"ErrorCode":0,"GroupInfo":[{"GroupId":"g","Name":"G"},{"GroupId":"@TGS#_c1","ErrorCode":0,"Name":"社群"}]}`
	}}
	got, err := served(t, f).GroupNames(t.Context(), []notify.GroupID{"@TGS#_c1@TOPIC#_a", "@TGS#_c1@TOPIC#_@TOPIC#b", "g", "@TOPIC#_lost", ""})
	want := map[notify.GroupID]string{"@TGS#_c1@TOPIC#_a": "社群", "@TGS#_c1@TOPIC#_@TOPIC#b": "社群", "g": "G"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || f.calls() != 1 {
		t.Errorf("%v after %d calls\n%s", err, f.calls(), diff)
	}
}

// TestUncleanNickname: what can be read of a name is kept.
func TestUncleanNickname(t *testing.T) {
	f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) {
		return 200, `{"UserProfileItem":[{"To_Account":"good","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"张三"}],"ResultCode":0},` +
			"{\"To_Account\":\"bad\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"\x10李四\"}],\"ResultCode\":0}]," +
			`"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`
	}}
	got, err := served(t, f).Names(t.Context(), []notify.UserID{"good", "bad"})
	if err != nil || got["good"] != "张三" || got["bad"] != "李四" || f.calls() != 1 {
		t.Errorf("%q after %d calls, %v", got, f.calls(), err)
	}
}
