package im_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
)

func TestDecodeCommand(t *testing.T) {
	const state = "State.StateChange"
	rest := strings.TrimPrefix(afterBody, `{"CallbackCommand":"C2C.CallbackAfterSendMsg",`)
	for _, c := range []struct {
		name, command, body string
		kind                im.Kind
		want                error
	}{
		{"same", after, afterBody, im.KindMessage, nil},
		{"differs", state, afterBody, "", im.ErrCommandMismatch},
		{"differs in case", strings.ToLower(after), afterBody, "", im.ErrCommandMismatch},
		{"not in the query", "", afterBody, "", im.ErrCommandMismatch},
		{"not in the body", after, "{" + rest, "", im.ErrCommandMismatch},
		{"not a string", after, `{"CallbackCommand":["C2C.CallbackAfterSendMsg"],` + rest, "", im.ErrCommandMismatch},
		{"an object", after, `{"CallbackCommand":{},` + rest, "", im.ErrCommandMismatch},
		{"null", after, `{"CallbackCommand":null,` + rest, "", im.ErrCommandMismatch},
		{"twice, the last fits", after, `{"CallbackCommand":"State.StateChange",` + afterBody[1:], im.KindMessage, nil},
		{"twice, the first fits", after, afterBody[:len(afterBody)-1] + `,"CallbackCommand":"State.StateChange"}`, "", im.ErrCommandMismatch},
		{"in other case too", after, afterBody[:len(afterBody)-1] + `,"callbackcommand":"State.StateChange"}`, im.KindMessage, nil},
		{"in other case only", after, `{"callbackCommand":"C2C.CallbackAfterSendMsg",` + rest, "", im.ErrCommandMismatch},
		{"escaped", after, `{"CallbackCommand":"C2C.Callback\u0041fterSendMsg",` + rest, im.KindMessage, nil},
		{"unknown", "Sns.CallbackFriendAdd", `{"CallbackCommand":"Sns.CallbackFriendAdd"}`, im.KindUnknown, nil},
		{"unknown, differs", "Sns.CallbackFriendAdd", afterBody, "", im.ErrCommandMismatch},
		{"unknown, not in the body", "Sns.CallbackFriendAdd", `{"a":1}`, im.KindUnknown, nil},
		{"nowhere", "", `{"a":1}`, im.KindProbe, nil},
		{"empty body", after, " \r\n\t", im.KindProbe, nil},
		{"empty object", after, " {} ", im.KindProbe, nil},
		{"empty object after a byte order mark", after, "\uFEFF{}", im.KindProbe, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := commandQuery(c.command)
			if c.command == "" {
				q.Del("CallbackCommand")
			}
			cb, err := im.Decode(q, []byte(c.body))
			if !errors.Is(err, c.want) || err == nil && cb.Kind != c.kind || err != nil && len(cb.Facts()) > 0 || cb.Command != c.command {
				t.Errorf("%s of kind %q with %d facts, error %v; want %q of kind %q, error %v",
					cb.Command, cb.Kind, len(cb.Facts()), err, c.command, c.kind, c.want)
			}
		})
	}
	if _, err := im.Decode(url.Values{"CallbackCommand": {after}, "callbackcommand": {state}}, []byte(afterBody)); !errors.Is(err, im.ErrRepeated) {
		t.Errorf("command twice in the query: %v, want ErrRepeated", err)
	}
}

