package simulator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

type answers = map[string]simulator.Answer

func TestDialogResults(t *testing.T) {
	s := newFixture(t)
	if err := s.WeChat.AddTemplate(simulator.Template{ID: "same", Title: "来电提醒", Content: "x:{{thing1.DATA}}"}); err != nil {
		t.Fatal(err)
	}
	if err := s.WeChat.AddTemplate(simulator.Template{ID: "banned", Title: "旧提醒", Content: "x:{{thing1.DATA}}"}); err != nil {
		t.Fatal(err)
	}
	if err := s.WeChat.BanTemplate("banned", true); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		answers answers
		want    simulator.DialogResult
		events  int
	}{
		"both": {answers{templateID: simulator.Accept, otherID: simulator.Reject}, simulator.DialogResult{
			Results: map[string]string{templateID: "accept", otherID: "reject"}, Shown: []string{templateID, otherID}}, 1},
		"with a stronger reminder": {answers{templateID: simulator.AcceptWithForcePush, otherID: "acceptOfTomorrow"}, simulator.DialogResult{
			Results: map[string]string{templateID: "acceptWithForcePush", otherID: "acceptOfTomorrow"}, Shown: []string{templateID, otherID}}, 1},
		"a word that nobody knows": {answers{templateID: "perhaps"}, simulator.DialogResult{
			Results: map[string]string{templateID: "perhaps"}, Shown: []string{templateID}}, 1},
		"refused": {answers{templateID: simulator.Reject}, simulator.DialogResult{
			Results: map[string]string{templateID: "reject"}, Shown: []string{templateID}}, 1},
		"same title": {answers{otherID: simulator.Accept, "same": simulator.Accept}, simulator.DialogResult{
			Results: map[string]string{otherID: "accept", "same": "filter"}, Shown: []string{otherID}}, 1},
		"banned":   {answers{"banned": simulator.Accept}, simulator.DialogResult{Results: map[string]string{"banned": "ban"}}, 0},
		"empty":    {answers{}, simulator.DialogResult{Code: 10001}, 0},
		"unknown":  {answers{"x": simulator.Accept}, simulator.DialogResult{Code: 20001}, 0},
		"mixed":    {answers{templateID: simulator.Accept, longTermID: simulator.Accept}, simulator.DialogResult{Code: 20002}, 0},
		"too many": {answers{"1": "", "2": "", "3": "", "4": "", "5": "", "6": ""}, simulator.DialogResult{Code: 20003}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			openID := "oUser, " + name
			if diff := cmp.Diff(tt.want, s.WeChat.TapDialog(openID, tt.answers)); diff != "" {
				t.Error(diff)
			}
			if got := len(s.inbox.take()); got != tt.events {
				t.Errorf("%d events, want %d", got, tt.events)
			}
			for id, answer := range tt.want.Results {
				if got, want := s.WeChat.Permits(openID, id), strings.HasPrefix(answer, "accept"); (got == 1) != want {
					t.Errorf("%d permits of %s, want one: %v", got, id, want)
				}
			}
		})
	}
}

func TestPermitsAccumulate(t *testing.T) {
	s := newFixture(t)
	if err := s.WeChat.Subscribe(user, templateID, 3); err != nil {
		t.Fatal(err)
	}
	if n := s.WeChat.Permits(user, templateID); n != 3 {
		t.Errorf("%d permits, want 3", n)
	}
	got := s.inbox.take()
	if len(got) != 3 {
		t.Fatalf("%d events, want 3", len(got))
	}
	for i, d := range got {
		if at := number(t, s.opened(d), "CreateTime"); at != start.Unix()+int64(i)-2 {
			t.Errorf("tap %d at %d, want one a second, the last now", i, at-start.Unix())
		}
	}
	s.WeChat.TapDialog(user, answers{templateID: simulator.Reject})
	if n := s.WeChat.Permits(user, templateID); n != 3 {
		t.Errorf("a refusal left %d permits, want 3", n)
	}
}

