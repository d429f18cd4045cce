package im_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

// callFacts returns the facts about calls.
func callFacts(facts []notify.Fact) []notify.Fact {
	var calls []notify.Fact
	for _, f := range facts {
		if f.Ring != nil || f.RingEnd != nil {
			calls = append(calls, f)
		}
	}
	return calls
}

// anyConversation leaves out where calls were signalled, which TestCallsOfOthersNeverMeet is about.
var anyConversation = cmp.Options{cmpopts.IgnoreFields(notify.Ring{}, "Conversation"), cmpopts.IgnoreFields(notify.RingEnd{}, "Conversation")}

func checkFacts(t *testing.T, want, got []notify.Fact) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), anyConversation); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

// What is said of a call is about that call only if it was said where the call was made: a client
// writes the inviteID, and may write another's.
func TestCallsOfOthersNeverMeet(t *testing.T) {
	said := func(from, to, data string) im.Callback {
		return decode(t, fmt.Sprintf(`{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":%q,"To_Account":%q,"MsgSeq":1,"MsgRandom":2,
			"MsgTime":1795305600,"MsgKey":"k","MsgBody":[%s]}`, from, to, custom(data, "")))
	}
	identity := func(cb im.Callback) notify.Identity {
		t.Helper()
		switch f := callFacts(cb.Facts()); {
		case len(f) != 1:
			t.Fatalf("%d facts about calls, want one", len(f))
		case f[0].Ring != nil:
			return f[0].Ring.Identity()
		default:
			return f[0].RingEnd.Identity()
		}
		return ""
	}
	invite := signalData(1, "audioCall", "", `,"inviteeList":["tommy"]`)
	end := signalData(4, "", "", `,"inviteeList":["tommy"],"inviter":"jared"`)
	webhook := decode(t, `{"CallbackCommand":"Call.CallbackAfterStartCall","CallInfo":{"CallId":"i1"},
		"UserList":[{"User_Account":"jared","Status":"Calling"},{"User_Account":"tommy","Status":"Waiting"}]}`)
	calls := map[string][]im.Callback{
		"jared calls tommy":        {said("jared", "tommy", invite), said("tommy", "jared", end), said("jared", "tommy", signalData(2, "", "", ""))},
		"lily claims to":           {said("lily", "tommy", invite), said("lily", "tommy", end), said("tommy", "lily", end)},
		"jared calls in the group": {groupMessage(t, "Private", "jared", custom(invite, ""), ""), groupMessage(t, "Private", "tommy", custom(end, ""), "")},
		"the webhook":              {webhook},
	}
	whose := map[notify.Identity]string{}
	for name, steps := range calls {
		for i, cb := range steps {
			id := identity(cb)
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

func TestSignalFacts(t *testing.T) {
	at := time.Unix(1795305600, 0).UTC()
	ring := func(d time.Duration) []notify.Fact {
		return []notify.Fact{{Ring: &notify.Ring{Call: "i1", Source: notify.CallSignal, Caller: "jared", Users: []notify.UserID{"tommy"}, At: at, For: d}}}
	}
	end := func(how notify.CallEnd, users ...notify.UserID) []notify.Fact {
		return []notify.Fact{{RingEnd: &notify.RingEnd{Call: "i1", Source: notify.CallSignal, Caller: "jared", Users: users, How: how, At: at}}}
	}
	invite := signalData(1, "audioCall", "", "")
	for _, c := range []struct {
		name, data, more string
		want             []notify.Fact
	}{
		{"invitation", invite, "", ring(30 * time.Second)},
		{"shortest", signalData(1, "audioCall", "", `,"timeout":1`), "", ring(time.Second)},
		{"longest", signalData(1, "audioCall", "", `,"timeout":1e9`), "", ring(time.Minute)},
		{"negative", signalData(1, "audioCall", "", `,"timeout":-5`), "", ring(30 * time.Second)},
		{"invitation that failed in IM", invite, `,"SendMsgResult":20007`, end(notify.CallHungUp, "tommy")},
		{"invitation for who is online", invite, `,"OnlineOnlyFlag":1`, nil},
		{"failed invitation for who is online", invite, `,"OnlineOnlyFlag":1,"SendMsgResult":20007`, end(notify.CallHungUp, "tommy")},
		{"invitation of somebody else", signalData(1, "audioCall", "", `,"inviteeList":["lily"]`), "", nil},
		{"answered", signalData(3, "", "", ""), "", end(notify.CallAnswered, "tommy")},
		{"rejected", signalData(4, "", "", ""), "", end(notify.CallRejected, "tommy")},
		{"busy", signalData(4, "", `,"line_busy":"line_busy"`, ""), "", end(notify.CallBusy, "tommy")},
		{"cancelled", signalData(2, "", "", ""), "", end(notify.CallCancelled, "tommy")},
		{"cancelled, but that failed in IM", signalData(2, "", "", ""), `,"SendMsgResult":20007`, end(notify.CallCancelled, "tommy")},
		{"timed out, for who is online", signalData(5, "", "", ""), `,"OnlineOnlyFlag":1`, end(notify.CallTimedOut, "tommy")},
		{"hung up", signalData(1, "hangup", "", ""), "", end(notify.CallHungUp, "jared", "tommy")},
		{"switch to audio", signalData(1, "switchToAudio", "", ""), "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := message(t, custom(c.data, ""), c.more).Facts()
			checkFacts(t, c.want, callFacts(facts))
			if len(facts) != len(c.want)+1 || facts[0].Message == nil || !facts[0].Message.Silent {
				t.Errorf("%d facts, want a silent message first", len(facts))
			}
		})
	}
}

// TestSignalBeforeAndAfter: both tell of one ring, under one id.
func TestSignalBeforeAndAfter(t *testing.T) {
	after := `{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"jared","To_Account":"tommy","MsgSeq":1,"MsgRandom":2,
		"MsgTime":1795305600,"MsgKey":"k","MsgBody":[` + custom(signalData(1, "videoCall", "", ""), "") + `]}`
	a := decode(t, after).Facts()
	b := decode(t, strings.Replace(after, "After", "Before", 1)).Facts()
	checkFacts(t, a, b)
	if len(a) != 2 || a[1].Ring == nil {
		t.Errorf("%d facts, want a message and a ring", len(a))
	}
}

func TestSignalToABot(t *testing.T) {
	body := `{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"jared","To_Account":"@RBT#1","MsgSeq":1,"MsgRandom":2,
		"MsgTime":1795305600,"MsgKey":"k","MsgBody":[%s]}`
	if facts := decode(t, fmt.Sprintf(body, custom(signalData(1, "audioCall", "", ""), ""))).Facts(); len(facts) > 0 {
		t.Errorf("a ring: %d facts, want none", len(facts))
	}
	facts := decode(t, fmt.Sprintf(body, custom(signalData(1, "hangup", "", ""), ""))).Facts()
	want := []notify.Fact{{RingEnd: &notify.RingEnd{Call: "i1", Source: notify.CallSignal, Caller: "jared",
		Users: []notify.UserID{"jared"}, How: notify.CallHungUp, At: time.Unix(1795305600, 0).UTC()}}}
	checkFacts(t, want, facts)
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
		{"by the sender himself", "Public", `,"Operator_Account":"jared"`, said(nil)},
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

func TestGroupCallFacts(t *testing.T) {
	at := time.Unix(1795305600, 0).UTC()
	data := signalData(1, "videoCall", "", `,"inviteeList":["tommy","jared","@RBT#1","tommy","lily"],"timeout":45`)
	facts := groupMessage(t, "Private", "jared", custom(data, ""), "").Facts()
	want := []notify.Fact{
		{GroupMessage: &notify.GroupMessage{Group: "g", Type: notify.GroupPrivate, From: "jared", SentAt: at, Seq: 7, Silent: true}},
		{Ring: &notify.Ring{Call: "i1", Source: notify.CallSignal, Caller: "jared", Group: "g", Users: []notify.UserID{"tommy", "lily"},
			At: at, For: 45 * time.Second}},
	}
	checkFacts(t, want, facts)
	if facts := groupMessage(t, "AVChatRoom", "jared", custom(data, ""), "").Facts(); len(facts) > 0 {
		t.Errorf("live: %d facts, want none", len(facts))
	}

	before := `{"CallbackCommand":"Group.CallbackBeforeSendMsg","GroupId":"g","Type":"Private","From_Account":"jared","EventTime":"1795305600123",
		"MsgBody":[` + custom(data, "") + `]}`
	want = want[1:]
	want[0].Ring.At = time.UnixMilli(1795305600123).UTC() // there is no MsgTime
	checkFacts(t, want, decode(t, before).Facts())
	want[0].Ring.At = time.Time{}
	checkFacts(t, want, decode(t, strings.Replace(before, `"EventTime":"1795305600123",`, "", 1)).Facts())
}

func TestCallOfTooMany(t *testing.T) {
	data := signalData(1, "audioCall", "", `,"inviteeList":["`+strings.Join(many[string](150), `","`)+`"]`)
	facts := callFacts(groupMessage(t, "Public", "jared", custom(data, ""), "").Facts())
	if len(facts) != 1 {
		t.Fatalf("%d facts", len(facts))
	}
	if diff := cmp.Diff(many[notify.UserID](100), facts[0].Ring.Users); diff != "" {
		t.Error(diff)
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
}

func TestCallStartFacts(t *testing.T) {
	at := time.UnixMilli(1740464128807).UTC()
	facts := decode(t, `{"CallbackCommand":"Call.CallbackAfterStartCall","CallInfo":{"CallId":"c","ChatGroupId":"g"},"EventTime":1740464128807,
		"UserList":[{"User_Account":"jared","Status":"Calling"},{"User_Account":"tommy","Status":"Waiting"},{"User_Account":144115212948889925,"Status":"waiting"},
		{"User_Account":"ben","Status":"Busy"},{"User_Account":"@RBT#1","Status":"Waiting"},{"User_Account":"jared","Status":"Waiting"},{"Status":"Waiting"}]}`).Facts()
	checkFacts(t, []notify.Fact{{Ring: &notify.Ring{Call: "c", Source: notify.CallWebhook, Caller: "jared", Group: "g",
		Users: []notify.UserID{"tommy", "144115212948889925"}, At: at, For: 30 * time.Second}}}, facts)
	checkFacts(t, nil, decode(t, `{"CallbackCommand":"Call.CallbackAfterStartCall","CallInfo":{"CallId":"c"},
		"UserList":[{"User_Account":"jared","Status":"Calling"}]}`).Facts())
}

func TestCallMemberFacts(t *testing.T) {
	at := time.UnixMilli(1740464128807).UTC()
	facts := decode(t, `{"CallbackCommand":"Call.CallbackAfterMemberChanged","CallId":"c","EventTime":1740464128807,"ChangedUserList":[
		{"User_Account":"a","ActionType":"Invited"},{"User_Account":"b","ActionType":"Answer"},{"User_Account":"c","ActionType":"Hang Up"},
		{"User_Account":"d","ActionType":"Canncel_Invite"},{"User_Account":"f","ActionType":"Offline"},{"User_Account":"g","ActionType":"Offline"},{"User_Account":"@RBT#1","ActionType":"Invite"},{"User_Account":"e","ActionType":"New"}],
		"UserList":[{"User_Account":"f","Status":"Calling"},{"User_Account":"g","Status":"Waiting"},{"User_Account":"b","Status":"Waiting"}]}`).Facts()
	end := func(user notify.UserID, how notify.CallEnd) notify.Fact {
		return notify.Fact{RingEnd: &notify.RingEnd{Call: "c", Source: notify.CallWebhook, Users: []notify.UserID{user}, How: how, At: at}}
	}
	checkFacts(t, []notify.Fact{
		{Ring: &notify.Ring{Call: "c", Source: notify.CallWebhook, Users: []notify.UserID{"a"}, At: at, For: 30 * time.Second}},
		end("b", notify.CallAnswered), end("c", notify.CallHungUp), end("d", notify.CallCancelled), end("f", notify.CallHungUp),
	}, facts)
}

func TestCallEndFacts(t *testing.T) {
	for result, how := range map[string]notify.CallEnd{
		"NormalEnd": notify.CallHungUp, "Interrupt": notify.CallHungUp, "Offline": notify.CallHungUp, "SomethingNew": notify.CallHungUp,
		"NotAnswer": notify.CallTimedOut, "Reject": notify.CallRejected, "Cancel": notify.CallCancelled, "CallBusy": notify.CallBusy,
	} {
		facts := decode(t, `{"CallbackCommand":"Call.CallbackAfterEndCall","CallRecord":{"CallId":"c","Caller_Account":"jared","CallResult":"`+result+`",
			"CalleeList_Account":["tommy","lily","@RBT#1","tommy"]}}`).Facts()
		checkFacts(t, []notify.Fact{{RingEnd: &notify.RingEnd{Call: "c", Source: notify.CallWebhook, Caller: "jared",
			Users: []notify.UserID{"tommy", "lily"}, How: how}}}, facts)
	}
	checkFacts(t, nil, decode(t, `{"CallbackCommand":"Call.CallbackAfterEndCall","CallRecord":{"CallId":"c","CallResult":"Cancel"}}`).Facts())
}

// TestRingIsBounded: also of a Callback that was not decoded.
func TestRingIsBounded(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{0: time.Second, -time.Hour: time.Second, time.Hour: time.Minute} {
		cb := im.Callback{Kind: im.KindCall, Calls: []im.Call{{ID: "c", Phase: im.CallRinging, Users: []notify.UserID{"a"}, Ring: given}}}
		if facts := cb.Facts(); len(facts) != 1 || facts[0].Ring.For != want {
			t.Errorf("%v: %+v, want %v", given, facts, want)
		}
	}
}

// A callback that takes many messages back is told in pieces, none of which is too large to be spilled.
func TestGroupRecallIsToldInPieces(t *testing.T) {
	var list []string
	for i := range 250 {
		list = append(list, fmt.Sprintf(`{"MsgSeq":%d}`, i+1))
	}
	facts := decode(t, `{"CallbackCommand":"Group.CallbackAfterRecallMsg","GroupId":"g","MsgSeqList":[`+strings.Join(list, ",")+`]}`).Facts()
	var seqs []uint32
	for _, f := range facts {
		if n := len(f.GroupRecall.Seqs); n > 100 {
			t.Errorf("a fact takes %d messages back", n)
		}
		seqs = append(seqs, f.GroupRecall.Seqs...)
	}
	if len(facts) != 3 || len(seqs) != 250 || seqs[249] != 250 {
		t.Errorf("%d facts take %d messages back", len(facts), len(seqs))
	}
}
