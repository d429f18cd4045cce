package im_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

// A listAPI answers with a list, one item for each id that it was asked about.
type listAPI struct {
	ids   string // the field of a request with the ids; empty: it is not asked in batches
	size  int    // how many ids go in one request
	item  string // %s: the id, with quotes; then whatever the API tells of it
	reply string // %s: the items
	ask   func(*testing.T, *im.Client, []string) ([]string, error)
}

var listAPIs = map[string]listAPI{
	"portrait_get": {"To_Account", 100, `{"To_Account":%s,"ResultCode":0,"ProfileItem":[{"Tag":"Tag_Other","Value":7},{"Tag":"Tag_Profile_IM_Nick","Value":"N"}]}`,
		`"UserProfileItem":[%s]`,
		func(t *testing.T, c *im.Client, ids []string) ([]string, error) {
			names, err := c.Names(t.Context(), as[fact.UserID](ids))
			checkNames(t, names)
			return keys(names), err
		}},
	"query_online_status":                   {"To_Account", 500, `{"To_Account":%s,"Status":"Offline"}`, `"QueryResult":[%s]`, askPresence},
	"query_online_status, unknown accounts": {"", 0, `{"To_Account":%s,"ErrorCode":70107}`, `"QueryResult":[],"ErrorList":[%s]`, askPresence},
	"get_group_info": {"GroupIdList", 50, `{"GroupId":%s,"ErrorCode":0,"Name":"N"}`, `"GroupInfo":[%s]`,
		func(t *testing.T, c *im.Client, ids []string) ([]string, error) {
			names, err := c.GroupNames(t.Context(), as[fact.GroupID](ids))
			checkNames(t, names)
			return keys(names), err
		}},
	"get_group_member_info": {"", 0, `{"Member_Account":%s,"MsgFlag":"AcceptAndNotify"}`, `"MemberList":[%s]`,
		func(t *testing.T, c *im.Client, _ []string) ([]string, error) {
			members, _, err := c.Members(t.Context(), "g", fact.GroupPublic, "")
			return memberIDs(members), err
		}},
	"get_specified_group_member_info": {"Member_List_Account", 50, `{"Member_Account":%s,"Role":"Member ","MsgFlag":"AcceptAndNotify"}`, `"MemberList":[%s]`,
		func(t *testing.T, c *im.Client, ids []string) ([]string, error) {
			members, err := c.MembersAmong(t.Context(), "g", as[fact.UserID](ids))
			return memberIDs(members), err
		}},
	"get_c2c_unread_msg_num": {"", 0, `{"Peer_Account":%s,"C2CUnreadMsgNum":1}`, `"AllC2CUnreadMsgNum":3,"C2CUnreadMsgNumList":[%s]`,
		func(t *testing.T, c *im.Client, ids []string) ([]string, error) {
			total, by, err := c.Unread(t.Context(), "u", as[fact.UserID](ids))
			if total < 0 || slices.ContainsFunc(slices.Collect(maps.Values(by)), func(n int) bool { return n < 0 }) {
				t.Errorf("%d unread, %v", total, by)
			}
			return keys(by), err
		}},
}

func askPresence(t *testing.T, c *im.Client, ids []string) ([]string, error) {
	statuses, err := c.Presence(t.Context(), as[fact.UserID](ids))
	if statuses == nil {
		t.Error("no map of statuses")
	}
	return keys(statuses), err
}

func checkNames[K ~string](t *testing.T, names map[K]string) {
	for _, name := range names {
		if utf8.RuneCountInString(name) > 200 || strings.ContainsAny(name, "\r\n\x00\u2028\u202e") || name == "" {
			t.Errorf("name %q", name)
		}
	}
}

func as[T ~string](ids []string) (out []T) {
	for _, id := range ids {
		out = append(out, T(id))
	}
	return out
}

func keys[K ~string, V any](m map[K]V) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, string(k))
	}
	return out
}

func memberIDs(members []notify.Member) (out []string) {
	for _, m := range members {
		out = append(out, string(m.User))
	}
	return out
}