// TestDecodeLastWins: of a repeated name the last value counts, at every depth, so
// that no two readers of one body can see different things.
func TestDecodeLastWins(t *testing.T) {
	cb := decode(t, `{"CallbackCommand":"State.StateChange","EventTime":1,"Info":{"To_Account":"a","Action":"Logout","Extra":{}},
		"Info":{"To_Account":"b","To_Account":"c","Action":"Login","action":"Logout"},"EventTime":1629883332497}`)
	want := []fact.Fact{{Presence: &fact.Presence{User: "c", Online: true, At: time.UnixMilli(1629883332497).UTC()}}}
	if diff := cmp.Diff(want, cb.Facts()); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeForm(t *testing.T) {
	utf16Body := func(mark string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(mark + afterBody)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	nested := func(n int) string {
		return afterBody[:len(afterBody)-1] + `,"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"as deep as may be", nested(99), nil},
		{"one deeper", nested(100), im.ErrTooDeep},
		{"brackets in a string", strings.Replace(afterBody, "canary", strings.Repeat(`[{\"\\`, 500), 1), nil},
		{"as large as may be", afterBody + strings.Repeat("\n", im.MaxBody-len(afterBody)), nil},
		{"one byte larger", afterBody + strings.Repeat("\n", im.MaxBody-len(afterBody)+1), im.ErrTooLarge},
		{"byte order mark", "\uFEFF" + afterBody, nil},
		{"UTF-16", utf16Body(""), im.ErrMalformed},
		{"UTF-16 with a mark", utf16Body("\uFEFF"), im.ErrMalformed},
		{"deep behind a control character", strings.Replace(nested(100), "canary", "\x02", 1), im.ErrTooDeep},
		{"brackets behind a stray backslash", strings.Replace(afterBody, "canary", `\[`+strings.Repeat("[", 500), 1), nil},
		{"cut", afterBody[:len(afterBody)-1], im.ErrMalformed},
		{"an escaped quotation mark behind UTF-8", strings.Replace(afterBody, "canary in the text", "\u4f60\\", 1), im.ErrMalformed},
		{"two objects", afterBody + afterBody, im.ErrMalformed},
		{"object and bracket", afterBody + "]", im.ErrMalformed},
		{"list", "[" + afterBody + "]", im.ErrMalformed},
		{"null", "null", im.ErrMalformed},
		{"text", `"x"`, im.ErrMalformed},
		{"XML", "<xml/>", im.ErrMalformed},
		{"form", "a=b", im.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			cb, err := im.Decode(commandQuery(after), []byte(c.body))
			if facts := len(cb.Facts()); !errors.Is(err, c.want) || (facts == 1) != (c.want == nil) {
				t.Errorf("%d facts, error %v, want %v", facts, err, c.want)
			}
		})
	}
}

// TestDecodeUncleanTexts: whatever people wrote, and however it was cut, its message is
// recorded, with what can be read of the text.
func TestDecodeUncleanTexts(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"line break":                     {"line1\nline2", "line1 line2"},
		"escape sequence":                {"\x1b[0;32mgreen", "[0;32mgreen"},
		"NUL":                            {"a\x00b", "a b"},
		"every control character":        {"a\x01\x02\x08\x0b\x0c\x1f\x7fb", "a b"},
		"cut UTF-8":                      {"a\xe4\xbd", "a"},
		"cut UTF-8 before an escape":     {"a\xe4\\n\\\"b", "a \"b"},
		"half a surrogate pair":          {`a\ud83d`, "a"},
		"cut escape":                     {`a\u4f`, `a\u4f`},
		"stray backslash":                {`C:\x`, `C:\x`},
		"stray backslash before a u":     {`C:\uhead`, `C:\uhead`},
		"backslash before a line break":  {"a\\\nb", `a\ b`},
		"GBK":                            {"ok \xc4\xe3\xba\xc3", "ok"},
		"GBK that ends in a backslash":   {"ok \x95\x5c", "ok"},
		"GBK, and a byte before a quote": {"ok \x95\x5c\",\"Other\":\"x\xe4", "ok"},
		"GBK with a brace":               {"ok \x81\x7b\x95\x5c", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			for at, body := range map[string]string{
				"text": strings.Replace(afterBody, "canary in the text", c.text, 1),
				"data": strings.Replace(afterBody, `"MsgBody"`, `"CloudCustomData":"`+c.text+`","MsgBody"`, 1),
			} {
				cb, err := im.Decode(commandQuery(after), []byte("\uFEFF"+body+"\x00"))
				if err != nil || len(cb.Facts()) != 1 {
					t.Fatalf("in the %s: %d facts, %v", at, len(cb.Facts()), err)
				}
				m := cb.Facts()[0].Message
				if at == "text" && m.Summary != c.want {
					t.Errorf("summary %q, want %q", m.Summary, c.want)
				}
				if m.ID != "1_2_1795305600" || m.From != "jared" || m.To != "tommy" || m.SentAt.Unix() != 1795305600 {
					t.Errorf("in the %s: %+v", at, m)
				}
			}
		})
	}
}

func TestDecodeTolerates(t *testing.T) {
	want := fact.Message{ID: "1_4294967295_1795305600", From: "144115212830834855", To: "tommy",
		SentAt: time.Unix(1795305600, 0).UTC(), Seq: 3000000000, Summary: "x", ByREST: true, FailedCode: 80001}
	for name, body := range map[string]string{
		"numbers": `"From_Account":144115212830834855,"To_Account":"tommy","MsgSeq":3000000000,"MsgRandom":1,
			"MsgTime":1795305600,"MsgKey":"1_4294967295_1795305600","SendMsgResult":80001,"OnlineOnlyFlag":0,"EventTime":1795305600123`,
		"strings": `"From_Account":"144115212830834855","To_Account":"tommy","MsgSeq":"3000000000","MsgRandom":"1",
			"MsgTime":"1795305600","MsgKey":"1_4294967295_1795305600","SendMsgResult":"80001","OnlineOnlyFlag":"0","EventTime":"1795305600123"`,
		"exponents": `"From_Account":144115212830834855,"To_Account":"tommy","MsgSeq":3e9,"MsgRandom":1.0,
			"MsgTime":1.7953056e9,"MsgKey":"1_4294967295_1795305600","SendMsgResult":8.0001e4,"OnlineOnlyFlag":false,"EventTime":1.795305600123e12`,
		"unknown keys": `"From_Account":"144115212830834855","To_Account":"tommy","MsgSeq":3000000000,"MsgRandom":null,
			"MsgTime":1795305600,"MsgKey":"1_4294967295_1795305600","SendMsgResult":80001,"EventTime":1795305600123,
			"New":{"a":[1,{"b":null}]},"OfflinePushInfo":7,"CloudCustomData":{},"from_account":"other"`,
	} {
		t.Run(name, func(t *testing.T) {
			q := commandQuery(after)
			q.Set("OptPlatform", "RestApi")
			cb, err := im.Decode(q, []byte(`{"CallbackCommand":"C2C.CallbackAfterSendMsg",`+body+
				`,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}]}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]fact.Fact{{Message: &want}}, cb.Facts()); diff != "" {
				t.Error(diff)
			}
			if !cb.EventTime.Equal(time.UnixMilli(1795305600123)) {
				t.Errorf("EventTime = %v", cb.EventTime)
			}
		})
	}
}

// TestDecodeTimes: seconds and milliseconds are told apart by their size, in every field,
// as numbers and as texts.
func TestDecodeTimes(t *testing.T) {
	for written, want := range map[string]time.Time{
		"1924992000": time.Unix(1924992000, 0), `"1924992000"`: time.Unix(1924992000, 0), "1.924992e9": time.Unix(1924992000, 0),
		"1924992000987": time.UnixMilli(1924992000987), `"1924992000987"`: time.UnixMilli(1924992000987),
		"4102444800": time.Unix(4102444800, 0), "4102444801": time.UnixMilli(4102444801), "1": time.Unix(1, 0),
	} {
		second := want.Truncate(time.Second)
		message := strings.Replace(strings.Replace(afterBody, "1795305600", written, 1), `"MsgKey":"1_2_1795305600",`, "", 1)
		if m := decode(t, message).Message; !m.SentAt.Equal(second) || m.ID != fact.MessageID(fmt.Sprintf("1_2_%d", second.Unix())) {
			t.Errorf("MsgTime %s: message %s of %v, want %v", written, m.ID, m.SentAt, second)
		}
		group := decode(t, `{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"g","From_Account":"a","MsgSeq":1,"MsgTime":`+written+`}`)
		if got := group.GroupMessage.SentAt; !got.Equal(second) {
			t.Errorf("MsgTime %s in a group: %v, want %v", written, got, second)
		}
		read := decode(t, `{"CallbackCommand":"C2C.CallbackAfterMsgReport","Report_Account":"a","Peer_Account":"b","LastReadTime":`+written+`}`)
		if got := read.Read.UpTo; !got.Equal(second) {
			t.Errorf("LastReadTime %s: %v, want %v", written, got, second)
		}
		state := decode(t, `{"CallbackCommand":"State.StateChange","Info":{"Action":"Login","To_Account":"a"},"EventTime":`+written+`}`)
		if got := state.State.At; !got.Equal(want) {
			t.Errorf("EventTime %s: %v, want %v", written, got, want)
		}
	}
}

func TestDecodeNamesTheField(t *testing.T) {
	drop := func(body, field string) string {
		var o map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &o); err != nil {
			t.Fatal(err)
		}
		if _, ok := o[field]; !ok {
			t.Fatalf("no %s to drop", field)
		}
		delete(o, field)
		b, _ := json.Marshal(o)
		return string(b)
	}
	const (
		group       = `{"CallbackCommand":"Group.CallbackAfterSendMsg","GroupId":"g","From_Account":"a","MsgSeq":1,"MsgTime":1795305600}`
		read        = `{"CallbackCommand":"C2C.CallbackAfterMsgReport","Report_Account":"a","Peer_Account":"b","LastReadTime":1795305600}`
		recall      = `{"CallbackCommand":"C2C.CallbackAfterMsgWithDraw","From_Account":"a","To_Account":"b","MsgKey":"k"}`
		state       = `{"CallbackCommand":"State.StateChange","EventTime":1795305600000,"Info":{"Action":"Login","To_Account":"a"}}`
		start       = `{"CallbackCommand":"Call.CallbackAfterStartCall","CallInfo":{"CallId":"c"}}`
		end         = `{"CallbackCommand":"Call.CallbackAfterEndCall","CallRecord":{"CallId":"c"}}`
		member      = `{"CallbackCommand":"Call.CallbackAfterMemberChanged","CallId":"c"}`
		groupRecall = `{"CallbackCommand":"Group.CallbackAfterRecallMsg","GroupId":"g"}`
	)
	type row struct{ name, body, field string }
	rows := []row{
		{"key and its parts", drop(drop(afterBody, "MsgKey"), "MsgRandom"), "MsgKey"},
		{"empty recipient", strings.Replace(afterBody, `"tommy"`, `""`, 1), "To_Account"},
		{"recipient is a list", strings.Replace(afterBody, `"tommy"`, `["tommy"]`, 1), "To_Account"},
		{"recipient is a fraction", strings.Replace(afterBody, `"tommy"`, `1.5`, 1), "To_Account"},
		{"recipient with a line break", strings.Replace(afterBody, `"tommy"`, `"a\nb"`, 1), "To_Account"},
		{"recipient that cannot be read", strings.Replace(afterBody, `"tommy"`, `"a\ufffd"`, 1), "To_Account"},
		{"endless recipient", strings.Replace(afterBody, `tommy`, strings.Repeat("t", 129), 1), "To_Account"},
		{"sequence too large", strings.Replace(afterBody, `"MsgSeq":1,`, `"MsgSeq":4294967296,`, 1), "MsgSeq"},
		{"negative sequence", strings.Replace(afterBody, `"MsgSeq":1,`, `"MsgSeq":-1,`, 1), "MsgSeq"},
		{"time in microseconds", strings.Replace(afterBody, `"MsgTime":1795305600`, `"MsgTime":1795305600123456`, 1), "MsgTime"},
		{"time is a fraction", strings.Replace(afterBody, `"MsgTime":1795305600`, `"MsgTime":1.5`, 1), "MsgTime"},
		{"endless topic", strings.Replace(group, `"GroupId"`, `"TopicId":"`+strings.Repeat("t", 129)+`","GroupId"`, 1), "TopicId"},
		{"state user", strings.Replace(state, `"To_Account"`, `"User"`, 1), "Info.To_Account"},
		{"call start", drop(start, "CallInfo"), "CallInfo.CallId"},
		{"call end", drop(end, "CallRecord"), "CallRecord.CallId"},
		{"recall of an endless topic", strings.Replace(groupRecall, `"GroupId"`, `"TopicId":"a\nb","GroupId"`, 1), "TopicId"},
	}
	for _, id := range []string{"tom\nmy", "tom\x00my", "tom\xe4\xbd", "\xcc\xc0\xc4\xb7", `tom\ud83d`, "tom\x7fmy"} {
		// Two of these are not the same id.
		rows = append(rows, row{fmt.Sprintf("recipient %q", id), strings.Replace(afterBody, "tommy", id, 1), "To_Account"})
	}
	for body, fields := range map[string]string{
		afterBody: "From_Account To_Account MsgTime", group: "GroupId From_Account MsgSeq MsgTime",
		read: "Report_Account Peer_Account LastReadTime", recall: "From_Account To_Account MsgKey",
		state: "EventTime", member: "CallId", groupRecall: "GroupId",
	} {
		for field := range strings.FieldsSeq(fields) {
			rows = append(rows, row{"no " + field, drop(body, field), field})
		}
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			command := regexp.MustCompile(`"CallbackCommand":"([^"]*)"`).FindStringSubmatch(c.body)[1]
			cb, err := im.Decode(commandQuery(command), []byte(c.body))
			field, ok := errors.AsType[*im.FieldError](err)
			if !ok || field.Field != c.field || field.Command != command || !strings.Contains(err.Error(), c.field) {
				t.Fatalf("error %v, want field %s", err, c.field)
			}
			if im.Reason(err) != "bad_field" || len(cb.Facts()) > 0 {
				t.Errorf("reason %s, facts %v", im.Reason(err), cb.Facts())
			}
		})
	}
}

func TestFactsLeaveOutReservedAccounts(t *testing.T) {
	for name, body := range map[string]string{
		"message to a bot":     strings.Replace(afterBody, "tommy", "@RBT#1", 1),
		"message to an office": strings.Replace(afterBody, "tommy", "@TOA#1", 1),
		"read by a bot":        `{"CallbackCommand":"C2C.CallbackAfterMsgReport","Report_Account":"@RBT#1","Peer_Account":"b","LastReadTime":1795305600}`,
		"recall from a bot":    `{"CallbackCommand":"C2C.CallbackAfterMsgWithDraw","From_Account":"a","To_Account":"@RBT#1","MsgKey":"k"}`,
		"bot signs in":         `{"CallbackCommand":"State.StateChange","EventTime":1795305600000,"Info":{"Action":"Login","To_Account":"@RBT#1"}}`,
	} {
		if facts := decode(t, body).Facts(); len(facts) > 0 {
			t.Errorf("%s: %d facts, want none", name, len(facts))
		}
	}
	cb := decode(t, strings.Replace(afterBody, "jared", "@TOA#1", 1))
	if len(cb.Facts()) != 1 {
		t.Error("a message from an official account gives no fact")
	}
}

// FuzzDecode: whatever comes, a decoded callback is the one that the query names, and its
// facts are complete and printable, and the same after they travelled as JSON, as they do
// when the store is away.
func FuzzDecode(f *testing.F) {
	for _, s := range readSamples(f) {
		f.Add(s.Query, s.body())
	}
	f.Add("CallbackCommand=C2C.CallbackAfterSendMsg", []byte(afterBody))
	f.Fuzz(func(t *testing.T, rawQuery string, body []byte) {
		q, err := url.ParseQuery(rawQuery)
		if err != nil {
			return
		}
		cb, err := im.Decode(q, body)
		if err != nil {
			if im.Reason(err) == "internal" {
				t.Fatalf("error without a reason: %v", err)
			}
			if len(cb.Facts()) > 0 {
				t.Fatal("a refused callback has facts")
			}
			return
		}
		if len(cb.Facts()) > 0 && cb.Command != q.Get("CallbackCommand") && q.Has("CallbackCommand") {
			t.Fatalf("decoded %q for %q", cb.Command, q.Get("CallbackCommand"))
		}
		facts := cb.Facts()
		for _, told := range facts {
			checkFact(t, told)
		}
		travelled, err := json.Marshal(facts)
		if err != nil || len(travelled) > 6*len(body)+4096 {
			t.Errorf("%d bytes became %d, %v", len(body), len(travelled), err)
		}
		var arrived []fact.Fact
		if err := json.Unmarshal(travelled, &arrived); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(facts, arrived, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-sent +arrived)\n%s", diff)
		}
		for _, c := range cb.Calls {
			if c.ID == "" || c.Phase == "" || c.Ring < 0 {
				t.Fatalf("call %+v", c)
			}
		}
	})
}