// What a mini program can ask about: only what is kept, and the main switch.
func TestSubscriptionsSetting(t *testing.T) {
	s := newFixture(t)
	s.WeChat.TapDialog(user, answers{templateID: simulator.KeepAccept, otherID: simulator.Accept})
	want := simulator.SubscriptionsSetting{MainSwitch: true, ItemSettings: map[string]string{templateID: "accept"}}
	is := func() {
		t.Helper()
		if diff := cmp.Diff(want, s.WeChat.SubscriptionsSetting(user)); diff != "" {
			t.Error(diff)
		}
	}
	is()
	s.WeChat.SwitchOff(user, otherID)
	want.ItemSettings[otherID] = "reject"
	is()
	if err := s.WeChat.BanTemplate(templateID, true); err != nil {
		t.Fatal(err)
	}
	want.ItemSettings[templateID] = "ban"
	is()
	s.WeChat.MainSwitch(user, false)
	want = simulator.SubscriptionsSetting{ItemSettings: map[string]string{}}
	is()
}

func TestKeptChoices(t *testing.T) {
	s := newFixture(t)
	s.WeChat.TapDialog(user, answers{templateID: simulator.KeepAccept, otherID: simulator.KeepReject})
	s.one()
	r := s.WeChat.TapDialog(user, answers{templateID: simulator.Reject, otherID: simulator.Accept})
	want := simulator.DialogResult{Results: map[string]string{templateID: "accept", otherID: "reject"}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("kept choices did not answer: %s", diff)
	}
	s.none()
	if n := s.WeChat.Permits(user, templateID); n != 2 {
		t.Errorf("%d permits, want one for each tap", n)
	}

	r = s.WeChat.SilentAccept("oOther", templateID)
	if r.Results[templateID] != "accept" || s.WeChat.Permits("oOther", templateID) != 1 {
		t.Errorf("silent accept: %+v", r)
	}
	s.none()
}

func TestSwitchOffAndOn(t *testing.T) {
	s := newFixture(t)
	s.subscribed(2)
	s.WeChat.SwitchOff(user, templateID)
	ev := s.opened(s.one())
	list := ev["List"].(map[string]any)
	if ev["Event"] != "subscribe_msg_change_event" || list["TemplateId"] != templateID || list["SubscribeStatusString"] != "reject" {
		t.Errorf("got %v", ev)
	}
	refused := func(when string) {
		t.Helper()
		if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 43101 {
			t.Errorf("%s: a send earns %d, want 43101", when, got)
		}
	}
	refused("off")
	if r := s.WeChat.TapDialog(user, answers{templateID: simulator.Accept}); r.Results[templateID] != "reject" {
		t.Errorf("a tap while off: %+v", r)
	}
	if r := s.WeChat.SilentAccept(user, templateID); r.Results[templateID] != "reject" {
		t.Errorf("a silent tap while off: %+v", r)
	}
	s.WeChat.SwitchOn(user, templateID)
	refused("on again, before a tap")
	s.none()
	s.WeChat.TapDialog(user, answers{templateID: simulator.Accept})
	if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 0 {
		t.Errorf("after a new tap a send earns %d", got)
	}
}

func TestMainSwitch(t *testing.T) {
	s := newFixture(t)
	s.subscribed(2)
	s.WeChat.MainSwitch(user, false)
	s.none()
	if r := s.WeChat.TapDialog(user, answers{templateID: simulator.Accept}); r.Code != 20004 {
		t.Errorf("got %+v, want 20004", r)
	}
	if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 43101 {
		t.Errorf("got %d, want 43101", got)
	}
	if err := s.WeChat.Subscribe(user, templateID, 1); err == nil {
		t.Error("Subscribe with the main switch off: no error")
	}
	s.WeChat.MainSwitch(user, true)
	s.subscribed(1)
	if got := code(t, s.send(sendBody(t, user, templateID, legal))); got != 0 {
		t.Errorf("switched on again: got %d", got)
	}
}