func (api listAPI) answer(items ...string) (int, string) {
	return 200, `{"ErrorCode":0,` + fmt.Sprintf(api.reply, strings.Join(items, ",")) + `}`
}

// answerAll tells of all who are asked about.
func (api listAPI) answerAll(request []byte) (int, string) {
	var items []string
	for _, id := range api.asked(request) {
		items = append(items, fmt.Sprintf(api.item, `"`+id+`"`))
	}
	slices.Reverse(items) // the order is not promised
	return api.answer(items...)
}

func (api listAPI) asked(request []byte) (ids []string) {
	var fields map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(request, &fields), json.Unmarshal(fields[api.ids], &ids)); err != nil {
		panic(err)
	}
	return ids
}

// TestBatches: each id is asked about once, in requests of the size that the API takes.
func TestBatches(t *testing.T) {
	for name, api := range listAPIs {
		if api.ids == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			f := &fakeIM{t: t, answer: func(_ int, _ string, request []byte) (int, string) { return api.answerAll(request) }}
			c := served(t, f)
			ids := many[string](2*api.size + 3)
			got, err := api.ask(t, c, append(ids, ids[:20]...))
			if slices.Sort(got); err != nil || !slices.Equal(got, slices.Sorted(slices.Values(ids))) || f.calls() != 3 {
				t.Fatalf("told of %d in %d calls, %v; want %d in 3", len(got), f.calls(), err, len(ids))
			}
			for i, want := range [][]string{ids[:api.size], ids[api.size : 2*api.size], ids[2*api.size:]} {
				if diff := cmp.Diff(want, api.asked(f.requests[i])); diff != "" {
					t.Errorf("call %d: %s", i+1, diff)
				}
			}
			if f.sigs[0] != f.sigs[2] || f.randoms[0] == f.randoms[1] && f.randoms[1] == f.randoms[2] {
				t.Error("each call has a UserSig of its own, or all have one random number")
			}
			if got, err = api.ask(t, c, nil); err != nil || len(got) != 0 || f.calls() != 3 {
				t.Errorf("of nobody: %v, %v after %d more calls", got, err, f.calls()-3)
			}
		})
	}
}

// TestBatchesGoOn: one failed call does not keep the others from being made, but a
// mistake in the settings does.
func TestBatchesGoOn(t *testing.T) {
	for name, api := range listAPIs {
		if api.ids == "" {
			continue
		}
		for code, goesOn := range map[int]bool{70402: true, 10004: true, 99999: true, 90009: false, 60021: false, 10007: false} {
			t.Run(fmt.Sprint(name, " ", code), func(t *testing.T) {
				f := &fakeIM{t: t, answer: func(n int, path string, request []byte) (int, string) {
					if n == 1 {
						return always(code, "no")(n, path, request)
					}
					return api.answerAll(request)
				}}
				got, err := api.ask(t, served(t, f), many[string](3*api.size))
				calls, told := 1, 0
				if goesOn {
					calls, told = 3, 2*api.size
				}
				if e, ok := errors.AsType[*im.APIError](err); !ok || e.Code != code || len(got) != told || f.calls() != calls {
					t.Errorf("told of %d in %d calls, %v; want %d in %d", len(got), f.calls(), err, told, calls)
				}
			})
		}
	}
}

