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

func (s *fixture) text(from, to, text string) simulator.Sent {
	s.t.Helper()
	sent, err := s.IM.SendC2C(from, to, simulator.Text(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return sent
}

func TestAfterCallback(t *testing.T) {
	s := newFixture(t)
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
	s := newFixture(t)
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

func TestBlockedAndUnknown(t *testing.T) {
	s := newFixture(t)
	s.IM.Import("tommy", "")
	s.IM.Block("tommy", "spammer", true)
	for _, tt := range []struct {
		from, to string
		code     int
	}{{"spammer", "tommy", 20007}, {"jared", "nobody", 20003}, {"jared", "tommy", 0}} {
		_, err := s.IM.SendC2C(tt.from, tt.to, simulator.Text("hi"))
		wantCode(t, err, tt.code)
		m := s.callback("C2C.CallbackAfterSendMsg")
		if number(t, m, "SendMsgResult") != int64(tt.code) || (number(t, m, "UnreadMsgNum") == -1) != (tt.code != 0) {
			t.Errorf("After says %v", m)
		}
	}
	_, err := s.IM.SendC2C("jared", "tommy")
	wantCode(t, err, 90002)
}

func TestBeforeCallback(t *testing.T) {
	const allow = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`
	for name, tt := range map[string]struct {
		answer func(delivered) (int, string, error)
		faults []simulator.Fault
		code   int
	}{
		"allowed":    {answer: ok(allow)},
		"refused":    {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":1}`), code: 20006},
		"500":        {answer: func(delivered) (int, string, error) { return 500, "", nil }},
		"not JSON":   {answer: ok("success")},
		"lacks keys": {answer: ok(`{"ErrorCode":1}`)},
		"late":       {answer: ok(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":1}`), faults: []simulator.Fault{simulator.Delay(2 * time.Second)}},
		"lost":       {answer: ok(allow), faults: []simulator.Fault{simulator.Lose()}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFixture(t)
			s.IM.Switch("C2C.CallbackBeforeSendMsg", true)
			s.IM.Import("tommy", "")
			s.inbox.reply(func(d delivered) (int, string, error) {
				if d.query.Get("CallbackCommand") == "C2C.CallbackBeforeSendMsg" {
					return tt.answer(d)
				}
				return 200, allow, nil
			})
			s.Faults.Next("callback:C2C.CallbackBeforeSendMsg", 1, tt.faults...)
			_, err := s.IM.SendC2C("jared", "tommy", simulator.Text("hi"))
			wantCode(t, err, tt.code)
			got := s.callbacks()
			if name != "lost" {
				before := got[0]
				if before["CallbackCommand"] != "C2C.CallbackBeforeSendMsg" || before["SendMsgResult"] != nil || before["MsgKey"] == "" {
					t.Errorf("Before is %v", before)
				}
				if got = got[1:]; len(got) == 1 && (got[0]["MsgKey"] != before["MsgKey"] || got[0]["MsgId"] != before["MsgId"]) {
					t.Errorf("Before and After are of two messages: %v, %v", before, got[0])
				}
			}
			if want := map[bool]int{true: 1}[tt.code == 0]; len(got) != want || s.IM.Unread("tommy") != want {
				t.Errorf("%d After and %d unread, want %d", len(got), s.IM.Unread("tommy"), want)
			}
		})
	}
}

func ok(body string) func(delivered) (int, string, error) {
	return func(delivered) (int, string, error) { return 200, body, nil }
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
			s := newFixture(t, func(c *simulator.Config) { c.IM.CallbackRetries = tt.retries })
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
