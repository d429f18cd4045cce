package simulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

// wantCode fails unless err is an *Error of that code; 0 wants no error.
func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var refused *simulator.Error
	switch {
	case code == 0 && err != nil:
		t.Errorf("got %v, want no error", err)
	case code != 0 && (!errors.As(err, &refused) || refused.Code != code):
		t.Errorf("got %v, want code %d", err, code)
	}
}

func (s *stage) text(from, to, text string) simulator.Sent {
	s.t.Helper()
	sent, err := s.IM.SendC2C(from, to, simulator.Text(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return sent
}

func TestAfterCallback(t *testing.T) {
	s := newStage(t)
	s.clock.Advance(123 * time.Millisecond)
	s.IM.Import("tommy", "Tom")
	sent := s.text("jared", "tommy", "red packet")
	m := s.callback("C2C.CallbackAfterSendMsg")
	if m["MsgId"] == "" {
		t.Error("MsgId is empty")
	}
	delete(m, "MsgId")
	want := map[string]any{
		"CallbackCommand": "C2C.CallbackAfterSendMsg", "From_Account": "jared", "To_Account": "tommy",
		"MsgSeq": num(int64(sent.MsgSeq)), "MsgRandom": num(int64(sent.MsgRandom)), "MsgTime": num(1795305600),
		"MsgKey":         fmt.Sprintf("%d_%d_1795305600", sent.MsgSeq, sent.MsgRandom),
		"OnlineOnlyFlag": num(0), "SendMsgResult": num(0), "ErrorInfo": "send msg succeed", "UnreadMsgNum": num(1),
		"MsgBody":         []any{map[string]any{"MsgType": "TIMTextElem", "MsgContent": map[string]any{"Text": "red packet"}}},
		"CloudCustomData": "", "EventTime": num(1795305600123),
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	if sent.MsgKey != want["MsgKey"] || !sent.MsgTime.Equal(start) {
		t.Errorf("Sent is %+v", sent)
	}
}

func num(n int64) json.Number { return json.Number(fmt.Sprint(n)) }

func TestUnreadReadAndRecall(t *testing.T) {
	s := newStage(t)
	s.IM.Import("tommy", "")
	unread := func(want int) {
		t.Helper()
		if got := s.IM.Unread("tommy"); got != want {
			t.Errorf("%d unread, want %d", got, want)
		}
	}
	s.text("jared", "tommy", "1")
	s.clock.Advance(time.Second)
	second := s.text("jared", "tommy", "2")
	s.text("lily", "tommy", "3")
	unread(3)
	if _, err := s.IM.Send(simulator.C2CMessage{From: "jared", To: "tommy", Body: []simulator.Elem{simulator.Typing()}, OnlineOnly: true}); err != nil {
		t.Fatal(err)
	}
	got := s.callbacks()
	if m := got[len(got)-1]; number(t, m, "OnlineOnlyFlag") != 1 || number(t, m, "UnreadMsgNum") != 3 {
		t.Errorf("online-only says %v", m)
	}
	unread(3)

	wantCode(t, s.IM.Recall("jared", "tommy", second.MsgKey), 0)
	if m := s.callback("C2C.CallbackAfterMsgWithDraw"); m["MsgKey"] != second.MsgKey || number(t, m, "UnreadMsgNum") != 2 {
		t.Errorf("recall says %v", m)
	}
	wantCode(t, s.IM.Recall("jared", "tommy", second.MsgKey), 20023)
	wantCode(t, s.IM.Recall("jared", "tommy", "1_2_3"), 20022)

	s.IM.Read("tommy", "jared")
	m := s.callback("C2C.CallbackAfterMsgReport")
	want := map[string]any{"CallbackCommand": "C2C.CallbackAfterMsgReport", "Report_Account": "tommy", "Peer_Account": "jared",
		"LastReadTime": num(1795305601), "UnreadMsgNum": num(1), "EventTime": num(1795305601000)}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	s.IM.Read("tommy", "jared") // nothing new: no report
	s.none()

	late := s.text("jared", "tommy", "late")
	s.IM.Read("tommy", "jared")
	wantCode(t, s.IM.Recall("jared", "tommy", late.MsgKey), 0)
	unread(1) // it was read already
	old := s.text("jared", "tommy", "old")
	s.callbacks()
	s.clock.Advance(2*time.Minute + time.Second)
	wantCode(t, s.IM.Recall("jared", "tommy", old.MsgKey), 20016)
	s.none()
}

func TestAutoRead(t *testing.T) {
	s := newStage(t)
	s.IM.AutoRead("tommy", true)
	s.IM.SignIn("tommy", simulator.MiniProgram)
	s.callbacks()
	s.text("jared", "tommy", "seen at once")
	if got := s.callbacks(); len(got) != 2 || got[1]["CallbackCommand"] != "C2C.CallbackAfterMsgReport" {
		t.Errorf("got %v, want the message and its read report", got)
	}
	s.IM.Background("tommy") // Online for 30 s more, and nobody looks
	s.text("jared", "tommy", "not seen")
	s.callback("C2C.CallbackAfterSendMsg")
	s.status("tommy", simulator.Online)
}

func TestFailedMessages(t *testing.T) {
	s := newStage(t, func(c *simulator.Config) { c.IM.DirtyWords = []string{"dirty"} })
	s.IM.Import("tommy", "")
	s.IM.Block("tommy", "spammer", true)
	for name, tt := range map[string]struct {
		from, to, text string
		code           int
	}{
		"blocked":       {"spammer", "tommy", "hi", 20007},
		"dirty":         {"jared", "tommy", "a dirty word", 80001},
		"no such user":  {"jared", "nobody", "hi", 20003},
		"from outsider": {"jared", "tommy", "fine", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.IM.SendC2C(tt.from, tt.to, simulator.Text(tt.text))
			wantCode(t, err, tt.code)
			m := s.callback("C2C.CallbackAfterSendMsg")
			if number(t, m, "SendMsgResult") != int64(tt.code) || (number(t, m, "UnreadMsgNum") == -1) != (tt.code != 0) {
				t.Errorf("After says %v", m)
			}
		})
	}
	_, err := s.IM.SendC2C("jared", "tommy")
	wantCode(t, err, 90002)
}

func TestBeforeCallback(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(delivered) (int, string, error)
		faults []simulator.Fault
		hold   bool
		code   int
		after  string // text that After reports; empty: no After
	}{
		"allowed":     {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`), after: "hi"},
		"changed":     {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hello"}}],"CloudCustomData":"x"}`), after: "hello"},
		"refused":     {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":1}`), code: 20006},
		"own code":    {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"no","ErrorCode":120001}`), code: 120001},
		"500, open":   {answer: func(delivered) (int, string, error) { return 500, "", nil }, after: "hi"},
		"500, closed": {answer: func(delivered) (int, string, error) { return 500, "", nil }, hold: true, code: 80003},
		"not JSON":    {answer: ok("success"), hold: true, code: 80003},
		"lacks keys":  {answer: ok(`{"ErrorCode":0}`), hold: true, code: 80003},
		"late":        {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`), faults: []simulator.Fault{simulator.Delay(2 * time.Second)}, hold: true, code: 80003},
		"lost":        {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`), faults: []simulator.Fault{simulator.Lose()}, hold: true, code: 80003},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(c *simulator.Config) { c.IM.BeforeC2C, c.IM.HoldIfBeforeFails = true, tt.hold })
			s.IM.Import("tommy", "")
			s.inbox.reply(func(d delivered) (int, string, error) {
				if d.query.Get("CallbackCommand") == "C2C.CallbackBeforeSendMsg" {
					return tt.answer(d)
				}
				return 200, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`, nil
			})
			s.Faults.Next("callback:C2C.CallbackBeforeSendMsg", 1, tt.faults...)
			_, err := s.IM.SendC2C("jared", "tommy", simulator.Text("hi"))
			wantCode(t, err, tt.code)
			got := s.callbacks()
			if name != "lost" {
				if before := got[0]; before["CallbackCommand"] != "C2C.CallbackBeforeSendMsg" || before["SendMsgResult"] != nil || before["MsgKey"] == "" {
					t.Errorf("Before is %v", before)
				}
				got = got[1:]
			}
			if tt.after == "" {
				if len(got) != 0 || s.IM.Unread("tommy") != 0 {
					t.Errorf("a refused message led to %v and %d unread", got, s.IM.Unread("tommy"))
				}
				return
			}
			if len(got) != 1 || brief(got[0]) != tt.after {
				t.Errorf("After is %v, want text %q", got, tt.after)
			}
		})
	}
}

