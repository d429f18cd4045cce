package im_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func text(s string) string {
	return `{"MsgType":"TIMTextElem","MsgContent":{"Text":` + quote(s) + `}}`
}

func custom(data, desc string) string {
	return `{"MsgType":"TIMCustomElem","MsgContent":{"Data":` + quote(data) + `,"Desc":` + quote(desc) + `}}`
}

// message decodes a one-to-one message from jared to tommy with the given elements.
func message(t *testing.T, elements, more string) im.Callback {
	t.Helper()
	return decode(t, `{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"jared","To_Account":"tommy",
		"MsgSeq":1,"MsgRandom":2,"MsgTime":1795305600,"MsgKey":"k","MsgBody":[`+elements+`]`+more+`}`)
}

func TestSummary(t *testing.T) {
	file := func(name string) string {
		return `{"MsgType":"TIMFileElem","MsgContent":{"FileName":` + quote(name) + `}}`
	}
	long := strings.Repeat("字", 300)
	for _, c := range []struct {
		name, elements, more, want string
		silent                     bool
	}{
		{"line breaks", text("a\r\n\n b\tc\u2028d\u00a0e\x00\x07f "), "", "a b c d e f", false},
		{"reordering", text("ab\u202ecd\u2066e"), "", "abcde", false},
		{"emoji kept whole", text("👨\u200d👩\u200d👧"), "", "👨\u200d👩\u200d👧", false},
		{"200 runes", text(long[:600]), "", long[:600], false},
		{"201 runes", text(long[:603]), "", long[:597] + "…", false},
		{"space at the end", text(long[:597] + " xx"), "", long[:597] + "…", false},
		{"space after", text(long[:600] + "  "), "", long[:600], false},
		{"blank", text(" \n"), "", "", false},
		{"sound without length", `{"MsgType":"TIMSoundElem","MsgContent":{}}`, "", "[语音]", false},
		{"sound, text number", `{"MsgType":"TIMSoundElem","MsgContent":{"Second":"12"}}`, "", `[语音] 12"`, false},
		{"path", file(`C:\Users\jared\报价.pdf`), "", "[文件] 报价.pdf", false},
		{"other path", file(`/private/var/x.pdf`), "", "[文件] x.pdf", false},
		{"folder", file(`/private/`), "", "[文件]", false},
		{"no name", `{"MsgType":"TIMFileElem"}`, "", "[文件]", false},
		{"two elements", text("看") + `,{"MsgType":"TIMImageElem"}`, "", "看[图片]", false},
		{"element to come", `{"MsgType":"TIMHologramElem","MsgContent":{}}`, "", "[消息]", false},
		{"no elements", "", "", "", true},
		{"element is no object", `"x",null,7`, "", "", true},
		{"group tip", `{"MsgType":"TIMGroupTipElem"}`, "", "", true},
		{"typing", custom(`{"businessID":"user_typing_status"}`, "typing"), "", "", true},
		{"service typing", custom(`{"customerServicePlugin":0,"src":"12"}`, ""), "", "", true},
		{"service typing, number", custom(`{"customerServicePlugin":0,"src":12}`, "x"), "", "", true},
		{"custom with Desc", custom("opaque", "新订单"), "", "新订单", false},
		{"custom without Desc", custom("opaque", ""), "", "[自定义消息]", true},
		{"custom with push text", custom("opaque", ""), `,"OfflinePushInfo":{"Desc":"x"}`, "[自定义消息]", false},
		{"custom, broken JSON", custom(`{"businessID":`, ""), "", "[自定义消息]", true},
		{"custom, too deep", custom(strings.Repeat(`{"a":`, 200)+"1"+strings.Repeat("}", 200), ""), "", "[自定义消息]", true},
		{"link", custom(`{"businessID":"text_link","text":"欢迎","link":"https://example.com"}`, ""), "", "欢迎", false},
		{"order", custom(`{"businessID":"order","title":"订单 1 已发货"}`, ""), "", "订单 1 已发货", false},
		{"order without title", custom(`{"businessID":"order"}`, ""), "", "[自定义消息]", true},
		{"evaluation", custom(`{"businessID":"evaluation","score":5,"comment":"很好"}`, ""), "", "[评价]很好", false},
		{"poll", custom(`{"businessID":"group_poll"}`, ""), "", "[群投票]", false},
		{"note", custom(`{"businessID":"group_note"}`, ""), "", "[群接龙]", false},
		{"meeting", custom(`{"businessID":"group_room_message"}`, ""), "", "[快速会议]", false},
		{"data is an object", `{"MsgType":"TIMCustomElem","MsgContent":{"Data":{"businessID":"text_link","text":"嗨"}}}`, "", "嗨", false},
		{"text beside a typing signal", text("hi") + "," + custom(`{"businessID":"user_typing_status"}`, ""), "", "hi", false},
		{"other signalling", custom(`{"businessID":1,"actionType":1,"inviteID":"i","data":"{\"businessID\":\"whiteboard\"}"}`, "x"), "", "", true},
		{"number in a string is no signalling", custom(`{"businessID":"1","actionType":1}`, "x"), "", "x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cb := message(t, c.elements, c.more)
			if cb.Message.Summary != c.want || cb.Message.Silent != c.silent {
				t.Errorf("summary %q, silent %t; want %q, %t", cb.Message.Summary, cb.Message.Silent, c.want, c.silent)
			}
			if n := utf8.RuneCountInString(cb.Message.Summary); n > 200 {
				t.Errorf("%d runes", n)
			}
			if len(cb.Calls) > 0 {
				t.Errorf("calls %+v", cb.Calls)
			}
		})
	}
}

