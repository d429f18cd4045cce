package im_test

import (
	"encoding/json"
	"fmt"
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
			&im.Call{Phase: im.CallRinging, Media: im.MediaVideo, Users: tommy, Ring: 600 * time.Second}},
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
