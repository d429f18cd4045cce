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
		s := newFixture(t)
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
		"openim/query_online_status", "openim/get_c2c_unread_msg_num", "profile/portrait_get", "group_open_http_svc/get_group_member_info",
		"group_open_http_svc/get_group_info", "group_open_http_svc/get_specified_group_member_info",
	}
	for i, body := range []string{
		`{"To_Account":["tommy",1]}`, `{"To_Account":"tommy","Peer_Account":["a"]}`, `{"To_Account":["tommy"],"TagList":[""]}`,
		`{"GroupId":"g","Next":"9"}`, `{"GroupIdList":["g","h"]}`, `{"GroupId":"g","Member_List_Account":["x"]}`,
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, command uint8, body string) {
		s := newFixture(t)
		s.IM.Import("tommy", "")
		if err := s.IM.CreateGroup(simulator.Group{ID: "g", Type: simulator.GroupCommunity, Members: []string{"tommy"}}); err != nil {
			t.Fatal(err)
		}
		number(t, s.rest(commands[int(command)%len(commands)], body), "ErrorCode")
	})
}
