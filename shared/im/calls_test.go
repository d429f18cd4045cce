package im_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
)

func signalData(action int, cmd, inner, outer string) string {
	data := `{"businessID":"av_call","call_type":1` + inner
	if cmd != "" {
		data += `,"data":{"cmd":"` + cmd + `"}`
	}
	return fmt.Sprintf(`{"businessID":1,"actionType":%d,"inviteID":"i1","inviter":"jared"%s,"data":%s}`, action, outer, quote(data+"}"))
}

// describe tells each call as "phase caller>users time", the time of a ring.
func describe(calls []im.Call) string {
	var lines []string
	for _, c := range calls {
		lines = append(lines, step(string(c.Phase), string(c.GroupID), c.Caller, c.Users, c.Ring))
	}
	return strings.Join(lines, "; ")
}

// describeFacts tells the facts about calls likewise.
func describeFacts(facts []fact.Fact) string {
	var lines []string
	for _, f := range facts {
		if r := f.Ring; r != nil {
			lines = append(lines, step("ring", string(r.Group), r.Caller, r.Users, r.For))
		}
		if r := f.RingEnd; r != nil {
			lines = append(lines, step(string(r.How), "", r.Caller, r.Users, 0))
		}
	}
	return strings.Join(lines, "; ")
}

func step(what, group string, caller fact.UserID, users []fact.UserID, d time.Duration) string {
	words := []string{what, fmt.Sprintf("%s>%s", caller, strings.Trim(fmt.Sprint(users), "[]"))}
	if group != "" {
		words = append(words, "in "+group)
	}
	if d != 0 {
		words = append(words, d.String())
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// TestSignals: what jared signals to tommy, and what is recorded of it.
func TestSignals(t *testing.T) {
	inviter := func(name string) string { // of a rejection
		return strings.Replace(signalData(4, "", "", ""), `"inviter":"jared"`, `"inviter":"`+name+`"`, 1)
	}
	invite := signalData(1, "audioCall", "", "")
	const rings, ring, online, failed = "ringing jared>tommy 30s", "ring jared>tommy 30s", `,"OnlineOnlyFlag":1`, `,"SendMsgResult":20007`
	for _, c := range []struct{ name, data, more, call, facts string }{
		{"invitation", signalData(1, "audioCall", "", `,"inviteeList":["lily","tommy","",null],"timeout":45`), "",
			"ringing jared>tommy 45s", "ring jared>tommy 45s"},
		{"invitation, bare", signalData(1, "", "", ""), "", rings, ring},
		{"timeout 0", signalData(1, "videoCall", "", `,"timeout":0`), "", "ringing jared>tommy 30s", ring},
		{"timeout beyond all limits", signalData(1, "audioCall", "", `,"timeout":1e9`), "", "ringing jared>tommy 1m0s", "ring jared>tommy 1m0s"},
		{"shortest", signalData(1, "audioCall", "", `,"timeout":1`), "", "ringing jared>tommy 1s", "ring jared>tommy 1s"},
		{"negative", signalData(1, "audioCall", "", `,"timeout":-5`), "", rings, ring},
		{"invitation that failed in IM", invite, failed, rings, "hung_up jared>tommy"},
		{"invitation for who is online", invite, online, rings, ""},
		{"failed invitation for who is online", invite, online + failed, rings, "hung_up jared>tommy"},
		{"invitation of somebody else", signalData(1, "audioCall", "", `,"inviteeList":["lily"]`), "", "ringing jared> 30s", ""},
		{"invitation in another name", strings.Replace(invite, `"inviter":"jared"`, `"inviter":"boss"`, 1), "", rings, ring},
		{"invitation to a group", signalData(1, "audioCall", "", `,"groupID":"g1"`), "", "ringing jared>tommy in g1 30s", "ring jared>tommy in g1 30s"},
		{"action in a string", strings.Replace(signalData(2, "", "", ""), `"actionType":2`, `"actionType":"2"`, 1), "",
			"cancelled jared>tommy", "cancelled jared>tommy"},
		{"cancelled for others", signalData(2, "", "", `,"inviteeList":["lily","tommy"]`), "", "cancelled jared>tommy", "cancelled jared>tommy"},
		{"cancelled, but that failed in IM", signalData(2, "", "", ""), failed, "cancelled jared>tommy", "cancelled jared>tommy"},
		{"accepted", signalData(3, "", "", ""), "", "answered jared>tommy", "answered jared>tommy"},
		{"busy", signalData(4, "", `,"line_busy":"line_busy"`, ""), "", "busy jared>tommy", "line_busy jared>tommy"},
		{"timed out, for who is online", signalData(5, "", "", ""), online, "timed_out jared>tommy", "timed_out jared>tommy"},
		{"hang-up without a command", signalData(1, "", `,"call_end":7`, ""), "", "ended jared>jared tommy", "hung_up jared>jared tommy"},
		{"hang-up of others", signalData(1, "hangup", "", `,"inviteeList":["lily"]`), "", "ended jared>jared tommy", "hung_up jared>jared tommy"},
		{"rejected by the callee", inviter("jared"), "", "rejected jared>tommy", "rejected jared>tommy"},
		{"rejected by who says to be the caller", inviter("tommy"), "", "rejected tommy>jared", "rejected tommy>jared"},
		{"rejected, in the name of a third", inviter("mallory"), "", "rejected >jared tommy", "rejected >jared tommy"},
		{"rejected, in nobody's name", inviter(""), "", "rejected >jared tommy", "rejected >jared tommy"},
		{"hang-up of 2020, which does not say who called", `{"version":4,"call_id":"i1","room_id":9,"call_type":1,"action":5,"duration":12}`, "",
			"ended >jared tommy", "hung_up >jared tommy"},
		{"switch to audio", signalData(1, "switchToAudio", "", ""), "", "", ""},
		{"switch to audio as an answer", signalData(3, "switchToAudio", "", ""), "", "", ""},
		{"unknown command", signalData(1, "somethingNew", "", ""), "", "", ""},
		{"unknown action", signalData(9, "", "", ""), "", "", ""},
		{"no id", strings.Replace(invite, `"inviteID":"i1",`, "", 1), "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cb := message(t, custom(c.data, ""), c.more)
			if got := describe(cb.Calls); got != c.call {
				t.Errorf("calls %q, want %q", got, c.call)
			}
			for _, call := range cb.Calls {
				if call.ID != "i1" || call.At.Unix() != testTime {
					t.Errorf("call %s at %v", call.ID, call.At)
				}
			}
			facts := cb.Facts()
			if got := describeFacts(facts); got != c.facts || facts[0].Message == nil || !facts[0].Message.Silent || facts[0].Message.Summary != "" {
				t.Errorf("facts %q behind %+v, want %q behind a silent message", got, facts[0].Message, c.facts)
			}
		})
	}
	for data, want := range map[string]string{invite: "", signalData(1, "hangup", "", ""): "hung_up jared>jared"} {
		if got := describeFacts(between(t, "jared", "@RBT#1", custom(data, ""), "").Facts()); got != want {
			t.Errorf("to a bot: %q, want %q", got, want)
		}
	}
}

// TestCallGenerations: each generation of clients says in its own way what becomes of a
// call. A ring is what rings at a device of that generation, and nothing else.
func TestCallGenerations(t *testing.T) {
	invite := func(inner, outer string) string {
		return `{"businessID":1,"inviteID":"i1","inviter":"jared","actionType":1,"inviteeList":["tommy"],"groupID":""` + outer + `,"data":` + quote(inner) + `}`
	}
	step := func(action int, inner string) string {
		return strings.Replace(invite(inner, `,"timeout":30`), `"actionType":1`, fmt.Sprintf(`"actionType":%d`, action), 1)
	}
	bare := func(action int, more string) string {
		return fmt.Sprintf(`{"version":4,"call_id":"i1","room_id":9,"action":%d,"invited_list":["tommy"],"duration":0,"code":0%s}`, action, more)
	}
	const rings, rings0, native = `,"timeout":30`, `,"timeout":0`, `{"version":4,"businessID":"av_call","call_type":2`
	for _, c := range []struct {
		name, data string
		want       im.CallPhase // one-to-one; empty: nothing about a call
		inGroup    im.CallPhase
	}{
		{"native: invitation", invite(native+`,"room_id":9}`, rings), im.CallRinging, im.CallRinging},
		{"native: hang-up", invite(native+`,"call_end":7}`, rings0), im.CallEnded, im.CallEnded},
		{"native: hang-up at once", invite(native+`,"call_end":0}`, rings0), im.CallEnded, im.CallEnded},
		{"native: hang-up, a number in a text", invite(native+`,"call_end":"0"}`, ""), im.CallEnded, im.CallEnded},
		{"native: hang-up that says where", invite(native+`,"call_end":7,"room_id":9}`, rings), im.CallEnded, im.CallEnded},
		{"native: hang-up at once, with a time to ring", invite(native+`,"call_end":0}`, rings), im.CallEnded, im.CallEnded},
		{"native: hang-up at once that says where", invite(native+`,"call_end":0,"room_id":9}`, rings0), im.CallEnded, im.CallEnded},
		{"invitation with call_end", invite(native+`,"call_end":0,"room_id":9}`, rings), im.CallRinging, im.CallEnded},
		{"native: switch to audio", invite(native+`,"room_id":9,"switch_to_audio_call":"switch_to_audio_call"}`, rings), "", ""},
		{"native: switch accepted", step(3, native+`,"switch_to_audio_call":"switchToAudio"}`), "", ""},
		{"native: switch to audio, as a flag", invite(native+`,"room_id":9,"switch_to_audio_call":true}`, rings), "", ""},
		{"native: nothing switched", invite(native+`,"room_id":9,"switch_to_audio_call":""}`, rings), im.CallRinging, im.CallRinging},
		{"native: accepted", step(3, native+`}`), im.CallAnswered, im.CallAnswered},
		{"native: in another call", step(4, native+`,"line_busy":""}`), im.CallBusy, im.CallBusy},

		{"mini program: invitation", invite(`{"version":0,"call_type":2,"room_id":12345}`, rings), im.CallRinging, im.CallRinging},
		{"mini program: no time to ring", invite(`{"version":0,"call_type":1,"room_id":12345}`, ""), im.CallRinging, im.CallRinging},
		{"mini program: hang-up", invite(`{"version":0,"call_type":2,"call_end":7}`, ""), im.CallEnded, im.CallEnded},
		{"mini program: hang-up at once", invite(`{"version":0,"call_type":2,"call_end":0}`, rings0), im.CallEnded, im.CallEnded},
		{"mini program: hang-up, nobody knows when it began", invite(`{"version":0,"call_type":2,"call_end":null}`, ""), im.CallEnded, im.CallEnded},
		{"mini program: cancelled", strings.Replace(step(2, ""), `,"data":""`, "", 1), im.CallCancelled, im.CallCancelled},
		{"mini program: accepted", step(3, `{"version":0,"call_type":2}`), im.CallAnswered, im.CallAnswered},
		{"mini program: rejected", step(4, `{"version":0,"call_type":2}`), im.CallRejected, im.CallRejected},
		{"mini program: in another call", step(4, `{"version":0,"call_type":2,"line_busy":""}`), im.CallBusy, im.CallBusy},
		{"mini program: timed out", step(5, ""), im.CallTimedOut, im.CallTimedOut},
		{"signalling without a room", invite(`{"version":0,"call_type":2}`, rings), "", ""},
		{"signalling without a type", invite(`{"version":0,"room_id":9}`, rings), "", ""},
		{"signalling of others", invite(`{"businessID":"whiteboard","call_type":2,"room_id":9}`, rings), "", ""},
		{"signalling of others is cancelled", step(2, `{"businessID":"whiteboard"}`), "", ""},

		{"UIKit 2020: dials", bare(1, `,"call_type":2`), im.CallRinging, im.CallRinging},
		{"UIKit 2020: cancelled", bare(2, `,"call_type":2`), im.CallCancelled, im.CallCancelled},
		{"UIKit 2020: rejected", bare(3, `,"call_type":2`), im.CallRejected, im.CallRejected},
		{"UIKit 2020: timed out", bare(4, `,"call_type":2`), im.CallTimedOut, im.CallTimedOut},
		{"UIKit 2020: hung up", bare(5, `,"call_type":2`), im.CallEnded, im.CallEnded},
		{"UIKit 2020: in another call", bare(6, `,"call_type":2`), im.CallBusy, im.CallBusy},
		{"UIKit 2020: accepted", bare(7, `,"call_type":2`), im.CallAnswered, im.CallAnswered},
		{"UIKit 2020: switch to audio", bare(8, `,"call_type":2`), "", ""},
		{"UIKit 2020: unknown", bare(0, `,"call_type":2`), "", ""},
		{"UIKit 2020: error", bare(-1, `,"call_type":2`), "", ""},
		{"UIKit 2019: dials", strings.Replace(bare(0, ""), `"version":4`, `"version":3`, 1), im.CallRinging, im.CallRinging},
		{"UIKit 2019: cancelled", strings.Replace(bare(1, ""), `"version":4`, `"version":3`, 1), im.CallCancelled, im.CallCancelled},
		{"UIKit 2019: accepted", strings.Replace(bare(4, ""), `"version":4`, `"version":3`, 1), im.CallAnswered, im.CallAnswered},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := message(t, custom(c.data, ""), "")
			group := groupMessage(t, "Private", "jared", custom(c.data, ""), "")
			if !one.Message.Silent || !group.GroupMessage.Silent {
				t.Error("a signal is told as a message")
			}
			checkPhase(t, "one to one", c.want, one.Calls)
			checkPhase(t, "in a group", c.inGroup, group.Calls)
		})
	}
	for name, data := range map[string]string{
		"no action":                    `{"version":4,"call_id":"i1","room_id":9,"call_type":1}`,
		"no id":                        `{"version":4,"call_id":"","room_id":9,"call_type":1,"action":1}`,
		"no room":                      `{"version":4,"call_id":"i1","call_type":1,"action":1}`,
		"no type, and not of 2019":     bare(1, ""),
		"businessID of something else": bare(1, `,"call_type":1,"businessID":"order"`),
	} {
		if cb := message(t, custom(data, "x"), ""); len(cb.Calls) > 0 || cb.Message.Silent || cb.Message.Summary != "x" {
			t.Errorf("%s: calls %+v of %+v, want a message that says x", name, cb.Calls, cb.Message)
		}
	}
}

