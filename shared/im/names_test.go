package im_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func TestNamesPartly(t *testing.T) {
	const reply = `{"ErrorCode":0,"UserProfileItem":[{"To_Account":"a","ResultCode":0,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"A"}]},
		{"To_Account":"b","ResultCode":40006},{"To_Account":"c","ResultCode":40003},{"To_Account":"x","ResultCode":0},
		{"To_Account":"d","ResultCode":0},{"To_Account":"e","ResultCode":0,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":" \t"}]}],
		"Fail_Account":["b","c"]}`
	f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, reply }}
	got, err := served(t, f).Names(t.Context(), []notify.UserID{"a", "b", "c", "d", "e"})
	var api *im.APIError
	if !errors.As(err, &api) || api.Code != 40006 || !strings.Contains(err.Error(), "1 of 5") {
		t.Errorf("%v, want code 40006 for one of five", err)
	}
	if diff := cmp.Diff(map[notify.UserID]string{"a": "A"}, got); diff != "" {
		t.Error(diff)
	}
}

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

func TestGroupNamesFail(t *testing.T) {
	for _, c := range []struct {
		name, reply string
		groups      []notify.GroupID
		text        string // in the error; empty: none
	}{
		{"the only one is dissolved", `{"ErrorCode":10010}`, []notify.GroupID{"g"}, ""},
		{"one of two is no id", `{"ErrorCode":10015}`, []notify.GroupID{"g", "h"}, "2 of 2"},
		{"broken inside", `{"ErrorCode":0,"GroupInfo":[{"GroupId":"g","ErrorCode":10002}]}`, []notify.GroupID{"g", "h"}, "10002"},
		{"not told", `{"ErrorCode":0}`, []notify.GroupID{"g"}, "not in the reply"},
		{"somebody else's", `{"ErrorCode":0,"GroupInfo":[{"GroupId":"x","Name":"X"}]}`, []notify.GroupID{"g"}, "not in the reply"},
	} {
		f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, c.reply }}
		got, err := served(t, f).GroupNames(t.Context(), c.groups)
		if len(got) != 0 || (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, %v; want %q", c.name, got, err, c.text)
		}
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