func signalData(action int, cmd, inner, outer string) string {
	data := `{"businessID":"av_call","call_type":1` + inner
	if cmd != "" {
		data += `,"data":{"cmd":"` + cmd + `"}`
	}
	return fmt.Sprintf(`{"businessID":1,"actionType":%d,"inviteID":"i1","inviter":"jared"%s,"data":%s}`, action, outer, quote(data+"}"))
}

func TestSignalledCalls(t *testing.T) {
	at := time.Unix(1795305600, 0).UTC()
	invitees := `,"inviteeList":["lily","tommy","",null],"timeout":45`
	tommy, both := []notify.UserID{"tommy"}, []notify.UserID{"jared", "tommy"}
	for _, c := range []struct {
		name, data string
		want       *im.Call // nil: nothing about a call
	}{
		{"invitation", signalData(1, "audioCall", "", invitees),
			&im.Call{Phase: im.CallRinging, Media: im.MediaAudio, Users: tommy, Ring: 45 * time.Second}},
		{"invitation, bare", signalData(1, "", "", ""),
			&im.Call{Phase: im.CallRinging, Media: im.MediaAudio, Users: tommy, Ring: 30 * time.Second}},
		{"timeout 0", signalData(1, "videoCall", "", `,"timeout":0`),
			&im.Call{Phase: im.CallRinging, Media: im.MediaVideo, Users: tommy, Ring: 30 * time.Second}},
		{"timeout beyond all limits", signalData(1, "videoCall", "", `,"timeout":99999`),
			&im.Call{Phase: im.CallRinging, Media: im.MediaVideo, Users: tommy, Ring: time.Minute}},
		{"hang-up without a command", signalData(1, "", `,"call_end":7`, ""),
			&im.Call{Phase: im.CallEnded, Media: im.MediaAudio, Users: both, Duration: 7 * time.Second}},
		{"action in a string", strings.Replace(signalData(2, "", "", ""), `"actionType":2`, `"actionType":"2"`, 1),
			&im.Call{Phase: im.CallCancelled, Media: im.MediaAudio, Users: tommy}},
		{"invitation of somebody else", signalData(1, "audioCall", "", `,"inviteeList":["lily"]`),
			&im.Call{Phase: im.CallRinging, Media: im.MediaAudio, Ring: 30 * time.Second}},
		{"invitation in another name", strings.Replace(signalData(1, "audioCall", "", ""), `"inviter":"jared"`, `"inviter":"boss"`, 1),
			&im.Call{Phase: im.CallRinging, Media: im.MediaAudio, Users: tommy, Ring: 30 * time.Second}},
		{"cancelled for others", signalData(2, "", "", `,"inviteeList":["lily","tommy"]`),
			&im.Call{Phase: im.CallCancelled, Media: im.MediaAudio, Users: tommy}},
		{"hang-up of others", signalData(1, "hangup", "", `,"inviteeList":["lily"]`),
			&im.Call{Phase: im.CallEnded, Media: im.MediaAudio, Users: both}},
		{"accepted", signalData(3, "", "", ""), &im.Call{Phase: im.CallAnswered, Media: im.MediaAudio, Users: tommy}},
		{"switch to audio as an answer", signalData(3, "switchToAudio", "", ""), nil},
		{"unknown command", signalData(1, "somethingNew", "", ""), nil},
		{"unknown action", signalData(9, "", "", ""), nil},
		{"no id", strings.Replace(signalData(1, "audioCall", "", ""), `"inviteID":"i1",`, "", 1), nil},
		{"group", signalData(1, "audioCall", "", `,"groupID":"g1"`),
			&im.Call{Phase: im.CallRinging, Media: im.MediaAudio, Users: tommy, Ring: 30 * time.Second, GroupID: "g1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cb := message(t, custom(c.data, ""), "")
			if !cb.Message.Silent || cb.Message.Summary != "" {
				t.Errorf("silent %t, summary %q; want a silent message", cb.Message.Silent, cb.Message.Summary)
			}
			var want []im.Call
			if c.want != nil {
				c.want.ID, c.want.Caller, c.want.At = "i1", "jared", at
				want = []im.Call{*c.want}
			}
			if diff := cmp.Diff(want, cb.Calls); diff != "" {
				t.Error(diff)
			}
		})
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
			for where, got := range map[string]struct {
				calls []im.Call
				want  im.CallPhase
			}{"one to one": {one.Calls, c.want}, "in a group": {group.Calls, c.inGroup}} {
				if got.want == "" {
					if len(got.calls) > 0 {
						t.Errorf("%s: %+v, want nothing", where, got.calls)
					}
					continue
				}
				if len(got.calls) != 1 || got.calls[0].Phase != got.want || got.calls[0].ID != "i1" {
					t.Fatalf("%s: %+v, want %s", where, got.calls, got.want)
				}
				call := got.calls[0]
				if got.want == im.CallRinging && (call.Ring != 30*time.Second || call.Caller != "jared" || !slices.Equal(call.Users, []notify.UserID{"tommy"})) {
					t.Errorf("%s: %+v, want tommy to be rung for 30 s", where, call)
				}
				if got.want != im.CallRinging && !slices.Contains(call.Users, "tommy") && !slices.Contains(call.Users, "jared") {
					t.Errorf("%s: %+v, which is about nobody", where, call)
				}
			}
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

// TestBareCallsEnd: these do not say who called, so an end is believed of both.
func TestBareCallsEnd(t *testing.T) {
	const data = `{"version":4,"call_id":"i1","room_id":9,"call_type":1,"action":5,"duration":12}`
	want := im.Call{ID: "i1", Phase: im.CallEnded, Media: im.MediaAudio, Users: []notify.UserID{"jared", "tommy"},
		Duration: 12 * time.Second, At: time.Unix(1795305600, 0).UTC()}
	if diff := cmp.Diff([]im.Call{want}, message(t, custom(data, ""), "").Calls); diff != "" {
		t.Error(diff)
	}
	group := strings.Replace(data, `"action":5`, `"action":3,"group_id":"other","invited_list":["lily","jared"]`, 1)
	calls := groupMessage(t, "Private", "jared", custom(group, ""), "").Calls
	if len(calls) != 1 || calls[0].GroupID != "g" || !slices.Equal(calls[0].Users, []notify.UserID{"jared"}) {
		t.Errorf("%+v, want jared, in the group that IM names", calls)
	}
}

// TestSignalFromTheCallee: a later step may come from either side; it is about the
// callee all the same, or about both if nobody vouches for who called.
func TestSignalFromTheCallee(t *testing.T) {
	for inviter, users := range map[string][]notify.UserID{"tommy": {"jared"}, "jared": {"tommy"}, "mallory": {"jared", "tommy"}, "": {"jared", "tommy"}} {
		data := strings.Replace(signalData(4, "", "", ""), `"inviter":"jared"`, `"inviter":"`+inviter+`"`, 1)
		cb := message(t, custom(data, ""), "")
		want := im.Call{ID: "i1", Phase: im.CallRejected, Media: im.MediaAudio, Caller: notify.UserID(inviter),
			Users: users, At: time.Unix(1795305600, 0).UTC()}
		if len(users) > 1 {
			want.Caller = ""
		}
		if diff := cmp.Diff([]im.Call{want}, cb.Calls); diff != "" {
			t.Errorf("%q: %s", inviter, diff)
		}
	}
}

func TestSignalsInAGroup(t *testing.T) {
	const list = `,"inviteeList":["tommy",144115212830834855,"",null]`
	both := []notify.UserID{"tommy", "144115212830834855"}
	for _, c := range []struct {
		name, from, data string
		caller           notify.UserID
		users            []notify.UserID
	}{
		{"invitation", "jared", signalData(1, "audioCall", "", list), "jared", both},
		{"invitation in another name", "mallory", signalData(1, "audioCall", "", list), "mallory", both},
		{"invitation of nobody", "jared", signalData(1, "audioCall", "", ""), "jared", nil},
		{"one accepts, all are listed", "tommy", signalData(3, "", "", list), "jared", both[:1]},
		{"one accepts, nobody is listed", "tommy", signalData(3, "", "", ""), "jared", both[:1]},
		{"one rejects", "tommy", signalData(4, "", "", list), "jared", both[:1]},
		{"one is busy", "tommy", signalData(4, "", `,"line_busy":""`, list), "jared", both[:1]},
		{"accepted, told by another", "jared", signalData(3, "", "", list), "jared", both},
		{"cancelled", "jared", signalData(2, "", "", list), "jared", both},
		{"timed out", "tommy", signalData(5, "", "", list), "jared", both},
		{"hang-up", "lily", strings.Replace(signalData(1, "hangup", "", list), `\"cmd\"`, `\"userIDs\":[\"ben\"],\"cmd\"`, 1), "jared",
			[]notify.UserID{"tommy", "144115212830834855", "ben", "lily"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cb := groupMessage(t, "Private", c.from, custom(c.data, ""), "")
			if len(cb.Calls) != 1 || cb.Calls[0].GroupID != "g" {
				t.Fatalf("calls %+v", cb.Calls)
			}
			if diff := cmp.Diff(c.users, cb.Calls[0].Users); diff != "" || cb.Calls[0].Caller != c.caller {
				t.Errorf("caller %s, want %s\n%s", cb.Calls[0].Caller, c.caller, diff)
			}
		})
	}
}

// groupMessage decodes a message to the group g.
func groupMessage(t *testing.T, typ, from, elements, more string) im.Callback {
	t.Helper()
	return decode(t, `{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"g","Type":"`+typ+`","From_Account":"`+from+`",
		"MsgSeq":7,"MsgTime":1795305600,"MsgBody":[`+elements+`]`+more+`}`)
}

func TestCallMembers(t *testing.T) {
	for phase, words := range map[im.CallPhase][]string{
		im.CallRinging:   {"Invite", "Invited"},
		im.CallAnswered:  {"Answer", "Accept", "Join"},
		im.CallRejected:  {"Reject"},
		im.CallTimedOut:  {"NotAnswer", "Not_Answer"},
		im.CallCancelled: {"Cancel_Invite", "Canncel_Invite"},
		im.CallEnded:     {"Hangup", "Hang Up", "HANG UP", "Offline"},
		im.CallBusy:      {"CallBusy", "LineBusy"},
	} {
		for _, word := range words {
			cb := decode(t, `{"CallbackCommand":"Call.CallbackAfterMemberChanged","CallId":"c","EventTime":"1740464128807","ChangedUserList":[
				{"User_Account":144115212830834855,"ActionType":"`+word+`"},{"User_Account":"b","ActionType":"SomethingNew"},{"ActionType":"Join"}]}`)
			want := im.Call{ID: "c", Phase: phase, Users: []notify.UserID{"144115212830834855"}, At: time.UnixMilli(1740464128807).UTC()}
			if phase == im.CallRinging {
				want.Ring = 30 * time.Second
			}
			if diff := cmp.Diff([]im.Call{want}, cb.Calls); diff != "" {
				t.Errorf("%s:\n%s", word, diff)
			}
		}
	}
}

func TestCallResults(t *testing.T) {
	for result, want := range map[string]im.CallPhase{
		"NormalEnd": im.CallEnded, "NotAnswer": im.CallTimedOut, "Reject": im.CallRejected, "Cancel": im.CallCancelled,
		"CallBusy": im.CallBusy, "Interrupt": im.CallEnded, "Offline": im.CallEnded, "": im.CallEnded,
	} {
		cb := decode(t, `{"CallbackCommand":"Call.CallbackAfterEndCall","CallRecord":{"CallId":"c","Caller_Account":"a","MediaType":"audio",
			"AcceptTime":1741231150,"EndTime":1741231176,"CallResult":"`+result+`","CalleeList_Account":["b",7,{}]}}`)
		c := cb.Calls[0]
		if c.Phase != want || c.Duration != 26*time.Second || c.Media != im.MediaAudio {
			t.Errorf("%s: %+v", result, c)
		}
		if diff := cmp.Diff([]notify.UserID{"b", "7"}, c.Users); diff != "" {
			t.Errorf("%s: %s", result, diff)
		}
	}
}
