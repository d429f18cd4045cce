package im_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func TestUnreadNothing(t *testing.T) {
	f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, `{"ErrorCode":0,"AllC2CUnreadMsgNum":0}` }}
	total, by, err := served(t, f).Unread(t.Context(), "a", []notify.UserID{"b", "c"})
	if diff := cmp.Diff(map[notify.UserID]int{"b": 0, "c": 0}, by); diff != "" || total != 0 || err != nil || f.calls() != 1 {
		t.Errorf("%d, %v after %d calls\n%s", total, err, f.calls(), diff)
	}
}

func TestUnreadAsksForTen(t *testing.T) {
	f := &fakeIM{t: t}
	var asked []notify.UserID
	f.answer = func(n int, _ string, request []byte) (int, string) {
		if n == 1 {
			return 200, `{"ErrorCode":0,"AllC2CUnreadMsgNum":3}`
		}
		var q struct {
			Peers []notify.UserID `json:"Peer_Account"`
		}
		if err := json.Unmarshal(request, &q); err != nil {
			t.Error(err)
		}
		asked = q.Peers
		return 200, `{"ErrorCode":0,"C2CUnreadMsgNumList":[{"Peer_Account":"3","C2CUnreadMsgNum":"2"},{"Peer_Account":"x","C2CUnreadMsgNum":1},
			{"Peer_Account":"4","C2CUnreadMsgNum":-1},{"Peer_Account":"5"},{"Peer_Account":6,"C2CUnreadMsgNum":0}]}`
	}
	peers := many[notify.UserID](25)
	total, by, err := served(t, f).Unread(t.Context(), "a", peers)
	if diff := cmp.Diff(peers[:10], asked); diff != "" || total != 3 || err != nil {
		t.Errorf("%d, %v\n%s", total, err, diff)
	}
	if diff := cmp.Diff(map[notify.UserID]int{"3": 2, "6": 0}, by); diff != "" {
		t.Error(diff)
	}
}

func TestUnreadFails(t *testing.T) {
	const three = `{"ErrorCode":0,"AllC2CUnreadMsgNum":3}`
	for _, c := range []struct {
		name, first, second string
		total, code, calls  int
	}{
		{"no such user", `{"ErrorCode":70107}`, "", 0, 70107, 1},
		{"all peers unknown", three, `{"ErrorCode":70107,"ErrorList":[{"Peer_Account":"b","ErrorCode":70107}]}`, 3, 0, 2},
		{"peers cannot be asked", three, `{"ErrorCode":90003}`, 3, 90003, 2},
	} {
		f := &fakeIM{t: t, answer: func(n int, _ string, _ []byte) (int, string) {
			if n == 1 {
				return 200, c.first
			}
			return 200, c.second
		}}
		total, by, err := served(t, f).Unread(t.Context(), "a", []notify.UserID{"b"})
		var api *im.APIError
		if errors.As(err, &api) != (c.code != 0) || api != nil && api.Code != c.code || total != c.total || len(by) != 0 || f.calls() != c.calls {
			t.Errorf("%s: %d, %v, %v after %d calls; want %d, code %d after %d", c.name, total, by, err, f.calls(), c.total, c.code, c.calls)
		}
	}
}

func TestUnreadNeedsANumber(t *testing.T) {
	for reply, want := range map[string]int{
		`{"ErrorCode":0,"AllC2CUnreadMsgNum":0}`: 0, `{"ErrorCode":"0","AllC2CUnreadMsgNum":"4"}`: 4,
		`{"ErrorCode":0}`: -1, `{"ErrorCode":0,"AllC2CUnreadMsgNum":-1}`: -1, `{"ErrorCode":0,"AllC2CUnreadMsgNum":{}}`: -1,
	} {
		f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, reply }}
		n, _, err := served(t, f).Unread(t.Context(), "a", nil)
		if (err == nil) != (want >= 0) || err == nil && n != want || err != nil && !strings.Contains(err.Error(), "AllC2CUnreadMsgNum") {
			t.Errorf("%s: %d, %v", reply, n, err)
		}
	}
}