func checkFact(t *testing.T, f fact.Fact) {
	t.Helper()
	whole, called := false, []fact.UserID{"somebody"}
	switch {
	case f.Message != nil:
		m := f.Message
		whole = m.ID != "" && m.From != "" && m.To != "" && m.SentAt.Unix() > 0
		if utf8.RuneCountInString(m.Summary) > 200 || !utf8.ValidString(m.Summary) ||
			strings.ContainsAny(m.Summary, "\r\n\t\x00\u2028\u202e") || strings.TrimSpace(m.Summary) != m.Summary {
			t.Fatalf("summary %q", m.Summary)
		}
	case f.Read != nil:
		whole = f.Read.Reader != "" && f.Read.Peer != "" && f.Read.UpTo.Unix() > 0
	case f.Recall != nil:
		whole = f.Recall.ID != "" && f.Recall.From != "" && f.Recall.To != ""
	case f.Presence != nil:
		whole = f.Presence.User != "" && f.Presence.At.Unix() >= 0
	case f.GroupMessage != nil:
		m := f.GroupMessage
		whole = m.Group != "" && m.From != "" && m.SentAt.Unix() > 0 && m.Type != "AVChatRoom" && m.Type != "Live"
		called = append(slices.Clone(m.At), "!")
	case f.GroupRecall != nil:
		whole = f.GroupRecall.Group != "" && len(f.GroupRecall.Seqs) > 0
	case f.Ring != nil:
		r := f.Ring
		whole = r.Call != "" && r.Source != "" && !slices.Contains(r.Users, r.Caller) && r.For >= time.Second && r.For <= time.Minute
		called = r.Users
	case f.RingEnd != nil:
		r := f.RingEnd
		whole, called = r.Call != "" && r.Source != "" && r.How != "", r.Users
	}
	if !whole || len(called) == 0 || f.GroupMessage == nil && len(called) > 100 {
		t.Fatalf("fact %+v about %d users", f, len(called))
	}
	for i, user := range called {
		if user == "" || len(user) > 128 || strings.HasPrefix(string(user), "@") || slices.Contains(called[:i], user) {
			t.Fatalf("users %q", called)
		}
	}
}
