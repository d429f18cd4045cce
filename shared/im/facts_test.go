package im_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
)

// anyConversation leaves out where calls were signalled, which TestCallsOfOthersNeverMeet is about.
var anyConversation = cmp.Options{cmpopts.IgnoreFields(fact.Ring{}, "Conversation"), cmpopts.IgnoreFields(fact.RingEnd{}, "Conversation")}

func checkFacts(t *testing.T, want, got []fact.Fact) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), anyConversation); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestGroupFacts(t *testing.T) {
	said := func(change func(*fact.GroupMessage)) []fact.Fact {
		m := fact.GroupMessage{Group: "g", Type: fact.GroupPublic, From: "jared", SentAt: time.Unix(1795305600, 0).UTC(), Seq: 7, Summary: "hi"}
		if change != nil {
			change(&m)
		}
		return []fact.Fact{{GroupMessage: &m}}
	}
	for _, c := range []struct {
		name, typ, more string
		want            []fact.Fact
	}{
		{"plain", "Public", "", said(nil)},
		{"online only", "Public", `,"OnlineOnlyFlag":1`, said(func(m *fact.GroupMessage) { m.OnlineOnly = true })},
		{"failed", "Public", `,"SendMsgResult":10017`, said(func(m *fact.GroupMessage) { m.FailedCode = 10017 })},
		{"by the sender themselves", "Public", `,"Operator_Account":"jared"`, said(nil)},
		{"by a server", "Public", `,"Operator_Account":"administrator"`, said(func(m *fact.GroupMessage) { m.ByREST = true })},
		{"mentions", "Public", `,"GroupAtInfo":[{"GroupAtAllFlag":0,"GroupAt_Account":"tommy"},{"GroupAt_Account":144115212830834855},
			{"GroupAt_Account":"@RBT#1"},{"GroupAt_Account":"tommy"},{"GroupAt_Account":""},7]`,
			said(func(m *fact.GroupMessage) { m.At = []fact.UserID{"tommy", "144115212830834855"} })},
		{"everybody", "Public", `,"GroupAtInfo":[{"GroupAtAllFlag":1}]`, said(func(m *fact.GroupMessage) { m.AtAll = true })},
		{"topic", "Community", `,"TopicId":"g@TOPIC#_t"`, said(func(m *fact.GroupMessage) { m.Group, m.Type = "g@TOPIC#_t", fact.GroupCommunity })},
		{"empty topic", "Community", `,"TopicId":""`, said(func(m *fact.GroupMessage) { m.Type = fact.GroupCommunity })},
		{"work group", "Work", "", said(func(m *fact.GroupMessage) { m.Type = fact.GroupPrivate })},
		{"meeting", "Meeting", "", said(func(m *fact.GroupMessage) { m.Type = fact.GroupChatRoom })},
		{"a type to come", "Festival", "", said(func(m *fact.GroupMessage) { m.Type = "Festival" })},
		{"live", "AVChatRoom", "", nil},
		{"live room", "Live", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkFacts(t, c.want, groupMessage(t, c.typ, "jared", text("hi"), c.more).Facts())
		})
	}
}

func TestGroupRecallFacts(t *testing.T) {
	recall := func(list, more string) []fact.Fact {
		return decode(t, `{"CallbackCommand":"Group.CallbackAfterRecallMsg","GroupId":"g","MsgSeqList":`+list+more+`}`).Facts()
	}
	checkFacts(t, []fact.Fact{{GroupRecall: &fact.GroupRecall{Group: "g", Seqs: []uint32{1, 4294967295}}}},
		recall(`[{"MsgSeq":1},{"MsgSeq":"4294967295"},{"MsgSeq":0},{"MsgSeq":-1},{"MsgSeq":4294967296},{}]`, ""))
	checkFacts(t, []fact.Fact{{GroupRecall: &fact.GroupRecall{Group: "g@TOPIC#_t", Seqs: []uint32{5}}}},
		recall(`[{"MsgSeq":5}]`, `,"TopicId":"g@TOPIC#_t"`))
	checkFacts(t, nil, recall(`[]`, ""))
	checkFacts(t, nil, recall(`null`, ""))

	// What takes many messages back is told in pieces, none of which is too large to be spilled.
	list := strings.TrimSuffix(strings.Repeat(`{"MsgSeq":7},`, 250), ",")
	var sizes []int
	for _, f := range recall("["+list+"]", "") {
		sizes = append(sizes, len(f.GroupRecall.Seqs))
	}
	if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" {
		t.Error(diff)
	}
}

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
	return between(t, "jared", "tommy", elements, more)
}

func between(t *testing.T, from, to, elements, more string) im.Callback {
	t.Helper()
	return decode(t, `{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"`+from+`","To_Account":"`+to+`",
		"MsgSeq":1,"MsgRandom":2,"MsgTime":1795305600,"MsgKey":"k","MsgBody":[`+elements+`]`+more+`}`)
}

// groupMessage decodes a message to the group g.
func groupMessage(t *testing.T, typ, from, elements, more string) im.Callback {
	t.Helper()
	return decode(t, `{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"g","Type":"`+typ+`","From_Account":"`+from+`",
		"MsgSeq":7,"MsgTime":1795305600,"MsgBody":[`+elements+`]`+more+`}`)
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
		{"sound of no length", `{"MsgType":"TIMSoundElem","MsgContent":{"Second":0}}`, "", "[语音]", false},
		{"sound, text number", `{"MsgType":"TIMSoundElem","MsgContent":{"Second":"1"}}`, "", `[语音] 1"`, false},
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
