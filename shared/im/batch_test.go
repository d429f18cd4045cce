package im_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

// TestBadItem: one item of a list that cannot be read, or not quite, costs that item only,
// neither those before nor those behind it.
func TestBadItem(t *testing.T) {
	users := []notify.UserID{"a", "bad", "c"}
	for api, c := range map[string]struct {
		item string // %s: the id, with quotes; then whatever the API tells of it
		list string // %s: the items
		ask  func(*im.Client) ([]string, error)
	}{
		"portrait_get": {
			`{"To_Account":%s,"ResultCode":0,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"N"}]}`, `"UserProfileItem":[%s]`,
			func(c *im.Client) ([]string, error) {
				names, err := c.Names(t.Context(), users)
				return keys(names), err
			},
		},
		"query_online_status": {
			`{"To_Account":%s,"Status":"Offline"}`, `"QueryResult":[%s]`,
			func(c *im.Client) ([]string, error) {
				statuses, err := c.Presence(t.Context(), users)
				return keys(statuses), err
			},
		},
		"query_online_status, unknown accounts": {
			`{"To_Account":%s,"ErrorCode":70107}`, `"QueryResult":[],"ErrorList":[%s]`,
			func(c *im.Client) ([]string, error) {
				statuses, err := c.Presence(t.Context(), users)
				return keys(statuses), err
			},
		},
		"get_group_info": {
			`{"GroupId":%s,"ErrorCode":0,"Name":"N"}`, `"GroupInfo":[%s]`,
			func(c *im.Client) ([]string, error) {
				names, err := c.GroupNames(t.Context(), []notify.GroupID{"a", "bad", "c"})
				return keys(names), err
			},
		},
		"get_group_member_info": {
			`{"Member_Account":%s,"MsgFlag":"AcceptAndNotify"}`, `"MemberList":[%s]`,
			func(c *im.Client) ([]string, error) {
				members, _, err := c.Members(t.Context(), "g", notify.GroupPublic, "")
				return memberIDs(members), err
			},
		},
		"get_specified_group_member_info": {
			`{"Member_Account":%s,"MsgFlag":"AcceptAndNotify"}`, `"MemberList":[%s]`,
			func(c *im.Client) ([]string, error) {
				members, err := c.MembersAmong(t.Context(), "g", users)
				return memberIDs(members), err
			},
		},
		"get_c2c_unread_msg_num": {
			`{"Peer_Account":%s,"C2CUnreadMsgNum":1}`, `"AllC2CUnreadMsgNum":3,"C2CUnreadMsgNumList":[%s]`,
			func(c *im.Client) ([]string, error) {
				_, by, err := c.Unread(t.Context(), "u", users)
				return keys(by), err
			},
		},
	} {
		item := func(id string) string { return fmt.Sprintf(c.item, id) }
		whole := strings.NewReplacer(`"N"`, "\"\x10\xe4\xbd\"", `"Offline"`, "\"Off\x10\xe4\xbdline\"", `"AcceptAndNotify"`, "\"\x10\xe4\xbd\"")
		for kind, bad := range map[string]string{
			"a text that is not clean": whole.Replace(item(`"bad"`)),
			"an id that is not clean":  item("\"b\x10\xe4\xbd\""),
			"an id that is a list":     item(`["bad"]`),
			"no object":                `"bad"`,
			"null":                     `null`,
			"empty":                    `{}`,
			"other fields":             `{"To_Account":"bad","ResultCode":{},"ProfileItem":7,"Status":[],"ErrorCode":"x","Member_Account":null,"C2CUnreadMsgNum":"many"}`,
		} {
			t.Run(api+"/"+kind, func(t *testing.T) {
				items := []string{item(`"a"`), bad, item(`"c"`)}
				f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) {
					return 200, `{"ErrorCode":0,` + fmt.Sprintf(c.list, strings.Join(items, ",")) + `}`
				}}
				got, err := c.ask(served(t, f))
				if !slices.Contains(got, "a") || !slices.Contains(got, "c") || len(got) > 3 || f.calls() > 2 {
					t.Errorf("told of %q after %d calls, %v", got, f.calls(), err)
				}
			})
		}
	}
}

func keys[K ~string, V any](m map[K]V) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, string(k))
	}
	return out
}

func memberIDs(members []notify.Member) []string {
	var out []string
	for _, m := range members {
		out = append(out, string(m.User))
	}
	return out
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

// TestBadItemStopsNoBatch: a code that would stop everything, if it were about the call.
func TestBadItemStopsNoBatch(t *testing.T) {
	f := &fakeIM{t: t}
	f.answer = func(_ int, _ string, request []byte) (int, string) {
		var q struct {
			Groups []string `json:"GroupIdList"`
		}
		if err := json.Unmarshal(request, &q); err != nil {
			t.Error(err)
		}
		var items []string
		for _, group := range q.Groups {
			code := 0
			if group == "7" {
				code = 10007
			}
			items = append(items, fmt.Sprintf(`{"GroupId":%q,"ErrorCode":%d,"Name":"N"}`, group, code))
		}
		return 200, `{"ErrorCode":0,"GroupInfo":[` + strings.Join(items, ",") + `]}`
	}
	got, err := served(t, f).GroupNames(t.Context(), many[notify.GroupID](120))
	if len(got) != 119 || f.calls() != 3 || err == nil || !strings.Contains(err.Error(), "1 of 50") {
		t.Errorf("%d names in %d calls, %v; want 119 in 3, and an error about one", len(got), f.calls(), err)
	}
}

// TestMembersBehindABadPage: a page is counted by its items, whatever can be read of them.
func TestMembersBehindABadPage(t *testing.T) {
	f := &fakeIM{t: t}
	f.answer = func(n int, _ string, _ []byte) (int, string) {
		if n == 1 {
			return 200, `{"ErrorCode":0,"MemberNum":4,"MemberList":[null,"x",{}]}`
		}
		return 200, `{"ErrorCode":0,"MemberNum":4,"MemberList":[{"Member_Account":"d"}]}`
	}
	c := served(t, f)
	members, next, err := c.Members(t.Context(), "g", notify.GroupPublic, "")
	if len(members) != 0 || next == "" || err != nil {
		t.Fatalf("%v, next %q, %v", members, next, err)
	}
	members, next, err = c.Members(t.Context(), "g", notify.GroupPublic, next)
	if len(members) != 1 || next != "" || err != nil || !strings.Contains(string(f.requests[1]), `"Offset":3`) {
		t.Errorf("%v, next %q, %v, asked %s", members, next, err, f.requests[1])
	}
}