func checkPhase(t *testing.T, where string, want im.CallPhase, calls []im.Call) {
	t.Helper()
	switch {
	case want == "" && len(calls) == 0:
	case len(calls) != 1 || calls[0].Phase != want || calls[0].ID != "i1":
		t.Errorf("%s: %+v, want %q", where, calls, want)
	case want == im.CallRinging && (calls[0].Ring != 30*time.Second || calls[0].Caller != "jared" || !slices.Equal(calls[0].Users, []fact.UserID{"tommy"})):
		t.Errorf("%s: %+v, want tommy to be rung for 30 s", where, calls)
	case !slices.Contains(calls[0].Users, "tommy") && !slices.Contains(calls[0].Users, "jared"):
		t.Errorf("%s: %+v, which is about nobody", where, calls)
	}
}

// TestSignalsInAGroup: whom a step is about is who signals it, or all who are listed.
func TestSignalsInAGroup(t *testing.T) {
	const list = `,"inviteeList":["tommy",144115212830834855,"@RBT#1","tommy","",null]`
	const both = "tommy 144115212830834855"
	hangUp := strings.Replace(signalData(1, "hangup", "", list), `\"cmd\"`, `\"userIDs\":[\"ben\"],\"cmd\"`, 1)
	bare := `{"version":4,"call_id":"i1","room_id":9,"call_type":1,"action":3,"group_id":"other","invited_list":["lily","jared"]}`
	for _, c := range []struct{ name, from, data, facts string }{
		{"invitation", "jared", signalData(1, "audioCall", "", list), "ring jared>" + both + " in g 30s"},
		{"invitation in another name", "mallory", signalData(1, "audioCall", "", list), "ring mallory>" + both + " in g 30s"},
		{"invitation of nobody", "jared", signalData(1, "audioCall", "", ""), ""},
		{"who calls is listed", "tommy", signalData(1, "audioCall", "", list), "ring tommy>144115212830834855 in g 30s"},
		{"one accepts, all are listed", "tommy", signalData(3, "", "", list), "answered jared>tommy"},
		{"one accepts, nobody is listed", "tommy", signalData(3, "", "", ""), "answered jared>tommy"},
		{"one rejects", "tommy", signalData(4, "", "", list), "rejected jared>tommy"},
		{"one is busy", "tommy", signalData(4, "", `,"line_busy":""`, list), "line_busy jared>tommy"},
		{"accepted, told by another", "jared", signalData(3, "", "", list), "answered jared>" + both},
		{"cancelled", "jared", signalData(2, "", "", list), "cancelled jared>" + both},
		{"timed out", "tommy", signalData(5, "", "", list), "timed_out jared>" + both},
		{"hang-up", "lily", hangUp, "hung_up jared>" + both + " ben lily"},
		{"rejected as in 2020, in the group that IM names", "jared", bare, "rejected >jared"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cb := groupMessage(t, "Private", c.from, custom(c.data, ""), "")
			if got := describeFacts(cb.Facts()); got != c.facts || len(cb.Calls) != 1 || cb.Calls[0].GroupID != "g" {
				t.Errorf("%q of %+v, want %q", got, cb.Calls, c.facts)
			}
		})
	}
	if facts := groupMessage(t, "AVChatRoom", "jared", custom(signalData(1, "videoCall", "", list), ""), "").Facts(); len(facts) > 0 {
		t.Errorf("in a live room: %d facts, want none", len(facts))
	}
	crowd := signalData(1, "audioCall", "", `,"inviteeList":["`+strings.Join(many[string](150), `","`)+`"]`)
	want := step("ring", "g", "jared", many[fact.UserID](100), 30*time.Second)
	if got := describeFacts(groupMessage(t, "Public", "jared", custom(crowd, ""), "").Facts()); got != want {
		t.Errorf("150 are called: %q, want the first 100", got)
	}
}

