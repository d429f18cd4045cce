package simulator_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

// signal decodes the signalling in a callback.
func signal(t *testing.T, m map[string]any) (outer, inner map[string]any) {
	t.Helper()
	content := m["MsgBody"].([]any)[0].(map[string]any)["MsgContent"].(map[string]any)
	outer = object(t, []byte(content["Data"].(string)))
	return outer, object(t, []byte(outer["data"].(string)))
}

func TestCallSignals(t *testing.T) {
	const after = "C2C.CallbackAfterSendMsg"
	s := newFixture(t)
	s.IM.Import("tommy", "")
	ring := func() string {
		t.Helper()
		id, err := s.IM.Ring(simulator.Call{From: "jared", To: []string{"tommy"}, Video: true, RingFor: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		outer, inner := signal(t, s.callback(after))
		if number(t, outer, "actionType") != 1 || number(t, outer, "businessID") != 1 || number(t, outer, "timeout") != 60 || outer["inviteID"] != id {
			t.Errorf("invitation %v", outer)
		}
		if inner["businessID"] != "av_call" || inner["data"].(map[string]any)["cmd"] != "videoCall" {
			t.Errorf("invitation holds %v", inner)
		}
		return id
	}
	end := func(id string, how simulator.CallEnd, action int64, from string) map[string]any {
		t.Helper()
		if err := s.IM.EndCall(id, how); err != nil {
			t.Fatal(err)
		}
		m := s.callback(after)
		outer, inner := signal(t, m)
		if number(t, outer, "actionType") != action || m["From_Account"] != from || outer["inviteID"] != id {
			t.Errorf("%s: %v from %v", how, outer, m["From_Account"])
		}
		return inner
	}
	end(ring(), simulator.CallCancelled, 2, "jared")
	end(ring(), simulator.CallRejected, 4, "tommy")
	if inner := end(ring(), simulator.CallBusy, 4, "tommy"); inner["line_busy"] != "line_busy" {
		t.Errorf("busy says %v", inner)
	}

	id := ring()
	if err := s.IM.Answer(id, "tommy"); err != nil {
		t.Fatal(err)
	}
	if outer, _ := signal(t, s.callback(after)); number(t, outer, "actionType") != 3 {
		t.Errorf("answer is %v", outer)
	}
	wantCode(t, s.IM.Answer(id, "tommy"), 20022)
	s.clock.Advance(35 * time.Second)
	inner := end(id, simulator.CallNormal, 1, "jared")
	if number(t, inner, "call_end") != 35 || inner["data"].(map[string]any)["cmd"] != "hangup" {
		t.Errorf("hanging up says %v", inner)
	}
	wantCode(t, s.IM.EndCall(id, simulator.CallNormal), 20022)

	missed := ring()
	s.clock.Advance(time.Minute)
	if outer, _ := signal(t, s.callback(after)); number(t, outer, "actionType") != 5 || outer["inviteID"] != missed {
		t.Errorf("time-out is %v", outer)
	}
	if n := s.IM.Unread("tommy"); n != 0 {
		t.Errorf("signals count as %d unread", n)
	}
	_, err := s.IM.Ring(simulator.Call{From: "jared", To: []string{"nobody"}})
	wantCode(t, err, 20003)
}

func TestGroupCall(t *testing.T) {
	s := groupFixture(t, simulator.GroupWork)
	if _, err := s.IM.Ring(simulator.Call{From: "teacher", To: []string{"tommy"}, Group: "class-3-2"}); err != nil {
		t.Fatal(err)
	}
	outer, _ := signal(t, s.callback("Group.CallbackAfterSendMsg"))
	if outer["groupID"] != "class-3-2" || number(t, outer, "timeout") != 30 {
		t.Errorf("got %v", outer)
	}
}

func TestCallWebhooks(t *testing.T) {
	s := newFixture(t)
	id, err := s.IM.Ring(simulator.Call{From: "jared", To: []string{"tommy"}, Webhooks: true})
	if err != nil {
		t.Fatal(err)
	}
	m := s.callback("Call.CallbackAfterStartCall")
	if diff := cmp.Diff([]any{
		map[string]any{"User_Account": "jared", "Status": "Calling"},
		map[string]any{"User_Account": "tommy", "Status": "Waiting"},
	}, m["UserList"]); diff != "" || m["CallInfo"].(map[string]any)["CallId"] != id {
		t.Errorf("%s in %v", diff, m)
	}
	if err := s.IM.Answer(id, "tommy"); err != nil {
		t.Fatal(err)
	}
	m = s.callback("Call.CallbackAfterMemberChanged")
	if diff := cmp.Diff([]any{map[string]any{"User_Account": "tommy", "ActionType": "Answer"}}, m["ChangedUserList"]); diff != "" {
		t.Error(diff)
	}
	s.clock.Advance(time.Minute)
	s.none()
	if err := s.IM.EndCall(id, simulator.CallNormal); err != nil {
		t.Fatal(err)
	}
	record := s.callback("Call.CallbackAfterEndCall")["CallRecord"].(map[string]any)
	if record["CallResult"] != "NormalEnd" || number(t, record, "AcceptTime") != start.Unix() || record["EndTime"] != json.Number("1795305660") {
		t.Errorf("got %v", record)
	}
}
