package simulator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

func groupFixture(t *testing.T, kind string, change ...func(*simulator.Config)) *fixture {
	t.Helper()
	s := newFixture(t, change...)
	if err := s.IM.CreateGroup(simulator.Group{ID: "class-3-2", Type: kind, Name: "Class", Members: []string{"teacher", "tommy", "lily"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGroupMessage(t *testing.T) {
	s := groupFixture(t, simulator.GroupWork)
	send := func() simulator.SentGroup {
		t.Helper()
		sent, err := s.IM.SendGroup(simulator.GroupMessage{Group: "class-3-2", From: "teacher",
			Body: []simulator.Elem{simulator.Text("@all @tommy")}, At: []string{"tommy"}, AtAll: true})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	first := send()
	m := s.callback("Group.CallbackAfterSendMsg")
	if first.MsgSeq != 1 || number(t, m, "MsgSeq") != 1 || number(t, m, "MsgTime") != start.Unix() || m["Type"] != "Private" {
		t.Errorf("got %v", m)
	}
	if diff := cmp.Diff([]any{
		map[string]any{"GroupAtAllFlag": num(1)},
		map[string]any{"GroupAtAllFlag": num(0), "GroupAt_Account": "tommy"},
	}, m["GroupAtInfo"]); diff != "" {
		t.Error(diff)
	}
	if m["EventTime"] != "1795305600000" {
		t.Errorf("EventTime is %v", m["EventTime"])
	}
	if second := send(); second.MsgSeq != 2 {
		t.Errorf("MsgSeq is %d, want 2", second.MsgSeq)
	}
	s.callbacks()
	if err := s.IM.RecallGroup("class-3-2", "teacher", 1, 2); err != nil {
		t.Fatal(err)
	}
	m = s.callback("Group.CallbackAfterRecallMsg")
	if diff := cmp.Diff([]any{map[string]any{"MsgSeq": num(1)}, map[string]any{"MsgSeq": num(2)}}, m["MsgSeqList"]); diff != "" {
		t.Error(diff)
	}
	_, err := s.IM.SendGroup(simulator.GroupMessage{Group: "class-3-2", From: "stranger", Body: []simulator.Elem{simulator.Text("x")}})
	wantCode(t, err, 10007)
	_, err = s.IM.SendGroup(simulator.GroupMessage{Group: "gone", From: "teacher", Body: []simulator.Elem{simulator.Text("x")}})
	wantCode(t, err, 10015)
	wantCode(t, s.IM.Join("gone", "x"), 10015)
}

func TestGroupBefore(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		code   int
	}{
		"allowed": {`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`, 0},
		"refused": {`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":1}`, 10016},
		"failed":  {`oops`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := groupFixture(t, simulator.GroupPublic)
			s.IM.Switch("Group.CallbackBeforeSendMsg", true)
			s.inbox.reply(ok(tt.answer))
			_, err := s.IM.SendGroup(simulator.GroupMessage{Group: "class-3-2", From: "teacher", Body: []simulator.Elem{simulator.Text("x")}})
			wantCode(t, err, tt.code)
			got := s.callbacks()
			if before := got[0]; before["MsgSeq"] != nil || before["MsgTime"] != nil {
				t.Errorf("Before has an identity: %v", before)
			}
			if (len(got) == 2) != (tt.code == 0) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestGroupOverREST(t *testing.T) {
	s := groupFixture(t, simulator.GroupWork)
	if err := s.IM.SetMsgFlag("class-3-2", "lily", "AcceptNotNotify"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.IM.SendGroup(simulator.GroupMessage{Group: "class-3-2", From: "tommy", Body: []simulator.Elem{simulator.Text("x")}}); err != nil {
		t.Fatal(err)
	}
	m := s.rest("group_open_http_svc/get_group_member_info", `{"GroupId":"class-3-2","Limit":2,"Offset":1}`)
	if diff := cmp.Diff([]any{
		map[string]any{"Member_Account": "tommy", "Role": "Member", "MsgSeq": num(1), "MsgFlag": "AcceptAndNotify"},
		map[string]any{"Member_Account": "lily", "Role": "Member", "MsgSeq": num(0), "MsgFlag": "AcceptNotNotify"},
	}, m["MemberList"]); diff != "" {
		t.Error(diff)
	}
	if number(t, m, "MemberNum") != 3 || m["Next"] != nil {
		t.Errorf("got %v", m)
	}
	if err := s.IM.Join("class-3-2", "bob"); err != nil {
		t.Fatal(err)
	}
	m = s.rest("group_open_http_svc/get_specified_group_member_info", `{"GroupId":"class-3-2","Member_List_Account":["bob","x"]}`)
	if len(m["MemberList"].([]any)) != 1 {
		t.Errorf("got %v", m)
	}
	m = s.rest("group_open_http_svc/get_group_info", `{"GroupIdList":["class-3-2","gone"]}`)
	info := m["GroupInfo"].([]any)
	first, gone := info[0].(map[string]any), info[1].(map[string]any)
	if first["Name"] != "Class" || first["Owner_Account"] != "teacher" || number(t, first, "NextMsgSeq") != 2 || number(t, gone, "ErrorCode") != 10015 {
		t.Errorf("got %v", info)
	}
}

func TestCommunityPages(t *testing.T) {
	s := groupFixture(t, simulator.GroupCommunity)
	m := s.rest("group_open_http_svc/get_group_member_info", `{"GroupId":"class-3-2","Limit":2,"Next":""}`)
	if m["Next"] == "" || len(m["MemberList"].([]any)) != 2 {
		t.Fatalf("got %v", m)
	}
	m = s.rest("group_open_http_svc/get_group_member_info", `{"GroupId":"class-3-2","Limit":2,"Next":"`+m["Next"].(string)+`"}`)
	if m["Next"] != "" || len(m["MemberList"].([]any)) != 1 {
		t.Errorf("got %v", m)
	}
	for body, want := range map[string]int64{
		`{"GroupId":"class-3-2","Offset":1}`:  10004,
		`{"GroupId":"class-3-2","Limit":201}`: 10004,
		`{"GroupId":"gone"}`:                  10015,
	} {
		if m := s.rest("group_open_http_svc/get_group_member_info", body); number(t, m, "ErrorCode") != want {
			t.Errorf("%s: got %v, want %d", body, m, want)
		}
	}
	live := groupFixture(t, simulator.GroupLive)
	if m := live.rest("group_open_http_svc/get_group_member_info", `{"GroupId":"class-3-2"}`); number(t, m, "ErrorCode") == 0 {
		t.Error("a live group has a member list")
	}
}