// TestSignalBefore: a Before tells of the same ring as its After, also in a group, where no message has an id yet.
func TestSignalBefore(t *testing.T) {
	element := custom(signalData(1, "videoCall", "", `,"inviteeList":["tommy"]`), "")
	afterwards := strings.Replace(afterBody, `{"MsgType":"TIMTextElem","MsgContent":{"Text":"canary in the text"}}`, element, 1)
	a, b := decode(t, afterwards), decode(t, strings.Replace(afterwards, "After", "Before", 1))
	checkFacts(t, a.Facts(), b.Facts())
	if got := describeFacts(b.Facts()); got != "ring jared>tommy 30s" || a.Before() || !b.Before() {
		t.Errorf("to tommy: %q", got)
	}
	before := `{"CallbackCommand":"Group.CallbackBeforeSendMsg","GroupId":"g","Type":"Private","From_Account":"jared","EventTime":"1795305600123",
		"MsgBody":[` + element + `]}`
	ring := fact.Ring{Call: "i1", Source: fact.CallSignal, Caller: "jared", Group: "g", Users: []fact.UserID{"tommy"},
		At: time.UnixMilli(1795305600123).UTC(), For: 30 * time.Second} // there is no MsgTime
	inGroup := decode(t, before)
	if checkFacts(t, []fact.Fact{{Ring: &ring}}, inGroup.Facts()); !inGroup.Before() {
		t.Error("a Before in a group is none")
	}
	ring.At = time.Time{}
	checkFacts(t, []fact.Fact{{Ring: &ring}}, decode(t, strings.Replace(before, `"EventTime":"1795305600123",`, "", 1)).Facts())
}

