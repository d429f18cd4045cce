package im_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
)

func TestUnreadAsksForTen(t *testing.T) {
	f := &fakeIM{t: t}
	var asked []fact.UserID
	f.answer = func(n int, _ string, request []byte) (int, string) {
		if n == 1 {
			return 200, `{"ErrorCode":0,"AllC2CUnreadMsgNum":3}`
		}
		var q struct {
			Peers []fact.UserID `json:"Peer_Account"`
		}
		if err := json.Unmarshal(request, &q); err != nil {
			t.Error(err)
		}
		asked = q.Peers
		return 200, `{"ErrorCode":0,"C2CUnreadMsgNumList":[{"Peer_Account":"3","C2CUnreadMsgNum":"2"},{"Peer_Account":"x","C2CUnreadMsgNum":1},
			{"Peer_Account":"4","C2CUnreadMsgNum":-1},{"Peer_Account":"5"},{"Peer_Account":6,"C2CUnreadMsgNum":0}]}`
	}
	peers := many[fact.UserID](25)
	total, by, err := served(t, f).Unread(t.Context(), "a", peers)
	if diff := cmp.Diff(peers[:10], asked); diff != "" || total != 3 || err != nil {
		t.Errorf("%d, %v\n%s", total, err, diff)
	}
	if diff := cmp.Diff(map[fact.UserID]int{"3": 2, "6": 0}, by); diff != "" {
		t.Error(diff)
	}
}

func TestUnreadTotals(t *testing.T) {
	const three = `{"ErrorCode":0,"AllC2CUnreadMsgNum":3}`
	none, told := map[fact.UserID]int(nil), map[fact.UserID]int{"b": 0}
	for _, c := range []struct {
		name, first, second string
		total               int
		by                  map[fact.UserID]int
		calls               int
		code                int    // of the error
		text                string // in the error; empty: none
	}{
		{"nothing", `{"ErrorCode":0,"AllC2CUnreadMsgNum":0}`, "", 0, told, 1, 0, ""},
		{"a number in a text", `{"ErrorCode":"0","AllC2CUnreadMsgNum":"3"}`, `{"ErrorCode":0,"C2CUnreadMsgNumList":[]}`, 3, none, 2, 0, ""},
		{"no number", `{"ErrorCode":0}`, "", 0, none, 1, 0, "AllC2CUnreadMsgNum"},
		{"a negative number", `{"ErrorCode":0,"AllC2CUnreadMsgNum":-1}`, "", 0, none, 1, 0, "AllC2CUnreadMsgNum"},
		{"an object", `{"ErrorCode":0,"AllC2CUnreadMsgNum":{}}`, "", 0, none, 1, 0, "AllC2CUnreadMsgNum"},
		{"no such user", `{"ErrorCode":70107}`, "", 0, none, 1, 70107, "70107"},
		{"all peers unknown", three, `{"ErrorCode":70107,"ErrorList":[{"Peer_Account":"b","ErrorCode":70107}]}`, 3, none, 2, 0, ""},
		{"peers cannot be asked", three, `{"ErrorCode":90003}`, 3, none, 2, 90003, "90003"},
	} {
		f := &fakeIM{t: t, answer: func(n int, _ string, _ []byte) (int, string) { return 200, []string{c.first, c.second}[n-1] }}
		total, by, err := served(t, f).Unread(t.Context(), "a", []fact.UserID{"b"})
		if diff := cmp.Diff(c.by, by, cmpopts.EquateEmpty()); diff != "" || total != c.total || f.calls() != c.calls {
			t.Errorf("%s: %d after %d calls, want %d after %d\n%s", c.name, total, f.calls(), c.total, c.calls, diff)
		}
		api, ok := errors.AsType[*im.APIError](err)
		if (err == nil) != (c.text == "") || ok != (c.code != 0) || ok && api.Code != c.code || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v, want code %d and %q", c.name, err, c.code, c.text)
		}
	}
}
