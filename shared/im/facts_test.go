package im_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/notify"
)

// anyConversation leaves out where calls were signalled, which TestCallsOfOthersNeverMeet is about.
var anyConversation = cmp.Options{cmpopts.IgnoreFields(notify.Ring{}, "Conversation"), cmpopts.IgnoreFields(notify.RingEnd{}, "Conversation")}

func checkFacts(t *testing.T, want, got []notify.Fact) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), anyConversation); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestGroupFacts(t *testing.T) {
	said := func(change func(*notify.GroupMessage)) []notify.Fact {
		m := notify.GroupMessage{Group: "g", Type: notify.GroupPublic, From: "jared", SentAt: time.Unix(1795305600, 0).UTC(), Seq: 7, Summary: "hi"}
		if change != nil {
			change(&m)
		}
		return []notify.Fact{{GroupMessage: &m}}
	}
	for _, c := range []struct {
		name, typ, more string
		want            []notify.Fact
	}{
		{"plain", "Public", "", said(nil)},
		{"online only", "Public", `,"OnlineOnlyFlag":1`, said(func(m *notify.GroupMessage) { m.OnlineOnly = true })},
		{"failed", "Public", `,"SendMsgResult":10017`, said(func(m *notify.GroupMessage) { m.FailedCode = 10017 })},
		{"by the sender themselves", "Public", `,"Operator_Account":"jared"`, said(nil)},
		{"by a server", "Public", `,"Operator_Account":"administrator"`, said(func(m *notify.GroupMessage) { m.ByREST = true })},
		{"mentions", "Public", `,"GroupAtInfo":[{"GroupAtAllFlag":0,"GroupAt_Account":"tommy"},{"GroupAt_Account":144115212830834855},
			{"GroupAt_Account":"@RBT#1"},{"GroupAt_Account":"tommy"},{"GroupAt_Account":""},7]`,
			said(func(m *notify.GroupMessage) { m.At = []notify.UserID{"tommy", "144115212830834855"} })},
		{"everybody", "Public", `,"GroupAtInfo":[{"GroupAtAllFlag":1}]`, said(func(m *notify.GroupMessage) { m.AtAll = true })},
		{"topic", "Community", `,"TopicId":"g@TOPIC#_t"`, said(func(m *notify.GroupMessage) { m.Group, m.Type = "g@TOPIC#_t", notify.GroupCommunity })},
		{"empty topic", "Community", `,"TopicId":""`, said(func(m *notify.GroupMessage) { m.Type = notify.GroupCommunity })},
		{"work group", "Work", "", said(func(m *notify.GroupMessage) { m.Type = notify.GroupPrivate })},
		{"meeting", "Meeting", "", said(func(m *notify.GroupMessage) { m.Type = notify.GroupChatRoom })},
		{"a type to come", "Festival", "", said(func(m *notify.GroupMessage) { m.Type = "Festival" })},
		{"live", "AVChatRoom", "", nil},
		{"live room", "Live", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkFacts(t, c.want, groupMessage(t, c.typ, "jared", text("hi"), c.more).Facts())
		})
	}
}

func TestGroupRecallFacts(t *testing.T) {
	recall := func(list, more string) []notify.Fact {
		return decode(t, `{"CallbackCommand":"Group.CallbackAfterRecallMsg","GroupId":"g","MsgSeqList":`+list+more+`}`).Facts()
	}
	checkFacts(t, []notify.Fact{{GroupRecall: &notify.GroupRecall{Group: "g", Seqs: []uint32{1, 4294967295}}}},
		recall(`[{"MsgSeq":1},{"MsgSeq":"4294967295"},{"MsgSeq":0},{"MsgSeq":-1},{"MsgSeq":4294967296},{}]`, ""))
	checkFacts(t, []notify.Fact{{GroupRecall: &notify.GroupRecall{Group: "g@TOPIC#_t", Seqs: []uint32{5}}}},
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