// What is said of a call is about that call only if it was said where the call was made: a client
// writes the inviteID, and may write another's.
func TestCallsOfOthersNeverMeet(t *testing.T) {
	said := func(from, to, data string) im.Callback { return between(t, from, to, custom(data, ""), "") }
	inGroup := func(from, data string) im.Callback { return groupMessage(t, "Private", from, custom(data, ""), "") }
	invite := signalData(1, "audioCall", "", `,"inviteeList":["tommy"]`)
	end := signalData(4, "", "", `,"inviteeList":["tommy"],"inviter":"jared"`)
	webhook := decode(t, `{"CallbackCommand":"Call.CallbackAfterStartCall","CallInfo":{"CallId":"i1"},
		"UserList":[{"User_Account":"jared","Status":"Calling"},{"User_Account":"tommy","Status":"Waiting"}]}`)
	calls := map[string][]im.Callback{
		"jared calls tommy":        {said("jared", "tommy", invite), said("tommy", "jared", end), said("jared", "tommy", signalData(2, "", "", ""))},
		"lily claims to":           {said("lily", "tommy", invite), said("lily", "tommy", end), said("tommy", "lily", end)},
		"jared calls in the group": {inGroup("jared", invite), inGroup("tommy", end)},
		"the webhook":              {webhook},
	}
	whose := map[fact.Identity]string{}
	for name, steps := range calls {
		for i, cb := range steps {
			var id fact.Identity
			facts := cb.Facts()
			switch last := facts[len(facts)-1]; {
			case last.Ring != nil:
				id = last.Ring.Identity()
			case last.RingEnd != nil:
				id = last.RingEnd.Identity()
			}
			if other, known := whose[id]; known && other != name || !known && i > 0 {
				t.Errorf("%s: step %d is taken for one of %q", name, i, other)
			}
			whose[id] = name
			if id.ID() != "i1" {
				t.Errorf("%s: its id is %q, want i1", name, id.ID())
			}
		}
	}
}