// TestBadItem: one item of a list that cannot be read, or not quite, costs that item only,
// neither those before nor those behind it.
func TestBadItem(t *testing.T) {
	for name, api := range listAPIs {
		item := func(id string) string { return fmt.Sprintf(api.item, id) }
		whole := strings.NewReplacer(`"N"`, "\"\x10\xe4\xbd\"", `"Offline"`, "\"Off\x10\xe4\xbdline\"", `"AcceptAndNotify"`, "\"\x10\xe4\xbd\"")
		for kind, bad := range map[string]string{
			"a text that is not clean": whole.Replace(item(`"bad"`)),
			"an id that is not clean":  item("\"b\x10\xe4\xbd\""),
			"an id that is a list":     item(`["bad"]`),
			"an id of somebody else":   item(`"stranger"`),
			"no object":                `"bad"`,
			"null":                     `null`,
			"empty":                    `{}`,
			"other fields":             `{"To_Account":"bad","ResultCode":{},"ProfileItem":7,"Status":[],"ErrorCode":"x","Member_Account":null,"C2CUnreadMsgNum":"many"}`,
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return api.answer(item(`"a"`), bad, item(`"c"`)) }}
				p := &fakePacer{answer: func(context.Context, int) (time.Duration, error) { return 0, nil }}
				got, err := api.ask(t, paced(t, f, p), []string{"a", "bad", "c"})
				if !slices.Contains(got, "a") || !slices.Contains(got, "c") || len(got) > 3 || f.calls() > 2 {
					t.Errorf("told of %q after %d calls, %v", got, f.calls(), err)
				}
				if slices.Contains(got, "stranger") && name != "get_group_member_info" {
					t.Errorf("told of %q, who was not asked about", got)
				}
				op, _, _ := strings.Cut(name, ",")
				if turns := slices.Compact(p.turns); !slices.Equal(turns, []turn{{"im:" + op, 200, 1}}) {
					t.Errorf("asked the pacer for %v", turns)
				}
			})
		}
	}
}

// TestBadItemStopsNoBatch: a code that would stop everything, if it were about the call.
func TestBadItemStopsNoBatch(t *testing.T) {
	api := listAPIs["get_group_info"]
	f := &fakeIM{t: t, answer: func(_ int, _ string, request []byte) (int, string) {
		status, reply := api.answerAll(request)
		return status, strings.Replace(reply, `{"GroupId":"7","ErrorCode":0`, `{"GroupId":"7","ErrorCode":10007`, 1)
	}}
	got, err := api.ask(t, served(t, f), many[string](120))
	if len(got) != 119 || f.calls() != 3 || err == nil || !strings.Contains(err.Error(), "1 of 50") {
		t.Errorf("%d names in %d calls, %v; want 119 in 3, and an error about one", len(got), f.calls(), err)
	}
}

