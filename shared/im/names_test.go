package im_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func TestNames(t *testing.T) {
	f := replayLess(t, "portrait_get", `["Tag_Profile_IM_Nick"]`, `["Tag_Profile_IM_Nick","Tag_Profile_IM_Image"]`)
	got, err := served(t, f).Names(t.Context(), []notify.UserID{"id1", "id2"})
	if diff := cmp.Diff(map[notify.UserID]string{"id1": "NickNameTest1"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestNamesBatches(t *testing.T) {
	f := &fakeIM{t: t}
	f.answer = func(_ int, _ string, request []byte) (int, string) {
		var q struct {
			To []string `json:"To_Account"`
		}
		if err := json.Unmarshal(request, &q); err != nil || len(q.To) > 100 {
			t.Errorf("%d accounts, %v", len(q.To), err)
		}
		var items []string
		for _, user := range q.To {
			items = append(items, fmt.Sprintf(`{"To_Account":%q,"ResultCode":0,"ProfileItem":[
				{"Tag":"Tag_Other","Value":7},{"Tag":"Tag_Profile_IM_Nick","Value":"nick\nof %s"}]}`, user, user))
		}
		return 200, `{"ErrorCode":0,"UserProfileItem":[` + strings.Join(items, ",") + `]}`
	}
	users := many[notify.UserID](250)
	got, err := served(t, f).Names(t.Context(), append(users, users[:30]...))
	if err != nil || len(got) != 250 || f.calls() != 3 || got["7"] != "nick of 7" {
		t.Errorf("%d names in %d calls, %v; of 7: %q", len(got), f.calls(), err, got["7"])
	}
	if got, err = served(t, f).Names(t.Context(), nil); err != nil || len(got) != 0 || f.calls() != 3 {
		t.Errorf("of nobody: %v, %v after %d more calls", got, err, f.calls()-3)
	}
}

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

func TestGroupNames(t *testing.T) {
	got, err := served(t, replay(t, "group_info")).GroupNames(t.Context(), []notify.GroupID{"@TGS#1NVTZEAE4", "@TGS#1CXTZEAET"})
	if diff := cmp.Diff(map[notify.GroupID]string{"@TGS#1NVTZEAE4": "MyFirstGroup"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
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

func TestGroupNamesBatches(t *testing.T) {
	f := &fakeIM{t: t}
	f.answer = func(n int, _ string, request []byte) (int, string) {
		var q struct {
			Groups []string `json:"GroupIdList"`
		}
		if err := json.Unmarshal(request, &q); err != nil || len(q.Groups) > 50 {
			t.Errorf("%d groups, %v", len(q.Groups), err)
		}
		if n == 2 {
			return always(10004, "no")(0, "", nil)
		}
		var items []string
		for _, group := range q.Groups {
			items = append(items, fmt.Sprintf(`{"GroupId":%q,"ErrorCode":0,"Name":"N"}`, group))
		}
		return 200, `{"ErrorCode":0,"GroupInfo":[` + strings.Join(items, ",") + `]}`
	}
	got, err := served(t, f).GroupNames(t.Context(), many[notify.GroupID](120))
	var api *im.APIError
	if !errors.As(err, &api) || api.Code != 10004 || len(got) != 70 || f.calls() != 3 {
		t.Errorf("%d names in %d calls, %v; want 70 in 3 and code 10004", len(got), f.calls(), err)
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