func TestCallWebhooks(t *testing.T) {
	members := func(changed string) string {
		return `{"CallbackCommand":"Call.CallbackAfterMemberChanged","CallId":"c","EventTime":"1740464128807","ChangedUserList":[` + changed + `],
			"UserList":[{"User_Account":"f","Status":"Calling"},{"User_Account":"g","Status":"Waiting"},{"User_Account":"b","Status":"Waiting"}]}`
	}
	start := func(more string) string {
		return `{"CallbackCommand":"Call.CallbackAfterStartCall","CallInfo":{"CallId":"c","ChatGroupId":"g","CallMediaType":"Video"},"EventTime":1740464128807,
			"UserList":[{"User_Account":"jared","Status":"Calling"}` + more + `]}`
	}
	end := func(result, callees string) string {
		return `{"CallbackCommand":"Call.CallbackAfterEndCall","EventTime":1740464128807,"CallRecord":{"CallId":"c","Caller_Account":"jared","MediaType":"audio",
			"AcceptTime":1741231150,"EndTime":1741231176,"CallResult":"` + result + `","CalleeList_Account":[` + callees + `]}}`
	}
	type row struct{ name, body, calls, facts string }
	rows := []row{
		{"start", start(`,{"User_Account":"tommy","Status":"Waiting"},{"User_Account":144115212948889925,"Status":"waiting"},{"User_Account":"ben","Status":"Busy"},
			{"User_Account":"@RBT#1","Status":"Waiting"},{"User_Account":"jared","Status":"Waiting"},{"Status":"Waiting"}`),
			"ringing jared>tommy 144115212948889925 @RBT#1 jared in g 30s", "ring jared>tommy 144115212948889925 in g 30s"},
		{"start without anybody who waits", start(""), "ringing jared> in g 30s", ""},
		{"members", members(`{"User_Account":"@RBT#1","ActionType":"Invite"},{"User_Account":"b","ActionType":"Answer"},{"User_Account":"e","ActionType":"New"},
			{"ActionType":"Join"},{"User_Account":144115212830834855,"ActionType":"Reject"}`),
			"ringing >@RBT#1 30s; answered >b; rejected >144115212830834855", "answered >b; rejected >144115212830834855"},
		{"a heartbeat is gone", members(`{"User_Account":"f","ActionType":"Offline"},{"User_Account":"g","ActionType":"Offline"}`), "ended >f", "hung_up >f"},
		{"end without callees", end("Cancel", ""), "cancelled jared>", ""},
		{"end of what was not accepted", strings.Replace(end("NotAnswer", `"tommy"`), "1741231150", "0", 1), "timed_out jared>tommy", "timed_out jared>tommy"},
		{"end", end("NormalEnd", `"tommy",7,"@RBT#1","tommy",{}`), "ended jared>tommy 7 @RBT#1 tommy", "hung_up jared>tommy 7"},
	}
	for f, words := range map[string][]string{
		"ringing, ring": {"Invite", "Invited"}, "answered, answered": {"Answer", "Accept", "Join"}, "rejected, rejected": {"Reject"},
		"timed_out, timed_out": {"NotAnswer", "Not_Answer"}, "cancelled, cancelled": {"Cancel_Invite", "Canncel_Invite"},
		"ended, hung_up": {"Hangup", "Hang Up", "HANG UP", "Offline"}, "busy, line_busy": {"CallBusy", "LineBusy"},
	} {
		phase, how, _ := strings.Cut(f, ", ")
		ring := strings.Repeat(" 30s", strings.Count(phase, "ringing"))
		for _, word := range words {
			rows = append(rows, row{word, members(`{"User_Account":"a","ActionType":"` + word + `"}`), phase + " >a" + ring, how + " >a" + ring})
		}
	}
	for result, phase := range map[string]im.CallPhase{
		"NotAnswer": im.CallTimedOut, "Reject": im.CallRejected, "Cancel": im.CallCancelled, "CallBusy": im.CallBusy,
		"Interrupt": im.CallEnded, "Offline": im.CallEnded, "": im.CallEnded, "SomethingNew": im.CallEnded,
	} {
		how := strings.NewReplacer("ended", "hung_up", "busy", "line_busy").Replace(string(phase))
		rows = append(rows, row{"end: " + result, end(result, `"tommy"`), string(phase) + " jared>tommy", how + " jared>tommy"})
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			cb := decode(t, c.body)
			if calls, facts := describe(cb.Calls), describeFacts(cb.Facts()); calls != c.calls || facts != c.facts {
				t.Errorf("calls %q, facts %q; want %q, %q", calls, facts, c.calls, c.facts)
			}
			for _, call := range cb.Calls {
				if call.ID != "c" || !call.At.Equal(time.UnixMilli(1740464128807)) {
					t.Errorf("call %s at %v", call.ID, call.At)
				}
			}
		})
	}
}

// TestRingIsBounded: also of a Callback that was not decoded.
func TestRingIsBounded(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{0: time.Second, -time.Hour: time.Second, time.Hour: time.Minute} {
		cb := im.Callback{Kind: im.KindCall, Calls: []im.Call{{ID: "c", Phase: im.CallRinging, Users: []fact.UserID{"a"}, Ring: given}}}
		if facts := cb.Facts(); len(facts) != 1 || facts[0].Ring.For != want {
			t.Errorf("%v: %+v, want %v", given, facts, want)
		}
	}
}