// TestPartly: what a reply tells is taken, and its error says of how many nothing was told, and why.
func TestPartly(t *testing.T) {
	const presence, names, groups = "query_online_status", "portrait_get", "get_group_info"
	const aAndB = `"QueryResult":[{"To_Account":"b","Status":"Online"},{"To_Account":"a","Status":"Offline"}]`
	for _, c := range []struct {
		name, api, reply string
		asked, want      []string
		code             int    // of the error; 0: none
		text             string // in the error; empty: no error
	}{
		{"one had trouble", presence, `{"ErrorCode":0,` + aAndB + `,"ErrorList":[{"To_Account":"c","ErrorCode":70169}]}`,
			[]string{"a", "b", "c"}, []string{"a", "b"}, 70169, "1 of 3"},
		{"one is not mentioned", presence, `{"ErrorCode":0,` + aAndB + `}`, []string{"a", "b", "c"}, []string{"a", "b"}, 0, "not in the reply (1 of 3)"},
		{"a status to come", presence, `{"ErrorCode":0,"QueryResult":[{"To_Account":"a","Status":"Invisible"}]}`, []string{"a"}, nil, 0, "1 of 1"},
		{"the old key", presence, `{"ErrorCode":0,"QueryResult":[{"To_Account":"a","State":"Online"}]}`, []string{"a"}, nil, 0, "1 of 1"},
		{"somebody else", presence, `{"ErrorCode":0,"QueryResult":[{"To_Account":"x","Status":"Online"}],"ErrorList":[{"To_Account":"y","ErrorCode":70107}]}`,
			[]string{"a", "b", "c"}, nil, 0, "not in the reply (3 of 3)"},
		{"all unknown, listed", presence, `{"ErrorCode":70107,"ActionStatus":"FAIL","ErrorList":[{"To_Account":"a","ErrorCode":70107},
			{"To_Account":"b","ErrorCode":90048},{"To_Account":"c","ErrorCode":"40003"}]}`, []string{"a", "b", "c"}, []string{"a", "b", "c"}, 0, ""},
		{"all failed, one of them unknown", presence, `{"ErrorCode":70107,"ActionStatus":"FAIL","ErrorList":[{"To_Account":"a","ErrorCode":70107},
			{"To_Account":"b","ErrorCode":70402},{"To_Account":"c","ErrorCode":70402}]}`, []string{"a", "b", "c"}, []string{"a"}, 70107, "2 of 3"},
		{"all failed, nobody named", presence, `{"ErrorCode":70107,"ActionStatus":"FAIL"}`, []string{"a", "b", "c"}, nil, 70107, "3 of 3"},
		{"not an admin", presence, `{"ErrorCode":90009,"ActionStatus":"FAIL","ErrorInfo":"no"}`, []string{"a"}, nil, 90009, "IM_ADMIN"},
		{"some names", names, `{"ErrorCode":0,"UserProfileItem":[{"To_Account":"a","ResultCode":0,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"A"}]},
			{"To_Account":"b","ResultCode":40006},{"To_Account":"c","ResultCode":40003},{"To_Account":"x","ResultCode":0},{"To_Account":"d","ResultCode":0},
			{"To_Account":"e","ResultCode":0,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":" \t"}]}],"Fail_Account":["b","c"]}`,
			[]string{"a", "b", "c", "d", "e"}, []string{"a"}, 40006, "1 of 5"},
		{"one name, and no leave to ask", names, `{"ErrorCode":90009}`, []string{"a"}, nil, 90009, "1 of 1"},
		{"the only group is dissolved", groups, `{"ErrorCode":10010}`, []string{"g"}, nil, 0, ""},
		{"one of two groups is no id", groups, `{"ErrorCode":10015}`, []string{"g", "h"}, nil, 10015, "2 of 2"},
		{"broken inside", groups, `{"ErrorCode":0,"GroupInfo":[{"GroupId":"g","ErrorCode":10002}]}`, []string{"g", "h"}, nil, 10002, "10002"},
		{"no group", groups, `{"ErrorCode":0}`, []string{"g"}, nil, 0, "not in the reply"},
		{"another group", groups, `{"ErrorCode":0,"GroupInfo":[{"GroupId":"x","Name":"X"}]}`, []string{"g"}, nil, 0, "not in the reply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, c.reply }}
			got, err := listAPIs[c.api].ask(t, served(t, f), c.asked)
			if diff := cmp.Diff(c.want, got); diff != "" || f.calls() != 1 {
				t.Errorf("after %d calls: %s", f.calls(), diff)
			}
			api, ok := errors.AsType[*im.APIError](err)
			if (err == nil) != (c.text == "") || ok != (c.code != 0) || ok && api.Code != c.code || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want code %d and %q", err, c.code, c.text)
			}
		})
	}
}

func TestUnknownAccountAlone(t *testing.T) {
	for _, code := range []int{70107, 90048, 90012, 40003, 20003, 10019} {
		f := &fakeIM{t: t, answer: always(code, "no such account")}
		c := served(t, f)
		got, err := c.Presence(t.Context(), []fact.UserID{"a"})
		if err != nil || got["a"] != notify.StatusOffline {
			t.Errorf("%d: %v, %v; want offline", code, got, err)
		}
		names, err := c.Names(t.Context(), []fact.UserID{"a"})
		if err != nil || len(names) != 0 {
			t.Errorf("%d: %v, %v; want no name and no error", code, names, err)
		}
		_, _, err = c.Unread(t.Context(), "a", nil)
		var api *im.APIError
		if !errors.As(err, &api) || !api.UnknownAccount() {
			t.Errorf("%d: Unread: %v", code, err)
		}
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
	got, err := served(t, f).GroupNames(t.Context(), []fact.GroupID{"@TGS#_c1@TOPIC#_a", "@TGS#_c1@TOPIC#_@TOPIC#b", "g", "@TOPIC#_lost", ""})
	want := map[fact.GroupID]string{"@TGS#_c1@TOPIC#_a": "社群", "@TGS#_c1@TOPIC#_@TOPIC#b": "社群", "g": "G"}
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
	got, err := served(t, f).Names(t.Context(), []fact.UserID{"good", "bad"})
	if err != nil || got["good"] != "张三" || got["bad"] != "李四" || f.calls() != 1 {
		t.Errorf("%q after %d calls, %v", got, f.calls(), err)
	}
}