func ok(body string) func(delivered) (int, string, error) {
	return func(delivered) (int, string, error) { return 200, body, nil }
}

// brief is the text of a callback's first element.
func brief(m map[string]any) string {
	elem := m["MsgBody"].([]any)[0].(map[string]any)
	text, _ := elem["MsgContent"].(map[string]any)["Text"].(string)
	return text
}

func TestBeforeAndAfterShareTheKey(t *testing.T) {
	s := newStage(t)
	s.IM.Switch("C2C.CallbackBeforeSendMsg", true)
	s.IM.Import("tommy", "")
	s.text("jared", "tommy", "hi")
	got := s.callbacks()
	if len(got) != 2 || got[0]["MsgKey"] != got[1]["MsgKey"] || got[0]["MsgId"] != got[1]["MsgId"] {
		t.Errorf("got %v", got)
	}
}

func TestElements(t *testing.T) {
	s := newStage(t)
	s.IM.Import("tommy", "")
	_, err := s.IM.SendC2C("jared", "tommy", simulator.Text("a<b>&c"), simulator.Image(), simulator.Sound(7), simulator.Video(12),
		simulator.File("/tmp/报价单.pdf"), simulator.Face(1), simulator.Location("here", 29.3, 116.7), simulator.Custom(`{"x":1}`, "desc"))
	if err != nil {
		t.Fatal(err)
	}
	d := s.one()
	var types []string
	for _, e := range object(t, d.body)["MsgBody"].([]any) {
		types = append(types, e.(map[string]any)["MsgType"].(string))
	}
	want := []string{"TIMTextElem", "TIMImageElem", "TIMSoundElem", "TIMVideoFileElem", "TIMFileElem", "TIMFaceElem", "TIMLocationElem", "TIMCustomElem"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
}

func TestAfterCallbackRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		retries  int
		fault    simulator.Fault
		arrivals int
	}{
		"switch off":          {0, simulator.DropAfterSuccess(), 1},
		"switch on":           {2, simulator.DropAfterSuccess(), 3},
		"HTTP error, no wait": {2, simulator.HTTPStatus(500), 1}, // only time-outs are retried
		"duplicate":           {2, simulator.Duplicate(), 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(c *simulator.Config) { c.IM.CallbackRetries = tt.retries })
			s.IM.Import("tommy", "")
			s.Faults.Always("callback:C2C.CallbackAfterSendMsg", tt.fault)
			s.text("jared", "tommy", "hi")
			s.clock.Advance(time.Hour)
			got := s.inbox.take()
			if len(got) != tt.arrivals {
				t.Fatalf("%d arrivals, want %d", len(got), tt.arrivals)
			}
			for _, d := range got[1:] {
				if string(d.body) != string(got[0].body) {
					t.Error("a repetition differs from the first try")
				}
				if tt.retries > 0 && name == "switch on" && d.query.Get("RequestTime") == got[0].query.Get("RequestTime") {
					t.Error("a retry is not signed anew")
				}
			}
		})
	}
}
