package simulator_test

import (
	"testing"

	"wxnotify/simulator"
)

// FuzzSend: whatever the body, WeChat answers with an errcode, and nothing but a legal
// request shows a card.
func FuzzSend(f *testing.F) {
	f.Add(`{"touser":"` + user + `","template_id":"` + otherID + `","page":"p","data":{"thing1":{"value":"Anna"}}}`)
	f.Add(`{"touser":"` + user + `","template_id":"` + otherID + `","data":"{}"}`)
	f.Add(`{"touser":"` + user + `","template_id":"` + otherID + `","data":{"thing1":null}}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		s := newStage(t)
		if err := s.WeChat.Subscribe(user, otherID, 1); err != nil {
			t.Fatal(err)
		}
		m := s.send(body)
		if shown := len(s.WeChat.Cards(user)) == 1; shown != (number(t, m, "errcode") == 0) {
			t.Errorf("card shown: %t, answer %v", shown, m)
		}
	})
}

// FuzzREST: whatever the body, IM answers with an ErrorCode.
func FuzzREST(f *testing.F) {
	commands := []string{
		"openim/sendmsg", "openim/batchsendmsg", "openim/query_online_status", "openim/get_c2c_unread_msg_num",
		"openim/admin_set_msg_read", "openim/admin_msgwithdraw", "profile/portrait_get",
		"im_open_login_svc/account_import", "im_open_login_svc/account_check", "im_open_login_svc/kick",
		"group_open_http_svc/get_group_member_info", "group_open_http_svc/get_group_info",
		"group_open_http_svc/get_specified_group_member_info", "group_open_http_svc/get_role_in_group",
	}
	for i, body := range []string{
		`{"To_Account":"tommy","MsgRandom":1,"MsgSeq":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`,
		`{"To_Account":["tommy","tommy"],"MsgRandom":1,"MsgBody":[{"MsgType":"x","MsgContent":{}}]}`,
		`{"To_Account":["tommy",1],"IsNeedDetail":1}`,
		`{"To_Account":"tommy","Peer_Account":["a"]}`,
		`{"Report_Account":"tommy","Peer_Account":"a"}`,
		`{"MsgKey":"1_2_3"}`,
		`{"To_Account":["tommy"],"TagList":[""]}`,
		`{"UserID":"x"}`,
		`{"CheckItem":[{}]}`,
		`{"UserID":"tommy"}`,
		`{"GroupId":"g","Next":"9"}`,
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, command uint8, body string) {
		s := newStage(t)
		s.IM.Import("tommy", "")
		if err := s.IM.CreateGroup(simulator.Group{ID: "g", Type: simulator.GroupCommunity, Members: []string{"tommy"}}); err != nil {
			t.Fatal(err)
		}
		number(t, s.rest(commands[int(command)%len(commands)], body), "ErrorCode")
	})
}
